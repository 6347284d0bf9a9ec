"""The page of an exploration folder."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import schedule as schedules
from lab.errors import LabError, UsageError
from lab.explanation import counted
from lab.replaying import replay
from lab.report.machine import machine
from lab.report.page import rendered
from lab.report.story import Story, story
from lab.script import is_carried, is_script
from lab.script_exploring import replay_script

_WORDS = {
    "found": "FOUND: a schedule breaks it",
    "proved": "PROVED: no schedule breaks it",
    "unknown": "UNKNOWN",
}


def exploration_page(folder: Path) -> str:
    """The HTML; UsageError if the folder's record or a schedule can't be read."""
    path = folder / "exploration.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return rendered(_context(folder, record))
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, LabError):
            raise
        raise UsageError(f"can't read {path}: expected what `lab explore` wrote, found {error!r}.") from error


def _context(folder: Path, record: Mapping[str, Any]) -> dict[str, Any]:
    cells = record["cells"]
    stories, untold = [], []
    for cell in cells:
        told = _story(folder, cell) if cell["schedule"] else None
        if isinstance(told, str):
            untold.append(told)
        elif told is not None:
            stories.append(told)
    names = dict.fromkeys(_scenario(cell) for cell in cells)
    return {
        "title": ", ".join(names) or folder.name,
        "lead": counted(sum(cell["executions"] for cell in cells), "execution") + f" of {counted(len(cells), 'cell')}",
        "verdicts": [{"verdict": cell["verdict"], "text": _sentence(cell)} for cell in cells],
        "findings": [],
        "table": None,
        "pictures": [],
        "outcomes": [_outcomes(cell) for cell in cells],
        "stories": stories,
        "untold": untold,
        "environment": machine(folder),
        "commands": [
            *([("search the same again", record["again"])] if record["again"] else []),
            *(
                (f"replay {_name(cell)}, {name}", _replay(cell, _file(folder, finding)))
                for cell in cells
                for name, finding in cell["outcomes"].items()
                if finding["schedule"] and finding["grade"] != "ok"
            ),
        ],
        "notes": list(dict.fromkeys([*(note for cell in cells for note in (*cell["remarks"], *cell["conflicts"]))])),
    }


def _scenario(cell: Mapping[str, Any]) -> str:
    name: str = cell["scenario"]
    return Path(name).name if is_script(name) else name


def _name(cell: Mapping[str, Any]) -> str:
    if is_script(cell["scenario"]):
        return _scenario(cell)
    place = f" on {cell['store']}" if cell["store"] else ""
    return f"{_scenario(cell)}, guard {cell['guard']}{place}, {counted(cell['processes'], 'process', 'es')}"


def _sentence(cell: Mapping[str, Any]) -> str:
    reason = f" ({cell['reason']})" if cell["reason"] else ""
    figures = (
        f"{counted(cell['executions'], 'execution')} by {cell['strategy']}, {counted(cell['classes'], 'class', 'es')}"
    )
    return f"{_name(cell)}. {_WORDS[cell['verdict']]}{reason}. {figures}, {cell['seconds']:.2g} s."


def _outcomes(cell: Mapping[str, Any]) -> dict[str, Any]:
    before, after = ("outcome", "grade"), ("shortest schedule", "what it means")
    return {
        "name": _name(cell),
        "head": [
            *({"text": head} for head in before),
            {"text": "executions (no frequency)", "is_number": True},
            *({"text": head} for head in after),
        ],
        "rows": [
            [
                {"text": name},
                {"text": finding["grade"], "grade": finding["grade"]},
                {"text": f"{finding['executions']:,}", "is_number": True},
                {"text": ", ".join(counted(finding[f"{what}s"], what) for what in ("preemption", "operation"))},
                {"text": finding["detail"] or finding["explanation"], "is_long": True},
            ]
            for name, finding in cell["outcomes"].items()
        ],
        "notes": [],
    }


def _file(folder: Path, finding: Mapping[str, Any]) -> Path:
    """Where a schedule is: in this folder, wherever that has been moved to."""
    return folder / Path(finding["schedule"]).name


def _replay(cell: Mapping[str, Any], path: Path) -> str:
    """The command; for a function that only its own process can make, what that process has to call."""
    return f"lab.replay({str(path)!r})" if is_carried(cell["scenario"]) else shlex.join(["lab", "replay", str(path)])


def _story(folder: Path, cell: Mapping[str, Any]) -> Story | str:
    """The failing execution, once more; or why it can't be shown."""
    path = folder / Path(cell["schedule"]).name
    schedule = schedules.load(path)
    title = f"{_name(cell)}: {schedule.outcome}"
    try:
        if is_script(schedule.scenario):
            of_script = replay_script(schedule)
            execution, departed, preempted = of_script.execution, of_script.departed, frozenset[int]()
        else:
            replayed = replay(schedule)
            execution, departed, preempted = replayed.execution, replayed.departed, replayed.preempted
    except UsageError as error:
        return f"{title} can't be shown: {error}"
    if execution is None:
        return f"{title} can't be shown, since it departs from its schedule: {departed}"
    return story(title, _replay(cell, path), execution, preempted)
