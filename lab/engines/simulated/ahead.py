"""Delays drawn ahead of need: the first of each, by every actor, for many trials in one go of numpy.

A draw costs a microsecond and a half in plain Python, and a trial of five buyers has ten. The numbers are those of
`lab.draws` and of the delay's quantile, to the last bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from typing import Any

from lab import draws
from lab.delays import Delay

Ready = dict[int, float]
"""Seconds by the identity of the delay: a delay of the same name may be another one, such as half of it."""


def first_delays(seeds: Sequence[int], actors: int, delays: Sequence[Delay]) -> list[list[Ready]]:
    """What each of so many actors draws first of each delay, in each of the trials with these seeds."""
    import numpy as np

    rows = np.array(seeds, dtype=np.uint64)
    columns = np.arange(actors, dtype=np.uint64) << np.uint64(32)
    blocks: list[Any] = []
    for delay in delays:
        if delay.kind == "constant":
            blocks.append(np.full((len(seeds), actors), delay.low))
            continue
        starts = draws.mix_all(rows ^ np.uint64(draws.key(delay.name)))
        drawn = (draws.mix_all(starts[:, None] ^ columns[None, :]) >> np.uint64(11)) * 2.0**-53
        if delay.kind == "uniform":
            drawn = delay.low + (delay.high - delay.low) * drawn
        else:
            drawn = np.array([[delay.quantile(number) for number in row] for row in drawn.tolist()])
        blocks.append(drawn)
    keys = [id(delay) for delay in delays]
    seconds = np.stack(blocks, axis=-1).tolist()
    return [list(map(dict, map(zip, repeat(keys), row))) for row in seconds]
