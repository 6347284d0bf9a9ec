"""How a cell is laid out in blocks and lanes, and what a grid will take: an estimate to decide by before it starts."""

from __future__ import annotations

from lab.experiments.grid import Experiment, Plan
from lab.experiments.lanes import CHECKED, START_S, planned_lanes, sleeping_s

BLOCKS, BLOCKS_OF_LANES = 10, 4
"""Turns in which a cell is run, each with new crews: fewer where there are lanes, since every lane has a crew."""
_SMALLEST_BLOCK = 10
_SEQUENTIAL_CREW = 100
"""Trials of a crew where a cell may stop after any block, so that many crews are seen before many trials are run."""
_ACTOR_S = 0.0002
"""An actor's own cost in a trial without any delay."""
_SIMULATED_ACTOR_S = 0.00003
"""The same in virtual time, with all its delays."""


def layout(experiment: Experiment, plan: Plan) -> tuple[int, int]:
    """How many lanes a cell is to have, and how many trials a block."""
    size = max(_SMALLEST_BLOCK, -(-plan.trials // BLOCKS_OF_LANES))
    is_simulated = plan.cell.engine == "simulated"
    lanes = 1 if is_simulated else experiment.lanes or planned_lanes(plan.cell, size)
    if lanes == 1:
        size = max(_SMALLEST_BLOCK, -(-plan.trials // BLOCKS))
    if experiment.until_width is not None:
        size = min(size, _SEQUENTIAL_CREW * lanes)
    return lanes, size


def plan_s(experiment: Experiment, plan: Plan) -> float:
    """Seconds of all trials of a cell."""
    if plan.cell.engine == "simulated":
        return plan.trials * plan.cell.processes * _SIMULATED_ACTOR_S
    lanes, size = layout(experiment, plan)
    blocks = -(-plan.trials // size)
    alone = min(CHECKED, plan.trials) if lanes > 1 and experiment.lanes is None else 0
    starts = (blocks * lanes + alone) * plan.cell.processes * START_S
    return starts + _trial_s(plan) * (alone + plan.trials / lanes)


def _trial_s(plan: Plan) -> float:
    cell = plan.cell
    if cell.scenario.timeout_s is not None:
        return plan.timeout_s or cell.scenario.timeout_s
    return 1.3 * sleeping_s(cell) + cell.processes * _ACTOR_S
