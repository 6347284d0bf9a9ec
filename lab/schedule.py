"""A schedule: who takes each operation of an execution, with all that it takes to run it again. A small JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from lab.errors import OutputError, UsageError
from lab.scheduler import Operation

FORMAT = 1


class Choice(NamedTuple):
    """One operation of a schedule: whose, and what it does, such as `write store`."""

    actor: int
    does: str

    def __str__(self) -> str:
        return f"actor {self.actor}, {self.does}"


def choice_of(operation: Operation) -> Choice:
    """The choice of this operation."""
    words = (operation.kind, *operation.objects, *(("gives up",) if operation.is_timeout else ()))
    return Choice(operation.actor, " ".join(words))


def listed(operations: Iterable[Operation]) -> str:
    """Their choices, for a message."""
    return "; ".join(str(choice_of(operation)) for operation in operations)


@dataclass(frozen=True, slots=True)
class Schedule:
    """An execution: of what, and who took each operation. `outcome` is what it ended in when it was recorded.

    `scenario` is a built-in name, `module:Class` or `file.py:Class`; `set` has its fields as texts. With `is_timed` the
    clock orders, and the choices are those among operations that are ready at the same moment.
    """

    scenario: str
    guard: str
    store: str | None
    processes: int
    set: Mapping[str, Any]
    seed: int
    is_timed: bool
    outcome: str
    choices: tuple[Choice, ...]


def save(schedule: Schedule, path: Path) -> None:
    """Write the file; OutputError if that can't be."""
    document = {"format": FORMAT, **asdict(schedule), "choices": [list(choice) for choice in schedule.choices]}
    lines = json.dumps({**document, "choices": 0}, indent=1)
    choices = ",\n  ".join(json.dumps(choice) for choice in document["choices"])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(lines.replace('"choices": 0', f'"choices": [\n  {choices}\n ]') + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"can't write {path}: {error.strerror}. Try --out with another folder.") from error


def load(path: Path) -> Schedule:
    """Read the file; UsageError if it is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"can't read {path}: {error.strerror}. Expected a schedule that `lab explore` saved."
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: expected a schedule in JSON, found no JSON ({error}).") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else type(document).__name__
        raise UsageError(
            f"{path}: expected a schedule of format {FORMAT}, found {found!r}. Explore anew with this lab."
        )
    for name, kind in _KINDS.items():
        if not isinstance(document.get(name), kind) or (kind is int and isinstance(document[name], bool)):
            raise UsageError(f"{path}: {name}: expected {_NAMES[kind]}, found {document.get(name)!r}.")
    return Schedule(**{name: document[name] for name in _KINDS if name != "choices"}, choices=_choices(path, document))


def _choices(path: Path, document: Mapping[str, Any]) -> tuple[Choice, ...]:
    found = []
    for number, choice in enumerate(document["choices"], 1):
        if not (isinstance(choice, list) and [type(part) for part in choice] == [int, str]):
            raise UsageError(f'{path}: choice {number}: expected [actor, "what it does"], found {choice!r}.')
        found.append(Choice(*choice))
    return tuple(found)


_KINDS: dict[str, Any] = {
    "scenario": str,
    "guard": str,
    "store": str | None,
    "processes": int,
    "set": dict,
    "seed": int,
    "is_timed": bool,
    "outcome": str,
    "choices": list,
}
_NAMES: dict[Any, str] = {
    str: "a text",
    str | None: "a text or null",
    int: "a whole number",
    dict: "an object",
    bool: "true or false",
    list: "a list",
}
