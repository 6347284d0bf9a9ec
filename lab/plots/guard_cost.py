"""What each guard costs: how many times as long a trial takes as without a guard, which is fast and wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.plots import cells as of
from lab.plots import scales, sheet
from lab.plots.guard_rows import in_rows, name_rows
from lab.plots.style import GREY, mark, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NUMBERS = ("slowdown", "slowdown_low", "slowdown_high")


@styled()
def slowdown(summary: pd.DataFrame) -> Figure | None:
    """Slowdown of each guard with its interval; None if nothing was measured against an unguarded run."""
    guarded = [cell for cell in of.rows(summary) if cell["guard"] != "none"]
    cells = [cell for cell in guarded if of.has(cell, *_NUMBERS) and all(cell[name] > 0 for name in _NUMBERS)]
    if not cells:
        return None
    panels = of.panels(cells, ("guard", "processes"))
    figure, axes = sheet.stack(panels, [len(panel.cells) for panel in panels], 0.2)
    values = [1.0, *(cell[name] for cell in cells for name in _NUMBERS)]
    for panel, one in zip(panels, axes, strict=True):
        scales.log_axis(one, "x", values, most=8)
        _draw(one, in_rows(panel.cells))
    axes[-1].set_xlabel("slowdown (times the unguarded wall time, log)")
    sheet.finish(figure, _words(guarded, cells))
    return figure


def _draw(axes: Axes, rows: Sequence[of.Row]) -> None:
    name_rows(axes, rows, [_text(cell) for cell in rows])
    axes.axvline(1, color=GREY, linewidth=1, linestyle=(0, (4, 2)))
    for place, cell in enumerate(rows):
        interval = (cell["slowdown_low"], cell["slowdown_high"])
        mark(axes, cell["guard"], (cell["slowdown"], place), x_interval=interval)


def _text(cell: of.Row) -> str:
    from math import ceil, floor

    # Bounds are rounded outward.
    digits = 2 if cell["slowdown_high"] < 10 else 1
    low, high = floor(cell["slowdown_low"] * 10**digits), ceil(cell["slowdown_high"] * 10**digits)
    return f"{low / 10**digits:.{digits}f} to {high / 10**digits:.{digits}f} times"


def _words(guarded: Sequence[of.Row], cells: Sequence[of.Row]) -> sheet.Words:
    caption = (
        "Against the unguarded, incorrect run of the same trials (dashed line at 1). "
        f"{of.trials_text(cells)} Marks and numbers at the right: 95 % intervals by resampling "
        f"blocks of the paired trials. {of.left_out_text(guarded, cells, 'an interval')}"
    )
    return sheet.Words("What each guard costs", of.shared_by_all(cells), caption.strip())
