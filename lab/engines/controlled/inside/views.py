"""A view of shared memory that stands for a `memoryview`: each access to its bytes is an operation.

To slice a view or to cast it touches nothing, and gives a further one. Code in C that takes the memory itself, as numpy
does, gets it, and nobody sees what it does there: no proof can follow.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Iterator
from typing import Any

from lab.engines.controlled.inside.channel import me

_MOST_PLACES = 64
"""Into so many a block is divided, bytes or words if it is small."""
_WORD = 8

_PLAIN = frozenset(
    (
        *("c_contiguous", "contiguous", "f_contiguous", "format", "itemsize", "nbytes", "ndim"),
        *("readonly", "release", "shape", "strides", "suboffsets"),
    )
)
"""What tells nothing of the bytes."""


class View:
    """A part of a block: where each of its elements begins, and the real view of them."""

    __slots__ = ("__weakref__", "_block", "_grain", "_starts", "_view")

    def __init__(self, view: memoryview, block: str, grain: int, starts: range) -> None:
        self._view, self._block, self._grain, self._starts = view, block, grain, starts

    __class__ = property(lambda self: memoryview)

    def __getitem__(self, key: Any) -> Any:
        try:
            starts = self._starts[key]
        except (IndexError, TypeError):
            return self._view[key]
        if isinstance(starts, range):
            return View(self._view[key], self._block, self._grain, starts)
        self._ask("read", range(starts, starts + 1))
        return _told(self._view[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        if type(value) is View:
            value = value._read()
        try:
            starts = self._starts[key]
            data = repr(value).encode() if isinstance(value, int | float) else bytes(memoryview(value))
        except (IndexError, TypeError):
            self._view[key] = value
            return
        self._ask("write", starts if isinstance(starts, range) else range(starts, starts + 1), data)
        self._view[key] = value
        _told(value if isinstance(value, int | float) else data)

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[Any]:
        return (self[place] for place in range(len(self)))

    def __bytes__(self) -> bytes:
        return self.tobytes()

    def __eq__(self, other: object) -> bool:
        mine, theirs = self._read(), other._read() if type(other) is View else other
        return mine == theirs

    def __hash__(self) -> int:
        return hash(self._view)

    def __repr__(self) -> str:
        return repr(self._view)

    def __enter__(self) -> View:
        self._view.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._view.release()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._view.__reduce_ex__(protocol)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._view, name)
        if name not in _PLAIN:
            escaped()
        return found

    def __buffer__(self, flags: int) -> memoryview:
        escaped()
        return memoryview(self._view)

    def tobytes(self, *arguments: Any, **named: Any) -> bytes:
        """All its bytes."""
        return self._read().tobytes(*arguments, **named)

    def tolist(self) -> list[Any]:
        """All its elements."""
        return self._read().tolist()

    def hex(self, *arguments: Any, **named: Any) -> str:
        """All its bytes, as text."""
        return self._read().hex(*arguments, **named)

    def toreadonly(self) -> View:
        """The same, which nobody can write through."""
        return View(self._view.toreadonly(), self._block, self._grain, self._starts)

    def cast(self, *arguments: Any, **named: Any) -> Any:
        """The same bytes as elements of another kind; in several dimensions nobody sees which are used."""
        view = self._view.cast(*arguments, **named)
        if view.ndim != 1:
            escaped()
            return view
        first = self._starts.start
        return View(view, self._block, self._grain, range(first, first + view.nbytes, view.itemsize))

    def part(self, offset: int, size: int) -> range:
        """Where each byte of a part of it begins, whose length is in bytes as is its offset."""
        bytewise = range(self._starts.start, self._starts.start + self._view.nbytes)
        return bytewise[offset:][:size]

    def _read(self) -> memoryview:
        self._ask("read", self._starts)
        return self._view

    def _ask(self, verb: str, starts: range, data: bytes = b"", width: int | None = None) -> None:
        """Wait for the turn of an access to these elements, of so many bytes each."""
        places, is_exact = _places(starts, width or self._view.itemsize, self._grain)
        me.ask_about(data, "blocks", verb, self._block, places, is_exact)


def view_of(memory: memoryview, block: str) -> View:
    """All of a block."""
    size = len(memory)
    return View(memory, block, 1 if size <= _MOST_PLACES else max(_WORD, -(-size // _MOST_PLACES)), range(size))


def _places(starts: range, width: int, grain: int) -> tuple[list[tuple[int, int]], bool]:
    """The places that are touched, and whether all of each is."""
    if not starts:
        return [], False
    low, high = min(starts[0], starts[-1]), max(starts[0], starts[-1]) + width
    is_whole = len(starts) == 1 or abs(starts.step) == width
    if is_whole:
        numbers = list(range(low // grain, (high - 1) // grain + 1))
    else:
        numbers = sorted({byte // grain for start in starts for byte in range(start, start + width)})
    is_exact = grain == 1 or (is_whole and low % grain == 0 and high % grain == 0)
    return [(number * grain, (number + 1) * grain) for number in numbers], is_exact


def _told(value: Any) -> Any:
    me.told("result", repr(value)[:60])
    return value


def escaped() -> None:
    """Somebody got hold of the memory itself."""
    me.doubt("shared memory, whose bytes are taken past the wrappers,")


def _unpack_from(kind: Any, /, buffer: Any, offset: int = 0) -> Any:
    """`struct.unpack_from`."""
    if type(buffer) is not View:
        return raw_unpack_from(kind, buffer, offset)
    buffer._ask("read", buffer.part(offset, struct.calcsize(kind)), width=1)
    return _told(raw_unpack_from(kind, buffer._view, offset))


def _pack_into(kind: Any, buffer: Any, offset: int, /, *values: Any) -> None:
    """`struct.pack_into`."""
    if type(buffer) is View:
        buffer._ask("write", buffer.part(offset, struct.calcsize(kind)), repr(values).encode(), width=1)
        buffer = buffer._view
        _told(values)
    raw_pack_into(kind, buffer, offset, *values)


def _unpack(kind: Any, buffer: Any, /) -> tuple[Any, ...]:
    """`struct.unpack`."""
    return raw_unpack(kind, bytes(buffer) if type(buffer) is View else buffer)


raw_unpack_from, raw_pack_into, raw_unpack = struct.unpack_from, struct.pack_into, struct.unpack


def install() -> None:
    """Before the script makes any."""
    struct.unpack_from, struct.pack_into, struct.unpack = _unpack_from, _pack_into, _unpack
    if sys.version_info < (3, 12):
        _serve_buffers()


_AS_BUFFER = 160
"""Where a type keeps the address of its functions that serve buffers: `tp_as_buffer`, the same in all of Python 3."""


def _serve_buffers() -> None:
    """Before Python 3.12, `__buffer__` is called by nobody: put a function of C into the type that does the same."""
    get = ctypes.pythonapi.PyObject_GetBuffer
    get.argtypes, get.restype = (ctypes.py_object, ctypes.c_void_p, ctypes.c_int), ctypes.c_int

    def serve(view: Any, buffer: Any, flags: int) -> int:
        escaped()
        try:
            return int(get(view._view, buffer, flags))
        except (BufferError, ValueError):
            return -1

    kind = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p, ctypes.c_int)
    _kept.append(kind(serve))
    slots = ctypes.c_void_p.from_address(id(View) + _AS_BUFFER).value
    assert slots is not None
    ctypes.c_void_p.from_address(slots).value = ctypes.cast(_kept[0], ctypes.c_void_p).value


_kept: list[Any] = []
