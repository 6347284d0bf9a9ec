"""Two accesses that nothing orders, and how they are told in one sentence. Knows nothing of how they were found."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lab.kinds import EMPTIES, ENTRY, family, file_of, meaning, shown
from lab.scheduler import Event


class Conflict(NamedTuple):
    """Two accesses to one object, of different actors and not both reads, that nothing orders."""

    object: str
    earlier: Event
    later: Event
    places: tuple[int, int]
    """Where the two stand in the history."""


def sentence(conflict: Conflict, names: Mapping[int, str]) -> str:
    """Who did what after whom: "buyer 1 wrote `count` at a.py:41 after buyer 0 had read it at a.py:36; …"."""
    earlier, later = conflict.earlier.operation, conflict.later.operation
    return (
        f"{names[later.actor]} {meaning(later.kind, conflict.object).past or later.kind} {_thing(conflict)}"
        f"{_at(later.line)} after {names[earlier.actor]} had "
        f"{meaning(earlier.kind, conflict.object).perfect or earlier.kind} it{_at(earlier.line)}; "
        "nothing orders the two"
    )


def by_line(conflicts: Sequence[Conflict]) -> list[Conflict]:
    """Of each object and pair of source lines the conflict that tells most, and those that tell most first.

    A write to a plain file is two accesses, on one line.
    """
    told: dict[tuple[str, ...], Conflict] = {}
    for conflict in sorted(conflicts, key=_rank):
        lines = sorted((conflict.earlier.operation.line, conflict.later.operation.line))
        told.setdefault((conflict.object, *lines), conflict)
    return list(told.values())


def _rank(conflict: Conflict) -> int:
    """Torn reads, then what was written to a key that was read before (the check-then-act), then other known keys."""
    earlier, later = conflict.earlier, conflict.later
    if earlier.operation.kind == EMPTIES and later.operation.is_read and later.result.startswith("TornRead("):
        return 0
    if not _key(later.result) or earlier.operation.kind == EMPTIES:
        return 3
    return 1 if earlier.operation.is_read else 2


def _thing(conflict: Conflict) -> str:
    if conflict.object != "store":
        return file_of(conflict.object) if family(conflict.object) == ENTRY else conflict.object
    accesses = sorted((conflict.later, conflict.earlier), key=lambda event: event.operation.is_read)
    key = next((key for event in accesses if (key := _key(event.result))), None)
    return f"`{key}`" if key else shown(conflict.object)


def _key(result: str) -> str | None:
    """The one key of a record, as the text of a history shows it; None if it has several, or is none."""
    try:
        record = ast.literal_eval(result)
    except (ValueError, SyntaxError):
        return None
    return next(iter(record)) if isinstance(record, dict) and len(record) == 1 else None


def _at(line: str) -> str:
    return f" at {line}" if line else ""
