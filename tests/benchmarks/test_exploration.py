"""How fast schedules are explored: against frontrun, with a history, on two cores, and in how much memory.

    pytest tests/benchmarks/test_exploration.py --benchmark-only

frontrun comes with the extra `peers`; without it, its comparison is skipped. Only ratios and growth are asserted.
"""

import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import make_cell
from interleaved import Interleaved, seconds

from lab.cell_search import Watcher, checked, explore_cell
from lab.engines.simulated.session import SimulatedSession
from lab.scenario import Scenario
from lab.schedulers import strategy_named
from lab.search import Limits, Tally, search
from lab.trial import ok, violation

BASELINES = Path(__file__).parent / "baselines"
FRONTRUN = shutil.which("frontrun", path=str(Path(sys.executable).parent))

pytestmark = pytest.mark.benchmark(group="exploration")


class Counter(Scenario):
    """Each actor reads a number and writes it back with one more, `rounds` times."""

    rounds: int = 1
    outcomes = {"lost_update": violation("a count was lost"), "ok": ok("all were counted")}

    def shared(self, make):
        make.value("count")

    def section(self, world, actor):
        count = world.value("count")
        for _ in range(self.rounds):
            found = count.value
            count.value = found + 1
        return found + 1

    def judge(self, world, returns):
        return self.first({}, lost_update=max(returns) != self.rounds * len(returns))


def searched(cell, strategy, *, keeps_history=False, executions=None, told=lambda tally: None):
    """The executions of a search by one process."""
    session, tally = SimulatedSession(cell, is_timed=False, keeps_history=keeps_history), Tally(strategy == "dpor")
    try:
        search(session, strategy_named(strategy).scheduler, tally, Limits(executions, None), told)
    finally:
        session.close()
    return tally.executions


def resident_mb():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


@pytest.mark.skipif(FRONTRUN is None, reason="frontrun is not installed: pip install -e '.[peers]'")
@pytest.mark.parametrize("strategy", ["dpor", "exhaustive"])
def test_executions_come_ten_times_as_fast_as_frontruns(benchmark, strategy):
    cell, theirs = make_cell(Counter, rounds=3), []

    def frontrun_s():
        command = [FRONTRUN, sys.executable, BASELINES / "frontrun_counter.py", 3]
        printed = subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout
        executions, spent_s = printed.split()
        theirs.append(int(executions))
        return float(spent_s)

    own = searched(cell, strategy)
    pair = Interleaved(benchmark, lambda: searched(cell, strategy), frontrun_s, rounds=3)
    ratio = pair.times_faster(own / theirs[0])
    benchmark.extra_info.update(
        ratio=ratio, at_least=10, executions_per_s=own / min(pair.work_s), their_executions=theirs[0], executions=own
    )

    assert ratio >= 10


@pytest.mark.parametrize("strategy", ["dpor", "exhaustive"])
def test_a_history_at_most_doubles_an_executions_time(benchmark, strategy):
    cell = make_cell(Counter, rounds=4)

    def work(keeps_history):
        searched(cell, strategy, keeps_history=keeps_history, executions=2000)

    pair = Interleaved(benchmark, lambda: work(True), lambda: seconds(lambda: work(False)), rounds=9)
    ratio = pair.times_slower()
    benchmark.extra_info.update(ratio=ratio, at_most=2)

    assert ratio <= 2


def test_two_processes_explore_1_6_times_as_fast_as_one(benchmark):
    cell = make_cell(Counter, rounds=5)

    def explored(jobs):
        return explore_cell(cell, checked({"jobs": jobs, "seconds": 300, "history": False}), Watcher())

    assert explored(1).classes == explored(2).classes
    pair = Interleaved(benchmark, lambda: explored(2), lambda: seconds(lambda: explored(1)), rounds=3)
    # The best round of each: where the cores are not free, two processes come to nothing.
    ratio = min(pair.baseline_s) / min(pair.work_s)
    benchmark.extra_info.update(ratio=ratio, at_least=1.6)

    assert ratio >= 1.6


@pytest.mark.parametrize("strategy", ["dpor", "exhaustive", "bounded", "random", "pct"])
def test_memory_stays_bounded(benchmark, strategy):
    # What the second half of so many executions adds, times as many halves as are in a million. A walk at random comes
    # to a new class in nearly every execution, and a number is kept of each.
    cell, executions = make_cell(Counter, rounds=8), 20_000
    searched(cell, strategy, executions=2000)
    sizes_mb = []

    def told(tally):
        if tally.executions % (executions // 2) == 0:
            sizes_mb.append(resident_mb())

    benchmark.pedantic(lambda: searched(cell, strategy, executions=executions, told=told), rounds=1)
    half, whole = sizes_mb
    grown_mb = (whole - half) * (1_000_000 / (executions / 2))
    benchmark.extra_info.update(grown_mb_in_a_million=grown_mb, at_most=300)

    assert grown_mb <= 300
