"""No time: everybody who is not blocked can go on, and the scheduler chooses among all. A sleep is no choice at all."""

from __future__ import annotations

import sys

from lab.engines.simulated.actors import SLEEP, Actor, Shared, Step, line_of
from lab.engines.simulated.kernel import Kernel
from lab.scheduler import Event, Operation


class UntimedKernel(Kernel):
    """A kernel on which nothing but the operations themselves orders."""

    __slots__ = ()

    def step(self, step: Step, timeout_s: float | None = None) -> bool:
        """Announce a step of the running actor, and return when it is to be done."""
        if self.is_ending:
            self._refuse()
        actor = self.running
        actor.step = step
        actor.has_timeout = timeout_s is not None
        if self.keeps_history:
            actor.line = line_of(sys._getframe(1)) or actor.line
        self._hand_over(actor)
        return not actor.is_timed_out

    def sleep(self, seconds: float) -> None:
        """Nothing to wait for, and nothing to choose."""
        if self.is_ending:
            self._refuse()
        actor = self.running
        actor.step = SLEEP
        if self.operations >= self._most:
            self._end("endless")
        self.operations += 1
        if self.keeps_history:
            actor.line = line_of(sys._getframe(1)) or actor.line
            self.events.append(Event(actor.operation(0.0), "", 0.0))

    def changed(self, shared: Shared) -> None:
        """Nothing: everybody is looked at before every operation."""

    def _next_actor(self) -> Actor | None:
        if self._fresh:
            return self._begin_fresh()
        if not self._unfinished:
            self._end("done")
            return None
        enabled: list[Operation] = []
        able: list[Actor] = []
        for other in self.actors:
            if not other.is_done:
                # Time may be up for who is blocked, and for nobody else: who can have a lock does not give up.
                can = other.step.can
                is_blocked = can is not None and not can()
                if not is_blocked or other.has_timeout:
                    enabled.append(other.operation(0.0, is_blocked))
                    able.append(other)
        if not enabled:
            self._end("deadlock")
            return None
        if self.operations >= self._most:
            self._end("endless")
            return None
        place = 0
        if len(enabled) > 1 or self._asks_always:
            try:
                place = self._scheduler.choose(enabled, self._last)
            except BaseException as error:  # noqa: BLE001 - it is handed on
                self._fail(error)
                return None
        actor, operation = able[place], enabled[place]
        self.operations += 1
        actor.is_timed_out = operation.is_timeout
        if self.keeps_history:
            self.events.append(Event(operation, "", 0.0))
        self.running = actor
        self._last = actor.number
        return actor
