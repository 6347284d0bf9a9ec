"""Intervals for rates, and their text: plain numbers and arrays in, plain numbers out.

Knows nothing of trials, cells and tables. numpy and scipy are imported where they are needed, since a measuring process
asks for `sequential_interval` alone. scipy.stats never is: half a second, for what scipy.special has as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple

from lab.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]

CONFIDENCE = 0.95

_MOST_DECIMALS = 15
_DUST = 1e-15
"""What rounding may leave of 0: no rate is that small."""
# Equal clusters of which one has the only event give a design effect of 1 but for rounding.
_ROUNDING = 1e-9

Kind = Literal["exact", "clustered", "sequential", "sequential clustered"]


class RateInterval(NamedTuple):
    """Bounds of a rate, in [0, 1], and how they were found."""

    low: float
    high: float
    kind: Kind


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


def rate_interval(
    events: ArrayLike, trials: ArrayLike, confidence: float = CONFIDENCE, is_sequential: bool = False
) -> RateInterval:
    """Bounds of the rate over all clusters, one element a cluster: exact, or wider where the clusters differ too much.

    Where the design effect exceeds 1, Clopper-Pearson on the effective number of trials, with the adjustment for the
    degrees of freedom, of Korn and Graubard, "Confidence intervals for proportions with small expected number of
    positive counts estimated from survey data", Survey Methodology 24 (1998). Never narrower than the exact one.
    Of trials that are stopped by what they show, the sequential interval takes the place of Clopper-Pearson's. Where
    clusters differ it then holds about as often as it says, and not exactly: the design effect is an estimate.
    """
    count, size, is_clustered = effective(events, trials, confidence)
    if is_sequential:
        low, high, _ = sequential_interval(count, size, confidence)
        return RateInterval(low, high, "sequential clustered" if is_clustered else "sequential")
    bounds = clopper_pearson(count, size, confidence)
    return RateInterval(float(bounds[0]), float(bounds[1]), "clustered" if is_clustered else "exact")


def effective(events: ArrayLike, trials: ArrayLike, confidence: float = CONFIDENCE) -> tuple[float, float, bool]:
    """As many events in as many independent trials as say what these clusters say, and True if they differ from all.

    See `rate_interval`; one element a cluster.
    """
    import numpy as np
    from scipy.special import stdtrit

    k, n = np.asarray(events, dtype=float), np.asarray(trials, dtype=float)
    total, effect = float(n.sum()), design_effect(k, n)
    if effect <= 1 + _ROUNDING:
        return float(k.sum()), total, False
    level = (1 + confidence) / 2
    few = stdtrit(total - 1, level) / stdtrit((n > 0).sum() - 1, level)
    size = float(total / effect * few**2)
    return float(k.sum()) * size / total, size, True


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


# Two rates ----------------------------------------------------------------------------------------------------------


def difference_interval(
    first: tuple[float, float, float], second: tuple[float, float, float]
) -> tuple[float, float, float]:
    """The second rate less the first, with its bounds; each is given as a rate and its bounds.

    By square-and-add: Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (1998), method 10; Zou and Donner, Statistics in Medicine 27 (2008), for any separate intervals,
    clustered ones too.
    """
    (a, a_low, a_high), (b, b_low, b_high) = first, second
    between = b - a
    return between, between - math.hypot(b - b_low, a_high - a), between + math.hypot(b_high - b, a - a_low)


def fisher_exact(first: tuple[int, int], second: tuple[int, int]) -> float:
    """The two-sided p-value that two rates, each given as events and trials, are one.

    Fisher, The Design of Experiments (1935), section 21: the probability, given both margins, of all tables that are
    no more likely than this one. scipy.stats has it as well, and takes half a second to import.
    """
    import numpy as np
    from scipy.special import gammaln

    (a, m), (b, n) = first, second
    total = a + b
    at = np.arange(max(0, total - n), min(total, m) + 1)
    choose = gammaln(m + 1) - gammaln(at + 1) - gammaln(m - at + 1)
    choose += gammaln(n + 1) - gammaln(total - at + 1) - gammaln(n - total + at + 1)
    weights = np.exp(choose - choose.max())
    # Tables that are as likely as this one but for rounding count as well.
    is_as_rare = weights <= weights[a - at[0]] * (1 + 1e-7)
    return float(min(1.0, weights[is_as_rare].sum() / weights.sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of several tests, adjusted so that any at all is below 5 % in 5 % of cases where nothing differs.

    Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statistics 6 (1979).
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, highest = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, p_values[place] * (len(p_values) - rank)))
        adjusted[place] = highest
    return adjusted


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


# Text --------------------------------------------------------------------------------------------------------------


def rate_text(rate: float, low: float, high: float) -> str:
    """A rate with its bounds in percent, such as `97.1 % [95.8, 98.1]`; all three are in [0, 1], or nan for unknown.

    Bounds are rounded outward, to two digits of the interval's width. What is not 0 or 100 % is never printed as that.
    """
    if math.isnan(low) or math.isnan(high):
        return "unknown"
    middle = "unknown" if math.isnan(rate) else f"{_percent(rate, _decimals(high - low), ROUND_HALF_EVEN)} %"
    return f"{middle} [{', '.join(bounds_text(low, high))}]"


def bounds_text(low: float, high: float) -> tuple[str, str]:
    """The bounds of a rate in percent, as `rate_text` prints them."""
    decimals = _decimals(high - low)
    return _percent(low, decimals, ROUND_FLOOR), _percent(high, decimals, ROUND_CEILING)


def ratio_text(ratio: float, low: float, high: float) -> str:
    """A ratio with its bounds, such as `3.34 [3.29, 3.40]`; the bounds are rounded outward to two decimals."""
    if math.isnan(low) or math.isnan(high):
        return f"{ratio:.3g} [unknown]"
    # By way of decimals: a bound of 1.1 times 100 is a little more than 110.
    down, up = (Decimal(repr(float(end))) for end in (low, high))
    cent = Decimal("0.01")
    return f"{ratio:.3g} [{down.quantize(cent, ROUND_FLOOR)}, {up.quantize(cent, ROUND_CEILING)}]"


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
    if shown in (0, 100) and min(rate, 1 - rate) > _DUST:
        shown = exact.quantize(Decimal(1).scaleb(-_decimals(min(rate, 1 - rate))), rounding)
    return f"{shown:f}"
