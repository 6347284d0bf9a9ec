"""How every picture looks: colours, marks, fonts, numbers as text. Knows no DataFrame and no picture.

Colours are those of Okabe and Ito (2008), which people with any of the usual colour blindnesses tell apart; marks and
line styles differ as well, so that colour alone never carries meaning.
"""

from __future__ import annotations

import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from lab.statistics import bounds_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

VERMILLION, BLUE, SKY, ORANGE, GREEN, PURPLE, BLACK = (
    "#D55E00",
    "#0072B2",
    "#56B4E9",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#000000",
)
GREY = "#595959"
DOTS = (0, (1, 1.4))
DASH_DOTS = (0, (5, 1.5, 1, 1.5, 1, 1.5))

_LOOK: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#8C8C8C",
    "axes.grid": True,
    "axes.labelcolor": "#262626",
    "axes.labelsize": 8.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.unicode_minus": False,
    "figure.dpi": 100,
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.7,
    "hatch.linewidth": 0.8,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "lines.markersize": 6,
    "savefig.dpi": 200,
    # Makes the identifiers inside an SVG the same in every run.
    "svg.hashsalt": "lab",
    # Names are the user's: a dollar sign is no formula.
    "text.parse_math": False,
    "xtick.color": "#4D4D4D",
    "xtick.labelsize": 8,
    "ytick.color": "#4D4D4D",
    "ytick.labelsize": 8,
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the look of `lab`, whatever the user's matplotlibrc says; usable as a decorator too."""
    import matplotlib as mpl

    with mpl.rc_context(), warnings.catch_warnings():
        # A scenario may have a name that the font lacks letters of; they become boxes, which is no defect of the data.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        mpl.rcdefaults()
        mpl.rcParams.update(_LOOK)
        yield


class GuardStyle(NamedTuple):
    """What a guard is drawn in, in every picture."""

    colour: str
    marker: str
    line: Any


# Guards with a number, such as semaphore(2), have a mark for each number.
_GUARDS: dict[str, tuple[str, str, Any]] = {
    "none": (VERMILLION, "X", "-"),
    "lock": (BLUE, "o", "-"),
    "rlock": (SKY, "s", "--"),
    "semaphore": (ORANGE, "^v<>", "-."),
    "bounded_semaphore": (BLACK, "P1+2", "--"),
    "file_lock": (GREEN, "D", "-."),
    "queue": (PURPLE, "p", "-"),
    "pipe": (BLACK, "d", DOTS),
    "optimistic": (PURPLE, "*", "--"),
    "transaction": (GREEN, "h", DOTS),
    "pool": (SKY, "H8ph", "-."),
    "event": (BLUE, "d", DASH_DOTS),
}


def guard_style(guard: str) -> GuardStyle:
    """The colour, mark and line of a guard; of one that `lab` does not know, chosen by a stable hash of its name."""
    named = re.fullmatch(r"(\w+?)(?:\((\d+)\))?", guard)
    if named and named[1] in _GUARDS:
        colour, markers, line = _GUARDS[named[1]]
        return GuardStyle(colour, markers[(int(named[2] or 1) - 1) % len(markers)], line)
    number = zlib.crc32(guard.encode())
    colours, markers, lines = (BLUE, ORANGE, GREEN, PURPLE, BLACK), "os^vDPp*h", ("-", "--", "-.", DOTS)
    return GuardStyle(
        colours[number % len(colours)], markers[number // 5 % len(markers)], lines[number // 45 % len(lines)]
    )


def mark(
    axes: Axes,
    guard: str,
    at: tuple[float, float],
    *,
    x_interval: tuple[float, float] | None = None,
    y_interval: tuple[float, float] | None = None,
    is_open: bool = False,
    **look: Any,
) -> None:
    """One cell: its guard's mark, with its interval in either direction."""
    style = guard_style(guard)
    if x_interval is not None:
        axes.plot(x_interval, (at[1], at[1]), color=style.colour, linewidth=1.2, solid_capstyle="butt")
    if y_interval is not None:
        axes.plot((at[0], at[0]), y_interval, color=style.colour, linewidth=1.2, solid_capstyle="butt")
    if is_open:
        look["markerfacecolor"] = "white"
    axes.plot(
        at[:1], at[1:], linestyle="none", marker=style.marker, color=style.colour, zorder=3, clip_on=False, **look
    )


def handle(guard: str, label: str, **look: Any) -> Line2D:
    """The entry of a guard in a legend: its line with its mark."""
    from matplotlib.lines import Line2D

    style = guard_style(guard)
    look = {"linestyle": style.line, **look}
    return Line2D([], [], color=style.colour, marker=style.marker, label=shortened(label), **look)


def guard_handles(guards: list[str], **look: Any) -> list[Line2D]:
    """The legend of some guards."""
    return [handle(guard, guard, **look) for guard in guards]


def shortened(text: str, longest: int = 32) -> str:
    """The text, cut in its middle if it is long: names differ at their ends as often as at their beginnings."""
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def percent_interval(low: float, high: float) -> str:
    """An interval of a rate in percent, with the digits that tables give it."""
    lowest, highest = bounds_text(low, high)
    if low <= 0:
        return f"at most {highest} %"
    if high >= 1:
        return f"at least {lowest} %"
    return f"{lowest} to {highest} %"


def number_text(value: float) -> str:
    """A number for a tick: 0.5, 20, 10,000."""
    return f"{value:,.10g}" if abs(value) >= 1e-4 else f"{value:g}"
