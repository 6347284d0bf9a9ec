"""Sections a second over the number of processes: which way of sharing state scales, and which waits in line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lab.plots import cells as of
from lab.plots import scales, sheet
from lab.plots.speed import throughput, timed
from lab.plots.style import guard_style, handle, mark, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The guard has the colour, the mark and the line; the store is told by how the mark is filled.
_FILLS = ("full", "none", "left", "top", "right", "bottom")


@styled()
def throughput_over_processes(summary: pd.DataFrame) -> Figure | None:
    """Throughput over processes, a line a store and guard; None where there are fewer than three process counts."""
    cells = [cell for cell in of.rows(summary) if timed(cell)]
    split = of.panels(cells, ("guard", "store", "processes"))
    panels = [panel for panel in split if len(of.distinct(panel.cells, "processes")) > 2]
    if not panels:
        return None
    shown = [cell for panel in panels for cell in panel.cells]
    stores = of.distinct(shown, "store")
    figure, axes = sheet.grid(panels, 3.4 if len(panels) == 1 else 2.2)
    for panel, one in zip(panels, axes, strict=True):
        alike = [cell for cell in shown if cell["scenario"] == panel.cells[0]["scenario"]]
        scales.log_axis(one, "y", [speed for cell in alike for speed in throughput(cell)])
        _process_axis(one, of.distinct(panel.cells, "processes"), 0.06 * sheet.columns_of(panels))
        _draw(one, panel.cells, stores)
    sheet.label_outer(axes, "processes (count, log)", "throughput (sections/s, log)")
    sheet.finish(figure, _words(shown), _handles(shown, stores))
    return figure


def _process_axis(axes: Axes, counts: Sequence[int], gap: float) -> None:
    from math import log

    axes.set_xscale("log")
    places = [log(count / counts[0]) / log(counts[-1] / counts[0]) for count in counts]
    scales.fixed_ticks(axes, "x", [counts[index] for index in scales.spaced(places, gap)])
    stretch = (counts[-1] / counts[0]) ** 0.04
    axes.set_xlim(counts[0] / stretch, counts[-1] * stretch)


def _fill(store: str, stores: Sequence[str]) -> dict[str, Any]:
    return {"fillstyle": _FILLS[stores.index(store) % len(_FILLS)], "markerfacecoloralt": "white"}


def _draw(axes: Axes, cells: Sequence[of.Row], stores: Sequence[str]) -> None:
    lines: dict[tuple[str, str], list[of.Row]] = {}
    for cell in sorted(cells, key=lambda cell: int(cell["processes"])):
        lines.setdefault((cell["store"], cell["guard"]), []).append(cell)
    for (store, guard), own in lines.items():
        style = guard_style(guard)
        points = [(cell["processes"], throughput(cell)[1]) for cell in own]
        axes.plot(*zip(*points, strict=True), color=style.colour, linestyle=style.line)
        for cell in own:
            low, median, high = throughput(cell)
            mark(axes, guard, (cell["processes"], median), y_interval=(low, high), **_fill(store, stores))


def _handles(cells: Sequence[of.Row], stores: Sequence[str]) -> list[Any]:
    pairs = dict.fromkeys((cell["store"], cell["guard"]) for cell in cells)
    several = len(stores) > 1
    return [
        handle(guard, f"{store} + {guard}" if store and several else guard, **_fill(store, stores))
        for store, guard in pairs
    ]


def _words(cells: Sequence[of.Row]) -> sheet.Words:
    caption = (
        f"{of.trials_text(cells)} Throughput is that of the median trial, with its 95 % interval by order statistics. "
        f"{of.left_out_text(cells, cells)}"
    )
    return sheet.Words("Throughput by number of processes", of.shared_by_all(cells), caption.strip())
