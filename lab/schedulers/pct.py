"""Probabilistic concurrency testing: random priorities, which change at a few random moments.

Burckhardt, Kothari, Musuvathi and Nagarakatte, "A randomized scheduler with probabilistic guarantees of finding bugs",
ASPLOS 2010. With n actors and at most k operations an execution shows a bug of depth d (one that d orderings of two
operations are enough for) with a probability of at least 1 / (n k^(d-1)), however the program is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from lab.scheduler import Operation


class Pct:
    """Runs whoever has the highest priority; `depth` - 1 times in an execution the one who runs falls to the last.

    Where the paper is told n and k, this takes the most that it has seen: the first execution has no change.
    """

    asks_always = True

    def __init__(self, seed: int, depth: int = 3) -> None:
        self.depth = depth
        self._random = Random(seed)
        self._priorities: dict[int, float] = {}
        self._changes: dict[int, int] = {}
        self._operations = 0
        self._most_operations = 0
        self._most_actors = 1

    def begin(self) -> bool:
        """Draw new moments of change; there is always a further execution."""
        self._most_operations = max(self._most_operations, self._operations)
        self._operations = 0
        self._priorities = {}
        moments = min(self.depth - 1, self._most_operations)
        drawn = self._random.sample(range(self._most_operations), moments)
        self._changes = {moment: -1 - place for place, moment in enumerate(drawn)}
        return True

    def choose(self, enabled: Sequence[Operation], current: int | None) -> int:
        """The operation of the actor with the highest priority; of two that are its own, either."""
        for operation in enabled:
            if operation.actor not in self._priorities:
                self._priorities[operation.actor] = self._random.random()
        change = self._changes.get(self._operations)
        if change is not None:
            first = max(enabled, key=lambda operation: self._priorities[operation.actor])
            self._priorities[first.actor] = change
        self._operations += 1
        self._most_actors = max(self._most_actors, len(self._priorities))
        highest = max(self._priorities[operation.actor] for operation in enabled)
        places = [place for place, operation in enumerate(enabled) if self._priorities[operation.actor] == highest]
        return places[0] if len(places) == 1 else self._random.choice(places)

    def end(self, waiting: Sequence[Operation]) -> None:
        """Nothing is learnt from it."""

    def chance(self) -> float:
        """The least probability that an execution shows a bug of this depth, as far as the program was seen."""
        operations = max(self._most_operations, self._operations, 1)
        return 1.0 / (self._most_actors * float(operations) ** (self.depth - 1))
