"""How long a trial takes: the share of trials done after a time, a line a guard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.plots import cells as of
from lab.plots import scales, sheet
from lab.plots.speed import timed
from lab.plots.style import guard_handles, guard_style, mark, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_COUNTS = 4

Curve = list[tuple[float, float]]
"""Wall time in seconds and the share of trials that take at most as long, rising."""


@styled()
def wall_time(summary: pd.DataFrame, quantiles: pd.DataFrame) -> Figure | None:
    """Distribution of the wall time, a panel a scenario and process count; None if no trial finished.

    Of more than four process counts the smallest, the middle and the largest are drawn.
    """
    cells = of.rows(summary)
    curves = _curves(quantiles)
    counts = of.distinct(cells, "processes")
    cells = [cell for cell in cells if cell["processes"] in _some(counts)]
    shown = [cell for cell in cells if timed(cell) and cell["cell_id"] in curves]
    if not shown:
        return None
    panels = of.panels(shown, ("guard",))
    figure, axes = sheet.grid(panels, 3.2 if len(panels) == 1 else 1.9)
    factor, unit = scales.time_unit([cell["wall_median_s"] for cell in shown])
    for panel, one in zip(panels, axes, strict=True):
        times = [time * factor for cell in _alike(panel.cells[0], shown) for time, _ in curves[cell["cell_id"]]]
        scales.log_axis(one, "x", times, most=sheet.ticks_that_fit(panels))
        scales.percent_axis(one, "y")
        _draw(one, panel.cells, curves, factor)
    sheet.label_outer(axes, f"wall time of a trial ({unit}, log)", "trials done (%)")
    sheet.finish(figure, _words(cells, shown, len(counts)), guard_handles(of.distinct(shown, "guard")))
    return figure


def _some(counts: Sequence[int]) -> Sequence[int]:
    """The process counts to show: all, or if these are many the smallest, the middle and the largest."""
    return counts if len(counts) <= _MOST_COUNTS else [counts[0], counts[len(counts) // 2], counts[-1]]


def _alike(cell: of.Row, cells: Sequence[of.Row]) -> list[of.Row]:
    """The cells whose panels have the same time axis, to be compared by eye."""
    return [other for other in cells if all(other[name] == cell[name] for name in ("scenario", "delay"))]


def _curves(quantiles: pd.DataFrame) -> dict[str, Curve]:
    curves: dict[str, Curve] = {}
    columns = (quantiles[name].tolist() for name in ("cell_id", "probability", "wall_s"))
    for cell_id, probability, time in zip(*columns, strict=True):
        # A logarithm has no place for the 0 that a trial takes in virtual time.
        if time is not None and time > 0:
            curves.setdefault(cell_id, []).append((time, probability))
    return {cell_id: sorted(curve) for cell_id, curve in curves.items()}


def _draw(axes: Axes, cells: Sequence[of.Row], curves: dict[str, Curve], factor: float) -> None:
    for cell in cells:
        style = guard_style(cell["guard"])
        curve = curves[cell["cell_id"]]
        times, shares = [time * factor for time, _ in curve], [share for _, share in curve]
        axes.plot(times, shares, color=style.colour, linestyle=style.line)
    for cell in cells:
        low, median, high = (cell[f"wall_{end}_s"] * factor for end in ("low", "median", "high"))
        mark(axes, cell["guard"], (median, 0.5), x_interval=(low, high))


def _words(cells: Sequence[of.Row], shown: Sequence[of.Row], counts: int) -> sheet.Words:
    some = f"Of {counts} process counts, three are shown. " if counts > _MOST_COUNTS else ""
    caption = (
        f"{some}"
        f"{of.trials_text(shown)} Marks: medians, with 95 % intervals by order statistics. "
        f"{of.left_out_text(cells, shown)}"
    )
    return sheet.Words("How long a trial takes", of.shared_by_all(shown), caption.strip())
