"""What every world must do, whatever engine makes it: the primitives behave as multiprocessing's do.

Parametrised over the engines; a further engine joins by its name in ENGINES. `test_a_broken_world_fails` shows that the
suite can fail.
"""

import queue
import threading

import pytest
from conftest import make_cell

from lab.delays import Delay, constant, uniform
from lab.engines.mirrored import MirroredSession
from lab.engines.mirrored.participant import AskingWorld
from lab.engines.real import RealEngine
from lab.engines.real.world import RealWorld
from lab.engines.simulated import SimulatedEngine
from lab.engines.simulated.world import SimulatedWorld
from lab.scenario import Scenario
from lab.trial import Judgement, ok


class MirroredEngine(SimulatedEngine):
    """In virtual time as well, but with a process for each actor, and multiprocessing's own primitives."""

    def open(self, cell, lanes=1, timeout_s=None):
        session = MirroredSession(cell, timeout_s=timeout_s)
        self._sessions.append(session)
        return session


ENGINES = {"real": RealEngine, "simulated": SimulatedEngine, "controlled": MirroredEngine}
WORLDS = (RealWorld, SimulatedWorld, AskingWorld)


class Conforms(Scenario):
    """Each deed is a small program; what its actors return must be what the deed's docstring says."""

    deed: str = "lock_excludes"
    nap: Delay = constant(0.003)
    draw: Delay = uniform(0, 0.001)
    outcomes = {"ok": ok("ran")}

    def shared(self, make):
        make.lock("lock")
        make.rlock("rlock")
        make.semaphore("semaphore", 2)
        make.bounded_semaphore("bounded", 2)
        make.event("event")
        make.condition("condition")
        make.barrier("barrier", 3)
        make.queue("queue")
        make.queue("short", 1)
        make.pipe("pipe")
        make.value("value", 5)

    def section(self, world, actor):
        return getattr(self, f"_{self.deed}")(world, actor)

    def judge(self, world, returns):
        return Judgement("ok", {"returns": repr(returns)})

    def _lock_excludes(self, world, actor):
        with world.lock("lock"):
            before = world.value("value").value
            world.sleep(self.nap)
            world.value("value").value = before + 1
        world.barrier("barrier").wait()
        return world.value("value").value

    def _lock_is_refused(self, world, actor):
        lock = world.lock("lock")
        if actor == 0:
            lock.acquire()
        world.barrier("barrier").wait()
        got = [lock.acquire(block=False), lock.acquire(timeout=0.001)] if actor else None
        world.barrier("barrier").wait()
        if actor == 0:
            lock.release()
        return got

    def _releasing_a_free_lock(self, world, actor):
        return _raised(world.lock("lock").release) if actor == 0 else None

    def _releasing_a_free_rlock(self, world, actor):
        return _raised(world.rlock("rlock").release) if actor == 0 else None

    def _rlock_recurs(self, world, actor):
        with world.rlock("rlock"), world.rlock("rlock"):
            return world.rlock("rlock").acquire(block=False) and [world.rlock("rlock").release() for _ in range(1)]

    def _semaphore_admits_two(self, world, actor):
        semaphore = world.semaphore("semaphore")
        if actor == 0:
            return [semaphore.acquire(block=False) for _ in range(3)]
        return None

    def _semaphore_may_be_over_released(self, world, actor):
        semaphore = world.semaphore("semaphore")
        if actor == 0:
            semaphore.release()
            return [semaphore.acquire(block=False) for _ in range(4)]
        return None

    def _bounded_semaphore_may_not(self, world, actor):
        return _raised(world.bounded_semaphore("bounded").release) if actor == 0 else None

    def _event_wakes_all(self, world, actor):
        if actor == 0:
            world.sleep(self.nap)
            world.event("event").set()
            return None
        return world.event("event").wait()

    def _event_wait_times_out(self, world, actor):
        return [world.event("event").wait(timeout=0.001), world.event("event").is_set()]

    def _condition_notifies(self, world, actor):
        condition = world.condition("condition")
        with condition:
            if actor == 2:
                world.value("value").value = 1
                condition.notify_all()
                return None
            while world.value("value").value != 1:
                condition.wait()
        return True

    def _condition_wait_times_out(self, world, actor):
        with world.condition("condition"):
            return world.condition("condition").wait(timeout=0.001)

    def _barrier_gives_each_a_number(self, world, actor):
        return world.barrier("barrier").wait()

    def _barrier_breaks(self, world, actor):
        barrier = world.barrier("barrier")
        if actor == 0:
            world.sleep(self.nap)
            barrier.abort()
            return None
        return _raised(barrier.wait)

    def _queue_keeps_order(self, world, actor):
        if actor == 0:
            for number in range(5):
                world.queue("queue").put(number)
            return None
        return [world.queue("queue").get() for _ in range(5)] if actor == 1 else None

    def _queue_times_out(self, world, actor):
        if actor:
            return None
        return [_raised(world.queue("queue").get, False), _raised(world.queue("queue").get, True, 0.001)]

    def _queue_is_full(self, world, actor):
        if actor:
            return None
        world.queue("short").put("x")
        return [_raised(world.queue("short").put, "y", False), world.queue("short").get()]

    def _pipe_carries_both_ways(self, world, actor):
        ours, theirs = world.pipe("pipe")
        if actor == 0:
            ours.send({"ask": 1})
            return ours.recv()
        if actor == 1:
            asked = theirs.recv()
            theirs.send([asked, "answered"])
        return None

    def _wait_finds_who_has_something(self, world, actor):
        ours, theirs = world.pipe("pipe")
        if actor == 0:
            world.sleep(self.nap)
            ours.send("x")
            return None
        return [end.recv() for end in world.wait([theirs])] if actor == 1 else None

    def _value_has_a_lock(self, world, actor):
        value = world.value("value")
        for _ in range(50):
            with value.get_lock():
                value.value += 1
        world.barrier("barrier").wait()
        return value.value

    def _draws_repeat(self, world, actor):
        return [round(world.random("x"), 6), round(world.random("x"), 6)] if actor == 0 else None

    def _world_knows_its_actor(self, world, actor):
        return [world.actor, world.processes]


def _raised(call, *arguments):
    try:
        call(*arguments)
    except (ValueError, AssertionError, queue.Empty, queue.Full, threading.BrokenBarrierError) as error:
        return type(error).__name__
    return "nothing"


EXPECTED = {
    "lock_excludes": [8, 8, 8],
    "lock_is_refused": [None, [False, False], [False, False]],
    "releasing_a_free_lock": ["ValueError", None, None],
    "releasing_a_free_rlock": ["AssertionError", None, None],
    "rlock_recurs": [[None], [None], [None]],
    "semaphore_admits_two": [[True, True, False], None, None],
    "semaphore_may_be_over_released": [[True, True, True, False], None, None],
    "bounded_semaphore_may_not": ["ValueError", None, None],
    "event_wakes_all": [None, True, True],
    "event_wait_times_out": [[False, False]] * 3,
    "condition_notifies": [True, True, None],
    "condition_wait_times_out": [False] * 3,
    "barrier_breaks": [None, "BrokenBarrierError", "BrokenBarrierError"],
    "queue_keeps_order": [None, [0, 1, 2, 3, 4], None],
    "queue_times_out": [["Empty", "Empty"], None, None],
    "queue_is_full": [["Full", "x"], None, None],
    "pipe_carries_both_ways": [[{"ask": 1}, "answered"], None, None],
    "wait_finds_who_has_something": [None, ["x"], None],
    "value_has_a_lock": [155] * 3,
    "draws_repeat": [[0.955802, 0.977666], None, None],
    "world_knows_its_actor": [[0, 3], [1, 3], [2, 3]],
}


@pytest.fixture(params=ENGINES)
def returns(request):
    """Runs a deed twice, and gives what its actors returned; both times must be the same."""

    def returns(deed):
        with ENGINES[request.param]() as engine:
            session = engine.open(make_cell(Conforms, processes=3, deed=deed), timeout_s=5)
            try:
                trials = list(session.run([1, 1]))
            finally:
                session.close()
        assert [trial.outcome for trial in trials] == ["ok", "ok"], trials
        return [trial.measures["returns"] for trial in trials]

    return returns


@pytest.mark.parametrize("deed", EXPECTED)
def test_the_world_does_what_multiprocessing_does(returns, deed):
    assert returns(deed) == [repr(EXPECTED[deed])] * 2


def test_a_barrier_gives_each_actor_a_number_of_its_own(returns):
    assert all(sorted(eval(found)) == [0, 1, 2] for found in returns("barrier_gives_each_a_number"))


def test_every_deed_is_expected():
    deeds = {
        name.removeprefix("_")
        for name, value in vars(Conforms).items()
        if callable(value) and name[0] == "_" != name[1]
    }

    assert deeds == {*EXPECTED, "barrier_gives_each_a_number"}


class Broken:
    """Stands for any primitive, and grants everything."""

    def __getattr__(self, name):
        return lambda *arguments, **named: True

    def __enter__(self):
        return True

    def __exit__(self, *_):
        return None


def broken(whole, kind):
    return lambda world, asked, name: Broken() if asked == kind else whole(world, asked, name)


@pytest.mark.parametrize("kind", ["lock", "semaphore", "bounded_semaphore", "event", "queue"])
def test_a_broken_world_fails(returns, monkeypatch, kind):
    for world in WORLDS:
        monkeypatch.setattr(world, "_primitive", broken(world._primitive, kind))
    deeds = {
        "lock": "lock_excludes",
        "semaphore": "semaphore_admits_two",
        "bounded_semaphore": "bounded_semaphore_may_not",
        "event": "event_wait_times_out",
        "queue": "queue_keeps_order",
    }

    assert returns(deeds[kind]) != [repr(EXPECTED[deeds[kind]])] * 2
