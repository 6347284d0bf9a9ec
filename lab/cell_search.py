"""The exploration of one cell: a search by a strategy, the shortest schedules, and the verdict that follows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from lab.cell import Cell
from lab.engines.simulated.session import SimulatedSession
from lab.errors import UsageError, unknown_name
from lab.exploration import Explored, Finding, Verdict
from lab.schedule import Schedule
from lab.schedulers import Strategy, strategy_named
from lab.schedulers.dpor import Dpor
from lab.search import Limits, Tally, search, shorten
from lab.subtrees import Long, search_subtrees
from lab.trial import Outcome

SECONDS = 60.0
"""The budget of a cell, unless another is given."""

RANDOM_EXECUTIONS = 10_000
"""The budget of a strategy that never ends by itself, unless another is given."""

MOST_OPERATIONS = 100_000
"""Of an execution: a search keeps all that could be done at each, about 2 kB."""

_SHORTEN_S = {"simulated": 2.0, "controlled": 10.0}
"""Seconds at most for the shortest schedules, by the engine: real processes take longer."""

EXPLORING_ENGINES = tuple(_SHORTEN_S)

_ALONE_S = 0.2
"""Seconds of a search before other processes help it: most are done by then."""


class Choices(NamedTuple):
    """How to explore a cell: in a model (`simulated`), or on real processes that it allows to go on (`controlled`)."""

    engine: str = "simulated"
    strategy: str = "dpor"
    bound: int | None = None
    executions: int | None = None
    seconds: float = SECONDS
    jobs: int = 1
    is_timed: bool = False
    seed: int = 1
    fail_on: str = "violation"
    history: bool = True


def checked(choices: Mapping[str, Any]) -> Choices:
    """The choices; UsageError if one is unknown or makes no sense."""
    unknown = [name for name in choices if name not in Choices._fields]
    if unknown:
        raise unknown_name("choice", unknown[0], Choices._fields)
    chosen = Choices(**choices)
    strategy_named(chosen.strategy, bound=chosen.bound)
    if chosen.engine not in EXPLORING_ENGINES:
        raise unknown_name("engine that explores", chosen.engine, EXPLORING_ENGINES)
    if chosen.executions is not None and chosen.executions < 1:
        raise UsageError(f"executions {chosen.executions}: expected at least 1. Try --executions 10000.")
    if not 0 < chosen.seconds < 1e9:
        raise UsageError(f"seconds {chosen.seconds:g}: expected more than 0. Try --seconds 60.")
    if not 1 <= chosen.jobs <= 256:
        raise UsageError(f"jobs {chosen.jobs}: expected 1 to 256. Try --jobs {os.cpu_count()}.")
    if chosen.jobs > 1 and chosen.strategy != "dpor":
        raise UsageError(f"jobs {chosen.jobs}: only strategy dpor works on several cores. Leave --jobs out.")
    if chosen.fail_on not in ("violation", "interesting"):
        raise unknown_name("grade to fail on", chosen.fail_on, ("violation", "interesting"))
    return chosen


class Watcher:
    """Is told how an exploration goes on, and tells nobody; override what should be seen."""

    def enters(self, cell: Cell | str) -> None:
        """The search of a cell, or of a script, starts."""

    def told(self, tally: Tally, share_done: Callable[[], float] | None) -> None:
        """A further execution, or several, are done; `share_done` estimates from 0 to 1 how far the search has come."""

    def ended(self, explored: Explored) -> None:
        """A cell is explored."""


def explore_cell(cell: Cell, choices: Choices, watcher: Watcher) -> Explored:
    """Search a cell. On KeyboardInterrupt what was found is its argument."""
    start, searched_s, spent = time.monotonic(), 0.0, "interrupted"
    strategy = strategy_named(choices.strategy, bound=choices.bound, seed=choices.seed)
    tally = Tally(strategy.is_reduced)
    try:
        spent = _search(cell, choices, strategy, watcher, tally)
        searched_s = time.monotonic() - start
        _shorten(cell, choices, tally, choices.seconds - searched_s)
    except KeyboardInterrupt:
        searched_s = searched_s or time.monotonic() - start
        raise KeyboardInterrupt(_concluded(cell, choices, strategy, tally, spent, searched_s)) from None
    explored = _concluded(cell, choices, strategy, tally, spent, searched_s)
    return replace(explored, seconds=time.monotonic() - start)


def searched(cell: Cell, choices: Choices) -> Tally:
    """What a search without a history sees."""
    strategy = strategy_named(choices.strategy, bound=choices.bound, seed=choices.seed)
    tally = Tally(strategy.is_reduced)
    _search(cell, choices._replace(history=False), strategy, Watcher(), tally)
    return tally


def _search(cell: Cell, choices: Choices, strategy: Strategy, watcher: Watcher, tally: Tally) -> str:
    executions = choices.executions
    if not strategy.is_complete and executions is None:
        executions = RANDOM_EXECUTIONS
    scheduler = strategy.scheduler
    share = getattr(scheduler, "share_done", None)

    is_shared = choices.jobs > 1 and isinstance(scheduler, Dpor)
    start = time.monotonic()

    def told(tally: Tally) -> None:
        watcher.told(tally, share)
        if is_shared and not tally.is_stopped and time.monotonic() - start > _ALONE_S:
            raise Long

    def open_session() -> SimulatedSession:
        return _session(cell, choices, keeps_history=choices.history)

    session = open_session()
    try:
        return search(session, scheduler, tally, Limits(executions, choices.seconds), told)
    except Long:
        assert isinstance(scheduler, Dpor)
    finally:
        session.close()
    left = Limits(executions, choices.seconds, time.monotonic() - start)
    # How much the others have left, nobody knows.
    return search_subtrees(open_session, scheduler, tally, left, lambda tally: watcher.told(tally, None), choices.jobs)


def _shorten(cell: Cell, choices: Choices, tally: Tally, left_s: float) -> None:
    wanted = [name for name in tally.seen if _outcome(cell, name).grade != "ok"]
    if not wanted or tally.is_stopped:
        return
    session = _session(cell, choices, keeps_history=False)
    try:
        shorten(session, tally, wanted, max(0.5, min(_SHORTEN_S[choices.engine], left_s)))
    finally:
        session.close()


def _session(cell: Cell, choices: Choices, *, keeps_history: bool) -> SimulatedSession:
    kind = session_of(choices.engine)
    return kind(
        cell,
        choices.seed,
        is_timed=choices.is_timed,
        keeps_history=keeps_history,
        most_operations=MOST_OPERATIONS,
    )


def session_of(engine: str) -> type[SimulatedSession]:
    """The session of an engine that explores scenarios."""
    if engine == "simulated":
        return SimulatedSession
    from lab.engines.mirrored import MirroredSession

    return MirroredSession


def _concluded(
    cell: Cell, choices: Choices, strategy: Strategy, tally: Tally, spent: str, searched_s: float
) -> Explored:
    remarks = []
    if violations(cell, tally, choices.fail_on):
        verdict: Verdict = "found"
        reason = f"the search was not finished: {spent}" if spent else tally.doubt
    elif tally.doubt or spent:
        verdict, reason = "unknown", tally.doubt or spent
    elif not strategy.is_complete:
        verdict, reason = "unknown", "a walk at random proves nothing"
    else:
        verdict, reason = "proved", ""
    if choices.bound is not None and not getattr(strategy.scheduler, "is_complete", True) and verdict == "proved":
        remarks.append(f"bound: schedules with more than {choices.bound} preemptions were not executed")
    if choices.engine == "controlled":
        remarks.append(_on_real_processes(cell))
    if choices.strategy == "pct":
        chance = strategy.scheduler.chance()  # type: ignore[attr-defined]
        remarks.append(
            f"each execution shows a violation of depth 3, if there is one, with a probability of at least {chance:.2g}"
        )
    grades = _order(cell)
    findings = sorted(
        (_finding(cell, choices, name, tally) for name in tally.seen), key=lambda one: grades[one.outcome]
    )
    return Explored(
        cell.name,
        str(cell.guard),
        cell.store.name if cell.store else None,
        cell.processes,
        _texts(cell),
        choices.engine,
        choices.strategy,
        verdict,
        reason,
        tally.executions,
        tally.redundant,
        tally.classes,
        tally.deepest,
        searched_s,
        searched_s,
        tuple(findings),
        tuple(tally.conflicts),
        tuple(remarks),
    )


def _on_real_processes(cell: Cell) -> str:
    """What it means that the model was followed."""
    from lab.engines.mirrored import of_the_model_alone

    alone = of_the_model_alone(cell)
    told = "on real processes, each operation of which came to what the model says"
    return f"{told}; of {' and '.join(alone)} there is the model alone" if alone else told


def _finding(cell: Cell, choices: Choices, name: str, tally: Tally) -> Finding:
    seen, outcome = tally.seen[name], _outcome(cell, name)
    schedule = Schedule(
        cell.name if ":" not in cell.name else cell.scenario.reference,
        str(cell.guard),
        cell.store.name if cell.store else None,
        cell.processes,
        _texts(cell),
        choices.seed,
        choices.is_timed,
        name,
        seen.choices,
    )
    return Finding(
        name,
        outcome.grade,
        outcome.explanation,
        seen.detail,
        seen.executions,
        *seen.shape,
        seen.is_shortest,
        schedule,
    )


def violations(cell: Cell, tally: Tally, fail_on: str) -> list[str]:
    """The outcomes that were seen and must not happen."""
    grades = ("violation", "interesting") if fail_on == "interesting" else ("violation",)
    return [name for name in tally.seen if _outcome(cell, name).grade in grades]


def _outcome(cell: Cell, name: str) -> Outcome:
    return cell.scenario.all_outcomes()[name]


def _order(cell: Cell) -> dict[str, int]:
    """The place of each outcome in the order of its declaration: the worst first, then the engine's."""
    return {name: place for place, name in enumerate(cell.scenario.all_outcomes())}


def _texts(cell: Cell) -> dict[str, Any]:
    return {
        name: value if isinstance(value, bool | int | float) else str(value)
        for name, value in cell.scenario.fields().items()
    }
