"""Pictures of horizontal rows: one a guard and process count, named at the left, with its number at the right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.plots import cells as of
from lab.plots import scales
from lab.plots.style import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def in_rows(cells: Sequence[of.Row]) -> list[of.Row]:
    """The cells by guard, in the order of the grid, then by process count."""
    guards = of.distinct(cells, "guard")
    return sorted(cells, key=lambda cell: (guards.index(cell["guard"]), cell["processes"]))


def name_rows(axes: Axes, rows: Sequence[of.Row], notes: Sequence[str]) -> None:
    """A row a cell from the top: its guard at the left, with the process count if it differs; a note at the right."""
    several = len(of.distinct(rows, "processes")) > 1
    counts = [f", {of.described('processes', row['processes'])}" if several else "" for row in rows]
    names = [shortened(row["guard"]) + count for row, count in zip(rows, counts, strict=True)]
    axes.set_ylim(len(rows) - 0.5, -0.5)
    scales.fixed_ticks(axes, "y", range(len(rows)), names)
    axes.tick_params(axis="y", length=0)
    for place, note in enumerate(notes):
        axes.text(1.012, place, note, transform=axes.get_yaxis_transform(), va="center_baseline", fontsize=8)
