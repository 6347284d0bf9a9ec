"""A real folder for a store's files, and the file lock."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True, slots=True)
class RealFolder:
    """A folder of the operating system.

    What `load` and `save` have opened stays open until `close`: they are called before and after every trial.
    """

    where: str
    _kept: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    def open(self, name: str, mode: str = "r") -> IO[str]:
        """The built-in `open`, in this folder."""
        return open(f"{self.where}/{name}", mode)  # noqa: PTH123 - the very call that the tutorial makes

    def path(self, name: str) -> str:
        """The path of a file in it."""
        return f"{self.where}/{name}"

    def load(self, name: str) -> bytes:
        """A whole file, by a descriptor that stays open."""
        descriptor, size = self._opened(name, os.O_RDWR)
        return os.pread(descriptor, size, 0)

    def save(self, name: str, content: bytes) -> None:
        """Make this the whole file, by a descriptor that stays open."""
        descriptor, size = self._opened(name, os.O_RDWR | os.O_CREAT)
        os.pwrite(descriptor, content, 0)
        if size > len(content):
            os.ftruncate(descriptor, len(content))

    def close(self) -> None:
        """Give back what this process holds open."""
        for descriptor in self._kept.values():
            os.close(descriptor)
        self._kept.clear()

    def _opened(self, name: str, flags: int) -> tuple[int, int]:
        """The file's descriptor, and its size."""
        if name in self._kept:
            status = os.fstat(self._kept[name])
            if status.st_nlink:
                return self._kept[name], status.st_size
            # Another file has been moved to its place, or it was removed.
            os.close(self._kept.pop(name))
        descriptor = self._kept[name] = os.open(f"{self.where}/{name}", flags, 0o600)
        return descriptor, os.fstat(descriptor).st_size

    def replace(self, source: str, target: str) -> None:
        """`os.replace`."""
        os.replace(f"{self.where}/{source}", f"{self.where}/{target}")  # noqa: PTH105

    def claim(self, name: str) -> bool:
        """Create the file, or False if it exists."""
        try:
            os.close(os.open(f"{self.where}/{name}", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            return False
        return True

    def remove(self, name: str) -> None:
        """Remove the file."""
        os.unlink(f"{self.where}/{name}")  # noqa: PTH108


@dataclass(frozen=True, slots=True)
class RealPlace:
    """What a store of a process is built on."""

    folder: RealFolder
    integers: memoryview
    lock: Any
    name: str


class RealFileLock:
    """`flock` on a file. Each process opens it for itself: the lock belongs to the open file, not to the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._opener = -1

    def acquire(self, block: bool = True) -> bool:
        """True once it is held; False with block=False if somebody else holds it."""
        if self._opener != os.getpid():
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            self._opener = os.getpid()
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | (0 if block else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let go."""
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give back this process's descriptor."""
        if self._opener == os.getpid():
            os.close(self._descriptor)
            self._opener = -1
