"""SharedMemory and ShareableList: blocks of memory by name. To make, to attach and to unlink one are operations.

To make one takes two, since it has no size at first. Its bytes are accessed through a view, by ShareableList too. The
blocks are real, under names of this execution's own; to close one concerns nobody else.
"""

from __future__ import annotations

import mmap
import multiprocessing.shared_memory as shared_memory
import os
import sys
from types import SimpleNamespace
from typing import Any

from lab.engines.controlled.inside import views
from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.descriptors import raw_fstat, raw_ftruncate

_posix: Any = shared_memory._posixshmem  # type: ignore[attr-defined]
_opened: dict[int, str] = {}
"""The names of blocks, by the descriptor through which each was opened last."""
called: dict[str, str] = {}
"""What blocks are called in operations that have been given a name by chance, so that schedules fit another process."""
_tracker = SimpleNamespace(is_running=False)
"""Whether this process, or one that it was forked from, would have started the tracker of resources."""


def _name() -> str:
    """Of a block that its maker gives none; as long as Python's own, and in every execution the same."""
    me.made["block"] = number = me.made.get("block", 0) + 1
    return f"/psm_{me.number:04x}{number:04x}"


def _called(path: str) -> str:
    name = path.removeprefix("/")
    return called.get(name, name)


def _real(path: str) -> str:
    return f"/{me.memory}-{path.removeprefix('/')}"


def _open(path: str, flags: int, mode: int = 0o777) -> int:
    """`shm_open`."""
    name = _called(path)
    creates = bool(flags & os.O_CREAT)
    me.ask("blocks", "create" if creates else "attach", name)
    try:
        descriptor = int(_posix.shm_open(_real(path), flags, mode=mode))
    except FileNotFoundError as error:
        error.filename = path
        if not _is_outside(path):
            raise
        me.doubt(f"shared memory {name!r} from outside the script")
        descriptor = int(_posix.shm_open(path, flags, mode=mode))
    except OSError as error:
        error.filename = path
        raise
    _opened[descriptor] = name
    return descriptor


def _is_outside(path: str) -> bool:
    with me:
        return os.path.exists(f"/dev/shm{path}")  # noqa: PTH110


def _unlink(path: str) -> None:
    """`shm_unlink`."""
    me.ask("blocks", "unlink", _called(path))
    try:
        _posix.shm_unlink(_real(path))
    except OSError as error:
        error.filename = path
        raise


def _truncate(descriptor: int, size: int) -> None:
    me.ask("blocks", "resize", _opened[descriptor])
    with me:
        raw_ftruncate(descriptor, size)


def _stat(descriptor: int) -> os.stat_result:
    me.ask("blocks", "size", _opened[descriptor])
    return raw_fstat(descriptor)


def _mapped(descriptor: int, size: int) -> mmap.mmap:
    with me:
        return mmap.mmap(descriptor, size)


def _register(name: str, kind: str) -> None:
    """No tracker is started: at the end of all who share it, it would unlink what they have left."""
    if me.process and not _tracker.is_running:
        me.doubt("shared memory that may be unlinked by a resource tracker of the child's own")
    _tracker.is_running = True


def share_tracker() -> None:
    """Who starts a process that is not forked starts the tracker before, and passes it on."""
    _tracker.is_running = True


def _buf(self: Any) -> Any:
    """`SharedMemory.buf`."""
    memory = vars(self).get("_buf")
    if memory is None:
        return None
    if "view" not in vars(self):
        vars(self)["view"] = views.view_of(memory, _called(self.name))
    return vars(self)["view"]


def _private(name: str) -> property:
    """What a block keeps to itself, and through which its bytes can be had: for multiprocessing's own code alone."""

    def get(self: Any) -> Any:
        if sys._getframe(1).f_code.co_filename != shared_memory.__file__:
            views.escaped()
        return vars(self).get(name, default)

    def put(self: Any, value: Any) -> None:
        vars(self)[name] = value

    default = getattr(shared_memory.SharedMemory, name)
    return property(get, put)


def install() -> None:
    """Before the script makes any."""
    views.install()
    module: Any = shared_memory
    module._make_filename = _name
    module._posixshmem = SimpleNamespace(shm_open=_open, shm_unlink=_unlink)
    module.resource_tracker = SimpleNamespace(register=_register, unregister=lambda *_: None)
    module.os = SimpleNamespace(**{**vars(os), "ftruncate": _truncate, "fstat": _stat})
    module.mmap = SimpleNamespace(mmap=_mapped)
    module.SharedMemory.buf = property(_buf)
    for name in ("_buf", "_mmap", "_fd"):
        setattr(module.SharedMemory, name, _private(name))
