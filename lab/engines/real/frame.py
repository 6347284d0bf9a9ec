"""A frame: where one trial of a crew happens, from the stage that is set for it to the row that it makes.

A stride is the trials that a crew does one after another for one release, each in a frame of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab import draws
from lab.cell import Cell
from lab.engines.real.slots import (
    ACTING,
    BOOL,
    DEADLINE_NS,
    END_NS,
    EXTRA_BYTES,
    IDLE,
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
    Slots,
)
from lab.engines.real.world import place_of, straight_through
from lab.engines.rows import RAISED_BY_USERS, Judge, middle, storable
from lab.guard import described
from lab.store import StagedStore, Store
from lab.trial import Note, Trial
from lab.world.protocol import Stage


class Frame:
    """The coordinator's end of a frame: it sets the stage, and makes the row when all actors are done."""

    def __init__(
        self,
        cell: Cell,
        lane: int,
        draw_key: int,
        slots: Slots,
        files: str,
        primitives: Mapping[tuple[str, str], Any],
    ) -> None:
        self._cell, self._lane, self._draw_key = cell, lane, draw_key
        self.slots = slots
        self._place = place_of(files, slots, primitives, "coordinator")
        self._store = (cell.store or Store)(self._place)
        self._store.create()
        self._stage = Stage(cell.processes, StagedStore(self._store, straight_through))
        self._judge = Judge(cell, self._stage)

    def set_stage(self, trial: int) -> Trial | None:
        """Set it for the trial of this number; its row at once if `setup` raised."""
        self.trial = trial
        self._seed = self._stage.trial_seed = draws.trial_seed(self._draw_key, trial)
        self._stage.notes = ()
        try:
            self._cell.scenario.setup(self._stage)
        except RAISED_BY_USERS as error:
            return self.without_end("raised", f"{described(error)} (in setup)")
        self.slots.clear(self._cell.processes)
        header = self.slots.header
        header[TRIAL_SEED], header[DEADLINE_NS] = self._seed, 0
        return None

    def row(self, start_ns: int) -> Trial:
        """The row of the trial, whose actors are all done and began at `start_ns`, or at the deadline if one was named.

        Its outcome is `raised` if an actor raised something, or what it returned can't be taken or judged.
        """
        numbers = self.slots.read(self._cell.processes)
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
            return self.without_end("raised", failure)
        wall_ns = max(numbers[END_NS::SLOT]) - (self.slots.header[DEADLINE_NS] or start_ns)
        waits = zip(numbers[WAIT_NS::SLOT], numbers[SECTIONS::SLOT], strict=True)
        waits_ns = sorted([wait for wait, sections in waits if sections])
        return Trial(
            self.trial,
            self._seed,
            self._lane,
            judgement.outcome,
            "",
            judgement.outcome in self._cell.violations,
            wall_ns / 1e9,
            middle(waits_ns) / 1e9 if waits_ns else None,
            waits_ns[-1] / 1e9 if waits_ns else None,
            judgement.measures,
        )

    def without_end(self, outcome: str, detail: str) -> Trial:
        """The row of a trial that some actor did not finish, or that could not be judged."""
        return Trial(self.trial, self._seed, self._lane, outcome, storable(detail), True, None, None, None, {})

    def is_done(self) -> bool:
        """True if every actor has come to its end."""
        statuses = self._statuses()
        return IDLE not in statuses and ACTING not in statuses

    def end_ns(self) -> int:
        """When the last of its actors came to its end."""
        return max(self.slots.read(self._cell.processes)[END_NS::SLOT])

    def acting(self) -> list[int]:
        """The actors that have begun and not ended."""
        return [actor for actor, status in enumerate(self._statuses()) if status == ACTING]

    def was_late(self) -> bool:
        """True if an actor was not there when the deadline came at which all were to begin."""
        return any(self.slots.read(self._cell.processes)[IS_LATE::SLOT])

    def close(self) -> None:
        """Give back what the store holds open here."""
        self._store.close()
        self._place.folder.close()

    def _statuses(self) -> list[int]:
        return self.slots.read(self._cell.processes)[STATUS::SLOT]

    def _unpack(self, numbers: Sequence[int], returns: list[Any]) -> str:
        """Take what is no small number, returned values and notes; what was raised or can't be taken, else empty."""
        notes: list[Note] = []
        self._stage.notes = notes
        for actor, status in enumerate(numbers[STATUS::SLOT]):
            try:
                extras = self.slots.extras(actor)
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
