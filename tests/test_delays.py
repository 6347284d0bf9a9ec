import math
import re
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.delays import Delay, constant, exp, normal, parse, randint, uniform, zero
from lab.errors import UsageError

seconds = st.floats(min_value=0, max_value=1e6).map(abs)
ends = st.tuples(seconds, seconds).map(sorted)
whole_ends = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(sorted)
units = st.floats(min_value=1e-9, max_value=1e3)
bounded_delays = st.one_of(
    seconds.map(constant),
    ends.map(lambda both: uniform(*both)),
    st.tuples(whole_ends, units).map(lambda drawn: randint(*drawn[0], drawn[1])),
)
all_delays = st.one_of(
    bounded_delays,
    seconds.map(exp),
    st.tuples(seconds, seconds).map(lambda both: normal(*both)),
)
probabilities = st.floats(min_value=0, max_value=1, exclude_max=True)


# Text --------------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(all_delays)
def test_the_text_of_any_delay_means_that_very_delay(delay):
    assert parse(str(delay)) == delay


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("0", Delay("constant", 0.0, 0.0)),
        ("1ms", Delay("constant", 0.001, 0.001)),
        ("uniform(0,1s)", Delay("uniform", 0.0, 1.0)),
        ("exp(2ms)", Delay("exp", 0.002, 0.002)),
        ("normal(5ms,1ms)", Delay("normal", 0.005, 0.001)),
        ("randint(1,5)s", Delay("randint", 1, 5, 1.0)),
        ("randint(1,5)*10ms", Delay("randint", 1, 5, 0.01)),
    ],
)
def test_every_form_of_the_contract_has_one_meaning_and_is_its_own_text(text, delay):
    assert (parse(text), str(delay)) == (delay, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3ns", 3e-9), ("3us", 3e-6), ("3µs", 3e-6), ("3ms", 3e-3), ("3s", 3.0), ("0.3ms", 0.0003), ("1e3ms", 1.0)],
)
def test_units_are_exact_to_the_last_bit(text, value):
    assert parse(text).low == value


@settings(deadline=None)
@given(st.integers(0, 10**9), st.sampled_from(["ns", "us", "ms", "s"]))
def test_a_whole_number_of_a_unit_is_the_double_nearest_to_it(number, unit):
    # A quotient of two whole numbers that are exact as doubles is rounded once, hence right.
    assert parse(f"{number}{unit}").low == number / {"ns": 10**9, "us": 10**6, "ms": 10**3, "s": 1}[unit]


@pytest.mark.parametrize(
    ("loose", "strict"),
    [
        (" 1 ms ", "1ms"),
        ("uniform( 0 , 1 ms )", "uniform(0,1ms)"),
        ("randint(1,5) * 2 ms", "randint(1,5)*2ms"),
        ("randint(1,5)*s", "randint(1,5)s"),
    ],
)
def test_spaces_mean_nothing(loose, strict):
    assert parse(loose) == parse(strict)


def test_a_delay_is_equal_by_value_whatever_the_field_that_holds_it():
    assert Delay("exp", 1.0, 1.0, name="read_delay") == Delay("exp", 1.0, 1.0, name="write_delay")


# Nonsense ----------------------------------------------------------------------------------------------------------

NONSENSE = [
    "",
    "abc",
    "ms",
    "nan",
    "inf",
    "infs",
    "-1ms",
    "--1ms",
    "1_0ms",
    "1ms 2ms",
    "1e400s",
    "exp()",
    "exp(1s,2s)",
    "exp(-1ms)",
    "normal(1ms)",
    "normal(nan,1ms)",
    "uniform(0)",
    "uniform(0,1s,2s)",
    "uniform(0,1s",
    "uniform(0,1s)s",
    "uniform(0,exp(1s))",
    "gauss(1ms,1ms)",
    "UNIFORM(0,1s)",
    "randint(1,5)",
    "randint(1,5)*",
    "randint(1,5)0s",
    "1s\n1s",
]


@pytest.mark.parametrize("text", NONSENSE)
def test_nonsense_is_named_and_answered_with_all_forms(text):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert str(caught.value) == (
        f"delay {text!r}: expected a number with a unit or a distribution, such as "
        "0, 1ms, uniform(0,1s), exp(2ms), normal(5ms,1ms), randint(1,5)s."
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5", "delay '5': '5' has no unit. Try 5ms or 5s."),
        ("uniform(0,5)", "delay 'uniform(0,5)': '5' has no unit. Try 5ms or 5s."),
        ("5min", "delay '5min': unknown unit 'min', expected one of ns, us, µs, ms, s. Try 5ms."),
        ("1MS", "delay '1MS': unknown unit 'MS', expected one of ns, us, µs, ms, s. Try 1ms."),
        (
            "uniform(2s,1s)",
            "delay 'uniform(2s,1s)': expected the lower end first. Try uniform with the two ends exchanged.",
        ),
        (
            "randint(1ms,5ms)s",
            "delay 'randint(1ms,5ms)s': expected whole numbers in randint, found '1ms'. Try randint(1,5)ms.",
        ),
        (
            "randint(-1,5)s",
            "delay 'randint(-1,5)s': expected whole numbers in randint, found '-1'. Try randint(1,5)ms.",
        ),
    ],
)
def test_a_near_miss_is_told_what_it_missed(text, message):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert str(caught.value) == message


@settings(deadline=None)
@given(all_delays.map(str), st.sampled_from("x?(;"), st.data())
def test_a_stray_sign_anywhere_gives_one_line_that_quotes_the_text(text, sign, data):
    position = data.draw(st.integers(0, len(text)))
    broken = text[:position] + sign + text[position:]
    with pytest.raises(UsageError) as caught:
        parse(broken)
    message = str(caught.value)
    assert (message.startswith(f"delay {broken!r}: "), message.count("\n")) == (True, 0)


@pytest.mark.parametrize("text", ["1e9999999999s", f"randint(1,{'9' * 400})s"])
def test_a_number_too_large_for_a_clock_is_nonsense_too(text):
    with pytest.raises(UsageError, match=re.escape(repr(text))):
        parse(text)


def test_the_unit_of_randint_is_what_it_says():
    assert parse("randint(1,5)*.5s") == randint(1, 5, 0.5)


@pytest.mark.parametrize(
    "build",
    [
        lambda: constant(-1),
        lambda: constant(math.nan),
        lambda: uniform(0, math.inf),
        lambda: uniform(2, 1),
        lambda: exp(-1),
        lambda: normal(1, -1),
        lambda: randint(5, 1),
        lambda: randint(1, 5, 0),
    ],
)
def test_the_functions_refuse_what_the_texts_refuse(build):
    with pytest.raises(UsageError, match=r"delay '\w+\("):
        build()


# Distributions -----------------------------------------------------------------------------------------------------

POINTS = 100_000


def mean_of_draws(delay):
    """The integral of the quantile function, by the midpoint rule."""
    return math.fsum(delay.quantile((point + 0.5) / POINTS) for point in range(POINTS)) / POINTS


@settings(deadline=None)
@given(st.floats(1e-9, 10), probabilities)
def test_the_quantiles_of_exp_are_those_of_its_closed_form(mean, probability):
    # P(X < q) = 1 - e^(-q / mean): putting the quantile in gives the probability back.
    assert 1 - math.exp(-exp(mean).quantile(probability) / mean) == pytest.approx(probability, abs=1e-12)


@settings(deadline=None)
@given(ends, probabilities)
def test_the_quantiles_of_uniform_are_a_straight_line(both, probability):
    low, high = both
    assert uniform(low, high).quantile(probability) == pytest.approx(
        (1 - probability) * low + probability * high, rel=1e-12, abs=1e-300
    )


@settings(deadline=None)
@given(st.floats(0, 10), st.floats(1e-3, 10), st.floats(1e-9, 1 - 1e-9))
def test_the_quantiles_of_normal_are_cut_at_zero_and_nowhere_else(mean, deviation, probability):
    uncut = NormalDist(mean, deviation).inv_cdf(probability)
    assert normal(mean, deviation).quantile(probability) == max(0.0, uncut)


def test_randint_takes_both_ends_and_all_between_alike():
    draws = [randint(1, 5, 0.01).quantile((point + 0.5) / 1000) for point in range(1000)]
    assert {draw: draws.count(draw) for draw in draws} == {0.01: 200, 0.02: 200, 0.03: 200, 0.04: 200, 0.05: 200}


@pytest.mark.parametrize(
    ("delay", "mean", "tolerance"),
    [
        (constant(0.3), 0.3, 1e-12),
        (uniform(1, 4), 2.5, 1e-9),
        (randint(1, 5, 0.01), 0.03, 1e-9),
        # The midpoint rule misses a part of the tail: less than 1 / POINTS of the mean.
        (exp(0.002), 0.002, 1 / POINTS),
        (normal(5, 1), 5.0, 1 / POINTS),
    ],
    ids=str,
)
def test_the_mean_is_the_integral_of_the_quantiles(delay, mean, tolerance):
    assert (delay.mean, mean_of_draws(delay)) == (pytest.approx(mean), pytest.approx(mean, rel=tolerance))


def test_cutting_normal_at_zero_raises_its_mean_by_the_known_amount():
    mean, deviation = 1.0, 2.0
    standard = NormalDist()
    cut = mean * standard.cdf(mean / deviation) + deviation * standard.pdf(mean / deviation)
    assert (normal(mean, deviation).mean, mean_of_draws(normal(mean, deviation))) == (
        mean,
        pytest.approx(cut, rel=10 / POINTS),
    )


@settings(deadline=None)
@given(all_delays, probabilities, probabilities)
def test_a_larger_draw_is_never_a_shorter_delay_and_none_is_negative(delay, one, other):
    shorter, longer = sorted([one, other])
    assert 0 <= delay.quantile(shorter) <= delay.quantile(longer) < math.inf


@pytest.mark.parametrize("delay", [uniform(0, 1), randint(1, 100_000)], ids=str)
def test_no_draw_of_a_bounded_delay_exceeds_its_longest(delay):
    assert delay.quantile(1 - 2**-53) <= delay.longest * (1 + 1e-12)


def test_one_draw_in_ten_thousand_of_an_unbounded_delay_exceeds_its_longest():
    assert exp(1).longest == pytest.approx(math.log(10_000))


# Scaling -----------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(all_delays, st.integers(1, 10**6), probabilities)
def test_a_delay_divided_by_a_number_gives_every_draw_divided_by_it(delay, divisor, probability):
    scaled = (delay / divisor).quantile(probability)
    assert scaled == pytest.approx(delay.quantile(probability) / divisor, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "divisor", "scaled"),
    [
        ("0", 100, "0"),
        ("1s", 3, "333.3333333333333ms"),
        ("uniform(0,1s)", 100, "uniform(0,10ms)"),
        ("exp(2ms)", 1000, "exp(2us)"),
        ("normal(5ms,1ms)", 100, "normal(50us,10us)"),
        ("randint(1,5)s", 100, "randint(1,5)*10ms"),
        ("uniform(0,0.3s)", 0.1, "uniform(0,3s)"),
    ],
)
def test_scaled_delays_have_the_texts_that_one_would_write(text, divisor, scaled):
    assert str(parse(text) / divisor) == scaled


@pytest.mark.parametrize(
    ("delay", "is_zero"),
    [(zero, True), (constant(0), True), (parse("0s"), True), (constant(1e-9), False), (uniform(0, 1), False)],
    ids=str,
)
def test_only_a_constant_of_nothing_is_no_operation_at_all(delay, is_zero):
    assert delay.is_zero is is_zero
