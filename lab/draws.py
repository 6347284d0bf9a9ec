"""Seeded draws: numbers that depend on who draws what in which trial, and on nothing else.

A draw is a hash of (seed, scenario and fields, processes, trial, actor, name), never of guard, store or engine, so
guards are compared on the same delays and every engine meets the same trial. The mixing is the finalizer of
splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): a draw costs under
a microsecond, where seeding a generator for each actor of each trial would cost more than the trial.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


@cache
def key(*parts: str | int) -> int:
    """64 bits that depend on every part and on their order, the same in every process and Python."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big")


def mix(bits: int) -> int:
    """64 bits in which every bit depends on every bit of the argument."""
    bits = (bits + _GOLDEN) & _MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & _MASK
    return bits ^ (bits >> 31)


def mix_all(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """`mix` of every number in an array; uint64 wraps around as the mask does."""
    import numpy as np

    bits = bits + np.uint64(_GOLDEN)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def trial_seed(cell_key: int, trial: int) -> int:
    """The seed of one trial, a whole number of at most 63 bits (it is a column)."""
    return mix(cell_key ^ mix(trial)) >> 1


def trial_seeds(cell_key: int, trials: Sequence[int]) -> list[int]:
    """`trial_seed` of each of these trials."""
    import numpy as np

    mixed = mix_all(np.array(trials, dtype=np.uint64))
    return (mix_all(np.uint64(cell_key) ^ mixed) >> np.uint64(1)).tolist()  # type: ignore[no-any-return]


def uniform(seed: int, actor: int, name: str, index: int) -> float:
    """The `index`-th draw of this name by this actor in the trial with this seed, in [0, 1)."""
    return (mix(mix(seed ^ key(name)) ^ (actor << 32 | index)) >> 11) * 2.0**-53
