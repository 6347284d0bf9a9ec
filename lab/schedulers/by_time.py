"""Virtual time: the engine's clock says who is ready first, and this breaks the ties."""

from __future__ import annotations

from collections.abc import Sequence

from lab import draws
from lab.scheduler import Operation

# Knuth's linear congruential generator for 64 bits (MMIX), of which the upper half is used: a tie costs a quarter of
# what a mixed draw would, and there are many in a trial.
_FACTOR, _STEP, _MASK = 6364136223846793005, 1442695040888963407, (1 << 64) - 1


class ByTime:
    """Chooses among the operations that are ready first: by a draw, or by actor number without a seed."""

    asks_always = False

    def __init__(self, seed: int | None) -> None:
        self._start = None if seed is None else draws.mix(seed)
        self._state = self._start

    def begin(self) -> bool:
        """There is always a further execution."""
        self._state = self._start
        return True

    def choose(self, enabled: Sequence[Operation], current: int | None) -> int:
        """One of them, since an engine on which time orders shows only those that are ready first."""
        if self._state is None:
            return min(range(len(enabled)), key=lambda place: enabled[place].actor)
        self._state = state = self._state * _FACTOR + _STEP & _MASK
        return (state >> 32) * len(enabled) >> 32

    def end(self, waiting: Sequence[Operation]) -> None:
        """Nothing is learnt from it."""
