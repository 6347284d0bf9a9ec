"""The records of a measurement: outcomes, notes, judgements and trials. Plain values, without behaviour or I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Grade = Literal["ok", "interesting", "violation"]
Measure = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a trial may end: its grade, and a line that explains it."""

    grade: Grade
    explanation: str


def ok(explanation: str) -> Outcome:
    """An outcome that the program promises."""
    return Outcome("ok", explanation)


def interesting(explanation: str) -> Outcome:
    """An outcome that breaks no promise and still surprises."""
    return Outcome("interesting", explanation)


def violation(explanation: str) -> Outcome:
    """An outcome that must not happen."""
    return Outcome("violation", explanation)


ENGINE_OUTCOMES = {
    "hang": violation("an actor was not done when the time was up"),
    "crash": violation("a process died"),
    "raised": violation("the body raised an exception"),
}


class Note(NamedTuple):
    """A stamp that an actor made with `world.note`: when, on the monotonic clock in nanoseconds, and in which worker.

    `worker` numbers the process that made the stamp: an actor's own number, or of a service -1, -2, …
    """

    actor: int
    name: str
    time_ns: int
    worker: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """What `judge` says of a trial: the name of a declared outcome, and measures that become columns."""

    outcome: str
    measures: Mapping[str, Measure] = field(default_factory=dict)


_CELL = "cell_id scenario guard store processes delay engine alignment start_method"
_TRIAL = "lane block trial seed outcome detail violation interesting wall_s wait_median_s wait_max_s"
_RATES = (
    "lanes trials violations violation_rate violation_low violation_high interesting_rate interesting_low "
    "interesting_high interesting_interval oversell_rate oversell_low oversell_high"
)
_TIMES = "wall_median_s wall_low_s wall_high_s wall_p95_s throughput_per_s slowdown slowdown_low slowdown_high"
RESERVED = frozenset(f"{_CELL} {_TRIAL} {_RATES} {_TIMES} interval excluded".split())
"""Columns of `lab`, which no parameter and no measure may be called."""


class Trial(NamedTuple):
    """One run of all actors from one setup: a row of the results, less the columns of its cell.

    A named tuple, since a run makes one for every trial: 0.4 us where a frozen dataclass takes 3 us.
    Durations are in seconds, None where an actor did not finish (`hang`, `crash`, `raised`) or nothing was waited for.
    """

    trial: int
    seed: int
    lane: int
    outcome: str
    detail: str
    violation: bool
    wall_s: float | None
    wait_median_s: float | None
    wait_max_s: float | None
    measures: Mapping[str, Measure]
