"""Lanes: how many trials of a cell may sleep side by side without disturbing each other, and the check of it."""

from __future__ import annotations

import math
import os
import statistics
from collections.abc import Sequence

from lab.cell import Cell
from lab.delays import Delay
from lab.trial import Trial

MOST_LANES = 16
_MOST_WORKERS = 200
_BUSY_S = 200e-6
"""Processor time of an actor in a trial, with its sleeps: 350 us were measured (two cores do 1,150 trials of five
actors a second), less what `sleeping_s` underrates a trial by, as the longest of its actors' sleeps is not their mean.
"""
_LOAD = 0.4
"""The share of the cores that lanes may keep busy: at 40 % wall times stay within 2 % of one lane's, at 55 % they are
6 % longer, since trials wait for a core."""
START_S = 0.0025
"""Starting and ending one worker."""
CHECKED = 12
"""Trials that are run on one lane and then side by side, for the check."""
_DRIFT = 0.05
_OUTCOME_DRIFT = 5
"""How many more of the CHECKED may be violations side by side than alone. With the same delays most trials end the same
way twice; a rate near 50 % whose trials end as they like passes this 98 times in 100."""


def planned_lanes(cell: Cell, block: int) -> int:
    """As many lanes as leave the cores free enough, and as pay for their start in a block of so many trials.

    1 where nobody sleeps, and for aligned trials, which spin on every core.
    """
    if cell.alignment == "aligned":
        return 1
    sleeping = sleeping_s(cell)
    free_enough = int(_LOAD * (os.cpu_count() or 1) * sleeping / (cell.processes * _BUSY_S))
    worth_it = int(math.sqrt(block * sleeping / (cell.processes * START_S)))
    return max(1, min(MOST_LANES, _MOST_WORKERS // cell.processes, free_enough, worth_it))


def sleeping_s(cell: Cell) -> float:
    """Mean seconds of a trial but for the work in it: the main delays, which are slept under the guard, in rounds."""
    rounds = -(-cell.processes // cell.guard.admits(cell.processes))
    fields = cell.scenario.fields()
    main = [fields[name] for name in cell.scenario.main_delays]
    guarded = sum(delay.mean for delay in main if isinstance(delay, Delay))
    return cell.scenario.shortest_parallel_s() + (rounds - 1) * guarded


def drift(alone: Sequence[Trial], side_by_side: Sequence[Trial]) -> str:
    """Why trials side by side differ from the same trials (numbers, hence delays) alone; empty if they do not.

    Paired, so that the delays cancel. Wall times drift if the whole interval of the median ratio lies beyond 5 %: from
    the third to the third last of twelve, which holds the median with 96 % (order statistics). Under a guard that lets
    some in at a time, who is let in first makes a trial longer or shorter, and that is no drift.
    """
    others = {trial.trial: trial for trial in side_by_side}
    pairs = [(trial, others[trial.trial]) for trial in alone if trial.trial in others]
    ratios = sorted(b.wall_s / a.wall_s for a, b in pairs if a.wall_s and b.wall_s)
    if ratios:
        outside = (len(ratios) - 1) // 4
        low, high = ratios[outside], ratios[-1 - outside]
        if low > 1 + _DRIFT or high < 1 - _DRIFT:
            return f"wall time {statistics.median(ratios):.2f} times that of one lane"
    differing = sum(b.violation for _, b in pairs) - sum(a.violation for a, _ in pairs)
    if abs(differing) > _OUTCOME_DRIFT:
        return f"{abs(differing)} of {len(pairs)} trials ended otherwise than on one lane"
    return ""
