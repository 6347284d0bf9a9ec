"""Cells of a summary as rows, split into panels, and what titles and captions say of them. Knows no matplotlib.

A panel never mixes cells that differ in anything but what its picture compares, such as guards; alignment above all.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lab import delays
from lab.plots.style import shortened
from lab.rows import IDENTITY, Row, described, differing, rows

__all__ = ["IDENTITY", "Panel", "Row", "described", "rows"]


@dataclass(frozen=True, slots=True)
class Panel:
    """The cells that share an axes: its title, and their values of the columns that tell panels apart."""

    title: str
    key: tuple[Any, ...]
    cells: list[Row]


def has(cell: Row, *names: str) -> bool:
    """True if the cell has a finite number in each of these columns."""
    return all(cell.get(name) is not None and math.isfinite(cell[name]) for name in names)


def mean_delay(cell: Row) -> float:
    """Mean of its main delays in seconds, of the longest where they differ; 0 if it has none."""
    return max((delays.parse(text).mean for text in cell["delay"].split(" + ") if text), default=0.0)


def distinct(cells: Iterable[Row], name: str) -> list[Any]:
    """The values of a column, each once: counts and delays in their order, others as they come."""
    order: dict[Any, float] = {}
    for cell in cells:
        order.setdefault(cell[name], mean_delay(cell) if name == "delay" else len(order))
    return sorted(order) if name == "processes" else sorted(order, key=lambda value: order[value])


def panels(cells: Sequence[Row], compared: Sequence[str]) -> list[Panel]:
    """The cells split by everything that differs, but for the columns compared inside a panel."""
    split = _splitting(cells, compared)
    ranks = [{value: rank for rank, value in enumerate(distinct(cells, name))} for name in split]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for cell in cells:
        groups.setdefault(tuple(cell[name] for name in split), []).append(cell)
    keys = sorted(groups, key=lambda key: [rank[value] for rank, value in zip(ranks, key, strict=True)])
    return [Panel(_title(split, key), key, groups[key]) for key in keys]


def _splitting(cells: Sequence[Row], compared: Sequence[str]) -> list[str]:
    """Columns that must tell panels apart: not those that follow from the ones before, as read_delay from delay."""
    split: list[str] = []
    for name in IDENTITY:
        # Alignment stands in the title even where another column tells the same cells apart.
        given = [] if name == "alignment" else split
        if name not in compared and _differs(cells, name, given):
            split.append(name)
    given = ["scenario", *(name for name in compared if name in IDENTITY)]
    return split + [name for name in _differing(cells) if _differs(cells, name, given)]


def _differing(cells: Sequence[Row]) -> list[str]:
    """The parameters in which cells of one scenario differ, whatever else does: a title must name them."""
    by_scenario = [[cell for cell in cells if cell["scenario"] == name] for name in distinct(cells, "scenario")]
    return list(dict.fromkeys(name for alike in by_scenario for name in differing(alike)))


def _differs(cells: Sequence[Row], name: str, given: Sequence[str]) -> bool:
    """True if the column differs between cells that have the same values in the given ones."""
    seen: dict[tuple[Any, ...], Any] = {}
    return any(seen.setdefault(tuple(cell[key] for key in given), cell[name]) != cell[name] for cell in cells)


def _title(names: Sequence[str], values: Sequence[Any]) -> str:
    parts = filter(None, (_part(name, value) for name, value in zip(names, values, strict=True)))
    # Titles are wrapped between parts, not within: these spaces don't break.
    return ", ".join(part.replace(" ", "\N{NO-BREAK SPACE}") for part in parts)


def _part(name: str, value: Any) -> str:
    text = described(name, value)
    return text if name == "delay" else shortened(text, 40)


def shared_by_all(cells: Sequence[Row]) -> str:
    """What the cells have in common, for the line under a picture's title."""
    same = [name for name in IDENTITY if name != "start_method" and len(distinct(cells, name)) == 1]
    return " · ".join(filter(None, (_part(name, cells[0][name]) for name in same)))


def trials_text(cells: Sequence[Row]) -> str:
    """How many trials a cell has, for a caption."""
    fewest, most = (int(pick(cell["trials"] for cell in cells)) for pick in (min, max))
    return f"n = {fewest:,} trials a cell." if fewest == most else f"n = {fewest:,} to {most:,} trials a cell."


_INTERVALS = {
    "exact": "exact binomial",
    "clustered": "cluster-robust (blocks of trials differ)",
    "sequential": "sequentially valid",
    "sequential clustered": "sequentially valid and cluster-robust (blocks of trials differ)",
}


def intervals_text(cells: Sequence[Row]) -> str:
    """Of which kind the intervals of the rates are, for a caption; how many of each if there are several kinds."""
    kinds = Counter(_INTERVALS.get(cell["interval"], str(cell["interval"])) for cell in cells)
    if len(kinds) == 1:
        return f"95 % intervals of the rates: {next(iter(kinds))}."
    counted = ", ".join(f"{kind} in {count}" for kind, count in sorted(kinds.items()))
    return f"95 % intervals of the rates: {counted} of {len(cells)} cells."


def left_out_text(all_cells: Sequence[Row], shown: Sequence[Row], lacking: str = "a wall time") -> str:
    """What the picture can't show, for a caption: cells that lack a number, and trials that did not finish."""
    cells = len(all_cells) - len(shown)
    excluded = int(sum(cell["excluded"] or 0 for cell in shown))
    parts = []
    if cells:
        parts.append(f"{cells} {'cell' if cells == 1 else 'cells'} without {lacking}")
    if excluded:
        parts.append(f"{excluded:,} {'trial' if excluded == 1 else 'trials'} in which an actor did not finish")
    return f"Left out: {' and '.join(parts)}." if parts else ""
