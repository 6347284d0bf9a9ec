"""Runs an experiment: its cells in turn, a block of trials each, until all trials are measured and archived."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from shutil import disk_usage

from lab.archive import Archive, crews, done
from lab.cell import Cell
from lab.engines import scratch
from lab.engines.choice import engine_named
from lab.engines.protocol import Engine, Session
from lab.errors import OutputError
from lab.experiments.cost import layout
from lab.experiments.grid import Experiment, Plan, plans
from lab.experiments.lanes import CHECKED, drift
from lab.statistics import rate_interval, sequential_interval
from lab.trial import Trial

FEWEST_CREWS = 10
"""Before so many crews were measured nobody knows how much they differ, and no cell stops."""


_FULL = (f"OSError: [Errno {errno.ENOSPC}]", "OperationalError: database or disk is full")
_ROOM = 1 << 20
"""Bytes that the files of a store may need: with less, what is said of a full disk is believed."""


class Progress:
    """Is told how a run goes on, and tells nobody; override what should be seen."""

    def starts(self, cells: Sequence[Plan], measured: int) -> None:
        """All cells, and how many of their trials an earlier run has measured."""

    def enters(self, cell: Cell, lanes: int) -> None:
        """A block of this cell starts."""

    def ended(self, trial: Trial) -> None:
        """A trial is measured."""

    def skips(self, cell: Cell, trials: int) -> None:
        """So many trials of the cell are not needed any more."""

    def warns(self, text: str) -> None:
        """Something that the user should know, once."""


@dataclass
class _Course:
    """How far a cell has come."""

    plan: Plan
    missing: deque[int]
    block_size: int
    lanes: int
    is_checked: bool
    crews: dict[tuple[int, int], list[int]]
    """Violations and trials of each block on each lane."""

    def next_block(self) -> tuple[int, list[int]]:
        """The number of the block that comes next, and its missing trials."""
        block = self.missing[0] // self.block_size
        numbers = []
        while self.missing and self.missing[0] // self.block_size == block:
            numbers.append(self.missing.popleft())
        return block, numbers


def measure(experiment: Experiment, archive: Archive, progress: Progress) -> None:
    """Run the trials of an experiment that the archive does not hold yet.

    Cells are run interleaved, a block each in turn, so that a drift of the machine does not become a difference between
    guards. On any exception, Ctrl-C included, what was measured is archived, and no process or file is left.
    """
    courses = _courses(experiment, archive, progress)
    directory = Path(experiment.directory) if experiment.directory else None
    with engine_named(experiment.engine, experiment.seed, directory) as engine:
        while courses:
            courses = [course for course in courses if _advance(course, experiment, engine, archive, progress)]


def _courses(experiment: Experiment, archive: Archive, progress: Progress) -> list[_Course]:
    cells = plans(experiment)
    measured = done(archive.folder)
    counted = crews(archive.folder) if measured and experiment.until_width is not None else {}
    progress.starts(cells, sum(len(numbers) for numbers in measured.values()))
    found = []
    for plan in cells:
        known = measured.get(plan.cell.cell_id, set())
        missing = deque(number for number in range(plan.trials) if number not in known)
        lanes, size = layout(experiment, plan)
        before = counted.get(plan.cell.cell_id, {})
        found.append(_Course(plan, missing, size, lanes, experiment.lanes is not None, before))
    return [course for course in found if not _is_done(course, experiment, progress)]


def _is_done(course: _Course, experiment: Experiment, progress: Progress) -> bool:
    """True if all trials are measured, or enough for an interval as narrow as was asked for."""
    width = experiment.until_width
    if course.missing and width is not None and _is_narrow(list(course.crews.values()), width):
        progress.skips(course.plan.cell, len(course.missing))
        return True
    return not course.missing


def _is_narrow(counts: Sequence[Sequence[int]], width: float) -> bool:
    """True if the interval of the violations is, by single trials as well as by crews as a whole."""
    if len(counts) < FEWEST_CREWS:
        return False
    events, trials = zip(*counts, strict=True)
    low, high, _ = sequential_interval(sum(events), sum(trials))
    if high - low > width:
        return False
    # Only now, since it loads numpy, which workers that are forked later have to carry.
    low, high, _ = rate_interval(events, trials, is_sequential=True)
    return high - low <= width


def _advance(course: _Course, experiment: Experiment, engine: Engine, archive: Archive, progress: Progress) -> bool:
    """Run the next block of a cell; False if it needs no further one."""
    block, numbers = course.next_block()
    place = Path(experiment.directory) if experiment.directory else scratch.tmpfs()
    for trial in _block(course, numbers, engine, progress):
        _check_room(trial, place)
        archive.add(course.plan.cell.cell_id, block, trial)
        crew = course.crews.setdefault((block, trial.lane), [0, 0])
        crew[0] += trial.violation
        crew[1] += 1
        progress.ended(trial)
    return not _is_done(course, experiment, progress)


def _check_room(trial: Trial, place: Path) -> None:
    """OutputError if the trial ended for want of room where stores have their files: no outcome of the program."""
    if trial.outcome == "raised" and trial.detail.startswith(_FULL) and disk_usage(place).free < _ROOM:
        raise OutputError(
            f"no room for the store's files in {place}: trial {trial.trial} ended with {trial.detail}. Make room "
            "there, or try --dir with another place; what was measured before is kept."
        )


def _block(course: _Course, numbers: list[int], engine: Engine, progress: Progress) -> Iterator[Trial]:
    cell, timeout_s = course.plan.cell, course.plan.timeout_s
    agreeing = None
    if not course.is_checked and course.lanes > 1:
        progress.enters(cell, 1)
        alone: list[Trial] = []
        with closing(engine.open(cell, 1, timeout_s)) as session:
            for trial in session.run(numbers[:CHECKED]):
                alone.append(trial)
                yield trial
        agreeing = _agreeing(course, alone, engine, progress)
        numbers = numbers[CHECKED:]
    if not (numbers or agreeing):
        return
    with closing(agreeing or engine.open(cell, min(course.lanes, len(numbers)), timeout_s)) as session:
        progress.enters(cell, course.lanes)
        yield from session.run(numbers)


def _agreeing(course: _Course, alone: Sequence[Trial], engine: Engine, progress: Progress) -> Session | None:
    """A session of as many lanes as agree with the trials that were run alone, halved until they do; None of one lane.

    Their repetitions side by side are no rows: these trials are measured already.
    """
    cell, numbers = course.plan.cell, [trial.trial for trial in alone]
    planned, why, agreeing = course.lanes, "", None
    while agreeing is None and course.lanes > 1:
        with ExitStack() as stack:
            session = stack.enter_context(closing(engine.open(cell, course.lanes, course.plan.timeout_s)))
            # Twice, and the second time counts: the first finds every crew cold, and all lanes in step.
            side_by_side = list(session.run([*numbers, *numbers]))[len(numbers) :]
            if found := drift(alone, side_by_side):
                why = found
                course.lanes //= 2
            else:
                stack.pop_all()
                agreeing = session
    if course.lanes < planned:
        progress.warns(f"{cell}: {planned} lanes would falsify it ({why}), so it has {course.lanes}")
    course.is_checked = True
    return agreeing
