"""Replay: an execution once more, by its schedule, with its whole history."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from lab import schedule as schedules
from lab.cell import Cell
from lab.cell_search import session_of
from lab.execution import Execution
from lab.guards import guard_named
from lab.scenarios import name_of, scenario_named
from lab.schedule import Schedule
from lab.scheduler import Departed
from lab.schedulers.checks import Metrics
from lab.schedulers.replay import Replay
from lab.stores import store_named
from lab.timeline import page_part


class Replayed(NamedTuple):
    """What a schedule did this time: its execution, or else where it departed from what was recorded.

    `preempted` are the places in the execution's history at which an actor's turn was taken from it.
    """

    cell: Cell
    schedule: Schedule
    execution: Execution | None
    departed: str
    preempted: frozenset[int] = frozenset()

    def _repr_html_(self) -> str:
        """As a notebook shows it: how it ended, and its timeline."""
        return page_part(str(self.cell), self.execution, self.departed, self.preempted)


def replay(schedule: Schedule | str | Path, *, engine: str = "simulated") -> Replayed:
    """Run a schedule again, exactly; UsageError if its file can't be read or its scenario is gone.

    With engine `controlled` on real processes, and with multiprocessing's own primitives: it departs, too, where they
    do something else than the model in which the schedule may have been found, or end otherwise.
    """
    if not isinstance(schedule, Schedule):
        schedule = schedules.load(Path(schedule))
    kind = scenario_named(schedule.scenario)
    cell = Cell(
        name_of(kind),
        kind().with_texts(schedule.set),
        guard_named(schedule.guard),
        store_named(schedule.store) if schedule.store else None,
        schedule.processes,
        "simulated",
    )
    session = session_of(engine)(cell, schedule.seed, is_timed=schedule.is_timed, keeps_history=True)
    scheduler = Metrics(Replay(schedule.choices))
    try:
        scheduler.begin()
        execution = session.execute(scheduler)
        scheduler.end(execution.ending.waiting)
    except Departed as departed:
        return Replayed(cell, schedule, None, str(departed))
    finally:
        session.close()
    if engine == "controlled" and execution.trial.outcome != schedule.outcome:
        ended = f"its end: {execution.trial.outcome} on real processes, recorded as {schedule.outcome}"
        return Replayed(cell, schedule, None, ended)
    # Where time does not order, nobody is asked for a sleep.
    asked = [place for place, event in enumerate(execution.events) if schedule.is_timed or event.operation.objects]
    return Replayed(cell, schedule, execution, "", frozenset(asked[number] for number in scheduler.preempted))
