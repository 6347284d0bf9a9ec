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
from lab.scheduler import Cut, Departed, Event, Operation, Scheduler

__all__ = ["MOST_OPERATIONS", "Abandoned", "Actor", "Can", "Ending", "Kernel", "Shared", "Step", "Stuck"]

MOST_OPERATIONS = 1_000_000

_MOST_REFUSALS = 100
"""How often a body may go on in spite of Abandoned before it is left where it is."""


class Kernel:
    """Runs executions, one after the other, on the same greenlets.

    With `keeps_history`, `events` has every operation of the last execution, with its source line and result.
    """

    # With more than 30 attributes, Python would look each of them up in a dictionary.
    __slots__ = (
        "_asks_always",
        "_crew",
        "_fresh",
        "_hub",
        "_kind",
        "_last",
        "_lost",
        "_most",
        "_newborn",
        "_pool",
        "_raised",
        "_refusals",
        "_scheduler",
        "_unfinished",
        "actors",
        "errors",
        "events",
        "is_ending",
        "is_timed",
        "keeps_history",
        "latest_s",
        "names",
        "now_s",
        "operations",
        "running",
    )

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
        self.errors = 0
        """How many bodies raised something."""
        self._kind = ""
        self._newborn: Actor | None = None
        self._last: int | None = None
        """Whose operation was chosen last. `running` may have begun or slept since, which nobody was asked for."""
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
            able: tuple[int, ...] = ()
            if self._unfinished or len(self.actors) > len(bodies):
                left = [actor for actor in self.actors if not actor.is_done]
                waiting = tuple([actor.operation(self.now_s) for actor in left])
                able = tuple([actor.number for actor in left if actor.is_able()])
                self._abandon()
        return Ending(self._kind, waiting, able)

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
        self._hand_over(None)
        while self._newborn is not None:
            # Born here, and not by whoever hands over to it: who is born inherits the depth of the stack.
            actor, self._newborn = self._newborn, None
            actor.life = greenlet(self._live, self._hub)
            actor.life.switch()
            self.running = actor
            actor.life.switch()

    def _hand_over(self, before: Actor | None) -> None:
        """Let the one go on that is next; return at once if that is the caller, else when its turn has come again."""
        actor = self._next_actor()
        if actor is None or actor is before:
            return
        if actor.life is not None:
            actor.life.switch()
        else:
            self._newborn = actor
            self._hub.switch()

    def _next_actor(self) -> Actor | None:
        """Who is next, and `running`; None once the execution was ended."""
        raise NotImplementedError

    def _begin_fresh(self) -> Actor:
        actor = self.running = self._fresh.popleft()
        return actor

    def _live(self) -> None:
        """What a greenlet does, once it was born: one body after the other, each to its end."""
        self._hub.switch()
        while True:
            actor = self.running
            try:
                actor.returned = actor.body()
            except Abandoned:
                pass
            except GreenletExit:
                raise
            except (KeyboardInterrupt, Stuck, Departed) as error:
                self._raised = error
            except BaseException as error:  # noqa: BLE001 - whatever a body raises is an outcome
                actor.error = error
                self.errors += 1
            actor.is_done = True
            if not actor.is_service:
                self._unfinished -= 1
            if self.is_ending or self._raised is not None:
                self._hub.switch()
            else:
                self._hand_over(None)

    def _end(self, kind: str) -> None:
        """End the execution, whoever calls. Does not return, but for who is done, in the next execution."""
        self._kind = kind
        self._hub.switch()

    def _fail(self, error: BaseException) -> None:
        """End it with what is the hub's to raise: whoever stopped here has not caused it."""
        self._raised = error
        self._hub.switch()

    def _abandon(self) -> None:
        """Unwind whoever has not finished; one that will not go is left, and its place gets a new greenlet."""
        self.is_ending, last = True, self.running
        for actor in self.actors:
            if not actor.is_done:
                for part in actor.step.shared:
                    part.waiters.clear()
                    part.is_mixed = False
                if actor.step is not START and actor.life is not None:
                    self.running = actor
                    self._refusals = 0
                    actor.life.throw(Abandoned)
                    if not actor.is_done:
                        self._lost.append(actor.life)
                        actor.life = None
        self.is_ending, self.running = False, last

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
            operation, _, time_s = self.events[-1]
            self.events[-1] = Event(operation, repr(result), time_s)

    def fail(self, error: BaseException) -> NoReturn:
        """Keep what was raised, as `tell` does, and raise it."""
        self.tell(error)
        raise error

    def _refuse(self) -> None:
        self._refusals += 1
        if self._refusals > _MOST_REFUSALS:
            self._hub.switch()
        raise Abandoned
