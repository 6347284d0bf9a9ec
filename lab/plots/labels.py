"""Labels of points, none over another: beside its mark where there is room, else as a flag on a pole above it.

Knows only pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from lab.plots.sheet import renderer
from lab.plots.style import BLACK, GREY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARK = 6.0
_PAD = 2.0
_POLES = 4.0

Point = tuple[float, float]
"""In pixels."""


class Box(NamedTuple):
    """A rectangle in pixels."""

    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: Box) -> bool:
        """True if the two have a pixel in common."""
        return (
            self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top
        )

    def holds(self, other: Box) -> bool:
        """True if the other lies within this one."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.bottom <= other.bottom
            and other.top <= self.top
        )


class Label(NamedTuple):
    """A text, its size with the free space around it, and the point that it names."""

    point: Point
    text: str
    width: float
    height: float


def label_points(
    axes: Axes, points: Sequence[tuple[float, float]], texts: Sequence[str], lines: Sequence[Sequence[float]]
) -> None:
    """Write each text near its point, clear of marks, of `lines` (left, bottom, right, top) and of other labels.

    Points and lines are in data coordinates; the layout must be final. A text without a free place is left out.
    """
    frame = Box(*axes.get_window_extent().extents)
    pixels = [(float(x), float(y)) for x, y in axes.transData.transform(points)]
    taken = [Box(x - _MARK, y - _MARK, x + _MARK, y + _MARK) for x, y in pixels]
    for left, bottom, right, top in lines:
        (x0, y0), (x1, y1) = axes.transData.transform([(left, bottom), (right, top)])
        taken.append(Box(x0 - 1, y0 - 1, x1 + 1, y1 + 1))
    labels = [Label(point, text, *_size(axes, text)) for point, text in sorted(zip(pixels, texts, strict=True))]
    crowded = [label for label in labels if not _write_beside(axes, label, frame, taken, pixels)]
    middle = (frame.bottom + frame.top) / 2
    _write_flags(axes, [label for label in crowded if label.point[1] < middle], 1, frame, taken)
    _write_flags(axes, [label for label in crowded if label.point[1] >= middle], -1, frame, taken)


def _write_beside(axes: Axes, label: Label, frame: Box, taken: list[Box], points: Sequence[Point]) -> bool:
    """Write right or left of the point, or if nothing else stands in the same columns, above or below it."""
    ((x, y), _, width, height) = label
    sides = [(x + _MARK, y - height / 2), (x - _MARK - width, y - height / 2)]
    if not any(0 < abs(other - x) < width / 2 + _MARK for other, _ in points):
        sides += [(x - width / 2, y + _MARK), (x - width / 2, y - _MARK - height)]
    for left, bottom in sides:
        box = Box(left, bottom, left + width, bottom + height)
        if _is_free(box, frame, taken):
            _write(axes, label, box)
            taken.append(box)
            return True
    return False


def _write_flags(axes: Axes, labels: Sequence[Label], rise: int, frame: Box, taken: list[Box]) -> None:
    """Write labels as flags on poles, upward or downward (`rise` -1).

    The pole farthest from where the flags fly to is the longest, so that no pole crosses a flag.
    """
    flies_left = any(label.point[0] + label.width > frame.right for label in labels)
    aside = 1 if flies_left else -1
    pole, reach = -math.inf, -math.inf
    for label in sorted(labels, key=lambda label: label.point[0] * aside):
        x, y = label.point
        pole = max(x * aside, pole + _POLES)
        left = pole * aside - (label.width if flies_left else 0)
        start = max(reach, y * rise + _MARK + _PAD)
        box = _flag(label, left, start, rise, frame, taken)
        if box is not None:
            ends = axes.transData.inverted().transform([(x, y), (pole * aside, box.bottom if rise > 0 else box.top)])
            axes.plot(ends[:, 0], ends[:, 1], color=GREY, linewidth=0.6, zorder=1)
            _write(axes, label, box)
            taken.append(box)
            reach = box.top if rise > 0 else -box.bottom


def _flag(label: Label, left: float, start: float, rise: int, frame: Box, taken: Sequence[Box]) -> Box | None:
    """The first free place from `start` on, in the direction of `rise`."""
    for step in range(0, round(frame.top - frame.bottom), 2):
        near = start + step
        bottom = near if rise > 0 else -near - label.height
        box = Box(left, bottom, left + label.width, bottom + label.height)
        if _is_free(box, frame, taken):
            return box
    return None


def _is_free(box: Box, frame: Box, taken: Sequence[Box]) -> bool:
    return frame.holds(box) and not any(box.meets(other) for other in taken)


def _size(axes: Axes, text: str) -> tuple[float, float]:
    probe = axes.text(0, 0, text, fontsize=8)
    extent = probe.get_window_extent(renderer(axes.figure))
    probe.remove()
    return float(extent.width) + 2 * _PAD, float(extent.height) + 2 * _PAD


def _write(axes: Axes, label: Label, box: Box) -> None:
    x, y = label.point
    # In points from the mark, so that it holds at any resolution.
    scale = 72 / axes.figure.dpi
    at = axes.transData.inverted().transform(label.point)
    axes.annotate(
        label.text,
        xy=(float(at[0]), float(at[1])),
        xytext=((box.left + _PAD - x) * scale, (box.bottom + _PAD - y) * scale),
        textcoords="offset points",
        fontsize=8,
        color=BLACK,
        va="bottom",
        ha="left",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.5},
    )
