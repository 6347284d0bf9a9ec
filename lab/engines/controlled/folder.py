"""The folder of an execution: a copy of the script's own, in memory, which is as new before each execution."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Mapping
from contextlib import closing
from typing import Any, NamedTuple

from lab.engines.controlled.source import Source

_OLD_NS = 1_577_836_800 * 10**9
"""The time of every file of the copy: a file that has another one was touched since."""

_MOST_KEPT = 1 << 20
"""Bytes of files that were changed before a checkpoint: to restore more, again and again, would gain nothing."""


class Seen(NamedTuple):
    """What tells whether a file was touched: any change moves the last of these, but for one within a clock's tick."""

    inode: int
    mode: int
    owner: int
    group: int
    size: int
    time_ns: int
    changed_ns: int

    @property
    def is_folder(self) -> bool:
        """True for a folder."""
        return stat.S_ISDIR(self.mode)


_TELLING = re.compile(rb"st_nlink|st_[ac]time|st_blocks|get[ac]time").search
"""In a script that asks for what a restored file has otherwise: how many names, when it was read or put there, its size
on the disk."""


class Snapshot(NamedTuple):
    """What was in a folder at a moment, and what is seen of each as it was put there last; the folder itself is ''."""

    source: Source
    seen: dict[str, Seen]


class Folder:
    """A copy of a source at one place: `restore` makes it, and makes it as new."""

    def __init__(self, place: str, source: Source) -> None:
        self.place = place
        self._new = Snapshot(source, {})
        self._links: dict[str, str] = {}
        """Other names of the files of a snapshot, by which each is the same file when it has come back."""
        self._is_told = any(_TELLING(data) for name, data in source.items() if data and name.endswith(".py"))
        """True if a script would notice that a file was restored."""
        self._fresh: set[str] = set()
        """What was written so lately that one who writes it now may leave no trace but its content."""

    def changes(self) -> dict[str, bytes | None]:
        """What an execution has changed: new bytes by path, None for what is gone or a folder that is new."""
        found: dict[str, bytes | None] = {}
        here, source = self._here(), self._new.source
        for name, seen in here.items():
            if seen.is_folder:
                if name and source.get(name, b"") is not None:
                    found[name + "/"] = None
            elif seen == self._new.seen.get(name) and name not in self._fresh:
                continue
            elif not _is_beside_database(self.place, name):
                data = _read(f"{self.place}/{name}")
                if data != _legible(source.get(name, b"\0")):
                    found[name] = data
        for name in source:
            if name not in here:
                found[name] = None
        return found

    def snapshot(self) -> Snapshot | None:
        """What is here now, to be restored later; None if that can't be, or would be much."""
        try:
            return None if self._is_told else self._snapshot()
        except OSError:  # as where somebody has taken its reader's rights from a file
            return None

    def _snapshot(self) -> Snapshot | None:
        here = self._here()
        files = {name: seen for name, seen in here.items() if not seen.is_folder}
        changed = [name for name in files if not self._is_untouched(name, files[name], self._new)]
        are_plain = all(stat.S_ISREG(seen.mode) for seen in files.values())
        are_apart = len({seen.inode for seen in files.values()}) == len(files)
        if not are_plain or not are_apart or sum(files[name].size for name in changed) > _MOST_KEPT:
            return None
        if any(_marks(f"{self.place}/{name}") for name in here):
            return None
        source = {
            name: None if seen.is_folder else self._new.source.get(name) for name, seen in sorted(here.items()) if name
        }
        for name in changed:
            source[name] = _content(f"{self.place}/{name}")
        for name in files:
            self._link(name, here[name].inode)
            here[name] = _seen(os.lstat(f"{self.place}/{name}"))
            if name not in changed:
                self._new.seen[name] = here[name]
        self._fresh = set(files)
        return Snapshot(source, here)

    def distrust(self) -> None:
        """Somebody may have written past the clocks of files, as by memory that is mapped."""
        self._fresh = {name for name, data in self._new.source.items() if data is not None}

    def restore(self) -> None:
        """Make it as new."""
        self._restore(self._new, self._here())

    def restore_to(self, snapshot: Snapshot) -> bool:
        """Make it as it was then, of the same files; False, and nothing done, if a folder is not the same any more."""
        here = self._here()
        folders = [(name, seen.inode) for name, seen in snapshot.seen.items() if seen.is_folder]
        is_same = all(name in here and here[name].inode == inode for name, inode in folders)
        if is_same:
            self._restore(snapshot, here)
        return is_same

    def _restore(self, snapshot: Snapshot, here: Mapping[str, Seen]) -> None:
        source, seen, fresh = snapshot.source, snapshot.seen, set()
        for name, now in here.items():
            if now.is_folder and not _is_open(now):  # somebody has closed it
                os.chmod(f"{self.place}/{name}", stat.S_IMODE(now.mode) | stat.S_IRWXU)  # noqa: PTH101
        for name in sorted(here, reverse=True):
            if name and (name not in source or here[name].is_folder != (source[name] is None)):
                _remove(f"{self.place}/{name}")
        for name, data in source.items():
            path, known, then = f"{self.place}/{name}", here.get(name), seen.get(name)
            if data is None:
                os.makedirs(path, exist_ok=True)  # noqa: PTH103
            elif known is None or known.is_folder or not self._is_untouched(name, known, snapshot):
                if known is None or then is None or known.inode != then.inode:
                    self._make(name, then)
                _write(path, data, then)
                seen[name] = _seen(os.stat(path))  # noqa: PTH116
                fresh.add(name)
        # The deepest first, and after all that is put into them, which moves their clocks.
        for name in sorted(("", *(name for name, data in source.items() if data is None)), reverse=True):
            self._settle_folder(name, seen)
        self._fresh = fresh

    def _settle_folder(self, name: str, seen: dict[str, Seen]) -> None:
        path = f"{self.place}/{name}"
        now = _seen(os.stat(path))  # noqa: PTH116
        then = seen.setdefault(name, now)
        if now != then:
            _settle(path, then)
            os.utime(path, ns=(then.time_ns, then.time_ns))
            seen[name] = _seen(os.stat(path))  # noqa: PTH116

    def _is_untouched(self, name: str, now: Seen, snapshot: Snapshot) -> bool:
        path = f"{self.place}/{name}"
        if now != snapshot.seen.get(name):
            return False
        return name not in self._fresh or (_content(path) == snapshot.source[name] and not _marks(path))

    def _make(self, name: str, then: Seen | None) -> None:
        """Put a file there instead of what may be there: the one that was there then, if it has another name."""
        path, link = f"{self.place}/{name}", self._links.get(name)
        _remove(path)
        if link is not None and then is not None and os.stat(link).st_ino == then.inode:  # noqa: PTH116
            os.link(link, path)
        else:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o666))

    def _link(self, name: str, inode: int) -> None:
        """Give a file its other name."""
        if name not in self._links:
            os.makedirs(f"{self.place}-links", exist_ok=True)  # noqa: PTH103
            self._links[name] = f"{self.place}-links/{len(self._links)}"
        link = self._links[name]
        if not os.path.lexists(link) or os.stat(link).st_ino != inode:  # noqa: PTH116
            _remove(link)
            os.link(f"{self.place}/{name}", link)

    def _here(self) -> dict[str, Seen]:
        """What is seen of all that is there, and of the folder itself, which is ''."""
        found: dict[str, Seen] = {}
        if not os.path.isdir(self.place) or os.path.islink(self.place):  # noqa: PTH112, PTH114
            _remove(self.place)
            os.makedirs(self.place)  # noqa: PTH103
        found[""] = _seen(os.stat(self.place))  # noqa: PTH116
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            with _entries(f"{self.place}/{folder}") as entries:
                for entry in entries:
                    name = f"{folder}{entry.name}"
                    found[name] = _seen(entry.stat(follow_symlinks=False))
                    if found[name].is_folder:
                        waiting.append(f"{name}/")
        return found


def _entries(path: str) -> Any:
    try:
        return os.scandir(path)
    except PermissionError:  # a script has made it so
        os.chmod(path, 0o700)  # noqa: PTH101
        return os.scandir(path)


def _seen(status: os.stat_result) -> Seen:
    return Seen(
        status.st_ino,
        status.st_mode,
        status.st_uid,
        status.st_gid,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _content(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123
        return file.read()


def _marks(path: str) -> list[str]:
    """The extended attributes that somebody has given it."""
    return [name for name in os.listxattr(path, follow_symlinks=False) if not name.startswith("security.")]


def _read(path: str) -> bytes:
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode):
        return b"-> " + os.fsencode(os.readlink(path))  # noqa: PTH115
    if not stat.S_ISREG(mode):
        return b"(no file)"  # to read from a FIFO is to wait for who writes
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


def _write(path: str, data: bytes, then: Seen | None) -> None:
    """Put this into a file, and make all else of it what it was."""
    if then is not None:
        os.chmod(path, stat.S_IMODE(then.mode) | stat.S_IWUSR)  # noqa: PTH101
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(data)
    _settle(path, then)
    time_ns = _OLD_NS if then is None else then.time_ns
    os.utime(path, ns=(time_ns, time_ns))


def _is_open(folder: Seen) -> bool:
    """True if its owner may do anything in it."""
    return folder.mode & stat.S_IRWXU == stat.S_IRWXU


def _settle(path: str, then: Seen | None) -> None:
    """Make owner, mode and marks what they were."""
    if then is None:
        return
    now = os.stat(path)  # noqa: PTH116
    if (now.st_uid, now.st_gid) != (then.owner, then.group):
        os.chown(path, then.owner, then.group)
    if now.st_mode != then.mode:
        os.chmod(path, stat.S_IMODE(then.mode))  # noqa: PTH101
    for mark in _marks(path):
        os.removexattr(path, mark)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114
        shutil.rmtree(path, ignore_errors=True)
    elif os.path.lexists(path):
        os.unlink(path)  # noqa: PTH108
