"""Paths as the controller knows them: whole, and with no symbolic link on the way to the last part."""

from __future__ import annotations

import os
from typing import Any

from lab.engines.controlled.inside.channel import me

_folders: dict[str, str] = {}
"""The real path of folders that were asked for, until a link is made."""

LINK = "a symbolic link that is followed"
"""Why nothing is proved: to what else it leads is not told."""

MAPPED = "shared memory by mmap"
"""Why nothing is proved, and no clock of a file is believed: who writes to mapped memory moves none."""

_SYSTEM = ("/dev/", "/proc/", "/sys/")
_forbidden: list[str] = []
"""Folders that the execution's own stands for: who comes there all the same sees what nobody makes new."""


def forbid(folder: str) -> None:
    """Doubt whoever uses a path below this folder from now on, or none if it is empty."""
    _forbidden[:] = [one.rstrip("/") + "/" for one in {folder, resolved(folder)}] if folder else []


def whole(path: Any) -> str:
    """The path of an entry: its folder resolved, its own name not."""
    text = os.fsdecode(os.fspath(path))
    if not text.startswith("/"):
        text = os.getcwd() + "/" + text  # noqa: PTH109 - as the script would
    folder, _, name = text.rpartition("/")
    if name in ("", ".", ".."):
        found = _without_links(text)
    else:
        known = _folders.get(folder)
        if known is None:
            known = _folders[folder] = _without_links(folder)
        found = f"{known}/{name}" if known != "/" else "/" + name
    if _forbidden and f"{found}/".startswith(tuple(_forbidden)):
        me.doubt(f"{found}, which was found otherwise than by a text or a Path that the function holds")
    return found


def _without_links(path: str) -> str:
    found = resolved(path)
    if is_own(path) and found != os.path.normpath(path):
        me.doubt(LINK)
    return found


def resolved(path: str) -> str:
    """The path with every link followed."""
    with me:
        return os.path.realpath(path)


def forget_links() -> None:
    """A link was made or a folder moved: what was resolved may be so no more."""
    _folders.clear()


def is_own(path: str) -> bool:
    """True for the folder of the script, that of its temporary files, and what lies there: it starts anew each time."""
    return f"{path}/".startswith((me.scratch, me.temporary))


def is_system(path: str) -> bool:
    """True for what is no file, neither on a disk nor in memory."""
    return path.startswith(_SYSTEM) and not path.startswith("/dev/shm/")
