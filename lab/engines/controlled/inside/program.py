"""The script as `__main__`: precompiled, with its own output, and with its end told to the controller."""

from __future__ import annotations

import atexit
import io
import sys
import threading
from collections.abc import Callable
from types import CodeType, ModuleType
from typing import Any, NamedTuple

from lab.engines.controlled.inside.channel import CALLING, me
from lab.engines.controlled.inside.descriptors import output


class Script(NamedTuple):
    """A script as it was when the executions began."""

    path: str
    text: bytes
    code: CodeType


class _Output(io.RawIOBase):
    """Standard output or error: each process's own, kept by the controller."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """1 or 2."""
        return self._descriptor

    def write(self, data: Any) -> int:
        """To the controller."""
        return output(self._descriptor, data)


class _Buffer(io.BufferedIOBase):
    """A buffer without a lock: where to print is an operation, other threads may print while one waits for its turn."""

    def __init__(self, raw: _Output) -> None:
        self._raw, self._kept = raw, bytearray()

    @property
    def raw(self) -> Any:
        """What it writes into."""
        return self._raw

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """1 or 2."""
        return self._raw.fileno()

    def write(self, data: Any) -> int:
        """Keep it until a flush, or until there is much."""
        view = memoryview(data).cast("B")
        self._kept += view
        if len(self._kept) > io.DEFAULT_BUFFER_SIZE:
            self.flush()
        return len(view)

    def flush(self) -> None:
        """Write what is kept."""
        data, self._kept = self._kept, bytearray()
        if data:
            self._raw.write(data)


def open_output() -> None:
    """Give the process its own standard output and error, with the buffering of a terminal: a line at a time."""
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        buffer: Any = (
            io.BufferedWriter(io.FileIO(descriptor, "w", closefd=False)) if me.is_free else _Buffer(_Output(descriptor))
        )
        stream = io.TextIOWrapper(buffer, "utf-8", "backslashreplace", line_buffering=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def told_traceback(error: BaseException) -> None:
    """Tell what was raised, with the lines of the script that it came through."""
    lines = []
    where = error.__traceback__
    while where is not None:
        name = where.tb_frame.f_code.co_filename
        if name.startswith(me.folder) and not name.endswith(CALLING):
            lines.append(f"{name[len(me.folder) :]}:{where.tb_lineno} in {where.tb_frame.f_code.co_name}")
        where = where.tb_next
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - whatever the script's own class does
        text = "(an exception that can't be shown)"
    me.tell("raised", name, text[:2000], lines[-20:])


def told_by_thread(error: BaseException) -> bool:
    """Tell what a thread has raised; False if there is nothing to tell, as of an exit, which ends the thread alone."""
    if isinstance(error, SystemExit):
        return False
    told_traceback(error)
    return True


def run(script: Script, arguments: list[str]) -> int:
    """Run the script to its end; the exit code."""
    main = ModuleType("__main__")
    main.__file__ = script.path
    main.__builtins__ = sys.modules["builtins"]  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    sys.argv = [script.path, *arguments]
    return ended(lambda: exec(script.code, main.__dict__))


def ended(body: Callable[[], int | None]) -> int:
    """Run this, and all that Python does at the end of a process; the exit code."""
    status = 0
    try:
        status = body() or 0
    except SystemExit as stop:
        status = _status(stop)
    except BaseException as error:  # noqa: BLE001 - whatever a script raises is an outcome
        told_traceback(error)
        status = 1
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    return status


def _status(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 0xFF
    sys.stderr.write(f"{stop.code}\n")
    return 1
