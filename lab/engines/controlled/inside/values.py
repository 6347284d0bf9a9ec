"""Value, Array, RawValue and RawArray: each access is an operation; the memory is the real one."""

from __future__ import annotations

import ctypes
import mmap
import multiprocessing.heap as heap
import multiprocessing.sharedctypes as sharedctypes
from functools import partial
from multiprocessing.reduction import ForkingPickler
from types import SimpleNamespace
from typing import Any

from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.work import in_place_of

_MOST_PLACES = 64
"""Of an array whose elements are told apart."""

_kinds: dict[type, type] = {}


def _named(kind: str, thing: Any) -> str:
    """The identity of a shared object, made when it is."""
    names: dict[int, tuple[str, Any]] = _names
    if id(thing) not in names:
        names[id(thing)] = (me.make(kind), thing)
    return names[id(thing)][0]


_names: dict[int, tuple[str, Any]] = {}


def _lock_of(wrapper: Any) -> str:
    semaphore = getattr(wrapper._lock, "_semlock", None)
    return semaphore.identity if semaphore is not None and not semaphore._is_mine() else ""


class _Value(sharedctypes.Synchronized):  # type: ignore[type-arg]
    """A value with its lock: reading it takes the lock and gives it back, which is one step."""

    @property
    def value(self) -> Any:
        me.ask(_named("value", self._obj), "read", _lock_of(self), [])  # type: ignore[attr-defined]
        found = self._obj.value  # type: ignore[attr-defined]
        me.told("result", repr(found))
        return found

    @value.setter
    def value(self, value: Any) -> None:
        data = repr(value).encode()
        me.ask_about(data, _named("value", self._obj), "write", _lock_of(self), [])  # type: ignore[attr-defined]
        self._obj.value = value  # type: ignore[attr-defined]
        me.told("result", repr(value))

    def get_obj(self) -> Any:
        """The bare object: nobody sees who uses it."""
        me.doubt("the bare object of a Value")
        return super().get_obj()


def _places(index: Any, length: int) -> list[int]:
    if length > _MOST_PLACES:
        return []
    return list(range(*index.indices(length))) if isinstance(index, slice) else [range(length)[index]]


class _Array(sharedctypes.SynchronizedArray):  # type: ignore[type-arg]
    """An array with its lock."""

    def __getitem__(self, i: Any) -> Any:
        me.ask(_named("array", self._obj), "read", _lock_of(self), _places(i, len(self._obj)))  # type: ignore[attr-defined]
        return self._obj[i]  # type: ignore[attr-defined]

    def __setitem__(self, i: Any, value: Any) -> None:
        own = self._obj  # type: ignore[attr-defined]
        me.ask_about(repr(value).encode(), _named("array", own), "write", _lock_of(self), _places(i, len(own)))
        own[i] = value

    def __getslice__(self, start: Any, stop: Any) -> Any:
        return self[start:stop]

    def __setslice__(self, start: Any, stop: Any, values: Any) -> None:
        self[start:stop] = values

    def __iter__(self) -> Any:
        return (self[place] for place in range(len(self)))

    def get_obj(self) -> Any:
        """The bare object: nobody sees who uses it."""
        me.doubt("the bare object of an Array")
        return super().get_obj()


class _String(sharedctypes.SynchronizedString):
    """An array of characters with its lock, which is one object."""

    def _get(self, name: str) -> Any:
        me.ask(_named("array", self._obj), "read", _lock_of(self), [])  # type: ignore[attr-defined]
        return getattr(self._obj, name)  # type: ignore[attr-defined]

    def _set(self, name: str, value: bytes) -> None:
        me.ask_about(value, _named("array", self._obj), "write", _lock_of(self), [])  # type: ignore[attr-defined]
        setattr(self._obj, name, value)  # type: ignore[attr-defined]

    value = property(lambda self: self._get("value"), lambda self, value: self._set("value", value))
    raw = property(lambda self: self._get("raw"), lambda self, value: self._set("raw", value))


def _watched(kind: type) -> type:
    """A subclass of a C type, or of an array of it, whose accesses are operations: the type itself can't be changed."""
    if kind not in _kinds:
        if issubclass(kind, ctypes.Array):
            _kinds[kind] = type(kind.__name__, (kind,), {**_RAW_ARRAY})
        elif issubclass(kind, ctypes._SimpleCData):
            _kinds[kind] = type(kind.__name__, (kind,), {"value": _raw_value(kind)})
        else:
            me.doubt(f"a shared {kind.__name__}, whose fields are not seen")
            _kinds[kind] = kind
        if _kinds[kind] is not kind:
            ForkingPickler.register(_kinds[kind], partial(_reduced, is_view=True))
    return _kinds[kind]


def _seen_through(kind: type, thing: Any) -> Any:
    """The same memory through the subclass, which keeps it and is passed to another process by it."""
    watched: Any = kind.from_buffer(thing)  # type: ignore[attr-defined]
    watched._plain = thing
    return watched


def _reduced(thing: Any, *, is_view: bool = False) -> Any:
    """Of what is pickled: its memory as Python does it, and its identity if any. A view goes as what it shows."""
    memory = thing._plain if is_view else thing
    identity, _ = _names.get(id(thing), ("", None))
    return _rebuilt, (identity, is_view, *raw_reduce_ctype(memory)[1])


def _rebuilt(identity: str, is_view: bool, *memory: Any) -> Any:
    """What was passed here."""
    thing: Any = raw_rebuild_ctype(*memory)
    if is_view:
        thing = _seen_through(_watched(type(thing)), thing)
    if identity:
        _names[id(thing)] = (identity, thing)
    return thing


def _mapped(descriptor: int, size: int) -> mmap.mmap:
    with me:
        return mmap.mmap(descriptor, size)


raw_reduce_ctype: Any = sharedctypes.reduce_ctype  # type: ignore[attr-defined]
raw_rebuild_ctype: Any = sharedctypes.rebuild_ctype  # type: ignore[attr-defined]


def _raw_value(kind: Any) -> property:
    plain = kind.value

    def read(self: Any) -> Any:
        if me.is_controlled:
            me.ask(_named("value", self), "read", "", [])
        return plain.__get__(self)

    def write(self: Any, value: Any) -> None:
        if me.is_controlled:
            me.ask_about(repr(value).encode(), _named("value", self), "write", "", [])
        plain.__set__(self, value)

    return property(read, write)


def _array_read(self: Any, index: Any) -> Any:
    me.ask(_named("array", self), "read", "", _places(index, len(self)))
    return super(type(self), self).__getitem__(index)


def _array_write(self: Any, index: Any, value: Any) -> None:
    me.ask_about(repr(value).encode(), _named("array", self), "write", "", _places(index, len(self)))
    super(type(self), self).__setitem__(index, value)


def _array_iter(self: Any) -> Any:
    return (self[place] for place in range(len(self)))


_RAW_ARRAY: dict[str, Any] = {"__getitem__": _array_read, "__setitem__": _array_write, "__iter__": _array_iter}


def install() -> None:
    """Before the script makes any."""
    shared: Any = sharedctypes
    raw_value, raw_array = shared.RawValue, shared.RawArray
    for kind in (_Array, _String, _Value):
        kind.__name__ = kind.__mro__[1].__name__  # as messages call it
        setattr(shared, kind.__name__, kind)

    def bare(make: Any) -> Any:
        def made(typecode_or_type: Any, *arguments: Any) -> Any:
            with me:
                thing = make(typecode_or_type, *arguments)
            kind = _watched(type(thing))
            watched = _seen_through(kind, thing) if kind is not type(thing) else thing
            _named("array" if isinstance(thing, ctypes.Array) else "value", watched)
            return watched

        return made

    def synchronized(obj: Any, lock: Any = None, ctx: Any = None) -> Any:
        ctx = ctx or shared.get_context()
        if isinstance(obj, ctypes.Array):
            wrapper: Any = _String(obj, lock, ctx) if obj._type_ is ctypes.c_char else _Array(obj, lock, ctx)
        elif isinstance(obj, ctypes._SimpleCData):
            wrapper = _Value(obj, lock, ctx)
        else:
            me.doubt(f"a shared {type(obj).__name__}, whose fields are not seen")
            return raw_synchronized(obj, lock, ctx)
        _named("array" if isinstance(obj, ctypes.Array) else "value", obj)
        return wrapper

    raw_synchronized = shared.synchronized

    def value(typecode_or_type: Any, *args: Any, lock: Any = True, ctx: Any = None) -> Any:
        if lock is False:
            return shared.RawValue(typecode_or_type, *args)
        with me:
            thing = raw_value(typecode_or_type, *args)
        return synchronized(thing, _locked(lock, ctx), ctx)

    def array(typecode_or_type: Any, size_or_initializer: Any, *, lock: Any = True, ctx: Any = None) -> Any:
        if lock is False:
            return shared.RawArray(typecode_or_type, size_or_initializer)
        with me:
            thing = raw_array(typecode_or_type, size_or_initializer)
        return synchronized(thing, _locked(lock, ctx), ctx)

    def _locked(lock: Any, ctx: Any) -> Any:
        if lock in (True, None):
            return (ctx or shared.get_context()).RLock()
        if not hasattr(lock, "acquire"):
            raise AttributeError(f"{lock!r} has no method 'acquire'")
        return lock

    shared.RawValue, shared.RawArray = bare(raw_value), bare(raw_array)
    shared.Value, shared.Array = value, array
    shared.synchronized = in_place_of(raw_synchronized, synchronized)
    shared.reduce_ctype = _reduced
    module: Any = heap
    module.mmap = SimpleNamespace(**{**vars(mmap), "mmap": _mapped})
