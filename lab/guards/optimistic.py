"""Optimistic concurrency: work on a copy, write it back only if nobody wrote in between, else do it all again."""

from __future__ import annotations

from typing import Any

from lab.guard import Guard, Section
from lab.store import OpenStore, Record, VersionedStore
from lab.world.protocol import World


class OptimisticGuard(Guard):
    """No actor waits for another; one that lost a race to commit repeats its section (note `retry`)."""

    name = "optimistic"
    needs_store = VersionedStore

    def run(self, section: Section, world: World, actor: int) -> Any:
        """Repeat the section on a buffered view of the store until its write is committed."""
        while True:
            view = BufferedView(world.store)
            returned = section(world.with_store(view), actor)
            if view.try_to_commit():
                return returned
            world.note("retry")


class BufferedView(OpenStore):
    """A store of which one version is read, once, and writes are kept back until `try_to_commit`."""

    def __init__(self, store: OpenStore) -> None:
        self._behind = store
        self._version: Any = None
        self._record: Record | None = None
        self._is_written = False

    def read(self) -> Record:
        """The record, as this view has it."""
        if self._record is None:
            self._version, self._record = self._behind.read_versioned()
        return dict(self._record)

    def write(self, record: Record) -> None:
        """Keep the record back; the version that it replaces is read now if nothing was read before."""
        self.read()
        self._record = dict(record)
        self._is_written = True

    def try_to_commit(self) -> bool:
        """Write what was kept back if the version is still the one that was read; True if there was nothing."""
        if not self._is_written:
            return True
        assert self._record is not None, "write() sets it"
        return self._behind.write_if(self._version, self._record)
