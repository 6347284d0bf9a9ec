"""A cell of an experiment: everything that must be equal for two trials to be trials of the same thing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property

from lab import draws
from lab.delays import Delay
from lab.errors import UsageError
from lab.guard import Guard
from lab.scenario import Scenario
from lab.store import Store
from lab.trial import RESERVED, Grade

ALIGNMENTS = ("natural", "awake", "aligned", "ordered")
"""How actors come together: as it happens; as it happens on cores that don't sleep; released at one moment; in virtual
time in the order of their numbers."""
START_METHODS = ("fork", "spawn", "forkserver")
MOST_PROCESSES = 1000


@dataclass(frozen=True)
class Cell:
    """A scenario with all its fields, under a guard, on a store, with a number of processes, on an engine.

    `name` is the scenario's name in tables. UsageError if the parts do not fit together.
    """

    name: str
    scenario: Scenario
    guard: Guard
    store: type[Store] | None
    processes: int
    engine: str = "real"
    alignment: str = "natural"
    start_method: str = "fork"

    def __post_init__(self) -> None:
        _check_fields(self)
        _check_guard(self)
        _check_store(self)
        _check_processes(self.processes)

    @cached_property
    def cell_id(self) -> str:
        """16 hexadecimal digits, the same for an equal cell in every process, on every machine."""
        text = json.dumps(self._identity(), sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    @cached_property
    def violations(self) -> frozenset[str]:
        """The outcomes that must not happen, the engine's included."""
        return self._graded("violation")

    @cached_property
    def interesting(self) -> frozenset[str]:
        """The outcomes that break no promise and still surprise."""
        return self._graded("interesting")

    def _graded(self, grade: Grade) -> frozenset[str]:
        return frozenset(name for name, outcome in self.scenario.all_outcomes().items() if outcome.grade == grade)

    @cached_property
    def taken_names(self) -> frozenset[str]:
        """Columns that a row of this cell has anyhow, so that no measure may be called like one."""
        return RESERVED | frozenset(self.scenario.fields())

    def draw_key(self, seed: int) -> int:
        """What the trials' seeds are mixed from: scenario, fields and processes; neither guard, store nor engine."""
        fields = [f"{name}={value}" for name, value in self.scenario.fields().items()]
        return draws.key(seed, self.name, *fields, self.processes)

    def delay(self) -> str | None:
        """The scenario's main delays as one text, joined by `+` where they differ; None if it has none."""
        fields = self.scenario.fields()
        texts = list(dict.fromkeys(str(fields[name]) for name in self.scenario.main_delays))
        return " + ".join(texts) or None

    def columns(self) -> dict[str, object]:
        """The cell's columns in a table, its fields included; delays as text."""
        return {"cell_id": self.cell_id, **self._identity()}

    def _identity(self) -> dict[str, object]:
        fields = {
            name: str(value) if isinstance(value, Delay) else value for name, value in self.scenario.fields().items()
        }
        return {
            "scenario": self.name,
            "guard": str(self.guard),
            "store": self.store.name if self.store else None,
            "processes": self.processes,
            "delay": self.delay(),
            "engine": self.engine,
            "alignment": self.alignment,
            "start_method": self.start_method,
            **fields,
        }

    def __str__(self) -> str:
        parts = [
            self.name,
            str(self.guard),
            self.store.name if self.store else "",
            f"{self.processes} processes",
            self.delay() or "",
        ]
        return ", ".join(part for part in parts if part)


def _check_processes(number: object) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_PROCESSES:
        raise UsageError(
            f"processes {number}: expected a whole number from 1 to {MOST_PROCESSES}. Try --processes 2,5,10."
        )


def _check_fields(cell: Cell) -> None:
    taken = sorted(RESERVED & set(cell.scenario.fields()))
    if taken:
        raise UsageError(
            f"{cell.name} has a parameter {taken[0]!r}, which is a column of lab's own. Give it another name."
        )


def _check_guard(cell: Cell) -> None:
    families = [guard.partition("(")[0] for guard in cell.scenario.guards]
    if cell.guard.name not in families:
        raise UsageError(
            f"guard {cell.guard} makes no sense for {cell.name}: expected one of {', '.join(cell.scenario.guards)}."
        )


def _check_store(cell: Cell) -> None:
    stores = ", ".join(cell.scenario.stores)
    if cell.store is None:
        if cell.scenario.stores:
            raise UsageError(f"{cell.name} needs a store: expected one of {stores}.")
        return
    if cell.store.name not in cell.scenario.stores:
        expected = f"expected one of {stores}" if stores else "it uses none; leave --stores out"
        raise UsageError(f"store {cell.store.name} makes no sense for {cell.name}: {expected}.")
    if not works_on(cell.guard, cell.store):
        raise UsageError(
            f"guard {cell.guard} does not work on store {cell.store.name}: {WANTS[cell.guard.name]}. "
            f"Try --stores {_FITTING[cell.guard.name]}."
        )


def works_on(guard: Guard, store: type[Store] | None) -> bool:
    """True if the store can do what the guard needs of it."""
    return store is None or issubclass(store, guard.needs_store)


WANTS = {
    "optimistic": "it needs a write that happens only if nobody wrote in between",
    "transaction": "it needs a store with transactions",
}
"""What a guard needs of a store that not every store can do."""
_FITTING = {"optimistic": "atomic_json_file", "transaction": "sqlite"}
