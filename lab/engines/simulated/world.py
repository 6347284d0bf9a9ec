"""The world over a kernel: every operation is announced, and time is virtual."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lab.delays import Delay
from lab.engines.simulated.actors import line_of
from lab.engines.simulated.ahead import Ready
from lab.engines.simulated.kernel import Kernel, Shared, Step
from lab.engines.simulated.messages import Waiter
from lab.store import OpenStore
from lab.trial import Note
from lab.world.protocol import Connection, World


class Diary:
    """What the actors of one trial leave behind for its judge and for its verdict."""

    def __init__(self, kernel: Kernel) -> None:
        self.shared = Shared("notes")
        self.step = Step("note", self.shared)
        self.waiter = Waiter(kernel)
        self.trial_seed = 0
        self.slept: dict[str, Delay] = {}
        """Which delays were ever slept, by name."""
        self.ahead: dict[str, int] = {}
        """Which of them are drawn ahead for this trial, with their identities."""
        self.clear(0)

    def clear(self, trial_seed: int) -> None:
        """A new trial."""
        self.trial_seed = trial_seed
        self.notes: list[Note] = []
        self.random_line = ""


class SimulatedWorld(World):
    """The world of one actor; `worker` is its own number in the notes."""

    def __init__(
        self,
        actor: int,
        processes: int,
        kernel: Kernel,
        primitives: Mapping[tuple[str, str], Any],
        diary: Diary,
        store: OpenStore,
        worker: int,
    ) -> None:
        super().__init__()
        self.actor = actor
        self.processes = processes
        self.store = store
        self._kernel = kernel
        self._primitives = primitives
        self._diary = diary
        self._worker = worker
        self._others: dict[int, SimulatedWorld] = {}
        self._ready: Ready = {}
        """Delays of this trial that were drawn ahead, each until it is slept."""
        self._ahead: dict[str, int] = {}
        """Their identities by name."""

    def sleep(self, delay: Delay | float) -> None:
        """Wait that long in virtual time; a zero delay is no operation at all."""
        seconds = self._ready.pop(id(delay), None)
        if seconds is None:
            seconds = self._drawn_now(delay) if isinstance(delay, Delay) else delay
        if seconds > 0:
            self._kernel.sleep(seconds)

    def random(self, name: str = "") -> float:
        """A seeded draw from [0, 1). That a body drew it is kept: where schedules are explored, its values are not."""
        if not self._diary.random_line:
            self._diary.random_line = line_of(sys._getframe(1))
        return self._draw(name)

    def _drawn_now(self, delay: Delay) -> float:
        self._diary.slept.setdefault(delay.name, delay)
        return delay.low if delay.kind == "constant" else delay.quantile(self._draw(delay.name))

    def _draw(self, name: str) -> float:
        ahead = self._ahead.get(name)
        if ahead is not None and name not in self._drawn and self._ready.pop(ahead, None) is None:
            # The first draw of this name was made ahead, and is used: this is another one.
            self._drawn[name] = 1
        return super().random(name)

    def note(self, name: str) -> None:
        """Stamp virtual time. Where time does not order, the order of stamps is what a judge sees: an operation."""
        kernel = self._kernel
        if kernel.is_timed:
            stamp = round(kernel.now_s * 1e9)
        else:
            kernel.step(self._diary.step)
            kernel.tell(name)
            stamp = kernel.operations
        self._diary.notes.append(Note(self.actor, name, stamp, self._worker))

    def acting_for(self, actor: int) -> SimulatedWorld:
        """The world in which a service does this actor's section in the present trial."""
        other = self._others.get(actor)
        if other is None:
            other = self._others[actor] = SimulatedWorld(
                actor, self.processes, self._kernel, self._primitives, self._diary, self.store, self._worker
            )
        if other._trial_seed != self._diary.trial_seed:
            other.begin(self._diary.trial_seed)
        return other

    def begin_anew(self, ready: Ready) -> None:
        """Forget the last execution, also of the same trial; `ready` are delays drawn ahead."""
        diary = self._diary
        self._trial_seed = diary.trial_seed
        self._ready = ready
        self._ahead = diary.ahead if ready else {}
        if self._drawn:
            self._drawn.clear()
        if self._others:
            for other in self._others.values():
                other.begin(diary.trial_seed)

    def wait(self, connections: Iterable[Connection]) -> Sequence[Connection]:
        """`multiprocessing.connection.wait`."""
        return self._diary.waiter.wait(connections)

    def _pause(self, seconds: float) -> None:
        self._kernel.sleep(seconds)

    def _primitive(self, kind: str, name: str) -> Any:
        try:
            return self._primitives[kind, name]
        except KeyError:
            declared = ", ".join(f"{kind} {name!r}" for kind, name in self._primitives) or "none"
            raise LookupError(f"no {kind} {name!r} was declared in shared(), only: {declared}") from None
