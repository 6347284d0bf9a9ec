"""What makes again, under control, what a function was carried here with; and the paths of its folder mean this one."""

from __future__ import annotations

import importlib
import io
import marshal
import multiprocessing
import pickle
from collections.abc import Callable
from functools import partial
from multiprocessing import shared_memory, sharedctypes
from pathlib import PurePath
from types import CodeType
from typing import Any

from lab.engines.controlled.inside import blocks, paths
from lab.engines.controlled.inside.channel import me

_folder = ""
"""What paths begin with that mean the execution's folder; empty if none do."""


def loaded(data: bytes, folder: str) -> Any:
    """What was pickled. A path below `folder`, if there is one, is a path below the execution's folder here."""
    global _folder
    _folder = folder
    paths.forbid(folder)
    return _Unpickler(io.BytesIO(data)).load()


def _moved(thing: Any) -> Any:
    """The same, or if it is a path below the folder, that below the execution's."""
    if _folder and isinstance(thing, str) and f"{thing}/".startswith(f"{_folder}/"):
        return me.folder.rstrip("/") + thing[len(_folder) :]
    if _folder and isinstance(thing, PurePath) and thing.is_relative_to(_folder):
        return type(thing)(me.folder, thing.relative_to(_folder))
    return thing


_InPython: Any = pickle._Unpickler


class _Unpickler(_InPython):  # type: ignore[misc]
    """In Python, since texts and paths are to be looked at, whatever holds them."""

    dispatch: dict[int, Callable[[Any], None]] = dict(_InPython.dispatch)


def _load_moved(unpickler: Any, load: Callable[[Any], None]) -> None:
    load(unpickler)
    unpickler.stack[-1] = _moved(unpickler.stack[-1])


# A Path is reduced to its parts.
for _code in (pickle.SHORT_BINUNICODE, pickle.BINUNICODE, pickle.BINUNICODE8, pickle.REDUCE):
    _Unpickler.dispatch[_code[0]] = partial(_load_moved, load=_InPython.dispatch[_code[0]])


def code(data: bytes, name: str) -> CodeType:
    """Code as of a source file in the execution's folder."""
    return _placed(marshal.loads(data), me.folder + name)


def _placed(found: CodeType, path: str) -> CodeType:
    inner = tuple(_placed(one, path) if isinstance(one, CodeType) else _moved(one) for one in found.co_consts)
    return found.replace(co_filename=path, co_consts=inner)


def attribute(module: str, name: str) -> Any:
    """What a module has at its top."""
    return getattr(importlib.import_module(module), name)


def lock(kind: str) -> Any:
    """A Lock or an RLock that nobody holds."""
    return getattr(multiprocessing, kind)()


def semaphore(kind: str, value: int) -> Any:
    """A Semaphore or a BoundedSemaphore with so many permits."""
    return getattr(multiprocessing, kind)(value)


def event(is_set: bool) -> Any:
    """An Event."""
    made = multiprocessing.Event()
    if is_set:
        made.set()
    return made


def condition(held: Any) -> Any:
    """A Condition on this lock."""
    return multiprocessing.Condition(held)


def barrier(parties: int, action: Any, timeout: float | None) -> Any:
    """A Barrier at which nobody waits."""
    return multiprocessing.Barrier(parties, action, timeout)


def shared(kind: Any, content: Any, lock: Any) -> Any:
    """A Value or an Array with this content, and this lock or none."""
    make: Any = sharedctypes.Array if isinstance(content, list) else sharedctypes.Value
    return make(kind, content, lock=lock)


def queue(kind: str, *maxsize: int) -> Any:
    """A queue with nothing in it."""
    return getattr(multiprocessing, kind)(*maxsize)


def pipe(is_duplex: bool) -> Any:
    """Both ends of a Pipe with nothing in it."""
    return multiprocessing.Pipe(is_duplex)


def end(ends: Any, number: int) -> Any:
    """One of them."""
    return ends[number]


def block(name: str, content: bytes) -> Any:
    """Shared memory of this name, with this content; one more view of it, if it was made before."""
    if name.startswith("psm_"):  # as Python calls what nobody has named
        blocks.called.setdefault(name, f"psm_{len(blocks.called) + 1}")
    try:
        made: Any = shared_memory.SharedMemory(name, create=True, size=len(content))
    except FileExistsError:
        return shared_memory.SharedMemory(name)
    made.buf[:] = content
    return made


def shareable_list(memory: Any) -> Any:
    """The list that is in this shared memory."""
    return shared_memory.ShareableList(name=memory.name)


def in_context(method: str) -> Any:
    """What makes processes of this start method."""
    return multiprocessing.get_context(method)
