"""What a comparison says, as text and as a document."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from lab.cli.table import duration
from lab.comparing import Change, Compared, Comparison
from lab.statistics import ratio_text


def told(found: Comparison, *, is_brief: bool) -> Iterator[str]:
    """The lines: what else differs first, then a paragraph a cell, then all in one sentence."""
    if found.machines:
        yield "the machines differ, so times do not tell of the programs alone:"
        yield from (f"  {difference}" for difference in found.machines)
    yield from (f"note: {remark}" for remark in found.remarks)
    for cell in found.cells:
        if cell.call == "worse" or not is_brief:
            yield from _cell(cell, found)
    yield _sum(found)


def _cell(cell: Compared, found: Comparison) -> Iterator[str]:
    yield f"{cell.cell} ({', '.join(_sizes(cell))})"
    yield f"  violations   {_rate(cell.rate)}: {_called(cell.rate, found.rate_size, 'point')}"
    yield f"  median wall  {_wall(cell.wall)}: {_called(cell.wall, found.wall_size, '%')}"


def _sizes(cell: Compared) -> Iterator[str]:
    one, other = cell.trials
    yield f"{one:,} trials" if one == other else f"{one:,} and {other:,} trials"
    if len(set(cell.lanes)) > 1:
        yield "side by side on {} and {} lanes".format(*cell.lanes)


def _rate(change: Change) -> str:
    first, second = (f"{100 * rate:.3g} %" for rate in (change.first, change.second))
    points = f"{100 * change.change:+.3g} [{100 * change.low:+.3g}, {100 * change.high:+.3g}] points"
    return f"{first} to {second}, {points}" + ("" if change.p is None else f", p = {change.p:.2g}")


def _wall(change: Change) -> str:
    times = [duration(None if math.isnan(median) else median) or "none" for median in (change.first, change.second)]
    ratio = "" if math.isnan(change.low) else f", {ratio_text(change.change, change.low, change.high)} times"
    return f"{times[0]} to {times[1]}{ratio}"


def _called(change: Change, size: float, unit: str) -> str:
    call = f"same within {_amount(size, unit)}" if change.call == "same" else change.call
    return f"{call} ({change.why})" if change.why else call


def _amount(size: float, unit: str) -> str:
    return f"{100 * size:.3g} {unit}{'s' if unit == 'point' and size != 0.01 else ''}"


def _sum(found: Comparison) -> str:
    calls = Counter(cell.call for cell in found.cells)
    parts = [f"{count} {call}" for call in ("worse", "better", "same", "can't tell") if (count := calls[call])]
    sizes = f"{_amount(found.rate_size, 'point')} of rate and {_amount(found.wall_size, '%')} of wall time"
    cells = "1 cell" if len(found.cells) == 1 else f"{len(found.cells)} cells"
    return f"{found.names[1]} against {found.names[0]}, {cells}: {', '.join(parts)}. Changes count from {sizes}."


def document(found: Comparison) -> dict[str, Any]:
    """All of it, for programs; what is unknown is null."""
    cells = [{**asdict(cell), "call": cell.call} for cell in found.cells]
    return _plain({**asdict(found), "call": found.call, "cells": cells})  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
