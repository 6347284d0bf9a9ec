"""Intervals for rates, medians and ratios of medians, and their text: plain numbers and arrays in, plain numbers out.

Knows nothing of trials, cells and tables. numpy and scipy are imported where they are needed, since a measuring process
asks for `sequential_interval` alone. scipy.stats never is: half a second, for what scipy.special has as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from lab.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Integers = NDArray[np.int64]

CONFIDENCE = 0.95
QUANTILE_COUNT = 201
REPLICATES = 1000
MOST_BINS = 1024
MOST_BLOCKS = 512

# Half the bins lie within this many standard errors of the median, where nearly all replicates find theirs.
_WINDOW = 8.0
_PROBE = 32
_SEED = 20240229
_MOST_DECIMALS = 15
# Equal clusters of which one has the only event give a design effect of 1 but for rounding.
_ROUNDING = 1e-9

Kind = Literal["exact", "clustered", "sequential"]


class RateInterval(NamedTuple):
    """Bounds of a rate, in [0, 1], and how they were found."""

    low: float
    high: float
    kind: Kind


class MedianInterval(NamedTuple):
    """A median and its bounds, in the unit of the values; nan where there are too few of them."""

    median: float
    low: float
    high: float


# Rates -------------------------------------------------------------------------------------------------------------


def clopper_pearson(events: ArrayLike, trials: ArrayLike, confidence: float = CONFIDENCE) -> tuple[Floats, Floats]:
    """Exact two-sided bounds of a binomial rate, elementwise; [0, 1] where there are no trials.

    Neither argument need be whole, so that an effective number of trials can be passed. Clopper and Pearson, "The use
    of confidence or fiducial limits illustrated in the case of the binomial", Biometrika 26 (1934), by beta quantiles.
    """
    import numpy as np
    from scipy.special import betaincinv

    k, n = np.asarray(events, dtype=float), np.asarray(trials, dtype=float)
    tail = (1 - confidence) / 2
    # The beta quantile is not defined at these ends, and the bound is known. The stand-in 1 keeps scipy quiet.
    is_lowest, is_highest = k <= 0, k >= n
    low = betaincinv(np.where(is_lowest, 1, k), np.where(is_lowest, 1, n - k + 1), tail)
    high = betaincinv(np.where(is_highest, 1, k + 1), np.where(is_highest, 1, n - k), 1 - tail)
    return np.where(is_lowest, 0.0, low), np.where(is_highest, 1.0, high)


def design_effect(events: ArrayLike, trials: ArrayLike) -> float:
    """How many times the variance of the overall rate exceeds that of independent trials; one element a cluster.

    1 where it can't be told: fewer than two clusters, or a rate of 0 or 1. The variance between clusters is that of the
    ratio estimator (Cochran, Sampling Techniques, 1977, chapter 6). Both variances are the unbiased ones: with the
    plain p (1 - p) / n a single event would already look clustered.
    """
    import numpy as np

    k, n = np.asarray(events, dtype=float), np.asarray(trials, dtype=float)
    k, n = k[n > 0], n[n > 0]
    total, clusters = n.sum(), n.size
    rate = k.sum() / total if total else 0.0
    if clusters < 2 or not 0 < rate < 1:
        return 1.0
    between = clusters / (clusters - 1) * np.square(k - rate * n).sum() / total**2
    return float(between / (rate * (1 - rate) / (total - 1)))


def rate_interval(events: ArrayLike, trials: ArrayLike, confidence: float = CONFIDENCE) -> RateInterval:
    """Bounds of the rate over all clusters, one element a cluster: exact, or wider where the clusters differ too much.

    Where the design effect exceeds 1, Clopper-Pearson on the effective number of trials, with the adjustment for the
    degrees of freedom, of Korn and Graubard, "Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data", Survey Methodology 24 (1998). Never narrower than the exact one.
    """
    import numpy as np

    k, n = np.asarray(events, dtype=float), np.asarray(trials, dtype=float)
    total, effect = float(n.sum()), design_effect(k, n)
    kind: Kind = "clustered" if effect > 1 + _ROUNDING else "exact"
    size = total if kind == "exact" else _effective_trials(total, effect, int((n > 0).sum()), confidence)
    rate = float(k.sum()) / total if total else 0.0
    low, high = clopper_pearson(k.sum() if kind == "exact" else rate * size, size, confidence)
    return RateInterval(float(low), float(high), kind)


def _effective_trials(trials: float, effect: float, clusters: int, confidence: float) -> float:
    from scipy.special import stdtrit

    level = (1 + confidence) / 2
    few = stdtrit(trials - 1, level) / stdtrit(clusters - 1, level)
    return float(trials / effect * few**2)


def sequential_interval(events: float, trials: float, confidence: float = CONFIDENCE) -> RateInterval:
    """Bounds of the rate of independent trials that hold at every number of trials at once: stop when you like.

    The rates that a Beta(1/2, 1/2) mixture of binomials does not beat by 1 / (1 - confidence) times: Robbins,
    "Statistical methods related to the law of the iterated logarithm", Ann. Math. Stat. 41 (1970), by Ville's
    inequality. The prior is Jeffreys', since a uniform one pays for rates near 1/2 with wide bounds near 0 and 1.
    Needs neither numpy nor scipy, and takes about 60 us.
    """
    if trials <= 0:
        return RateInterval(0.0, 1.0, "sequential")
    rest = trials - events
    # log of the mixture's likelihood, less the evidence that it takes to exclude a rate.
    mixture = _log_beta(0.5 + events, 0.5 + rest) - _log_beta(0.5, 0.5) + math.log1p(-confidence)

    def is_excluded(rate: float) -> bool:
        return mixture > events * math.log(rate) + rest * math.log1p(-rate)

    best = events / trials
    low = _last(is_excluded, 0.0, best) if events > 0 else 0.0
    high = _last(is_excluded, 1.0, best) if rest > 0 else 1.0
    return RateInterval(low, high, "sequential")


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def _last(is_excluded: Callable[[float], bool], outside: float, inside: float) -> float:
    """The last excluded number on the way from `outside` to `inside`, by bisection until doubles run out."""
    while (middle := (outside + inside) / 2) not in (outside, inside):
        if is_excluded(middle):
            outside = middle
        else:
            inside = middle
    return outside


def trials_needed(probability: float, confidence: float = CONFIDENCE) -> int:
    """Trials after which an event of this probability has been seen at least once, with this confidence.

    UsageError unless 0 < probability <= 1 and 0 < confidence < 1.
    """
    if not 0 < probability <= 1 or not 0 < confidence < 1:
        raise UsageError(
            f"trials for an event of probability {probability} with confidence {confidence}: expected a probability "
            "above 0 and a confidence between 0 and 1. Try probability 0.001 with confidence 0.95."
        )
    if probability == 1:
        return 1
    # A quotient that is whole but for rounding is whole: 0.5 seen with confidence 0.75 takes 2, not 3.
    return max(1, math.ceil(math.log1p(-confidence) / math.log1p(-probability) * (1 - 1e-12)))


def upper_bound_after_none(trials: int, confidence: float = CONFIDENCE) -> float:
    """The rate that an event not seen in this many trials has at most: the upper end of its exact interval.

    The interval is two-sided, so this is about 3.7 / n, and not the 3 / n of the one-sided "rule of three": the same
    data must not be printed with two different bounds.
    """
    if trials <= 0:
        return 1.0
    return -math.expm1(math.log((1 - confidence) / 2) / trials)


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


# Text --------------------------------------------------------------------------------------------------------------


def rate_text(rate: float, low: float, high: float) -> str:
    """A rate with its bounds in percent, such as `97.1 % [95.8, 98.1]`; all three are in [0, 1], or nan for unknown.

    Bounds are rounded outward, to two digits of the interval's width. What is not 0 or 100 % is never printed as that.
    """
    if math.isnan(low) or math.isnan(high):
        return "unknown"
    decimals = _decimals(high - low)
    middle = "unknown" if math.isnan(rate) else f"{_percent(rate, decimals, ROUND_HALF_EVEN)} %"
    return f"{middle} [{_percent(low, decimals, ROUND_FLOOR)}, {_percent(high, decimals, ROUND_CEILING)}]"


def at_most_text(high: float) -> str:
    """An upper bound in percent, such as `at most 0.074 %`, rounded up to two digits."""
    return f"at most {_percent(high, _decimals(high), ROUND_CEILING)} %"


def _decimals(width: float) -> int:
    """The decimals that show two digits of a width, in percent."""
    return min(max(0, -1 - Decimal(repr(float(width))).adjusted()), _MOST_DECIMALS) if width > 0 else 0


def _percent(rate: float, decimals: int, rounding: str) -> str:
    # The decimal that a float is printed as: with its exact value, a bound of 0.1 would be rounded up to 10.1 %.
    exact = Decimal(repr(float(rate))) * 100
    if exact in (0, 100):
        return f"{exact:.0f}"
    shown = exact.quantize(Decimal(1).scaleb(-decimals), rounding)
    if shown in (0, 100):
        shown = exact.quantize(Decimal(1).scaleb(-_decimals(min(rate, 1 - rate))), rounding)
    return f"{shown:f}"
