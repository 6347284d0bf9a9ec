"""Virtual time against real time, guard by guard: the same trials, hence the same delays, on both engines.

An equivalence is shown, and not merely no difference seen: the whole interval of the difference of violation rates must
lie within 2 percentage points, and that of the ratio of wall times within 0.95 and 1.05. All intervals together hold
with 95 % (Bonferroni).

    pytest tests/benchmarks/test_equivalence.py

Wall times of real processes within 5 percent are a statement about an idle machine, so this is not in the default run.
"""

import pytest
from conftest import make_cell
from scipy import stats

from lab.engines.simulated import SimulatedSession
from lab.scenarios import scenario_named

TRIALS = {"0": 400, "uniform(0,400ms)": 1200}
"""Enough for an interval of 2 points: where arrivals differ, a pair or two may end otherwise on the two engines."""
DELAY = "uniform(0,50ms)"
CELLS = [
    *[(guard, "0") for guard in scenario_named("ticket_sale").guards],
    # Without a guard and all at once every trial oversells, whatever the engine: so with arrivals, too.
    ("none", "uniform(0,400ms)"),
]
LANES = {"0": 32, "uniform(0,400ms)": 24}
"""Trials side by side: more where they mostly sleep."""
ERROR = 0.05 / (2 * len(CELLS))
MOST_DIFFERENCE = 0.02
LEAST_RATIO, MOST_RATIO = 0.95, 1.05


def share_interval(count, trials, error):
    """Exact, two-sided (Clopper and Pearson)."""
    low = stats.beta.ppf(error / 2, count, trials - count + 1) if count else 0.0
    high = stats.beta.ppf(1 - error / 2, count + 1, trials - count) if count < trials else 1.0
    return low, high


def difference_interval(ours, theirs):
    """Of paired rates: from the shares of pairs that only one of the two finds violated."""
    only_ours = sum(a.violation and not b.violation for a, b in zip(ours, theirs, strict=True))
    only_theirs = sum(b.violation and not a.violation for a, b in zip(ours, theirs, strict=True))
    (low, high), (their_low, their_high) = (
        share_interval(count, len(ours), ERROR / 2) for count in (only_ours, only_theirs)
    )
    return low - their_high, high - their_low


def ratio_interval(ours, theirs):
    """Of the median of the paired ratios, by order statistics."""
    ratios = sorted(b.wall_s / a.wall_s for a, b in zip(ours, theirs, strict=True) if a.wall_s and b.wall_s)
    outside = int(stats.binom.ppf(ERROR / 2, len(ratios), 0.5)) - 1
    return ratios[outside], ratios[-1 - outside]


@pytest.mark.stress
@pytest.mark.parametrize(("guard", "arrivals"), CELLS)
def test_virtual_time_tells_what_real_time_tells(run, guard, arrivals):
    """A faithful engine fails one of these in 20 runs at most, if the real one's overhead were nought."""
    store = "sqlite" if guard == "transaction" else "memory"
    delays = {"request_delay": arrivals, "read_delay": DELAY, "write_delay": DELAY}
    cell = make_cell("ticket_sale", guard, store, 2, **delays)
    theirs = run(cell, TRIALS[arrivals], LANES[arrivals])
    session = SimulatedSession(cell)
    ours = list(session.run(range(TRIALS[arrivals])))
    session.close()

    low, high = difference_interval(ours, theirs)
    low_ratio, high_ratio = ratio_interval(ours, theirs)

    assert [trial.seed for trial in ours] == [trial.seed for trial in theirs]
    assert low > -MOST_DIFFERENCE
    assert high < MOST_DIFFERENCE
    assert low_ratio > LEAST_RATIO
    assert high_ratio < MOST_RATIO
