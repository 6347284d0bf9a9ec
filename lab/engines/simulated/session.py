"""A session of the simulated engine: one cell, whose trials are executions of a kernel under any scheduler."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from math import inf
from typing import Any

from lab import draws
from lab.cell import Cell
from lab.engines.rows import RAISED_BY_USERS, Judge, default_timeout_s, middle, storable
from lab.engines.simulated.acts import Acts
from lab.engines.simulated.ahead import Ready, first_delays
from lab.engines.simulated.folder import Ground, SimulatedPlace
from lab.engines.simulated.kernel import MOST_OPERATIONS, Actor, Kernel, Stuck
from lab.engines.simulated.maker import SimulatedMaker
from lab.engines.simulated.store import SharedStore, SimulatedStore, straight_through
from lab.engines.simulated.watchdog import Watchdog
from lab.engines.simulated.world import Diary, SimulatedWorld
from lab.execution import Declared, Ending, Execution
from lab.guard import SectionRaised, Service, described
from lab.scheduler import Scheduler
from lab.schedulers.by_time import ByTime
from lab.store import StagedStore, Store
from lab.trial import Trial
from lab.world.protocol import Stage

STUCK_S = 5.0
"""Seconds of real time for which an actor may go on without an operation."""

_BLOCK = 250
"""Trials whose draws are made together."""

_SMALL = frozenset({bool, int, type(None)})


class SimulatedSession:
    """One cell in virtual time (`is_timed`), or where time orders nothing, to be explored.

    `execute` runs one execution under a scheduler, always from the same state; `run` runs trials in virtual time, ties
    broken by each trial's seed, or by number if the cell's actors are ordered. The delays and draws of a trial are
    those of every engine. With `keeps_history` an execution has its operations, with source lines and results.
    """

    def __init__(
        self,
        cell: Cell,
        seed: int = 1,
        *,
        is_timed: bool = True,
        keeps_history: bool = False,
        timeout_s: float | None = None,
        most_operations: int = MOST_OPERATIONS,
        stuck_s: float = STUCK_S,
    ) -> None:
        self._cell = cell
        self._violations = cell.violations
        self._draw_key = cell.draw_key(seed)
        self._timeout_s = timeout_s or default_timeout_s(cell)
        self._stuck_s = stuck_s
        self._executions = 0
        self._ready: list[Ready] = []
        services = cell.guard.services()
        self.kernel = Kernel(is_timed=is_timed, keeps_history=keeps_history, most_operations=most_operations)
        self.kernel.names = _names(cell, services)
        self.kernel.latest_s = self._timeout_s if is_timed else inf
        self._maker = self._new_maker(cell.processes + len(services))
        cell.scenario.prepare()
        cell.scenario.shared(self._maker)
        cell.guard.shared(self._maker)
        self._diary = Diary(self.kernel)
        self._ground = Ground()
        self._shared_store = SharedStore()
        self._stores = [self._store("coordinator")]
        self._stores[0].create()
        self._stage = Stage(cell.processes, StagedStore(self._stores[0], straight_through))
        self._judge = Judge(cell, self._stage)
        self._acts = Acts(cell, self.kernel)
        self._worlds: list[SimulatedWorld] = []
        self._bodies = [self._body(self._world(actor)) for actor in range(cell.processes)]
        self._services = [
            self._service_body(service, self._world(-1 - number)) for number, service in enumerate(services)
        ]
        self._watchdog = Watchdog(lambda: (self._executions, self.kernel.operations), stuck_s)

    @property
    def objects(self) -> Mapping[str, Declared]:
        """What was declared, by the names that operations use."""
        return self._maker.objects

    def execute(self, scheduler: Scheduler, trial: int = 0) -> Execution:
        """One execution, and the row of its trial."""
        row, ending = self._execute(scheduler, trial, draws.trial_seed(self._draw_key, trial))
        kernel = self.kernel
        names = {actor.number: actor.name for actor in kernel.actors}
        objects, random_line = self._maker.objects, self._diary.random_line
        services = range(self._cell.processes, self._cell.processes + len(self._services))
        return Execution(row, ending, kernel.operations, kernel.events, names, objects, random_line, services=services)

    def run(self, trials: Iterable[int]) -> Iterator[Trial]:
        """Run the trials with these numbers, and yield each as it ends."""
        numbers, is_ordered = iter(trials), self._cell.alignment == "ordered"
        while block := list(islice(numbers, _BLOCK)):
            seeds = draws.trial_seeds(self._draw_key, block)
            delays = list(self._diary.slept.values())
            ready = first_delays(seeds, self._cell.processes, delays) if delays else []
            ahead = {delay.name: id(delay) for delay in delays if delay.kind != "constant"}
            for row, (trial, seed) in enumerate(zip(block, seeds, strict=True)):
                self._ready, self._diary.ahead = (ready[row] if ready else []), ahead
                ended = self._execute(ByTime(None if is_ordered else seed), trial, seed)[0]
                self._ready, self._diary.ahead = [], {}
                yield ended

    def close(self) -> None:
        """Remove every file of the session."""
        self._watchdog.close()
        for store in self._stores:
            store.close()
        self._ground.folder.close()

    # One execution ---------------------------------------------------------------------------------------------------

    def _execute(self, scheduler: Scheduler, trial: int, seed: int) -> tuple[Trial, Ending]:
        self._executions += 1
        self._stage.trial_seed = seed
        try:
            self._watchdog.watch()
            try:
                return self._acted(scheduler, trial, seed)
            finally:
                self._dismiss()
                self._watchdog.rest()
        except Stuck:
            self.kernel.forget()
            detail = f"setup or judge did not come to an end within {self._stuck_s:g} s"
            return self._row(trial, seed, "hang", detail), Ending("stuck")

    def _acted(self, scheduler: Scheduler, trial: int, seed: int) -> tuple[Trial, Ending]:
        self._stage.notes = ()
        self._diary.clear(seed)
        self._maker.restore()
        self._gather()
        try:
            self._cell.scenario.setup(self._stage)
        except RAISED_BY_USERS as error:
            self.kernel.forget()
            return self._row(trial, seed, "raised", f"{described(error)} (in setup)"), Ending("done")
        for world, ready in zip_longest(self._worlds, self._ready):
            world.begin_anew(ready or {})
        self._acts.clear()
        ending = self.kernel.run(self._bodies, self._services, scheduler)
        if ending.kind != "done":
            self._clean_up()
            return self._unfinished(trial, seed, ending), ending
        if ending.waiting:
            self._clean_up()
        if self.kernel.errors and (crash := self._crash()):
            return self._row(trial, seed, "crash", crash), ending
        return self._judged(trial, seed), ending

    def _judged(self, trial: int, seed: int) -> Trial:
        actors = self.kernel.actors[: self._cell.processes]
        returns = [actor.returned for actor in actors]
        if self.kernel.errors or not _SMALL.issuperset(map(type, returns)):
            failure = self._failure(actors)
            if failure:
                return self._row(trial, seed, "raised", failure)
            returns = [actor.returned for actor in actors]
        self._stage.notes = self._diary.notes
        judgement, failure = self._judge.judged(returns)
        if failure:
            return self._row(trial, seed, "raised", failure)
        waits = sorted(self._acts.waits_s.values())
        return Trial(
            trial,
            seed,
            0,
            judgement.outcome,
            "",
            judgement.outcome in self._violations,
            self._acts.end_s,
            middle(waits) if waits else None,
            waits[-1] if waits else None,
            judgement.measures,
        )

    def _failure(self, actors: Sequence[Actor]) -> str:
        """What the first actor that failed has raised; empty if none did."""
        for number, actor in enumerate(actors):
            error = actor.error or (None if type(actor.returned) in _SMALL else self._travel(actor))
            if error is not None:
                detail = str(error) if isinstance(error, SectionRaised) else described(error)
                return f"{detail} (actor {number})"
        return ""

    def _travel(self, actor: Actor) -> BaseException | None:
        # Between processes what is returned is pickled: a body can't tell that here there is only one.
        try:
            actor.returned = pickle.loads(pickle.dumps(actor.returned))
        except Exception as error:  # noqa: BLE001 - what a value does when it is pickled is the body's doing
            return SectionRaised(f"{described(error)} (pickling what the section returned)")
        return None

    def _row(self, trial: int, seed: int, outcome: str, detail: str) -> Trial:
        is_violation = outcome in self._violations
        return Trial(trial, seed, 0, outcome, storable(detail), is_violation, None, None, None, {})

    def _crash(self) -> str:
        """Which service has ended, and by what; empty if none has."""
        for number, actor in enumerate(self.kernel.actors[self._cell.processes :]):
            if actor.error is not None:
                return f"service {number} ended by {described(actor.error)}"
        return ""

    def _unfinished(self, trial: int, seed: int, ending: Ending) -> Trial:
        """The row of a trial in which not every actor came to its end."""
        if crash := self._crash():
            return self._row(trial, seed, "crash", crash)
        if ending.kind == "cut":
            return self._row(trial, seed, "cut", "")
        names = {actor.number: actor.name for actor in self.kernel.actors}
        waiting = [operation for operation in ending.waiting if operation.actor < self._cell.processes]
        waits = ", ".join(f"{names[who.actor]} waits for {' and '.join(who.objects)}" for who in waiting)
        left = ", ".join(names[who.actor] for who in waiting) or "nobody"
        details = {
            "deadlock": f"deadlock: {waits}",
            "late": f"after {self._timeout_s:g} s of virtual time, not done: {left}",
            "endless": f"stopped after {self.kernel.operations:,} operations, not done: {left}",
            "stuck": f"{self.kernel.running.name} went on for {self._stuck_s:g} s without an operation",
        }
        return self._row(trial, seed, "hang", details[ending.kind])

    def _gather(self) -> None:
        """Where actors are more than greenlets: let them be there, before an execution."""

    def _dismiss(self) -> None:
        """And end them, after it."""

    # What is made once -----------------------------------------------------------------------------------------------

    def _new_maker(self, participants: int) -> SimulatedMaker:
        return SimulatedMaker(self.kernel, self._cell.processes, participants)

    def _body(self, world: SimulatedWorld) -> Callable[[], Any]:
        return self._acts.of_actor(world)

    def _service_body(self, service: Service, world: SimulatedWorld) -> Callable[[], Any]:
        return self._acts.of_service(service, world)

    def _store(self, name: str) -> Store:
        return (self._cell.store or Store)(SimulatedPlace(self._ground, name))

    def _store_of(self, number: int) -> Store:
        """The store of an actor, or of a service, whose number is negative."""
        return self._store(f"worker{number}")

    def _clean_up(self) -> None:
        # Somebody was stopped midway, perhaps in the middle of a commit.
        for store in self._stores:
            store.reset()

    def _world(self, number: int) -> SimulatedWorld:
        store = self._store_of(number)
        self._stores.append(store)
        opened = SimulatedStore(self.kernel, self._shared_store, store)
        world = SimulatedWorld(
            number, self._cell.processes, self.kernel, self._maker.primitives, self._diary, opened, number
        )
        self._worlds.append(world)
        return world


def _names(cell: Cell, services: Sequence[Service]) -> list[str]:
    one = cell.scenario.actors.split()[0].removesuffix("s")
    roles = [str(getattr(service, "__name__", "service")).strip("_") for service in services]
    of_services = [f"{role} {number}" if roles.count(role) > 1 else role for number, role in enumerate(roles)]
    return [f"{one} {actor}" for actor in range(cell.processes)] + of_services
