"""A run that nobody controls: how its processes end, and what they print, is written down; nothing else is touched.

Each process keeps a diary in a file, in the words in which it would tell a controller, and prints into a file of its
own, or all into one where somebody judges the order of what is printed.
"""

from __future__ import annotations

import multiprocessing.process as process
import os
import signal
import struct
import sys
import threading
import traceback
from typing import Any

from lab.engines.controlled.inside import rehearsal
from lab.engines.controlled.inside.channel import me, raw_exit
from lab.engines.controlled.inside.imports import when_imported
from lab.engines.controlled.inside.program import told_by_thread, told_traceback

LENGTH = struct.Struct("=I")
"""What stands before each entry of a diary."""

raw_fork, raw_waitpid, raw_wait, raw_kill, raw_getpid = os.fork, os.waitpid, os.wait, os.kill, os.getpid
_numbers: dict[int, int] = {}
"""The number of each child, by its pid."""


class _Mode:
    is_serial = False
    pools_at_work = 0
    """Above 0 while a pool starts its workers, or ends them."""


class Diary:
    """Takes the place of the socket: whoever dies in the middle leaves at most one torn entry, the last."""

    def __init__(self) -> None:
        path = f"{me.diaries}/{me.number}"
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def send(self, packet: bytes) -> None:
        """Write it down."""
        os.write(self._descriptor, LENGTH.pack(len(packet)) + packet)

    def recv(self, size: int) -> bytes:
        """Nobody answers."""
        return b""

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def rehearse(path: str) -> None:
    """Do what processes do, with a file of this path."""
    rehearsal.rehearse(path, sys.modules[__name__])


def begin(command: bytes, line: None) -> None:
    """Begin a run, in the process that is to run the script. If serial, who starts a process or a thread waits for it.

    A pool has one worker then, which does one task after another.
    """
    _Mode.is_serial = command == b"serial"
    me.connect()
    _print_apart()


def end(code: int) -> None:
    """`os._exit`, and how a run ends."""
    me.tell("exit", code & 0xFF)
    raw_exit(code)


def _print_apart() -> None:
    for descriptor in (1, 2):
        path = f"{me.diaries}/{'all' if me.orders_output else me.number}.{descriptor}"
        output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(output, descriptor)
        os.close(output)


def _fork() -> int:
    number = me.next_child()
    me.tell("fork", number, "")
    pid = raw_fork()
    if pid:
        _started(pid, number)
        return pid
    born(number)
    _print_apart()
    return 0


def born(number: int) -> None:
    """In a new process, before anything else."""
    _numbers.clear()
    me.become(number)


def _started(pid: int, number: int) -> None:
    _numbers[pid] = number
    if _Mode.is_serial and not _Mode.pools_at_work:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def _reaped(pid: int, status: int) -> tuple[int, int]:
    if pid in _numbers:
        code = os.waitstatus_to_exitcode(status)
        # Whether a worker that waits for tasks is killed, or ends before, is no matter of the script's.
        is_dismissed = _Mode.pools_at_work > 0 and code == -signal.SIGTERM
        me.tell("reaped", _numbers.pop(pid), 0 if is_dismissed else code)
    return pid, status


def _waitpid(pid: int, options: int) -> tuple[int, int]:
    return _reaped(*raw_waitpid(pid, options))


def _wait() -> tuple[int, int]:
    return _reaped(*raw_wait())


def _kill(pid: int, sig: int) -> None:
    raw_kill(pid, sig)
    if pid in _numbers and sig and not _Mode.pools_at_work:
        me.tell("kill", _numbers[pid])


def _by_pool(raw: Any) -> Any:
    """What a pool does with its workers."""

    def called(*arguments: Any, **named: Any) -> Any:
        _Mode.pools_at_work += 1
        try:
            return raw(*arguments, **named)
        finally:
            _Mode.pools_at_work -= 1

    return called


def _with_one_worker(raw: Any, workers: str) -> Any:
    def opened(self: Any, *arguments: Any, **named: Any) -> None:
        if _Mode.is_serial:
            named |= {workers: 1} if not arguments else {}
            arguments = (1, *arguments[1:]) if arguments else ()
        raw(self, *arguments, **named)

    return opened


def _change_blocks(blocks: Any) -> None:
    """What a killed run leaves can be found by its name, as semaphores are."""
    blocks._SHM_NAME_PREFIX = f"/{me.memory}-"
    blocks._SHM_SAFE_NAME_LENGTH = len(blocks._SHM_NAME_PREFIX) + 8


def _bootstrap(self: Any, *arguments: Any, **named: Any) -> Any:
    me.tell("name", self.name)
    return _raw_bootstrap(self, *arguments, **named)


def _change_pools(pool: Any) -> None:
    own = pool.Pool
    own.__init__ = _with_one_worker(own.__init__, "processes")
    own._repopulate_pool_static = staticmethod(_by_pool(own._repopulate_pool_static))
    own._terminate_pool = staticmethod(_by_pool(own._terminate_pool))


def _change_executors(executors: Any) -> None:
    own = executors.ProcessPoolExecutor
    own.__init__ = _with_one_worker(own.__init__, "max_workers")
    own._spawn_process = _by_pool(own._spawn_process)


def _change_spawning(popen: Any) -> None:
    raw_launch = popen.Popen._launch

    def launch(self: Any, process_obj: Any) -> None:
        """A process of another interpreter, which keeps no diary and prints where its parent does."""
        number = me.next_child()
        me.tell("fork", number, process_obj.name)
        raw_launch(self, process_obj)
        _started(self.pid, number)

    popen.Popen._launch = launch


def _start_thread(self: Any) -> None:
    """`Thread.start`: the order of its process's lines is not compared then. Pools and queues have threads as well."""
    is_own = not sys._getframe(1).f_globals["__name__"].startswith(("multiprocessing.", "concurrent.futures.process"))
    if is_own:
        me.tell("threads")
    _raw_start_thread(self)
    if is_own and _Mode.is_serial:
        self.join()


def _raised_in_thread(arguments: Any) -> None:
    told_by_thread(arguments.exc_value)
    threading.__excepthook__(arguments)


def _print_exc(*arguments: Any, **named: Any) -> None:
    error = sys.exc_info()[1]
    if sys._getframe(1).f_code.co_filename == process.__file__ and error is not None:
        told_traceback(error)
    _raw_print_exc(*arguments, **named)


_raw_bootstrap: Any = process.BaseProcess._bootstrap  # type: ignore[attr-defined]
_raw_print_exc = traceback.print_exc
_raw_start_thread = threading.Thread.start


def install(script: str) -> None:
    """Put them in the place of the raw ones."""
    me.is_free = True
    me.open_channel = Diary
    # What a killed run leaves can be found by its name.
    process.current_process()._config["semprefix"] = f"/{me.memory.partition('.')[2]}"  # type: ignore[attr-defined]
    os.fork, os.waitpid, os.wait, os.kill, os._exit = _fork, _waitpid, _wait, _kill, end  # type: ignore[assignment]
    process.BaseProcess._bootstrap = _bootstrap  # type: ignore[attr-defined]
    when_imported("multiprocessing.pool", _change_pools)
    when_imported("concurrent.futures.process", _change_executors)
    when_imported("multiprocessing.popen_spawn_posix", _change_spawning)
    when_imported("multiprocessing.shared_memory", _change_blocks)
    traceback.print_exc = _print_exc
    threading.Thread.start = _start_thread  # type: ignore[method-assign]
    threading.excepthook = _raised_in_thread
