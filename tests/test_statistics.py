import math
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import scipy.stats
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lab import medians, statistics
from lab.errors import UsageError

COUNTS = st.integers(1, 10**7).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


# Rates -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "trials", "low", "high"),
    [(81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0.0, 0.1684), (1, 29, 0.0009, 0.1776)],
)
def test_the_exact_interval_has_the_published_bounds(events, trials, low, high):
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 5.
    found = statistics.clopper_pearson(events, trials)
    assert (round(float(found[0]), 4), round(float(found[1]), 4)) == (low, high)


@given(COUNTS)
def test_the_exact_interval_is_that_of_scipy(counts):
    events, trials = counts
    expected = scipy.stats.binomtest(events, trials).proportion_ci(0.95, "exact")
    assert statistics.clopper_pearson(events, trials) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_the_exact_interval_of_many_cells_is_that_of_each():
    events, trials = [0, 3, 10, 0], [10, 10, 10, 0]
    low, high = statistics.clopper_pearson(events, trials)
    each = [statistics.clopper_pearson(k, n) for k, n in zip(events, trials, strict=True)]
    assert [(a, b) for a, b in zip(low, high, strict=True)] == each
    assert each[3] == (0, 1)


def test_the_exact_interval_covers_every_rate_at_least_as_often_as_it_says():
    # No simulation: the probability of each number of events is known.
    trials = 30
    low, high = statistics.clopper_pearson(np.arange(trials + 1), trials)
    rates = np.linspace(0.001, 0.999, 499)[:, None]
    likely = scipy.stats.binom.pmf(np.arange(trials + 1), trials, rates)
    assert (likely * ((low <= rates) & (rates <= high))).sum(axis=1).min() >= 0.95


def test_the_design_effect_of_four_unlike_clusters_is_the_hand_computed_one():
    # Rate 0.4, deviations -4 -2 0 6: 4/3 * 56 / 40^2 over 0.24 / 39.
    assert statistics.design_effect([0, 2, 4, 10], [10, 10, 10, 10]) == pytest.approx((4 / 3 * 56 / 1600) / (0.24 / 39))


def test_clusters_of_one_trial_have_no_design_effect():
    assert statistics.design_effect([0, 1, 1, 0, 0], [1] * 5) == pytest.approx(1)


def test_a_single_event_does_not_look_clustered():
    assert statistics.rate_interval([0, 0, 1, 0], [100] * 4).kind == "exact"


@pytest.mark.parametrize(("events", "trials"), [([3], [10]), ([0, 0], [5, 5]), ([5, 5], [5, 5]), ([], []), ([0], [0])])
def test_where_clusters_can_not_differ_the_interval_is_exact(events, trials):
    found = statistics.rate_interval(events, trials)
    low, high = statistics.clopper_pearson(sum(events), sum(trials))
    assert found == (low, high, "exact")


def test_the_clustered_interval_is_that_of_korn_and_graubard():
    events, trials = np.array([0, 2, 4, 10]), np.array([10] * 4)
    effect = (4 / 3 * 56 / 1600) / (0.24 / 39)
    size = 40 / effect * (scipy.stats.t.ppf(0.975, 39) / scipy.stats.t.ppf(0.975, 3)) ** 2
    low = scipy.stats.beta.ppf(0.025, 0.4 * size, 0.6 * size + 1)
    high = scipy.stats.beta.ppf(0.975, 0.4 * size + 1, 0.6 * size)
    found = statistics.rate_interval(events, trials)
    assert found[:2] == pytest.approx((low, high))
    assert found.kind == "clustered"


@given(st.lists(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1))
def test_no_interval_is_narrower_than_the_exact_one(clusters):
    events, trials = np.array(clusters).T
    found = statistics.rate_interval(events, trials)
    low, high = statistics.clopper_pearson(events.sum(), trials.sum())
    assert found.low <= low * (1 + 1e-9)
    assert found.high >= high * (1 - 1e-9)


def coverage_of_clusters(rates, trials, repetitions, seed):
    """How often the exact interval of all trials, and the one of the clusters, hold 0.3."""
    generator = np.random.default_rng(seed)
    exact = clustered = 0
    for _ in range(repetitions):
        events = generator.binomial(trials, rates(generator))
        low, high = statistics.clopper_pearson(events.sum(), trials * events.size)
        exact += low <= 0.3 <= high
        found = statistics.rate_interval(events, np.full(events.size, trials))
        clustered += found.low <= 0.3 <= found.high
    return exact / repetitions, clustered / repetitions


def test_where_blocks_differ_the_exact_interval_undercovers_and_the_clustered_one_does_not():
    # Intraclass correlation 0.1. Were the coverage 0.95, fewer than 0.93 of 1000 would have probability 0.0024.
    exact, clustered = coverage_of_clusters(lambda generator: generator.beta(2.7, 6.3, size=30), 50, 1000, seed=1)
    assert exact < 0.7
    assert clustered >= 0.93


def test_with_four_blocks_the_clustered_interval_still_covers():
    # As above; with normal instead of t quantiles it covers 0.85.
    _, clustered = coverage_of_clusters(lambda generator: generator.beta(2.7, 6.3, size=4), 200, 1000, seed=2)
    assert clustered >= 0.93


def test_where_blocks_do_not_differ_the_interval_covers_too():
    _, clustered = coverage_of_clusters(lambda generator: np.full(30, 0.3), 50, 1000, seed=3)
    assert clustered >= 0.93


@given(st.integers(1, 10**7))
def test_the_sequential_bound_after_no_event_has_its_closed_form(trials):
    # (1 - p)^n is to stay above 5 % of B(1/2, n + 1/2) / B(1/2, 1/2).
    log_mixture = math.lgamma(trials + 0.5) - math.lgamma(trials + 1) - math.lgamma(0.5)
    expected = -math.expm1((math.log(0.05) + log_mixture) / trials)
    assert statistics.sequential_interval(0, trials) == (0, pytest.approx(expected, rel=1e-6), "sequential")


@given(COUNTS)
def test_the_sequential_interval_holds_the_observed_rate_and_is_symmetric(counts):
    events, trials = counts
    low, high, _ = statistics.sequential_interval(events, trials)
    other_low, other_high, _ = statistics.sequential_interval(trials - events, trials)
    assert 0 <= low <= events / trials <= high <= 1
    assert (1 - other_high, 1 - other_low) == pytest.approx((low, high), abs=1e-7)


def test_the_sequential_bounds_are_where_the_mixture_is_twenty_times_as_likely():
    def mixture_over(rate):
        return scipy.stats.betabinom.pmf(30, 100, 0.5, 0.5) / scipy.stats.binom.pmf(30, 100, rate)

    low, high, _ = statistics.sequential_interval(30, 100)
    assert (mixture_over(low), mixture_over(high)) == pytest.approx((20, 20))


def test_before_the_first_trial_every_rate_is_possible():
    assert statistics.sequential_interval(0, 0) == (0, 1, "sequential")


@pytest.mark.parametrize("rate", [0.5, 0.02])
def test_who_stops_at_the_worst_moment_is_deceived_by_the_exact_interval_and_not_by_the_sequential_one(rate):
    # 500 sequences of 3000 trials, stopped where the interval first misses. Were that to happen to 5 %, more than 8 %
    # of them would have probability 0.0016; it happens to fewer, since not every number of trials is looked at.
    generator = np.random.default_rng(5)
    looks = np.unique(np.geomspace(5, 3000, 40).astype(int))
    events = (generator.random((500, 3000)) < rate).cumsum(axis=1)[:, looks - 1]
    low, high = statistics.clopper_pearson(events, looks)
    exact_misses = ((low > rate) | (rate > high)).any(axis=1).mean()

    def misses(counts):
        intervals = (statistics.sequential_interval(int(k), int(n)) for k, n in zip(counts, looks, strict=True))
        return any(not found.low <= rate <= found.high for found in intervals)

    assert exact_misses > 0.12
    assert np.mean([misses(counts) for counts in events]) <= 0.08


def test_the_sequential_interval_of_clusters_that_agree_is_that_of_their_trials():
    low, high, _ = statistics.sequential_interval(30, 1000)
    assert statistics.rate_interval([3] * 10, [100] * 10, is_sequential=True) == (low, high, "sequential")


def test_the_sequential_interval_of_clusters_that_differ_is_wider_than_either_of_both():
    events, trials = [0, 0, 0, 0, 0, 0, 0, 0, 10, 20], [100] * 10
    low, high, kind = statistics.rate_interval(events, trials, is_sequential=True)
    others = statistics.sequential_interval(30, 1000), statistics.rate_interval(events, trials)
    assert kind == "sequential clustered"
    assert all(low < other.low and high > other.high for other in others)


def test_who_stops_when_crews_allow_it_is_right_as_often_as_is_said_and_who_asks_trials_alone_is_not(often):
    rate, alike = 0.2, 0.05  # crews' own rates have a standard deviation of 9 %
    generator = np.random.default_rng(5)
    held = {True: 0, False: 0}
    runs = often(80, 200)
    least = {80: 72, 200: 184}[runs]
    for _ in range(runs):
        crews = generator.beta(rate * (1 / alike - 1), (1 - rate) * (1 / alike - 1), 200)
        events, trials = generator.binomial(100, crews), np.full(200, 100)
        for asks_crews in held:
            low, high = first_narrow(events, trials, 0.1, asks_crews)
            held[asks_crews] += low <= rate <= high
    # Who is right in 95 % has fewer than 184 of 200, or 72 of 80, in 1 case of 40.
    assert held[True] >= least
    assert held[False] < least


def first_narrow(events, trials, width, asks_crews):
    """The interval at which a run stops whose crews come one at a time."""
    for count in range(10 if asks_crews else 1, len(trials) + 1):
        low, high, _ = statistics.sequential_interval(events[:count].sum(), trials[:count].sum())
        if asks_crews and high - low <= width:
            low, high, _ = statistics.rate_interval(events[:count], trials[:count], is_sequential=True)
        if high - low <= width:
            break
    return low, high


def test_the_sequential_interval_loads_neither_numpy_nor_scipy():
    code = (
        "import sys; from lab import statistics as s; s.sequential_interval(3, 10); s.rate_text(0.1, 0, 0.2);"
        "sys.exit(' '.join({'numpy', 'scipy', 'pandas'} & set(sys.modules)) or 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False).stderr == ""


def test_nothing_loads_scipy_stats():
    code = (
        "import sys, numpy; from lab import medians as m, statistics as s; s.rate_interval([1, 2, 9], [10, 10, 10]);"
        "x = numpy.arange(9.0); m.median_interval(x);"
        "k = m.block_sketch(x, x.astype(int), x); m.median_ratio_interval(k, k);"
        "sys.exit('scipy.stats' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Trials that it takes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("probability", "confidence", "trials"),
    [(0.5, 0.75, 2), (0.5, 0.76, 3), (0.001, 0.95, 2995), (1e-6, 0.95, 2995731), (1, 0.95, 1), (0.999, 0.5, 1)],
)
def test_the_trials_needed_to_see_an_event_once(probability, confidence, trials):
    assert statistics.trials_needed(probability, confidence) == trials


@given(st.integers(1, 99), st.integers(1, 99))
def test_the_trials_needed_are_enough_and_one_fewer_are_not(probability, confidence):
    trials = statistics.trials_needed(probability / 100, confidence / 100)
    unseen, allowed = 1 - Fraction(probability, 100), 1 - Fraction(confidence, 100)
    assert unseen**trials <= allowed < unseen ** (trials - 1)


@pytest.mark.parametrize(("probability", "confidence"), [(0, 0.95), (1.1, 0.95), (0.5, 1), (0.5, 0), (math.nan, 0.5)])
def test_an_impossible_probability_or_confidence_is_a_usage_error(probability, confidence):
    with pytest.raises(UsageError, match=r"expected .* Try probability 0\.001"):
        statistics.trials_needed(probability, confidence)


@given(st.integers(1, 10**7))
def test_the_bound_after_no_event_is_that_of_the_exact_interval(trials):
    _, high = statistics.clopper_pearson(0, trials)
    assert statistics.upper_bound_after_none(trials) == pytest.approx(float(high), rel=1e-9)


def test_no_trials_bound_nothing():
    assert statistics.upper_bound_after_none(0) == 1


# Medians and quantiles ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "ranks"), [(5, None), (6, (1, 6)), (10, (2, 9)), (20, (6, 15)), (50, (18, 33)), (100, (40, 61))]
)
def test_the_ranks_around_the_median_are_the_tabulated_ones(count, ranks):
    # Conover, Practical Nonparametric Statistics, 1999, table A3; 95 %.
    assert medians.median_ranks(count) == ranks


@given(st.integers(6, 10**6))
def test_the_ranks_around_the_median_cover_it_and_closer_ones_do_not(count):
    low, high = medians.median_ranks(count)
    outside = scipy.stats.binom(count, 0.5).cdf
    assert low + high == count + 1
    assert 2 * outside(low - 1) <= 0.05 < 2 * outside(low)


def test_the_median_interval_is_made_of_values():
    ordered = np.arange(1.0, 101)
    assert medians.median_interval(ordered) == (50.5, 40, 61)


def test_the_median_of_few_values_has_no_bounds():
    found = medians.median_interval(np.array([1.0, 2.0, 4.0]))
    assert found == pytest.approx((2, math.nan, math.nan), nan_ok=True)


def test_the_median_of_no_values_is_unknown():
    assert all(map(math.isnan, medians.median_interval(np.array([]))))


@given(st.lists(st.floats(0, 1e9), min_size=1))
def test_the_quantiles_are_those_of_numpy(values):
    at = medians.probabilities()
    found = medians.quantiles(np.sort(values), at)
    assert found == pytest.approx(np.quantile(values, at), rel=1e-9, abs=1e-12)


def test_there_are_201_quantiles_from_the_least_to_the_largest():
    found = medians.quantiles(np.array([1.0, 3.0]), medians.probabilities())
    assert (found.size, found[0], found[1], found[200]) == (201, 1, 1.01, 3)


def test_the_quantiles_of_no_values_are_unknown():
    assert np.isnan(medians.quantiles(np.array([]), [0, 1])).all()


# Ratios of medians -------------------------------------------------------------------------------------------------


def sketch(values, blocks):
    values = np.asarray(values, dtype=float)
    return medians.block_sketch(values, np.asarray(blocks), np.sort(values))


def brute_force(over, over_blocks, under, under_blocks):
    """The same resamples, each put together value by value."""
    common = np.intersect1d(over_blocks, under_blocks)
    weights = medians._resamples(common.size, medians.REPLICATES).astype(int)

    def resampled(values, blocks):
        groups = [values[blocks == block] for block in common]
        return np.array([np.median(np.concatenate(list(map(np.tile, groups, row)))) for row in weights])

    estimate, *ratios = resampled(over, over_blocks) / resampled(under, under_blocks)
    ratios.sort()
    beyond = math.floor(0.025 * (len(ratios) - 1))
    power = medians.stretch(common.size)
    low, high = (estimate * (ratio / estimate) ** power for ratio in (ratios[beyond], ratios[-1 - beyond]))
    return min(low, ratios[beyond]), max(high, ratios[-1 - beyond])


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 30)), min_size=2, max_size=40),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 30)), min_size=2, max_size=40),
)
def test_the_bootstrap_of_up_to_1024_values_is_the_brute_force_one(over_rows, under_rows):
    (over_blocks, over), (under_blocks, under) = np.array(over_rows).T, np.array(under_rows).T
    found = medians.median_ratio_interval(sketch(over, over_blocks), sketch(under, under_blocks))
    if np.intersect1d(over_blocks, under_blocks).size < 2:
        assert all(map(math.isnan, found))
    else:
        assert found == pytest.approx(brute_force(over, over_blocks, under, under_blocks))


def test_the_bootstrap_of_many_values_is_within_a_thirtieth_of_the_brute_force_interval():
    generator = np.random.default_rng(7)
    blocks = np.repeat(np.arange(25), 600)
    scale = generator.gamma(20, size=25)[blocks]
    over, under = 3 * scale * generator.random(blocks.size), scale * generator.exponential(size=blocks.size)
    low, high = brute_force(over, blocks, under, blocks)
    found = medians.median_ratio_interval(sketch(over, blocks), sketch(under, blocks))
    assert found == pytest.approx((low, high), abs=(high - low) / 30)


@pytest.mark.parametrize("blocks", [3, 12])
def test_the_ratio_interval_covers_the_true_ratio_where_blocks_differ(blocks):
    # Were the coverage 0.95, fewer than 0.91 of 300 would have probability 0.0013. Plain percentiles of 3 blocks: 0.77.
    generator = np.random.default_rng(8)
    numbers = np.repeat(np.arange(blocks), 25)
    hits = 0
    for _ in range(300):
        own = np.exp(generator.normal(scale=0.2, size=(2, blocks)))[:, numbers]
        over, under = own * generator.lognormal(sigma=0.5, size=(2, numbers.size))
        low, high = medians.median_ratio_interval(sketch(2 * over, numbers), sketch(under, numbers))
        hits += low <= 2 <= high
    assert hits / 300 >= 0.91


def test_what_both_cells_share_in_a_block_does_not_widen_the_ratio():
    generator = np.random.default_rng(9)
    blocks = np.repeat(np.arange(20), 30)
    shared = generator.gamma(4, size=20)[blocks]
    over, under = 2 * shared + generator.random(600) / 10, shared + generator.random(600) / 10
    paired = medians.median_ratio_interval(sketch(over, blocks), sketch(under, blocks))
    shuffled = medians.median_ratio_interval(sketch(over, (blocks + 7) % 20), sketch(under, blocks))
    assert 5 * (paired[1] - paired[0]) < shuffled[1] - shuffled[0]


def test_the_same_data_give_the_same_bounds_in_whatever_order():
    generator = np.random.default_rng(10)
    blocks, values = np.repeat(np.arange(10), 300), generator.random(3000)
    order = generator.permutation(3000)
    under = sketch(generator.random(3000), blocks)
    assert medians.median_ratio_interval(sketch(values, blocks), under) == medians.median_ratio_interval(
        sketch(values[order], blocks[order]), under
    )


@pytest.mark.parametrize(("over_blocks", "under_blocks"), [([0] * 4, [0] * 4), ([0, 0, 1, 1], [1, 1, 2, 2]), ([], [])])
def test_fewer_than_two_common_blocks_give_no_bounds(over_blocks, under_blocks):
    over, under = (sketch(np.arange(1.0, len(blocks) + 1), blocks) for blocks in (over_blocks, under_blocks))
    assert all(map(math.isnan, medians.median_ratio_interval(over, under)))


def test_a_ratio_over_nothing_has_no_bounds_and_gives_no_warning():
    blocks = [0, 0, 1, 1]
    found = medians.median_ratio_interval(sketch([1, 2, 3, 4], blocks), sketch([0] * 4, blocks))
    assert all(map(math.isnan, found))


@pytest.mark.parametrize(("blocks", "factor"), [(2, 9.168), (10, 1.2165), (100, 1.0175)])
def test_the_stretch_is_student_over_normal_and_unbiased_over_plain(blocks, factor):
    # t quantiles 12.706, 2.262 and 1.984 over 1.960, times the root of n / (n - 1).
    assert medians.stretch(blocks) == pytest.approx(factor, rel=1e-3)


def test_more_than_512_blocks_are_merged_with_their_neighbours_in_both_cells():
    generator = np.random.default_rng(11)
    blocks = np.repeat(np.arange(3000), 4)
    over, under = generator.random((2, blocks.size))
    few = blocks < 400
    found = medians.median_ratio_interval(sketch(over, blocks), sketch(under[few], blocks[few]))
    assert found == medians.median_ratio_interval(sketch(over, blocks // 8), sketch(under[few], blocks[few] // 8))
    assert sketch(over, blocks).blocks.size == 375


def test_a_sketch_stays_small_and_counts_every_value():
    generator = np.random.default_rng(12)
    blocks = np.repeat(np.arange(2000), 50)
    found = sketch(generator.exponential(size=blocks.size), blocks)
    assert found.at_most.nbytes <= 2 * 1024**2
    assert found.at_most[:, -1].sum() == blocks.size


# Text --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "low", "high", "text"),
    [
        (0.971, 0.9583, 0.9802, "97.1 % [95.8, 98.1]"),
        (0.42, 0.311, 0.535, "42 % [31, 54]"),
        (0, 0, 0.000737, "0 % [0, 0.074]"),
        (1, 0.9968, 1, "100 % [99.68, 100]"),
        (0.001, 0.0000253, 0.00556, "0.10 % [0.0025, 0.56]"),
        (0.999, 0.99444, 0.9999747, "99.90 % [99.44, 99.9975]"),
        (1e-7, 2.5e-9, 5.57e-7, "0.000010 % [0.00000025, 0.000056]"),
        (0.1, 0.1, 0.1, "10 % [10, 10]"),
        (0.5, 0, 1, "50 % [0, 100]"),
        (0.45, 2e-17, 1, "45 % [0, 100]"),
        (math.nan, 0, 1, "unknown [0, 100]"),
        (math.nan, math.nan, math.nan, "unknown"),
    ],
)
def test_a_rate_reads_like_this(rate, low, high, text):
    assert statistics.rate_text(rate, low, high) == text


@example((1, 5_837_745), statistics.sequential_interval)
@given(COUNTS, st.sampled_from([statistics.clopper_pearson, statistics.sequential_interval]))
def test_printed_bounds_hold_the_interval_and_reach_0_and_100_only_where_it_does(counts, interval):
    events, trials = counts
    low, high = map(float, interval(events, trials)[:2])
    middle, bounds = statistics.rate_text(events / trials, low, high).split(" % ")
    printed_low, printed_high = map(Decimal, bounds.strip("[]").split(", "))
    assert printed_low <= Decimal(repr(low)) * 100
    assert printed_high >= Decimal(repr(high)) * 100
    assert (printed_low == 0, printed_high == 100) == (low == 0, high == 1)
    assert (Decimal(middle) == 0, Decimal(middle) == 100) == (events == 0, events == trials)
    assert printed_low <= Decimal(middle) <= printed_high
    assert printed_high - printed_low <= Decimal(1.3 * 100 * (high - low))


@pytest.mark.parametrize(
    ("high", "text"),
    [(0.000737, "0.074"), (0.0369, "3.7"), (0.369, "37"), (3.69e-7, "0.000037"), (1.0, "100"), (0.999999, "99.99990")],
)
def test_an_upper_bound_reads_like_this(high, text):
    assert statistics.at_most_text(high) == f"at most {text} %"


@pytest.mark.parametrize(
    ("ratio", "low", "high", "text"),
    [
        (3.3449, 3.2951, 3.3951, "3.34 [3.29, 3.40]"),
        (1.0, 1.1, 1.1, "1 [1.10, 1.10]"),
        (0.50249, 0.3699, 0.6301, "0.502 [0.36, 0.64]"),
        (2.0, math.nan, math.nan, "2 [unknown]"),
    ],
)
def test_a_ratio_has_bounds_that_are_rounded_outward(ratio, low, high, text):
    assert statistics.ratio_text(ratio, low, high) == text


# Two rates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"), [((3, 10), (7, 10)), ((0, 5), (4, 9)), ((10, 10), (0, 3)), ((120, 500), (90, 480))]
)
def test_fishers_exact_test_is_scipys(first, second):
    (a, m), (b, n) = first, second
    expected = scipy.stats.fisher_exact([[a, m - a], [b, n - b]]).pvalue

    assert statistics.fisher_exact(first, second) == pytest.approx(expected, rel=1e-6)


def test_two_rates_of_0_or_of_1_do_not_differ():
    assert statistics.fisher_exact((0, 7), (0, 900)) == statistics.fisher_exact((7, 7), (900, 900)) == 1


def test_the_difference_of_two_rates_has_newcombes_bounds():
    """His example (a) of 1998, by method 10: 56/70 and 48/80 with Wilson's bounds give 0.0524 to 0.3339."""
    high, low = (0.8, 0.6917, 0.8768), (0.6, 0.4904, 0.7002)

    assert statistics.difference_interval(low, high) == pytest.approx((0.2, 0.0524, 0.3339), abs=2e-4)


def test_holms_adjusted_p_values_by_hand():
    assert statistics.holm([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert statistics.holm([0.9, 0.8]) == [1, 1]
