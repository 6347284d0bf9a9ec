"""The world over multiprocessing, the operating system's clock and its files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from multiprocessing import connection
from typing import Any, TypeVar

from lab.engines.real.folder import RealFolder, RealPlace
from lab.engines.real.slots import TRIAL_SEED, Slots
from lab.store import BUSY, DirectStore, OpenStore, Steps, Store
from lab.trial import Note
from lab.world.protocol import Connection, World

T = TypeVar("T")


def straight_through(steps: Steps[T]) -> T:
    """Do all steps of a store's call at once; what is busy is tried again after a growing pause."""
    tries = 0
    try:
        while True:
            if next(steps) is BUSY:
                _back_off(tries)
                tries += 1
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


def _back_off(tries: int) -> None:
    # A commit in memory takes a microsecond, a transaction with delays in it milliseconds: yield first, then sleep.
    if tries < 20:
        os.sched_yield()
    else:
        time.sleep(min(50e-6 * (tries - 19), 1e-3))


def opened(store: Store) -> OpenStore:
    """The store with plain calls, each run straight through."""
    return _Directly(store) if isinstance(store, DirectStore) else OpenStore(store, straight_through)


class _Directly(OpenStore):
    """A store with plain calls, of which the common ones are its direct ways."""

    def __init__(self, store: DirectStore) -> None:
        super().__init__(store, straight_through)
        # Not by a call more: what lies between a read and a write is the window in which another can come.
        self.read, self.write = store.read_directly, store.write_directly  # type: ignore[method-assign]


class RealWorld(World):
    """The world of one worker; `worker` is its own number in the notes."""

    def __init__(
        self,
        actor: int,
        processes: int,
        primitives: Mapping[tuple[str, str], Any],
        slots: Slots,
        store: OpenStore,
        worker: int,
    ) -> None:
        super().__init__()
        self.actor = actor
        self.processes = processes
        self.store = store
        self._primitives = primitives
        self._slots = slots
        self._worker = worker
        self._notes: list[Note] = []
        self._others: dict[int, RealWorld] = {}

    def note(self, name: str) -> None:
        """Stamp the clock."""
        self._notes.append(Note(self.actor, name, time.monotonic_ns(), self._worker))

    def hand_over_notes(self) -> None:
        """Give the notes made since the last time to the coordinator."""
        if self._notes:
            self._slots.add(self.actor, list(self._notes))
            self._notes.clear()

    def acting_for(self, actor: int) -> RealWorld:
        """The world in which a service does this actor's section in the present trial."""
        if actor not in self._others:
            self._others[actor] = RealWorld(
                actor, self.processes, self._primitives, self._slots, self.store, self._worker
            )
        other = self._others[actor]
        trial_seed = self._slots.header[TRIAL_SEED]
        if other._trial_seed != trial_seed:
            other.begin(trial_seed)
        return other

    def wait(self, connections: Iterable[Connection]) -> Sequence[Connection]:
        """`multiprocessing.connection.wait`."""
        return connection.wait(list(connections))  # type: ignore[arg-type, return-value]

    def _pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def _primitive(self, kind: str, name: str) -> Any:
        try:
            return self._primitives[kind, name]
        except KeyError:
            declared = ", ".join(f"{kind} {name!r}" for kind, name in self._primitives) or "none"
            raise LookupError(f"no {kind} {name!r} was declared in shared(), only: {declared}") from None


def place_of(folder: str, slots: Slots, primitives: Mapping[tuple[str, str], Any], name: str) -> RealPlace:
    """What a store is built on in one process."""
    return RealPlace(RealFolder(folder), slots.store_integers, primitives.get(("lock", "store")), name)
