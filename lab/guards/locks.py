"""Guards that one acquires before the section and releases after it."""

from __future__ import annotations

from typing import Any

from lab.guard import CountedGuard, Guard, Section
from lab.world.protocol import Maker, World


class LockGuard(Guard):
    """One actor at a time, by `multiprocessing.Lock`."""

    name = "lock"

    def shared(self, make: Maker) -> None:
        """Declare the lock."""
        make.lock("guard")

    def run(self, section: Section, world: World, actor: int) -> Any:
        """Do the section while holding the lock."""
        with world.lock("guard"):
            return section(world, actor)


class RLockGuard(Guard):
    """One actor at a time, by `multiprocessing.RLock`, which its holder may take again."""

    name = "rlock"

    def shared(self, make: Maker) -> None:
        """Declare the lock."""
        make.rlock("guard")

    def run(self, section: Section, world: World, actor: int) -> Any:
        """Do the section while holding the lock."""
        with world.rlock("guard"):
            return section(world, actor)


class SemaphoreGuard(CountedGuard):
    """At most k actors at a time, by `multiprocessing.Semaphore(k)`; no mutex unless k is 1."""

    name = "semaphore"

    def shared(self, make: Maker) -> None:
        """Declare the semaphore."""
        make.semaphore("guard", self.count)

    def run(self, section: Section, world: World, actor: int) -> Any:
        """Do the section while holding one of the k permits."""
        with world.semaphore("guard"):
            return section(world, actor)


class BoundedSemaphoreGuard(CountedGuard):
    """At most k actors at a time, by `multiprocessing.BoundedSemaphore(k)`, which refuses a release too many."""

    name = "bounded_semaphore"

    def shared(self, make: Maker) -> None:
        """Declare the semaphore."""
        make.bounded_semaphore("guard", self.count)

    def run(self, section: Section, world: World, actor: int) -> Any:
        """Do the section while holding one of the k permits."""
        with world.bounded_semaphore("guard"):
            return section(world, actor)


class FileLockGuard(Guard):
    """One actor at a time, by `flock` on a file beside the state: works between programs that share only a folder."""

    name = "file_lock"

    def shared(self, make: Maker) -> None:
        """Declare the file lock."""
        make.file_lock("guard")

    def run(self, section: Section, world: World, actor: int) -> Any:
        """Do the section while holding the file lock."""
        lock = world.file_lock("guard")
        lock.acquire()
        try:
            return section(world, actor)
        finally:
            lock.release()
