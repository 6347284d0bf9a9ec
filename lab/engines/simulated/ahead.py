"""Draws ahead of need: the first draw of a name, by every actor, for many trials in one go of numpy.

A draw costs a microsecond and a half in plain Python, and a trial of five buyers has ten. The numbers are those of
`lab.draws`, to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab import draws


class DrawsAhead:
    """First draws (those of index 0) of so many actors, for the trials with these seeds."""

    def __init__(self, seeds: Sequence[int], actors: int) -> None:
        self._seeds = seeds
        self._actors = actors
        self._blocks: dict[str, list[list[float]]] = {}

    def of(self, row: int, name: str) -> list[float]:
        """What each actor draws by this name in the trial with the seed in this row."""
        block = self._blocks.get(name)
        if block is None:
            block = self._blocks[name] = self._block(name)
        return block[row]

    def _block(self, name: str) -> list[list[float]]:
        import numpy as np

        seeds = np.array(self._seeds, dtype=np.uint64)
        actors = np.arange(self._actors, dtype=np.uint64) << np.uint64(32)
        starts = draws.mix_all(seeds ^ np.uint64(draws.key(name)))
        mixed = draws.mix_all(starts[:, None] ^ actors[None, :])
        return ((mixed >> np.uint64(11)) * 2.0**-53).tolist()  # type: ignore[no-any-return]
