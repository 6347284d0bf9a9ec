"""Makes what `shared` declares, and brings it back to the declared state before each trial."""

from __future__ import annotations

from typing import Any

from lab.engines.simulated import primitives as locks
from lab.engines.simulated import signals
from lab.engines.simulated.kernel import Kernel
from lab.engines.simulated.messages import Queue, pipe
from lab.errors import UsageError
from lab.execution import Declared


class SimulatedMaker:
    """Declares primitives on a kernel that has so many participants: actors, then services."""

    def __init__(self, kernel: Kernel, processes: int, participants: int) -> None:
        self._kernel = kernel
        self._participants = participants
        self.processes = processes
        self.primitives: dict[tuple[str, str], Any] = {}
        self.objects: dict[str, Declared] = {}

    def restore(self) -> None:
        """Bring every primitive back to its declared state."""
        for primitive in self.primitives.values():
            primitive.restore()

    def lock(self, name: str) -> None:
        """Declare a Lock."""
        self._declare("lock", name, locks.lock(self._kernel, f"lock {name!r}"), 1)

    def rlock(self, name: str) -> None:
        """Declare an RLock."""
        self._declare("rlock", name, locks.RLock(self._kernel, f"rlock {name!r}"), 1)

    def semaphore(self, name: str, value: int = 1) -> None:
        """Declare a Semaphore."""
        self._declare("semaphore", name, locks.Semaphore(self._kernel, f"semaphore {name!r}", value), value)

    def bounded_semaphore(self, name: str, value: int = 1) -> None:
        """Declare a BoundedSemaphore."""
        made = locks.bounded_semaphore(self._kernel, f"bounded_semaphore {name!r}", value)
        self._declare("bounded_semaphore", name, made, value)

    def file_lock(self, name: str) -> None:
        """Declare a file lock."""
        self._declare("file_lock", name, locks.FileLock(self._kernel, f"file_lock {name!r}"), 1)

    def event(self, name: str) -> None:
        """Declare an Event."""
        self._declare("event", name, signals.Event(self._kernel, f"event {name!r}"), 0)

    def condition(self, name: str) -> None:
        """Declare a Condition."""
        self._declare("condition", name, signals.Condition(self._kernel, f"condition {name!r}"), 1)

    def barrier(self, name: str, parties: int) -> None:
        """Declare a Barrier."""
        self._declare("barrier", name, signals.Barrier(self._kernel, f"barrier {name!r}", parties), 0)

    def queue(self, name: str, maxsize: int = 0) -> None:
        """Declare a Queue."""
        number = sum(kind == "queue" for kind, _ in self.primitives)
        self._declare("queue", name, self._queue(name, maxsize, number), max(maxsize, 0))

    def pipe(self, name: str) -> None:
        """Declare a Pipe."""
        self._declare("pipe", name, pipe(self._kernel, f"pipe {name!r}"), 0)

    def value(self, name: str, initial: int = 0) -> None:
        """Declare a Value of 64 bits."""
        self._declare("value", name, locks.Value(self._kernel, f"value {name!r}", initial), 1)

    def _queue(self, name: str, maxsize: int, number: int) -> Queue:
        return Queue(self._kernel, f"queue {name!r}", maxsize, number, self._participants)

    def _declare(self, kind: str, name: str, primitive: Any, count: int) -> None:
        if (kind, name) in self.primitives:
            raise UsageError(
                f"{kind} {name!r} is declared twice in shared(): give each its own name (a guard's is 'guard')."
            )
        self.primitives[kind, name] = primitive
        self.objects[f"{kind} {name!r}"] = Declared(kind, count)
