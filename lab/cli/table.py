"""The table of a summary: a section a scenario, what its cells share in the heading, 100 letters wide if it can be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len

from lab.rows import Row, described, differing, rows, settings, values
from lab.statistics import rate_text, ratio_text
from lab.trial import ENGINE_OUTCOMES

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 100
_GAP = "  "
# What goes from the columns into the headings, more and more, until a section fits.
_SPLITS: tuple[tuple[str, ...], ...] = ((), ("set",), ("set", "delay"), ("set", "delay", "store"))
_IDENTITY = ("store", "processes", "delay", "set", "start", "trials")


@dataclass(frozen=True, slots=True)
class Section:
    """Cells with what they share as a heading, and lines of equal width but for blanks at their end."""

    heading: str
    lines: list[str]


@dataclass(frozen=True, slots=True)
class _Column:
    header: str
    texts: list[str]
    is_left: bool = False

    def lines(self) -> list[str]:
        width = max(map(cell_len, [self.header, *self.texts]))
        blanks = [" " * (width - cell_len(text)) for text in [self.header, *self.texts]]
        pairs = zip([self.header, *self.texts], blanks, strict=True)
        return [text + blank if self.is_left else blank + text for text, blank in pairs]


def sections(summary: pd.DataFrame) -> Iterator[Section]:
    """The table of a summary, a section after another."""
    cells = rows(summary)
    for scenario in values(cells, "scenario"):
        yield from _of_scenario([cell for cell in cells if cell["scenario"] == scenario])


def _of_scenario(cells: Sequence[Row]) -> list[Section]:
    """Split into as few sections as are narrow enough, or else into all that there can be."""
    names = differing(cells)
    told = [{**cell, "set": settings(cell, names), "start": _start(cell)} for cell in cells]
    for split in _SPLITS:
        found = [_section(group) for group in _groups(told, split)]
        if all(cell_len(line) <= WIDTH for section in found for line in section.lines):
            break
    return found


def _groups(cells: Sequence[Row], split: Sequence[str]) -> list[list[Row]]:
    groups: dict[tuple[object, ...], list[Row]] = {}
    for cell in cells:
        groups.setdefault(tuple(cell[name] for name in split), []).append(cell)
    return list(groups.values())


def _start(cell: Row) -> str:
    return "" if cell["alignment"] == "natural" else described("alignment", cell["alignment"])


def _section(cells: Sequence[Row]) -> Section:
    shared = [name for name in _IDENTITY if len(values(cells, name)) == 1]
    heading = [cells[0]["scenario"], *(_shared_text(name, cells[0][name]) for name in shared)]
    columns = [_Column("guard", [cell["guard"] for cell in cells], is_left=True)]
    columns += [_identity(name, cells) for name in _IDENTITY if name not in shared]
    columns += [_Column(header, [text(cell) for cell in cells]) for header, text in _figures(cells).items()]
    lines = [_GAP.join(parts).rstrip() for parts in zip(*(column.lines() for column in columns), strict=True)]
    return Section(", ".join(filter(None, heading)), lines)


def _shared_text(name: str, value: object) -> str:
    if name == "trials":
        return f"{value:,} trials a cell"
    return str(value) if name in ("set", "start") else described(name, value)


def _identity(name: str, cells: Sequence[Row]) -> _Column:
    is_count = name in ("processes", "trials")
    return _Column(name, [f"{cell[name]:,}" if is_count else str(cell[name]) for cell in cells], is_left=not is_count)


def _figures(cells: Sequence[Row]) -> dict[str, Callable[[Row], str]]:
    """What stands under which header; surprises, broken trials and times only where there are any."""
    found: dict[str, Callable[[Row], str]] = {"violations": lambda cell: _rate(cell, "violation", "interval")}
    if any(cell.get("interesting_rate") for cell in cells):
        found["interesting"] = lambda cell: _rate(cell, "interesting", "interesting_interval")
    found |= {name: _count(f"outcome_{name}") for name in ENGINE_OUTCOMES}
    found |= {"median wall": lambda cell: duration(cell["wall_median_s"]), "times unguarded": _price}
    return {header: text for header, text in found.items() if any(map(text, cells))}


def _count(column: str) -> Callable[[Row], str]:
    return lambda cell: f"{cell[column]:,.0f}" if cell.get(column) else ""


def _rate(cell: Row, what: str, kind: str) -> str:
    rate, low, high = (_number(cell[f"{what}_{end}"]) for end in ("rate", "low", "high"))
    return rate_text(rate, low, high) + ("*" if "clustered" in cell[kind] else "")


def _price(cell: Row) -> str:
    if cell["guard"] == "none" or cell["slowdown"] is None:
        return ""
    return ratio_text(*(_number(cell[name]) for name in ("slowdown", "slowdown_low", "slowdown_high")))


def duration(seconds: float | None) -> str:
    """Seconds in a unit that suits them; empty if there are none."""
    if seconds is None:
        return ""
    unit, scale = ("us", 1e6) if seconds < 1e-3 else ("ms", 1e3) if seconds < 1 else ("s", 1)
    return f"{seconds * scale:.3g} {unit}" if seconds < 1000 else f"{seconds:,.0f} s"


def _number(value: float | None) -> float:
    return math.nan if value is None else value
