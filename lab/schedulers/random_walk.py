"""A random walk: each operation is drawn from those that can be done. Finds much, proves nothing."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from lab.scheduler import Operation


class RandomWalk:
    """Draws every choice; the same seed gives the same executions."""

    asks_always = True

    def __init__(self, seed: int) -> None:
        self._draw = Random(seed).random

    def begin(self) -> bool:
        """There is always a further execution."""
        return True

    def choose(self, enabled: Sequence[Operation], current: int | None) -> int:
        """Any of them, all as likely."""
        return int(self._draw() * len(enabled))

    def end(self, waiting: Sequence[Operation]) -> None:
        """Nothing is learnt from it."""
