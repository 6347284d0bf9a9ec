"""Event, Condition and Barrier: one operation each where multiprocessing's own take a dozen semaphore operations."""

from __future__ import annotations

import multiprocessing.synchronize as synchronize
import sys
from collections.abc import Callable
from threading import BrokenBarrierError
from typing import Any

from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.clock import now_s, pass_s
from lab.engines.controlled.inside.names import Passable


class ControlledEvent(Passable):
    """`Event`."""

    def __init__(self, *, ctx: Any = None) -> None:
        self._begin(ctx, "event")

    def is_set(self) -> bool:
        """True if it is set."""
        return bool(me.ask(self.identity, "is_set"))

    def set(self) -> None:
        """Let all go who wait."""
        me.ask(self.identity, "set")

    def clear(self) -> None:
        """Let nobody go who comes from now on."""
        me.ask(self.identity, "clear")

    def wait(self, timeout: float | None = None) -> bool:
        """True once it is set; False if time was up before."""
        if timeout is not None and timeout <= 0:
            return self.is_set()
        is_set = bool(me.ask(self.identity, "wait", timeout is not None))
        if not is_set:
            pass_s(timeout or 0.0)
        return is_set

    def __repr__(self) -> str:
        return f"<Event at {id(self):#x} {'set' if self.is_set() else 'unset'}>"


class OnLock:
    """What conditions have in common, of processes and of threads, whatever lock they are on."""

    _lock: Any

    def __enter__(self) -> Any:
        return self._lock.__enter__()

    def __exit__(self, *arguments: Any) -> Any:
        return self._lock.__exit__(*arguments)

    def wait(self, timeout: float | None = None) -> bool:
        """Let go, sleep until notified, and take the lock again; False if time was up before."""
        raise NotImplementedError

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        """Wait until the predicate holds; its last value."""
        end_s = None if timeout is None else now_s() + timeout
        while not (holds := predicate()):
            left_s = None if end_s is None else end_s - now_s()
            if left_s is not None and left_s <= 0:
                break
            self.wait(left_s)
        return holds

    def notify(self, n: int = 1) -> None:
        """Wake so many sleepers at most."""
        raise NotImplementedError

    def notify_all(self) -> None:
        """Wake all sleepers."""
        self.notify(sys.maxsize)


class ControlledCondition(Passable, OnLock):
    """`Condition`, on a lock that is given or an RLock of its own."""

    def __init__(self, lock: Any = None, *, ctx: Any = None) -> None:
        self._lock = lock or ctx.RLock()
        self._begin(ctx, "condition", self._lock._semlock.identity)
        self._bind()

    def _bind(self) -> None:
        self._semaphore = self._lock._semlock
        self.acquire, self.release = self._lock.acquire, self._lock.release

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return {name: state[name] for name in ("identity", "_is_forked", "_lock")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._bind()

    def wait(self, timeout: float | None = None) -> bool:
        """Let go, sleep until notified, and take the lock again; False if time was up before."""
        assert self._semaphore._is_mine(), "must acquire() condition before using wait()"
        depth, self._semaphore._depth = self._semaphore._depth, 0
        me.ask(self.identity, "sleep")
        is_notified = bool(me.ask(self.identity, "wake", timeout is not None))
        if not is_notified:
            pass_s(timeout or 0.0)
            is_notified = bool(me.ask(self.identity, "reacquire"))
        self._semaphore._depth, self._semaphore._holder = depth, me.number
        return is_notified

    def notify(self, n: int = 1) -> None:
        """Wake so many sleepers at most."""
        assert self._semaphore._is_mine(), "lock is not owned"
        me.ask(self.identity, "notify", n)


class ControlledBarrier(Passable):
    """`Barrier`."""

    def __init__(
        self, parties: int, action: Callable[[], Any] | None = None, timeout: float | None = None, *, ctx: Any = None
    ) -> None:
        self.parties, self._action, self._timeout = parties, action, timeout
        self._begin(ctx, "barrier", parties)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the others; which one this was, from 0."""
        timeout = self._timeout if timeout is None else timeout
        place = int(me.ask(self.identity, "arrive"))
        if place < 0:
            raise BrokenBarrierError
        if place == self.parties - 1:
            try:
                if self._action is not None:
                    self._action()
            except BaseException:
                self.abort()
                raise
            me.ask(self.identity, "open")
        elif not me.ask(self.identity, "pass", timeout is not None):
            raise BrokenBarrierError
        return place

    def abort(self) -> None:
        """Break it: whoever waits or comes gets BrokenBarrierError."""
        me.ask(self.identity, "abort")

    def reset(self) -> None:
        """Whoever waits gets BrokenBarrierError, and it is as new."""
        me.ask(self.identity, "reset")

    @property
    def n_waiting(self) -> int:
        """How many wait."""
        return int(me.ask(self.identity, "look")[0])

    @property
    def broken(self) -> bool:
        """True if it is broken."""
        return bool(me.ask(self.identity, "look")[1])


def install() -> None:
    """Before the script makes any: contexts look these up when they are asked."""
    synchronize.Event = ControlledEvent  # type: ignore[misc,assignment]
    synchronize.Condition = ControlledCondition  # type: ignore[misc,assignment]
    synchronize.Barrier = ControlledBarrier  # type: ignore[misc,assignment]
