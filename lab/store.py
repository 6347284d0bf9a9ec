"""Stores: where shared state lives, as generators of named steps, written once for all engines.

A step is announced (`yield "truncate"`) before it is done, so an engine with a scheduler can stop an actor there, and
the real one runs the generator straight through. Nothing in a store blocks: what must wait yields `BUSY`, and tries
again.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import IO, Any, ClassVar, Protocol, TypeVar

from lab.errors import UsageError

T = TypeVar("T")
Steps = Generator[str, None, T]
Record = dict[str, Any]

BUSY = "busy"
READS = frozenset({"read", "read version"})
"""Names of steps that change nothing, so that their order among themselves does not matter."""
SHARED_INTEGERS = 128
"""How many whole numbers of 64 bits a place offers."""


class TornRead(Exception):
    """A reader met a half-written record."""


class Folder(Protocol):
    """A folder for a store's files: a real one, or one in memory."""

    def open(self, name: str, mode: str = "r") -> IO[str]:
        """The built-in `open`, in this folder."""

    def path(self, name: str) -> str:
        """The path of a file in it."""

    def load(self, name: str) -> bytes:
        """A whole file, by the shortest way."""

    def save(self, name: str, content: bytes) -> None:
        """Make this the whole file, by the shortest way."""

    def replace(self, source: str, target: str) -> None:
        """`os.replace`, in this folder: one atomic step."""

    def claim(self, name: str) -> bool:
        """Create the file, or False if it exists: one atomic step."""

    def remove(self, name: str) -> None:
        """Remove the file."""


class Place(Protocol):
    """What a store is built on: a folder, whole numbers of 64 bits in shared memory, and its own declared lock."""

    @property
    def folder(self) -> Folder:
        """Where files go."""

    @property
    def integers(self) -> memoryview:
        """SHARED_INTEGERS numbers, zero at first."""

    @property
    def lock(self) -> Any:
        """The store's own Lock; None unless `needs_lock`."""

    @property
    def name(self) -> str:
        """Differs in every actor: for temporary files and tokens."""


class Store:
    """Shared state that is read whole and written whole, built anew in every process from the same place."""

    name: ClassVar[str]
    needs_lock: ClassVar[bool] = False
    is_in_integers: ClassVar[bool] = False
    """True if the place's integers hold all of it, so that the records of several trials can stand side by side."""

    def __init__(self, place: Place) -> None:
        self.place = place

    def create(self) -> None:
        """Make what must be there before the first write; called once, by one process."""

    def close(self) -> None:
        """Give back what this process holds open."""

    def is_read_whole(self) -> bool:
        """True if `read` is one step, which never waits: then `final` is the same, whoever is at work."""
        return False

    def reset(self) -> None:
        """Drop what this process was stopped in the middle of: a transaction, a commit. The record may go with it."""

    def read(self) -> Steps[Record]:
        """The record; TornRead if it is half written."""
        raise NotImplementedError

    def write(self, record: Record) -> Steps[None]:
        """Make this the record, whatever it was."""
        raise NotImplementedError

    def fill(self, record: Record) -> None:
        """What `write` does, while no actor runs: it may take a shorter way to the same end."""
        _returned(self.write(record))

    def final(self) -> Record:
        """What `read` gives, while no actor runs: it may take a shorter way to it."""
        return _returned(self.read())


class DirectStore(Store):
    """A store that never waits, and says what `read` and `write` come to when nothing stops between their steps.

    Going through a generator takes longer than reading a number does, so the real engine takes these ways instead.
    """

    def read_directly(self) -> Record:
        """The same as all steps of `read`."""
        raise NotImplementedError

    def write_directly(self, record: Record) -> None:
        """The same as all steps of `write`."""
        raise NotImplementedError

    def fill(self, record: Record) -> None:
        """The same, too, unless there is an even shorter way while no actor runs."""
        self.write_directly(record)

    def final(self) -> Record:
        """The same, too, unless there is an even shorter way while no actor runs."""
        return self.read_directly()


def _returned(steps: Steps[T]) -> T:
    try:
        while True:
            next(steps)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]


class VersionedStore(Store):
    """A store that can tell whether a record is still the one that was read, and replace it only then."""

    def read_versioned(self) -> Steps[tuple[Any, Record]]:
        """The record's version, and the record."""
        raise NotImplementedError

    def write_if(self, version: Any, record: Record) -> Steps[bool]:
        """Make this the record if the version is still that one, atomically; False, and nothing written, otherwise."""
        raise NotImplementedError


class TransactionalStore(Store):
    """A store with transactions that exclude one another from `begin` on."""

    def begin(self) -> Steps[None]:
        """Wait until no other transaction is open, and open one."""
        raise NotImplementedError

    def commit(self) -> Steps[None]:
        """Keep what was written since `begin`."""
        raise NotImplementedError

    def rollback(self) -> Steps[None]:
        """Drop what was written since `begin`."""
        raise NotImplementedError


class LineStore(Store):
    """A text file that actors append lines to."""

    def append(self, line: str) -> Steps[None]:
        """Add a line at the end, in one write."""
        raise NotImplementedError


class StepRunner(Protocol):
    """How an engine gets through the steps of one call."""

    def __call__(self, steps: Steps[T], /) -> T:
        """Do the steps, and return what the call returns."""


class OpenStore:
    """A store as a body sees it: plain calls, whatever the engine does between their steps."""

    def __init__(self, store: Store, run: StepRunner) -> None:
        self._store = store
        self._run = run

    def read(self) -> Record:
        """The record, a dictionary of the caller's own; TornRead if it is half written."""
        return self._run(self._store.read())

    def write(self, record: Record) -> None:
        """Make this the record, whatever it was."""
        self._run(self._store.write(record))

    def append(self, line: str) -> None:
        """Add a line to a `text_file`."""
        self._run(self._appended(line))

    def read_versioned(self) -> tuple[Any, Record]:
        """The record with its version, for `write_if`."""
        return self._run(self._able(VersionedStore, "write_if").read_versioned())

    def write_if(self, version: Any, record: Record) -> bool:
        """Make this the record if the version is still that one; False, and nothing written, otherwise."""
        return self._run(self._able(VersionedStore, "write_if").write_if(version, record))

    def begin(self) -> None:
        """Open a transaction."""
        self._run(self._able(TransactionalStore, "begin").begin())

    def commit(self) -> None:
        """Keep what was written since `begin`."""
        self._run(self._able(TransactionalStore, "commit").commit())

    def rollback(self) -> None:
        """Drop what was written since `begin`."""
        self._run(self._rolled_back())

    def _appended(self, line: str) -> Steps[None]:
        return self._able(LineStore, "append").append(line)

    def _rolled_back(self) -> Steps[None]:
        return self._able(TransactionalStore, "rollback").rollback()

    def _able(self, kind: type[T], call: str) -> T:
        if not isinstance(self._store, kind):
            raise UsageError(f"store {self._store.name} has no {call}. `lab list` shows what each store can do.")
        return self._store


class StagedStore(OpenStore):
    """A store as `setup` and `judge` see it, before and after the actors."""

    def read(self) -> Record:
        """The record; TornRead if it is half written."""
        return self._store.final()

    def write(self, record: Record) -> None:
        """Make this the record."""
        self._store.fill(record)
