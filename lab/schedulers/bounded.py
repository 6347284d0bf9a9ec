"""Iterative context bounding: schedules with no preemption first, then those with one, with two, and so on.

Musuvathi and Qadeer, "Iterative context bounding for systematic testing of multithreaded programs", PLDI 2007. A
preemption takes the turn from an actor that could have gone on; most bugs need one or two. When no schedule of a round
was left out for its preemptions, every schedule was executed, and the search is a proof without a bound.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.scheduler import Departed, Operation


class Bounded:
    """Depth first within a bound, which grows by one when all within it are done, up to `bound` (None: to the end)."""

    asks_always = True

    def __init__(self, bound: int | None = None) -> None:
        self._last_bound = bound
        self.preemptions = 0
        """The bound of this round: all schedules with fewer are done."""
        self._choices: list[tuple[list[int], int, int]] = []
        """For each operation: the places to take, how many are taken, and the preemptions before it."""
        self._spent = 0
        self._depth = 0
        self._leaves_out = False
        self._is_started = False

    def begin(self) -> bool:
        """Go on to the next schedule of this round, or to the next round."""
        self._depth = self._spent = 0
        if not self._is_started:
            self._is_started = True
            return True
        while self._choices:
            places, taken, spent = self._choices.pop()
            if taken < len(places):
                self._choices.append((places, taken + 1, spent))
                return True
        if not self._leaves_out or self.preemptions == self._last_bound:
            return False
        self.preemptions += 1
        self._leaves_out = False
        return True

    def choose(self, enabled: Sequence[Operation], current: int | None) -> int:
        """Who runs goes on; then the others, as far as the bound allows."""
        own = [place for place, operation in enumerate(enabled) if operation.actor == current]
        if self._depth == len(self._choices):
            others = [place for place, operation in enumerate(enabled) if operation.actor != current]
            if own and others and self._spent == self.preemptions:
                self._leaves_out = True
                others = []
            self._choices.append((own + others, 1, self._spent))
        places, taken, _ = self._choices[self._depth]
        self._depth += 1
        place = places[taken - 1]
        if place >= len(enabled):
            raise Departed(f"operation {self._depth}: {len(enabled)} can be done, more could before")
        self._spent += bool(own) and place not in own
        return place

    def end(self, waiting: Sequence[Operation]) -> None:
        """Nothing is learnt from it."""

    @property
    def is_complete(self) -> bool:
        """True if the last round left nothing out: a proof without a bound."""
        return not self._leaves_out
