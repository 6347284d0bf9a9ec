"""Axes that carry their units: logarithmic ones with few round ticks, rates in percent, times in a fitting unit."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from lab.plots.style import number_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STEPS = ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))
_MARGIN = 1.06


def log_limits(values: Iterable[float]) -> tuple[float, float]:
    """The round numbers just outside some positive values."""
    found = list(values)
    low, high = min(found) / _MARGIN, max(found) * _MARGIN
    around = _round_numbers(low / 10, high * 10, _STEPS[0])
    return max(n for n in around if n <= low), min(n for n in around if n >= high)


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from `low` to `high`, as many as fit; whole decades, or some of them, if the range is wide."""
    for steps in _STEPS:
        ticks = _round_numbers(low, high, steps)
        if len(ticks) <= most:
            return ticks
    return ticks[:: math.ceil(len(ticks) / most)]


def _round_numbers(low: float, high: float, steps: Sequence[float]) -> list[float]:
    exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    # By way of text, since 3 * 10**-1 is not 0.3.
    numbers = (float(f"{step}e{exponent}") for exponent in exponents for step in steps)
    return [number for number in numbers if low <= number <= high]


def log_axis(axes: Axes, which: Literal["x", "y"], values: Iterable[float], most: int = 6) -> None:
    """Make an axis logarithmic, with limits and ticks at round numbers outside all values."""
    limits = log_limits(values)
    if which == "x":
        axes.set_xscale("log")
        axes.set_xlim(*limits)
    else:
        axes.set_yscale("log")
        axes.set_ylim(*limits)
    fixed_ticks(axes, which, log_ticks(*limits, most))


def fixed_ticks(axes: Axes, which: Literal["x", "y"], places: Sequence[float], texts: Sequence[str] = ()) -> None:
    """Ticks at these places only, with these texts or the numbers themselves."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(places))
    axis.set_major_formatter(FixedFormatter(list(texts) or [number_text(place) for place in places]))
    axis.set_minor_locator(NullLocator())


def percent_axis(axes: Axes, which: Literal["x", "y"], margin: float = 0.05) -> None:
    """From 0 to 100 %, with room for a mark at either end."""
    if which == "x":
        axes.set_xlim(-margin, 1 + margin)
    else:
        axes.set_ylim(-margin, 1 + margin)
    fixed_ticks(axes, which, (0, 0.25, 0.5, 0.75, 1), ("0", "25", "50", "75", "100"))


def spaced(places: Sequence[float], gap: float) -> list[int]:
    """Indices of places that are at least `gap` apart, given in order; the first and the last always stay."""
    kept = [0]
    for index in range(1, len(places) - 1):
        if places[index] - places[kept[-1]] >= gap and places[-1] - places[index] >= gap:
            kept.append(index)
    return kept if len(places) == 1 else [*kept, len(places) - 1]


def time_unit(seconds: Iterable[float]) -> tuple[float, str]:
    """How many of the unit that suits these times make a second, and its name."""
    times = sorted(seconds)
    middle = times[len(times) // 2]
    if middle >= 1:
        return 1.0, "s"
    return (1e3, "ms") if middle >= 1e-3 else (1e6, "µs")
