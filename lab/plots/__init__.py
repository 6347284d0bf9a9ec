"""Pictures of a results folder, from its two summary files alone: cells and wall-time quantiles, never trials.

Computes no statistics. matplotlib is imported when something is drawn, so that importing this package is cheap.
Each picture is a function that returns a Figure, or None where the data have nothing to show.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import OutputError
from lab.plots.guard_cost import slowdown
from lab.plots.outcome_bars import NO_GRADES, Grades, outcomes
from lab.plots.oversell import oversell_over_delay
from lab.plots.safety import safety_vs_speed
from lab.plots.style import styled
from lab.plots.throughput import throughput_over_processes
from lab.plots.wall import wall_time

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = [
    "Grades",
    "outcomes",
    "oversell_over_delay",
    "pictures",
    "plot",
    "safety_vs_speed",
    "slowdown",
    "throughput_over_processes",
    "wall_time",
]


def plot(summary: pd.DataFrame, quantiles: pd.DataFrame, folder: Path, grades: Grades = NO_GRADES) -> list[Path]:
    """Draw every picture that the data can fill into `folder`, as SVG and PNG; returns the files written.

    `grades` tells the grade of an outcome by (scenario, outcome); of one that is missing, only `ok` is taken for fine.
    Raises OutputError if a file can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        drawn = pictures(summary, quantiles, grades)
        return [path for name, figure in drawn.items() for path in _save(figure, folder / name)]
    except OSError as error:
        raise OutputError(
            f"can't write pictures to {folder}: {error}. Make room or mend its rights, then run `lab plot` again."
        ) from error


def pictures(summary: pd.DataFrame, quantiles: pd.DataFrame, grades: Grades = NO_GRADES) -> dict[str, Figure]:
    """The figures that the data can fill, by the name of their files."""
    drawn = {
        "oversell_over_delay": oversell_over_delay(summary),
        "safety_vs_speed": safety_vs_speed(summary),
        "outcomes": outcomes(summary, grades),
        "wall_time": wall_time(summary, quantiles),
        "throughput_over_processes": throughput_over_processes(summary),
        "slowdown": slowdown(summary),
    }
    return {name: figure for name, figure in drawn.items() if figure is not None}


@styled()
def _save(figure: Figure, stem: Path) -> list[Path]:
    """Without the date, so that the same results give the same bytes."""
    vector, pixels = stem.with_suffix(".svg"), stem.with_suffix(".png")
    figure.savefig(vector, metadata={"Date": None})
    figure.savefig(pixels)
    return [vector, pixels]
