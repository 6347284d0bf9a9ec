"""Lanes: how many trials of a cell may sleep side by side without disturbing each other, and the check of it."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence

from lab.cell import Cell
from lab.trial import Trial

MOST_LANES = 16
_MOST_WORKERS = 200
_BUSY_S = 100e-6
"""Processor time of one actor in one trial, roughly; what does not sleep is taken to be this."""
_LOAD = 0.5
"""The share of the cores that lanes may keep busy: beyond it trials wait for a core, and the wall time shows it."""
CHECKED = 16
"""Trials that are run on one lane and then side by side, for the check."""
_DRIFT = 0.05
_OUTCOME_DRIFT = 4
"""Trials of the CHECKED that may end otherwise side by side: with fewer the check would fail by chance (a rate of 50 %
differs in more than 4 of 16 pairs one time in 100 only if trials with the same delays agree four times in five)."""


def planned_lanes(cell: Cell) -> int:
    """As many lanes as keep the cores half busy, by the mean time that an actor sleeps; 1 where nobody sleeps.

    Aligned trials spin on every core, so they have one lane.
    """
    if cell.alignment == "aligned":
        return 1
    cores = os.cpu_count() or 1
    sleeping = cell.scenario.shortest_parallel_s() / (cell.processes * _BUSY_S)
    return max(1, min(MOST_LANES, _MOST_WORKERS // cell.processes, int(_LOAD * cores * sleeping)))


def drift(alone: Sequence[Trial], side_by_side: Sequence[Trial]) -> str:
    """Why trials side by side differ from the same trials (numbers, hence delays) alone; empty if they do not.

    Paired, so that the delays cancel: the median ratio of wall times must lie within 5 % of 1.
    """
    others = {trial.trial: trial for trial in side_by_side}
    pairs = [(trial, others[trial.trial]) for trial in alone if trial.trial in others]
    ratios = [b.wall_s / a.wall_s for a, b in pairs if a.wall_s and b.wall_s]
    if ratios and abs(statistics.median(ratios) - 1) > _DRIFT:
        return f"wall time {statistics.median(ratios):.2f} times that of one lane"
    differing = sum(a.violation != b.violation for a, b in pairs)
    if abs(sum(a.violation for a, _ in pairs) - sum(b.violation for _, b in pairs)) > _OUTCOME_DRIFT:
        return f"{differing} of {len(pairs)} trials ended otherwise than on one lane"
    return ""
