"""Scenarios on the controlled engine: real processes do what the model allows, and whatever they do else is noticed."""

import os
import signal
from pathlib import Path

import pytest
from conftest import thorough

from lab import explore, ok, replay, violation
from lab.cell import Cell
from lab.cell_search import Choices, Watcher, explore_cell
from lab.engines import scratch
from lab.engines.mirrored import MirroredSession
from lab.engines.real.folder import RealFileLock
from lab.experiments.grid import Grid
from lab.exploring import cells_of
from lab.guards import guard_named
from lab.scenario import Scenario
from lab.schedulers.random_walk import RandomWalk
from lab.stores import store_named

GRIDS = [
    Grid(scenario="ticket_sale", guards=["none", "file_lock", "queue", "pipe"], stores=["json_file"], processes=[2]),
    Grid(scenario="ticket_sale", guards=["optimistic"], stores=["memory"], processes=[2]),
    Grid(scenario="ticket_sale", guards=["transaction"], stores=["sqlite"], processes=[2]),
    Grid(scenario="check_ticket", guards=["none"], processes=[2], set={"writers": 1}),
    Grid(scenario="print_lines", processes=[2]),
    Grid(scenario="ktv", guards=["semaphore(4)"], processes=[2]),
    Grid(scenario="traffic_light", processes=[2]),
    Grid(scenario="stuck_light", processes=[1]),
]
MORE = [
    Grid(scenario="ticket_sale", stores=["json_file", "memory", "sqlite", "atomic_json_file"], processes=[2]),
    Grid(scenario="ktv", processes=[2]),
]


def by_name(grids):
    return {str(cell): cell for grid in grids for cell in cells_of(grid, is_sized=True)}


CELLS = by_name(GRIDS)


def found(cell, engine):
    """All that a search of a few executions shows, without the figures of time."""
    explored = explore_cell(cell, Choices(executions=8, engine=engine), Watcher())
    return explored.verdict, explored.executions, explored.findings, explored.conflicts


@pytest.mark.parametrize("cell", [*CELLS.values(), *thorough(*by_name(MORE).values())], ids=str)
def test_both_engines_find_the_same_outcomes_by_the_same_schedules(cell):
    assert found(cell, "controlled") == found(cell, "simulated")


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("ticket_sale", {"guards": ["none", "semaphore(2)"], "processes": [2]}),
        ("ktv", {"guards": ["none"], "processes": [3], "set": {"rooms": 2}}),
        ("traffic_light", {"processes": [2]}),
    ],
)
def test_what_is_found_in_the_model_repeats_on_real_processes_every_time(tmp_path, often, name, choices):
    exploration = explore(name, **choices, executions=200, out=tmp_path / "found")
    worst = [cell.findings[0] for cell in exploration.cells if cell.findings[0].grade != "ok"]
    assert worst
    for finding in worst:
        for _ in range(often(4, 20)):
            replayed = replay(finding.file, engine="controlled")
            assert (replayed.departed, replayed.execution.trial.outcome) == ("", finding.outcome)


# What is not as the model says -------------------------------------------------------------------------------------


class Idle:
    """A lock that does not lock."""

    def acquire(self, block=True, timeout=None):
        return False

    def release(self):
        pass


def test_a_lock_that_can_not_be_had_is_noticed(monkeypatch):
    monkeypatch.setattr(
        "lab.engines.real.primitives.RealMaker.lock",
        lambda self, name: self._declare("lock", name, Idle(), lambda lock: True),
    )
    explored = explore_cell(
        by_name(MORE)["ticket_sale, lock, json_file, 2 processes, uniform(0,1s)"], CONTROLLED, Watcher()
    )

    assert explored.verdict == "unknown"
    assert "lock 'guard': acquire came to True in the model, and to False at locks.py:" in explored.reason


def test_a_lock_of_files_that_excludes_nobody_is_noticed(monkeypatch):
    monkeypatch.setattr(RealFileLock, "release", lambda self: 1 / 0)
    explored = explore_cell(
        CELLS["ticket_sale, file_lock, json_file, 2 processes, uniform(0,1s)"], CONTROLLED, Watcher()
    )

    assert explored.verdict == "unknown"
    assert "file_lock 'guard': release came to None in the model, and to ZeroDivisionError" in explored.reason


CONTROLLED = Choices(engine="controlled")


def test_a_store_that_loses_what_is_written_departs_from_what_was_recorded(tmp_path, monkeypatch):
    exploration = explore("ticket_sale", guards=["none"], processes=[2], out=tmp_path / "found")
    sold_twice = exploration.cells[0].findings[0].schedule
    monkeypatch.setattr("lab.stores.json_file._parsed", lambda text: {"count": 0})

    assert (
        "its end: lost_update on real processes, recorded as oversold"
        in replay(sold_twice, engine="controlled").departed
    )


# What goes wrong in a process ---------------------------------------------------------------------------------------


class Unpicklable(Exception):
    def __init__(self):
        super().__init__(lambda: None)


class Troubled(Scenario):
    """Actor 1 is in trouble."""

    trouble: str = "none"
    outcomes = {"bad": violation("never"), "ok": ok("fine")}
    guards = ("none",)
    stores = ("memory",)

    def shared(self, make):
        make.event("met")

    def setup(self, world):
        world.store.write({"count": 0})

    def section(self, world, actor):
        world.store.read()
        return getattr(self, self.trouble)() if actor else None

    def judge(self, world, returns):
        return self.first({"last": str(returns[-1])})

    def exits(self):
        os._exit(3)

    def is_killed(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def raises(self):
        raise Unpicklable

    def interrupts(self):
        raise KeyboardInterrupt("of the body")

    def leaves(self):
        raise SystemExit(2)

    def returns_what_can_not_travel(self):
        return lambda: None

    def forks(self):
        return "in a copy" if os.fork() == 0 else "itself"

    def is_endless(self):
        while True:
            pass


def executed(trouble, stuck_s=5.0):
    cell = Cell(
        "troubled",
        Troubled().with_texts({"trouble": trouble}),
        guard_named("none"),
        store_named("memory"),
        2,
        "simulated",
    )
    session, walk = MirroredSession(cell, is_timed=False, stuck_s=stuck_s), RandomWalk(1)
    try:
        for _ in range(2):  # the session goes on after it
            walk.begin()
            trial = session.execute(walk).trial
    finally:
        session.close()
    return trial.outcome, trial.detail, trial.measures


@pytest.mark.parametrize(
    ("trouble", "outcome", "detail"),
    [
        ("exits", "crash", "actor 1 ended by exit code 3"),
        ("is_killed", "crash", "actor 1 ended by SIGKILL"),
        ("raises", "raised", "Unpicklable: <function"),
        ("interrupts", "raised", "KeyboardInterrupt: of the body (actor 1)"),
        ("leaves", "raised", "SystemExit: 2 (actor 1)"),
        ("returns_what_can_not_travel", "raised", "AttributeError: Can't "),
        ("forks", "ok", ""),
    ],
)
def test_trouble_in_a_process_is_an_outcome(trouble, outcome, detail):
    found = executed(trouble)
    assert (found[0], found[1][: len(detail)]) == (outcome, detail)
    assert trouble != "forks" or found[2] == {"last": "itself"}


def test_a_process_that_goes_on_without_an_operation_is_a_hang():
    assert executed("is_endless", stuck_s=0.2)[:2] == ("hang", "actor 1 went on for 0.2 s without an operation")


def children():
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())


def test_nothing_is_left_behind(tmp_path):
    before = children()
    explore("ticket_sale", guards=["queue"], processes=[2], engine="controlled", out=tmp_path / "found")
    assert [path for path in scratch.SHARED_MEMORY.iterdir() if f"-{os.getpid()}-" in path.name] == []
    assert children() <= before
