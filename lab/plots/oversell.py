"""How often more tickets are sold than there are, over the delay in which others can read the same count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.plots import cells as of
from lab.plots import scales, sheet
from lab.plots.style import guard_handles, guard_style, mark, number_text, styled

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Guards stand side by side within this part of the distance between two delays, so that no interval hides another.
_SPREAD = 0.4
# As many letters of a tick fit into the width of the sheet.
_LETTERS = 130


@styled()
def oversell_over_delay(summary: pd.DataFrame) -> Figure | None:
    """Oversell rate over mean delay, a line a guard; None if no cells differ in their delay alone."""
    cells = [cell for cell in of.rows(summary) if of.has(cell, "oversell_rate", "oversell_low", "oversell_high")]
    panels = [panel for panel in of.panels(cells, ("guard", "delay")) if len(of.distinct(panel.cells, "delay")) > 1]
    if not panels:
        return None
    shown = [cell for panel in panels for cell in panel.cells]
    guards = of.distinct(shown, "guard")
    names, label = _delay_names(shown)
    figure, axes = sheet.grid(panels, 2.9 if len(panels) == 1 else 2.2)
    for panel, one in zip(panels, axes, strict=True):
        scales.percent_axis(one, "y")
        _delay_axis(one, [names[delay] for delay in of.distinct(panel.cells, "delay")], sheet.columns_of(panels))
        _draw(one, panel.cells, guards)
    sheet.label_outer(axes, label, "oversell rate (% of trials)")
    sheet.finish(figure, _words(shown), guard_handles(guards))
    return figure


def _delay_names(cells: Sequence[of.Row]) -> tuple[dict[str, str], str]:
    """A name for each delay and for their axis: the mean, or where two delays have the same mean, the delay's text."""
    means = {cell["delay"]: of.mean_delay(cell) for cell in cells}
    factor, unit = scales.time_unit([mean for mean in means.values() if mean > 0] or [0.0])
    names = {delay: number_text(round(mean * factor, 6)) for delay, mean in means.items()}
    if len(set(names.values())) < len(names):
        return {delay: delay for delay in means}, "delay (units as shown)"
    return names, f"mean delay ({unit})"


def _delay_axis(axes: Axes, names: Sequence[str], columns: int) -> None:
    """A place for each delay, and a name for as many as fit."""
    axes.set_xlim(-0.5, len(names) - 0.5)
    room = _LETTERS / columns / (max(map(len, names)) + 2)
    kept = scales.spaced(range(len(names)), len(names) / room)
    scales.fixed_ticks(axes, "x", kept, [names[place] for place in kept])


def _draw(axes: Axes, cells: Sequence[of.Row], guards: Sequence[str]) -> None:
    delays = of.distinct(cells, "delay")
    for number, guard in enumerate(guards):
        aside = _SPREAD * ((number + 0.5) / len(guards) - 0.5)
        own = {delays.index(cell["delay"]) + aside: cell for cell in cells if cell["guard"] == guard}
        places, style = sorted(own), guard_style(guard)
        rates = [own[x]["oversell_rate"] for x in places]
        axes.plot(places, rates, color=style.colour, linestyle=style.line, alpha=0.7)
        for x, cell in own.items():
            low, high, rate = cell["oversell_low"], cell["oversell_high"], cell["oversell_rate"]
            # Nothing seen is not nothing there: what was shown is the upper bound.
            mark(axes, guard, (x, rate or high), y_interval=(low, high), is_open=rate == 0)


def _words(cells: Sequence[of.Row]) -> sheet.Words:
    caption = (
        f"{of.trials_text(cells)} {of.intervals_text(cells)} "
        "An open mark: not seen once; it stands at the upper bound of the rate. Delays are evenly spaced, not to scale."
    )
    return sheet.Words("How often tickets are oversold, by delay", of.shared_by_all(cells), caption)
