"""Event, Condition and Barrier of the simulated world: what actors wait at until somebody tells them to go on.

They behave as multiprocessing's do, but for the number of steps: what takes those a dozen semaphore operations is one
step here, or two where others can come between.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import BrokenBarrierError

from lab.engines.simulated.kernel import Kernel, Shared, Step
from lab.engines.simulated.primitives import RLock


class Event(Shared):
    """`Event`.

    Where time orders, an actor that waits is let go by `set` even if `clear` follows at once, as in multiprocessing.
    Where it does not, nobody can say that the actor was waiting already, and it may come too late.
    """

    def __init__(self, kernel: Kernel, name: str) -> None:
        super().__init__(name)
        self._kernel = kernel
        self._is_set = False
        self._sets = 0
        self._look = Step("is_set", self, is_read=True)
        self._set = Step("set", self)
        self._clear = Step("clear", self)
        self._wait = Step("wait", self, is_read=True, can=lambda: self._is_set)

    def restore(self) -> None:
        """Not set."""
        self._is_set = False

    def __repr__(self) -> str:
        return f"<Event at {id(self):#x} {'set' if self._is_set else 'unset'}>"

    def is_set(self) -> bool:
        """True if it is set."""
        self._kernel.step(self._look)
        self._kernel.tell(self._is_set)
        return self._is_set

    def set(self) -> None:
        """Let all go who wait."""
        self._kernel.step(self._set)
        self._is_set = True
        self._sets += 1
        self._kernel.changed(self)

    def clear(self) -> None:
        """Let nobody go who comes from now on."""
        self._kernel.step(self._clear)
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        """True once it is set; False if time was up before."""
        kernel = self._kernel
        if timeout is not None and timeout <= 0:
            kernel.step(self._look)
        elif self._is_set or not kernel.is_timed:
            kernel.step(self._wait, timeout)
        else:
            before = self._sets
            kernel.step(Step("wait", self, is_read=True, can=lambda: self._is_set or self._sets != before), timeout)
        kernel.tell(self._is_set)
        return self._is_set


class Condition(RLock):
    """`Condition` on an RLock of its own, under one name with it.

    `notify` makes a permit to wake for those who sleep at that moment; whoever takes his step first takes it. A sleeper
    who came later cannot: so each sleeper, and each permit, has the moment at which it came.
    """

    def __init__(self, kernel: Kernel, name: str) -> None:
        super().__init__(kernel, name)
        self._fall_asleep = Step("wait", self)
        self._notify = Step("notify", self)
        self._return = Step("reacquire", self, can=lambda: self._holder is None)
        self.restore()

    def restore(self) -> None:
        """Free, and nobody asleep."""
        super().restore()
        self._moment = 0
        self._sleepers = 0
        self._permits: list[int] = []

    def wait(self, timeout: float | None = None) -> bool:
        """Let go, sleep until notified, and take the lock again; False if time was up before."""
        kernel = self._kernel
        assert self._holder is kernel.running, "must acquire() condition before using wait()"
        kernel.step(self._fall_asleep)
        actor, depth = self._holder, self._depth
        self._holder, self._depth = None, 0
        self._moment += 1
        since = self._moment
        self._sleepers += 1
        kernel.changed(self)

        def can_wake() -> bool:
            return self._holder is None and bool(self._permits) and self._permits[-1] > since

        is_awake = kernel.step(Step("wake", self, can=can_wake), None if timeout is None else max(0.0, timeout))
        is_notified = is_awake or (bool(self._permits) and self._permits[-1] > since)
        self._sleepers -= 1
        if is_notified:
            # The oldest that it may take: a later sleeper may need a later one.
            self._permits.remove(min(moment for moment in self._permits if moment > since))
        if not is_awake:
            kernel.step(self._return)
        self._holder, self._depth = actor, depth
        kernel.tell(is_notified)
        return is_notified

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until the predicate holds; its last value."""
        kernel = self._kernel
        end_s = None if timeout is None else kernel.now_s + timeout
        holds = predicate()
        while not holds:
            left_s = None if end_s is None else end_s - kernel.now_s
            if left_s is not None and left_s <= 0:
                break
            is_notified = self.wait(left_s)
            holds = predicate()
            if not is_notified and not kernel.is_timed:
                break
        return holds

    def notify(self, n: int = 1) -> None:
        """Wake so many sleepers at most."""
        kernel = self._kernel
        assert self._holder is kernel.running, "lock is not owned"
        kernel.step(self._notify)
        woken = min(n, self._sleepers - len(self._permits))
        self._moment += 1
        self._permits += [self._moment] * woken
        kernel.tell(woken)
        kernel.changed(self)

    def notify_all(self) -> None:
        """Wake all sleepers."""
        self.notify(sys.maxsize)


_FILLING, _DRAINING, _RESETTING, _BROKEN = 0, 1, -1, -2


class Barrier(Shared):
    """`Barrier`: arrive, then pass when all have arrived. The states are those of `threading.Barrier`."""

    def __init__(
        self,
        kernel: Kernel,
        name: str,
        parties: int,
        action: Callable[[], object] | None = None,
        timeout: float | None = None,
    ) -> None:
        super().__init__(name)
        self._kernel = kernel
        self._parties, self._action, self._timeout = parties, action, timeout
        self._arrive = Step("arrive", self, can=lambda: self._state not in (_DRAINING, _RESETTING))
        self._pass = Step("pass", self, can=lambda: self._state != _FILLING)
        self._look = Step("look", self, is_read=True)
        self._reset = Step("reset", self)
        self._abort = Step("abort", self)
        self.restore()

    def restore(self) -> None:
        """Nobody has arrived."""
        self._state, self._count = _FILLING, 0

    def wait(self, timeout: float | None = None) -> int:
        """The number of this actor among those that passed together; BrokenBarrierError."""
        kernel = self._kernel
        timeout = self._timeout if timeout is None else timeout
        kernel.step(self._arrive)
        if self._state < 0:
            kernel.fail(BrokenBarrierError())
        index = self._count
        self._count += 1
        kernel.tell(index)
        try:
            if index + 1 == self._parties:
                self._release()
            else:
                kernel.step(self._pass, None if timeout is None else max(0.0, timeout))
                if self._state == _FILLING:
                    self._break()
                    kernel.fail(BrokenBarrierError())
                if self._state < 0:
                    kernel.fail(BrokenBarrierError())
            return index
        finally:
            self._count -= 1
            if self._count == 0 and self._state in (_DRAINING, _RESETTING):
                self._state = _FILLING
                kernel.changed(self)

    def reset(self) -> None:
        """Empty again; who waits gets a BrokenBarrierError."""
        self._kernel.step(self._reset)
        if self._count == 0:
            self._state = _FILLING
        elif self._state in (_FILLING, _BROKEN):
            self._state = _RESETTING
        self._kernel.changed(self)

    def abort(self) -> None:
        """Broken, for who waits and who comes."""
        self._kernel.step(self._abort)
        self._break()

    @property
    def parties(self) -> int:
        """How many pass together."""
        return self._parties

    @property
    def n_waiting(self) -> int:
        """How many have arrived."""
        self._kernel.step(self._look)
        return self._count if self._state == _FILLING else 0

    @property
    def broken(self) -> bool:
        """True if it is broken."""
        self._kernel.step(self._look)
        return self._state == _BROKEN

    def _release(self) -> None:
        try:
            if self._action is not None:
                self._action()
        except BaseException:
            self._break()
            raise
        self._state = _DRAINING
        self._kernel.changed(self)

    def _break(self) -> None:
        self._state = _BROKEN
        self._kernel.changed(self)
