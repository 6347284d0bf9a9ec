"""Virtual time: those who are ready first can go on, the scheduler breaks the ties, and the clock jumps there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from heapq import heappop, heappush, heappushpop
from itertools import count
from typing import Any

from lab.engines.simulated.actors import SLEEP, START, Actor, Shared, Step, line_of
from lab.engines.simulated.kernel import Kernel
from lab.scheduler import Event, Operation

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


class _Waiting(Sequence[Operation]):
    """The same of those who wait for one thing by one step."""

    __slots__ = ("_now_s", "_waiters")

    def __init__(self, waiters: Sequence[tuple[Actor, int]], now_s: float) -> None:
        self._waiters = waiters
        self._now_s = now_s

    def __len__(self) -> int:
        return len(self._waiters)

    def __getitem__(self, place: Any) -> Any:
        return self._waiters[place][0].operation(self._now_s)


class TimedKernel(Kernel):
    """A kernel on which time orders.

    Nothing in `_later` is ready yet, so who finds `_due`, `_awake` and `_fresh` empty is alone at this moment and may
    go on without asking: nearly all operations of a trial.
    """

    __slots__ = (
        "_alone_until",
        "_announced",
        "_awake",
        "_due",
        "_is_doubtful",
        "_later",
        "_order",
        "_plain_until",
    )

    def __init__(self, **choices: Any) -> None:
        self._due: list[_Entry] = []
        self._announced = _Announced(self._due)
        self._awake: list[Shared] = []
        """What has changed, so that some who are blocked on it may be ready, too."""
        self._later: list[_Entry] = []
        super().__init__(**choices)

    def forget(self) -> None:
        """Nothing has happened yet."""
        super().forget()
        self._due.clear()
        self._awake.clear()
        self._later.clear()
        self._is_doubtful = False
        """True if somebody who is due may be blocked meanwhile, or may have gone on by another way."""
        self._order = count()

    def _start(self) -> None:
        self._alone_until = 0 if self._asks_always else self._most
        self._plain_until = 0 if self.keeps_history else self._alone_until
        if not self._asks_always:
            # Who is chosen to start does its first operation, too: one choice an actor, and one switch, instead of two.
            self._due.extend([(0.0, 0, actor, actor.turn, False) for actor in self._fresh])
            self._fresh.clear()
        super()._start()

    def is_alone(self) -> bool:
        """True if nobody else is ready at this moment, nobody asks, and no history is kept."""
        if self._due or self._awake or self._fresh or self.operations >= self._plain_until:
            return False
        self.operations += 1
        self.running.step = SLEEP
        return True

    def step(self, step: Step, timeout_s: float | None = None) -> bool:
        """Announce a step of the running actor, and return when it is to be done."""
        if self.is_ending:
            self._refuse()
        actor = self.running
        is_starting = actor.step is START
        actor.step = step
        can = step.can
        is_able = can is None or can()
        is_alone = is_starting or not (self._due or self._awake or self._fresh)
        if is_able and is_alone and self.operations < self._alone_until:
            self.operations += 1
            if self.keeps_history:
                actor.line = line_of(sys._getframe(1)) or actor.line
                self.events.append(Event(actor.operation(self.now_s), "", self.now_s))
            return True
        if self.keeps_history:
            actor.line = line_of(sys._getframe(1)) or actor.line
        if is_able:
            self._due.append((self.now_s, 0, actor, actor.turn, False))
            if can is not None:
                self._is_doubtful = True
        else:
            is_mixed = timeout_s is not None or len(step.shared) > 1
            for part in step.shared:
                waiters = part.waiters
                part.is_mixed |= is_mixed or (bool(waiters) and waiters[-1][0].step is not step)
                waiters.append((actor, actor.turn))
        if timeout_s is not None:
            self._put(self.now_s + timeout_s, actor, True)
        self._hand_over(actor)
        return not actor.is_timed_out

    def sleep(self, seconds: float) -> None:
        """Let the running actor sleep."""
        if self._due or self._awake or self._fresh or self.operations >= self._plain_until:
            self._sleep_among_others(seconds)
            return
        # From one sleeper to the next, if that one alone is ready first: what a trial mostly does, hence in one piece.
        actor = self.running
        actor.step = SLEEP
        later = self._later
        first = heappushpop(later, (self.now_s + seconds, next(self._order), actor, actor.turn, False))
        ready_at, _, sleeper, _, is_timeout = first
        if is_timeout or ready_at > self.latest_s or (later and later[0][0] == ready_at):
            heappush(later, first)
            self._hand_over(actor)
            return
        self.now_s = ready_at
        self.operations += 1
        if sleeper is not actor:
            self.running = sleeper
            sleeper.life.switch()  # type: ignore[union-attr]

    def _sleep_among_others(self, seconds: float) -> None:
        if self.is_ending:
            self._refuse()
        actor = self.running
        actor.step = SLEEP
        if self.keeps_history:
            actor.line = line_of(sys._getframe(2)) or actor.line
        self._put(self.now_s + seconds, actor, False)
        self._hand_over(actor)

    def changed(self, shared: Shared) -> None:
        """Tell that an operation which is blocked on this may be able to go on."""
        if shared.waiters and shared not in self._awake:
            self._awake.append(shared)

    def used_up(self, shared: Shared) -> None:
        """Tell that whoever is blocked on this can't go on."""
        if shared in self._awake:
            self._awake.remove(shared)

    def _abandon(self) -> None:
        self._plain_until = 0
        super()._abandon()

    def _put(self, ready_at: float, actor: Actor, is_timeout: bool) -> None:
        entry = (ready_at, next(self._order), actor, actor.turn, is_timeout)
        if ready_at > self.now_s:
            heappush(self._later, entry)
        else:
            self._due.append(entry)
            self._is_doubtful |= is_timeout

    def _next_actor(self) -> Actor | None:
        later = self._later
        if later and not (self._due or self._awake or self._fresh) and self.operations < self._plain_until:
            # As in `sleep`: the next sleeper alone.
            first = heappop(later)
            ready_at, _, actor, _, is_timeout = first
            is_last = ready_at > self.latest_s or not self._unfinished
            if not (is_timeout or is_last or (later and later[0][0] == ready_at)):
                self.now_s = ready_at
                self.operations += 1
                self.running = actor
                return actor
            heappush(later, first)
        if self._fresh:
            return self._begin_fresh()
        if not self._unfinished:
            self._end("done")
            return None
        entry = self._next()
        if entry is None:
            return None
        actor = self.running = entry[2]
        if actor.step is START:
            return actor
        if self.operations >= self._most:
            self._end("endless")
            return None
        self.operations += 1
        self._last = actor.number
        actor.turn += 1
        actor.is_timed_out = entry[4]
        if self.keeps_history:
            self.events.append(Event(actor.operation(self.now_s, entry[4]), "", self.now_s))
        return actor

    def _next(self) -> _Entry | None:
        """Who goes on, taken from where it was noted; None once the execution was ended."""
        due, later = self._due, self._later
        while True:
            if len(self._awake) == 1 and not due and not self._awake[0].is_mixed:
                waiters = self._awake[0].waiters
                can = waiters[0][0].step.can if waiters else None
                if can is not None and can():
                    return self._first_of(self._awake[0])
                self._awake.clear()
                continue
            if self._awake or self._is_doubtful:
                ready = self._able()
                announced = _Announced(ready) if ready is not due else self._announced
            else:
                ready, announced = due, self._announced
            if ready:
                place = 0
                if len(ready) > 1 or self._asks_always:
                    try:
                        place = self._scheduler.choose(announced, self._last)
                    except BaseException as error:  # noqa: BLE001 - it is handed on
                        self._fail(error)
                        return None
                if ready is due:
                    return due.pop(place)
                entry = ready[place]
                if place < len(due):
                    del due[place]
                else:
                    for part in entry[2].step.shared:
                        part.is_mixed = True
                return entry
            if not later:
                self._end("deadlock")
                return None
            entry = heappop(later)
            ready_at, _, actor, turn, is_timeout = entry
            if actor.turn != turn:
                continue
            if ready_at > self.latest_s:
                self._end("late")
                return None
            self.now_s = ready_at
            if not is_timeout and not (later and later[0][0] == ready_at) and not self._asks_always:
                return entry
            due.append(entry)
            while later and later[0][0] == ready_at:
                due.append(heappop(later))
            self._is_doubtful = True

    def _first_of(self, shared: Shared) -> _Entry | None:
        """One of those who wait for this, and can go on by one and the same step; None once the execution was ended."""
        waiters, place = shared.waiters, 0
        if len(waiters) > 1 or self._asks_always:
            try:
                place = self._scheduler.choose(_Waiting(waiters, self.now_s), self._last)
            except BaseException as error:  # noqa: BLE001 - it is handed on
                self._fail(error)
                return None
        actor, turn = waiters.pop(place)
        if not waiters:
            self._awake.clear()
        return self.now_s, 0, actor, turn, False

    def _able(self) -> list[_Entry]:
        """Those that are due and not blocked, then those blocked no more. Who is blocked now is to be woken."""
        if not self._due and len(self._awake) == 1:
            woken = self._woken(self._awake[0])
            if not woken:
                self._awake.clear()
            return woken
        due, doubtful = [], False
        for entry in self._due:
            _, _, actor, turn, is_timeout = entry
            if actor.turn != turn:
                continue
            can = actor.step.can
            if is_timeout or can is not None:
                doubtful = True
                if not is_timeout and can is not None and not can():
                    for part in actor.step.shared:
                        part.is_mixed = True
                        part.waiters.append((actor, turn))
                    continue
            due.append(entry)
        self._due[:], self._is_doubtful = due, doubtful
        for shared in list(self._awake):
            woken = self._woken(shared)
            if not woken:
                self._awake.remove(shared)
            due += [entry for entry in woken if entry not in due]
        return due

    def _woken(self, shared: Shared) -> list[_Entry]:
        """Those who wait for this and can go on. Most wait for the same, so it is looked at once."""
        # It stays mixed until nobody waits any more.
        shared.waiters = waiters = [waiter for waiter in shared.waiters if waiter[0].turn == waiter[1]]
        shared.is_mixed &= bool(waiters)
        now_s = self.now_s
        if len({id(actor.step) for actor, _ in waiters}) == 1:
            can = waiters[0][0].step.can
            return [(now_s, 0, actor, turn, False) for actor, turn in waiters] if can is None or can() else []
        cans = [(actor, turn, actor.step.can) for actor, turn in waiters]
        return [(now_s, 0, actor, turn, False) for actor, turn, can in cans if can is None or can()]
