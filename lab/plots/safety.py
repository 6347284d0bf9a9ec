"""Safety against speed: how often a guard lets a trial go wrong, and how many sections a second it lets through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.plots import cells as of
from lab.plots import labels, scales, sheet
from lab.plots.speed import throughput, timed
from lab.plots.style import GREY, guard_handles, mark, shortened, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@styled()
def safety_vs_speed(summary: pd.DataFrame) -> Figure | None:
    """Violation rate over throughput, a mark a guard, at the largest process count of each scenario.

    None if no cell has a trial that finished.
    """
    candidates = _largest(of.rows(summary))
    shown = [cell for cell in candidates if timed(cell)]
    if not shown:
        return None
    panels = of.panels(shown, ("guard",))
    figure, axes = sheet.grid(panels, 3.3 if len(panels) == 1 else 2.4)
    for panel, one in zip(panels, axes, strict=True):
        scales.percent_axis(one, "y", 0.07)
        scales.log_axis(one, "x", _speeds(panel.cells), most=sheet.ticks_that_fit(panels))
        _draw(one, panel.cells)
    sheet.label_outer(axes, "throughput (sections/s, log)", "violation rate (% of trials)")
    handles = guard_handles(of.distinct(shown, "guard"), linestyle="none")
    sheet.finish(figure, _words(candidates, shown), handles)
    for panel, one in zip(panels, axes, strict=True):
        _name_guards(one, panel.cells)
    return figure


def unbeaten(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the (speed, rate of violations) that no other beats, the slowest first.

    One beats another if it is at least as fast and goes wrong at most as often, and is better in one of the two.
    """
    found = [
        index
        for index, (speed, rate) in enumerate(points)
        if not any(
            other_speed >= speed and other_rate <= rate and (other_speed, other_rate) != (speed, rate)
            for other_speed, other_rate in points
        )
    ]
    return sorted(found, key=lambda index: points[index])


def _largest(cells: Sequence[of.Row]) -> list[of.Row]:
    most: dict[str, int] = {}
    for cell in cells:
        most[cell["scenario"]] = max(cell["processes"], most.get(cell["scenario"], 0))
    return [cell for cell in cells if cell["processes"] == most[cell["scenario"]]]


def _speeds(cells: Sequence[of.Row]) -> list[float]:
    return [speed for cell in cells for speed in throughput(cell)]


def _height(cell: of.Row) -> float:
    return float(cell["violation_rate"] or cell["violation_high"])


def _draw(axes: Axes, cells: Sequence[of.Row]) -> None:
    best = unbeaten([(throughput(cell)[1], cell["violation_rate"]) for cell in cells])
    if len(best) > 1:
        places = [(throughput(cells[index])[1], _height(cells[index])) for index in best]
        axes.plot(*zip(*places, strict=True), color=GREY, linestyle=(0, (2, 2)), linewidth=1, zorder=1)
    for cell in cells:
        low, median, high = throughput(cell)
        mark(
            axes,
            cell["guard"],
            (median, _height(cell)),
            x_interval=(low, high),
            y_interval=(cell["violation_low"], cell["violation_high"]),
            is_open=cell["violation_rate"] == 0,
        )


def _name_guards(axes: Axes, cells: Sequence[of.Row]) -> None:
    points, lines = [], []
    for cell in cells:
        low, median, high = throughput(cell)
        points.append((median, _height(cell)))
        lines.append((low, _height(cell), high, _height(cell)))
        lines.append((median, cell["violation_low"], median, cell["violation_high"]))
    labels.label_points(axes, points, [shortened(cell["guard"], 24) for cell in cells], lines)


def _words(candidates: Sequence[of.Row], shown: Sequence[of.Row]) -> sheet.Words:
    counts = of.distinct(shown, "processes")
    caption = " ".join(
        filter(
            None,
            (
                "Right is fast, low is safe; no guard beats those joined by the dotted line.",
                "Each scenario at its largest number of processes." if len(counts) > 1 else "",
                of.trials_text(shown),
                of.intervals_text(shown),
                "Throughput is that of the median trial; its 95 % interval is by order statistics.",
                "An open mark: no violation seen; it stands at the upper bound of the rate.",
                of.left_out_text(candidates, shown),
            ),
        )
    )
    return sheet.Words("Safety against speed", of.shared_by_all(shown), caption)
