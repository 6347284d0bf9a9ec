"""Every planted bug is found by every strategy in so many executions, and its repaired twin is proved."""

import pytest
from conftest import make_cell
from planted import (
    CircularBuffer,
    DoubleRelease,
    LazyInitialisation,
    LockTakenByOne,
    LostWakeup,
    MissedSignal,
    Philosophers,
    TwoLocks,
)

from lab.cell_search import Watcher, checked, explore_cell
from lab.engines.simulated.session import SimulatedSession
from lab.schedulers import STRATEGIES, strategy_named
from lab.search import Limits, Tally, search

BUGS = [
    (LockTakenByOne, 2, "wrong"),
    (TwoLocks, 2, "hang"),
    (LostWakeup, 2, "hang"),
    (MissedSignal, 2, "hang"),
    (DoubleRelease, 3, "wrong"),
    (Philosophers, 2, "hang"),
    (Philosophers, 3, "hang"),
    (Philosophers, 4, "hang"),
    (CircularBuffer, 2, "wrong"),
    (LazyInitialisation, 2, "wrong"),
]
NAMES = [f"{scenario.__name__}-{processes}" for scenario, processes, _ in BUGS]
EXECUTIONS = 500


def found(cell, strategy, executions):
    session, tally = SimulatedSession(cell, is_timed=False), Tally(is_reduced=strategy == "dpor")
    try:
        search(session, strategy_named(strategy).scheduler, tally, Limits(executions, 60), lambda tally: None)
    finally:
        session.close()
    return set(tally.seen)


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "exhaustive"])
@pytest.mark.parametrize(("scenario", "processes", "outcome"), BUGS, ids=NAMES)
def test_every_strategy_finds_it(scenario, processes, outcome, strategy):
    assert outcome in found(make_cell(scenario, processes=processes), strategy, EXECUTIONS)


@pytest.mark.parametrize(("scenario", "processes", "outcome"), BUGS, ids=NAMES)
def test_its_repaired_twin_is_proved(scenario, processes, outcome):
    cell = make_cell(scenario, processes=processes, is_mended=True)

    explored = explore_cell(cell, checked({"seconds": 60}), Watcher())

    assert (explored.verdict, [finding.outcome for finding in explored.findings]) == ("proved", ["ok"])
