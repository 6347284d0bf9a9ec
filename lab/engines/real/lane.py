"""A lane: one crew that does one trial at a time, and the judgement of each. Lanes run side by side."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab import draws
from lab.cell import Cell
from lab.engines.real.crew import Crew
from lab.engines.real.slots import (
    ACTING,
    BOOL,
    DEADLINE_NS,
    END_NS,
    EXTRA_BYTES,
    INT,
    IS_LATE,
    IS_SPILLED,
    RAISED,
    SECTIONS,
    SLOT,
    STATUS,
    TRIAL_SEED,
    VALUE,
    WAIT_NS,
)
from lab.engines.real.world import place_of, straight_through
from lab.engines.rows import RAISED_BY_USERS, Judge, middle, storable
from lab.errors import UsageError
from lab.guard import described
from lab.store import StagedStore, Store
from lab.trial import Note, Trial
from lab.world.protocol import Stage

_ALIGN_NS, _MOST_ALIGN_NS = 60_000, 240_000
"""How far ahead the common deadline lies, for each round of processes that the cores can hold: long enough for the last
one to wake up, and short, since who spins for long is preempted. Where every process has a core it follows the machine:
longer by a quarter after a trial for which an actor was late, else a little shorter, so that 1 trial in 50 is late."""

_MOST_STARTS = 10

_MOST_VOID = 3
"""How often in a row a trial is begun again because a worker died outside its act."""


class Lane:
    """Begins trials, is told when workers are done or dead, and makes each trial's row."""

    def __init__(self, cell: Cell, number: int, seed: int, timeout_s: float, home: Path, files: Path) -> None:
        self._cell = cell
        self._number = number
        self._draw_key = cell.draw_key(seed)
        self._timeout_s = timeout_s
        self._home, self._files = home, files
        self._crews = 0
        self._store: Store | None = None
        self._voids = 0
        self._align_ns = 0
        if cell.alignment == "aligned":
            self._rounds = -(-cell.processes // (os.cpu_count() or 1))
            self._align_ns = _ALIGN_NS * self._rounds
        self._start_crew()

    def await_ready(self) -> None:
        """Wait until the crew can be released, and open the store; before that, `begin` must not be called."""
        starts = 1
        while not self.crew.await_ready():
            if starts == _MOST_STARTS:
                raise UsageError(
                    f"workers of {self._cell} were killed {starts} times while they started. Is there memory for "
                    f"{self.crew.slots.participants} processes? Try fewer --processes, or --lanes 1."
                )
            self._start_crew()
            starts += 1
        # Opened after the workers have started: a database connection must not be carried through a fork.
        self._place = place_of(str(self._crew_files), self.crew.slots, self.crew.primitives, "coordinator")
        self._store = (self._cell.store or Store)(self._place)
        self._store.create()
        self._stage = Stage(self._cell.processes, StagedStore(self._store, straight_through))
        self._judge = Judge(self._cell, self._stage)

    def begin(self, trial: int) -> Trial | None:
        """Set the stage and release the crew for the trial of this number; its row at once if `setup` raised."""
        self._trial = trial
        self._seed = self._stage.trial_seed = draws.trial_seed(self._draw_key, trial)
        self._stage.notes = ()
        try:
            self._cell.scenario.setup(self._stage)
        except RAISED_BY_USERS as error:
            return self._without_end("raised", f"{described(error)} (in setup)")
        slots = self.crew.slots
        slots.clear(self._cell.processes)
        slots.header[TRIAL_SEED] = self._seed
        self._start_ns = time.monotonic_ns() + self._align_ns
        if self._align_ns:
            slots.header[DEADLINE_NS] = self._start_ns
        self.deadline = self._start_ns / 1e9 + self._timeout_s
        self.crew.release()
        return None

    def finish(self) -> Trial:
        """The row of the trial whose actors are all done; to be asked when the crew's `done` is readable."""
        self._voids = 0
        self.crew.gather()
        numbers = self.crew.slots.read(self._cell.processes)
        if self._align_ns and self._rounds == 1:
            self._follow(is_late=any(numbers[IS_LATE::SLOT]))
        returns: list[Any] = [
            value != 0 if status == BOOL else value if status == INT else None
            for status, value in zip(numbers[STATUS::SLOT], numbers[VALUE::SLOT], strict=True)
        ]
        failure = ""
        if any(numbers[EXTRA_BYTES::SLOT]) or any(numbers[IS_SPILLED::SLOT]):
            failure = self._unpack(numbers, returns)
        if not failure:
            judgement, failure = self._judge.judged(returns)
        if failure:
            return self._broken("raised", failure)
        wall_ns = max(numbers[END_NS::SLOT]) - self._start_ns
        waits = zip(numbers[WAIT_NS::SLOT], numbers[SECTIONS::SLOT], strict=True)
        waits_ns = sorted([wait for wait, sections in waits if sections])
        if not self.crew.maker.restore():
            self.replace_crew()
        return Trial(
            self._trial,
            self._seed,
            self._number,
            judgement.outcome,
            "",
            judgement.outcome in self._cell.violations,
            wall_ns / 1e9,
            middle(waits_ns) / 1e9 if waits_ns else None,
            waits_ns[-1] / 1e9 if waits_ns else None,
            judgement.measures,
        )

    def _unpack(self, numbers: Sequence[int], returns: list[Any]) -> str:
        """Take what is no small number, returned values and notes; what was raised or can't be taken, else empty."""
        notes: list[Note] = []
        self._stage.notes = notes
        for actor, status in enumerate(numbers[STATUS::SLOT]):
            try:
                extras = self.crew.slots.extras(actor)
            except RAISED_BY_USERS as error:
                return f"{described(error)} (unpickling what actor {actor} returned)"
            for extra in extras:
                if isinstance(extra, list):
                    notes += extra
                else:
                    returns[actor] = extra[1]
            if status == RAISED:
                return f"{returns[actor]} (actor {actor})"
        return ""

    def _follow(self, is_late: bool) -> None:
        if is_late:
            self._align_ns = min(_MOST_ALIGN_NS, self._align_ns * 5 // 4)
        else:
            self._align_ns = max(_ALIGN_NS, self._align_ns * 199 // 200)

    def hang(self) -> Trial:
        """The row of a trial whose time is up; the crew is built anew."""
        statuses = self.crew.slots.read(self._cell.processes)[STATUS::SLOT]
        waiting = ", ".join(str(actor) for actor, status in enumerate(statuses) if status == ACTING)
        return self._broken("hang", f"after {self._timeout_s:g} s, not done: actor {waiting}")

    def crash(self, death: int) -> Trial | None:
        """The row of a trial in which a worker died; the crew is built anew.

        None, and the trial is begun again, if the worker died outside its act: that says nothing about the trial.
        """
        participant = list(self.crew.deaths).index(death)
        statuses = self.crew.slots.read(self._cell.processes)[STATUS::SLOT]
        is_actor = participant < self._cell.processes
        took_part = statuses[participant] == ACTING if is_actor else ACTING in statuses
        self._voids += 1
        if not took_part and self._voids <= _MOST_VOID:
            self.replace_crew()
            return self.begin(self._trial)
        who = f"actor {participant}" if is_actor else f"service {participant - self._cell.processes}"
        return self._broken("crash", f"{who} ended by {self.crew.ending(death)}")

    def kill(self) -> None:
        """End the workers without waiting for them; `close` is still to come."""
        self.crew.kill()

    def close(self) -> None:
        """End the crew."""
        if self._store is not None:
            self._store.close()
            self._place.folder.close()
        self.crew.close()

    def replace_crew(self) -> None:
        """End the crew, and build another with new primitives and files."""
        self.close()
        self._start_crew()
        self.await_ready()

    def _start_crew(self) -> None:
        self._crews += 1
        home, self._crew_files = (root / f"{self._number}.{self._crews}" for root in (self._home, self._files))
        self.crew = Crew(self._cell, home, self._crew_files)

    def _broken(self, outcome: str, detail: str) -> Trial:
        self._voids = 0
        self.replace_crew()
        return self._without_end(outcome, detail)

    def _without_end(self, outcome: str, detail: str) -> Trial:
        """The row of a trial that some actor did not finish, or that could not be judged."""
        return Trial(self._trial, self._seed, self._number, outcome, storable(detail), True, None, None, None, {})
