"""The semaphore beneath Lock, RLock, Semaphore and BoundedSemaphore: its state is the controller's."""

from __future__ import annotations

import _multiprocessing
import multiprocessing.context as context
import multiprocessing.synchronize as synchronize
from typing import Any, ClassVar, Self

from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.names import keep_name, open_name, refuse

_RECURSIVE = 0


class ControlledSemaphore:
    """Stands for `_multiprocessing.SemLock`, and behaves as that does."""

    SEM_VALUE_MAX: ClassVar[int] = _multiprocessing.SemLock.SEM_VALUE_MAX

    def __init__(self, kind: int, value: int, maxvalue: int, name: str, unlink: bool) -> None:
        called = "rlock" if kind == _RECURSIVE else "lock" if maxvalue == 1 else "semaphore"
        self._begin(me.make(called, value, maxvalue), kind, maxvalue)
        # A name that is unlinked at once is that of a context that forks.
        self.is_forked = unlink
        if not unlink:
            keep_name(self, self.identity)

    def _begin(self, identity: str, kind: int, maxvalue: int) -> None:
        # What Python passes to a process that is not forked is the handle.
        self.identity = self.handle = identity
        self.kind, self.maxvalue, self.name = kind, maxvalue, None
        self.is_forked = False
        self._depth = 0
        self._holder = -1

    @classmethod
    def _rebuild(cls, handle: str, kind: int, maxvalue: int, name: None) -> Self:
        """The same one, in a process that was passed it."""
        open_name(handle)
        made = cls.__new__(cls)
        made._begin(handle, kind, maxvalue)
        return made

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Take it; False if that can't be at once, or in time."""
        if self.kind == _RECURSIVE and self._is_mine():
            self._depth += 1
            return True
        block = block and (timeout is None or timeout > 0)
        has_timeout = block and timeout is not None
        got = bool(me.ask(self.identity, "acquire", bool(block), has_timeout))
        if got:
            self._holder = me.number
            self._depth += 1
        return got

    __enter__ = acquire

    def release(self) -> None:
        """Give it back."""
        if self.kind == _RECURSIVE:
            if not self._is_mine():
                raise AssertionError("attempt to release recursive lock not owned by thread")
            if self._depth > 1:
                self._depth -= 1
                return
        if not me.ask(self.identity, "release"):
            raise ValueError("semaphore or lock released too many times")
        self._depth -= 1

    def __exit__(self, *_: object) -> None:
        self.release()

    def _count(self) -> int:
        return self._depth

    def _is_mine(self) -> bool:
        return self._depth > 0 and self._holder == me.number

    def _get_value(self) -> int:
        return int(me.ask(self.identity, "value"))

    def _is_zero(self) -> bool:
        return self._get_value() == 0

    def _after_fork(self) -> None:
        self._depth = 0


def install() -> None:
    """Before the script makes any."""
    _multiprocessing.SemLock = ControlledSemaphore
    synchronize.sem_unlink = _no_unlink  # type: ignore[attr-defined]
    python_lock: Any = synchronize.SemLock
    python_lock.__getstate__ = _passed


def _passed(lock: Any) -> tuple[str, int, int, None]:
    context.assert_spawning(lock)
    semaphore: ControlledSemaphore = lock._semlock
    refuse(is_forked=semaphore.is_forked)
    return semaphore.handle, semaphore.kind, semaphore.maxvalue, semaphore.name


def _no_unlink(name: Any) -> None:
    """There is none to unlink."""
