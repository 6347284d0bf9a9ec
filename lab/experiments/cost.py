"""What a grid will take, estimated before it starts: an order of magnitude to decide by, mended as the run goes on."""

from __future__ import annotations

from lab.cell import Cell
from lab.experiments.grid import Experiment, Plan
from lab.experiments.lanes import planned_lanes

_TRIAL_S = 0.0002
"""A trial's own cost without any delay, for each process."""
_BLOCK_S = 0.02
"""Building and ending a crew, for each process and block."""


def trial_s(cell: Cell, timeout_s: float | None) -> float:
    """Seconds of one trial: as many rounds of the section as its guard makes of the actors."""
    if cell.scenario.timeout_s is not None:
        return timeout_s or cell.scenario.timeout_s
    rounds = -(-cell.processes // cell.guard.admits(cell.processes))
    return rounds * cell.scenario.shortest_parallel_s() + cell.processes * _TRIAL_S


def plan_s(experiment: Experiment, plan: Plan) -> float:
    """Seconds of all trials of a cell."""
    lanes = experiment.lanes or planned_lanes(plan.cell)
    crews = min(10, plan.trials) * lanes * plan.cell.processes * _BLOCK_S / 10
    return plan.trials * trial_s(plan.cell, plan.timeout_s) / lanes + crews
