"""An execution: one trial as an engine with a scheduler saw it. Plain values, without behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from lab.scheduler import Event, Operation
from lab.trial import Trial


class Ending(NamedTuple):
    """How an execution ended.

    `done`; `deadlock` (nobody could go on); `cut` (by the scheduler); `late` (past the trial's timeout, in virtual
    time); `endless` (too many operations); `stuck` (somebody went on for seconds without an operation).

    `waiting` are the operations that actors had announced and not done, of services too; `able` are those who were not
    blocked, or might have given up.
    """

    kind: str
    waiting: tuple[Operation, ...] = ()
    able: tuple[int, ...] = ()


class Declared(NamedTuple):
    """A primitive as `shared` declared it: its kind, and how often it can be acquired at first (0: it can't be)."""

    kind: str
    permits: int


class Execution(NamedTuple):
    """What happened in one execution.

    `operations` is their number, `events` are they (empty unless a history was kept). `actors` has the names by number,
    such as `buyer 0` or `feeder of queue 'x' (buyer 0)`; actors come first, then `services`, then feeders. `objects`
    has what was declared, by the names that operations use. `random_line` is where a body first drew a number that was
    no delay, empty if none did: what it did with the number was not explored. `doubt` is what else nobody controlled.
    """

    trial: Trial
    ending: Ending
    operations: int
    events: Sequence[Event]
    actors: Mapping[int, str]
    objects: Mapping[str, Declared]
    random_line: str
    doubt: str = ""
    services: Sequence[int] = ()
