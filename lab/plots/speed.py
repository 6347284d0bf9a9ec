"""Throughput of a cell, in the terms in which its wall time has an interval."""

from __future__ import annotations

from lab.plots import cells as of


def timed(cell: of.Row) -> bool:
    """True if the cell has a wall time to divide by: a trial without delays takes no virtual time at all."""
    names = ("wall_median_s", "wall_low_s", "wall_high_s")
    return of.has(cell, *names) and all(cell[name] > 0 for name in names)


def throughput(cell: of.Row) -> tuple[float, float, float]:
    """Sections a second in the median trial, with the ends of its interval."""
    low, median, high = (cell["processes"] / cell[f"wall_{end}_s"] for end in ("high", "median", "low"))
    return low, median, high
