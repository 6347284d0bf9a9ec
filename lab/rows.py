"""The cells of a summary as plain rows, and in words what tells them apart: for table, findings and pictures.

Knows no figures.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]
"""A cell: the summary's columns by name, None where one is missing."""

# In the order in which panels are sorted and titled.
IDENTITY = ("scenario", "store", "engine", "alignment", "start_method", "delay", "processes")
_NO_PARAMETERS = {*IDENTITY, "cell_id", "guard", "lanes"}


def rows(summary: pd.DataFrame) -> list[Row]:
    """The cells in which at least one trial was run."""
    table = summary.astype(object).where(summary.notna(), None)
    found = [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
    return [_tidy(row) for row in found if row["trials"]]


def _tidy(row: Row) -> Row:
    # A CSV file with no delay but 0 reads as numbers.
    delay = "" if row["delay"] is None else str(row["delay"])
    delay = "0" if delay in ("0.0", "0") else delay
    return {**row, "delay": delay, "store": row["store"] or "", "processes": int(row["processes"])}


def parameters(cells: Sequence[Row]) -> list[str]:
    """The scenarios' parameters: whatever stands before the column `trials` and is not the cell's own."""
    names = list(cells[0]) if cells else ["trials"]
    return [name for name in names[: names.index("trials")] if name not in _NO_PARAMETERS]


def differing(cells: Sequence[Row]) -> list[str]:
    """The parameters in which cells of one scenario differ, but for the main delays, which the column `delay` tells."""
    return [
        name
        for name in parameters(cells)
        if len(values(cells, name)) > 1 and not all(_is_main_delay(cell, name) for cell in cells)
    ]


def _is_main_delay(cell: Row, name: str) -> bool:
    return str(cell[name]) in cell["delay"].split(" + ")


def values(cells: Iterable[Row], name: str) -> list[Any]:
    """The values of a column, each once, as they come."""
    return list(dict.fromkeys(cell[name] for cell in cells))


def described(name: str, value: Any) -> str:
    """A value of a column that identifies cells, as words; empty if it has none."""
    if value in (None, ""):
        return ""
    match name:
        case "processes":
            return f"{value} {'process' if value == 1 else 'processes'}"
        case "delay":
            return f"delay {value}"
        case "engine":
            return f"{value} engine"
        case "alignment":
            return "awake cores" if value == "awake" else f"{value} start"
        case "scenario" | "store" | "start_method":
            return str(value)
        case "script":
            shortest: str = min(os.path.relpath(value), value, key=len)
            return shortest
        case _:
            return f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"


def settings(cell: Row, names: Iterable[str]) -> str:
    """Parameters of a cell as `--set` takes them, with blanks between."""
    return " ".join(filter(None, (described(name, cell[name]) for name in names)))
