"""Files by the names that they have at the moment: a history keeps to the first, by which it tells them apart."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lab.kinds import removed, replaced
from lab.scheduler import Event

_ANOTHER = re.compile(r" \(\d+\)$")
"""What tells files apart that have had one name after another."""


def by_present_names(events: Sequence[Event]) -> list[Event]:
    """The history, in which a file that has taken another's place goes by its name.

    That other is `(replaced)` then, and one whose name was taken away is `(removed)`.
    """
    present: dict[str, str] = {}
    """The name that each file has that was accessed, by the one of the history."""
    told = []
    for event in events:
        operation = event.operation
        if operation.is_data:
            for name in operation.objects:
                if name not in present:
                    present[name] = _free(_ANOTHER.sub("", name), name, present)
            objects = tuple(present[name] for name in operation.objects)
            told.append(event._replace(operation=operation._replace(objects=objects)))
            continue
        told.append(event)
        if (gone := removed(event)) is not None:
            _call(gone, f"{gone} (removed)", present)
        elif (both := replaced(event)) is not None:
            new, old = both
            _call(old, f"{old} (replaced)", present)
            present |= {name: renamed(now, new, old) for name, now in present.items()}
    return told


def renamed(name: str, new: str, old: str) -> str:
    """What a file is called now that `new` has taken the place of `old`: it was that one, or lay in that folder."""
    if name == new:
        return old
    below = f"{new[:-1]}/"
    return f"{old[:-1]}/{name.removeprefix(below)}" if name.startswith(below) else name


def _call(name: str, anew: str, present: dict[str, str]) -> None:
    for file, now in present.items():
        if now == name:
            present[file] = _free(anew, f"{anew} ({len(present)})", present)


def _free(name: str, otherwise: str, present: Mapping[str, str]) -> str:
    return otherwise if name in present.values() else name
