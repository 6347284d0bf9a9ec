"""What the actors and services of a cell do in an execution, and how long they waited."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.cell import Cell
from lab.engines.simulated.kernel import Kernel
from lab.engines.simulated.world import SimulatedWorld
from lab.guard import Service
from lab.world.protocol import World


class Acts:
    """The bodies of a cell. Times are in seconds of virtual time."""

    def __init__(self, cell: Cell, kernel: Kernel) -> None:
        self._act, self._do, self._run = cell.scenario.act, cell.scenario.section, cell.guard.run
        self._kernel = kernel
        self.clear()

    def clear(self) -> None:
        """A new execution."""
        self.end_s = 0.0
        """When the last actor that has ended so far did."""
        self.waits_s: dict[int, float] = {}
        """How long each actor that came to a section has waited for it, all in all."""
        self._asked_s: dict[int, float] = {}

    def of_actor(self, world: SimulatedWorld) -> Callable[[], Any]:
        """What an actor does."""
        act, guarded, kernel, actor = self._act, self._guarded, self._kernel, world.actor

        def body() -> Any:
            returned = act(world, actor, guarded)
            self.end_s = kernel.now_s
            return returned

        return body

    def of_service(self, service: Service, world: SimulatedWorld) -> Callable[[], Any]:
        """What a service does."""
        return lambda: service(self._section, world)

    def _guarded(self, outer: World, actor: int) -> Any:
        self._asked_s[actor] = self._kernel.now_s
        return self._run(self._section, outer, actor)

    def _section(self, inner: World, actor: int) -> Any:
        asked_s = self._asked_s.pop(actor, None)
        if asked_s is not None:
            self.waits_s[actor] = self.waits_s.get(actor, 0.0) + self._kernel.now_s - asked_s
        return self._do(inner, actor)
