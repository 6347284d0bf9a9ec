"""The sheet that a picture is drawn on: a grid of panels between a title with its legend above and a caption below.

Measures what it writes, so that nothing overlaps whatever the names. Knows no column of the results.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.plots.cells import Panel
from lab.plots.style import GREY

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 8.0
"""Inches: 800 pixels, the width of a README."""
_EDGE = 0.12
_GAP = 0.07
_TITLE_LETTERS = {1: 90, 2: 42, 3: 27}


@dataclass(frozen=True, slots=True)
class Words:
    """What stands around the panels."""

    title: str
    subtitle: str
    caption: str


def grid(panels: Sequence[Panel], panel_height: float) -> tuple[Figure, list[Axes]]:
    """A figure with an axes for each panel, titled, of this height in inches."""
    columns = columns_of(panels)
    lines = -(-len(panels) // columns)
    figure, cells = _figure(lines, columns, panel_height * lines)
    axes = [figure.add_subplot(cells[index // columns, index % columns]) for index in range(len(panels))]
    for panel, one in zip(panels, axes, strict=True):
        _entitle(one, panel.title, _TITLE_LETTERS[columns])
    return figure, axes


def stack(panels: Sequence[Panel], rows: Sequence[int], row_height: float) -> tuple[Figure, list[Axes]]:
    """A figure with an axes under another for each panel, as high as its rows need."""
    # A row's worth for each title and each axis.
    figure, cells = _figure(len(panels), 1, sum(count * row_height + 0.45 for count in rows), rows)
    axes = [figure.add_subplot(cells[index, 0]) for index in range(len(panels))]
    for panel, one in zip(panels, axes, strict=True):
        _entitle(one, panel.title, _TITLE_LETTERS[1])
    return figure, axes


def _figure(lines: int, columns: int, height: float, ratios: Sequence[float] | None = None) -> tuple[Figure, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_gridspec(lines, columns, height_ratios=ratios)


def _entitle(axes: Axes, title: str, letters: int) -> None:
    # A part that is longer than a line is broken at its width, which may leave a space that doesn't break in front.
    lines = textwrap.wrap(title, letters, break_on_hyphens=False)
    axes.set_title("\n".join(line.strip() for line in lines))


def columns_of(panels: Sequence[Panel]) -> int:
    """How many panels stand side by side: one for each value of the last column that tells them apart, if these fit."""
    last = [panel.key[-1] for panel in panels if panel.key]
    values = list(dict.fromkeys(last))
    if len(values) in (2, 3) and last == values * (len(last) // len(values)):
        return len(values)
    return {1: 1, 2: 2, 4: 2}.get(len(panels), 3)


def ticks_that_fit(panels: Sequence[Panel]) -> int:
    """How many numbers a horizontal axis has room for."""
    return {1: 8, 2: 6, 3: 4}[columns_of(panels)]


def label_outer(axes: Sequence[Axes], x_label: str, y_label: str) -> None:
    """Name the axes once a column and once a row, where the grid ends."""
    lowest: dict[int, Axes] = {}
    for one in axes:
        spec = one.get_subplotspec()
        assert spec is not None, "grid made it"
        lowest[spec.colspan.start] = one
        if spec.is_first_col():
            one.set_ylabel(y_label)
    for one in lowest.values():
        one.set_xlabel(x_label)


def finish(figure: Figure, words: Words, handles: Sequence[Artist] = ()) -> None:
    """Write the words and the legend around the panels, make room for them, and fix everything in its place."""
    height = figure.get_figheight()
    head = _head(figure, words)
    if handles:
        head.append(_legend(figure, handles))
    foot = figure.text(0, 0, textwrap.fill(words.caption, 148), fontsize=7.5, color=GREY, va="bottom", linespacing=1.3)
    above = sum(_height(figure, artist) + _GAP for artist in head) + _EDGE
    below = _height(figure, foot) + _EDGE + _GAP
    total = above + height + below
    figure.set_size_inches(WIDTH, total)
    _place_head(figure, head, total)
    foot.set_position((_EDGE / WIDTH, _EDGE / total))
    _settle(figure, (0, below / total, 1, height / total))


def _head(figure: Figure, words: Words) -> list[Any]:
    lines = [figure.text(0, 0, words.title, fontsize=12, fontweight="bold", va="top")]
    if words.subtitle:
        lines.append(figure.text(0, 0, textwrap.fill(words.subtitle, 104), color=GREY, va="top"))
    return lines


def _legend(figure: Figure, handles: Sequence[Any]) -> Any:
    """The legend in as many columns as fit into the width."""
    for columns in range(min(len(handles), 6), 0, -1):
        legend = figure.legend(
            handles=handles, loc="upper left", ncols=columns, borderpad=0, borderaxespad=0, handlelength=3
        )
        if columns == 1 or legend.get_window_extent(renderer(figure)).width < (WIDTH - 2 * _EDGE) * figure.dpi:
            return legend
        legend.remove()
    raise AssertionError("one column always fits")


def _place_head(figure: Figure, head: Sequence[Any], total: float) -> None:
    top = total - _EDGE
    for artist in head:
        place = (_EDGE / WIDTH, top / total)
        if hasattr(artist, "set_bbox_to_anchor"):
            artist.set_bbox_to_anchor(place, transform=figure.transFigure)
        else:
            artist.set_position(place)
        top -= _height(figure, artist) + _GAP


def _settle(figure: Figure, rectangle: tuple[float, float, float, float]) -> None:
    """Lay the panels out inside the rectangle, then leave them there: labels are placed by pixel afterwards."""
    engine: Any = figure.get_layout_engine()
    engine.set(rect=rectangle, w_pad=0.08, h_pad=0.06, hspace=0.02, wspace=0.02)
    for artist in (*figure.texts, *figure.legends):
        artist.set_in_layout(False)
    engine.execute(figure)
    # Not "none", which is a layout engine to savefig, and has it draw everything twice.
    figure.set_layout_engine(None)


def _height(figure: Figure, artist: Any) -> float:
    return float(artist.get_window_extent(renderer(figure)).height) / figure.dpi


def renderer(figure: Any) -> Any:
    """What measures text, as it will be drawn."""
    return figure.canvas.get_renderer()
