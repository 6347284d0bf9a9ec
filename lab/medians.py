"""Medians and ratios of medians, with their intervals, and quantiles: plain arrays in, plain numbers out.

Knows nothing of trials, cells and tables.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from lab.statistics import CONFIDENCE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

QUANTILE_COUNT = 201
REPLICATES = 1000
MOST_BINS = 1024
MOST_BLOCKS = 512
# Half the bins lie within this many standard errors of the median, where nearly all replicates find theirs.
_WINDOW = 8.0
_PROBE = 32
_SEED = 20240229


class MedianInterval(NamedTuple):
    """A median and its bounds, in the unit of the values; nan where there are too few of them."""

    median: float
    low: float
    high: float


# Medians and quantiles ---------------------------------------------------------------------------------------------


def median_ranks(count: int, confidence: float = CONFIDENCE) -> tuple[int, int] | None:
    """The ranks, from 1, of the order statistics that hold the median between them; None if `count` is too small.

    Distribution-free: the number of values below the median is binomial with 1/2 (David and Nagaraja, Order
    Statistics, 2003, section 7.1). 95 % takes at least 6 values.
    """
    from scipy.special import betainc

    tail = (1 - confidence) / 2
    rank, too_high = 0, count // 2 + 1
    while too_high - rank > 1:
        middle = (rank + too_high) // 2
        # The probability that fewer than `middle` values lie below the median.
        if betainc(count - middle + 1, middle, 0.5) <= tail:
            rank = middle
        else:
            too_high = middle
    return (rank, count + 1 - rank) if rank else None


def median_interval(ordered: Floats, confidence: float = CONFIDENCE) -> MedianInterval:
    """The median of values in ascending order, without nan, with a distribution-free interval."""
    count = ordered.size
    if count == 0:
        return MedianInterval(math.nan, math.nan, math.nan)
    median = float(ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    ranks = median_ranks(count, confidence)
    if ranks is None:
        return MedianInterval(median, math.nan, math.nan)
    return MedianInterval(median, float(ordered[ranks[0] - 1]), float(ordered[ranks[1] - 1]))


def probabilities() -> Floats:
    """The probabilities of the quantiles: 0, 0.005, …, 1."""
    import numpy as np

    return np.arange(QUANTILE_COUNT) / (QUANTILE_COUNT - 1)


def quantiles(ordered: Floats, at: ArrayLike) -> Floats:
    """Quantiles of values in ascending order, without nan, interpolated as numpy does; nan if there are no values."""
    import numpy as np

    places = np.asarray(at, dtype=float) * (ordered.size - 1)
    if ordered.size == 0:
        return np.full(places.shape, np.nan)
    below = np.floor(places).astype(np.int64)
    above = np.minimum(below + 1, ordered.size - 1)
    return np.asarray(ordered[below] + (places - below) * (ordered[above] - ordered[below]))


# Ratios of medians -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class BlockSketch:
    """How the values of each block are distributed: what a bootstrap of the median needs, whatever their number.

    `at_most[i, j]` counts the values of block `blocks[i]` that are at most `edges[j]`; the last edge is the largest.
    With many blocks, those whose numbers agree but for the last `shift` bits are one.
    """

    blocks: Integers
    shift: int
    edges: Floats
    at_most: NDArray[np.int32]


def block_sketch(values: Floats, blocks: Integers, ordered: Floats) -> BlockSketch:
    """The sketch of values without nan, the number of each one's block, and the same values in ascending order.

    Exact up to 1024 distinct values; beyond that half the edges are spread over all of them and half close to the
    median, a thirtieth of its standard error apart. At most 2 MB.
    """
    import numpy as np

    names, shift, groups = _grouped(values, blocks)
    edges = _edges(groups, ordered)
    at_most = [np.searchsorted(group, edges, side="right") for group in groups]
    return BlockSketch(names, shift, edges, np.array(at_most, dtype=np.int32).reshape(names.size, edges.size))


def median_ratio_interval(
    over: BlockSketch, under: BlockSketch, confidence: float = CONFIDENCE, replicates: int = REPLICATES
) -> tuple[float, float]:
    """Bounds of the median of `over` divided by that of `under`; nan if they have fewer than 2 blocks in common.

    Resamples the blocks that both have, together, since equal blocks saw equal delays (and trials of one block are not
    independent). Percentiles of few blocks are too narrow: those of two have three different resamples, and would hold
    the ratio half the time. So they are stretched about the estimate, on a log scale, by `stretch`. The same data give
    the same bounds. A median of 0 makes bounds that are infinite or nan.
    """
    import numpy as np

    shift = max(over.shift, under.shift)
    over, under = _coarser(over, shift), _coarser(under, shift)
    common, rows_over, rows_under = np.intersect1d(over.blocks, under.blocks, assume_unique=True, return_indices=True)
    if common.size < 2:
        return math.nan, math.nan
    weights = _resamples(common.size, replicates)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = _medians(weights, over, rows_over) / _medians(weights, under, rows_under)
        # The first draws each block once: it is the estimate.
        tails = (1 - confidence) / 2, (1 + confidence) / 2
        low, high = (
            np.quantile(ratios[1:], tails[0], method="lower"),
            np.quantile(ratios[1:], tails[1], method="higher"),
        )
        power = stretch(common.size, confidence)
        stretched = ratios[0] * (np.array([low, high]) / ratios[0]) ** power
    return float(np.minimum(low, stretched[0])), float(np.maximum(high, stretched[1]))


def stretch(blocks: int, confidence: float = CONFIDENCE) -> float:
    """How many times as wide as its percentiles a bootstrap interval must be: resamples of few blocks vary too little.

    The normal quantile becomes Student's, and the variance the unbiased one: Hesterberg, "What teachers should know
    about the bootstrap", The American Statistician 69 (2015). He takes percentiles further out instead, which does not
    help where there are none: of 3 blocks those hold the ratio 76 % of the time, these 95 %.
    """
    from scipy.special import ndtri, stdtrit

    level = (1 + confidence) / 2
    return float(stdtrit(blocks - 1, level) / ndtri(level)) * math.sqrt(blocks / (blocks - 1))


def _grouped(values: Floats, blocks: Integers) -> tuple[Integers, int, list[Floats]]:
    """The numbers of at most `MOST_BLOCKS` blocks, the bits dropped from them, and each one's values in order."""
    import numpy as np

    # Stable, since that takes no time where trials come block by block, as they do.
    order = np.argsort(blocks, kind="stable")
    names, starts = np.unique(blocks[order], return_index=True)
    shift = 0
    while names.size > MOST_BLOCKS:
        # By a power of two, so that a sketch with more blocks can be made to agree with one that has fewer.
        shift += 1
        names, firsts = np.unique(names >> 1, return_index=True)
        starts = starts[firsts]
    groups = np.split(values[order], starts[1:]) if names.size else []
    return names, shift, [np.sort(group) for group in groups]


def _edges(groups: Sequence[Floats], ordered: Floats) -> Floats:
    import numpy as np

    count = ordered.size
    if count <= MOST_BINS:
        return np.unique(ordered)
    middle = (count - 1) / 2
    spread = _WINDOW * _rank_error(groups, ordered)
    everywhere = np.linspace(0, count - 1, MOST_BINS // 2)
    nearby = np.linspace(max(0.0, middle - spread), min(count - 1.0, middle + spread), MOST_BINS // 2)
    return np.unique(ordered[np.concatenate([everywhere, nearby]).astype(np.int64)])


def _rank_error(groups: Sequence[Floats], ordered: Floats) -> float:
    """The standard error of the median's rank, from how the blocks differ in the share of values up to it."""
    import numpy as np

    median = ordered[ordered.size // 2]
    sizes = np.array([group.size for group in groups])
    below = np.array([np.searchsorted(group, median, side="right") for group in groups])
    differences = below - sizes * (below.sum() / sizes.sum())
    return math.sqrt(max(ordered.size / 4, float(np.square(differences).sum())))


def _coarser(sketch: BlockSketch, shift: int) -> BlockSketch:
    import numpy as np

    if sketch.shift == shift or sketch.blocks.size == 0:
        return sketch
    names, starts = np.unique(sketch.blocks >> (shift - sketch.shift), return_index=True)
    return BlockSketch(names, shift, sketch.edges, np.add.reduceat(sketch.at_most, starts, axis=0))


@lru_cache(maxsize=16)
def _resamples(blocks: int, replicates: int) -> Floats:
    """How often each block is drawn: once each in the first row, then a row a replicate. Read-only by agreement."""
    import numpy as np

    generator = np.random.default_rng(_SEED)
    drawn = generator.multinomial(blocks, np.full(blocks, 1 / blocks), size=replicates)
    return np.vstack([np.ones(blocks), drawn])


def _medians(weights: Floats, sketch: BlockSketch, rows: Integers) -> Floats:
    """The median of each replicate: the value, or the mean of the two, up to which half of its values lie."""
    # Adding up over blocks and adding up over bins commute, so the sketch has done the second once for all replicates.
    at_most = sketch.at_most[rows].astype(float)
    half = (weights @ at_most[:, -1:]) / 2
    first, last = _columns_with_medians(weights, at_most, half)
    drawn = weights @ at_most[:, first:last]
    lower, upper = (drawn < half).sum(axis=1), (drawn <= half).sum(axis=1)
    medians: Floats = (sketch.edges[first + lower] + sketch.edges[first + upper]) / 2
    return medians


def _columns_with_medians(weights: Floats, at_most: Floats, half: Floats) -> tuple[int, int]:
    """The columns that some replicate's median may lie in: a few probes save most of the large matrix product."""
    probed = weights @ at_most[:, _PROBE - 1 :: _PROBE]
    # Up to the last probe that is below all medians, and from the first that is above them all, there is none.
    first = int((probed < half).all(axis=0).sum())
    last = int((~(probed > half).all(axis=0)).sum()) + 1
    return first * _PROBE, min(last * _PROBE, at_most.shape[1])
