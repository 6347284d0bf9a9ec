"""Declared primitives over multiprocessing, and how each gets back to its declared state between trials.

Restoring runs in the coordinator while no actor runs. It looks into multiprocessing's objects, since they have no call
that tells their state; what it can't mend (an RLock whose holder still has it) it says, and the crew is built anew.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from functools import partial
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from lab.engines.real.folder import RealFileLock
from lab.errors import UsageError

Restore = Callable[[Any], bool]
"""Brings a primitive back to its declared state; False if it can't."""
Look = Callable[[Any], bool]
"""True if a primitive is in its declared state. One that can be pickled, for workers to ask between two trials."""


class RealMaker:
    """Makes what `shared` declares, in a multiprocessing context."""

    def __init__(self, context: BaseContext, processes: int, folder: Path) -> None:
        self._context = context
        self._folder = folder
        self.processes = processes
        self.primitives: dict[tuple[str, str], Any] = {}
        self._restores: list[tuple[Any, Restore]] = []
        self.looks: list[tuple[Any, Look]] | None = []
        """How to see whether all primitives are as they were declared; None if one look is not enough."""

    def restore(self) -> bool:
        """Bring every primitive back to its declared state; False if one can't be."""
        are_restored = [restore(primitive) for primitive, restore in self._restores]
        return all(are_restored)

    def close(self) -> None:
        """Give back what the coordinator holds open, and forget the rest: semaphores go with the last who has them."""
        for (kind, _), primitive in self.primitives.items():
            if kind == "pipe":
                primitive[0].close()
                primitive[1].close()
            elif kind == "queue":
                primitive.close()
                primitive._reader.close()
            elif kind == "file_lock":
                primitive.close()
        self.primitives.clear()
        self._restores.clear()

    def lock(self, name: str) -> None:
        """Declare a Lock."""
        self._declare("lock", name, self._context.Lock(), partial(_restore_semaphore, value=1), _is_free)

    def rlock(self, name: str) -> None:
        """Declare an RLock."""
        self._declare("rlock", name, self._context.RLock(), _is_free, _is_free)

    def semaphore(self, name: str, value: int = 1) -> None:
        """Declare a Semaphore."""
        made = self._context.Semaphore(value)
        self._declare(
            "semaphore", name, made, partial(_restore_semaphore, value=value), partial(_has_value, value=value)
        )

    def bounded_semaphore(self, name: str, value: int = 1) -> None:
        """Declare a BoundedSemaphore."""
        made = self._context.BoundedSemaphore(value)
        self._declare(
            "bounded_semaphore", name, made, partial(_restore_semaphore, value=value), partial(_has_value, value=value)
        )

    def file_lock(self, name: str) -> None:
        """Declare a file lock."""
        made = RealFileLock(self._folder / f"lock-{len(self.primitives)}")
        self._declare("file_lock", name, made, _restore_file_lock, _restore_file_lock)

    def event(self, name: str) -> None:
        """Declare an Event."""
        self._declare("event", name, self._context.Event(), _restore_event)

    def condition(self, name: str) -> None:
        """Declare a Condition."""
        self._declare("condition", name, self._context.Condition(), _nobody_sleeps)

    def barrier(self, name: str, parties: int) -> None:
        """Declare a Barrier."""
        self._declare("barrier", name, self._context.Barrier(parties), _restore_barrier)

    def queue(self, name: str, maxsize: int = 0) -> None:
        """Declare a Queue."""
        self._declare("queue", name, self._context.Queue(maxsize), _restore_queue)

    def pipe(self, name: str) -> None:
        """Declare a Pipe."""
        self._declare("pipe", name, self._context.Pipe(), _restore_pipe)

    def value(self, name: str, initial: int = 0) -> None:
        """Declare a Value of 64 bits."""
        self._declare("value", name, self._context.Value("q", initial), partial(_restore_value, initial=initial))

    def _declare(self, kind: str, name: str, primitive: Any, restore: Restore, look: Look | None = None) -> None:
        if (kind, name) in self.primitives:
            raise UsageError(
                f"{kind} {name!r} is declared twice in shared(): give each its own name (a guard's is 'guard')."
            )
        self.primitives[kind, name] = primitive
        self._restores.append((primitive, restore))
        self.looks = None if look is None or self.looks is None else [*self.looks, (primitive, look)]


def _restore_semaphore(semaphore: Any, value: int) -> bool:
    while semaphore._semlock._get_value() > value:
        semaphore.acquire(block=False)
    while semaphore._semlock._get_value() < value:
        semaphore.release()
    return True


def _has_value(semaphore: Any, value: int) -> bool:
    return bool(semaphore._semlock._get_value() == value)


def _is_free(lock: Any) -> bool:
    return _has_value(lock, 1)


def _nobody_sleeps(condition: Any) -> bool:
    counts = (condition._sleeping_count, condition._woken_count, condition._wait_semaphore)
    return _is_free(condition._lock) and not any(count._semlock._get_value() for count in counts)


def _restore_event(event: Any) -> bool:
    if not _nobody_sleeps(event._cond):
        return False
    if event._flag._semlock._get_value():
        event._flag.acquire(block=False)
    return True


def _restore_barrier(barrier: Any) -> bool:
    if not _nobody_sleeps(barrier._cond):
        return False
    barrier.reset()
    return True


def _restore_queue(items: Any) -> bool:
    # qsize() counts what put() was called for, also what the putter's thread has not sent yet: so wait for it.
    while items.qsize() > 0:
        try:
            items.get(timeout=0.2)
        except queue.Empty:
            return False
    return True


def _restore_pipe(ends: Any) -> bool:
    for end in ends:
        while end.poll():
            end.recv_bytes()
    return True


def _restore_file_lock(lock: RealFileLock) -> bool:
    if not lock.acquire(block=False):
        return False
    lock.release()
    return True


def _restore_value(value: Any, initial: int) -> bool:
    if not _is_free(value.get_lock()):
        return False
    value.value = initial
    return True
