"""How trials ended: a bar for each guard and process count, split into its outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from lab.plots import cells as of
from lab.plots import scales, sheet
from lab.plots.guard_rows import in_rows, name_rows
from lab.plots.style import percent_interval, shortened, styled
from lab.trial import ENGINE_OUTCOMES, Grade

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Grades = Mapping[tuple[str, str], Grade]
"""The grade of an outcome by scenario and outcome."""
NO_GRADES: Grades = MappingProxyType({})
_PREFIX = "outcome_"
# In this order along a bar, so that the violations' part begins at 0.
_SHADES: dict[Grade, tuple[str, ...]] = {
    "violation": ("#D55E00", "#8F3B00", "#F2A06B", "#B24C9A", "#5E2B52"),
    "interesting": ("#F0C419", "#B8940A", "#F7E39B"),
    "ok": ("#56B4E9", "#0072B2", "#B5DDF5"),
}
_HATCHES = ("", "////", "....", "xxxx", "----", "\\\\\\\\", "oo")


class Kind(NamedTuple):
    """An outcome as the legend knows it: scenarios may grade the same name differently."""

    grade: Grade
    name: str


def grade_of(scenario: str, outcome: str, grades: Grades = NO_GRADES) -> Grade:
    """The declared grade, or what the name says: `ok` is fine, and whatever nobody declared is a violation."""
    if outcome in ENGINE_OUTCOMES:
        return ENGINE_OUTCOMES[outcome].grade
    return grades.get((scenario, outcome), "ok" if outcome == "ok" else "violation")


@styled()
def outcomes(summary: pd.DataFrame, grades: Grades = NO_GRADES) -> Figure | None:
    """Shares of the outcomes, with the interval of violations or surprises beside each bar; None without a trial."""
    cells = of.rows(summary)
    counts = [_counts(cell, grades) for cell in cells]
    looks = _looks([kind for count in counts for kind in count])
    if not looks:
        return None
    by_id = {cell["cell_id"]: count for cell, count in zip(cells, counts, strict=True)}
    panels = of.panels(cells, ("guard", "processes"))
    figure, axes = sheet.stack(panels, [len(panel.cells) for panel in panels], 0.2)
    for panel, one in zip(panels, axes, strict=True):
        rows = in_rows(panel.cells)
        name_rows(one, rows, [_rate_text(cell) for cell in rows])
        for place, cell in enumerate(rows):
            _bar(one, place, by_id[cell["cell_id"]], looks)
        scales.percent_axis(one, "x", 0)
        one.grid(visible=False)
    axes[-1].set_xlabel("share of the trials (%)")
    beside = "Beside each bar: that of its violations, or of what surprised where nothing else happened."
    caption = f"{of.trials_text(cells)} {of.intervals_text(cells)} {beside}"
    handles = [_patch(kind, look) for kind, look in looks.items()]
    sheet.finish(figure, sheet.Words("How the trials ended", of.shared_by_all(cells), caption), handles)
    return figure


def _counts(cell: of.Row, grades: Grades) -> dict[Kind, int]:
    named = {name.removeprefix(_PREFIX): cell[name] or 0 for name in cell if name.startswith(_PREFIX)}
    return {Kind(grade_of(cell["scenario"], name, grades), name): count for name, count in named.items() if count > 0}


def _looks(kinds: Sequence[Kind]) -> dict[Kind, tuple[str, str]]:
    """A shade and a hatch for each outcome seen, violations first; shades repeat sooner than hatches do."""
    looks = {}
    for grade, shades in _SHADES.items():
        own = dict.fromkeys(kind for kind in kinds if kind.grade == grade)
        for number, kind in enumerate(own):
            looks[kind] = (shades[number % len(shades)], _HATCHES[number % len(_HATCHES)])
    return looks


def _bar(axes: Axes, place: int, counts: Mapping[Kind, int], looks: Mapping[Kind, tuple[str, str]]) -> None:
    total, left = sum(counts.values()), 0.0
    for kind, (colour, hatch) in looks.items():
        share = counts.get(kind, 0) / total if total else 0.0
        if share:
            axes.barh(place, share, left=left, height=0.74, color=colour, hatch=hatch, edgecolor="white", linewidth=0)
            left += share


def _rate_text(cell: of.Row) -> str:
    """The interval of what the bar begins with: of its violations, or where there are surprises alone, of these."""
    what = "interesting" if cell.get("interesting_rate") and not cell["violations"] else "violation"
    return f"{what} {percent_interval(cell[f'{what}_low'], cell[f'{what}_high'])}"


def _patch(kind: Kind, look: tuple[str, str]) -> Any:
    from matplotlib.patches import Patch

    name = shortened(kind.name)
    label = name if kind.grade == kind.name else f"{name} ({kind.grade})"
    return Patch(facecolor=look[0], hatch=look[1], edgecolor="white", linewidth=0, label=label)
