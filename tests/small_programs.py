"""Programs on the bare kernel, for what a scheduler does with them: each actor is a list of steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from lab.engines.simulated.kernel import Kernel, Shared, Step
from lab.execution import Ending
from lab.scheduler import Operation, Scheduler


class Ran(NamedTuple):
    """One execution: who did each operation, how it ended, and what the actors returned."""

    actors: tuple[int, ...]
    ending: Ending
    returned: tuple[Any, ...]


Body = Callable[[Kernel], Any]


def writes(number: int, name: str = "x") -> Body:
    """So many writes of one object."""
    step = Step("write", Shared(name))

    def body(kernel: Kernel) -> None:
        for _ in range(number):
            kernel.step(step)

    return body


class Recorder:
    """A scheduler around another that keeps who did what."""

    asks_always = True

    def __init__(self, inner: Scheduler) -> None:
        self.inner = inner

    def begin(self) -> bool:
        self.taken: list[Operation] = []
        return self.inner.begin()

    def choose(self, enabled: Sequence[Operation], current: int | None) -> int:
        place = self.inner.choose(enabled, current)
        self.taken.append(enabled[place])
        return place

    def end(self, waiting: Sequence[Operation]) -> None:
        self.inner.end(waiting)


def executions(scheduler: Scheduler, bodies: Callable[[], Sequence[Body]], most: int = 1_000_000) -> list[Ran]:
    """The executions of a program, whose state `bodies` makes anew for each."""
    kernel, recorder, ran = Kernel(is_timed=False), Recorder(scheduler), []
    while len(ran) < most and recorder.begin():
        acts = [lambda body=body: body(kernel) for body in bodies()]
        ending = kernel.run(acts, [], recorder)
        recorder.end(ending.waiting)
        returned = tuple(actor.returned for actor in kernel.actors)
        ran.append(Ran(tuple(operation.actor for operation in recorder.taken), ending, returned))
    return ran


def counter(actors: int) -> Callable[[], list[Body]]:
    """Each reads a number and writes it back with one more; returns what it wrote."""

    def bodies() -> list[Body]:
        shared, held = Shared("count"), {"count": 0}
        read, write = Step("read", shared, is_read=True), Step("write", shared)

        def add(kernel: Kernel) -> int:
            kernel.step(read)
            found = held["count"]
            kernel.step(write)
            held["count"] = found + 1
            return found + 1

        return [add] * actors

    return bodies
