"""The state of what the threads of one process tell each other by, where that differs from multiprocessing's."""

from __future__ import annotations

from typing import Any

from lab.engines.controlled.pools import Pool
from lab.engines.controlled.semaphores import Semaphore
from lab.engines.controlled.signals import Barrier, Condition, Event
from lab.engines.controlled.step import Step


class ThreadEvent(Event):
    """Who has begun to wait goes on once it was set, even if it has been cleared since."""

    def __init__(self, name: str, is_set: bool) -> None:
        super().__init__(name)
        self._put(is_set)
        self._waiting: set[int] = set()

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """is_set, set, clear, begin (True if it is set), wait(has_timeout)."""
        if verb == "begin":
            return Step("is_set", (self.name,), lambda: self._begin(actor), is_read=True)
        if verb == "wait":
            give_up = (lambda: self._go_on(actor, is_set=False)) if arguments[0] else None
            return Step(
                verb,
                (self.name,),
                lambda: self._go_on(actor, is_set=True),
                lambda: actor not in self._waiting,
                is_read=True,
                give_up=give_up,
            )
        return super().step(actor, verb, arguments)

    def _begin(self, actor: int) -> bool:
        if not self._is_set:
            self._waiting.add(actor)
        return self._is_set

    def _go_on(self, actor: int, *, is_set: bool) -> bool:
        self._waiting.discard(actor)
        return is_set

    def _put(self, is_set: bool) -> None:
        super()._put(is_set)
        if is_set:
            self._waiting = set()


class ThreadCondition(Condition):
    """It wakes sleepers in the order in which they came. One whose time is up is among them until it has the lock."""

    def __init__(self, name: str, lock: Semaphore) -> None:
        super().__init__(name, lock)
        self._sleepers: list[int] = []

    def _sleep(self, actor: int) -> None:
        self._sleepers.append(actor)
        self._lock.give(actor)

    def _can_wake(self, actor: int) -> bool:
        return self._lock.value > 0 and actor not in self._sleepers

    def _wake(self, actor: int) -> bool:
        return self._lock.take(actor)

    def _give_up(self, actor: int) -> bool:
        return False

    def _reacquire(self, actor: int) -> bool:
        self._lock.take(actor)
        if actor in self._sleepers:
            self._sleepers.remove(actor)
        return False

    def _notify(self, count: int) -> int:
        woken = self._sleepers[:count]
        del self._sleepers[:count]
        return len(woken)


class ThreadBarrier(Barrier):
    """The same as between processes; its parties are threads."""


class ThreadLock(Semaphore):
    """A lock or a semaphore with permits: between two times that a thread has it, another may rightly come."""


class Signal(Semaphore):
    """A semaphore that was made with no permit: who releases it tells another something."""


HANDS_ON = (ThreadEvent, ThreadCondition, ThreadBarrier, Signal, Pool)
"""What one thread tells another by: then no order of whole threads need have what they come to together."""
