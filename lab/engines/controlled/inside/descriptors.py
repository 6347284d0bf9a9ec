"""Files by descriptor: every open, read, write and truncation is an operation, at the grain of system calls.

`open` is one step, which concerns the entry of its folder; the truncation that goes with it is a second one, which
concerns the data: in between another process may read what will be lost.
"""

from __future__ import annotations

import errno
import os
from typing import Any

from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.paths import is_own, is_system, whole

raw_open, raw_close, raw_read, raw_write, raw_fstat = os.open, os.close, os.read, os.write, os.fstat
raw_pread, raw_pwrite, raw_lseek, raw_ftruncate, raw_dup = os.pread, os.pwrite, os.lseek, os.ftruncate, os.dup

_WRITES = os.O_WRONLY | os.O_RDWR


class Descriptor:
    """An open file of the script's: its inode, the path it was opened by, and since which fork it may be shared."""

    __slots__ = ("forks", "inode", "is_appending", "number", "path")

    def __init__(self, inode: int, path: str, is_appending: bool) -> None:
        self.inode = inode
        self.path = path
        self.is_appending = is_appending
        self.forks = me.forks
        self.number = me.number
        """Who has opened it."""

    def ask(self, kind: str, is_read: bool, data: Any = b"") -> None:
        """Wait for the turn of an operation on the data. Who shares the position in the file changes it by reading."""
        me.ask_about(data, "files", "data", kind, self.inode, self.path, is_read and self.is_own())

    def is_own(self) -> bool:
        """True if nobody else can have moved its position."""
        return self.forks == me.forks and self.number == me.number

    def owner(self) -> int:
        """Whose the locks on it are: of threads it is the one that has opened it, whichever asks."""
        return self.number if me.has_threads else me.number


opened: dict[int, Descriptor] = {}
"""What is controlled, by number."""


def controlled_open(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
    """`os.open`."""
    if me.depth or not me.is_controlled:
        return raw_open(path, flags, mode, dir_fd=dir_fd)
    if dir_fd is not None or isinstance(path, int):
        me.doubt("a file opened relative to a folder's descriptor")
        with me:
            return raw_open(path, flags, mode, dir_fd=dir_fd)
    name = whole(path)
    is_writing = bool(flags & (_WRITES | os.O_CREAT | os.O_TRUNC))
    if not is_own(name):
        if is_writing and not is_system(name):
            me.doubt(f"{name}, which is written, lies outside the script's folder")
        with me:
            return raw_open(path, flags, mode)
    creates = bool(flags & os.O_CREAT)
    me.ask("files", "open", name, creates, is_writing)
    try:
        with me:
            existed = not creates or os.path.exists(path)  # noqa: PTH110
            descriptor = raw_open(path, flags & ~os.O_TRUNC, mode)
            inode = raw_fstat(descriptor).st_ino
    except OSError as error:
        me.told("result", type(error).__name__)
        raise
    opened[descriptor] = own = Descriptor(inode, name, bool(flags & os.O_APPEND))
    if flags & os.O_TRUNC and existed:
        own.ask("truncate", False)
        with me:
            raw_ftruncate(descriptor, 0)
    return descriptor


def controlled_read(descriptor: int, count: int) -> bytes:
    """`os.read`."""
    own = opened.get(descriptor)
    if own is None:
        return raw_read(descriptor, count)
    own.ask("read", True)
    data = raw_read(descriptor, count)
    me.told("result", _shown(data))
    return data


def controlled_write(descriptor: int, data: Any) -> int:
    """`os.write`."""
    own = opened.get(descriptor)
    if own is None:
        if descriptor in (1, 2):
            return output(descriptor, data)
        return raw_write(descriptor, data)
    own.ask("append" if own.is_appending else "write", False, data)
    count = raw_write(descriptor, data)
    me.told("result", _shown(bytes(data[:_SHOWN])))
    return count


def output(descriptor: int, data: Any) -> int:
    """What is printed: it goes to the controller, which keeps it apart for each process."""
    view = memoryview(data).cast("B")
    if descriptor == 1 and me.orders_output:
        me.ask_about(view, "output", "print")
    for start in range(0, len(view), _CHUNK):
        me.tell("output", descriptor, bytes(view[start : start + _CHUNK]))
    return len(view)


_CHUNK = 60_000
_SHOWN = 60


def _shown(data: bytes) -> str:
    text = data[:_SHOWN].decode("utf-8", "backslashreplace")
    return repr(text) + ("…" if len(data) > _SHOWN else "")


def controlled_pread(descriptor: int, count: int, offset: int) -> bytes:
    """`os.pread`, which moves no position."""
    own = opened.get(descriptor)
    if own is not None:
        me.ask("files", "data", "read", own.inode, own.path, True)
    return raw_pread(descriptor, count, offset)


def controlled_pwrite(descriptor: int, data: Any, offset: int) -> int:
    """`os.pwrite`."""
    if (own := opened.get(descriptor)) is not None:
        own.ask("write", False, data)
    return raw_pwrite(descriptor, data, offset)


def controlled_lseek(descriptor: int, offset: int, whence: int = 0) -> int:
    """`os.lseek`: only from the end does it look at the file; but a shared position is shared data."""
    own = opened.get(descriptor)
    if own is not None and (whence == os.SEEK_END or not own.is_own()):
        own.ask("seek", True)
    return raw_lseek(descriptor, offset, whence)


def controlled_ftruncate(descriptor: int, length: int) -> None:
    """`os.ftruncate`."""
    if (own := opened.get(descriptor)) is not None:
        own.ask("truncate", False)
    with me:
        raw_ftruncate(descriptor, length)


def controlled_fstat(descriptor: int) -> os.stat_result:
    """`os.fstat`."""
    if me.depth == 0 and (own := opened.get(descriptor)) is not None:
        me.ask("files", "data", "stat", own.inode, own.path, True)
    return raw_fstat(descriptor)


def controlled_close(descriptor: int) -> None:
    """`os.close`: what others see of it is the end of a lock on the file."""
    leave(descriptor)
    raw_close(descriptor)


def leave(descriptor: int) -> None:
    """This descriptor will be closed."""
    own = opened.pop(descriptor, None)
    if own is not None and own.inode in locked:
        locked.discard(own.inode)
        me.ask("file locks", "leave", own.inode, own.path, own.owner())


locked: set[int] = set()
"""The inodes on which this process has asked for a lock."""


def controlled_dup(descriptor: int) -> int:
    """`os.dup`: both numbers share a position. C code asks for a copy when it means to read and write by itself."""
    copy = raw_dup(descriptor)
    if (own := opened.get(descriptor)) is not None:
        me.doubt("os.dup of a file")
        opened[copy] = own
    return copy


def controlled_flock(file: Any, operation: int) -> None:
    """`fcntl.flock` and `lockf`, of the whole file."""
    import fcntl

    descriptor = file if isinstance(file, int) else file.fileno()
    own = opened.get(descriptor)
    if own is None:
        me.doubt("a lock on a file that is not controlled")
        return
    locked.add(own.inode)
    place = own.inode, own.path, own.owner()
    if operation & fcntl.LOCK_UN:
        me.ask("file locks", "unlock", *place)
        return
    blocks = not operation & fcntl.LOCK_NB
    if not me.ask("file locks", "lock", *place, bool(operation & fcntl.LOCK_SH), blocks):
        raise BlockingIOError(errno.EWOULDBLOCK, os.strerror(errno.EWOULDBLOCK))


def install() -> None:
    """Put them in the place of the raw ones."""
    import fcntl

    for name in ("open", "read", "write", "pread", "pwrite", "lseek", "ftruncate", "fstat", "close", "dup"):
        setattr(os, name, globals()[f"controlled_{name}"])
    fcntl.flock = controlled_flock

    def controlled_lockf(file: Any, operation: int, length: int = 0, start: int = 0, whence: int = 0) -> None:
        if length or start or whence:
            me.doubt("a lock on a part of a file")
        if me.has_threads:
            me.abandon("lockf in a process with threads, which have such a lock in common")
        controlled_flock(file, operation)

    fcntl.lockf = controlled_lockf
