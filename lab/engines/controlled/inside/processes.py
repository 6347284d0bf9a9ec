"""Processes: fork, wait, kill and exit, beneath `multiprocessing.Process` and for raw `os.fork` alike.

Pids are numbers that repeat. To start a process and to wait for one that has ended are no choice; the end of a process
is an operation, since others may look whether it has come.
"""

from __future__ import annotations

import multiprocessing.popen_fork as popen_fork
import multiprocessing.process as process
import multiprocessing.util as util
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from lab.engines.controlled.inside import chance, pipes, threads
from lab.engines.controlled.inside.channel import me, raw_exit
from lab.engines.controlled.inside.clock import pass_s
from lab.engines.controlled.inside.descriptors import locked
from lab.engines.controlled.inside.program import told_traceback

_FIRST_PID = 10_000

raw_fork, raw_waitpid, raw_getpid, raw_register_at_fork = os.fork, os.waitpid, os.getpid, os.register_at_fork
children: dict[int, Callable[[], int]] = {}
"""What waits for each child that has ended, by its number, and gives its status."""


def started(name: str, start: Callable[[int], Callable[[], int] | None]) -> int:
    """Start the next process by a function that gets its number; its pid. In the new process itself it gives 0.

    What the function gives is what waits for the end, and None in the new process.
    """
    number = me.next_child()
    me.tell("fork", number, name)
    status = start(number)
    if status is None:
        return 0
    children[number] = status
    return _FIRST_PID + number


def number_of(pid: int) -> int:
    """Under which the controller knows it."""
    return pid - _FIRST_PID


def _forked(number: int) -> Callable[[], int] | None:
    if threads.are_several():
        me.doubt("a fork of a process in which other threads run")
    me.forks += 1
    with me:
        pid = raw_fork()
    if pid:
        return lambda: raw_waitpid(pid, 0)[1]
    born(number)
    return None


def born(number: int) -> None:
    """In a new process, before anything else."""
    children.clear()
    locked.clear()
    me.become(number, me.process)
    threads.after_fork()
    chance.after_fork()
    pipes.after_fork()


def controlled_fork() -> int:
    """`os.fork`."""
    return started("", _forked)


def controlled_exit(code: int) -> None:
    """`os._exit`: the last operation of a process."""
    me.ask("processes", "exit", code & 0xFF)
    raw_exit(code)


def _reap(number: int) -> tuple[int, int]:
    if number not in children:
        me.abandon("a wait for a process that another thread has waited for")
    status = children.pop(number)()
    me.tell("reaped", number, os.waitstatus_to_exitcode(status))
    return _FIRST_PID + number, status


def controlled_waitpid(pid: int, options: int) -> tuple[int, int]:
    """`os.waitpid`."""
    if pid in (-1, 0):
        if not children:
            raise ChildProcessError(10, "No child processes")
        number = me.ask("processes", "join any", sorted(children), bool(options & os.WNOHANG))
        return _reap(number) if number else (0, 0)
    number = number_of(pid)
    if number not in children:
        raise ChildProcessError(10, "No child processes")
    if options & os.WNOHANG:
        return _reap(number) if me.ask("processes", "poll", number) else (0, 0)
    me.ask("processes", "join", number, False)
    return _reap(number)


def controlled_kill(pid: int, sig: int) -> None:
    """`os.kill`."""
    if sig not in (0, signal.SIGTERM, signal.SIGKILL):
        me.doubt(f"signal {int(sig)}")
    if not me.ask("processes", "kill", number_of(pid), int(sig)):
        raise ProcessLookupError(3, "No such process")


class ControlledPopen(popen_fork.Popen):
    """What `Process.start` makes."""

    def _launch(self, process_obj: Any) -> None:
        code = 1
        self.sentinel = -1
        self.pid = started(process_obj.name, _forked)
        if self.pid == 0:
            try:
                code = process_obj._bootstrap()
            finally:
                controlled_exit(code)

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end; None if that did not come in time."""
        if self.returncode is None:
            number = number_of(self.pid)
            if timeout is not None and timeout <= 0:
                return self.poll()
            if timeout is None or me.ask("processes", "join", number, True):
                return self.poll(0)
            pass_s(timeout)
        return self.returncode

    def poll(self, flag: int = os.WNOHANG) -> int | None:
        """The exit code, None if it has not ended."""
        if self.returncode is None:
            try:
                pid, status = controlled_waitpid(self.pid, flag)
            except ChildProcessError:
                return None
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _keep_to(pid: int, cores: Iterable[int]) -> None:
    """`os.sched_setaffinity`, of which nothing but this remains."""
    if pid in (0, os.getpid()):
        me.cores = set(cores)


def _register_at_fork(**hooks: Any) -> None:
    """`os.register_at_fork`: what it registers is done before a new process has a channel of its own."""
    if me.is_controlled and sys._getframe(1).f_code.co_filename.startswith(me.folder):
        me.doubt("os.register_at_fork")
    raw_register_at_fork(**hooks)


def _active_children() -> list[Any]:
    """In order: the set that multiprocessing keeps is ordered by addresses, which differ in every execution."""
    process._cleanup()  # type: ignore[attr-defined]
    return sorted(process._children, key=lambda child: child._popen.pid)  # type: ignore[attr-defined]


def _public_active_children() -> list[Any]:
    return [child for child in _active_children() if child.is_alive()]


def _print_exc(*arguments: Any, **named: Any) -> None:
    """A child's last words go to the controller: to print them with source lines costs more than the execution."""
    if sys._getframe(1).f_code.co_filename == process.__file__ and me.is_controlled:
        error = sys.exception() if hasattr(sys, "exception") else sys.exc_info()[1]
        if error is not None:
            told_traceback(error)
            return
    _raw_print_exc(*arguments, **named)


_raw_print_exc = traceback.print_exc


def install() -> None:
    """Put them in the place of the raw ones."""
    os.fork, os._exit, os.waitpid, os.kill = controlled_fork, controlled_exit, controlled_waitpid, controlled_kill  # type: ignore[assignment]
    os.wait = lambda: controlled_waitpid(-1, 0)
    os.register_at_fork = _register_at_fork
    os.getpid = lambda: _FIRST_PID + me.process if me.is_controlled else raw_getpid()
    # It compares the pid at hand, asked for as it was when the module was loaded, with one that was asked for later.
    call = util.Finalize.__call__
    call.__defaults__ = tuple(os.getpid if default is raw_getpid else default for default in call.__defaults__ or ())
    os.getppid = lambda: _FIRST_PID + me.parent
    # How many workers a pool has may depend on it.
    os.sched_getaffinity, os.sched_setaffinity = lambda pid: set(me.cores), _keep_to
    popen_fork.Popen = ControlledPopen  # type: ignore[misc]
    process._cleanup = lambda: None  # type: ignore[attr-defined]
    defaults = list(util._exit_function.__defaults__)  # type: ignore[attr-defined]
    util._exit_function.__defaults__ = tuple(  # type: ignore[attr-defined]
        _active_children if default is process.active_children else default for default in defaults
    )
    process.active_children = _public_active_children
    util._close_stdin = lambda: None  # type: ignore[attr-defined]  # it is nothing already
    import multiprocessing

    multiprocessing.active_children = _public_active_children
    traceback.print_exc = _print_exc
