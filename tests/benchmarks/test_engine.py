"""The engine against baselines: each ratio comes from one run, in which the two take turns.

    pytest tests/benchmarks/test_engine.py --benchmark-only --benchmark-json=engine.json

The table's times are those of a whole round of the engine's; the ratio stands in `extra_info`, with what it should be.
Only ratios are asserted, since times are the machine's.
"""

import contextlib
import select
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import NO_DELAY, make_cell
from interleaved import Interleaved

from lab.archive import Archive
from lab.engines.real.crew import Crew
from lab.experiments.lanes import drift, planned_lanes
from lab.scenario import Scenario
from lab.statistics import rate_interval, rate_text
from lab.trial import Judgement, ok

BASELINES = Path(__file__).parent / "baselines"
PROCESSES = 5

pytestmark = pytest.mark.benchmark(group="engine against baselines")


def printed_s(*command):
    """Seconds that a baseline prints."""
    return float(subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout)


class KeptTrials:
    """Trials whose rows are kept. A new crew each time, since crews differ by where the scheduler puts them."""

    def __init__(self, engine, cell, archive, trials):
        self._engine, self._cell, self._archive, self._trials = engine, cell, archive, trials
        self._session = None

    def start_crew(self):
        self.close()
        self._session = self._engine.open(self._cell)
        list(self._session.run(range(50)))

    def run(self):
        for trial in self._session.run(range(self._trials)):
            self._archive.add(self._cell.cell_id, 0, trial)
        self._archive.flush()

    def close(self):
        if self._session is not None:
            self._session.close()


@pytest.mark.parametrize("alignment", ["natural", "awake"])
@pytest.mark.parametrize(("store", "at_least", "aim"), [("json_file", 15, 25), ("memory", 80, 170)])
def test_a_trial_is_many_times_as_fast_as_the_tutorials_own(
    benchmark, engine, tmp_path, store, at_least, aim, alignment
):
    """Cores are kept awake for awake trials, and for no baseline."""
    (tmp_path / "trials").mkdir()
    cell, trials, own_trials = make_cell("ticket_sale", "lock", store, PROCESSES, alignment, **NO_DELAY), 1000, 40
    bare_s = []
    with Archive(tmp_path) as archive, contextlib.closing(KeptTrials(engine, cell, archive, trials)) as kept:

        def own_way_s():
            bare_s.append(
                printed_s(sys.executable, BASELINES / "bare_workers.py", store, engine.home, PROCESSES, trials)
            )
            kept.start_crew()
            return printed_s(
                sys.executable, BASELINES / "tutorial.py", engine.home / "tutorial.json", PROCESSES, own_trials
            )

        pair = Interleaved(benchmark, kept.run, own_way_s, rounds=9)
    ratio = pair.times_faster(trials)
    tutorials_s = statistics.median(pair.baseline_s)
    benchmark.extra_info.update(
        ratio=ratio,
        at_least=at_least,
        aim=aim,
        ratio_of_bare_workers=tutorials_s / statistics.median(bare_s),
        trial_s=statistics.median(pair.work_s) / trials,
        bare_trial_s=statistics.median(bare_s),
        tutorials_trial_s=tutorials_s,
    )
    assert ratio >= at_least


class Nothing(Scenario):
    """Actors that do nothing."""

    outcomes = {"ok": ok("nothing happened")}

    def section(self, world, actor):
        return None

    def judge(self, world, returns):
        return Judgement("ok")


def release_and_gather(crew, poll):
    """A cycle as the session's loop does it: release, then wait until the last is done, or one died."""
    crew.release()
    poll.poll(1000)
    assert crew.gather() == 1


@pytest.mark.skipif(shutil.which("gcc") is None, reason="the baseline is a C program, and there is no gcc")
def test_releasing_and_gathering_workers_takes_at_most_half_as_long_again_as_in_c(benchmark, engine, tmp_path):
    barrier = tmp_path / "barrier"
    subprocess.run(["gcc", "-O2", "-pthread", BASELINES / "barrier.c", "-o", barrier], check=True)
    cycles = 3000
    crew = Crew(make_cell(Nothing, processes=PROCESSES), engine.home / "crew", engine.home / "files")
    with contextlib.closing(crew):
        crew.await_ready()
        poll = select.poll()
        for descriptor in crew.descriptors:
            poll.register(descriptor, select.POLLIN)

        def many_cycles():
            for _ in range(cycles):
                release_and_gather(crew, poll)

        pair = Interleaved(benchmark, many_cycles, lambda: printed_s(barrier, PROCESSES, cycles), rounds=15)
    ratio = pair.times_slower(cycles)
    benchmark.extra_info.update(
        ratio=ratio,
        at_most=1.5,
        cycle_s=statistics.median(pair.work_s) / cycles,
        c_cycle_s=statistics.median(pair.baseline_s),
    )
    assert ratio <= 1.5


def sleeping_cell(mean_ms):
    delay = f"uniform(0,{2 * mean_ms}ms)"
    return make_cell("ticket_sale", "none", "json_file", PROCESSES, read_delay=delay, write_delay=delay)


class SideBySide:
    """The same trials on a number of lanes as on one, `repeats` times over; of the last time the trials are kept."""

    def __init__(self, engine, cell, lanes, numbers, repeats):
        self._session = engine.open(cell, lanes)
        self._numbers, self._all = numbers, [*numbers] * repeats
        self.trials = []

    def run(self):
        self.trials = list(self._session.run(self._all))[-len(self._numbers) :]

    def close(self):
        self._session.close()


def test_sixteen_lanes_of_sleeping_trials_do_ten_times_as_many_a_second_without_drift(benchmark, engine):
    cell, lanes, numbers, repeats = sleeping_cell(10), 16, range(48), 10
    with (
        contextlib.closing(SideBySide(engine, cell, 1, numbers, 1)) as alone,
        contextlib.closing(SideBySide(engine, cell, lanes, numbers, repeats)) as side_by_side,
    ):

        def alone_s():
            start = time.perf_counter()
            alone.run()
            return time.perf_counter() - start

        pair = Interleaved(benchmark, side_by_side.run, alone_s, rounds=5)
        drifted = drift(alone.trials, side_by_side.trials)
    ratio = pair.times_faster(repeats)
    benchmark.extra_info.update(
        ratio=ratio,
        at_least=10,
        drift=drifted,
        lanes=lanes,
        trials_per_s=len(numbers) * repeats / statistics.median(pair.work_s),
        trials_per_s_of_one_lane=len(numbers) / statistics.median(pair.baseline_s),
    )
    assert ratio >= 10
    assert drifted == ""


def test_the_lanes_planned_for_delays_of_a_millisecond_do_not_drift(benchmark, engine):
    cell, numbers, repeats, drifts = sleeping_cell(1), range(100), 4, {}

    def find_drifts():
        for lanes in (1, 2, 3, 4, 6, 8, 12, 16):
            with contextlib.closing(SideBySide(engine, cell, 1, numbers, 1)) as alone:
                alone.run()
            with contextlib.closing(SideBySide(engine, cell, lanes, numbers, repeats)) as side_by_side:
                side_by_side.run()
            drifts[lanes] = drift(alone.trials, side_by_side.trials)

    benchmark.pedantic(find_drifts, rounds=1)
    planned = planned_lanes(cell, block=1000)
    most = max((lanes for lanes in drifts if not any(drifts[fewer] for fewer in drifts if fewer <= lanes)), default=0)
    benchmark.extra_info.update(most_lanes_without_drift=most, planned_lanes=planned, drifts=drifts)
    assert planned <= most


class Alignment:
    """Trials of two buyers in a new crew each time, since where the scheduler puts a crew makes crews differ."""

    def __init__(self, engine, alignment, trials):
        self._engine, self._trials = engine, trials
        self._cell = make_cell("ticket_sale", "none", "memory", 2, alignment=alignment, **NO_DELAY)
        self.oversold, self.seconds = [], []

    def run_crew(self):
        with contextlib.closing(self._engine.open(self._cell)) as session:
            start = time.perf_counter()
            self.oversold.append(sum(trial.measures["sold"] > 1 for trial in session.run(range(self._trials))))
            self.seconds.append(time.perf_counter() - start)

    def oversells_per_s(self):
        return sum(self.oversold) / sum(self.seconds)

    def rate(self):
        trials = [self._trials] * len(self.oversold)
        return rate_text(sum(self.oversold) / sum(trials), *rate_interval(self.oversold, trials)[:2])


def test_aligned_trials_find_five_hundred_times_as_many_oversells_a_second(benchmark, engine):
    aligned, natural = Alignment(engine, "aligned", 2000), Alignment(engine, "natural", 5000)
    benchmark.pedantic(aligned.run_crew, setup=natural.run_crew, rounds=16)
    ratio = aligned.oversells_per_s() / max(natural.oversells_per_s(), 1 / sum(natural.seconds))
    benchmark.extra_info.update(
        ratio=ratio,
        at_least=500,
        aligned_oversells_per_s=aligned.oversells_per_s(),
        natural_oversells_per_s=natural.oversells_per_s(),
        aligned_rate=aligned.rate(),
        natural_rate=natural.rate(),
        natural_rate_of_each_crew=[oversold / 5000 for oversold in natural.oversold],
    )
    assert ratio >= 500


def test_help_takes_at_most_half_as_long_again_as_importing_click(benchmark):
    lab = Path(sys.executable).with_name("lab")
    quiet = {"stdout": subprocess.DEVNULL, "check": True}

    def importing_click_s():
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import click"], **quiet)
        return time.perf_counter() - start

    pair = Interleaved(benchmark, lambda: subprocess.run([lab, "--help"], **quiet), importing_click_s, rounds=21)
    ratio = statistics.median(pair.work_s) / statistics.median(pair.baseline_s)
    benchmark.extra_info.update(ratio=ratio, at_most=1.5)
    assert ratio <= 1.5
