"""The state of Event, Condition and Barrier."""

from __future__ import annotations

from typing import Any

from lab.engines.controlled.semaphores import Semaphore
from lab.engines.controlled.step import Lasting, Step


class Event(Lasting):
    """Set or not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._is_set = False

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """is_set, set, clear, wait(has_timeout)."""
        names = (self.name,)
        if verb == "is_set":
            return Step(verb, names, lambda: self._is_set, is_read=True)
        if verb == "wait":
            give_up = (lambda: False) if arguments[0] else None
            return Step(verb, names, lambda: True, lambda: self._is_set, is_read=True, give_up=give_up)
        return Step(verb, names, lambda: self._put(verb == "set"))

    def _put(self, is_set: bool) -> None:
        self._is_set = is_set


class Condition(Lasting):
    """Sleepers, and permits to wake for those who slept when it was notified: which of them takes one is a choice."""

    def __init__(self, name: str, lock: Semaphore) -> None:
        self.name = name
        self._lock = lock
        self._moment = 0
        self._since: dict[int, int] = {}
        """When each sleeper fell asleep."""
        self._permits: list[int] = []
        self._was_notified: dict[int, bool] = {}

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """sleep, wake(has_timeout), reacquire, notify(n)."""
        names = (self.name, self._lock.name)
        if verb == "sleep":
            return Step("wait", names, lambda: self._sleep(actor))
        if verb == "wake":
            give_up = (lambda: self._give_up(actor)) if arguments[0] else None
            return Step("wake", names, lambda: self._wake(actor), lambda: self._can_wake(actor), give_up=give_up)
        if verb == "reacquire":
            return Step("reacquire", names, lambda: self._reacquire(actor), lambda: self._lock.value > 0)
        return Step("notify", (self.name,), lambda: self._notify(arguments[0]))

    def _sleep(self, actor: int) -> None:
        self._moment += 1
        self._since[actor] = self._moment
        self._lock.give(actor)

    def _is_permitted(self, actor: int) -> bool:
        return bool(self._permits) and self._permits[-1] > self._since[actor]

    def _can_wake(self, actor: int) -> bool:
        return self._lock.value > 0 and self._is_permitted(actor)

    def _take_permit(self, actor: int) -> bool:
        # The oldest that it may take: a later sleeper may need a later one.
        is_permitted = self._is_permitted(actor)
        since = self._since.pop(actor)
        if is_permitted:
            self._permits.remove(min(moment for moment in self._permits if moment > since))
        return is_permitted

    def _wake(self, actor: int) -> bool:
        self._take_permit(actor)
        return self._lock.take(actor)

    def _give_up(self, actor: int) -> bool:
        self._was_notified[actor] = self._take_permit(actor)
        return False

    def _reacquire(self, actor: int) -> bool:
        self._lock.take(actor)
        return self._was_notified[actor]

    def _notify(self, count: int) -> int:
        woken = min(count, len(self._since) - len(self._permits))
        self._moment += 1
        self._permits += [self._moment] * woken
        return woken


class Barrier(Lasting):
    """Parties that arrive, and are let through together; the next come in when the last has left."""

    def __init__(self, name: str, parties: int) -> None:
        self.name = name
        self._parties = parties
        self._arrived = 0
        self._generation = 0
        self._leaving = 0
        self._is_broken = False
        self._came: dict[int, int] = {}
        """In which generation each actor came that has not gone."""

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """arrive, open, pass(has_timeout), abort, reset, look."""
        names = (self.name,)
        if verb == "arrive":
            return Step(verb, names, lambda: self._arrive(actor), lambda: self._is_broken or not self._leaving)
        if verb == "pass":
            give_up = self._break if arguments[0] else None
            return Step(verb, names, lambda: self._pass(actor), lambda: self._can_pass(actor), give_up=give_up)
        if verb == "look":
            return Step(verb, names, lambda: (0 if self._leaving else self._arrived, self._is_broken), is_read=True)
        return Step(verb, names, {"open": self._open, "abort": self._break, "reset": self._reset}[verb])

    def _arrive(self, actor: int) -> int:
        if self._is_broken:
            return -1
        self._came[actor] = self._generation
        self._arrived += 1
        return self._arrived - 1

    def _open(self) -> None:
        self._generation += 1
        self._leaving, self._arrived = self._parties - 1, 0

    def _can_pass(self, actor: int) -> bool:
        return self._is_broken or self._came[actor] != self._generation

    def _pass(self, actor: int) -> bool:
        came = self._came.pop(actor)
        if came == self._generation or came < 0:
            return False
        self._leaving -= 1
        return True

    def _break(self) -> bool:
        self._is_broken = True
        return False

    def _reset(self) -> None:
        self._came = dict.fromkeys(self._came, -1)
        self._arrived = 0
        self._is_broken = False
