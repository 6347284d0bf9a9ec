"""What goes past the wrappers: Python's audit events tell of it, and no proof can follow."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.paths import MAPPED, is_own, is_system, whole

_SOURCES = (".py", ".pyc", ".so", ".pth")
_REASONS = {
    "subprocess.Popen": "another program",
    "os.system": "another program",
    "os.posix_spawn": "another program",
    "os.exec": "another program",
    "pty.spawn": "another program",
    "os.fork": "a fork that is not controlled",
    "os.forkpty": "a fork that is not controlled",
    "socket.__new__": "a socket",
    "mmap.__new__": MAPPED,
    "ctypes.dlopen": "a C library",
    "sqlite3.connect": "an sqlite3 database past the wrappers",
    "fcntl.flock": "a lock on a file past the wrappers",
    "fcntl.lockf": "a lock on a file past the wrappers",
    "os.kill": "a signal past the wrappers",
    "signal.pthread_kill": "a signal past the wrappers",
}
_ENTRIES = ("os.rename", "os.remove", "os.link", "os.mkdir", "os.rmdir", "os.symlink", "os.truncate", "os.chmod")
_SILENT = ("pipe", "pipe2", "eventfd", "memfd_create", "sendfile", "copy_file_range", "splice", "readv", "writev")
_SILENT_TOO = ("preadv", "pwritev", "dup2", "waitid", "wait3", "wait4", "setsid", "posix_fallocate")


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if me.depth or not me.is_controlled:
        return
    if event == "open":
        _opened(arguments)
    elif event in _REASONS or event in _ENTRIES:
        with me:
            me.doubt(_REASONS.get(event, f"{event} past the wrappers"))


def _opened(arguments: tuple[Any, ...]) -> None:
    path, _, flags = arguments
    if not isinstance(path, str | bytes):
        return
    with me:
        name = whole(path)
        is_writing = bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC))
        if is_system(name) or (not is_writing and (not is_own(name) or name.endswith(_SOURCES))):
            return
        me.doubt(f"{os.path.basename(name)} past the wrappers")  # noqa: PTH119


def _doubtful(name: str, raw: Callable[..., Any], reason: str) -> Callable[..., Any]:
    def watched(*arguments: Any, **named: Any) -> Any:
        if not me.depth and me.is_controlled:
            me.doubt(reason)
        return raw(*arguments, **named)

    watched.__name__ = name
    return watched


def install() -> None:
    """Look out, and for what no event tells of put a watch in its place."""
    sys.addaudithook(_hook)
    for name in (*_SILENT, *_SILENT_TOO):
        if hasattr(os, name):
            setattr(os, name, _doubtful(name, getattr(os, name), f"os.{name}"))
    import multiprocessing.managers as managers
    import signal

    managers.BaseManager.start = _abandoned("a Manager")  # type: ignore[method-assign]
    raw_signal = signal.signal

    def watched_signal(number: Any, handler: Any) -> Any:
        if callable(handler) and handler is not signal.default_int_handler and me.is_controlled and not me.depth:
            me.doubt("a signal handler")
        return raw_signal(number, handler)

    signal.signal = watched_signal  # type: ignore[assignment]


def _abandoned(reason: str) -> Callable[..., Any]:
    """What would wait for something that nobody controls ends the search at once."""

    def refused(*_: Any, **__: Any) -> Any:
        me.abandon(reason)

    return refused
