"""A rehearsal: the warm parent does before the first fork what nearly every process of a script will do.

CPython adapts code to its work where that lies, and fills its caches. Done here it is done once, and not anew in each
process, which pays for it with a copy of each page that it writes to. Nobody is asked; and what it changes is put back.
"""

from __future__ import annotations

import gc
import itertools
import json
import multiprocessing
import multiprocessing.context as context
import multiprocessing.process as process
import multiprocessing.util as util
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from marshal import dumps
from types import CodeType, FrameType, FunctionType
from typing import Any

from lab.engines.controlled.inside.channel import me

_TIMES = 16
"""After eight calls the interpreter adapts a function, and parts of it only after some more."""

_FORKED = multiprocessing.get_context("fork")

_NOBODY = 1 << 22
"""The pid of no process: the kernel's are smaller."""


class _Yes:
    """A channel whose other end says yes to everything."""

    def send(self, packet: bytes, /) -> int:
        """Take it."""
        return len(packet)

    def recv(self, size: int, /) -> bytes:
        """Yes."""
        return _YES

    def close(self) -> None:
        """Nothing is open."""


_YES = dumps(True)


def rehearse(path: str, forks: Any) -> None:
    """Do it, with a file of this path.

    `forks` is the module that has the `raw_fork` and `raw_waitpid` that a script comes to, and `born`, with which a new
    process begins.
    """
    called: dict[int, CodeType] = {}

    def note(frame: FrameType, event: str, argument: Any) -> None:
        called[id(frame.f_code)] = frame.f_code

    sys.setprofile(note)
    _run(path, forks)
    sys.setprofile(None)
    # That code is in use is counted where it lies: side by side, what is called needs fewer pages.
    for one in gc.get_objects():
        if isinstance(one, FunctionType) and id(one.__code__) in called:
            one.__code__ = one.__code__.replace()
    for _ in range(_TIMES):
        _run(path, forks)
    os.unlink(path)  # noqa: PTH108 - by what is rehearsed


def _run(path: str, forks: Any) -> None:
    """What a script does that starts a process, and what that does."""
    with _as_before():
        me.connect()
        _write(path)
        with _in_vain(forks):
            one = _FORKED.Process(target=_act, args=(path,))
            one.start()
            one.join()
        del one  # with which its pipes are closed
        forks.born(1)
        _FORKED.Process(target=_act, args=(path,))._bootstrap()  # type: ignore[attr-defined]


def _act(path: str) -> None:
    with open(path) as file:  # noqa: PTH123 - as a beginner reads it
        json.load(file)
    _write(path)
    sys.stdout.write("1\n")


def _write(path: str) -> None:
    with open(path, "w") as file:  # noqa: PTH123
        json.dump(1, file)


@contextmanager
def _in_vain(forks: Any) -> Iterator[None]:
    """While this lasts, to fork starts nothing, and what was started has ended well."""
    raw = forks.raw_fork, forks.raw_waitpid
    forks.raw_fork, forks.raw_waitpid = lambda: _NOBODY, lambda pid, options: (pid, 0)
    try:
        yield
    finally:
        forks.raw_fork, forks.raw_waitpid = raw


@contextmanager
def _as_before() -> Iterator[None]:
    """Put back what a run does to multiprocessing, to threading, and to what is known of the process."""
    saved = [(owner, name, getattr(owner, name)) for owner, names in _CHANGED for name in names]
    known, finalizers = dict(me.__dict__), dict(_util._finalizer_registry)
    me.made, me.open_channel = {}, _Yes
    _process._children, _process._process_counter = set(), itertools.count(1)
    _util._finalizer_counter = itertools.count()
    _util._close_stdin = _threading._shutdown = lambda: None
    try:
        yield
    finally:
        for owner, name, value in saved:
            setattr(owner, name, value)
        _util._finalizer_registry.update(finalizers)
        me.__dict__.update(known)
        for name in me.__dict__.keys() - known.keys():
            delattr(me, name)


_process: Any = process
_util: Any = util
_threading: Any = threading
_CHANGED = (
    (_process, ("_current_process", "_parent_process", "_children", "_process_counter")),
    (_util, ("_exiting", "_close_stdin", "_finalizer_counter")),
    (_threading, ("_shutdown",)),
    (context._default_context, ("_actual_context",)),
)
