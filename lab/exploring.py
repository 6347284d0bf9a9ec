"""Explore: the cells of a scenario under its guards, one after the other, and a file for each schedule that matters."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab import schedule as schedules
from lab.again import search_command
from lab.cell import Cell
from lab.cell_search import Choices, Watcher, checked, explore_cell, searched, violations
from lab.environment import environment, write_environment
from lab.errors import OutputError
from lab.experiments.grid import Experiment, Grid, plans
from lab.exploration import Exploration, Explored, document
from lab.guards import guard_named
from lab.scenario import Scenario
from lab.scenarios import name_of, scenario_named
from lab.writing import write_atomically

_LARGEST_SIZE = 6
"""The most processes that are tried in order to find how many it takes to fail."""

VACUOUS = "vacuous: without a guard nothing goes wrong either at this size, so the guard was not put to the test"


def explore(
    scenario: str,
    *,
    guards: Sequence[str] = (),
    stores: Sequence[str] = (),
    processes: Sequence[int] = (),
    delays: Sequence[str] = (),
    set: Mapping[str, Any] | None = None,  # noqa: A002 - the name of the option
    out: str | Path | None = None,
    watcher: Watcher | None = None,
    **choices: Any,
) -> Exploration:
    """Search the schedules of a scenario, a cell after the other, and save a schedule for each ending that is not ok.

    Left out, `stores` is the scenario's own store, `guards` all that work on it, and `processes` the fewest that can
    fail. `choices` are those of `Choices`, such as `strategy="bounded"`. Schedules go to `out` (default:
    `results/explore-<scenario>-<UTC time>`); an existing folder is an OutputError. On KeyboardInterrupt what was found
    is saved and is the exception's `exploration`.
    """
    chosen = checked(choices)
    kind = scenario_named(scenario)
    is_small = not (guards or set)
    grid = Grid(
        scenario=scenario,
        guards=guards or (kind.small_guards if is_small else ()),
        stores=stores,
        processes=processes or [1],
        delays=delays,
        set={**(kind.small if is_small else {}), **(set or {})},
    )
    cells = cells_of(grid, is_sized=bool(processes))
    asked = {"guards": guards, "stores": stores, "processes": processes, "delays": delays, "set": set or {}}
    again = search_command(scenario, asked, chosen)
    folder = _new_folder(Path(out) if out is not None else _default_folder(kind))
    watcher = watcher or Watcher()
    done: list[Explored] = []
    try:
        for explored in _explored(cells, chosen, watcher):
            done.append(_saved(explored, folder, len(done) + 1))
            watcher.ended(done[-1])
    except KeyboardInterrupt as interrupt:
        # From within the search of a cell: what it had found is the argument.
        done += [_saved(explored, folder, len(done) + 1) for explored in interrupt.args]
        raise Interrupted(_kept(Exploration(tuple(done), again), folder)) from None
    return _kept(Exploration(tuple(done), again), folder)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with what was found before."""

    def __init__(self, exploration: Exploration) -> None:
        super().__init__()
        self.exploration = exploration


def cells_of(grid: Grid, *, is_sized: bool) -> list[Cell]:
    """The cells of a grid, each with the fewest processes at which its scenario can fail, unless they were given."""
    cells = [plan.cell for plan in plans(Experiment(name="explore", grids=[grid], engine="simulated"))]
    if is_sized:
        return cells
    sizes: dict[str, int] = {}
    found = []
    for cell in cells:
        bare = _unguarded(cell)
        if bare.cell_id not in sizes:
            sizes[bare.cell_id] = _fewest(bare)
        found.append(replace(cell, processes=sizes[bare.cell_id]))
    return found


def _unguarded(cell: Cell) -> Cell:
    """The same without its guard, if the scenario can do without one."""
    return replace(cell, guard=guard_named("none")) if "none" in cell.scenario.guards else cell


def _fewest(bare: Cell) -> int:
    for processes in range(1, _LARGEST_SIZE + 1):
        tally = searched(replace(bare, processes=processes), Choices(executions=2000, seconds=1.0))
        if violations(bare, tally, "violation") or tally.is_stopped:
            return processes
    return 2


def _explored(cells: Sequence[Cell], choices: Choices, watcher: Watcher) -> Iterable[Explored]:
    fails: dict[str, bool] = {}
    """Of cells without a guard, whether something goes wrong."""
    for cell in cells:
        watcher.enters(cell)
        explored = explore_cell(cell, choices, watcher)
        unguarded = _unguarded(cell)
        if cell == unguarded:
            fails[cell.cell_id] = explored.verdict == "found"
        elif explored.verdict == "proved":
            try:
                if unguarded.cell_id not in fails:
                    fails[unguarded.cell_id] = _fails(unguarded, choices)
            except KeyboardInterrupt:
                raise KeyboardInterrupt(explored) from None
            if not fails[unguarded.cell_id]:
                explored = replace(explored, remarks=(*explored.remarks, VACUOUS))
        yield explored


def _fails(cell: Cell, choices: Choices) -> bool:
    tally = searched(cell, Choices(seconds=5.0, is_timed=choices.is_timed))
    return bool(violations(cell, tally, choices.fail_on))


def _default_folder(kind: type[Scenario]) -> Path:
    name = name_of(kind).replace(":", "-")
    stem = f"explore-{name}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    candidates = (Path("results") / (stem if number == 1 else f"{stem}-{number}") for number in range(1, 1000))
    return next(folder for folder in candidates if not folder.exists())


def _new_folder(folder: Path) -> Path:
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True)
        write_environment(folder, environment())
    except FileExistsError as error:
        raise OutputError(f"{folder} exists, and nothing is overwritten. Try --out with a new name.") from error
    except OSError as error:
        raise OutputError(f"can't make {folder}: {error.strerror}. Try --out with another folder.") from error
    return folder


def _saved(explored: Explored, folder: Path, number: int) -> Explored:
    """The same, with a file for the schedule of each finding."""
    findings = []
    for finding in explored.findings:
        path = folder / f"{number}-{_plain(explored.guard)}-{_plain(finding.outcome)}.json"
        schedules.save(finding.schedule, path)
        findings.append(replace(finding, file=str(path)))
    return replace(explored, findings=tuple(findings))


def _plain(text: str) -> str:
    """A text as part of a file's name."""
    return "".join(letter if letter.isalnum() or letter == "_" else "-" for letter in text).strip("-")


def _kept(exploration: Exploration, folder: Path) -> Exploration:
    """The same, written down as `exploration.json`."""
    try:
        write_atomically(folder / "exploration.json", json.dumps(document(exploration), indent=2) + "\n")
    except OSError as error:
        raise OutputError(f"can't write into {folder}: {error.strerror}. Try --out with another folder.") from error
    return exploration
