"""The kernel: actors as pooled greenlets, each of which announces every operation before it does it.

An actor that calls `step` stops there until its operation is chosen; what it then does, up to its next `step`, nobody
can interrupt. So whatever is shared is plain Python between two steps, and needs no lock.

Where time orders (`is_timed`), the operations that can be done are those that are ready first, and the clock jumps
there. Where it does not, every actor that is not blocked can go on, and a sleep is no choice at all.

Knows neither the world nor a strategy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from heapq import heappop, heappush, heappushpop
from math import inf
from types import CodeType, FrameType
from typing import Any, NoReturn

from greenlet import GreenletExit, getcurrent, greenlet

from lab.execution import Ending
from lab.scheduler import Cut, Event, Operation, Scheduler

Can = Callable[[], bool]
"""Tells whether a blocked operation can be done now."""

MOST_OPERATIONS = 1_000_000

_MOST_REFUSALS = 100
"""How often a body may go on in spite of Abandoned before it is left where it is."""


class Abandoned(BaseException):
    """Ends an actor whose execution is over. A body must let it pass, as it lets SystemExit pass."""


class Stuck(BaseException):
    """Ends an execution in which somebody went on for too long without an operation; a watchdog raises it."""


class Shared:
    """Something that operations touch, by its name; `waiters` are blocked on it, each with its turn."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.waiters: list[tuple[Actor, int]] = []


class Step:
    """What an actor may announce, made once and announced often: it can be done while `can` holds (None: always)."""

    __slots__ = ("can", "is_data", "is_read", "kind", "names", "shared")

    def __init__(
        self, kind: str, *shared: Shared, is_read: bool = False, is_data: bool = False, can: Can | None = None
    ) -> None:
        self.kind = kind
        self.shared = shared
        self.names = tuple(part.name for part in shared)
        self.is_read = is_read
        self.is_data = is_data
        self.can = can


_START, _SLEEP = Step("start"), Step("sleep")


class Actor:
    """A participant and the step that it has announced; the same number means the same actor in every execution."""

    __slots__ = (
        "body",
        "error",
        "has_timeout",
        "is_done",
        "is_service",
        "is_timed_out",
        "life",
        "line",
        "name",
        "number",
        "returned",
        "step",
        "turn",
    )

    def __init__(self) -> None:
        self.life: greenlet | None = None
        self.turn = 0

    def begin(self, number: int, name: str, body: Callable[[], Any], is_service: bool) -> None:
        """Take up a new body."""
        self.number = number
        self.name = name
        self.body = body
        self.is_service = is_service
        self.is_done = self.has_timeout = self.is_timed_out = False
        self.returned: Any = None
        self.error: BaseException | None = None
        self.step, self.line = _START, ""

    def operation(self, ready_at: float, is_timeout: bool = False) -> Operation:
        """What it has announced, or that it gives up waiting for it."""
        step = self.step
        if is_timeout:
            return Operation(self.number, step.kind, step.names, False, True, self.line, ready_at)
        return Operation(self.number, step.kind, step.names, step.is_read, False, self.line, ready_at, step.is_data)


_Entry = tuple[float, int, Actor, int, bool]
"""Who is ready: when, in which order it was announced, the actor, its turn then, and whether its time is up."""


class _Announced(Sequence[Operation]):
    """The operations of those that are ready, each made when it is looked at: who only draws a number looks at none."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Sequence[_Entry]) -> None:
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, place: Any) -> Any:
        ready_at, _, actor, _, is_timeout = self._entries[place]
        return actor.operation(ready_at, is_timeout)


class Kernel:
    """Runs executions, one after the other, on the same greenlets.

    With `keeps_history`, `events` has every operation of the last execution, with its source line and result.
    """

    def __init__(self, *, is_timed: bool, keeps_history: bool = False, most_operations: int = MOST_OPERATIONS) -> None:
        self.is_timed = is_timed
        self.keeps_history = keeps_history
        self.operations = 0
        """How many were done in this execution; its growth tells that the bodies go on."""
        self._most = most_operations
        self.names: Sequence[str] = ()
        """What the first actors are called."""
        self.latest_s = inf
        """The virtual time after which an execution is late."""
        self._pool: list[Actor] = []
        self._lost: list[greenlet] = []
        """Those that would not end: kept, since to forget a greenlet is to let it go on."""
        self._scheduler: Scheduler
        self._asks_always = False
        self._hub = getcurrent()
        self.is_ending = False
        """True while those who have not finished are unwound."""
        self._refusals = 0
        self.forget()

    def forget(self) -> None:
        """Nothing has happened yet."""
        self.events: list[Event] = []
        self.actors: list[Actor] = []
        self.now_s = 0.0
        self.operations = 0
        self._unfinished = 0
        self._running: Actor
        self._interrupt: KeyboardInterrupt | Stuck | None = None
        self._fresh: list[Actor] = []
        # Where time orders: who is ready now, and who will be.
        self._due: list[_Entry] = []
        self._is_doubtful = False
        """True if somebody who is due may be blocked, or may have gone on by another way."""
        self._later: list[_Entry] = []
        self._order = 0

    # What the hub does: run an execution -----------------------------------------------------------------------------

    def run(
        self, bodies: Sequence[Callable[[], Any]], services: Sequence[Callable[[], Any]], scheduler: Scheduler
    ) -> Ending:
        """Run an execution of these actors; services follow in number, and need not finish.

        `actors` then tell what each returned or raised. KeyboardInterrupt passes, whoever met it.
        """
        self.forget()
        self._hub = getcurrent()
        self._scheduler, self._asks_always = scheduler, scheduler.asks_always
        for body in bodies:
            self.spawn(body)
        for service in services:
            self.spawn(service, is_service=True)
        try:
            kind = self._run_by_time() if self.is_timed else self._run_in_any_order()
        except Cut:
            kind = "cut"
        except Stuck:
            kind = "stuck"
        finally:
            waiting = tuple([actor.operation(self.now_s) for actor in self.actors if not actor.is_done])
            self._abandon()
        return Ending(kind, waiting)

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

    def _run_in_any_order(self) -> str:
        while True:
            if self._fresh:
                self._start_fresh()
            if not self._unfinished:
                return "done"
            enabled: list[Operation] = []
            able: list[Actor] = []
            for actor in self.actors:
                if not actor.is_done:
                    # Time may be up for who is blocked, and for nobody else: who can have a lock does not give up.
                    can = actor.step.can
                    is_blocked = can is not None and not can()
                    if not is_blocked or actor.has_timeout:
                        enabled.append(actor.operation(0.0, is_blocked))
                        able.append(actor)
            if not enabled:
                return "deadlock"
            if self.operations >= self._most:
                return "endless"
            asks = len(enabled) > 1 or self._asks_always
            place = self._scheduler.choose(enabled, self._current()) if asks else 0
            actor = able[place]
            self._do(actor, enabled[place].is_timeout)
            self._resume(actor)

    def _run_by_time(self) -> str:
        # The loop that trials in virtual time spend their time in, so what is common is done without a call.
        due, later, asks_always, keeps_history = self._due, self._later, self._asks_always, self.keeps_history
        announced = _Announced(due)
        while True:
            if self._fresh:
                self._start_fresh()
            if not self._unfinished:
                return "done"
            if self._is_doubtful:
                self._keep_able()
            if due:
                place = 0
                if len(due) > 1 or asks_always:
                    place = self._scheduler.choose(announced, self._current())
                entry = due.pop(place)
            elif later:
                entry = heappop(later)
                if entry[0] > self.latest_s:
                    return "late"
                self.now_s = entry[0]
                if asks_always or entry[4] or entry[2].step.can or (later and later[0][0] == self.now_s):
                    self._gather(entry)
                    continue
            else:
                return "deadlock"
            _, _, actor, turn, is_timeout = entry
            if actor.turn != turn:
                continue
            if self.operations >= self._most:
                return "endless"
            if keeps_history:
                self._do(actor, is_timeout)
            else:
                self.operations += 1
                actor.turn += 1
                actor.is_timed_out = is_timeout
            self._running = actor
            actor.life.switch()  # type: ignore[union-attr]
            if self._interrupt is not None:
                raise self._interrupt

    def _current(self) -> int | None:
        return self._running.number if self.operations else None

    def _gather(self, first: _Entry) -> None:
        """Let all that are ready at the same moment be due."""
        self._due.append(first)
        while self._later and self._later[0][0] == first[0]:
            self._due.append(heappop(self._later))
        self._is_doubtful = True

    def _keep_able(self) -> None:
        """Of those that are due, drop who has gone on by another way, and let who is blocked wait to be woken."""
        due, self._is_doubtful = self._due, False
        for place in range(len(due) - 1, -1, -1):
            _, _, actor, turn, is_timeout = due[place]
            if actor.turn != turn:
                del due[place]
            elif is_timeout:
                self._is_doubtful = True
            elif (can := actor.step.can) is not None:
                if can():
                    self._is_doubtful = True
                else:
                    for part in actor.step.shared:
                        part.waiters.append((actor, turn))
                    del due[place]

    def _do(self, actor: Actor, is_timeout: bool) -> None:
        self.operations += 1
        actor.turn += 1
        actor.is_timed_out = is_timeout
        if self.keeps_history:
            self.events.append(Event(actor.operation(self.now_s, is_timeout), "", self.now_s))

    def _start_fresh(self) -> None:
        for actor in self._fresh:  # which may grow meanwhile
            self._resume(actor)
        self._fresh.clear()

    def _resume(self, actor: Actor) -> None:
        self._running = actor
        if actor.life is None or actor.life.dead:
            actor.life = greenlet(self._live, self._hub)
        actor.life.switch(actor)
        if self._interrupt is not None:
            raise self._interrupt

    def _live(self, actor: Actor) -> None:
        """What a greenlet does: one body after the other, each to its end."""
        switch = self._hub.switch
        while True:
            try:
                actor.returned = actor.body()
            except Abandoned:
                pass
            except GreenletExit:
                raise
            except (KeyboardInterrupt, Stuck) as error:
                self._interrupt = error
            except BaseException as error:  # noqa: BLE001 - whatever a body raises is an outcome
                actor.error = error
            actor.is_done = True
            if not actor.is_service:
                self._unfinished -= 1
            switch()

    def _abandon(self) -> None:
        """Unwind whoever has not finished; one that will not go is left, and its place gets a new greenlet."""
        self.is_ending = True
        for actor in self.actors:
            if not actor.is_done:
                for part in actor.step.shared:
                    part.waiters.clear()
                if actor.step is not _START and actor.life is not None:
                    self._running = actor
                    self._refusals = 0
                    actor.life.throw(Abandoned)
                    if not actor.is_done:
                        self._lost.append(actor.life)
                        actor.life = None
        self.is_ending = False

    # What an actor does: announce ------------------------------------------------------------------------------------

    @property
    def running(self) -> Actor:
        """The actor that is going on just now."""
        return self._running

    def step(self, step: Step, timeout_s: float | None = None) -> bool:
        """Announce a step of the running actor, and return when it is to be done.

        False if `timeout_s` seconds came to their end before it could be; where time does not order, they may do so at
        any moment.
        """
        if self.is_ending:
            self._refuse()
        actor = self._running
        actor.step = step
        actor.has_timeout = timeout_s is not None
        if self.keeps_history:
            actor.line = line_of(sys._getframe(1))
        if self.is_timed:
            now_s = self.now_s
            if step.can is None or step.can():
                if self._is_alone(now_s):
                    self._do(actor, False)
                    return True
                self._due.append((now_s, 0, actor, actor.turn, False))
                self._is_doubtful |= step.can is not None or timeout_s is not None
            else:
                for part in step.shared:
                    part.waiters.append((actor, actor.turn))
            if timeout_s is not None:
                self._order += 1
                heappush(self._later, (now_s + timeout_s, self._order, actor, actor.turn, True))
        self._hub.switch()
        if self.is_ending:
            self._refuse()
        return not actor.is_timed_out

    def sleep(self, seconds: float) -> None:
        """Let the running actor sleep. Where time does not order, that is no choice, and nobody is asked."""
        if self.is_ending:
            self._refuse()
        actor = self._running
        actor.step = _SLEEP
        actor.has_timeout = False
        if self.keeps_history:
            actor.line = line_of(sys._getframe(1))
        if not self.is_timed:
            self._do(actor, False)
            return
        end_s = self.now_s + seconds
        self._order += 1
        entry = (end_s, self._order, actor, actor.turn, False)
        if self._due or self._fresh or self._asks_always:
            heappush(self._later, entry)
            self._hub.switch()
        else:
            self._hand_over(heappushpop(self._later, entry))
        if self.is_ending:
            self._refuse()

    def _hand_over(self, first: _Entry) -> None:
        """From one sleeper to the next without the hub between them, if that one alone is ready first."""
        ready_at, _, actor, turn, is_timeout = first
        is_plain = actor.turn == turn and actor.step.can is None and not is_timeout
        if (
            not is_plain
            or (self._later and self._later[0][0] == ready_at)
            or self.operations >= self._most
            or ready_at > self.latest_s
        ):
            heappush(self._later, first)
            self._hub.switch()
            return
        self.now_s = ready_at
        self.operations += 1
        actor.turn = turn + 1
        actor.is_timed_out = False
        if self.keeps_history:
            self.events.append(Event(actor.operation(ready_at), "", ready_at))
        if actor is not self._running:
            self._running = actor
            actor.life.switch()  # type: ignore[union-attr]

    def changed(self, shared: Shared) -> None:
        """Tell that an operation which is blocked on this may be able to go on."""
        if shared.waiters:
            waiters, shared.waiters = shared.waiters, []
            for actor, turn in waiters:
                if actor.turn == turn:
                    self._due.append((self.now_s, 0, actor, turn, False))
            self._is_doubtful = True

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

    def _is_alone(self, until_s: float) -> bool:
        """True if nobody else is ready until then, so that there is nothing to choose."""
        return (
            not self._due
            and (not self._later or self._later[0][0] > until_s)
            and not self._fresh
            and not self._asks_always
            and self.operations < self._most
        )


_OWN = ("lab.engines.", "lab.store", "lab.world.", "contextlib")
_is_own: dict[CodeType, bool] = {}


def line_of(frame: FrameType | None) -> str:
    """The innermost source line that is neither an engine's nor a store's: the body's, or its guard's."""
    while frame is not None:
        code = frame.f_code
        if code not in _is_own:
            _is_own[code] = str(frame.f_globals.get("__name__", "")).startswith(_OWN)
        if not _is_own[code]:
            return f"{code.co_filename.rpartition('/')[2]}:{frame.f_lineno}"
        frame = frame.f_back
    return ""
