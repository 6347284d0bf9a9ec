"""The warm parent: a small process that has all imported and forks an execution whenever it is told to.

It is started anew with a fixed hash seed, keeps the orphans of an execution, kills what is left of one, and cleans up
after its controller if that dies.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import re
import resource
import select
import signal
import site
import socket
import sys
import time
from contextlib import suppress
from importlib import import_module
from marshal import dumps
from pathlib import Path
from typing import Any, Protocol

from lab.engines.controlled.inside import program
from lab.engines.controlled.inside.channel import me, raw_exit
from lab.engines.controlled.inside.line import Line

_OFTEN = {
    "multiprocessing.synchronize": "Lock RLock Semaphore BoundedSemaphore Event Condition Barrier",
    "multiprocessing.queues": "Queue SimpleQueue JoinableQueue",
    "multiprocessing.sharedctypes": "Value Array RawValue RawArray",
    "multiprocessing.pool": "Pool",
    "multiprocessing.shared_memory": "shared_memory",
    "concurrent.futures.process": "concurrent",
    "lab.engines.controlled.inside.calls": "calls",
    **{name: name for name in ("argparse", "collections", "contextlib", "csv", "datetime", "fcntl", "functools")},
    **{name: name for name in ("itertools", "json", "linecache", "logging", "math", "pathlib", "pickle", "queue")},
    **{name: name for name in ("random", "re", "secrets", "shutil", "sqlite3", "string", "struct", "tempfile")},
    **{name: name for name in ("threading", "traceback", "uuid")},
}
"""What is imported beforehand, and the words that tell that a script may want it.

What nobody wants makes every fork dearer, and whoever wants something else imports it by itself."""
_FIRST = frozenset(
    {"__main__", "abc", "codecs", "encodings", "genericpath", "io", "lab", "os", "posixpath", "site", "stat"}
)
"""Modules that are imported before any script could have its own in their places."""
_SUBREAPER = 36
_PATIENCE_S = 0.05

raw_open, raw_dup2, raw_read, raw_close = os.open, os.dup2, os.read, os.close
raw_setpgid, raw_killpg, raw_waitpid, raw_fork = os.setpgid, os.killpg, os.waitpid, os.fork
raw_getpid, raw_sleep, _raw_kill, raw_getpgid = os.getpid, time.sleep, os.kill, os.getpgid


class Mode(Protocol):
    """What is different about executions that are controlled, and runs that are free."""

    def install(self, script: str, /) -> None:
        """In the warm parent, before anything is forked."""

    def rehearse(self, path: str, /) -> None:
        """Do what processes do, with a file of this path."""

    def begin(self, command: bytes, line: Any, /) -> None:
        """In the process that is to run the script, which has a line if it is controlled."""


def serve(control: socket.socket) -> None:
    """Do what the controller says until it is gone."""
    packet = control.recv(1 << 16)
    if not packet:
        return  # the controller has died before it could say anything
    config = json.loads(packet)
    ctypes.CDLL(None).prctl(_SUBREAPER, 1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    root = Path(config["root"])
    path = f"{root}/run/{config['script']}"
    text = Path(path).read_bytes()
    script = program.Script(path, text, compile(text, path, "exec", dont_inherit=True))
    for name in sorted(_wanted(Path(path).parent)):
        import_module(name)
    mode: Mode = import_module(f"{__spec__.parent}.{'free' if config['is_free'] else 'control'}")
    _settle(config, root)
    mode.install(path)
    _preload(config["paths"], config["preload"])
    # What every process would do first is done here once: to touch memory after a fork is what costs most.
    quiet = raw_open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        raw_dup2(quiet, descriptor)
    raw_close(quiet)
    program.open_output()
    mode.rehearse(f"{root}/tmp/rehearsal")
    _make_way(Path(sys.path[0]))
    gc.collect()
    gc.freeze()
    control.send(b"ready")
    groups: list[int] = []  # of an execution; and on top of it, of those that go on from its checkpoints
    line = None
    while command := _next(control, line, groups, script):
        word, _, number = command.partition(b" ")
        if word == b"end":
            _end(groups, line)
            groups, line = [], None
            control.send(b"ended")
        elif word == b"on":
            groups.append(int(number))
        elif word == b"back":
            _end_last(groups)
            control.send(b"ended")
        else:
            begun = time.clock_gettime(time.CLOCK_MONOTONIC)
            line = None if me.is_free else Line()
            execution = raw_fork()
            groups = [execution]
            if not execution:
                _execute(control, mode, line, script, config["arguments"], command)
            if me.is_free:
                used_s = _await_end(execution, control)
                wall_s = time.clock_gettime(time.CLOCK_MONOTONIC) - begun
                with suppress(BrokenPipeError):  # who is gone, the next packet tells
                    control.send(dumps((wall_s, used_s)))
    _end(groups, line)


def _next(control: socket.socket, line: Line | None, groups: list[int], script: program.Script) -> bytes:
    """What the controller says next; whoever asks for a new process in the meantime gets it."""

    def live(line: Line, request: Any, descriptors: list[int]) -> None:
        try:
            control.close()
            with suppress(PermissionError):  # nobody of the execution is left
                raw_setpgid(0, groups[-1])
            from lab.engines.controlled.inside import spawned  # which is there where there is a line

            spawned.live(line, request, descriptors, script)
        finally:
            raw_exit(70)

    if line is not None:
        line.await_command(control, live)
    return control.recv(16)


def _wanted(folder: Path) -> set[str]:
    """The modules that the script and those beside it may want."""
    texts = [path.read_text("utf-8", "replace") for path in folder.glob("*.py")]
    words = set(re.findall(r"\w+", "\n".join(texts)))
    return {name for name, told in _OFTEN.items() if not words.isdisjoint(told.split())}


def _make_way(folder: Path) -> None:
    """Forget modules in whose place the script would have found some of its own, which have their names."""
    for path in (*folder.glob("*.py"), *folder.glob("*/__init__.py")):
        name = path.stem if path.parent == folder else path.parent.name
        module = sys.modules.get(name)
        if module is not None and name not in (*_FIRST, *sys.builtin_module_names):
            found = getattr(module, "__file__", None) or ""
            if not found.startswith(f"{folder}/"):
                del sys.modules[name]


def _preload(paths: list[str], names: list[str]) -> None:
    """Import what every execution would: it finds what is controlled, and asks nobody yet."""
    sys.path.extend(path for path in paths if path not in sys.path)
    with me:
        for name in names:
            with suppress(Exception):  # an execution will meet it again, and tell
                import_module(name)


def _await_end(execution: int, control: socket.socket) -> float:
    """Wait until all processes of a run have ended, or somebody wants that; the processor seconds they took."""
    before_s = _used_s()
    last = os.pidfd_open(execution)
    poll = select.poll()
    for descriptor in (control.fileno(), last):
        poll.register(descriptor, select.POLLIN)
    patience_ms = None
    with suppress(ChildProcessError):
        while True:
            pid, _ = raw_waitpid(-1, os.WNOHANG)
            if pid == execution:
                # What is left of it nobody tells of.
                poll.unregister(last)
                patience_ms = 1
            elif not pid and any(descriptor != last for descriptor, _ in poll.poll(patience_ms)):
                break
    os.close(last)
    return _used_s() - before_s


def _used_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _settle(config: dict[str, Any], root: Path) -> None:
    """What all executions have in common."""
    me.folder, me.scratch, me.payload_folder = f"{root}/run/", f"{root}/run/", f"{root}/payloads"
    me.temporary, me.memory, me.diaries = f"{root}/tmp/", f"psm.{root.name}", f"{root}/diaries"
    me.address, me.orders_output = config["address"], config["orders_output"]
    me.cores = set(config["cores"])
    sys.dont_write_bytecode = True
    # As Python would have it: the script's folder first, and nothing of what it took to get here.
    sys.path.remove(config["home"])
    if config["home"] in (*site.getsitepackages(), site.getusersitepackages()):
        sys.path.append(config["home"])
    sys.path.insert(0, str(Path(f"{root}/run/{config['script']}").parent))
    os.environ.pop("PYTHONHASHSEED", None)
    os.environ.pop("PYTHONPATH", None)
    os.environ.update(config["environment"])
    os.environ["TMPDIR"] = f"{root}/tmp"
    os.environ["PWD"] = str(Path(f"{root}/run/{config['script']}").parent)
    os.chdir(os.environ["PWD"])


def _execute(
    control: socket.socket,
    mode: Mode,
    line: Line | None,
    script: program.Script,
    arguments: list[str],
    command: bytes,
) -> None:
    status = 70
    try:
        control.close()
        raw_setpgid(0, 0)
        os.chdir(os.environ["PWD"])
        mode.begin(command, line)
        status = program.run(script, arguments)
        os._exit(status)
    finally:
        raw_exit(status)


def _end(groups: list[int], line: Line | None) -> None:
    """Kill what is left of an execution, and its orphans, wherever they have gone."""
    if not groups:
        return
    if line is not None:
        line.close()
    patience = time.clock_gettime(time.CLOCK_MONOTONIC) + _PATIENCE_S
    while True:
        for group in groups:
            _kill_group(group)
        try:
            pid, _ = raw_waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            if time.clock_gettime(time.CLOCK_MONOTONIC) > patience:
                _kill_all(_children())
            raw_sleep(0.0002)


def _end_last(groups: list[int]) -> None:
    """The same, of those who have gone on from the last checkpoint; the others stay."""
    last = groups.pop()
    while True:
        is_left = _kill_group(last)
        with suppress(ChildProcessError):
            while raw_waitpid(-1, os.WNOHANG)[0]:
                pass
        strays = [pid for pid in _children() if raw_getpgid(pid) not in groups]
        if not is_left and not strays:
            return
        _kill_all(strays)
        raw_sleep(0.0002)


def _kill_group(group: int) -> bool:
    """False if there is nobody in it."""
    try:
        raw_killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _kill_all(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            _raw_kill(pid, signal.SIGKILL)


def _children() -> list[int]:
    own = raw_getpid()
    descriptor = raw_open(f"/proc/{own}/task/{own}/children", os.O_RDONLY)
    pids = raw_read(descriptor, 1 << 16).split()
    raw_close(descriptor)
    return [int(pid) for pid in pids]


def _is_left(control: socket.socket) -> bool:
    """True if the controller is gone."""
    try:
        return not control.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False


if __name__ == "__main__":
    its_control = socket.socket(fileno=int(sys.argv[1]))
    try:
        serve(its_control)
    except FileNotFoundError:
        if not _is_left(its_control):
            raise
        # Who started it has ended before it was ready, and somebody has swept its folder.
    finally:  # an execution, which is a copy of this process, never comes here
        with me:
            # Not before: it imports more than most scripts do, which would make each of their forks dearer.
            from lab.engines import scratch

            scratch.sweep_after_death(Path(sys.argv[2]))
