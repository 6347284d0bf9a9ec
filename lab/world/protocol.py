"""The world: what a body is handed instead of `multiprocessing`, `time` and `open`.

Its primitives behave as multiprocessing's do; a body can't tell which engine it runs on. Nothing here knows an engine.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from lab import draws
from lab.delays import Delay
from lab.store import OpenStore
from lab.trial import Note


class Lock(Protocol):
    """`Lock`, `RLock`, `Semaphore` and `BoundedSemaphore` of multiprocessing."""

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """True once it is held; False if it could not be had within `timeout` seconds, or at once with block=False."""

    def release(self) -> None:
        """Let go; ValueError or AssertionError as multiprocessing raises them where it is not held."""

    def __enter__(self) -> bool: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class FileLock(Protocol):
    """An advisory lock on a file of its own, by `flock`."""

    def acquire(self, block: bool = True) -> bool:
        """True once it is held; False with block=False if somebody else holds it."""

    def release(self) -> None:
        """Let go."""


class Event(Protocol):
    """`multiprocessing.Event`."""

    def is_set(self) -> bool: ...
    def set(self) -> None: ...
    def clear(self) -> None: ...
    def wait(self, timeout: float | None = None) -> bool: ...


class Condition(Lock, Protocol):
    """`multiprocessing.Condition`."""

    def wait(self, timeout: float | None = None) -> bool: ...
    def notify(self, n: int = 1) -> None: ...
    def notify_all(self) -> None: ...


class Barrier(Protocol):
    """`multiprocessing.Barrier`."""

    def wait(self, timeout: float | None = None) -> int: ...
    def reset(self) -> None: ...
    def abort(self) -> None: ...


class Queue(Protocol):
    """`multiprocessing.Queue`."""

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None: ...
    def get(self, block: bool = True, timeout: float | None = None) -> Any: ...
    def empty(self) -> bool: ...
    def qsize(self) -> int: ...


class Connection(Protocol):
    """One end of `multiprocessing.Pipe`."""

    def send(self, obj: Any) -> None: ...
    def recv(self) -> Any: ...
    def poll(self, timeout: float = 0.0) -> bool: ...


class Value(Protocol):
    """`multiprocessing.Value('q')`: one shared whole number, with its own recursive lock."""

    value: int

    def get_lock(self) -> Lock: ...


class Maker(Protocol):
    """What `shared` is handed: declares named primitives, before any worker starts, in the state each trial finds."""

    processes: int

    def lock(self, name: str) -> None: ...
    def rlock(self, name: str) -> None: ...
    def semaphore(self, name: str, value: int = 1) -> None: ...
    def bounded_semaphore(self, name: str, value: int = 1) -> None: ...
    def file_lock(self, name: str) -> None: ...
    def event(self, name: str) -> None: ...
    def condition(self, name: str) -> None: ...
    def barrier(self, name: str, parties: int) -> None: ...
    def queue(self, name: str, maxsize: int = 0) -> None: ...
    def pipe(self, name: str) -> None: ...
    def value(self, name: str, initial: int = 0) -> None: ...


class World(ABC):
    """What an actor sees: time, chance, shared state, and its own notes."""

    actor: int
    processes: int
    store: OpenStore

    def __init__(self) -> None:
        self._trial_seed = 0
        self._drawn: dict[str, int] = {}

    def begin(self, trial_seed: int) -> None:
        """Forget the last trial; the engine calls it."""
        self._trial_seed = trial_seed
        self._drawn.clear()

    def sleep(self, delay: Delay | float) -> None:
        """Wait that long (a number is seconds); a zero delay is no operation at all."""
        if isinstance(delay, Delay):
            if delay.is_zero:
                return
            delay = delay.quantile(0.0 if delay.kind == "constant" else self.random(delay.name))
        if delay > 0:
            self._pause(delay)

    def random(self, name: str = "") -> float:
        """A seeded draw from [0, 1): the same for this actor in this trial whatever the guard, store and engine."""
        index = self._drawn.get(name, 0)
        self._drawn[name] = index + 1
        return draws.uniform(self._trial_seed, self.actor, name, index)

    def with_store(self, store: OpenStore) -> Self:
        """This world, with another view of the store."""
        other = copy.copy(self)
        other.store = store
        return other

    @abstractmethod
    def note(self, name: str) -> None:
        """Stamp the clock, in the actor's own memory: no operation that another actor could see."""

    @abstractmethod
    def acting_for(self, actor: int) -> World:
        """The world in which a service does an actor's section: that actor's draws and notes."""

    @abstractmethod
    def wait(self, connections: Iterable[Connection]) -> Sequence[Connection]:
        """The ends that have something to receive, at least one, as `multiprocessing.connection.wait`."""

    @abstractmethod
    def _pause(self, seconds: float) -> None: ...

    @abstractmethod
    def _primitive(self, kind: str, name: str) -> Any:
        """The declared primitive; LookupError, which names the known ones, if there is none of that kind and name."""

    def lock(self, name: str) -> Lock:
        """The Lock that `shared` declared."""
        return self._primitive("lock", name)  # type: ignore[no-any-return]

    def rlock(self, name: str) -> Lock:
        """The RLock that `shared` declared."""
        return self._primitive("rlock", name)  # type: ignore[no-any-return]

    def semaphore(self, name: str) -> Lock:
        """The Semaphore that `shared` declared."""
        return self._primitive("semaphore", name)  # type: ignore[no-any-return]

    def bounded_semaphore(self, name: str) -> Lock:
        """The BoundedSemaphore that `shared` declared."""
        return self._primitive("bounded_semaphore", name)  # type: ignore[no-any-return]

    def file_lock(self, name: str) -> FileLock:
        """The file lock that `shared` declared."""
        return self._primitive("file_lock", name)  # type: ignore[no-any-return]

    def event(self, name: str) -> Event:
        """The Event that `shared` declared, not set at the start of a trial."""
        return self._primitive("event", name)  # type: ignore[no-any-return]

    def condition(self, name: str) -> Condition:
        """The Condition that `shared` declared."""
        return self._primitive("condition", name)  # type: ignore[no-any-return]

    def barrier(self, name: str) -> Barrier:
        """The Barrier that `shared` declared."""
        return self._primitive("barrier", name)  # type: ignore[no-any-return]

    def queue(self, name: str) -> Queue:
        """The Queue that `shared` declared."""
        return self._primitive("queue", name)  # type: ignore[no-any-return]

    def pipe(self, name: str) -> tuple[Connection, Connection]:
        """Both ends of the Pipe that `shared` declared."""
        return self._primitive("pipe", name)  # type: ignore[no-any-return]

    def value(self, name: str) -> Value:
        """The Value that `shared` declared."""
        return self._primitive("value", name)  # type: ignore[no-any-return]


@dataclass(slots=True)
class Stage:
    """The world before and after a trial, when no actor runs: what `setup` and `judge` are handed."""

    processes: int
    store: OpenStore
    trial_seed: int = 0
    notes: Sequence[Note] = field(default=())

    def random(self, name: str = "") -> float:
        """A seeded draw from [0, 1), one for each name, the same whatever the guard, store and engine."""
        return draws.uniform(self.trial_seed, -1, name, 0)

    def noted(self, name: str) -> list[Note]:
        """The notes of that name, in the order of their stamps."""
        if not self.notes:
            return []
        return sorted((note for note in self.notes if note.name == name), key=lambda note: note.time_ns)
