"""Replay: the same operations by the same actors, one after the other; where that can't be, it says so."""

from __future__ import annotations

from collections.abc import Sequence

from lab.schedule import Choice, choice_of, listed
from lab.scheduler import Departed, Operation


class Replay:
    """Repeats recorded choices. Raises Departed where the program does something else than it did."""

    asks_always = True

    def __init__(self, choices: Sequence[Choice]) -> None:
        self._choices = choices
        self._depth = 0

    def begin(self) -> bool:
        """Once more from the start."""
        self._depth = 0
        return True

    def choose(self, enabled: Sequence[Operation], current: int | None) -> int:
        """The recorded operation; Departed if nobody announced it."""
        able = [choice_of(operation) for operation in enabled]
        if self._depth == len(self._choices):
            raise Departed(
                f"the schedule ends after operation {self._depth}, and there is more to do: {listed(enabled)}"
            )
        choice = self._choices[self._depth]
        if choice not in able:
            raise Departed(f"operation {self._depth + 1} should be: {choice}; what can be done is: {listed(enabled)}")
        self._depth += 1
        return able.index(choice)

    def end(self, waiting: Sequence[Operation]) -> None:
        """Departed if the execution was over before the schedule."""
        if self._depth < len(self._choices):
            choice = self._choices[self._depth]
            raise Departed(f"operation {self._depth + 1} should be: {choice}; but the execution was over")
