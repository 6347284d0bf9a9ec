"""Locks, semaphores and shared numbers of the simulated world: plain Python between two announced steps.

Each behaves as multiprocessing's of the same name does, its errors and timeouts included. A method announces its step
and then acts, which nobody can interrupt; whoever is blocked on the object is told when it may go on.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

from lab.engines.simulated.kernel import Actor, Kernel, Shared, Step

SEMAPHORE_MOST = 2**31 - 1
"""The largest value of a POSIX semaphore."""


class Semaphore(Shared):
    """`Semaphore`, and by its largest value `most` also `BoundedSemaphore` and `Lock`: anybody may release it."""

    def __init__(self, kernel: Kernel, name: str, value: int = 1, most: int = SEMAPHORE_MOST) -> None:
        super().__init__(name)
        self._kernel = kernel
        self._declared = self.count = value
        self._most = most
        self._acquire = Step("acquire", self, can=lambda: self.count > 0)
        self._try = Step("try to acquire", self)
        self._release = Step("release", self)

    def restore(self) -> None:
        """Back to the declared state."""
        self.count = self._declared

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """True once it is held; False if it could not be had in time, or at once with block=False."""
        kernel = self._kernel
        if not block or (timeout is not None and timeout <= 0):
            kernel.step(self._try)
            if self.count == 0:
                kernel.tell(False)
                return False
            kernel.tell(True)
        elif not kernel.step(self._acquire, timeout):
            return False
        self._take()
        return True

    def _take(self) -> None:
        self.count -= 1
        if self.count == 0 and self.waiters:
            self._kernel.used_up(self)

    def release(self) -> None:
        """Let go; ValueError where that is once too often."""
        self._kernel.step(self._release)
        if self.count == self._most:
            self._kernel.fail(ValueError("semaphore or lock released too many times"))
        self.count += 1
        if self.waiters:
            self._kernel.changed(self)

    def __enter__(self) -> bool:
        self._kernel.step(self._acquire)
        self._take()
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.release()


def lock(kernel: Kernel, name: str) -> Semaphore:
    """`Lock`: whoever releases it, a second release is an error."""
    return Semaphore(kernel, name, 1, 1)


def bounded_semaphore(kernel: Kernel, name: str, value: int = 1) -> Semaphore:
    """`BoundedSemaphore`."""
    return Semaphore(kernel, name, value, value)


class RLock(Shared):
    """`RLock`: its holder may acquire it again, and must release it as often."""

    def __init__(self, kernel: Kernel, name: str) -> None:
        super().__init__(name)
        self._kernel = kernel
        self._holder: Actor | None = None
        self._depth = 0
        self._acquire = Step("acquire", self, can=lambda: self._holder is None)
        self._try = Step("try to acquire", self)
        self._release = Step("release", self)
        # Of no concern to others: the lock is held before and after.
        self._deepen = Step("acquire again", self, is_read=True)
        self._rise = Step("release once", self, is_read=True)

    def restore(self) -> None:
        """Free."""
        self._holder, self._depth = None, 0

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """True once it is held; False if it could not be had in time, or at once with block=False."""
        kernel = self._kernel
        if self._holder is kernel.running:
            kernel.step(self._deepen)
            self._depth += 1
            return True
        if not block or (timeout is not None and timeout <= 0):
            kernel.step(self._try)
            if self._holder is not None:
                kernel.tell(False)
                return False
            kernel.tell(True)
        elif not kernel.step(self._acquire, timeout):
            return False
        self._holder, self._depth = kernel.running, 1
        return True

    def release(self) -> None:
        """Let go once; AssertionError for who does not hold it."""
        kernel = self._kernel
        if self._holder is kernel.running and self._depth > 1:
            kernel.step(self._rise)
            self._depth -= 1
            return
        kernel.step(self._release)
        if self._holder is not kernel.running:
            kernel.fail(AssertionError("attempt to release recursive lock not owned by thread"))
        self._holder, self._depth = None, 0
        kernel.changed(self)

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.release()


class FileLock(Shared):
    """`flock` on a file that each process opens for itself: to hold it twice is to hold it once."""

    def __init__(self, kernel: Kernel, name: str) -> None:
        super().__init__(name)
        self._kernel = kernel
        self._holder: Actor | None = None
        self._acquire = Step("acquire", self, can=lambda: self._holder is None)
        self._try = Step("try to acquire", self)
        self._again = Step("acquire again", self, is_read=True)
        self._release = Step("release", self)

    def restore(self) -> None:
        """Free."""
        self._holder = None

    def acquire(self, block: bool = True) -> bool:
        """True once it is held; False with block=False if somebody else holds it."""
        kernel = self._kernel
        if self._holder is kernel.running:
            kernel.step(self._again)
            return True
        if block:
            kernel.step(self._acquire)
        else:
            kernel.step(self._try)
            kernel.tell(self._holder is None)
            if self._holder is not None:
                return False
        self._holder = kernel.running
        return True

    def release(self) -> None:
        """Let go; nothing if somebody else holds it."""
        kernel = self._kernel
        kernel.step(self._release)
        if self._holder is kernel.running:
            self._holder = None
            kernel.changed(self)


class Value(RLock):
    """`Value('q')`: a number, and under the same name its own lock.

    As in multiprocessing, to read or write `value` is to take that lock for as long: it waits while another holds it.
    """

    def __init__(self, kernel: Kernel, name: str, initial: int = 0) -> None:
        super().__init__(kernel, name)
        self._declared = self._number = initial
        free = lambda: self._holder is None  # noqa: E731 - the same test for two steps
        self._read = Step("read", self, is_read=True, is_data=True, can=free)
        self._write = Step("write", self, is_data=True, can=free)
        self._read_held = Step("read", self, is_read=True, is_data=True)
        self._write_held = Step("write", self, is_data=True)

    def restore(self) -> None:
        """The declared number, and the lock free."""
        super().restore()
        self._number = self._declared

    @property
    def value(self) -> int:
        """The number."""
        kernel = self._kernel
        kernel.step(self._read_held if self._holder is kernel.running else self._read)
        kernel.tell(self._number)
        return self._number

    @value.setter
    def value(self, number: int) -> None:
        kernel = self._kernel
        kernel.step(self._write_held if self._holder is kernel.running else self._write)
        self._number = _signed(number)
        kernel.tell(self._number)

    def get_lock(self) -> RLock:
        """Its lock."""
        return self

    def get_obj(self) -> Any:
        """What multiprocessing has beneath: here the same."""
        return self


def _signed(number: int) -> int:
    """The number as 64 bits hold it: one that is too large wraps around, as in a ctypes `c_longlong`."""
    if type(number) is not int:
        number = number.__index__()
    return number if -(1 << 63) <= number < 1 << 63 else (number + (1 << 63)) % (1 << 64) - (1 << 63)
