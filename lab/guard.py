"""Guards: what protects a section. A guard knows the world and a section, no scenario and no engine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from lab.store import Store
from lab.world.protocol import Maker, World

Section = Callable[[World, int], Any]
"""A section as the engine hands it to a guard: `section(world, actor)` does it and returns what it returned."""

Service = Callable[[Section, World], None]
"""What a service does from its start until the engine ends it."""


def described(error: BaseException) -> str:
    """The name and text of what was raised, whatever its own `__str__` does."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # noqa: BLE001 - it is the user's, like the error itself
        return type(error).__name__


class SectionRaised(Exception):
    """A section raised while a service did it; its text is the name and text of what was raised."""


class Guard:
    """Protects nothing, until `run` is overridden. Equal by its text form, such as `semaphore(2)`."""

    name: ClassVar[str]
    needs_store: ClassVar[type[Store]] = Store
    """What a store must be able to do."""

    def shared(self, make: Maker) -> None:
        """Declare the primitives that it uses, once a crew."""

    def services(self) -> Sequence[Service]:
        """The services that it needs, a process each; they are not counted in `processes`."""
        return ()

    def admits(self, processes: int) -> int:
        """How many of so many actors may be in the section at a time; for estimates."""
        return 1

    def run(self, section: Section, world: World, actor: int) -> Any:
        """Do the section for this actor, protected, and return what it returned."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))


class CountedGuard(Guard):
    """A guard with a number in its text form, such as the 4 of `semaphore(4)`."""

    def __init__(self, count: int) -> None:
        self.count = count

    def admits(self, processes: int) -> int:
        """As many as its number says."""
        return min(self.count, processes)

    def __str__(self) -> str:
        return f"{self.name}({self.count})"
