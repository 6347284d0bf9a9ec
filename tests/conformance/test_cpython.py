"""CPython's own tests of multiprocessing's primitives, run against the simulated ones: each an actor in virtual time.

Its clock, threads and processes are replaced by those of a kernel, so that its timings are checked exactly. What tests
something that the world does not offer is left out by name, with the reason.
"""

import threading
import time
import types
import unittest

import pytest

from lab.engines.simulated import messages, primitives, signals
from lab.engines.simulated.kernel import Kernel, Shared, Step
from lab.schedulers.by_time import ByTime

try:
    from test import _test_multiprocessing as theirs
except ImportError:
    theirs = None

SUITES = ("Lock", "Semaphore", "Condition", "Event", "Barrier", "Queue", "Value")
LEFT_OUT = {
    "Queue.test_task_done": "no JoinableQueue",
    "Queue.test_no_import_lock_contention": "about imports",
    "Queue.test_queue_feeder_on_queue_feeder_error": "about a hook of a subclass",
    "Queue.test_closed_queue_put_get_exceptions": "a queue of the world is never closed",
    "Value.test_rawvalue": "no RawValue",
    "Value.test_getobj_getlock": "no other lock than its own",
}
SEEDS = (1, 2, 3)


class World:
    """What their mixins hand to a test: the primitives and a Process, of one kernel."""

    def __init__(self, kernel):
        self.kernel = kernel

    def process(self, target, args=(), **_):
        return Process(self.kernel, target, args)

    def make(self, kind):
        return lambda *arguments, **named: kind(self.kernel, "one", *arguments, **named)


class Process:
    """A further actor."""

    def __init__(self, kernel, target, args):
        self._kernel, self._target, self._args = kernel, target, args
        self._end = Shared("process")
        self._join = Step("join", self._end, can=lambda: self._actor.is_done)

    def start(self):
        self._actor = self._kernel.spawn(self._live, is_service=True)

    def _live(self):
        try:
            self._target(*self._args)
        finally:
            self._kernel.changed(self._end)

    def join(self, timeout=None):
        assert self._kernel.step(self._join, timeout)
        if self._actor.error is not None:
            raise self._actor.error

    @property
    def exitcode(self):
        return 0 if self._actor.error is None else 1


def methods():
    for suite in SUITES if theirs else ():
        kind = getattr(theirs, f"_Test{suite}")
        yield from (f"{suite}.{name}" for name in dir(kind) if name.startswith("test_"))


def case(name, kernel):
    """Their test of that name, on this kernel."""
    suite, method = name.split(".")
    world = World(kernel)
    names = {
        "TYPE": "processes",
        "Process": staticmethod(world.process),
        "Lock": staticmethod(world.make(primitives.lock)),
        "RLock": staticmethod(world.make(primitives.RLock)),
        "Semaphore": staticmethod(world.make(primitives.Semaphore)),
        "BoundedSemaphore": staticmethod(world.make(primitives.bounded_semaphore)),
        "Condition": staticmethod(world.make(signals.Condition)),
        "Event": staticmethod(world.make(signals.Event)),
        "Barrier": staticmethod(world.make(signals.Barrier)),
        "Queue": staticmethod(world.make(messages.Queue)),
        "Value": staticmethod(lambda _, initial: primitives.Value(kernel, "one", initial)),
        "Pipe": staticmethod(lambda _: messages.pipe(kernel, "one")),
        "DummyList": lambda self: [],
        "check_invariant": lambda self, cond: None,
        "codes_values": [("i", 4343, 24234), ("h", -232, 234), ("q", 2**33, 2**34)],
    }
    kind = type(f"Simulated{suite}", (getattr(theirs, f"_Test{suite}"), unittest.TestCase), names)
    return kind(method)


def run(name, seed, monkeypatch):
    """What went wrong in a test, as text."""
    kernel = Kernel(is_timed=True)
    clock = types.SimpleNamespace(sleep=kernel.sleep, monotonic=lambda: kernel.now_s, time=time.time)
    threads = types.SimpleNamespace(**vars(threading))
    threads.Thread = lambda target, args=(): Process(kernel, target, args)
    queues = types.SimpleNamespace(Queue=World(kernel).make(messages.Queue))
    for module, value in (("time", clock), ("threading", threads), ("multiprocessing", queues)):
        monkeypatch.setattr(theirs, module, value)
    monkeypatch.setattr(theirs, "get_value", lambda semaphore: semaphore.count)
    monkeypatch.setattr(theirs, "close_queue", lambda queue: None)
    monkeypatch.setattr(theirs, "join_process", lambda process: process.join())
    monkeypatch.setattr(theirs, "CHECK_TIMINGS", True)
    result = unittest.TestResult()
    test = case(name, kernel)
    ending = kernel.run([lambda: test.run(result)], [], ByTime(seed))
    assert result.testsRun == 1
    skipped = [why for _, why in result.skipped]
    wrong = [text for _, text in result.failures + result.errors]
    return [*wrong, *skipped, *([ending.kind] if ending.kind != "done" else [])]


@pytest.mark.skipif(theirs is None, reason="this interpreter comes without CPython's test package")
@pytest.mark.parametrize("name", [name for name in methods() if name not in LEFT_OUT] or ["none"])
def test_a_primitive_passes_cpythons_own_test(name, monkeypatch):
    for seed in SEEDS:
        assert run(name, seed, monkeypatch) == []


@pytest.mark.skipif(theirs is None, reason="this interpreter comes without CPython's test package")
@pytest.mark.parametrize(
    ("name", "kind", "method"),
    [
        ("Lock.test_lock", primitives.Semaphore, "acquire"),
        ("Condition.test_notify_n", signals.Condition, "notify"),
        ("Event.test_event", signals.Event, "wait"),
        ("Queue.test_get", messages.Queue, "empty"),
    ],
)
def test_a_broken_primitive_fails_it(name, kind, method, monkeypatch):
    monkeypatch.setattr(kind, method, lambda *_, **__: True)

    assert run(name, 1, monkeypatch) != []


@pytest.mark.skipif(theirs is None, reason="this interpreter comes without CPython's test package")
def test_what_is_left_out_exists():
    assert set(LEFT_OUT) <= set(methods())
