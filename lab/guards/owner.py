"""Pass messages instead of sharing state: actors ask a service that owns it, which does the section and answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lab.guard import CountedGuard, Guard, Section, SectionRaised, Service, described
from lab.world.protocol import Maker, World


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service sends back: what the section returned, or what it raised, as text."""

    returned: Any
    raised: str | None

    def unwrap(self) -> Any:
        """What the section returned; SectionRaised if it raised."""
        if self.raised is not None:
            raise SectionRaised(self.raised)
        return self.returned


def answer(section: Section, world: World, actor: int) -> Answer:
    """Do the section on behalf of an actor."""
    try:
        return Answer(section(world.acting_for(actor), actor), None)
    except Exception as error:  # noqa: BLE001 - whatever a body raises is the actor's outcome, and the service goes on
        return Answer(None, described(error))


class QueueGuard(Guard):
    """One owner; actors put their numbers into its Queue, and each waits at a Queue of its own for the answer."""

    name = "queue"

    def shared(self, make: Maker) -> None:
        """Declare the owner's queue, and one for each actor's answers."""
        make.queue("requests")
        for actor in range(make.processes):
            make.queue(f"answers {actor}")

    def services(self) -> Sequence[Service]:
        """The owner."""
        return (self._owner,)

    def run(self, section: Section, world: World, actor: int) -> Any:
        """Ask the owner, and wait for its answer."""
        world.queue("requests").put(actor)
        return world.queue(f"answers {actor}").get().unwrap()

    def _owner(self, section: Section, world: World) -> None:
        requests = world.queue("requests")
        while True:
            actor = requests.get()
            world.queue(f"answers {actor}").put(answer(section, world, actor))


class PoolGuard(CountedGuard, QueueGuard):
    """k owners at one queue: at most k sections at a time, done by k processes however many actors ask."""

    name = "pool"

    def services(self) -> Sequence[Service]:
        """The k processes of the pool."""
        return (self._owner,) * self.count


class PipeGuard(Guard):
    """One owner with a Pipe to each actor: no lock between the actors, and no thread behind a queue."""

    name = "pipe"

    def shared(self, make: Maker) -> None:
        """Declare a pipe for each actor."""
        for actor in range(make.processes):
            make.pipe(f"pipe {actor}")

    def services(self) -> Sequence[Service]:
        """The owner."""
        return (self._owner,)

    def run(self, section: Section, world: World, actor: int) -> Any:
        """Ask the owner, and wait for its answer."""
        actors_end, _ = world.pipe(f"pipe {actor}")
        actors_end.send(actor)
        return actors_end.recv().unwrap()

    def _owner(self, section: Section, world: World) -> None:
        ends = [world.pipe(f"pipe {actor}")[1] for actor in range(world.processes)]
        while True:
            for end in world.wait(ends):
                end.send(answer(section, world, end.recv()))
