"""What runs inside a process of an execution: an actor or a service, over a world that asks before every operation."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from multiprocessing.connection import Connection
from typing import Any, NoReturn, TypeVar

from lab.delays import Delay
from lab.engines.mirrored import followers
from lab.engines.mirrored.channel import Channel
from lab.engines.mirrored.outcome import Outcome, portable
from lab.engines.simulated.actors import line_of
from lab.guard import SectionRaised, described
from lab.store import OpenStore, Record, Steps, Store
from lab.world import protocol
from lab.world.protocol import World

T = TypeVar("T")


class AskingStore(OpenStore):
    """A real store whose every step is announced."""

    def __init__(self, store: Store, channel: Channel) -> None:
        super().__init__(store, self._straight_on)
        self._channel = channel
        self._call: tuple[Any, ...] = ()

    def read(self) -> Record:
        """The record; TornRead if it is half written."""
        self._call = ("read",)
        return super().read()

    def write(self, record: Record) -> None:
        """Make this the record."""
        self._call = ("write", record)
        super().write(record)

    def append(self, line: str) -> None:
        """Add a line."""
        self._call = ("append", line)
        super().append(line)

    def read_versioned(self) -> tuple[Any, Record]:
        """The record with its version."""
        self._call = ("read_versioned",)
        return super().read_versioned()

    def write_if(self, version: Any, record: Record) -> bool:
        """Make this the record if the version is still that one."""
        self._call = ("write_if", version, record)
        return super().write_if(version, record)

    def begin(self) -> None:
        """Open a transaction."""
        self._call = ("begin",)
        super().begin()

    def commit(self) -> None:
        """Keep what was written since `begin`."""
        self._call = ("commit",)
        super().commit()

    def rollback(self) -> None:
        """Drop what was written since `begin`."""
        self._call = ("rollback",)
        super().rollback()

    def _straight_on(self, steps: Steps[T]) -> T:
        """The steps of one call, each when the controller says so; it tells what the call comes to."""
        channel = self._channel
        channel.tell("store", line_of(sys._getframe(1)) if channel.keeps_lines else "", *self._call)
        ended: Outcome | None = None
        while channel.hear()[0] == "next":
            try:
                channel.tell("step", next(steps))
            except StopIteration as stop:
                ended = Outcome(stop.value)
                channel.tell("ended", *ended)
            except Exception as error:  # noqa: BLE001 - what a store raises is the body's to handle
                ended = Outcome(None, error)
                channel.tell("ended", None, portable(error))
        assert ended is not None, "the controller takes every call to its end"
        return ended.unwrap()  # type: ignore[no-any-return]


class AskingWorld(World):
    """The world of one actor or service."""

    def __init__(
        self,
        actor: int,
        processes: int,
        channel: Channel,
        primitives: Mapping[tuple[str, str], Any],
        store: OpenStore,
        trial_seed: int,
    ) -> None:
        super().__init__()
        self.actor, self.processes, self.store = actor, processes, store
        self._channel, self._primitives = channel, primitives
        self._others: dict[int, AskingWorld] = {}
        self.begin(trial_seed)

    def sleep(self, delay: Delay | float) -> None:
        """Wait that long in virtual time; a zero delay is no operation at all."""
        if isinstance(delay, Delay):
            delay = delay.low if delay.kind == "constant" else delay.quantile(super().random(delay.name))
        if delay > 0:
            self._pause(delay)

    def random(self, name: str = "") -> float:
        """A seeded draw from [0, 1). That a body drew it is told: where schedules are explored, its values are not."""
        self._channel.tell("random", line_of(sys._getframe(1)))
        return super().random(name)

    def note(self, name: str) -> None:
        """Stamp the model's clock."""
        self._channel.ask("note", self.actor, name).unwrap()

    def acting_for(self, actor: int) -> AskingWorld:
        """The world in which a service does this actor's section."""
        if actor not in self._others:
            self._others[actor] = AskingWorld(
                actor, self.processes, self._channel, self._primitives, self.store, self._trial_seed
            )
        return self._others[actor]

    def wait(self, connections: Iterable[protocol.Connection]) -> Sequence[protocol.Connection]:
        """`multiprocessing.connection.wait`."""
        ends = [end for end in connections if isinstance(end, followers.End)]
        return followers.wait(self._channel, ends)

    def _pause(self, seconds: float) -> None:
        self._channel.ask("sleep", seconds).unwrap()

    def _primitive(self, kind: str, name: str) -> Any:
        try:
            return self._primitives[kind, name]
        except KeyError:
            declared = ", ".join(f"{kind} {name!r}" for kind, name in self._primitives) or "none"
            raise LookupError(f"no {kind} {name!r} was declared in shared(), only: {declared}") from None


def participate(connection: Connection, body: Callable[[Channel, int], Any]) -> NoReturn:
    """Do the body, once told to begin, and tell what it comes to. Ends by being killed."""
    # A group of its own, so that what a body starts dies with it. Ctrl-C is the controller's to answer.
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # Results go to stdout; what a body prints is no result.
    os.dup2(2, 1)
    pid = os.getpid()
    channel = Channel(connection)
    channel.keeps_lines, seed = channel.hear()
    try:
        returned = body(channel, seed)
    except BaseException as error:  # noqa: BLE001 - whatever a body raises is an outcome
        told: tuple[Any, ...] = ("raised", portable(error))
    else:
        told = ("returned", returned)
    if os.getpid() != pid:
        os._exit(0)
    try:
        channel.tell(*told)
    except Exception as error:  # noqa: BLE001 - what a value does when it is pickled is the body's doing
        channel.tell("raised", SectionRaised(f"{described(error)} (pickling what the section returned)"))
    while True:
        channel.hear()
