"""The page of a results folder."""

from __future__ import annotations

import math
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab import archive, verbs
from lab.delays import Delay
from lab.errors import LabError
from lab.explanation import counted
from lab.exploring import explore
from lab.findings import Unknown, findings
from lab.function import FunctionScenario
from lab.replaying import replay
from lab.report.machine import machine
from lab.report.page import inline_svgs, rendered
from lab.report.story import Story, story
from lab.rows import Row, described, differing, rows, settings, values
from lab.scenario import Scenario
from lab.scenarios import SCRIPT
from lab.statistics import rate_text, ratio_text
from lab.trial import ENGINE_OUTCOMES

_SEARCH_S = 3.0
_MOST_STORIES = 6


def results_page(folder: Path) -> str:
    """The HTML; UsageError if the folder holds no trials."""
    results = verbs.open_results(folder)
    cells = rows(results.summary)
    scenarios = verbs.scenarios_of(folder)
    experiment = archive.experiment_of(folder)
    stories, untold = _stories(cells, scenarios)
    return rendered(
        {
            "title": experiment.name,
            "lead": f"{sum(cell['trials'] for cell in cells):,} trials in {len(cells)} cells",
            "verdicts": [],
            "findings": findings(results.summary, scenarios),
            "table": _table(cells),
            "pictures": inline_svgs((folder / "plots").glob("*.svg")),
            "outcomes": [_outcomes(alike, scenarios.get(name, Unknown)) for name, alike in _by_scenario(cells).items()],
            "stories": stories,
            "untold": untold,
            "environment": machine(folder),
            "commands": [
                ("run the same experiment again", f"lab run {folder / 'experiment.toml'}"),
                ("compare the two", f"lab compare {folder} NEW_FOLDER"),
                ("the table in a terminal", f"lab summary {folder}"),
            ],
            "notes": [],
        }
    )


# The table ----------------------------------------------------------------------------------------------------------


def _table(cells: Sequence[Row]) -> dict[str, Any]:
    told = [
        {**cell, "set": settings(cell, differing(alike))} for alike in _by_scenario(cells).values() for cell in alike
    ]
    always = set(_ALWAYS)
    for cell in told:
        if cell["scenario"] == SCRIPT:
            cell["scenario"], cell["set"] = described("script", cell["script"]), ""
            always -= {"guard", "processes"}  # these are the script's own affair
    texts = {name: [column(cell) for cell in told] for name, column in _COLUMNS}
    # What is the same everywhere needs no column of figures, and what is nowhere none at all.
    names = [name for name, shown in texts.items() if name in always or len({text for text, _ in shown}) > 1]
    return {
        "filters": [
            {"name": name, "values": [str(value) for value in values(told, name)]}
            for name in _FILTERS
            if len(values(told, name)) > 1
        ],
        "columns": [{"text": name, "is_number": texts[name][0][1] is not None} for name in names],
        "rows": [
            {
                "filters": {name: str(cell[name]) for name in _FILTERS},
                "cells": [_shown(texts[name][number]) for name in names],
                "is_bad": bool(cell["violations"]),
            }
            for number, cell in enumerate(told)
        ],
    }


def _by_scenario(cells: Sequence[Row]) -> dict[str, list[Row]]:
    return {name: [cell for cell in cells if cell["scenario"] == name] for name in values(cells, "scenario")}


def _shown(cell: tuple[str, float | None]) -> dict[str, Any]:
    text, number = cell
    is_number = number is not None
    return {"text": text, "order": "" if number is None or math.isnan(number) else repr(number), "is_number": is_number}


def _text(name: str) -> Any:
    return lambda cell: (str(cell[name] or ""), None)


def _rate(what: str) -> Any:
    def shown(cell: Row) -> tuple[str, float]:
        rate, low, high = (_number(cell.get(f"{what}_{end}")) for end in ("rate", "low", "high"))
        is_told = not math.isnan(rate) and (rate > 0 or what == "violation")
        return (rate_text(rate, low, high) if is_told else ""), rate

    return shown


def _wall(cell: Row) -> tuple[str, float]:
    seconds = _number(cell["wall_median_s"])
    return ("" if math.isnan(seconds) else f"{seconds * 1e3:.4g} ms"), seconds


def _price(cell: Row) -> tuple[str, float]:
    ends = [_number(cell[name]) for name in ("slowdown", "slowdown_low", "slowdown_high")]
    if cell["guard"] == "none" or math.isnan(ends[0]):
        return "", math.nan
    return ratio_text(*ends), ends[0]


def _number(value: float | None) -> float:
    return math.nan if value is None else value


_COLUMNS: Sequence[tuple[str, Any]] = (
    ("scenario", _text("scenario")),
    ("guard", _text("guard")),
    ("store", _text("store")),
    ("processes", lambda cell: (str(cell["processes"]), cell["processes"])),
    ("delay", _text("delay")),
    ("start", _text("alignment")),
    ("trials", lambda cell: (f"{cell['trials']:,}", cell["trials"])),
    ("violations", _rate("violation")),
    ("interesting", _rate("interesting")),
    ("median wall", _wall),
    ("times unguarded", _price),
    ("settings", _text("set")),
)
_ALWAYS = ("scenario", "guard", "processes", "trials", "violations", "median wall")
_FILTERS = ("scenario", "guard", "processes", "delay")


# Outcomes -----------------------------------------------------------------------------------------------------------


def _outcomes(cells: Sequence[Row], scenario: type[Scenario]) -> dict[str, Any]:
    """How often each outcome of a scenario was seen, graded: a line a cell, the worst outcome first."""
    declared = {**scenario.all_outcomes(), **ENGINE_OUTCOMES}
    seen = [name.removeprefix("outcome_") for name in cells[0] if name.startswith("outcome_")]
    seen = [name for name in seen if any(cell[f"outcome_{name}"] for cell in cells)]
    order = [name for name in declared if name in seen] + [name for name in seen if name not in declared]
    grades = {name: declared[name].grade if name in declared else "violation" for name in order}
    return {
        "name": cells[0]["scenario"],
        "head": [{"text": "cell"}, *({"text": name, "grade": grades[name], "is_number": True} for name in order)],
        "rows": [
            [{"text": _cell_name(cell, cells)}, *({"text": _share(cell, name), "is_number": True} for name in order)]
            for cell in cells
        ],
        "notes": [f"{name}: {declared[name].explanation}" for name in order if name in declared],
    }


def _share(cell: Row, name: str) -> str:
    count = int(cell[f"outcome_{name}"] or 0)
    if not count:
        return ""
    share, low, high = count / cell["trials"], _number(cell.get(f"low_{name}")), _number(cell.get(f"high_{name}"))
    return f"{count:,}: " + (f"{100 * share:.3g} %" if math.isnan(low) else rate_text(share, low, high))


def _cell_name(cell: Row, alike: Sequence[Row]) -> str:
    """What tells it from the others of its scenario."""
    names = [name for name in ("store", "processes", "delay") if len(values(alike, name)) > 1]
    words = [described(name, cell[name]) for name in names]
    return ", ".join(filter(None, [cell["guard"], *words, settings(cell, differing(alike))]))


# A failing trial ----------------------------------------------------------------------------------------------------


def _stories(cells: Sequence[Row], scenarios: Mapping[str, type[Scenario]]) -> tuple[list[Story], list[str]]:
    """Of each scenario that went wrong a schedule that makes it go wrong, and why there is none."""
    bad = {cell["scenario"]: cell for cell in cells if cell["violations"]}
    if SCRIPT in bad:
        return [], ["What a script does can be seen step by step in the report of lab explore SCRIPT.py --out FOLDER."]
    found, untold = [], []
    for name in list(bad)[:_MOST_STORIES]:
        if issubclass(scenarios.get(name, Unknown), FunctionScenario):
            untold.append(f"What {name} does is seen step by step when a script that calls it is explored.")
            continue
        guards = values([cell for cell in cells if cell["scenario"] == name and cell["violations"]], "guard")
        guard = "none" if "none" in guards else guards[0]
        told = _story(name, guard, _smallest(scenarios[name], bad[name])) if name in scenarios else None
        if told is None:
            untold.append(f"Of {name} no failing schedule was found within {_SEARCH_S:g} s.")
        else:
            found.append(told)
    return found, untold


def _smallest(scenario: type[Scenario], cell: Row) -> Mapping[str, Any]:
    """Parameters at which it can fail with few processes: the scenario's own choice, or else those of the cell."""
    # Delays order nothing in a search.
    defaults = {name: value for name, value in scenario().fields().items() if not isinstance(value, Delay)}
    changed = {name: cell[name] for name, value in defaults.items() if cell.get(name) not in (None, value)}
    return scenario.small or changed


def _story(scenario: str, guard: str, small: Mapping[str, Any]) -> Story | None:
    """A schedule of the scenario at its smallest, which breaks it; None if none is found in time."""
    with tempfile.TemporaryDirectory() as home:
        try:
            out = Path(home) / "explored"
            exploration = explore(scenario, guards=[guard], set=small, out=out, seconds=_SEARCH_S)
        except LabError:
            return None
        (cell,) = exploration.cells[:1]
        finding = next((finding for finding in cell.findings if finding.grade == "violation"), None)
        replayed = replay(finding.schedule) if finding else None
    if finding is None or replayed is None or replayed.execution is None:
        return None
    fields = [part for name, value in small.items() for part in ("--set", f"{name}={value}")]
    command = shlex.join(["lab", "explore", scenario, "--guards", guard, *fields])
    title = f"{scenario}, guard {guard}, {counted(cell.processes, 'process', 'es')}: {finding.outcome}"
    return story(title, command, replayed.execution, replayed.preempted)
