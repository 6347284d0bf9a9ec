"""Virtual time against SimPy, on the same buyers, delays and rows; and the tutorial's seconds.

    pytest tests/benchmarks/test_simulated.py --benchmark-only

SimPy's model makes every read and write of the counter an event, as they are operations here. Written by hand without
them it is `by_hand`: reported, since it is what one would write, and leaves out what the lab is for.
"""

import pytest
from baselines.simpy_sale import trial as simpy_trial
from conftest import make_cell
from interleaved import Interleaved, seconds

from lab.engines.simulated import SimulatedSession

BUYERS, TRIALS, ROUNDS = 5, 500, 30


@pytest.fixture
def session():
    """The cell's session, warm."""
    opened = []

    def session(guard, store):
        opened.append(SimulatedSession(make_cell("ticket_sale", guard, store, BUYERS)))
        list(opened[0].run(range(TRIALS)))
        return opened[0]

    yield session
    opened[0].close()


@pytest.mark.parametrize("has_operations", [True, False], ids=["with_operations", "by_hand"])
@pytest.mark.parametrize("guard", ["none", "lock"])
def test_virtual_time_against_simpy(benchmark, session, guard, has_operations):
    ours = session(guard, "memory")
    key = make_cell("ticket_sale", guard, "memory", BUYERS).draw_key(1)

    def theirs(numbers):
        return [simpy_trial(key, number, BUYERS, guard == "lock", has_operations) for number in numbers]

    for trial, (outcome, sold, final, wall_s, median_s, longest_s) in zip(
        ours.run(range(50)), theirs(range(50)), strict=True
    ):
        assert (trial.outcome, trial.measures["sold"], trial.measures["final"]) == (outcome, sold, final)
        assert trial.wall_s == pytest.approx(wall_s)
        if guard == "none":
            assert (trial.wait_median_s, trial.wait_max_s) == (median_s, longest_s)

    compared = Interleaved(
        benchmark,
        lambda: list(ours.run(range(TRIALS))),
        lambda: seconds(lambda: theirs(range(TRIALS))),
        ROUNDS,
    )
    ratio = compared.times_faster()
    benchmark.extra_info.update(
        ratio=ratio, us_a_trial=1e6 * min(compared.work_s) / TRIALS, simpy_us=1e6 * min(compared.baseline_s) / TRIALS
    )
    if has_operations:
        assert ratio > 1


def test_a_thousand_trials_of_the_tutorials_seconds_take_less_than_two(benchmark, session):
    ours = session("lock", "json_file")
    benchmark.pedantic(lambda: list(ours.run(range(1000))), rounds=5)

    assert benchmark.stats.stats.min < 2
