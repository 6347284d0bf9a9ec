"""`open`: the real io stack, with its genuine buffering, on a raw file whose system calls are operations."""

from __future__ import annotations

import _pyio
import builtins
import io
import os
from collections.abc import Callable
from types import FunctionType
from typing import Any

from lab.engines.controlled.inside import buffers
from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.descriptors import (
    controlled_lseek,
    controlled_open,
    controlled_read,
    controlled_write,
    leave,
    opened,
    raw_fstat,
)

_LEAST_READ = 8192


class ControlledFile(io.FileIO):
    """A raw file: C opens, closes and keeps it; each read and write asks first."""

    def __init__(
        self, file: Any, mode: str = "r", closefd: bool = True, opener: Callable[..., int] | None = None
    ) -> None:
        with me:  # C looks at the descriptor; the opener below asks by itself
            super().__init__(file, mode, closefd, opener or (None if isinstance(file, int) else _open))

    def read(self, size: int | None = -1) -> bytes:
        """One system call, or with no size as many as it takes to the end."""
        if size is None or size < 0:
            return self.readall()
        self._checkReadable()  # type: ignore[attr-defined]
        return controlled_read(self.fileno(), size)

    def readinto(self, buffer: Any) -> int:
        """One system call."""
        self._checkReadable()  # type: ignore[attr-defined]
        view = memoryview(buffer).cast("B")
        data = controlled_read(self.fileno(), len(view))
        view[: len(data)] = data
        return len(data)

    def readall(self) -> bytes:
        """System calls until one gives nothing, as C does it: the file may grow between them."""
        self._checkReadable()  # type: ignore[attr-defined]
        descriptor, parts = self.fileno(), []
        while data := controlled_read(descriptor, max(_LEAST_READ, raw_fstat(descriptor).st_size + 1)):
            parts.append(data)
        return b"".join(parts)

    def write(self, data: Any) -> int:
        """One system call."""
        self._checkWritable()  # type: ignore[attr-defined]
        return controlled_write(self.fileno(), data)

    def truncate(self, size: int | None = None) -> int:
        """One system call."""
        if (own := opened.get(self.fileno())) is not None:
            own.ask("truncate", False)
        with me:
            return super().truncate(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        """No operation, but from the end."""
        return controlled_lseek(self.fileno(), offset, whence)

    def close(self) -> None:
        """Close it; a lock on the file ends with it."""
        if not self.closed and self.closefd:
            leave(self.fileno())
        super().close()


def _open(path: Any, flags: int) -> int:
    me.depth -= 1
    try:
        return controlled_open(path, flags, 0o666)
    finally:
        me.depth += 1


def install() -> None:
    """Let `open`, `io.open` and `os.fdopen` build on it."""
    # Python's own open() in Python, on the classes that are written in C but for the raw file.
    names = {**vars(_pyio), "FileIO": ControlledFile, "TextIOWrapper": io.TextIOWrapper, "os": _Os, **buffers.KINDS}
    code: Any = getattr(_pyio.open, "__func__", _pyio.open)
    opener: Any = FunctionType(code.__code__, names, "open", code.__defaults__)
    opener.__kwdefaults__ = code.__kwdefaults__
    opener.__module__ = "io"
    builtins.open = io.open = opener
    io.FileIO = ControlledFile  # type: ignore[misc]


class _Os:
    """What `open` needs of os: to look at the size of a block is no operation."""

    fspath = staticmethod(os.fspath)
    fstat = staticmethod(raw_fstat)
