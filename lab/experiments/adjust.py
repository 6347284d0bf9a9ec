"""An experiment with some of its choices replaced, as the options of `lab run` and of `lab.run(...)` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict, Unpack

from lab.errors import UsageError
from lab.experiments.grid import Experiment


class Adjustments(TypedDict, total=False):
    """Choices that replace those of every grid (`guards` to `set`) or of the experiment (the others)."""

    guards: Sequence[str]
    stores: Sequence[str]
    processes: Sequence[int]
    delays: Sequence[str]
    set: Mapping[str, Any]
    trials: int
    seed: int
    engine: str
    alignment: str
    start_method: str
    timeout: str
    lanes: int
    until_width: float
    directory: str


_OF_GRIDS = ("guards", "stores", "processes", "delays")


def adjusted(experiment: Experiment, **adjustments: Unpack[Adjustments]) -> Experiment:
    """The experiment with these choices; what is None is left as it was. UsageError for an unknown choice."""
    given: dict[str, Any] = {name: value for name, value in adjustments.items() if value is not None}
    unknown = sorted(set(given) - set(Adjustments.__annotations__))
    if unknown:
        raise UsageError(f"unknown choice {unknown[0]!r}: expected one of {', '.join(Adjustments.__annotations__)}.")
    of_grids: dict[str, Any] = {name: given.pop(name) for name in _OF_GRIDS if name in given}
    fields = given.pop("set", {})
    grids = [replace(grid, **of_grids, set={**grid.set, **fields}) for grid in experiment.grids]
    # A number of trials that was asked for of one scenario is meant; of many, a scenario's own limit still holds.
    if "trials" in given and len(grids) == 1:
        grids = [replace(grids[0], trials=given["trials"])]
    return replace(experiment, grids=grids, **given)
