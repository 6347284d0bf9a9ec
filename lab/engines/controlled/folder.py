"""The folder of an execution: a copy of the script's own, in memory, which is as new before each execution."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

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

_MOST_KEPT = 1 << 20
"""Bytes of files that were changed before a checkpoint: to restore more, again and again, would gain nothing."""

Source = Mapping[str, bytes | None]
"""What the copy begins with: bytes by path, None for a folder."""


class Seen(NamedTuple):
    """What tells whether a file was touched."""

    inode: int
    mode: int
    size: int
    time_ns: int


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


class Snapshot(NamedTuple):
    """What was in a folder at a moment, and what is seen of each file as it was put there last.

    `inodes` are those of that moment: who has met a file then knows it by that.
    """

    source: Source
    seen: dict[str, Seen]
    inodes: Mapping[str, int]


class Folder:
    """A copy of a source at one place: `restore` makes it, and makes it as new."""

    def __init__(self, place: str, source: Source) -> None:
        self.place = place
        self._new = Snapshot(source, {}, {})
        self._folders = {name for name, data in source.items() if data is None}

    def changes(self) -> dict[str, bytes | None]:
        """What an execution has changed: new bytes by path, None for what is gone or a folder that is new."""
        found: dict[str, bytes | None] = {}
        here, source = self._here(), self._new.source
        for name, seen in here.items():
            if seen is None:
                if name not in self._folders:
                    found[name + "/"] = None
            elif seen != self._new.seen.get(name) and not _is_beside_database(self.place, name):
                data = _read(f"{self.place}/{name}")
                if data != _legible(source.get(name, b"\0")):
                    found[name] = data
        for name in source:
            if name not in here:
                found[name] = None
        return found

    def snapshot(self) -> Snapshot | None:
        """What is here now, to be restored later; None if that can't be, or would be much."""
        here = self._here()
        files = {name: seen for name, seen in here.items() if seen is not None}
        changed = sorted((seen.time_ns, name) for name, seen in files.items() if seen != self._new.seen.get(name))
        are_plain = all(stat.S_ISREG(seen.mode) for seen in files.values())
        are_apart = len({seen.inode for seen in files.values()}) == len(files)
        if not are_plain or not are_apart or sum(files[name].size for _, name in changed) > _MOST_KEPT:
            return None
        source: dict[str, bytes | None] = {
            name: self._new.source.get(name) if name in files else None for name in sorted(here)
        }
        times = sorted({time_ns for time_ns, _ in changed})
        for time_ns, name in changed:
            path = f"{self.place}/{name}"
            with open(path, "rb") as file:  # noqa: PTH123
                source[name] = file.read()
            # The clock of files is coarse: one that was written just now could be written again and look the same.
            old_ns = _OLD_NS + (1 + times.index(time_ns)) * 10**9
            os.utime(path, ns=(old_ns, old_ns))
            files[name] = files[name]._replace(time_ns=old_ns)
        return Snapshot(source, files, {name: seen.inode for name, seen in files.items()})

    def restore(self) -> None:
        """Make it as new."""
        self._restore(self._new)

    def restore_to(self, snapshot: Snapshot) -> dict[int, int]:
        """Make it as it was then. Of files that are not the same ones any more, the inodes with those they had then."""
        self._restore(snapshot)
        now = {name: seen.inode for name, seen in snapshot.seen.items()}
        return {now[name]: inode for name, inode in snapshot.inodes.items() if now[name] != inode}

    def _restore(self, snapshot: Snapshot) -> None:
        here, source, seen = self._here(), snapshot.source, snapshot.seen
        for name in sorted(here, reverse=True):
            if name not in source or (here[name] is None) != (source[name] is None):
                _remove(f"{self.place}/{name}")
        for name, data in source.items():
            path, now, then = f"{self.place}/{name}", here.get(name), seen.get(name)
            if data is None:
                os.makedirs(path, exist_ok=True)  # noqa: PTH103
            elif now is None or now != then:
                if now is None or then is None or now.inode != then.inode:
                    _make(path)
                _write(path, data, then)
                seen[name] = _seen(os.stat(path))  # noqa: PTH116

    def _here(self) -> dict[str, Seen | None]:
        """Of each file what is seen of it, None for folders."""
        found: dict[str, Seen | None] = {}
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


def _seen(status: os.stat_result) -> Seen:
    return Seen(status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns)


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


def _make(path: str) -> None:
    """A new file, instead of one that may be there, and have other names."""
    if os.path.lexists(path):
        os.unlink(path)  # noqa: PTH108
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666))


def _write(path: str, data: bytes, then: Seen | None) -> None:
    """Put this into a file, and make its mode and time what they were."""
    if then is not None:
        os.chmod(path, stat.S_IMODE(then.mode) | stat.S_IWUSR)  # noqa: PTH101
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(data)
    time_ns = _OLD_NS
    if then is not None:
        os.chmod(path, stat.S_IMODE(then.mode))  # noqa: PTH101
        time_ns = then.time_ns
    os.utime(path, ns=(time_ns, time_ns))


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)  # noqa: PTH108
