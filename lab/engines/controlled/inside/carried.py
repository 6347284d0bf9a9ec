"""What makes again, under control, what a function was carried here with; and the paths of its folder mean this one."""

from __future__ import annotations

import importlib
import io
import marshal
import multiprocessing
import pickle
from collections.abc import Callable
from functools import partial
from multiprocessing import sharedctypes
from pathlib import PurePath
from types import CodeType
from typing import Any

from lab.engines.controlled.inside import paths
from lab.engines.controlled.inside.channel import me


def loaded(data: bytes, folder: str) -> Any:
    """What was pickled. A path below `folder`, if there is one, is a path below the execution's folder here."""
    paths.forbid(folder)
    return _Unpickler(io.BytesIO(data), folder).load()


_InPython: Any = pickle._Unpickler
_TEXTS = (pickle.SHORT_BINUNICODE, pickle.BINUNICODE, pickle.BINUNICODE8)


class _Unpickler(_InPython):  # type: ignore[misc]
    """In Python, since texts are to be looked at: whatever holds a path holds it as one, or as its parts."""

    dispatch: dict[int, Callable[[Any], None]] = dict(_InPython.dispatch)

    def __init__(self, file: io.BytesIO, folder: str) -> None:
        super().__init__(file)
        self.folder = folder


def _text(unpickler: Any, load: Callable[[Any], None]) -> None:
    load(unpickler)
    text, folder = unpickler.stack[-1], unpickler.folder
    if folder and (text == folder or text.startswith(folder + "/")):
        unpickler.stack[-1] = me.folder.rstrip("/") + text[len(folder) :]


def _reduce(unpickler: Any) -> None:
    """A path goes in as its parts."""
    _InPython.load_reduce(unpickler)
    path, folder = unpickler.stack[-1], unpickler.folder
    if folder and isinstance(path, PurePath) and path.is_relative_to(folder):
        unpickler.stack[-1] = type(path)(me.folder, path.relative_to(folder))


_Unpickler.dispatch[pickle.REDUCE[0]] = _reduce
for _code in _TEXTS:
    _Unpickler.dispatch[_code[0]] = partial(_text, load=_InPython.dispatch[_code[0]])


def code(data: bytes, name: str) -> CodeType:
    """Code as of a source file in the execution's folder."""
    return _placed(marshal.loads(data), me.folder + name)


def _placed(found: CodeType, path: str) -> CodeType:
    inner = tuple(_placed(one, path) if isinstance(one, CodeType) else one for one in found.co_consts)
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


def in_context(method: str) -> Any:
    """What makes processes of this start method."""
    return multiprocessing.get_context(method)
