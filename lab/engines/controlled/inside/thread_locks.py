"""Lock, RLock, Semaphore and BoundedSemaphore of `threading`: each process has a state of its own in its memory.

While a process has one thread alone, nobody else could care: what can be done at once is done without a word. The
controller is told the state when there are threads, or when somebody would have to wait.
"""

from __future__ import annotations

import sys
from threading import get_ident
from typing import Any

from lab.engines.controlled.inside.channel import Private, me
from lab.engines.controlled.inside.clock import pass_s


def _are_several() -> bool:
    """True if there are others to tell: not while a fork takes what guards Python's own modules, and gives it back."""
    return bool(me.crowd) and not me.depth


class Kept(Private):
    """What is kept in memory, so that a fork copies it, and known to the controller where it has to be."""

    kind = ""
    family = ""
    """What the controller calls it, and what people do."""
    is_mirrored = True
    """True if with one thread alone nobody is told of it, so that the controller's state grows old."""

    def __init__(self) -> None:
        self._known_in = (-1, 0)
        self._made_in = me.process
        self._identity = me.identify(self.family)
        self._line = me.line()

    def _state(self) -> tuple[Any, ...]:
        """What is told of it."""
        raise NotImplementedError

    def known(self) -> str:
        """Its identity, by which the controller has it in the state in which it is here."""
        identity = self._identity if self._made_in == me.process else f"{self._identity} in {me.process}"
        place = (me.process, me.crowd if self.is_mirrored else -1)
        if self._known_in != place or not place[1]:
            self._known_in = place
            me.make_known(identity, self._line, self.kind, *self._state())
        return identity


class _Permits(Kept):
    """A count of permits."""

    def __init__(self, value: int, most: int) -> None:
        super().__init__()
        self._value, self._most = value, most

    def _state(self) -> tuple[Any, ...]:
        return self._value, self._most

    def _take(self, blocks: bool, timeout: float | None) -> bool:
        if not _are_several() and (self._value or not blocks):
            got = self._value > 0
        else:
            got = bool(me.ask(self.known(), "acquire", blocks, timeout is not None))
        if got:
            self._value -= 1
        elif timeout is not None:
            pass_s(timeout)
        return got

    def _give(self, count: int = 1) -> bool:
        if _are_several():
            if not me.ask(self.known(), "release", count):
                return False
        elif self._value + count > self._most:
            return False
        self._value += count
        return True

    def _at_fork_reinit(self) -> None:
        self._value, self._known_in = 1, (-1, 0)


class Lock(_Permits):
    """`threading.Lock`."""

    kind, family = "thread lock", "lock"

    def __init__(self) -> None:
        super().__init__(1, 1)

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take it; False if that can't be at once, or in time."""
        if not blocking and timeout != -1:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if timeout < 0 and timeout != -1:
            raise ValueError("timeout value must be a non-negative number")
        if timeout == 0:
            return self._take(False, None)
        return self._take(bool(blocking), None if timeout == -1 else timeout)

    def release(self) -> None:
        """Give it back, whoever has it."""
        if not self._give():
            raise RuntimeError("release unlocked lock")

    acquire_lock, release_lock = acquire, release
    __enter__ = acquire

    def __exit__(self, *_: object) -> None:
        self.release()

    def locked(self) -> bool:
        """True if somebody has it."""
        return not (me.ask(self.known(), "value") if me.crowd else self._value)

    locked_lock = locked

    def is_owned(self) -> bool:
        """True if a Condition may be used by who asks: as far as one can know of a Lock."""
        return not self._value

    def let_go(self) -> Any:
        """The controller has let go of it for this thread, which sleeps; what it takes to have it again."""
        self._value = 1

    def had_again(self, had: Any) -> None:
        """The controller has taken it for this thread, which is awake again."""
        self._value = 0


class RLock(Lock):
    """`threading.RLock`."""

    family = "rlock"

    def __init__(self) -> None:
        super().__init__()
        self._owner: int | None = None
        self._depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take it, or take it once more; False if that can't be at once, or in time."""
        if self._owner != get_ident():
            if not super().acquire(blocking, timeout):
                return False
            self._owner = get_ident()
        self._depth += 1
        return True

    __enter__ = acquire

    def release(self) -> None:
        """Give it back, once all is given back that its owner took."""
        if self._owner != get_ident():
            raise RuntimeError("cannot release un-acquired lock")
        self._depth -= 1
        if not self._depth:
            self._owner = None
            super().release()

    def is_owned(self) -> bool:
        """True if this thread has it."""
        return self._owner == get_ident()

    def let_go(self) -> Any:
        """The controller has let go of it for this thread, which sleeps; what it takes to have it again."""
        had = self._depth
        self._value, self._owner, self._depth = 1, None, 0
        return had

    def had_again(self, had: Any) -> None:
        """The controller has taken it for this thread, which is awake again."""
        self._value, self._owner, self._depth = 0, get_ident(), had

    def _at_fork_reinit(self) -> None:
        super()._at_fork_reinit()
        self._owner, self._depth = None, 0


class Semaphore(_Permits):
    """`threading.Semaphore`. With no permit at first it is a signal."""

    family = "semaphore"

    def __init__(self, value: int = 1, most: int = sys.maxsize) -> None:
        if value < 0:
            raise ValueError("semaphore initial value must be >= 0")
        super().__init__(value, most)
        self.kind = "thread lock" if value else "signal"

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        """Take a permit; False if there is none, or not in time."""
        if not blocking and timeout is not None:
            raise ValueError("can't specify timeout for non-blocking acquire")
        if timeout is not None and timeout <= 0:
            return self._take(False, None)
        return self._take(bool(blocking), timeout)

    __enter__ = acquire

    def release(self, n: int = 1) -> None:
        """Give so many permits."""
        if n < 1:
            raise ValueError("n must be one or more")
        if not self._give(n):
            raise ValueError("Semaphore released too many times")

    def __exit__(self, *_: object) -> None:
        self.release()


class BoundedSemaphore(Semaphore):
    """`threading.BoundedSemaphore`."""

    def __init__(self, value: int = 1) -> None:
        super().__init__(value, value)
