"""The folder of an execution: a copy of the script's own, in memory, which is as new before each execution."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from lab.errors import UsageError

MOST_BYTES = 64 << 20
MOST_FILES = 2000
_OLD_NS = 1_577_836_800 * 10**9
"""The time of every file of the copy: a file that has another one was touched since."""

_SKIPPED = {
    "__pycache__",
    ".git",
    ".hg",
    ".svn",
    ".venv",
    "venv",
    "node_modules",
    ".mypy_cache",
    ".ruff_cache",
    "results",
}

Source = Mapping[str, bytes | None]
"""What the copy begins with: bytes by path, None for a folder."""


def source_of(script: Path, files: Sequence[Path]) -> Source:
    """The script with the other files of its folder, or with those that are given; UsageError if that is too much."""
    return copied(script.parent, [script, *files] if files else [script.parent])


def copied(home: Path, paths: Sequence[Path]) -> Source:
    """These files, and what is in these folders, by their paths from `home`; UsageError if that is too much."""
    found: dict[str, bytes | None] = {}
    total = 0
    for path in paths:
        inner = _walked(path) if path.is_dir() else [path]
        for one in inner:
            name = str(one.relative_to(home)) if one.is_relative_to(home) else one.name
            total += one.stat().st_size
            if total > MOST_BYTES or len(found) > MOST_FILES:
                raise UsageError(
                    f"{home}: expected a folder of at most {MOST_FILES} files and {MOST_BYTES >> 20} MB, since each "
                    "execution gets a copy, found more. Name the files that the script needs: --files data.json."
                )
            found[name] = one.read_bytes()
            for parent in Path(name).parents:
                if str(parent) != ".":
                    found.setdefault(str(parent), None)
    return dict(sorted(found.items()))


def _walked(home: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(home):
        folders[:] = sorted(set(folders) - _SKIPPED)
        for name in sorted(names):
            path = Path(where, name)
            if path.is_file():
                yield path


class Folder:
    """A copy of a source at one place: `restore` makes it, and makes it as new."""

    def __init__(self, place: str, source: Source) -> None:
        self.place = place
        self._source = source
        self._clean: dict[str, tuple[int, int, int]] = {}
        """Inode, size and time of each file as it was put there."""
        self._folders = {name for name, data in source.items() if data is None}

    def changes(self) -> dict[str, bytes | None]:
        """What an execution has changed: new bytes by path, None for what is gone or a folder that is new."""
        found: dict[str, bytes | None] = {}
        here = self._here()
        for name, seen in here.items():
            if seen is None:
                if name not in self._folders:
                    found[name + "/"] = None
            elif seen != self._clean.get(name) and not _is_beside_database(self.place, name):
                data = _read(f"{self.place}/{name}")
                if data != _legible(self._source.get(name, b"\0")):
                    found[name] = data
        for name in self._source:
            if name not in here:
                found[name] = None
        return found

    def restore(self) -> None:
        """Make it as new."""
        here = self._here()
        for name in sorted(here, reverse=True):
            if name not in self._source or (here[name] is None) != (name in self._folders):
                _remove(f"{self.place}/{name}")
        for name, data in self._source.items():
            path = f"{self.place}/{name}"
            if data is None:
                os.makedirs(path, exist_ok=True)  # noqa: PTH103
            elif here.get(name) is None or here[name] != self._clean.get(name):
                _write(path, data)
                self._clean[name] = _seen(os.stat(path))  # noqa: PTH116

    def _here(self) -> dict[str, tuple[int, int, int] | None]:
        found: dict[str, tuple[int, int, int] | None] = {}
        if not os.path.isdir(self.place) or os.path.islink(self.place):  # noqa: PTH112, PTH114
            _remove(self.place)
            os.makedirs(self.place)  # noqa: PTH103
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            with os.scandir(f"{self.place}/{folder}") as entries:
                for entry in entries:
                    name = f"{folder}{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        found[name] = None
                        waiting.append(f"{name}/")
                    else:
                        found[name] = _seen(entry.stat(follow_symlinks=False))
        return found


def _seen(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _read(path: str) -> bytes:
    if os.path.islink(path):  # noqa: PTH114
        return b"-> " + os.fsencode(os.readlink(path))  # noqa: PTH115
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - as fast as it goes
            data = file.read()
    except OSError:
        return b""
    if not data.startswith(_SQLITE):
        return data
    with closing(sqlite3.connect(path)) as database:
        return _dumped(database) or data


_SQLITE = b"SQLite format 3\0"
_BESIDE = ("-journal", "-wal", "-shm")


def _is_beside_database(place: str, name: str) -> bool:
    """True for what SQLite keeps beside a database."""
    base = next((name.removesuffix(end) for end in _BESIDE if name.endswith(end)), "")
    return bool(base) and os.path.exists(f"{place}/{base}")  # noqa: PTH110


def _legible(data: bytes | None) -> bytes | None:
    """A database as the statements that make it: in which order its pages were written is no ending of a program."""
    if data is None or not data.startswith(_SQLITE):
        return data
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(data)
        return _dumped(database) or data


def _dumped(database: sqlite3.Connection) -> bytes:
    database.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
    try:
        return "\n".join(list(database.iterdump())[1:-1]).encode()
    except sqlite3.DatabaseError:
        return b""


def _write(path: str, data: bytes) -> None:
    if os.path.lexists(path):
        os.unlink(path)  # noqa: PTH108
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(data)
    os.utime(path, ns=(_OLD_NS, _OLD_NS))


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)  # noqa: PTH108
