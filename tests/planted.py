"""Planted bugs, each with its repaired twin: what every strategy must find, and what must be proved once it is mended.

Each scenario is broken as it stands, and mended with `--set is_mended=true`:

    lab explore tests/planted.py:LostWakeup
"""

from __future__ import annotations

from contextlib import nullcontext

from lab.scenario import Scenario
from lab.trial import ok, violation


class _Counted(Scenario):
    """Ends well if the judge counts what it expects."""

    is_mended: bool = False
    outcomes = {"wrong": violation("the count is not what it should be"), "ok": ok("it is")}

    def judge(self, world, returns):
        return self.first({}, wrong=not self.is_right(world, returns))

    def is_right(self, world, returns):
        return True


class LockTakenByOne(_Counted):
    """Two actors add to a number; one takes the lock for it, the other forgets to.

    actor 0    acquire  read 0                     write 1  release
    actor 1                      read 0  write 1
    """

    def shared(self, make):
        make.lock("lock")
        make.value("count")

    def section(self, world, actor):
        with world.lock("lock") if actor == 0 or self.is_mended else nullcontext():
            count = world.value("count")
            found = count.value
            count.value = found + 1
        return found + 1

    def is_right(self, world, returns):
        return sorted(returns) == list(range(1, len(returns) + 1))


class TwoLocks(_Counted):
    """Two locks, taken in opposite order.

    actor 0    acquire a             waits for b
    actor 1               acquire b               waits for a
    """

    def shared(self, make):
        make.lock("a")
        make.lock("b")

    def section(self, world, actor):
        first, second = "ab" if actor == 0 or self.is_mended else "ba"
        with world.lock(first), world.lock(second):
            return


class LostWakeup(_Counted):
    """A consumer looks before it holds the condition: the only notification may come between look and wait.

    consumer    read 0                                   acquire  wait
    producer             write 1  acquire  notify  release
    """

    def shared(self, make):
        make.condition("changed")
        make.value("is_ready")

    def section(self, world, actor):
        changed, is_ready = world.condition("changed"), world.value("is_ready")
        if actor == 0:
            return self._consume(changed, is_ready)
        with changed:
            is_ready.value = 1
            changed.notify()
        return None

    def _consume(self, changed, is_ready):
        if not self.is_mended:
            if not is_ready.value:
                with changed:
                    changed.wait()
            return
        with changed:
            while not is_ready.value:
                changed.wait()


class MissedSignal(_Counted):
    """An event that is cleared at once is a signal for those alone who are there already."""

    def shared(self, make):
        make.event("go")

    def section(self, world, actor):
        go = world.event("go")
        if actor > 0:
            go.wait()
            return
        go.set()
        if not self.is_mended:
            go.clear()


class DoubleRelease(_Counted):
    """A semaphore of one permit is released twice, as by an error path and a `finally`: then it admits two."""

    def shared(self, make):
        make.semaphore("permits", 1)
        make.value("inside")

    def section(self, world, actor):
        permits, inside = world.semaphore("permits"), world.value("inside")
        permits.acquire()
        most = self._enter(inside)
        permits.release()
        if actor == 0 and not self.is_mended:
            permits.release()
        return most

    def _enter(self, inside):
        with inside.get_lock():
            inside.value += 1
        most = inside.value
        with inside.get_lock():
            inside.value -= 1
        return most

    def is_right(self, world, returns):
        return max(returns) == 1


class Philosophers(_Counted):
    """Each takes the fork at its left, then the one at its right. Mended, the last one takes the right one first."""

    def shared(self, make):
        for fork in range(make.processes):
            make.lock(f"fork {fork}")

    def section(self, world, actor):
        forks = [actor, (actor + 1) % world.processes]
        if self.is_mended:
            forks.sort()
        first, second = forks
        with world.lock(f"fork {first}"), world.lock(f"fork {second}"):
            return


class CircularBuffer(_Counted):
    """Two slots and three items; the producer does not wait for room, and overwrites what was not taken."""

    slots: int = 2
    items: int = 3

    def shared(self, make):
        make.semaphore("filled", 0)
        make.semaphore("free", self.slots)
        for slot in range(self.slots):
            make.value(f"slot {slot}")

    def section(self, world, actor):
        filled, free = world.semaphore("filled"), world.semaphore("free")
        taken = []
        for item in range(self.items):
            slot = world.value(f"slot {item % self.slots}")
            if actor == 0:
                if self.is_mended:
                    free.acquire()
                slot.value = item
                filled.release()
            else:
                filled.acquire()
                taken.append(slot.value)
                free.release()
        return taken

    def is_right(self, world, returns):
        return returns[1] == list(range(self.items))


class LazyInitialisation(_Counted):
    """Whoever comes first makes the thing that all share, and two may come first. Mended, one looks again, locked."""

    def shared(self, make):
        make.lock("lock")
        make.value("is_made")

    def section(self, world, actor):
        is_made = world.value("is_made")
        if is_made.value:
            return False
        if not self.is_mended:
            is_made.value = 1
            return True
        with world.lock("lock"):
            if is_made.value:
                return False
            is_made.value = 1
            return True

    def is_right(self, world, returns):
        return sum(returns) == 1
