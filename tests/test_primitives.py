"""What a primitive was left in never reaches the next trial."""

import multiprocessing

import pytest
from conftest import make_cell, outcomes, thorough

from lab.engines.real.folder import RealFileLock
from lab.engines.real.primitives import RealMaker
from lab.errors import UsageError
from lab.scenario import Scenario
from lab.trial import Judgement, ok, violation


class Leaves(Scenario):
    """Each trial looks at every primitive, then leaves the one it is about in another state."""

    what: str = "nothing"
    outcomes = {"dirty": violation("something was left from the trial before"), "ok": ok("as declared")}
    guards = ("none", "lock")

    def shared(self, make):
        make.lock("a lock")
        make.rlock("an rlock")
        make.semaphore("a semaphore", 2)
        make.bounded_semaphore("a bounded semaphore", 2)
        make.file_lock("a file lock")
        make.event("an event")
        make.condition("a condition")
        make.barrier("a barrier", 1)
        make.queue("a queue")
        make.pipe("a pipe")
        make.value("a value", 7)

    def section(self, world, actor):
        found = self._look(world)
        getattr(self, f"_leave_{self.what}", lambda world: None)(world)
        return found

    def _look(self, world):
        semaphore, bounded = world.semaphore("a semaphore"), world.bounded_semaphore("a bounded semaphore")
        found = [
            _free(world.lock("a lock")),
            _free(world.rlock("an rlock")),
            _permits(semaphore),
            _permits(bounded),
            _free(world.file_lock("a file lock")),
            world.event("an event").is_set(),
            _free(world.condition("a condition")),
            world.barrier("a barrier").wait(timeout=1),
            world.queue("a queue").empty(),
            [end.poll() for end in world.pipe("a pipe")],
            world.value("a value").value,
        ]
        return repr(found)

    def _leave_lock(self, world):
        world.lock("a lock").acquire()

    def _leave_rlock(self, world):
        world.rlock("an rlock").acquire()

    def _leave_semaphore(self, world):
        for _ in range(3):
            world.semaphore("a semaphore").release()

    def _leave_empty_semaphore(self, world):
        world.semaphore("a semaphore").acquire()
        world.bounded_semaphore("a bounded semaphore").acquire()

    def _leave_file_lock(self, world):
        world.file_lock("a file lock").acquire()

    def _leave_event(self, world):
        world.event("an event").set()

    def _leave_condition(self, world):
        world.condition("a condition").acquire()

    def _leave_barrier(self, world):
        world.barrier("a barrier").abort()

    def _leave_queue(self, world):
        for number in range(100):
            world.queue("a queue").put("x" * number)

    def _leave_pipe(self, world):
        for end in world.pipe("a pipe"):
            end.send(["left", "over"])

    def _leave_value(self, world):
        world.value("a value").value = 13

    def judge(self, world, returns):
        return self.first({}, dirty=returns != [AS_DECLARED])


AS_DECLARED = repr([True, True, 2, 2, True, False, True, 0, True, [False, False], 7])


def _free(lock):
    if not lock.acquire(False):
        return False
    lock.release()
    return True


def _permits(semaphore):
    count = 0
    while semaphore.acquire(block=False):
        count += 1
    for _ in range(count):
        semaphore.release()
    return count


DEEDS = [name.removeprefix("_leave_") for name in vars(Leaves) if name.startswith("_leave_")]


@pytest.mark.parametrize("what", ["nothing", *DEEDS])
@pytest.mark.parametrize("start_method", ["fork", *thorough("forkserver")])
def test_every_trial_finds_every_primitive_as_it_was_declared(run, what, start_method):
    trials = run(make_cell(Leaves, processes=1, what=what, start_method=start_method), 4)

    assert outcomes(trials) == {"ok": 4}, trials


def test_without_restoring_the_next_trial_would_notice(run, monkeypatch):
    monkeypatch.setattr(RealMaker, "restore", lambda self: True)
    trials = run(make_cell(Leaves, processes=1, what="value"), 3)

    assert [trial.outcome for trial in trials] == ["ok", "dirty", "dirty"]


def test_a_name_declared_twice_is_a_users_error(run):
    with pytest.raises(UsageError, match="lock 'guard' is declared twice"):
        run(make_cell(DeclaresTheGuards, "lock", processes=1), 1)


class DeclaresTheGuards(Leaves):
    def shared(self, make):
        make.lock("guard")


def test_an_undeclared_name_is_an_outcome_that_lists_the_declared_ones(run):
    (trial,) = run(make_cell(AsksForMore, processes=1), 1)

    assert trial.outcome == "raised"
    assert trial.detail == "LookupError: no event 'green' was declared in shared(), only: event 'red' (actor 0)"


class AsksForMore(Scenario):
    outcomes = {"ok": ok("never")}

    def shared(self, make):
        make.event("red")

    def section(self, world, actor):
        world.event("green")

    def judge(self, world, returns):
        return Judgement("ok")


@pytest.mark.parametrize(
    ("kind", "arguments", "leave"),
    [
        ("lock", (), lambda one, other: one.acquire()),
        ("rlock", (), lambda one, other: one.acquire()),
        ("semaphore", (2,), lambda one, other: one.acquire()),
        ("semaphore", (2,), lambda one, other: one.release()),
        ("bounded_semaphore", (2,), lambda one, other: one.acquire()),
        ("file_lock", (), lambda one, other: other.acquire()),
    ],
)
def test_a_look_tells_whether_a_primitive_is_as_it_was_declared(tmp_path, kind, arguments, leave):
    maker = RealMaker(multiprocessing.get_context("fork"), 2, tmp_path)
    getattr(maker, kind)("one", *arguments)
    [(primitive, look)] = maker.looks
    assert look(primitive)
    leave(primitive, RealFileLock(tmp_path / "lock-0"))

    assert not look(primitive)


@pytest.mark.parametrize("kinds", [["event"], ["lock", "event"], ["event", "lock"]])
def test_one_that_a_look_does_not_tell_about_leaves_none(tmp_path, kinds):
    maker = RealMaker(multiprocessing.get_context("fork"), 2, tmp_path)
    for kind in kinds:
        getattr(maker, kind)(kind)

    assert maker.looks is None
