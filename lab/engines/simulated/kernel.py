"""The kernel: actors as pooled greenlets, each of which announces every operation before it does it.

An actor that calls `step` stops there until its operation is chosen; what it then does, up to its next `step`, nobody
can interrupt. So whatever is shared is plain Python between two steps, and needs no lock. Who stops hands over to the
one chosen next, without a coordinator in between: half as many switches.

`Kernel(is_timed=True)` makes one on which time orders, `is_timed=False` one on which it does not. Knows neither the
world nor a strategy.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, NoReturn

from greenlet import GreenletExit, getcurrent, greenlet

from lab.engines.simulated.actors import START, Abandoned, Actor, Can, Shared, Step, Stuck
from lab.execution import Ending
from lab.scheduler import Cut, Event, Operation, Scheduler

__all__ = ["MOST_OPERATIONS", "Abandoned", "Actor", "Can", "Ending", "Kernel", "Shared", "Step", "Stuck"]

MOST_OPERATIONS = 1_000_000

_MOST_REFUSALS = 100
"""How often a body may go on in spite of Abandoned before it is left where it is."""


class Kernel:
    """Runs executions, one after the other, on the same greenlets.

    With `keeps_history`, `events` has every operation of the last execution, with its source line and result.
    """

    def __new__(cls, *, is_timed: bool, keeps_history: bool = False, most_operations: int = MOST_OPERATIONS) -> Kernel:
        """The kind that fits."""
        from lab.engines.simulated.timed import TimedKernel
        from lab.engines.simulated.untimed import UntimedKernel

        return super().__new__((TimedKernel if is_timed else UntimedKernel) if cls is Kernel else cls)

    def __init__(self, *, is_timed: bool, keeps_history: bool = False, most_operations: int = MOST_OPERATIONS) -> None:
        self.is_timed = is_timed
        self.keeps_history = keeps_history
        self.names: Sequence[str] = ()
        """What the first actors are called."""
        self.latest_s = inf
        """The virtual time after which an execution is late."""
        self.operations = 0
        """How many were done in this execution; its growth tells that the bodies go on."""
        self.is_ending = False
        """True while those who have not finished are unwound."""
        self._most = most_operations
        self._pool: list[Actor] = []
        self._lost: list[greenlet] = []
        """Those that would not end: kept, since to forget a greenlet is to let it go on."""
        self._scheduler: Scheduler
        self._asks_always = False
        self._refusals = 0
        self._hub = getcurrent()
        self.actors: list[Actor] = []
        self.running: Actor
        """The actor that is going on just now."""
        self._crew: tuple[Sequence[Callable[[], Any]], Sequence[Callable[[], Any]]] = ((), ())
        """Of whom `actors` were made, but for those that were spawned later."""
        self._unfinished = 0
        self._fresh: deque[Actor] = deque()
        self.forget()

    def forget(self) -> None:
        """Nothing has happened yet."""
        self.events: list[Event] = []
        self.now_s = 0.0
        self.operations = 0
        self._kind = ""
        self._raised: BaseException | None = None

    # An execution ----------------------------------------------------------------------------------------------------

    def run(
        self, bodies: Sequence[Callable[[], Any]], services: Sequence[Callable[[], Any]], scheduler: Scheduler
    ) -> Ending:
        """Run an execution of these actors; services follow in number, and need not finish.

        `actors` then tell what each returned or raised. KeyboardInterrupt passes, whoever met it.
        """
        self.forget()
        self._hub = getcurrent()
        self._scheduler, self._asks_always = scheduler, scheduler.asks_always
        self._gather(bodies, services)
        try:
            self._start()
            if self._raised is not None:
                raise self._raised
        except Cut:
            self._kind = "cut"
        except Stuck:
            self._kind = "stuck"
        finally:
            waiting: tuple[Operation, ...] = ()
            if self._unfinished or len(self.actors) > len(bodies):
                waiting = tuple([actor.operation(self.now_s) for actor in self.actors if not actor.is_done])
                self._abandon()
        return Ending(self._kind, waiting)

    def _gather(self, bodies: Sequence[Callable[[], Any]], services: Sequence[Callable[[], Any]]) -> None:
        """Let these be the actors; those of the last execution again if they are the same."""
        self._fresh.clear()
        size = len(bodies) + len(services)
        if self._crew[0] is bodies and self._crew[1] is services:
            del self.actors[size:]
            for actor in self.actors:
                actor.is_done, actor.error, actor.step = False, None, START
            self._fresh.extend(self.actors)
            self._unfinished = len(bodies)
            return
        self._crew = (bodies, services)
        self._unfinished = 0
        self.actors = []
        for body in bodies:
            self.spawn(body)
        for service in services:
            self.spawn(service, is_service=True)

    def spawn(
        self, body: Callable[[], Any], *, is_service: bool = False, number: int | None = None, name: str = ""
    ) -> Actor:
        """A further actor, which starts before the next operation.

        One that is not spawned in the same order in every execution needs a number of its own.
        """
        place = len(self.actors)
        if place == len(self._pool):
            self._pool.append(Actor())
        actor = self._pool[place]
        if number is None:
            number, name = place, self.names[place] if place < len(self.names) else f"actor {place}"
        actor.begin(number, name, body, is_service)
        self.actors.append(actor)
        self._fresh.append(actor)
        if not is_service:
            self._unfinished += 1
        return actor

    def _start(self) -> None:
        """Let the first actor go, and come back when the execution is over."""
        if not self._unfinished:
            self._kind = "done"
            return
        actor = self._begin_fresh()
        assert actor.life is not None, "it was just given one"
        actor.life.switch()

    def _begin_fresh(self) -> Actor:
        actor = self._fresh.popleft()
        if actor.life is None or actor.life.dead:
            actor.life = greenlet(self._live, self._hub)
        self.running = actor
        return actor

    def _live(self) -> None:
        """What a greenlet does: one body after the other, each to its end."""
        while True:
            actor = self.running
            try:
                actor.returned = actor.body()
            except Abandoned:
                pass
            except GreenletExit:
                raise
            except (KeyboardInterrupt, Stuck) as error:
                self._raised = error
            except BaseException as error:  # noqa: BLE001 - whatever a body raises is an outcome
                actor.error = error
            actor.is_done = True
            if not actor.is_service:
                self._unfinished -= 1
            if self.is_ending or self._raised is not None:
                self._hub.switch()
            else:
                self._go_on()

    def _go_on(self) -> None:
        """Let the one go on that is chosen next; return when that is the caller, or the caller's turn comes later."""
        raise NotImplementedError

    def _end(self, kind: str) -> None:
        self._kind = kind
        self._hub.switch()

    def _chosen(self, enabled: Sequence[Any]) -> int | None:
        """The scheduler's choice; None once the execution was ended because it made none."""
        try:
            return self._scheduler.choose(enabled, self.running.number if self.operations else None)
        except BaseException as error:  # noqa: BLE001 - it is the hub's: the actor that stopped here has not caused it
            self._raised = error
            self._hub.switch()
            return None

    def _abandon(self) -> None:
        """Unwind whoever has not finished; one that will not go is left, and its place gets a new greenlet."""
        self.is_ending = True
        for actor in self.actors:
            if not actor.is_done:
                for part in actor.step.shared:
                    part.waiters.clear()
                if actor.step is not START and actor.life is not None:
                    self.running = actor
                    self._refusals = 0
                    actor.life.throw(Abandoned)
                    if not actor.is_done:
                        self._lost.append(actor.life)
                        actor.life = None
        self.is_ending = False

    # What an actor does: announce ------------------------------------------------------------------------------------

    def step(self, step: Step, timeout_s: float | None = None) -> bool:
        """Announce a step of the running actor, and return when it is to be done.

        False if `timeout_s` seconds, more than 0, came to their end before it could be; where time does not order, they
        may do so at any moment at which it can't be done.
        """
        raise NotImplementedError

    def is_alone(self) -> bool:
        """True if nobody else could go on, nobody asks, and no history is kept: who is alone need not stop.

        It counts as an operation.
        """
        return False

    def sleep(self, seconds: float) -> None:
        """Let the running actor sleep. Where time does not order, that is no choice, and nobody is asked."""
        raise NotImplementedError

    def changed(self, shared: Shared) -> None:
        """Tell that an operation which is blocked on this may be able to go on."""
        raise NotImplementedError

    def used_up(self, shared: Shared) -> None:
        """Tell that whoever is blocked on this can't go on now: spares a kernel a look at each."""

    def tell(self, result: Any) -> None:
        """Keep what the operation that was just done gave, as text; nothing without a history."""
        if self.keeps_history:
            self.events[-1] = self.events[-1]._replace(result=repr(result))

    def fail(self, error: BaseException) -> NoReturn:
        """Keep what was raised, as `tell` does, and raise it."""
        self.tell(error)
        raise error

    def _refuse(self) -> None:
        self._refusals += 1
        if self._refusals > _MOST_REFUSALS:
            self._hub.switch()
        raise Abandoned
