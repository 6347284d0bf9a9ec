"""Schedulers: what chooses the next actor. An engine with a scheduler asks before every operation; no strategy is here.

An engine announces what each actor is about to do, the scheduler chooses one of those that can be done now, and the
engine does it. An engine touches no strategy and a strategy no engine: this protocol is all they know of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

Key = tuple[int, bool]


class Operation(NamedTuple):
    """One visible step of an actor, announced before it is done.

    `objects` are the names of what it touches; with none it concerns nobody else. Two operations that touch one object
    commute if both only read it (`is_read`), and are in conflict otherwise. An actor that waits with a timeout has two
    operations to choose from: what it waits for, and that its time is up (`is_timeout`). `is_data` tells a plain access
    to shared data from one that synchronises. `line` is the source line of the body, such as `ticket_sale.py:36`, empty
    if nobody asked for it. `ready_at` is in seconds of virtual time, 0 where time orders nothing. `after` tells what it
    could not have come before, on whatever object: of which actors how many operations, as of a process that was waited
    for all, and of the one that started it those until then.

    A named tuple, since an engine makes one for every step.
    """

    actor: int
    kind: str
    objects: tuple[str, ...] = ()
    is_read: bool = False
    is_timeout: bool = False
    line: str = ""
    ready_at: float = 0.0
    is_data: bool = False
    after: tuple[tuple[int, int], ...] = ()

    @property
    def key(self) -> Key:
        """Who does it, and whether it is a timeout: one of the choices at a moment."""
        return self.actor, self.is_timeout

    def conflicts_with(self, other: Operation) -> bool:
        """True if the order of the two could matter: one actor's, or on one object and not both reads."""
        if self.actor == other.actor:
            return True
        if self.is_read and other.is_read:
            return False
        if self.objects == other.objects:
            return bool(self.objects)
        return not set(self.objects).isdisjoint(other.objects)


class Event(NamedTuple):
    """An operation that was done: what it gave (text, empty if nothing is to be told), and when, in seconds."""

    operation: Operation
    result: str
    time_s: float


class Cut(Exception):
    """Raised by a scheduler to end an execution: nothing that is not known already lies ahead of it."""


class Departed(Exception):
    """Raised by a scheduler that repeats an execution and can't: the program did something else this time."""


class Scheduler(Protocol):
    """A strategy. An execution is `begin`, a `choose` for each operation, and `end`."""

    asks_always: bool
    """False if an operation that alone can be done is done without asking: nothing is to be chosen then. A search must
    see every operation, and says True."""

    def begin(self) -> bool:
        """A new execution starts, from the same state as every other. False if nothing is left to execute."""

    def choose(self, enabled: Sequence[Operation], current: int | None) -> int:
        """Which of the operations that can be done now is done: its place in `enabled`.

        `enabled` is never empty, and in an order that depends on the past of this execution alone. `current` is the
        actor of the last operation, None before the first. Raises Cut to end the execution.
        """

    def end(self, waiting: Sequence[Operation]) -> None:
        """The execution ended, and these operations were announced and never done: what a deadlock is made of."""
