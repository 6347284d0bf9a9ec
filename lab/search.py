"""The search of one cell: executions by a strategy, what they ended in, and the shortest schedule of each ending."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Protocol

from lab.conflict import Conflict, by_line, sentence
from lab.execution import Execution
from lab.happens_before import conflicts
from lab.kinds import family
from lab.loose_ends import loose_end
from lab.renaming import by_present_names
from lab.schedule import Choice, choice_of
from lab.scheduler import Departed, Event, Operation, Scheduler
from lab.schedulers.bounded import Bounded
from lab.schedulers.checks import Budget, Metrics, RunTwice

UNREPEATED = "the program does not repeat itself"


class Session(Protocol):
    """A cell on an engine that a scheduler drives."""

    def execute(self, scheduler: Scheduler) -> Execution:
        """Run one execution."""


class Shape(NamedTuple):
    """How long a schedule is: what is compared to call one shorter."""

    preemptions: int
    operations: int


@dataclass
class Seen:
    """One outcome of a search: how often, and the shortest execution that ended so."""

    executions: int
    shape: Shape
    choices: tuple[Choice, ...]
    detail: str
    is_shortest: bool = False


@dataclass
class Tally:
    """What a search has seen up to now. `doubt` is why no proof can follow from it, empty if one can.

    `is_reduced` if the strategy completes no two executions of one class, so that they need not be told apart.
    """

    is_reduced: bool
    is_stopped: bool = False
    """True if the doubt leaves nothing to search for."""
    executions: int = 0
    redundant: int = 0
    deepest: int = 0
    doubt: str = ""
    seen: dict[str, Seen] = field(default_factory=dict)
    _classes: set[int] = field(default_factory=set)
    _conflicts: dict[tuple[str, ...], tuple[Conflict, Mapping[int, str]]] = field(default_factory=dict)

    def merge(self, other: Tally) -> None:
        """Take in what another search of the same cell has seen."""
        self.executions += other.executions
        self.redundant += other.redundant
        self.deepest = max(self.deepest, other.deepest)
        self.doubt = self.doubt or other.doubt
        self.is_stopped |= other.is_stopped
        self._classes |= other._classes
        self._conflicts = {**other._conflicts, **self._conflicts}
        for name, seen in other.seen.items():
            known = self.seen.setdefault(name, seen)
            if known is not seen:
                executions = known.executions + seen.executions
                self.seen[name] = replace(min(known, seen, key=lambda one: one.shape), executions=executions)

    def add(self, execution: Execution, metrics: Metrics) -> None:
        """Take in how an execution ended."""
        kind, trial = execution.ending.kind, execution.trial
        self.executions += 1
        self.deepest = max(self.deepest, len(metrics.taken))
        if kind == "cut":
            self.redundant += 1
            return
        if kind in _ENDLESS:
            endless = f"an execution had no end: {trial.detail}"
            if execution.doubt:  # which is mostly why
                endless = execution.doubt if trial.detail in execution.doubt else f"{execution.doubt}; {endless}"
            self.doubt, self.is_stopped = self.doubt or endless, True
            return
        if execution.random_line:
            self.doubt = self.doubt or (
                f"the body draws a random value at {execution.random_line}, and only one value was tried"
            )
        self.doubt = self.doubt or execution.doubt
        if self.is_reduced:
            self.doubt = self.doubt or loose_end(execution, metrics.taken)
        else:
            self._classes.add(class_of(metrics.taken))
        for conflict in conflicts_of(execution):
            earlier, later = conflict.earlier.operation, conflict.later.operation
            key = (conflict.object, earlier.line, earlier.kind, later.line, later.kind)
            if key not in self._conflicts:
                self._conflicts[key] = (conflict, execution.actors)
        shape = Shape(metrics.preemptions, len(metrics.taken))
        known = self.seen.get(trial.outcome)
        if known is None:
            self.seen[trial.outcome] = Seen(1, shape, tuple(map(choice_of, metrics.taken)), trial.detail)
            return
        known.executions += 1
        if shape < known.shape:
            known.shape, known.choices, known.detail = shape, tuple(map(choice_of, metrics.taken)), trial.detail

    @property
    def conflicts(self) -> list[str]:
        """A sentence for each pair of source lines whose accesses nothing orders, those that tell most first."""
        names = {id(conflict): actors for conflict, actors in self._conflicts.values()}
        found = by_line([conflict for conflict, _ in self._conflicts.values()])
        return [sentence(conflict, names[id(conflict)]) for conflict in found]

    @property
    def classes(self) -> int:
        """How many executions differ in more than the order of independent operations."""
        return self.executions - self.redundant if self.is_reduced else len(self._classes)


_ENDLESS = ("endless", "stuck")
"""Endings of executions that were stopped: how they would have ended, nobody knows."""


def conflicts_of(execution: Execution) -> list[Conflict]:
    """The accesses of an execution that nothing orders; none without a history. Files go by their present names."""
    permits = {name: declared.permits for name, declared in execution.objects.items()}
    found = conflicts(execution.events, permits)
    if not any(family(conflict.object) == "file" for conflict in found):
        return found
    told = by_present_names(execution.events)
    return [conflict._replace(object=_present_name(conflict, told[conflict.places[1]])) for conflict in found]


def _present_name(conflict: Conflict, told: Event) -> str:
    place = conflict.later.operation.objects.index(conflict.object)
    return told.operation.objects[place]


class Limits(NamedTuple):
    """When a search ends before it is done (None: never); `used_s` of the seconds went before it."""

    executions: int | None = None
    seconds: float | None = 60.0
    used_s: float = 0.0


Told = Callable[[Tally], None]
"""Is told after each execution how a search goes on."""


def search(
    session: Session, strategy: Scheduler, tally: Tally, limits: Limits, told: Told, *, run_twice: int = 5
) -> str:
    """Run executions into the tally until the strategy has no more, or the limits say so.

    Returns which limit was met, empty if none was. On KeyboardInterrupt the tally has all that was found.
    """
    budget = Budget(strategy, limits.executions, limits.seconds, limits.used_s)
    metrics = Metrics(budget)
    twice = RunTwice(metrics, first=run_twice)
    try:
        while twice.begin():
            execution = session.execute(twice)
            if budget.spent:
                break
            twice.end(execution.ending.waiting)
            if twice.is_repetition:
                continue
            tally.add(execution, metrics)
            told(tally)
            if tally.is_stopped:
                break
    except Departed as departed:
        tally.doubt, tally.is_stopped = f"{UNREPEATED}: {departed}", True
    return budget.spent


def shorten(session: Session, tally: Tally, wanted: Sequence[str], seconds: float) -> None:
    """Look for the shortest schedules of the wanted outcomes: with no preemption, then with one, and so on.

    Of several that are shortest the first one in this order is kept, whichever the search had met.
    """
    bounded = Bounded(max((tally.seen[name].shape.preemptions for name in wanted), default=0))
    metrics = Metrics(bounded)
    budget = Budget(metrics, None, seconds)
    met: set[str] = set()
    while budget.begin():
        if all(tally.seen[name].shape.preemptions < bounded.preemptions for name in wanted):
            break
        execution = session.execute(budget)
        budget.end(execution.ending.waiting)
        name, shape = execution.trial.outcome, Shape(metrics.preemptions, len(metrics.taken))
        if execution.ending.kind == "cut" or name not in wanted:
            continue
        known = tally.seen[name]
        if shape < known.shape or (shape == known.shape and name not in met):
            met.add(name)
            known.shape, known.choices = shape, tuple(map(choice_of, metrics.taken))
            known.detail = execution.trial.detail
    for name in wanted:
        tally.seen[name].is_shortest = not budget.spent or tally.seen[name].shape.preemptions < bounded.preemptions


def class_of(operations: Sequence[Operation]) -> int:
    """A number that two executions share if they differ in the order of independent operations alone.

    Mazurkiewicz, "Trace theory", 1987: that order is told by each actor's operations, and by those on each object, with
    reads that stand together in any order.
    """
    actors: dict[int, list[tuple[str, tuple[str, ...], bool]]] = {}
    objects: dict[str, list[list[int]]] = {}
    was_read: dict[str, bool] = {}
    for operation in operations:
        actors.setdefault(operation.actor, []).append((operation.kind, operation.objects, operation.is_timeout))
        for name in operation.objects:
            runs = objects.setdefault(name, [])
            if operation.is_read and was_read.get(name):
                runs[-1].append(operation.actor)
            else:
                runs.append([operation.actor])
            was_read[name] = operation.is_read
    by_actor = tuple(sorted((actor, tuple(steps)) for actor, steps in actors.items()))
    by_object = tuple(sorted((name, tuple(tuple(sorted(run)) for run in runs)) for name, runs in objects.items()))
    return hash((by_actor, by_object))
