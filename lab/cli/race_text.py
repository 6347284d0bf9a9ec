"""What a race says, as text and as a document: rates, endings and wall times of each script, and how two differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.cli.table import duration
from lab.racing import FAILURES, Ending, difference, endings
from lab.rows import Row, rows
from lab.script_run import ScriptRun, expected
from lab.statistics import at_most_text, rate_text, ratio_text

if TYPE_CHECKING:
    from lab.results import Results

_MOST_ENDINGS = 8


def told(results: Results, folder: Path, *, is_brief: bool) -> Iterator[str]:
    """The lines."""
    cells = rows(results.summary)
    for cell in cells:
        yield from _script(results, folder, cell, is_brief=is_brief)
    for cell in cells[1:]:
        yield _compared(results, cells[0], cell)
    yield ""
    yield f"results: {folder}"


def _script(results: Results, folder: Path, cell: Row, *, is_brief: bool) -> Iterator[str]:
    name = Path(cell["script"]).name
    trials = int(cell["trials"])
    high = cell["violation_high"]
    if cell["violations"]:
        often = rate_text(cell["violation_rate"], cell["violation_low"], high)
        yield f"{name} goes wrong in {often} of {trials:,} runs{_wall(cell)}"
    elif expected(scenario_of(cell)).is_silent:
        yield f"{name} raised nothing in {trials:,} runs, and nobody says whether it ended well{_wall(cell)}"
    else:
        yield f"{name} went wrong in none of {trials:,} runs ({at_most_text(high)}){_wall(cell)}"
    if is_brief:
        return
    declared = ScriptRun.all_outcomes()
    for outcome, one in declared.items():
        count = int(cell.get(f"outcome_{outcome}") or 0)
        if count and one.grade != "ok":
            share = rate_text(count / trials, cell[f"low_{outcome}"], cell[f"high_{outcome}"])
            yield f"  {outcome}: {count:,}, {share}: {one.explanation}"
    found = endings(results, cell["script"])
    yield "  1 ending:" if len(found) == 1 else f"  {len(found):,} endings:"
    yield from (_ending(ending) for ending in found[:_MOST_ENDINGS])
    if len(found) > _MOST_ENDINGS:
        rest = sum(ending.runs for ending in found[_MOST_ENDINGS:])
        yield f"  {rest:>7,}  in {len(found) - _MOST_ENDINGS:,} more endings"
    kept = folder / FAILURES / Path(cell["script"]).stem
    if kept.exists():
        yield f"  first failing run: {kept}"
    remark = expected(scenario_of(cell)).remark
    if remark:
        yield f"  note: {remark}"


def scenario_of(cell: Row) -> ScriptRun:
    """The scenario of a cell."""
    return ScriptRun().with_texts({name: cell[name] for name in ScriptRun().fields() if cell.get(name) is not None})


def _wall(cell: Row) -> str:
    if cell["wall_median_s"] is None:
        return ""
    low, high = cell["wall_low_s"], cell["wall_high_s"]
    bounds = "unknown" if low is None or high is None else f"{duration(low)}, {duration(high)}"
    return f", {duration(cell['wall_median_s'])} [{bounds}] each"


def _ending(ending: Ending) -> str:
    return f"  {ending.runs:>7,}  {rate_text(*ending[3:])}  {ending.outcome}: {ending.told}"


def _compared(results: Results, first: Row, second: Row) -> str:
    found = difference(results, first["script"], second["script"])
    names = [Path(cell["script"]).name for cell in (second, first)]
    points = f"{100 * found.rate:+.3g} [{100 * found.rate_low:+.3g}, {100 * found.rate_high:+.3g}] percentage points"
    times = ratio_text(found.ratio, found.ratio_low, found.ratio_high)
    return f"{names[0]} against {names[1]}: rate {points}, wall time {times} times"


def document(results: Results, folder: Path) -> dict[str, Any]:
    """All of it, for programs."""
    import json

    cells = json.loads(results.summary.to_json(orient="records", double_precision=15))
    for cell in cells:
        cell["endings"] = [ending._asdict() for ending in endings(results, cell["script"])]
    first = cells[0]["script"] if cells else ""
    differences = [difference(results, first, cell["script"])._asdict() for cell in cells[1:]]
    return {"folder": str(folder), "scripts": cells, "differences": differences}
