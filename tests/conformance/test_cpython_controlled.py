"""CPython's own tests of multiprocessing's primitives as a script under control: interception changes nothing else.

Each suite is one execution on real processes. Where a test waits for what others have done while it slept, they have:
who can go on is drawn, and nobody's time is up before nobody can. What tests something that is not controlled, or that
only sleeps put in order, is left out by name, with the reason.
"""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from conftest import thorough

from lab.engines.controlled import controller, messages, semaphores, signals
from lab.engines.controlled.session import ControlledSession
from lab.script import Script

try:
    from test import _test_multiprocessing as theirs
except ImportError:
    theirs = None

SCRIPT = str(Path(__file__).parents[1] / "programs" / "cpython_tests.py")
SUITES = (
    *("Lock", "Semaphore", "Condition", "Event", "Barrier", "Queue", "SimpleQueue", "Connection", "Poll"),
    *("Value", "Array", "SharedCTypes", "SharedMemory"),
)
BY_COUNTS = "about the counts that a condition keeps to itself"
BY_SLEEP = "sleeps alone put its actors in order, and here they order nothing"
BY_MANAGER = "a Manager is not controlled"
NO_DESCRIPTOR = "a connection under control has no descriptor to give away"
LEFT_OUT = {
    "Condition.test_notify": BY_COUNTS,
    "Condition.test_notify_all": BY_COUNTS,
    "Condition.test_notify_n": BY_COUNTS,
    "Condition.test_wait_result": "a signal that is caught is not controlled",
    "Barrier.test_timeout": BY_SLEEP,
    "Barrier.test_default_timeout": BY_SLEEP,
    "Connection.test_fd_transfer": NO_DESCRIPTOR,
    "Connection.test_large_fd_transfer": NO_DESCRIPTOR,
    "Connection.test_missing_fd_transfer": NO_DESCRIPTOR,
    "SharedMemory.test_shared_memory_SharedMemoryManager_basics": BY_MANAGER,
    "SharedMemory.test_shared_memory_SharedMemoryManager_reuses_resource_tracker": BY_MANAGER,
    "SharedMemory.test_shared_memory_SharedMemoryServer_ignores_sigint": BY_MANAGER,
    "SharedMemory.test_shared_memory_cleaned_after_process_termination": "about another program's resource tracker",
    "SimpleQueue.test_closed": "about the connections that it keeps to itself",
}
LEFT_OUT_LATER = {
    "Queue.test_closed_queue_empty_exceptions": "about the connections that it keeps to itself",
    "SharedMemory.test_shared_memory_tracking": "about another program's resource tracker",
    "SharedMemory.test_shared_memory_untracking": "about another program's resource tracker",
}
"""Of a later Python than the oldest that is supported."""
LONG = {"Barrier.test_thousand"}
"""Of more operations than an execution may have."""

needs_theirs = pytest.mark.skipif(theirs is None, reason="this interpreter comes without CPython's test package")


class Patient:
    """Draws among those who can go on; a feeder delivers at once, and time is up when nobody else can do anything.

    It is up last for who awaits the end of another, since these tests do so for half a minute.
    """

    asks_always = True

    def __init__(self, seed):
        self._random = Random(seed)

    def begin(self):
        return True

    def choose(self, enabled, current):
        places = range(len(enabled))
        delivering = [place for place in places if enabled[place].kind == "deliver"]
        able = [place for place in places if not enabled[place].is_timeout]
        hasty = [place for place in places if enabled[place].kind != "join"]
        return self._random.choice(delivering or able or hasty or places)

    def end(self, waiting):
        pass


def methods(suite):
    kind = getattr(theirs, f"_Test{suite}", None) or getattr(theirs, f"Test{suite}")
    return [name for name in dir(kind) if name.startswith("test_")]


def run(suite, names, seed=1, start_method="fork"):
    """How the execution ended, and what it printed."""
    program = Script(SCRIPT, files=[SCRIPT], arguments=(start_method, suite, *names)).program()
    session = ControlledSession(replace(program, preload=["test._test_multiprocessing"]))
    try:
        execution = session.execute(Patient(seed))
        return execution.trial.outcome.split()[0], session.printed_by(0).decode()
    finally:
        session.close()


def kept(suite):
    return [name for name in methods(suite) if f"{suite}.{name}" not in {*LEFT_OUT, *LEFT_OUT_LATER, *LONG}]


@needs_theirs
@pytest.mark.parametrize("seed", [1, *thorough(2, 3, 4, 5)])
@pytest.mark.parametrize("suite", SUITES)
def test_a_primitive_passes_cpythons_own_tests_under_control(suite, seed):
    assert run(suite, kept(suite), seed) == ("ended", f"{len(kept(suite))} were run\n")


@needs_theirs
@pytest.mark.parametrize("start_method", ["spawn", *thorough("forkserver")])
@pytest.mark.parametrize("suite", ["Condition", "Queue", *thorough(*sorted({*SUITES} - {"Condition", "Queue"}))])
def test_it_passes_them_where_it_is_passed_to_processes_that_are_not_forked(suite, start_method):
    assert run(suite, kept(suite), start_method=start_method) == ("ended", f"{len(kept(suite))} were run\n")


@needs_theirs
@pytest.mark.parametrize("name", thorough(*LONG))
def test_what_is_long_passes_too(name, monkeypatch):
    monkeypatch.setattr(controller, "MOST_OPERATIONS", 1_000_000)
    suite, method = name.split(".")

    assert run(suite, [method]) == ("ended", "1 were run\n")


@needs_theirs
@pytest.mark.parametrize(
    ("name", "kind", "method"),
    [
        ("Lock.test_lock", semaphores.Semaphore, "give"),
        ("Event.test_event", signals.Event, "_put"),
        ("Queue.test_task_done", messages.Queue, "_finish"),
    ],
)
def test_a_broken_primitive_fails_them(name, kind, method, monkeypatch):
    monkeypatch.setattr(kind, method, lambda *_: True)
    suite, method = name.split(".")

    assert run(suite, [method]) != ("ended", "1 were run\n")


@needs_theirs
def test_what_is_left_out_exists():
    assert {*LEFT_OUT, *LONG} <= {f"{suite}.{name}" for suite in SUITES for name in methods(suite)}
