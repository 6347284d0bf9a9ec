"""Start methods spawn and forkserver: the new process is forked from the warm parent, which the script has not touched.

What Python would send to a new interpreter goes there, pickled as Python pickles it; so nothing else of its parent's is
there, but for what an interpreter has of who starts it.
"""

from __future__ import annotations

import errno
import io
import multiprocessing.context as context
import multiprocessing.forkserver as forkserver
import multiprocessing.popen_forkserver as popen_forkserver
import multiprocessing.popen_spawn_posix as popen_spawn
import multiprocessing.process as process
import multiprocessing.reduction as reduction
import multiprocessing.spawn as spawn
import os
import pickle
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from lab.engines.controlled.inside import blocks
from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.descriptors import opened
from lab.engines.controlled.inside.processes import ControlledPopen, started
from lab.engines.controlled.inside.queues import packed
from lab.engines.controlled.inside.spawned import Birth, Home, Passed, current


class SpawnedPopen(ControlledPopen):
    """What `Process.start` makes with start method spawn."""

    method = "spawn"
    DupFd = Passed

    def __init__(self, process_obj: Any) -> None:
        self.held: list[tuple[str, int]] = []
        """The ends of pipes that are passed."""
        self._descriptors: list[int] = []
        super().__init__(process_obj)

    def duplicate_for_child(self, descriptor: int) -> int:
        """Pass it, too; the place at which it is found."""
        if descriptor in opened:
            me.doubt("a file that is passed to another process by its descriptor")
        self._descriptors.append(descriptor)
        return len(self._descriptors) - 1

    def _launch(self, process_obj: Any) -> None:
        self.sentinel = -1
        blocks.share_tracker()
        data, home = self._pickled(process_obj), self._home()
        if os.fsdecode(spawn.get_executable()) != sys.executable:
            me.doubt("another interpreter")

        def start(number: int) -> Callable[[], int]:
            birth = Birth(number, me.keeps_history, me.slept_s, self.held, home, data)
            return current.line.start(packed(pickle.dumps(birth)), self._descriptors)

        self.pid = started(process_obj.name, start)

    def _pickled(self, process_obj: Any) -> bytes:
        buffer = io.BytesIO()
        preparation = spawn.get_preparation_data(process_obj._name)
        context.set_spawning_popen(cast(Any, self))
        try:
            reduction.dump(preparation, buffer)
            reduction.dump(process_obj, buffer)
        finally:
            context.set_spawning_popen(None)
        return buffer.getvalue()

    def _home(self) -> Home:
        return _home([])


class ServedPopen(SpawnedPopen):
    """What it makes with start method forkserver."""

    method = "forkserver"

    def _home(self) -> Home:
        return start_server()


def start_server() -> Home:
    """The server stays what it was when it was started: there is none, but its children have that from it."""
    blocks.share_tracker()
    if current.server is None:
        own: Any = forkserver._forkserver
        current.server = me.process, _home(list(own._preload_modules))._replace(is_server=True)
    starter, server = current.server
    if starter != me.process:  # a forked process, whose parent's child the server is: Python waits for it in vain
        raise ChildProcessError(errno.ECHILD, os.strerror(errno.ECHILD))
    return server


def _home(preloaded: list[str]) -> Home:
    mask = os.umask(0)
    os.umask(mask)
    ignored = [int(number) for number in signal.Signals if signal.getsignal(number) is signal.SIG_IGN]
    return Home(False, str(Path.cwd()), dict(os.environ), mask, ignored, preloaded)


class _Parent(process._ParentProcess):  # type: ignore[name-defined,misc]
    """What `multiprocessing.parent_process` gives."""

    def is_alive(self) -> bool:
        """True if it has not ended."""
        return not me.ask("processes", "poll", me.parent)

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end."""
        me.ask("processes", "join", me.parent, timeout is not None)


def install() -> None:
    """Contexts look these up when they are asked."""
    popen_spawn.Popen, popen_forkserver.Popen = SpawnedPopen, ServedPopen  # type: ignore[misc,assignment]
    forkserver.ensure_running = start_server  # type: ignore[assignment]
    process._ParentProcess = _Parent  # type: ignore[attr-defined]
