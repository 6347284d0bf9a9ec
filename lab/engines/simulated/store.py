"""A store as an actor of the simulated world has it: each named step of a call is an operation."""

from __future__ import annotations

from typing import Any, TypeVar

from lab.engines.simulated.kernel import Kernel, Shared, Step
from lab.store import BUSY, READS, OpenStore, Record, Steps, Store, TornRead

T = TypeVar("T")


class SharedStore(Shared):
    """The store as a thing that operations touch; `changes` counts what was done to it, reads left out."""

    def __init__(self) -> None:
        super().__init__("store")
        self.changes = 0
        self._steps: dict[tuple[str, bool], Step] = {}

    def step(self, name: str, is_data: bool) -> Step:
        """The step of that name; made once."""
        step = self._steps.get((name, is_data))
        if step is None:
            step = self._steps[name, is_data] = Step(name, self, is_read=name in READS, is_data=is_data)
        return step


class SimulatedStore(OpenStore):
    """A store of one actor. Plain reads and writes are accesses to data; what is versioned or a transaction is more."""

    def __init__(self, kernel: Kernel, shared: SharedStore, store: Store) -> None:
        super().__init__(store, self._run_synchronising)
        self._kernel = kernel
        self._shared = shared
        self._read = shared.step("read", True)
        # Who is alone needs no steps. A store that has a way without them does not wait on it, either.
        self._can_read_at_once = type(store).final is not Store.final
        self._can_write_at_once = type(store).fill is not Store.fill

    def read(self) -> Record:
        """The record; TornRead if it is half written."""
        if self._can_read_at_once:
            if self._kernel.is_alone():
                return self._store.final()
            if not self._kernel.keeps_history and self._store.is_read_whole():
                self._kernel.step(self._read)
                return self._store.final()
        try:
            record = self._steps(self._store.read(), True)
        except TornRead as error:
            self._kernel.fail(error)
        self._kernel.tell(record)
        return record

    def write(self, record: Record) -> None:
        """Make this the record."""
        if self._can_write_at_once and self._kernel.is_alone():
            self._store.fill(record)
            self._shared.changes += 1
            if self._shared.waiters:
                self._kernel.changed(self._shared)
            return
        self._steps(self._store.write(record), True)
        self._kernel.tell(record)

    def append(self, line: str) -> None:
        """Add a line."""
        self._steps(self._appended(line), True)
        self._kernel.tell(line)

    def read_versioned(self) -> tuple[Any, Record]:
        """The record with its version."""
        version, record = super().read_versioned()
        self._kernel.tell(record)
        return version, record

    def write_if(self, version: Any, record: Record) -> bool:
        """Make this the record if the version is still that one."""
        is_written = super().write_if(version, record)
        self._kernel.tell((record, is_written))
        return is_written

    def rollback(self) -> None:
        """Drop what was written since `begin`: at once where the execution is over, so that nothing stays open."""
        if self._kernel.is_ending:
            straight_through(self._rolled_back())
        else:
            super().rollback()

    def _run_synchronising(self, steps: Steps[T]) -> T:
        return self._steps(steps, False)

    def _steps(self, steps: Steps[T], is_data: bool) -> T:
        kernel, shared = self._kernel, self._shared
        step: Step | None = None
        since = -1
        try:
            while True:
                name = next(steps)
                if name is BUSY:
                    assert step is not None, "a store names a step before it finds that it must wait"
                    step = self._retry(step, since)
                    since = shared.changes
                    continue
                if step is not None and not step.is_read:
                    self._has_changed()
                step = shared.step(name, is_data)
                kernel.step(step)
                if since < 0:
                    since = shared.changes
        except StopIteration as stop:
            if step is not None and not step.is_read:
                self._has_changed()
            return stop.value  # type: ignore[no-any-return]

    def _retry(self, failed: Step, since: int) -> Step:
        """Try again once somebody has done something since the last try began: until then it would fail for ever."""
        shared = self._shared
        retry = Step(
            failed.kind,
            shared,
            is_read=failed.is_read,
            is_data=failed.is_data,
            can=lambda: shared.changes != since,
        )
        self._kernel.tell(BUSY)
        self._kernel.step(retry)
        return retry

    def _has_changed(self) -> None:
        self._shared.changes += 1
        if self._shared.waiters:
            self._kernel.changed(self._shared)


def straight_through(steps: Steps[T]) -> T:
    """Do all steps of a store's call at once, while no actor runs."""
    try:
        while next(steps) is not BUSY:
            pass
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    raise RuntimeError("the store is busy, and nobody is at work")
