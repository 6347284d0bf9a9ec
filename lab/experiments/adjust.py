"""An experiment with some of its choices replaced, as the options of `lab run` and of `lab.run(...)` do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypedDict, Unpack

from lab.errors import UsageError
from lab.experiments.grid import Experiment, Grid
from lab.guards import family, guard_named
from lab.scenario import Scenario
from lab.scenarios import scenario_named
from lab.stores import store_named


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
    """The experiment with these choices; what is None is left as it was. UsageError for an unknown choice.

    Of an experiment with several grids, guards, stores and delays replace those of the grids whose scenarios they fit;
    the other grids are left out. What fits none of them is a UsageError.
    """
    given: dict[str, Any] = {name: value for name, value in adjustments.items() if value is not None}
    unknown = sorted(set(given) - set(Adjustments.__annotations__))
    if unknown:
        raise UsageError(f"unknown choice {unknown[0]!r}: expected one of {', '.join(Adjustments.__annotations__)}.")
    of_grids: dict[str, Any] = {name: _several(given.pop(name)) for name in _OF_GRIDS if name in given}
    fields = given.pop("set", {})
    grids = list(experiment.grids)
    if len(grids) > 1:
        grids, of_grids = _fitting(grids, of_grids), {name: of_grids[name] for name in of_grids if name not in _FITTED}
    grids = [replace(grid, **of_grids, set={**grid.set, **fields}) for grid in grids]
    # A number of trials that was asked for of one scenario is meant; of many, a scenario's own limit still holds.
    if "trials" in given and len(grids) == 1:
        grids = [replace(grids[0], trials=given["trials"])]
    return replace(experiment, grids=grids, **given)


def _several(given: Any) -> Any:
    """One guard or number as a list of one."""
    return [given] if isinstance(given, str | int) else given


_FITTED = ("guards", "stores", "delays")


def _fitting(grids: Sequence[Grid], choices: Mapping[str, Any]) -> list[Grid]:
    """The grids that guards, stores and delays fit, with those of them that do."""
    guards, stores, delays = (choices.get(name) for name in _FITTED)
    found = []
    for grid in grids:
        kind = scenario_named(grid.scenario)
        its_guards = [guard for guard in guards or () if _fits_guard(guard, kind)]
        its_stores = [store for store in stores or () if store_named(store).name in kind.stores]
        if (guards and not its_guards) or (stores and not its_stores) or (delays and not kind.main_delays):
            continue
        found.append(
            replace(
                grid,
                guards=its_guards or grid.guards,
                stores=its_stores or grid.stores,
                delays=delays or grid.delays,
            )
        )
    if not found:
        asked = ", ".join(f"{name} {','.join(choices[name])}" for name in _FITTED if choices.get(name))
        raise UsageError(f"{asked}: expected what fits one of the scenarios, found that it fits none. See `lab list`.")
    return found


def _fits_guard(text: str, kind: type[Scenario]) -> bool:
    return guard_named(text).name in [family(guard) for guard in kind.guards]
