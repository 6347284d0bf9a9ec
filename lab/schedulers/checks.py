"""Schedulers around schedulers: what was taken, a budget, and whether a program repeats itself."""

from __future__ import annotations

import time
from collections.abc import Sequence

from lab.scheduler import Cut, Departed, Key, Operation, Scheduler


class Metrics:
    """Keeps what the execution at hand took, and counts its preemptions and all executions.

    A preemption takes the turn from an actor that could have gone on.
    """

    asks_always = True

    def __init__(self, inner: Scheduler) -> None:
        self._inner = inner
        self.executions = 0
        self.deepest = 0
        """The most operations of an execution."""
        self.taken: list[Operation] = []
        self.preempted: list[int] = []
        """Where in `taken` the preemptions are."""

    def begin(self) -> bool:
        """As the inner one."""
        if not self._inner.begin():
            return False
        self.executions += 1
        self.taken, self.preempted = [], []
        return True

    def choose(self, enabled: Sequence[Operation], current: int | None) -> int:
        """As the inner one."""
        place = self._inner.choose(enabled, current)
        operation = enabled[place]
        if operation.actor != current and any(other.actor == current for other in enabled):
            self.preempted.append(len(self.taken))
        self.taken.append(operation)
        return place

    @property
    def preemptions(self) -> int:
        """Those of the execution at hand."""
        return len(self.preempted)

    def end(self, waiting: Sequence[Operation]) -> None:
        """As the inner one."""
        self.deepest = max(self.deepest, len(self.taken))
        self._inner.end(waiting)


class Budget:
    """Ends the search after so many executions or seconds; `spent` says which, and is empty while there is some left.

    `used_s` of the seconds are gone already.

    The time is looked at before each execution, and every few operations of a long one, so that it does not overrun.
    """

    asks_always = True

    def __init__(self, inner: Scheduler, executions: int | None, seconds: float | None, used_s: float = 0.0) -> None:
        self._inner = inner
        self._left = executions
        self._executions = executions
        self._seconds = seconds
        self._end = None if seconds is None else time.monotonic() + seconds - used_s
        self._operations = 0
        self.spent = ""

    def begin(self) -> bool:
        """As the inner one, while there is budget."""
        if not self._inner.begin():
            return False
        if self._left is not None:
            if self._left == 0:
                self.spent = f"the budget of {self._executions:,} executions is spent"
                return False
            self._left -= 1
        return not self._is_late()

    def choose(self, enabled: Sequence[Operation], current: int | None) -> int:
        """As the inner one, while there is time."""
        self._operations += 1
        if self._operations % _LOOKS_EVERY == 0 and self._is_late():
            raise Cut
        return self._inner.choose(enabled, current)

    def end(self, waiting: Sequence[Operation]) -> None:
        """As the inner one, which must not learn from an execution that time ended."""
        if not self.spent:
            self._inner.end(waiting)

    def _is_late(self) -> bool:
        if self._end is not None and time.monotonic() > self._end:
            self.spent = f"the budget of {self._seconds:g} s is spent"
        return bool(self.spent)


_LOOKS_EVERY = 64


class RunTwice:
    """Repeats some executions, the first ones and few of the others, and raises Departed if one does not repeat itself.

    So a body that reads a clock, or draws by itself, is noticed. `is_repetition` while an execution is one.
    """

    asks_always = True

    def __init__(self, inner: Scheduler, first: int = 5, every: int = 1000) -> None:
        self._inner = inner
        self._first, self._every = first, every
        self._executions = 0
        self._seen: list[tuple[tuple[Operation, ...], int]] = []
        self._is_noting = self._is_due = self._was_cut = False
        self.is_repetition = False

    def begin(self) -> bool:
        """The last execution once more, or the inner one's next."""
        self.is_repetition, self._is_due = self._is_due, False
        self._depth = 0
        if self.is_repetition:
            return True
        if not self._inner.begin():
            return False
        self._executions += 1
        self._is_noting = self._executions <= self._first or self._executions % self._every == 0
        self._seen = []
        self._was_cut = False
        return True

    def choose(self, enabled: Sequence[Operation], current: int | None) -> int:
        """As the inner one, or as before."""
        if self.is_repetition:
            return self._repeated(enabled)
        try:
            place = self._inner.choose(enabled, current)
        except Cut:
            self._was_cut = True
            raise
        if self._is_noting:
            self._seen.append((tuple(enabled), place))
        return place

    def end(self, waiting: Sequence[Operation]) -> None:
        """As the inner one; a repetition must end where the first run did."""
        if not self.is_repetition:
            self._is_due = self._is_noting
            self._inner.end(waiting)
        elif self._depth < len(self._seen):
            raise Departed(f"operation {self._depth + 1} was done the first time, and the second time all was over")

    def _repeated(self, enabled: Sequence[Operation]) -> int:
        if self._depth == len(self._seen):
            if self._was_cut:
                raise Cut
            raise Departed(f"the second time there was an operation {self._depth + 1}, and the first time none")
        before, place = self._seen[self._depth]
        self._depth += 1
        if tuple(enabled) != before:
            first, second = ({operation.key: operation for operation in operations} for operations in (before, enabled))
            key = next((key for key in {**first, **second} if first.get(key) != second.get(key)), before[0].key)
            raise Departed(
                f"operation {self._depth}: the first time {_text(key, first.get(key))}, the second time "
                f"{_text(key, second.get(key))}"
            )
        return place


def _text(key: Key, operation: Operation | None) -> str:
    if operation is None:
        return f"actor {key[0]} could do nothing"
    return f"actor {operation.actor} would {' '.join((operation.kind, *operation.objects))} {operation.line}".rstrip()
