"""Exploration on several cores says what it says on one: the same outcomes, classes and shortest schedules."""

import gc
import json
import os
import signal
import time
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import pytest
from conftest import eventually, make_cell
from drawn_programs import Drawn
from planted import DoubleRelease, Philosophers

import lab.cell_search
import lab.subtrees
from lab.cell_search import Watcher, checked, explore_cell
from lab.engines.simulated.session import SimulatedSession
from lab.schedulers.dpor import Dpor
from lab.search import Limits, Tally, search
from lab.subtrees import search_subtrees

CELLS = {
    "a torn file": make_cell("ticket_sale", store="json_file", processes=3),
    "retries": make_cell("ticket_sale", "optimistic", "memory"),
    "queues": make_cell("ticket_sale", "queue", "atomic_json_file", 3),
    "deadlocks": make_cell(Philosophers, processes=3),
    "a lock of a value": make_cell(DoubleRelease, processes=3),
    "timeouts": make_cell(
        Drawn,
        store="atomic_json_file",
        processes=3,
        program=json.dumps(
            [["lock", "event"], [[["acquire for 1 s", 0], ["release", 0]]] * 2 + [[["wait for 1 s", 1], ["try", 0]]]]
        ),
    ),
}


def alone(cell, executions=None):
    """The search by one process, of which others can do the rest."""
    session, tally, dpor = SimulatedSession(cell, is_timed=False), Tally(is_reduced=True), Dpor()
    try:
        search(session, dpor, tally, Limits(executions, 60), lambda tally: None)
    finally:
        session.close()
    return dpor, tally


def shared(cell, begun, limits=Limits(None, 60), open_session=None, jobs=2):
    """The search by two processes, after so many executions by one; and which limit was met."""
    dpor, tally = alone(cell, begun)
    opened = open_session or (lambda: SimulatedSession(cell, is_timed=False))
    return tally, search_subtrees(opened, dpor, tally, limits, lambda tally: None, jobs)


@pytest.mark.parametrize("begun", [1, 5])
@pytest.mark.parametrize("name", CELLS)
def test_two_processes_see_the_same_outcomes_in_as_many_classes(name, begun):
    _, one = alone(CELLS[name])

    two, spent = shared(CELLS[name], begun)

    assert spent == ""
    assert {outcome: seen.executions for outcome, seen in two.seen.items()} == {
        outcome: seen.executions for outcome, seen in one.seen.items()
    }
    assert (two.classes, two.deepest) == (one.classes, one.deepest)
    assert two.executions == two.classes + two.redundant


def test_verdict_and_shortest_schedules_are_those_of_one_process(monkeypatch):
    # So short a time alone that two processes do nearly all of it.
    monkeypatch.setattr(lab.cell_search, "_ALONE_S", 0.01)
    cell = make_cell("ticket_sale", store="json_file", processes=3)

    one, two = (explore_cell(cell, checked({"jobs": jobs}), Watcher()) for jobs in (1, 2))

    assert (one.verdict, two.verdict) == ("found", "found")
    assert one.classes == two.classes == 258
    shortest = [
        [(found.outcome, found.schedule) for found in explored.findings if found.is_shortest] for explored in (one, two)
    ]
    assert [outcome for outcome, _ in shortest[0]] == ["oversold", "torn_read"]
    assert shortest[0] == shortest[1]


@pytest.mark.parametrize("executions", [20, 100])
def test_a_budget_of_executions_is_honoured_by_all_together(executions):
    tally, spent = shared(CELLS["a torn file"], 5, Limits(executions, 60))

    assert spent == f"the budget of {executions} executions is spent"
    assert tally.executions == executions


def test_a_budget_of_seconds_is_honoured_by_all_together():
    cell = make_cell("ticket_sale", "optimistic", "memory", 4)

    start = time.monotonic()
    _, spent = shared(cell, 5, Limits(None, 0.5))

    assert spent == "the budget of 0.5 s is spent"
    assert time.monotonic() - start < 2.5


class Dies:
    """A session whose process is killed in its third execution."""

    def __init__(self, inner):
        self.inner, self.left = inner, 3

    def execute(self, scheduler):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.inner.execute(scheduler)


def test_a_killed_process_is_told_and_proves_nothing():
    cell = make_cell("ticket_sale", "queue", "atomic_json_file", 3)

    tally, spent = shared(cell, 5, open_session=lambda: Dies(SimulatedSession(cell, is_timed=False)))

    assert spent == "a process that searched a part was killed"
    assert tally.executions >= 5


def test_a_cell_whose_helper_is_killed_is_unknown(monkeypatch):
    cell = make_cell("ticket_sale", "optimistic", "memory", 3)
    monkeypatch.setattr(lab.cell_search, "_ALONE_S", 0.1)
    searching = search_subtrees

    def with_a_death(open_session, *rest):
        return searching(lambda: Dies(open_session()), *rest)

    monkeypatch.setattr(lab.cell_search, "search_subtrees", with_a_death)
    explored = explore_cell(cell, checked({"jobs": 2, "seconds": 30}), Watcher())

    assert (explored.verdict, explored.reason) == ("unknown", "a process that searched a part was killed")


def test_no_process_is_left_behind():
    before = children()
    shared(CELLS["a torn file"], 5, Limits(20, 60))

    eventually(lambda: children() <= before)


def children():
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.mark.parametrize("deed", ["half_a_report", "no_end"])
def test_the_end_of_a_search_waits_for_nothing_that_its_processes_were_in_the_middle_of(monkeypatch, deed):
    def late(number, frame):
        raise TimeoutError

    monkeypatch.setattr(lab.subtrees, "_explore", globals()[deed])
    monkeypatch.setattr(lab.subtrees.Task, "copies", lambda task: [b"more than a pipe holds" * 10_000])
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(30)
    try:
        _, spent = shared(CELLS["queues"], 5, Limits(None, 0.5))
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

    assert spent == "the budget of 0.5 s is spent"


def half_a_report(path, grant):
    """Both processes are killed while they tell much."""
    [results] = [one for one in gc.get_objects() if type(one) is SimpleQueue]
    os.write(results._writer.fileno(), (1 << 20).to_bytes(4, "big"))
    time.sleep(600)


def no_end(path, grant):
    """Both are busy while the next task is sent, which nobody takes."""
    time.sleep(600)
