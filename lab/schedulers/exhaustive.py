"""Every schedule, depth first: no reduction, so it is the yardstick of those that reduce."""

from __future__ import annotations

from collections.abc import Sequence

from lab.scheduler import Departed, Operation


class Exhaustive:
    """At each operation, all that can be done, one execution after the other."""

    asks_always = True

    def __init__(self) -> None:
        self._taken: list[int] = []
        self._open: list[int] = []
        """For each operation of the last execution: which was taken, of how many."""
        self._depth = 0
        self._is_started = False

    def begin(self) -> bool:
        """Go on to the next of the deepest choice that has a further one."""
        self._depth = 0
        if not self._is_started:
            self._is_started = True
            return True
        while self._taken:
            self._taken[-1] += 1
            if self._taken[-1] < self._open[-1]:
                return True
            self._taken.pop()
            self._open.pop()
        return False

    def choose(self, enabled: Sequence[Operation], current: int | None) -> int:
        """As before down to the choice that is new, and the first of all from there on."""
        depth = self._depth
        self._depth += 1
        if depth == len(self._taken):
            self._taken.append(0)
            self._open.append(len(enabled))
        elif len(enabled) != self._open[depth]:
            raise Departed(f"operation {depth + 1}: {len(enabled)} can be done, {self._open[depth]} could before")
        return self._taken[depth]

    def end(self, waiting: Sequence[Operation]) -> None:
        """Nothing is learnt from it."""

    def share_done(self) -> float:
        """What part of the tree of choices lies behind, if subtrees were of one size; from 0 to 1."""
        done, weight = 0.0, 1.0
        for taken, width in zip(self._taken, self._open, strict=True):
            weight /= width
            done += taken * weight
        return done
