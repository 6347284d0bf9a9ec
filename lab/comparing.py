"""Compare two results folders cell by cell: is the second worse, better or the same, or can nobody tell?

Knows no terminal: what it finds are plain values.
"""

from __future__ import annotations

import math
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lab import archive
from lab.environment import environment_of
from lab.errors import OutputError, UsageError
from lab.rows import IDENTITY, Row, described, differing, parameters, rows
from lab.scenarios import SCRIPT

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from lab.medians import BlockSketch

BASELINES = Path("results") / "baselines"
"""Where `lab run --save-baseline NAME` keeps its copies."""

_LEVEL = 0.05
_SIZES = (1e-4, 0.5)
_PLACE = ("processor", "cores", "usable_cores", "machine", "memory_gib")
_SOFTWARE = ("system", "python", "packages", "file_system")
_LOAD = 0.5
"""Processes that were busy beside the one, and not beside the other: from so many on it is said."""

Call = Literal["worse", "better", "same", "can't tell"]


@dataclass(frozen=True, slots=True)
class Change:
    """How a number of a cell differs between the two folders.

    Of a rate `first` and `second` are shares in [0, 1], and `change` is their difference; of a wall time they are
    medians in seconds, and `change` is their ratio. `low` and `high` bound the change (95 %; nan: unknown). `p` is the
    exact test's, adjusted for the number of cells; None where none is made. `why` says what a call rests on.
    """

    first: float
    second: float
    change: float
    low: float
    high: float
    call: Call
    why: str = ""
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """A cell that both folders have: its name, its trials and lanes in each, and how rate and wall time differ."""

    cell: str
    trials: tuple[int, int]
    lanes: tuple[int, int]
    rate: Change
    wall: Change

    @property
    def call(self) -> Call:
        """The worst of the two."""
        calls = (self.rate.call, self.wall.call)
        return next(call for call in _WORST_FIRST if call in calls)


_WORST_FIRST: tuple[Call, ...] = ("worse", "can't tell", "better", "same")


@dataclass(frozen=True, slots=True)
class Comparison:
    """All cells of two folders. `machines` are differences of the machines they were measured on, `remarks` others."""

    names: tuple[str, str]
    rate_size: float
    wall_size: float
    machines: tuple[str, ...]
    remarks: tuple[str, ...]
    cells: tuple[Compared, ...]

    @property
    def call(self) -> Call:
        """`worse` if any cell is, else `can't tell` if of any nobody can."""
        calls = [cell.call for cell in self.cells]
        return next(call for call in _WORST_FIRST if call in calls)


def compare(a: str | Path, b: str | Path, *, rate_size: float = 0.01, wall_size: float = 0.1) -> Comparison:
    """The second folder against the first, cell by cell; each is a results folder, or the name of a saved baseline.

    A cell is worse if its rate of violations has grown by at least `rate_size`, or its median wall time by at least the
    share `wall_size`, and chance is no explanation: the interval of the change excludes none, also when it is made
    wider for the number of cells (Bonferroni), and so does, of rates, an exact test (Fisher's, adjusted by Holm). It is
    the same if the interval lies within these sizes. UsageError if the two have no cell in common.
    """
    for name, size in (("rate", rate_size), ("wall", wall_size)):
        if not _SIZES[0] <= size <= _SIZES[1]:
            raise UsageError(f"--{name} {size:.3g}: expected a share from 0.01% to 50%. Try --{name} 5%.")
    first, second = _Folder(resolved(a)), _Folder(resolved(b))
    if first.folder.resolve() == second.folder.resolve():
        raise UsageError(f"expected two measurements, found {first.folder} twice.")
    common = [key for key in first.cells if key in second.cells]
    if not common:
        raise UsageError(
            f"{a} and {b} have no cell in common: expected two measurements of the same scenarios, guards, stores, "
            f"processes and delays. `lab summary` shows what each has."
        )
    cells = compared([(first.cells[key], second.cells[key]) for key in common], rate_size, wall_size)
    remarks = tuple(_remarks(first, second, (str(a), str(b))))
    return Comparison((str(a), str(b)), rate_size, wall_size, tuple(_machines(first, second)), remarks, cells)


def compared(pairs: Sequence[tuple[Measured, Measured]], rate_size: float, wall_size: float) -> tuple[Compared, ...]:
    """The second of each pair against the first, all of them together."""
    confidence = 1 - _LEVEL / (2 * len(pairs))
    is_sequential = any(cell.is_sequential for pair in pairs for cell in pair)
    p_values = [None] * len(pairs) if is_sequential else _p_values(pairs)
    names = _names([one.row for one, _ in pairs])
    return tuple(
        Compared(
            name,
            (one.trials, other.trials),
            (one.lanes, other.lanes),
            _rate_change(one, other, p, rate_size, confidence),
            _wall_change(one, other, wall_size, confidence),
        )
        for name, (one, other), p in zip(names, pairs, p_values, strict=True)
    )


def save_baseline(folder: Path, name: str) -> Path:
    """Copy a results folder into `results/baselines`, to be compared with by its name; OutputError if there is one."""
    place = baseline_folder(name)
    try:
        shutil.copytree(folder, place)
    except OSError as error:
        raise OutputError(f"can't write {place}: {error}. The results are in {folder}.") from error
    return place


def baseline_folder(name: str) -> Path:
    """Where a new baseline goes; UsageError if the name is none, OutputError if it is taken."""
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise UsageError(f"--save-baseline {name!r}: expected a name of letters, digits, - and _. Try monday.")
    place = BASELINES / name
    if place.exists():
        raise OutputError(f"{place} exists, and nothing is overwritten. Remove it, or try another name.")
    return place


def resolved(name: str | Path) -> Path:
    """The folder that is meant: a results folder, or a saved baseline of this name; UsageError if there is none."""
    folder = Path(name)
    if folder.exists():
        return folder
    if (BASELINES / folder).exists():
        return BASELINES / folder
    saved = sorted(path.name for path in BASELINES.glob("*")) if BASELINES.exists() else []
    known = f"; baselines here: {', '.join(saved)}" if saved else ""
    raise UsageError(
        f"{name}: expected a results folder or a saved baseline, found neither{known}. "
        "`lab run --save-baseline NAME` saves one."
    )


# What a folder holds ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """What is compared of a cell: events and trials of each cluster, and its wall times by block."""

    row: Row
    events: NDArray[np.int64]
    sizes: NDArray[np.int64]
    median_s: float
    walls: BlockSketch
    is_sequential: bool

    @property
    def trials(self) -> int:
        """All of them."""
        return int(self.sizes.sum())

    @property
    def lanes(self) -> int:
        """How many trials went on side by side."""
        return int(self.row["lanes"])

    @property
    def rate(self) -> float:
        """The share of violations."""
        return float(self.events.sum() / self.sizes.sum())


class _Folder:
    """A results folder."""

    def __init__(self, folder: Path) -> None:
        from lab import verbs

        self.folder = folder
        self.experiment = archive.experiment_of(folder)
        self.is_sequential = self.experiment.until_width is not None
        by_id = {row["cell_id"]: row for row in rows(verbs.open_results(folder).summary)}
        if not archive.done(folder):
            raise UsageError(
                f"{folder} has a summary and no trials, which it takes to compare. Measure them: "
                f"lab run {folder / 'experiment.toml'}."
            )
        cells = archive.read_cells(folder)
        found = ((by_id[cell["cell_id"]], frame) for cell, frame in cells if cell["cell_id"] in by_id)
        self.cells = {_key(row): measured(row, frame, is_sequential=self.is_sequential) for row, frame in found}

    @cached_property
    def environment(self) -> Mapping[str, Any]:
        return environment_of(self.folder)


def _key(row: Row) -> tuple[object, ...]:
    """What makes it the same cell. Of a script that is its name, wherever it and its files lie."""
    if row["scenario"] == SCRIPT:
        return SCRIPT, Path(row["script"]).name, row.get("arguments")
    names = {*parameters([row]), *_IDENTITY}
    return tuple((name, row[name]) for name in sorted(names))


_IDENTITY = {*IDENTITY, "guard"}


def measured(row: Row, frame: pd.DataFrame, *, is_sequential: bool = False) -> Measured:
    """The digest of a cell's row in the summary, and of its trials."""
    import numpy as np

    from lab import medians
    from lab.summary import clusters_of

    codes = clusters_of(frame)
    sizes = np.bincount(codes)
    events = np.bincount(codes[frame["violation"].to_numpy(dtype=bool)], minlength=sizes.size)
    walls = frame["wall_s"].to_numpy(dtype=float, na_value=math.nan)
    is_finished = ~np.isnan(walls)
    ordered = np.sort(walls[is_finished])
    blocks = frame["block"].to_numpy(dtype=np.int64)[is_finished]
    sketch = medians.block_sketch(walls[is_finished], blocks, ordered)
    return Measured(row, events, sizes, medians.median_interval(ordered).median, sketch, is_sequential)


def _names(cells: list[Row]) -> list[str]:
    """What tells the cells apart, in words."""
    told = ["store", "processes", "delay", *differing(cells)]
    if {cell["alignment"] for cell in cells} != {"natural"}:
        told.append("alignment")
    return [_name(cell, told) for cell in cells]


def _name(cell: Row, told: list[str]) -> str:
    if cell["scenario"] == SCRIPT:
        return Path(cell["script"]).name
    words = [described(name, cell[name]) for name in told]
    return ", ".join(filter(None, [f"{cell['scenario']} {cell['guard']}", *words]))


# How two cells differ -----------------------------------------------------------------------------------------------


def _rate_change(first: Measured, second: Measured, p: float | None, size: float, confidence: float) -> Change:
    from lab.statistics import CONFIDENCE, difference_interval, rate_interval

    def interval(level: float) -> tuple[float, float, float]:
        rates = [
            (cell.rate, *rate_interval(cell.events, cell.sizes, level, cell.is_sequential)[:2])
            for cell in (first, second)
        ]
        return difference_interval(rates[0], rates[1])

    change, low, high = interval(CONFIDENCE)
    if lone := _only_one_crew(first, second):
        return Change(first.rate, second.rate, change, low, high, "can't tell", lone, p)
    is_no_chance = _excludes(0, low, high) and _excludes(0, *interval(confidence)[1:]) and (p is None or p < _LEVEL)
    call = _call(change, low, high, size, is_no_chance)
    why = _too_few(first, second, high - low, size) if call == "can't tell" else ""
    return Change(first.rate, second.rate, change, low, high, call, why, p)


def _only_one_crew(first: Measured, second: Measured) -> str:
    """Why nothing can be said where a rate is that of one crew, and other crews may have others."""
    is_lone = any(
        cell.row["engine"] == "real" and cell.sizes.size < 2 and 0 < cell.rate < 1 for cell in (first, second)
    )
    return "one crew measured it, and crews differ: more trials" if is_lone else ""


def _wall_change(first: Measured, second: Measured, size: float, confidence: float) -> Change:
    from lab.medians import median_ratio_interval

    a, b = first.median_s, second.median_s
    if a == b == 0:
        return Change(a, b, 1.0, 1.0, 1.0, "same", "in virtual time both take none")
    if math.isnan(a) and math.isnan(b):
        return Change(a, b, math.nan, math.nan, math.nan, "same", "no trial came to its end in either")
    ratio = b / a if a else math.nan
    low, high = median_ratio_interval(second.walls, first.walls)
    if not (ratio > 0 and 0 < low <= high < math.inf):
        return Change(a, b, ratio, math.nan, math.nan, "can't tell", "it takes two blocks of finished trials in each")
    # The wider one takes as long again, and is asked only where it may decide.
    is_no_chance = _excludes(1, low, high) and _excludes(
        1, *median_ratio_interval(second.walls, first.walls, confidence)
    )
    # A ratio and its inverse are one change: on a log scale all is as with a difference.
    call = _call(math.log(ratio), math.log(low), math.log(high), math.log1p(size), is_no_chance)
    why = _too_few(first, second, math.log(high / low), math.log1p(size)) if call == "can't tell" else ""
    lanes = max(first.lanes, second.lanes), min(first.lanes, second.lanes)
    if call in ("worse", "better") and lanes[0] != lanes[1]:
        # What is measured side by side may take some percent longer, and the number of lanes is chosen anew each time.
        call, why = "can't tell", f"{lanes[0]} lanes and {lanes[1]}: try both with --lanes {lanes[1]}"
    return Change(a, b, ratio, low, high, call, why)


def _excludes(none: float, low: float, high: float) -> bool:
    return low > none or high < none


def _call(change: float, low: float, high: float, size: float, is_no_chance: bool) -> Call:
    if is_no_chance and abs(change) >= size:
        return "worse" if change > 0 else "better"
    return "same" if -size <= low and high <= size else "can't tell"


def _too_few(first: Measured, second: Measured, width: float, size: float) -> str:
    """How many trials may do: widths shrink with their root, and that of no change must fit within the sizes."""
    times = (width / (2 * size)) ** 2
    needed = max(first.trials, second.trials) * max(times, 1.1)
    return f"n too small, about {float(f'{needed:.2g}'):,.0f} may do"


def _p_values(pairs: Sequence[tuple[Measured, Measured]]) -> list[float]:
    from lab.statistics import fisher_exact, holm

    return holm([fisher_exact(_whole(one), _whole(other)) for one, other in pairs])


def _whole(cell: Measured) -> tuple[int, int]:
    """Events and trials for a test that takes whole ones: as many independent trials as these clusters are worth."""
    from lab.statistics import effective

    events, trials, _ = effective(cell.events, cell.sizes)
    size = max(1, math.floor(trials))
    return min(size, round(events / trials * size)), size


# What else differs --------------------------------------------------------------------------------------------------


def _machines(first: _Folder, second: _Folder) -> Iterator[str]:
    # Virtual time passes alike on every machine, however busy it is.
    is_virtual = first.experiment.engine == second.experiment.engine == "simulated"
    for name in _SOFTWARE if is_virtual else (*_PLACE, *_SOFTWARE):
        one, other = first.environment.get(name), second.environment.get(name)
        if name == "packages":
            yield from _packages(one or {}, other or {})
        elif one != other:
            yield f"{name.replace('_', ' ')}: {one} and {other}"
    loads = [float(folder.environment.get("load_before") or 0) for folder in (first, second)]
    if not is_virtual and abs(loads[0] - loads[1]) > _LOAD:
        yield f"load before: {loads[0]:.2f} and {loads[1]:.2f}"


def _packages(one: Mapping[str, str], other: Mapping[str, str]) -> Iterator[str]:
    for name in dict.fromkeys([*one, *other]):
        if one.get(name) != other.get(name):
            yield f"{name}: {one.get(name)} and {other.get(name)}"


def _remarks(first: _Folder, second: _Folder, names: tuple[str, str]) -> Iterator[str]:
    for mine, theirs, name in ((first, second, names[0]), (second, first, names[1])):
        lone = [cell.row for key, cell in mine.cells.items() if key not in theirs.cells]
        if lone:
            shown = "; ".join(_names(lone)[:3]) + ("; …" if len(lone) > 3 else "")
            yield f"{len(lone)} {'cell' if len(lone) == 1 else 'cells'} only in {name}: {shown}"
    if first.experiment.seed != second.experiment.seed:
        yield f"seeds differ ({first.experiment.seed} and {second.experiment.seed}): other delays were drawn"
    if first.is_sequential or second.is_sequential:
        yield "trials were stopped by what they showed: intervals hold at every stop, and no exact test is made"
