"""Files: what each operation touches. The files themselves are real, and lie in the folder of the execution.

An entry of a folder and the data that it leads to are two things: to replace a file changes the entry, and who has the
old one open reads on. Data goes by inode, and is called after the path that it was first met by.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import Any

from lab.engines.controlled.inside.paths import LINK
from lab.engines.controlled.step import Lasting, Names, Step

_OF_LINKS = ("lstat", "readlink")
"""Looks at a link itself."""

_KINDS = 8
"""Into so many kinds actors are told apart who change a folder: two new files commute, and who lists it sees both."""


class Files(Lasting):
    """All files of an execution, whose folders lie under `root`."""

    name = "files"

    def __init__(self, root: str, doubt: Callable[[str], None]) -> None:
        self._doubt = doubt
        self._has_links = False
        """True once somebody is about to make a symbolic link: until then there is none."""
        self._own = f"{root}/run/"
        self._temporary = f"{root}/tmp/"
        self._data: dict[int, str] = {}
        self._met: dict[str, int] = {}

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """open(path, creates, is_writing), data(kind, inode, path, is_read), by path look, change, list, exists."""
        if verb == "data":
            kind, inode, path, is_read = arguments
            is_plain = kind in ("read", "write", "append", "truncate")
            return Step(kind, (self._file(inode, path),), is_read=is_read, is_data=is_plain, gives=False)
        if verb == "open":
            return self._open_step(actor, *arguments)
        if verb == "exists":
            (path,) = arguments
            return Step(verb, look=lambda: (self._named(actor, path), True), gives=False)
        kind, *paths = arguments
        self._has_links |= kind == "symlink"
        if verb == "list":
            return Step(kind, look=lambda: (self._listed(paths[0]), True), gives=False)
        if verb == "look":
            is_followed = kind not in _OF_LINKS
            return Step(kind, look=lambda: (self._looked_at(actor, paths[0], is_followed), True), gives=False)
        return Step(kind, look=lambda: (self._changed(actor, kind, paths), _is_vain(kind, paths)), gives=False)

    def _open_step(self, actor: int, path: str, creates: bool, is_writing: bool) -> Step:
        def look() -> tuple[Names, bool]:
            is_new = creates and not os.path.lexists(path)
            return self._named(actor, path, is_change=is_new), not is_new

        return Step("open", look=look, gives=False)

    def _looked_at(self, actor: int, path: str, is_followed: bool) -> Names:
        names = self._named(actor, path, is_followed=is_followed)
        try:
            status = os.stat(path)  # noqa: PTH116 - for every choice anew, so it should be cheap
        except OSError:
            return names
        if stat.S_ISDIR(status.st_mode):  # whose time is that of its entries
            names = (*names, *self._all_of(path))
        return (*names, self._file(status.st_ino, path))

    def _changed(self, actor: int, kind: str, paths: list[str]) -> Names:
        names: dict[str, None] = {}
        # With a folder comes and goes all that is below it, by its old name and by the new one.
        is_folder = kind in ("mkdir", "rmdir", "symlink") or any(os.path.isdir(path) for path in paths)  # noqa: PTH112
        for path in paths:
            names.update(dict.fromkeys(self._named(actor, path, is_change=True, is_followed=False)))
            if is_folder:
                names.update(dict.fromkeys(self._all_of(path)))
            if kind in ("chmod", "utime", "truncate", "chown"):
                names.update(dict.fromkeys(self._looked_at(actor, path, True)))
        return tuple(names)

    def _named(self, actor: int, path: str, *, is_change: bool = False, is_followed: bool = True) -> Names:
        """What an operation on a path touches: its entry, and the folders on the way."""
        self._look_for_links(path, is_followed)
        return self._entry(path), *self._way(actor, path, is_change)

    def _listed(self, path: str) -> Names:
        self._look_for_links(path, True)
        return self._all_of(path)

    def _look_for_links(self, path: str, is_followed: bool) -> None:
        """Doubt what is told to be touched, where a link leads on to more; `is_followed` if it may be the last part."""
        if not self._has_links:
            return
        part = path if is_followed else path.rpartition("/")[0]
        while part.startswith((self._own, self._temporary)):
            if os.path.islink(part):  # noqa: PTH114
                self._doubt(LINK)
            part = part.rpartition("/")[0]

    def _way(self, actor: int, path: str, is_change: bool = False) -> Names:
        """The folders on the way, which must be there, and the last of which is changed by a new entry."""
        folder = self._short(path).rpartition("/")[0]
        names = [f"folder {folder or '.'!r} {actor % _KINDS}"] if is_change else []
        while folder:
            names.append(f"folder {folder!r} {actor % _KINDS}")
            folder = folder.rpartition("/")[0]
        return tuple(dict.fromkeys(names))

    def _all_of(self, path: str) -> Names:
        return tuple(f"folder {self._short(path) or '.'!r} {kind}" for kind in range(_KINDS))

    def _entry(self, path: str) -> str:
        return f"entry {self._short(path)!r}"

    def _file(self, inode: int, path: str) -> str:
        known = self._data.get(inode)
        if known is None:
            short = self._short(path)
            self._met[short] = count = self._met.get(short, 0) + 1
            known = self._data[inode] = f"file {short!r}" if count == 1 else f"file {short!r} ({count})"
        return known

    def known(self) -> tuple[dict[int, str], dict[str, int]]:
        """What files are called that were met up to now; a look at one is enough."""
        return dict(self._data), dict(self._met)

    def recall(self, known: tuple[dict[int, str], dict[str, int]]) -> None:
        """Call them so again."""
        self._data, self._met = dict(known[0]), dict(known[1])

    def _short(self, path: str) -> str:
        if path.startswith(self._own):
            return path[len(self._own) :]
        if path.startswith(self._temporary):
            return "$TMPDIR/" + path[len(self._temporary) :]
        return "" if path == self._own[:-1] else path


def _is_vain(kind: str, paths: list[str]) -> bool:
    """True if nothing will change: what is to be made is there, or what is to be taken is not."""
    is_made, is_taken = kind in ("mkdir", "symlink", "link"), kind in ("unlink", "remove", "rename", "replace", "link")
    return (is_made and os.path.lexists(paths[-1])) or (is_taken and not os.path.lexists(paths[0]))
