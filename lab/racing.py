"""Race scripts and functions: repeat them on processes that nobody controls, and compare two versions of a script."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lab import verbs
from lab.errors import UsageError
from lab.experiments.grid import Experiment, Grid
from lab.experiments.runner import Progress
from lab.function import Check, scenario_of
from lab.rows import Row, rows
from lab.scenarios import SCRIPT
from lab.script import Script
from lab.script_run import Pace, ScriptRun, expected, keep_failures, pace

if TYPE_CHECKING:
    from lab.medians import BlockSketch
    from lab.results import Results

_LOAD = 0.05
"""The share of the cores that runs side by side may keep busy. Runs of like length fall into step, and then each waits
for the work of all: at 40 % wall times were 14 % longer than alone."""
_MOST_LANES = 16
FAILURES = "failures"
"""The folder, in that of the results, where the first failing run of each script is kept."""


class Rules(NamedTuple):
    """What a run is judged by, as `Script` has it."""

    files: Sequence[str] = ()
    arguments: Sequence[str] = ()
    check: str | None = None
    expect_output: str | None = None
    orders: int = 120


def race(*targets: str | Path | Callable[..., Any], **choices: Any) -> Results:
    """Measure a function of one's own, or scripts as they stand, on real processes; returns the results.

    `race(function, …)` takes the choices of `race_function`. `race(script, …)` runs each script `trials` times (1000),
    interleaved in blocks. `lanes` is how many runs go on side by side (default: as many as mostly sleep), `timeout`
    when a run is a hang (default: ten times the longest of three runs), `rules` is what a run is judged by, `seed` and
    `progress` are those of `run`. The results folder is `out`; the first failing run of each script is kept in its
    `failures`. UsageError if a script or a rule can't be read.
    """
    functions = [target for target in targets if callable(target)]
    if not functions:
        return _race_scripts(*map(str, targets), **choices)
    if len(targets) > 1:
        raise UsageError(f"expected one function, or scripts, found {len(targets)} to race. Measure each by itself.")
    return race_function(functions[0], **choices)


def _race_scripts(
    *scripts: str, out: str | Path | None = None, progress: Progress | None = None, **choices: Any
) -> Results:
    return resume(verbs.created(prepared(scripts, **choices), out), progress=progress)


def race_function(
    function: Callable[..., Any],
    *,
    processes: int | Sequence[int] = 4,
    trials: int = 1000,
    setup: Callable[[], object] | None = None,
    check: Check | None = None,
    guards: Sequence[str] = ("none",),
    timeout: str = "5s",
    seed: int = 1,
    pictures: bool = True,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> Results:
    """Call a function of one's own in `processes` processes at once, `trials` times, and return the results.

    Each call gets the number of its actor, from 0, if the function takes an argument. `setup()` is called before every
    trial, in this process; `check(returns)` after it, with what the calls returned, or `check(returns, state)`, with
    what `setup` did, too: it objects by False, a text, or an AssertionError, and the trial is `rejected`. What the
    function raises is `raised`. `guards` are measured beside each other, each around the whole call. All run where this
    process runs: relative paths mean the same files, and one trial goes on at a time. The processes are forked from
    this one and keep on from trial to trial, so what the function keeps in memory stays; multiprocessing's objects in a
    closure are shared, and restored by `setup` or not at all. Without `pictures` none are drawn, which takes longer
    than to measure a few trials. UsageError if something does not fit together. A race that was interrupted can't be
    resumed.
    """
    scenario = scenario_of(function, setup=setup, check=check, guards=guards)
    counts = (processes,) if isinstance(processes, int) else tuple(processes)
    grid = Grid(scenario=scenario, guards=tuple(guards), processes=counts, trials=trials)
    name = f"race-{scenario.rpartition(':')[2]}"
    experiment = verbs.prepared(Experiment(name=name, grids=(grid,), seed=seed, lanes=1, timeout=timeout))
    return verbs.resume(verbs.created(experiment, out), progress=progress, pictures=pictures)


def prepared(
    scripts: Sequence[str | Path],
    *,
    trials: int = 1000,
    lanes: int | None = None,
    timeout: str | None = None,
    seed: int = 1,
    rules: Rules = Rules(),
) -> Experiment:
    """The experiment of these scripts; each has been run a few times, to see how long it takes and how it may end."""
    if not scripts:
        raise UsageError("expected a script to race, found none. Try lab race buy.py.")
    fields = _fields(rules)
    paths = [str(Path(script).absolute()) for script in scripts]
    if len(set(paths)) < len(paths):
        raise UsageError(f"expected scripts that differ, found {scripts[0]} twice. Name each once.")
    grid = Grid(scenario=SCRIPT, guards=("none",), processes=(1,), set={**fields, "script": paths}, trials=trials)
    name = "race-" + "-".join(Path(path).stem for path in paths)
    # Whatever is wrong with it is said before the first run.
    asked = verbs.prepared(Experiment(name=name, grids=(grid,), seed=seed, lanes=lanes, timeout=timeout))
    kinds = [ScriptRun().with_texts({**fields, "script": path}) for path in paths]
    for kind in kinds:
        expected(kind)
    paces = [pace(kind) for kind in kinds]
    return replace(
        asked,
        lanes=min(map(_lanes, paces)) if lanes is None else lanes,
        timeout=timeout or f"{max(one.timeout_s for one in paces):.3g}s",
    )


def resume(folder: str | Path, *, progress: Progress | None = None) -> Results:
    """Go on with a race, or begin it."""
    keep_failures(Path(folder).absolute() / FAILURES)
    return verbs.resume(folder, progress=progress)


def _fields(rules: Rules) -> dict[str, str | int]:
    given = Script("", rules.files, rules.arguments, rules.check, rules.expect_output).texts()
    texts = {
        "files": os.pathsep.join(map(str, given.pop("files"))),
        "arguments": "\0".join(map(str, given.pop("arguments"))),
    }
    return {"orders": rules.orders, **{name: str(text) for name, text in {**texts, **given}.items() if text}}


def _lanes(pace: Pace) -> int:
    """As many runs as leave the cores free enough."""
    free_enough = _LOAD * (os.cpu_count() or 1) * pace.wall_s / max(pace.used_s, 1e-3)
    return max(1, min(_MOST_LANES, int(free_enough)))


# What the results say -----------------------------------------------------------------------------------------------


class Ending(NamedTuple):
    """A way in which a script ended: what it was called, in words, how often, and the share with its interval."""

    outcome: str
    told: str
    runs: int
    rate: float
    low: float
    high: float


def endings(results: Results, script: str) -> list[Ending]:
    """The distinct endings of a script's runs (final files, exit codes, output), the most frequent first."""
    from lab.statistics import clopper_pearson

    trials = results.trials
    own = trials[trials["script"].astype(str) == script]
    # A run that did not end left nothing that could be compared.
    keys = own["ending"].astype(object).where(own["ending"].notna(), own["outcome"].astype(object))
    found = []
    for _, alike in own.groupby(keys, sort=False):
        first = alike.iloc[0]
        told = first["told"] if isinstance(first["told"], str) else first["detail"]
        low, high = clopper_pearson(len(alike), len(own))
        found.append(Ending(first["outcome"], told, len(alike), len(alike) / len(own), float(low), float(high)))
    return sorted(found, key=lambda ending: -ending.runs)


class Difference(NamedTuple):
    """What the second of two scripts has more of violations (a difference of rates) and of wall time (a ratio)."""

    rate: float
    rate_low: float
    rate_high: float
    ratio: float
    ratio_low: float
    ratio_high: float


def difference(results: Results, first: str, second: str) -> Difference:
    """The second script against the first.

    The interval of the difference of rates is that of `difference_interval`; that of the ratio of median wall times
    resamples blocks of trials, in which the scripts were run in turn.
    """
    from lab import medians
    from lab.statistics import difference_interval

    cells = {cell["script"]: cell for cell in rows(results.summary)}
    a, b = cells[first], cells[second]
    rates = difference_interval(_rate_of(a), _rate_of(b))
    low, high = medians.median_ratio_interval(_sketch(results, second), _sketch(results, first))
    walls = [math.nan if cell["wall_median_s"] is None else cell["wall_median_s"] for cell in (b, a)]
    ratio = walls[0] / walls[1]
    return Difference(*rates, ratio, low, high)


def _rate_of(cell: Row) -> tuple[float, float, float]:
    return cell["violation_rate"], cell["violation_low"], cell["violation_high"]


def _sketch(results: Results, script: str) -> BlockSketch:
    import numpy as np

    from lab import medians

    trials = results.trials
    own = trials[(trials["script"].astype(str) == script) & trials["wall_s"].notna()]
    walls = own["wall_s"].to_numpy(dtype=float)
    return medians.block_sketch(walls, own["block"].to_numpy(dtype=np.int64), np.sort(walls))
