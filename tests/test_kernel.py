"""The kernel under programs drawn at random: nobody is forgotten or let in wrongly, and looking changes nothing."""

import queue

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.engines.simulated.kernel import Kernel
from lab.engines.simulated.messages import Queue
from lab.engines.simulated.primitives import RLock, Semaphore, lock
from lab.engines.simulated.signals import Condition, Event
from lab.schedulers.by_time import ByTime

NAPS = st.sampled_from([0.0, 1.0, 1.0, 2.0, 3.0])
TIMEOUTS = st.sampled_from([None, None, 1.0, 2.0])
DEEDS = st.one_of(
    st.tuples(st.just("sleep"), NAPS),
    st.tuples(st.sampled_from(["lock", "semaphore", "rlock"]), TIMEOUTS, NAPS),
    st.tuples(st.just("wait"), TIMEOUTS),
    st.tuples(st.sampled_from(["set", "clear", "put", "notify"])),
    st.tuples(st.just("get"), TIMEOUTS),
    st.tuples(st.just("sleep on condition"), TIMEOUTS),
)
PROGRAMS = st.lists(st.lists(DEEDS, max_size=6), min_size=1, max_size=5)


class Machine:
    """Some primitives, actors that use them, and a diary of what each met when."""

    def __init__(self, is_timed, keeps_history):
        self.kernel = kernel = Kernel(is_timed=is_timed, keeps_history=keeps_history)
        self.guards = {
            "lock": lock(kernel, "lock"),
            "semaphore": Semaphore(kernel, "semaphore", 2),
            "rlock": RLock(kernel, "rlock"),
        }
        self.event, self.condition, self.items = Event(kernel, "e"), Condition(kernel, "c"), Queue(kernel, "q", 2)

        self.inside, self.crowded = dict.fromkeys(self.guards, 0), []

    def run(self, programs, seed):
        self.diary, self.inside, self.crowded = [], dict.fromkeys(self.guards, 0), []
        for thing in (*self.guards.values(), self.event, self.condition, self.items):
            thing.restore()
        ending = self.kernel.run([self._body(number, deeds) for number, deeds in enumerate(programs)], [], ByTime(seed))
        stuck = [actor for actor in self.kernel.actors if not actor.is_done]
        forgotten = [actor.name for actor in stuck if actor.step.can is None or actor.step.can()]
        errors = [actor.error for actor in self.kernel.actors if actor.error is not None]
        return ending.kind, self.diary, forgotten, self.crowded, errors

    def _body(self, number, deeds):
        def body():
            for deed in deeds:
                self.diary.append((self.kernel.now_s, number, deed, self._do(*deed)))

        return body

    def _do(self, kind, *choices):
        if kind in self.guards:
            return self._enter(kind, *choices)
        match kind:
            case "sleep":
                if choices[0]:
                    self.kernel.sleep(choices[0])
            case "wait":
                return self.event.wait(*choices)
            case "set":
                self.event.set()
            case "clear":
                self.event.clear()
            case "put":
                try:
                    self.items.put("x", timeout=1.0)
                except queue.Full:
                    return "full"
            case "get":
                try:
                    return self.items.get(timeout=choices[0])
                except queue.Empty:
                    return "empty"
            case "notify":
                with self.condition:
                    self.condition.notify()
            case "sleep on condition":
                with self.condition:
                    return self.condition.wait(*choices)
        return None

    def _enter(self, kind, timeout, nap):
        guard = self.guards[kind]
        if not guard.acquire(timeout=timeout):
            return False
        self.inside[kind] += 1
        if self.inside[kind] > (2 if kind == "semaphore" else 1):
            self.crowded.append(kind)
        if nap:
            self.kernel.sleep(nap)
        self.inside[kind] -= 1
        guard.release()
        return True


@settings(max_examples=300, deadline=None)
@given(PROGRAMS, st.integers(0, 5))
def test_in_virtual_time_nobody_is_forgotten_and_a_history_changes_nothing(programs, seed):
    quick, looked_at = Machine(True, False), Machine(True, True)
    kind, diary, forgotten, crowded, errors = quick.run(programs, seed)

    assert (crowded, errors) == ([], [])
    assert kind == "done" or forgotten == []
    assert quick.run(programs, seed)[1] == diary
    assert looked_at.run(programs, seed)[:2] == (kind, diary)


@settings(max_examples=100, deadline=None)
@given(PROGRAMS, st.integers(0, 5))
def test_without_time_nobody_is_forgotten(programs, seed):
    kind, _, forgotten, crowded, errors = Machine(False, False).run(programs, seed)

    assert (crowded, errors) == ([], [])
    assert kind == "done" or forgotten == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(NAPS, NAPS, TIMEOUTS), min_size=1, max_size=6), st.integers(0, 5))
def test_who_gives_up_does_so_when_its_time_is_up(naps, seed):
    machine = Machine(True, False)
    ends = {}

    def body(number, before, inside, timeout):
        def live():
            if before:
                machine.kernel.sleep(before)
            if machine._enter("lock", timeout, inside):
                ends[number] = "entered"
            else:
                ends[number] = machine.kernel.now_s - before

        return live

    bodies = [body(number, *choices) for number, choices in enumerate(naps)]
    assert machine.kernel.run(bodies, [], ByTime(seed)).kind == "done"
    assert all(ends[number] in ("entered", timeout) for number, (_, _, timeout) in enumerate(naps))
