"""A step that a participant has announced, as the controller keeps it until its turn has come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from lab.scheduler import Operation

Names = tuple[str, ...]
After = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Step:
    """An operation and its effect: `do` gives what the participant is answered.

    It can be done while `can` holds. With a `give_up` the participant waits with a timeout, and that is done instead
    when the time is up. `look` tells what it touches and whether it only reads, where that depends on the moment.
    With `is_last_resort` its time is not up before nobody else can go on. `is_local` for what is no choice: it is done
    as soon as it can be. `gives` is false if the participant itself finds out what the operation gave, and tells it.
    """

    kind: str
    names: Names = ()
    do: Callable[[], Any] = lambda: None
    can: Callable[[], bool] | None = None
    is_read: bool = False
    is_data: bool = False
    give_up: Callable[[], Any] | None = None
    give_up_names: Names = ()
    look: Callable[[], tuple[Names, bool]] | None = None
    is_local: bool = False
    gives: bool = True
    is_last_resort: bool = False

    def touching(self, name: str) -> Step:
        """The same, that touches this as well."""
        look = self.look

        def looked() -> tuple[Names, bool]:
            assert look is not None
            names, is_read = look()
            return (*names, name), is_read

        return replace(
            self,
            names=(*self.names, name),
            give_up_names=(*self.give_up_names, name) if self.give_up_names else (),
            look=looked if look else None,
        )

    def is_possible(self) -> bool:
        """True if it can be done now."""
        return self.can is None or self.can()

    def operation(self, actor: int, line: str, after: After = ()) -> Operation:
        """What a scheduler is told of it."""
        names, is_read = self.look() if self.look else (self.names, self.is_read)
        return Operation(actor, self.kind, names, is_read, False, line, 0.0, self.is_data, after)

    def timeout(self, actor: int, line: str, after: After = ()) -> Operation:
        """What a scheduler is told of giving up."""
        return Operation(actor, self.kind, self.give_up_names or self.names, False, True, line, after=after)


class Model(Protocol):
    """The state of a thing that participants share."""

    name: str

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """What this actor announces."""

    def leave(self, actor: int) -> None:
        """This actor has ended: what it held is let go, but for what nobody lets go in earnest."""

    def left_by(self, actor: int) -> Names:
        """What others would notice of it if this actor ended now."""


class Lasting:
    """A model of which an actor's end changes nothing: who holds a lock and dies keeps it."""

    name: str

    def leave(self, actor: int) -> None:
        """Nothing is let go."""

    def left_by(self, actor: int) -> Names:
        """Nothing is noticed."""
        return ()
