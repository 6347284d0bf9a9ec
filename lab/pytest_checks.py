"""What the pytest plugin's fixtures do once a test has asked: measure or explore, and fail with what was found."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab import schedule as schedules
from lab.cli.script_text import explained_script, retold_script
from lab.errors import UsageError
from lab.explanation import explained, retold
from lab.exploration import Exploration
from lab.racing import race_function
from lab.replaying import replay
from lab.rows import Row, rows
from lab.scenario import Scenario
from lab.schedule import Schedule
from lab.script import Script, is_carried, is_script
from lab.script_exploring import ScriptReplayed, replay_script
from lab.searching import Target, as_script, explore
from lab.statistics import at_most_text, rate_text, trials_needed

if TYPE_CHECKING:
    from lab.results import Results

# Measured -----------------------------------------------------------------------------------------------------------


class Raced:
    """What a function came to; `results` are those of `lab.race_function`."""

    def __init__(self, name: str, results: Results) -> None:
        self.results = results
        self._name = name
        self._cells = rows(results.summary)

    def at_most(self, rate: float, *, guard: str | None = None) -> Raced:
        """Fail unless the upper end of the interval of violations is at most `rate`, under every guard or this one."""
        __tracebackhide__ = True
        if not 0 <= rate < 1:
            pytest.fail(f"at_most({rate:g}): expected a share from 0 to less than 1. Try at_most(0.05) for 5 %.")
        cells = [cell for cell in self._cells if guard in (None, cell["guard"])]
        if not cells:
            raise UsageError(f"guard {guard!r}: expected one that was measured. Try guards=[{guard!r}].")
        wrong = [cell for cell in cells if cell["violation_high"] > rate]
        if wrong:
            asked = f"{100 * rate:.3g} %"
            lines = [line for cell in wrong for line in self._told(cell, rate, asked)]
            pytest.fail("\n".join([f"{self._name}: at most {asked} of trials may go wrong", *lines]), pytrace=False)
        return self

    def figures(self, guard: str) -> dict[str, Any]:
        """Rate, interval, trials, guard and median wall time of the cell with this guard."""
        cell = next(cell for cell in self._cells if cell["guard"] == guard)
        names = ("violation_rate", "violation_low", "violation_high", "trials", "guard", "wall_median_s")
        return {name.removeprefix("violation_"): cell[name] for name in names}

    def _told(self, cell: Row, rate: float, asked: str) -> Iterator[str]:
        where = f"  guard {cell['guard']}, {cell['processes']} processes"
        if not cell["violations"]:
            shown = at_most_text(cell["violation_high"])
            # The interval is two-sided, so its upper end is that of 97.5 %.
            needed = f"{trials_needed(rate, 0.975):,}" if rate > 0 else "no number of"
            yield f"{where}: none of {cell['trials']:,} did, which shows {shown}; {asked} takes {needed} trials"
            return
        text = rate_text(cell["violation_rate"], cell["violation_low"], cell["violation_high"])
        yield f"{where}: {text} of {cell['trials']:,} trials did"
        trials = self.results.trials
        first = trials[(trials["cell_id"] == cell["cell_id"]) & trials["violation"]].iloc[0]
        why = first["objection"] if isinstance(first.get("objection"), str) else first["detail"]
        yield f"    first: trial {first['trial']} is {first['outcome']}: {why}"


def raced(
    function: Callable[..., Any], out: Path, properties: list[tuple[str, object]], choices: Mapping[str, Any]
) -> Raced:
    """Measure it, and add rates and intervals to the properties of the test, which JUnit's XML has."""
    name = getattr(function, "__name__", type(function).__name__)
    # Of a test's results nobody looks at the pictures, and to draw them may take longer than to measure.
    found = Raced(name, race_function(function, out=out, **{"pictures": False, **choices}))
    for cell in rows(found.results.summary):
        figures = found.figures(cell["guard"])
        told = " ".join(f"{what}={figures[what]}" for what in ("rate", "low", "high", "trials"))
        properties.append((f"lab_{name}_{cell['guard']}", told))
    return found


def benchmark_table(measured: Sequence[tuple[str, Mapping[str, Any]]]) -> list[str]:
    """A line a benchmark: its guard, rate and median wall time."""
    table = [("test", "guard", "violations", "median wall")]
    for name, figures in measured:
        rate = rate_text(figures["rate"], figures["low"], figures["high"])
        wall = figures["wall_median_s"]
        table.append((name, figures["guard"], rate, "" if wall is None else f"{wall * 1e3:.4g} ms"))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in table]


# Explored -----------------------------------------------------------------------------------------------------------


def explored(
    target: Target, home: Path, out: Path, kept: Path, only: Path | None, choices: Mapping[str, Any]
) -> Exploration:
    """Try the schedules that were kept, then search; fail unless the verdict is `proved`, and keep what was found.

    With `only` nothing but this schedule is tried; of another program it is skipped. What is below `home`, the test's
    own folder, is as new in each execution of a function that is carried.
    """
    __tracebackhide__ = True
    how = dict(choices)
    script = as_script(target, how, home)
    name = script.path if script else _name_of(target)
    if only is not None:
        schedule = schedules.load(only)
        if Path(schedule.scenario).name != Path(name).name:
            pytest.skip(f"{only} is of {schedule.scenario}")
        _replayed(schedule, only, script)
        return Exploration(())
    for path in sorted(kept.glob("*.json")):
        # What does not go wrong any more, or fits no more, is mended.
        _replayed(schedules.load(path), path, script)
        path.unlink()
    if kept.exists() and not any(kept.iterdir()):
        kept.rmdir()
    found = explore(script or target, out=out, **how)
    if found.verdict != "proved":
        _keep(found, kept)
        pytest.fail("\n".join(_told(found, name, kept)), pytrace=False)
    return found


def _name_of(target: Target) -> str:
    """As schedules have it."""
    return target.reference if isinstance(target, type) and issubclass(target, Scenario) else str(target)


def _replayed(schedule: Schedule, path: Path, script: Script | None) -> None:
    """Fail if the schedule goes wrong again."""
    __tracebackhide__ = True
    if is_script(schedule.scenario):
        of_script = replay_script(schedule, script)
        if of_script.is_violation:
            told = "\n".join([f"{schedule.outcome} again: {_detail(of_script)}", *retold_script(of_script)])
            pytest.fail(f"{told}\nby a schedule that was kept: {_again(schedule.scenario, path)}", pytrace=False)
        return
    replayed = replay(schedule)
    if replayed.execution is not None and replayed.execution.trial.violation:
        told = "\n".join(retold(replayed))
        pytest.fail(f"{told}\nby a schedule that was kept: {_again(schedule.scenario, path)}", pytrace=False)


def _detail(replayed: ScriptReplayed) -> str:
    return replayed.execution.trial.detail if replayed.execution else ""


def _keep(found: Exploration, kept: Path) -> None:
    for cell in found.cells:
        for finding in cell.findings:
            if finding.grade == "violation":
                kept.mkdir(parents=True, exist_ok=True)
                shutil.copy(finding.file, kept / Path(finding.file).name)


def _told(found: Exploration, name: str, kept: Path) -> Iterator[str]:
    yield from explained_script(found, is_brief=False) if is_script(name) else explained(found)
    for path in sorted(kept.glob("*.json")):
        yield f"kept, and tried first the next time: {_again(name, path)}"


def _again(name: str, path: Path) -> str:
    """How to replay it alone: a function that was carried only its own test can make."""
    here = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"pytest --lab-replay {here}" if is_carried(name) else f"lab replay {here}"
