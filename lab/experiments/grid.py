"""An experiment: grids of scenarios, guards, stores, processes and delays, spread out into cells with their trials.

Knows nothing of running them. Everything that is wrong with it is said here, before the first process starts.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab import delays
from lab.cell import ALIGNMENTS, START_METHODS, WANTS, Cell, works_on
from lab.delays import Delay
from lab.engines.choice import ENGINES
from lab.errors import UsageError, unknown_name
from lab.guards import guard_named
from lab.scenario import Scenario
from lab.scenarios import name_of, scenario_named
from lab.store import Store
from lab.stores import store_named

TRIALS = 1000
MOST_TRIALS = 100_000_000


@dataclass(frozen=True, kw_only=True)
class Grid:
    """All combinations of these, for one scenario. What is left empty is the scenario's own choice.

    `guards` and `stores` are names, `delays` values for the scenario's main delays. In `set`, a list is an axis.
    """

    scenario: str
    guards: Sequence[str] = ()
    stores: Sequence[str] = ()
    processes: Sequence[int] = ()
    delays: Sequence[str] = ()
    set: Mapping[str, Any] = field(default_factory=dict)
    trials: int | None = None
    timeout: str | None = None


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Grids that are run interleaved, and compared with each other.

    `scale` divides the scenarios' own delays: 100 makes 10 ms of the tutorial's second. `lanes` is the number of trials
    side by side (None: chosen from the delays and the cores, and checked against one). With `until_width` a cell stops
    when its interval is that narrow. `directory` is where stores keep their files (None: in memory).
    """

    name: str
    grids: Sequence[Grid]
    trials: int | None = None
    seed: int = 1
    scale: float = 1
    engine: str = "real"
    alignment: str = "natural"
    start_method: str = "fork"
    timeout: str | None = None
    lanes: int | None = None
    until_width: float | None = None
    directory: str | None = None


@dataclass(frozen=True)
class Plan:
    """A cell with the number of its trials, and the seconds after which one is a hang (None: the engine's choice)."""

    cell: Cell
    trials: int
    timeout_s: float | None


def plans(experiment: Experiment) -> list[Plan]:
    """Every cell once, in the order of the grids; UsageError if anything does not fit together."""
    _check(experiment)
    found: dict[str, Plan] = {}
    for grid in experiment.grids:
        for cell in _cells(experiment, grid):
            found.setdefault(cell.cell_id, Plan(cell, _trials(experiment, grid, cell), _timeout_s(experiment, grid)))
    return list(found.values())


def _cells(experiment: Experiment, grid: Grid) -> Iterator[Cell]:
    kind = scenario_named(grid.scenario)
    for scenario in _variants(experiment, grid, kind):
        for store in _stores(grid, kind):
            for processes in grid.processes or kind.processes:
                for guard in _guards(grid, kind, store):
                    yield Cell(
                        name_of(kind),
                        scenario,
                        guard_named(guard),
                        store,
                        processes,
                        experiment.engine,
                        experiment.alignment,
                        experiment.start_method,
                    )


def _variants(experiment: Experiment, grid: Grid, kind: type[Scenario]) -> Iterator[Scenario]:
    """The scenario with each combination of parameters."""
    if grid.delays and not kind.main_delays:
        raise UsageError(f"{grid.scenario} has no main delays, found delays {', '.join(grid.delays)}. Leave them out.")
    scaled = {name: value / experiment.scale for name, value in kind().fields().items() if isinstance(value, Delay)}
    axes = {name: value if isinstance(value, list | tuple) else [value] for name, value in grid.set.items()}
    for name, values in axes.items():
        if not values:
            raise UsageError(f"{grid.scenario}: set {name}: expected at least one value, found none. Leave it out.")
    mains = [dict.fromkeys(kind.main_delays, delay) for delay in grid.delays]
    for main in mains or [{}]:
        for values in itertools.product(*axes.values()):
            yield kind().with_texts({**scaled, **main, **dict(zip(axes, values, strict=True))})


def _stores(grid: Grid, kind: type[Scenario]) -> Sequence[type[Store] | None]:
    names = grid.stores or kind.stores[:1]
    return [store_named(name) for name in names] or [None]


def _guards(grid: Grid, kind: type[Scenario], store: type[Store] | None) -> Sequence[str]:
    """The guards that were named, or all of the scenario's that work on this store."""
    return grid.guards or [guard for guard in kind.guards if works_on(guard_named(guard), store)]


def left_out(experiment: Experiment) -> str:
    """Which guards of scenarios have no cell since they don't work on a store, and why; empty if none has been asked.

    Of a grid that names its guards nothing is left out: there, such a guard is a UsageError.
    """
    stores: dict[str, list[str]] = {}
    for grid in experiment.grids:
        kind = scenario_named(grid.scenario)
        for store in _stores(grid, kind):
            for guard in [] if grid.guards else kind.guards:
                if store is not None and not works_on(guard_named(guard), store):
                    stores.setdefault(guard, []).append(store.name)
    parts = [f"{guard} on {', '.join(dict.fromkeys(names))} ({WANTS[guard]})" for guard, names in stores.items()]
    return "; ".join(parts)


def _trials(experiment: Experiment, grid: Grid, cell: Cell) -> int:
    own = cell.scenario.trials
    if grid.trials is not None:
        return _counted(grid.trials)
    if experiment.trials is None:
        return own or TRIALS
    return _counted(min(experiment.trials, own) if own else experiment.trials)


def _counted(trials: int) -> int:
    if isinstance(trials, bool) or not isinstance(trials, int) or not 1 <= trials <= MOST_TRIALS:
        raise UsageError(f"trials {trials}: expected a whole number from 1 to {MOST_TRIALS}. Try --trials 1000.")
    return trials


def _timeout_s(experiment: Experiment, grid: Grid) -> float | None:
    text = grid.timeout or experiment.timeout
    if text is None:
        return None
    try:
        delay = delays.parse(text) if isinstance(text, str) else delays.zero
    except UsageError:
        delay = delays.zero
    if delay.kind != "constant" or delay.is_zero:
        raise UsageError(f"timeout {text!r}: expected one duration over 0, with a unit. Try --timeout 5s.")
    return delay.low


def _check(experiment: Experiment) -> None:
    for what, found, known in (
        ("engine", experiment.engine, ENGINES),
        ("alignment", experiment.alignment, ALIGNMENTS),
        ("start method", experiment.start_method, START_METHODS),
    ):
        if found not in known:
            raise unknown_name(what, found, known)
    if experiment.engine == "simulated":
        _check_simulated(experiment)
    elif experiment.alignment == "ordered":
        raise UsageError(
            "--alignment ordered makes no sense on the real engine: the kernel decides who goes first. "
            "Leave it out, or try --engine simulated."
        )
    if not experiment.grids:
        raise UsageError(f"experiment {experiment.name} has no grid: expected at least one with a scenario.")
    if experiment.until_width is not None and not 0 < experiment.until_width < 1:
        raise UsageError(f"until-width {experiment.until_width}: expected between 0 and 100 %. Try --until-width 1%.")
    if not 0 < experiment.scale < math.inf:
        raise UsageError(f"scale {experiment.scale}: expected over 0. Try 100, which makes 10 ms of a second.")
    if experiment.lanes is not None and not 1 <= experiment.lanes <= 64:
        raise UsageError(f"lanes {experiment.lanes}: expected 1 to 64. Leave it out to have it chosen and checked.")


def _check_simulated(experiment: Experiment) -> None:
    """UsageError for what means something in real time and real processes alone."""
    for option, found, sensible, why in (
        ("alignment", experiment.alignment, ("natural", "ordered"), "actors start at the same virtual moment anyhow"),
        ("start-method", experiment.start_method, ("fork",), "it starts no process"),
        ("lanes", experiment.lanes, (None,), "no trial waits for a clock"),
        ("dir", experiment.directory, (None,), "its files are in memory"),
    ):
        if found not in sensible:
            raise UsageError(
                f"--{option} {found} makes no sense on the simulated engine: {why}. Leave it out, or try --engine real."
            )
