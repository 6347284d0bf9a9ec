"""Operations on the entries of folders: rename, link, unlink, mkdir, listdir, stat, exists and the like."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.paths import forget_links, is_own, is_system, whole

_CHANGES = ("unlink", "remove", "mkdir", "rmdir", "mkfifo", "mknod")
_CHANGES_TWO = ("rename", "replace", "link")
_CHANGES_DATA = ("chmod", "utime", "truncate", "chown", "setxattr", "removexattr")
_LOOKS = ("stat", "lstat", "access", "readlink", "getxattr", "listxattr")

raw_listdir, raw_scandir, raw_stat = os.listdir, os.scandir, os.stat


def _ask(verb: str, kind: str, paths: list[str]) -> None:
    """Wait for the turn, if what it concerns starts anew in each execution."""
    if all(is_own(path) for path in paths):
        me.ask("files", verb, kind, *paths)
    elif verb != "look":
        outside = next(path for path in paths if not is_own(path))
        if not is_system(outside):
            me.doubt(f"{outside}, which is changed, lies outside the script's folder")


def _is_relative(named: dict[str, Any]) -> bool:
    return any(named.get(name) is not None for name in ("dir_fd", "src_dir_fd", "dst_dir_fd"))


def _wrapped(name: str, verb: str, paths: int) -> Callable[..., Any]:
    raw = getattr(os, name)

    @wraps(raw)
    def controlled(*arguments: Any, **named: Any) -> Any:
        if me.depth or not me.is_controlled:
            return raw(*arguments, **named)
        given = (*arguments, *(named[key] for key in ("path", "src", "dst") if key in named))[:paths]
        if any(isinstance(path, int) for path in given) or _is_relative(named):
            if verb != "look":
                me.doubt(f"os.{name} by a descriptor")
        else:
            _ask(verb, name, [whole(path) for path in given])
        if name == "rename" or name == "replace" or name == "symlink":
            forget_links()
        try:
            with me:
                result = raw(*arguments, **named)
        except OSError as error:
            me.told("result", type(error).__name__)
            raise
        return result

    return controlled


def _exists(path: Any) -> bool:
    """`os.path.exists`, which looks at the entry alone."""
    if not me.depth and me.is_controlled and not isinstance(path, int):
        try:
            name = whole(path)
        except (OSError, TypeError, ValueError):
            return False
        if is_own(name):
            me.ask("files", "exists", name)
    with me:
        try:
            raw_stat(path)
        except (OSError, ValueError):
            found = False
        else:
            found = True
    if not me.depth:
        me.told("result", repr(found))
    return found


def _listdir(path: Any = ".") -> list[Any]:
    """`os.listdir`, in order: the order of a folder is nothing to rely on."""
    if not me.depth and me.is_controlled and not isinstance(path, int):
        _ask("list", "list", [whole(path)])
    with me:
        return sorted(raw_listdir(path))


class _Scan:
    """What `os.scandir` gives: the entries in order."""

    def __init__(self, path: Any) -> None:
        with me, raw_scandir(path) as entries:
            self._entries: Iterator[Any] = iter(sorted(entries, key=lambda entry: entry.name))

    def __iter__(self) -> Iterator[Any]:
        return self._entries

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> _Scan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is open."""


def _scandir(path: Any = ".") -> _Scan:
    if not me.depth and me.is_controlled and not isinstance(path, int):
        _ask("list", "list", [whole(path)])
    return _Scan(path)


def install() -> None:
    """Put them in the place of the raw ones, in `os` and where `os` was copied from already."""
    for names, verb, paths in (
        (_CHANGES, "change", 1),
        (_CHANGES_TWO, "change", 2),
        (_CHANGES_DATA, "change data", 1),
        (_LOOKS, "look", 1),
    ):
        for name in names:
            if hasattr(os, name):
                setattr(os, name, _wrapped(name, verb, paths))
    raw_symlink = os.symlink

    @wraps(raw_symlink)
    def symlink(src: Any, dst: Any, **named: Any) -> None:
        if not me.depth:
            _ask("change", "symlink", [whole(dst)])
            forget_links()
        with me:
            raw_symlink(src, dst, **named)

    os.symlink = symlink  # type: ignore[assignment]
    # By paths, not by descriptors of folders; and copies by reads and writes.
    shutil._use_fd_functions = False  # type: ignore[attr-defined]
    shutil._USE_CP_SENDFILE = False  # type: ignore[attr-defined]
    os.listdir, os.scandir = _listdir, _scandir  # type: ignore[assignment]
    os.path.exists = _exists
