"""Event, Condition and Barrier of `threading`: what threads of one process wait for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.clock import pass_s
from lab.engines.controlled.inside.signals import ControlledBarrier, OnLock
from lab.engines.controlled.inside.thread_locks import Kept, Lock, RLock


class Event(Kept):
    """`threading.Event`."""

    kind, family = "thread event", "event"

    def __init__(self) -> None:
        super().__init__()
        self._is_set = False

    def _state(self) -> tuple[Any, ...]:
        return (self._is_set,)

    def is_set(self) -> bool:
        """True if it is set."""
        return bool(me.ask(self.known(), "is_set")) if me.crowd else self._is_set

    def set(self) -> None:
        """Let all go who wait."""
        if me.crowd:
            me.ask(self.known(), "set")
        self._is_set = True

    def clear(self) -> None:
        """Let nobody go who comes from now on."""
        if me.crowd:
            me.ask(self.known(), "clear")
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        """True once it is set; False if time was up before."""
        if timeout is not None and timeout <= 0:
            return self.is_set()
        if not me.crowd and self._is_set:
            return True
        identity = self.known()
        if me.ask(identity, "begin"):
            return True
        is_set = bool(me.ask(identity, "wait", timeout is not None))
        if not is_set:
            pass_s(timeout or 0.0)
        return is_set

    def _at_fork_reinit(self) -> None:
        self._known_in = (-1, 0)


class Condition(Kept, OnLock):
    """`threading.Condition`, on a Lock or RLock of its module, or an RLock of its own."""

    kind, family = "thread condition", "condition"

    def __init__(self, lock: Any = None) -> None:
        super().__init__()
        if lock is not None and not isinstance(lock, Lock):
            me.abandon("a Condition on a lock that is none of threading's")
        self._lock = lock or RLock()
        self.acquire, self.release = self._lock.acquire, self._lock.release

    def _state(self) -> tuple[Any, ...]:
        return (self._lock.known(),)

    def wait(self, timeout: float | None = None) -> bool:
        """Let go, sleep until notified, and take the lock again; False if time was up before."""
        if not self._lock.is_owned():
            raise RuntimeError("cannot wait on un-acquired lock")
        identity = self.known()
        me.ask(identity, "sleep")
        had = self._lock.let_go()
        is_notified = bool(me.ask(identity, "wake", timeout is not None))
        if not is_notified:
            pass_s(timeout or 0.0)
            me.ask(identity, "reacquire")
        self._lock.had_again(had)
        return is_notified

    def notify(self, n: int = 1) -> None:
        """Wake so many sleepers at most."""
        if not self._lock.is_owned():
            raise RuntimeError("cannot notify on un-acquired lock")
        if me.crowd:
            me.ask(self.known(), "notify", n)

    notifyAll = OnLock.notify_all  # noqa: N815 - its old name

    def _at_fork_reinit(self) -> None:
        self._lock._at_fork_reinit()
        self._known_in = (-1, 0)


class Barrier(ControlledBarrier):
    """`threading.Barrier`. A fork copies none of who waits at it."""

    def __init__(self, parties: int, action: Callable[[], Any] | None = None, timeout: float | None = None) -> None:
        self._place = _Place(parties)
        self.parties, self._action, self._timeout = parties, action, timeout

    @property
    def identity(self) -> str:  # type: ignore[override]
        """What the controller knows it by."""
        return self._place.known()


class _Place(Kept):
    """What the controller knows of a barrier: it is told all of it."""

    kind, family, is_mirrored = "thread barrier", "barrier", False

    def __init__(self, parties: int) -> None:
        super().__init__()
        self._parties = parties

    def _state(self) -> tuple[Any, ...]:
        return (self._parties,)
