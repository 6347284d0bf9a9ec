"""Draws ahead of need: the first draw of each name, by every actor, for many trials in one go of numpy.

A draw costs a microsecond and a half in plain Python, and a trial of five buyers has ten. The numbers are those of
`lab.draws`, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from lab import draws


def first_draws(seeds: Sequence[int], actors: int, names: Iterable[str]) -> list[list[dict[str, float]]]:
    """The draws of index 0 by name, of each of so many actors, in each of the trials with these seeds."""
    import numpy as np

    known = list(names)
    rows = np.array(seeds, dtype=np.uint64)
    columns = np.arange(actors, dtype=np.uint64) << np.uint64(32)
    blocks: list[Any] = []
    for name in known:
        starts = draws.mix_all(rows ^ np.uint64(draws.key(name)))
        mixed = draws.mix_all(starts[:, None] ^ columns[None, :])
        blocks.append((mixed >> np.uint64(11)) * 2.0**-53)
    numbers = np.stack(blocks, axis=-1).tolist()
    return [[dict(zip(known, drawn, strict=True)) for drawn in row] for row in numbers]
