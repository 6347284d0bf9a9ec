"""Functions that no module has at its top, such as closures, as bytes that each execution makes them from again.

One pickle has the function, `setup` and `check`, so what they share they share there, too. What is of multiprocessing
goes in as the making of a new one in the same state, which is controlled where it is made. Knows no search.
"""

from __future__ import annotations

import inspect
import io
import linecache
import marshal
import socket
import sqlite3
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ctypes import Array, Structure, _SimpleCData
from multiprocessing import connection, context, managers, process, queues, shared_memory, sharedctypes, synchronize
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

import cloudpickle

from lab import pipe_ends
from lab.engines.controlled.inside import carried
from lab.errors import UsageError

_IN_SETUP = "Make it in setup, or in the function itself."
_REFUSED: tuple[tuple[Any, str, str], ...] = (
    (io.IOBase, "an open file", _IN_SETUP),
    ((sqlite3.Connection, sqlite3.Cursor), "an sqlite3 connection", _IN_SETUP),
    (socket.socket, "a socket", "What it is used for can't be controlled; leave it out."),
    (threading.Thread, "a thread", "Start it in the function itself."),
    ((managers.BaseProxy, managers.BaseManager), "what a Manager makes", "Use a Value, an Array or a file."),
    (process.BaseProcess, "a process", "Give the function alone: lab starts the processes that call it."),
)
"""What can't be carried: its classes, what it is called, and how to mend it."""
_ON_MEMORY = (io.BytesIO, io.StringIO)


class Pickled(NamedTuple):
    """The bytes, the modules that they are made with, and the source files of what went in, by the names they have."""

    data: bytes
    modules: tuple[str, ...]
    sources: Mapping[str, bytes]


def pickled(*functions: Callable[..., Any] | None) -> Pickled:
    """All of them as one; UsageError if something that they hold can't be carried."""
    buffer = io.BytesIO()
    pickler = _Pickler(buffer)
    with _by_value(functions):
        try:
            pickler.dump(functions)
        except UsageError:
            raise
        except Exception as error:  # whatever the user's own objects do when they are pickled
            raise _refused(f"what can't be pickled ({type(error).__name__}: {error})", _IN_SETUP) from error
        if not pickler.pipes.is_whole:
            raise _refused("an end of a Pipe without its other end", "Use both there, or make the Pipe in setup.")
        modules = pickler.modules - {"__main__", ""} - _registry()
    return Pickled(buffer.getvalue(), tuple(sorted(modules)), {**pickler.sources, **_files(modules)})


def _refused(found: str, mend: str) -> UsageError:
    return UsageError(
        f"function, setup or check: expected to hold only what each execution can make anew, found {found}. {mend}"
    )


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """What each execution makes anew."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.modules = {"cloudpickle"}
        self.sources: dict[str, bytes] = {}
        self.pipes = pipe_ends.Pipes()
        self._homes: dict[int, tuple[str, str]] | None = None

    def reducer_override(self, obj: Any) -> Any:
        """How an object is made again."""
        if isinstance(obj, CodeType):
            return carried.code, (marshal.dumps(obj), self._source(obj.co_filename))
        for kinds, called, mend in _REFUSED:
            if isinstance(obj, kinds) and not isinstance(obj, _ON_MEMORY):
                named = getattr(obj, "name", "")
                raise _refused(f"{called} ({named})" if isinstance(named, str) and named else called, mend)
        if isinstance(obj, pipe_ends.Met):
            return carried.pipe, (obj.is_duplex,)
        if isinstance(obj, type | ModuleType) or inspect.isroutine(obj):
            self.modules.add(obj.__name__ if isinstance(obj, ModuleType) else getattr(obj, "__module__", "") or "")
        elif _is_of_multiprocessing(obj):
            home = self._home(obj)
            made = (carried.attribute, home) if home else _made(obj, self.pipes)
            if made is not None:
                return made
        return super().reducer_override(obj)

    def _source(self, path: str) -> str:
        """The name of a source file in an execution's folder; its text goes there, too."""
        name = _cell_name(path) or Path(path).name
        self.sources[name] = "".join(linecache.getlines(path)).encode()
        return name

    def _home(self, obj: object) -> tuple[str, str] | None:
        """Where an imported module has it at its top: there an execution finds it, and so does that module's code."""
        if self._homes is None:
            self._homes = {
                id(thing): (module.__name__, name)
                for module in list(sys.modules.values())
                if isinstance(module, ModuleType)
                and module.__name__ != "__main__"
                and module.__name__ not in cloudpickle.list_registry_pickle_by_value()
                for name, thing in list(vars(module).items())
                if _is_of_multiprocessing(thing)
            }
        home = self._homes.get(id(obj))
        if home:
            self.modules.add(home[0])
        return home


def _cell_name(path: str) -> str:
    """What a notebook calls the cell that it has compiled under this name, such as `In[3]`; empty if it is none."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    named = shell.compile.format_code_name(path) if shell is not None else None
    return named[1] if named else ""


def _made(obj: Any, pipes: pipe_ends.Pipes) -> tuple[Any, ...] | None:
    """How something of multiprocessing's is made anew in the state in which it is; None if it is no such thing."""
    match obj:
        case synchronize.Event():
            return carried.event, (obj.is_set(),)
        case synchronize.Condition():
            return carried.condition, (obj._lock,)  # type: ignore[attr-defined]
        case synchronize.Barrier():
            if obj.broken:
                raise _refused("a Barrier that is broken", _IN_SETUP)
            return carried.barrier, (obj.parties, obj._action, obj._timeout)  # type: ignore[attr-defined]
        case synchronize.BoundedSemaphore():
            return carried.semaphore, ("BoundedSemaphore", _free(obj, obj._semlock.maxvalue))  # type: ignore[attr-defined]
        case synchronize.Semaphore():
            return carried.semaphore, ("Semaphore", obj.get_value())
        case synchronize.Lock() | synchronize.RLock():
            _free(obj, 1)
            return carried.lock, (type(obj).__name__,)
        case sharedctypes.SynchronizedBase():
            content = obj._obj  # type: ignore[attr-defined]
            return carried.shared, (*_content(content), obj._lock)  # type: ignore[attr-defined]
        case queues.SimpleQueue():
            _expect_empty(obj, obj.empty())
            return carried.queue, ("SimpleQueue",)
        case queues.JoinableQueue() | queues.Queue():
            unfinished: Any = getattr(obj, "_unfinished_tasks", None)
            _expect_empty(obj, not obj.qsize() and (unfinished is None or not unfinished.get_value()))
            return carried.queue, (type(obj).__name__, obj._maxsize)  # type: ignore[attr-defined]
        case connection.Connection():
            if fault := pipe_ends.fault(obj):
                raise _refused(fault, _IN_SETUP)
            return carried.end, pipes.met(obj)
        case shared_memory.SharedMemory():
            if obj.buf is None or not Path("/dev/shm", obj.name).exists():
                raise _refused("shared memory that is closed or unlinked", _IN_SETUP)
            return carried.block, (obj.name, bytes(obj.buf))
        case shared_memory.ShareableList():
            return carried.shareable_list, (obj.shm,)
        case context.BaseContext():
            return carried.in_context, (obj.get_start_method(),)
        case _ if _is_shared(obj):
            return carried.shared, (*_content(obj), False)
    if isinstance(obj, BaseException):
        return None
    raise _refused(f"{type(obj).__module__}.{type(obj).__qualname__}", _IN_SETUP)


def _free(obj: Any, permits: int) -> int:
    if obj._semlock._get_value() < permits:
        raise _refused(f"a {type(obj).__name__} that somebody holds", "Release it before.")
    return permits


def _expect_empty(obj: Any, is_empty: bool) -> None:
    if not is_empty:
        raise _refused(f"a {type(obj).__name__} with something in it", "Fill it in setup.")


def _is_of_multiprocessing(obj: object) -> bool:
    # Of some classes that C makes this is no text.
    return str(type(obj).__module__).startswith("multiprocessing.") or _is_shared(obj)


def _is_shared(obj: object) -> bool:
    """True for a RawValue or a RawArray: the memory of other C objects is their process's own."""
    return isinstance(obj, Array | Structure | _SimpleCData) and hasattr(obj, "_wrapper")


def _content(obj: Any) -> tuple[Any, Any]:
    """The type of shared memory, of an array its elements', and what is in it."""
    if isinstance(obj, Array):
        return obj._type_, list(obj)
    if isinstance(obj, _SimpleCData):
        return type(obj), obj.value
    raise _refused(f"a shared {type(obj).__name__}", "Use a Value or an Array of a simple type.")


@contextmanager
def _by_value(functions: tuple[Callable[..., Any] | None, ...]) -> Iterator[None]:
    """The modules in which a closure stands go in by value: it uses them as they are, and so does the code there."""
    registered = []
    for function in map(_innermost, functions):
        module = sys.modules.get(getattr(function, "__module__", None) or "")
        if module is None or not _is_own(module) or module.__name__ in _registry():
            continue
        if getattr(module, function.__qualname__, None) is not function:
            cloudpickle.register_pickle_by_value(module)
            registered.append(module)
    try:
        yield
    finally:
        for module in registered:
            cloudpickle.unregister_pickle_by_value(module)


def _files(modules: set[str]) -> dict[str, bytes]:
    """The user's own modules among these as files, where they are imported from: their lines are then shown."""
    found = [sys.modules[name] for name in modules if "." not in name and name in sys.modules]
    files = [Path(str(module.__file__)) for module in found if _is_own(module)]
    return {file.name: file.read_bytes() for file in files if file.suffix == ".py" and file.stem in modules}


def _registry() -> set[str]:
    return cloudpickle.list_registry_pickle_by_value()  # type: ignore[no-any-return]


def _innermost(function: Any) -> Any:
    """The function that a partial or a method calls; of a callable object its class."""
    while (inner := getattr(function, "func", None) or getattr(function, "__func__", None)) is not None:
        function = inner
    return function if inspect.isroutine(function) else type(function)


def _is_own(module: ModuleType) -> bool:
    """True for a user's own module, which is neither Python's nor installed."""
    file = getattr(module, "__file__", None)
    installed = [path for name, path in sysconfig.get_paths().items() if name.endswith("lib")]
    return bool(file) and not any(Path(str(file)).is_relative_to(path) for path in installed)
