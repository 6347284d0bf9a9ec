"""A lane: one crew, which does one trial or stride at a time, and what is done when that goes wrong.

Lanes run side by side.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from lab.cell import Cell
from lab.engines.cores import usable_cores
from lab.engines.real.crew import Crew
from lab.engines.real.frame import Frame
from lab.engines.real.slots import DEADLINE_NS, TRIALS
from lab.errors import UsageError
from lab.trial import Trial

_ALIGN_NS, _MOST_ALIGN_NS = 60_000, 240_000
"""How far ahead the common deadline lies, for each round of processes that the cores can hold: long enough for the last
one to wake up, and short, since who spins for long is preempted. Where every process has a core it follows the machine:
longer by a quarter after a trial for which an actor was late, else a little shorter, so that 1 trial in 50 is late."""

_LONG_STRIDE_NS = 50_000_000
"""A stride that took longer is followed by one of half as many trials: a row is told when its stride has ended."""

_MOST_STARTS = 10

_MOST_VOID = 3
"""How often in a row a trial is begun again because a worker died outside its act."""


class Lane:
    """Begins trials, is told when workers are done or dead, and gives each trial's row."""

    def __init__(self, cell: Cell, number: int, seed: int, timeout_s: float, home: Path, files: Path) -> None:
        self._cell = cell
        self._number = number
        self._draw_key = cell.draw_key(seed)
        self._timeout_s = timeout_s
        self._home, self._files = home, files
        self._crews = 0
        self._frames: list[Frame] = []
        self._under_way: list[Frame] = []
        self.stride = 1
        """How many trials it takes at a time: as many as are done in a moment."""
        self._voids = 0
        self._align_ns = 0
        if cell.alignment == "aligned":
            self._rounds = -(-cell.processes // len(usable_cores()))
            self._align_ns = _ALIGN_NS * self._rounds
        self._start_crew()

    @property
    def is_busy(self) -> bool:
        """True if its crew is at work."""
        return bool(self._under_way)

    def await_ready(self) -> None:
        """Wait until the crew can be released, and open the store; before that, `begin` must not be called."""
        starts = 1
        while not self.crew.await_ready():
            if starts == _MOST_STARTS:
                raise UsageError(
                    f"workers of {self._cell} were killed {starts} times while they started. Is there memory for "
                    f"{self.crew.participants} processes? Try fewer --processes, or --lanes 1."
                )
            self._start_crew()
            starts += 1
        # Opened after the workers have started: a database connection must not be carried through a fork.
        self._frames = [
            Frame(self._cell, self._number, self._draw_key, slots, str(self._crew_files), self.crew.primitives)
            for slots in self.crew.slots
        ]

    def begin(self, trials: Sequence[int]) -> list[Trial]:
        """Set the stage for the trials of these numbers, a stride at most, and release the crew.

        The rows of those whose `setup` raised; if it raised in all of them the crew stays where it is.
        """
        rows = []
        for trial in trials:
            frame = self._frames[len(self._under_way)]
            row = frame.set_stage(trial)
            if row is None:
                self._under_way.append(frame)
            else:
                rows.append(row)
        if self._under_way:
            header = self._frames[0].slots.header
            header[TRIALS] = len(self._under_way)
            self._start_ns = time.monotonic_ns() + self._align_ns
            if self._align_ns:
                header[DEADLINE_NS] = self._start_ns
            self.deadline = self._start_ns / 1e9 + self._timeout_s
            self.crew.release()
        return rows

    def finish(self) -> list[Trial]:
        """The rows of what was under way; to be asked when the crew's `done` is readable.

        A stride that was broken off is begun again where it was.
        """
        self.crew.gather()
        self._follow_stride()
        if self._align_ns and self._rounds == 1:
            self._follow(is_late=self._under_way[0].was_late())
        rows = self._rows(self._done() if len(self._under_way) > 1 else 1)
        if any(row.outcome == "raised" for row in rows) or not self.crew.maker.restore():
            return rows + self._begin_anew()
        if self._under_way:
            rows += self._begin_rest()
        return rows

    def _follow_stride(self) -> None:
        if len(self._frames) > 1:
            is_long = time.monotonic_ns() - self._start_ns > _LONG_STRIDE_NS
            self.stride = max(1, self.stride // 2) if is_long else min(len(self._frames), self.stride * 2)

    def _follow(self, is_late: bool) -> None:
        if is_late:
            self._align_ns = min(_MOST_ALIGN_NS, self._align_ns * 5 // 4)
        else:
            self._align_ns = max(_ALIGN_NS, self._align_ns * 199 // 200)

    def is_overdue(self) -> bool:
        """True if the trial that is under way has had its time; of a stride, counted from the end of the one before."""
        if self.deadline <= time.monotonic() and (done := self._done()):
            self.deadline = self._under_way[done - 1].end_ns() / 1e9 + self._timeout_s
        return self.deadline <= time.monotonic()

    def hang(self) -> list[Trial]:
        """The rows of trials whose time is up; the crew is built anew."""
        rows = self._rows(self._done())
        if self._under_way:
            acting = ", ".join(map(str, self._under_way[0].acting()))
            rows.append(self._without_end("hang", f"after {self._timeout_s:g} s, not done: actor {acting}"))
        return rows + self._begin_anew()

    def crash(self, death: int) -> list[Trial]:
        """The rows of trials in which a worker died; the crew is built anew.

        A trial is begun again if the worker died outside its act: that says nothing about the trial.
        """
        rows = self._rows(self._done())
        if self._under_way:
            participant = list(self.crew.deaths).index(death)
            acting, is_actor = self._under_way[0].acting(), participant < self._cell.processes
            took_part = participant in acting if is_actor else bool(acting)
            self._voids += 1
            if took_part or self._voids > _MOST_VOID:
                who = f"actor {participant}" if is_actor else f"service {participant - self._cell.processes}"
                rows.append(self._without_end("crash", f"{who} ended by {self.crew.ending(death)}"))
        return rows + self._begin_anew()

    def _done(self) -> int:
        """How many trials of the stride have been done: they are the first, since actors do one after the other."""
        return sum(frame.is_done() for frame in self._under_way)

    def _rows(self, done: int) -> list[Trial]:
        """The rows of so many trials that are done; what is under way then begins with the one that is not."""
        ended, self._under_way = self._under_way[:done], self._under_way[done:]
        if ended:
            self._voids = 0
        return [frame.row(self._start_ns) for frame in ended]

    def _without_end(self, outcome: str, detail: str) -> Trial:
        self._voids = 0
        return self._under_way.pop(0).without_end(outcome, detail)

    def _begin_anew(self) -> list[Trial]:
        """Build the crew anew, and begin what is under way again."""
        rest = self._under_way
        self.replace_crew()
        self._under_way = rest
        return self._begin_rest()

    def _begin_rest(self) -> list[Trial]:
        trials = [frame.trial for frame in self._under_way]
        self._under_way = []
        return self.begin(trials)

    def kill(self) -> None:
        """End the workers without waiting for them; `close` is still to come."""
        self.crew.kill()

    def close(self) -> None:
        """End the crew."""
        for frame in self._frames:
            frame.close()
        self._frames, self._under_way = [], []
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
