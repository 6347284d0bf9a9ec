"""Files by the names that they have at the moment: a history keeps to the first, by which it tells them apart."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lab.kinds import replaced
from lab.scheduler import Event

_ANOTHER = re.compile(r" \(\d+\)$")
"""What tells files apart that have had one name after another."""


def by_present_names(events: Sequence[Event]) -> list[Event]:
    """The history, in which a file that has taken another's place goes by its name, and that other is `(replaced)`."""
    present: dict[str, str] = {}
    """The name that each file has that was accessed, by the one of the history."""
    told = []
    for event in events:
        operation = event.operation
        if operation.is_data:
            objects = tuple(present.setdefault(name, name) for name in operation.objects)
            told.append(event._replace(operation=operation._replace(objects=objects)))
            continue
        told.append(event)
        new, old = replaced(event) or ("", "")
        for name, now in [(name, _ANOTHER.sub("", now)) for name, now in present.items()]:
            if now == new:
                present[name] = old
            elif now == old:
                present[name] = f"{old} (replaced)"
    return told
