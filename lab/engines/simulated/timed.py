"""Virtual time: those who are ready first can go on, the scheduler breaks the ties, and the clock jumps there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from heapq import heappop, heappush, heappushpop
from typing import Any

from lab.engines.simulated.actors import SLEEP, Actor, Shared, Step, line_of
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


class TimedKernel(Kernel):
    """A kernel on which time orders.

    Nothing in `_later` is ready yet, so who finds `_due`, `_awake` and `_fresh` empty is alone at this moment and may
    go on without asking: nearly all operations of a trial.
    """

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
        self._order = 0

    def _start(self) -> None:
        self._alone_until = 0 if self._asks_always else self._most
        super()._start()

    def is_alone(self) -> bool:
        """True if nobody else is ready at this moment, nobody asks, and no history is kept."""
        if self.is_ending:
            self._refuse()
        if self._due or self._awake or self._fresh or self.keeps_history or self.operations >= self._alone_until:
            return False
        self.operations += 1
        return True

    def step(self, step: Step, timeout_s: float | None = None) -> bool:
        """Announce a step of the running actor, and return when it is to be done."""
        if self.is_ending:
            self._refuse()
        actor = self.running
        can = step.can
        is_able = can is None or can()
        if is_able and not self._due and not self._awake and not self._fresh and self.operations < self._alone_until:
            self.operations += 1
            if self.keeps_history:
                actor.step, actor.line = step, line_of(sys._getframe(1))
                self.events.append(Event(actor.operation(self.now_s), "", self.now_s))
            return True
        actor.step = step
        if self.keeps_history:
            actor.line = line_of(sys._getframe(1))
        if is_able:
            self._due.append((self.now_s, 0, actor, actor.turn, False))
            if can is not None:
                self._is_doubtful = True
        else:
            for part in step.shared:
                part.waiters.append((actor, actor.turn))
        if timeout_s is not None:
            self._put((self.now_s + timeout_s, actor, True))
        self._go_on()
        return not actor.is_timed_out

    def sleep(self, seconds: float) -> None:
        """Let the running actor sleep."""
        if self.is_ending:
            self._refuse()
        actor = self.running
        actor.step = SLEEP
        if self.keeps_history:
            actor.line = line_of(sys._getframe(1))
        end_s = self.now_s + seconds
        if self._due or self._awake or self._fresh or self.operations >= self._alone_until or end_s == self.now_s:
            self._put((end_s, actor, False))
            self._go_on()
            return
        # From one sleeper to the next, if that one alone is ready first: what a trial mostly does, hence in one piece.
        self._order += 1
        later = self._later
        first = heappushpop(later, (end_s, self._order, actor, actor.turn, False))
        ready_at, _, next_actor, turn, is_timeout = first
        if next_actor.turn != turn or is_timeout or (later and later[0][0] == ready_at) or ready_at > self.latest_s:
            heappush(later, first)
            self._go_on()
            return
        self.now_s = ready_at
        self.operations += 1
        next_actor.turn = turn + 1
        next_actor.is_timed_out = False
        if self.keeps_history:
            self.events.append(Event(next_actor.operation(ready_at), "", ready_at))
        if next_actor is not actor:
            self.running = next_actor
            next_actor.life.switch()  # type: ignore[union-attr]

    def changed(self, shared: Shared) -> None:
        """Tell that an operation which is blocked on this may be able to go on."""
        if shared.waiters and shared not in self._awake:
            self._awake.append(shared)

    def used_up(self, shared: Shared) -> None:
        """Tell that whoever is blocked on this can't go on."""
        if shared in self._awake:
            self._awake.remove(shared)

    def _put(self, when: tuple[float, Actor, bool]) -> None:
        ready_at, actor, is_timeout = when
        self._order += 1
        entry = (ready_at, self._order, actor, actor.turn, is_timeout)
        if ready_at > self.now_s:
            heappush(self._later, entry)
        else:
            self._due.append(entry)
            self._is_doubtful |= is_timeout

    def _go_on(self) -> None:
        before = self.running
        if self._fresh:
            actor = self._begin_fresh()
        else:
            if not self._unfinished:
                return self._end("done")
            entry = self._next()
            if entry is None:
                return None
            actor, is_timeout = entry[2], entry[4]
            if self.operations >= self._most:
                return self._end("endless")
            self.operations += 1
            actor.turn += 1
            actor.is_timed_out = is_timeout
            if self.keeps_history:
                self.events.append(Event(actor.operation(self.now_s, is_timeout), "", self.now_s))
            self.running = actor
        if actor is not before or before.is_done:
            actor.life.switch()  # type: ignore[union-attr]
        return None

    def _next(self) -> _Entry | None:
        """Who goes on, taken from where it was noted; None once the execution was ended and is being unwound."""
        due, later = self._due, self._later
        while True:
            ready, announced = due, self._announced
            if self._awake or self._is_doubtful:
                ready = self._able()
                announced = _Announced(ready)
            if ready:
                place = self._chosen(announced) if len(ready) > 1 or self._asks_always else 0
                if place is None:
                    return None
                entry = ready[place]
                if place < len(due):
                    del due[place]
                return entry
            if not later:
                self._end("deadlock")
                return None
            entry = heappop(later)
            if entry[2].turn != entry[3]:
                continue
            if entry[0] > self.latest_s:
                self._end("late")
                return None
            self.now_s = entry[0]
            if not self._asks_always and not entry[4] and not (later and later[0][0] == self.now_s):
                return entry
            due.append(entry)
            while later and later[0][0] == self.now_s:
                due.append(heappop(later))
            self._is_doubtful = True

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
        found: list[_Entry] = []
        left: list[tuple[Actor, int]] = []
        step, is_able = SLEEP, False
        for waiter in shared.waiters:
            actor, turn = waiter
            if actor.turn == turn:
                left.append(waiter)
                if actor.step is not step:
                    step = actor.step
                    is_able = step.can is None or step.can()
                if is_able:
                    found.append((self.now_s, 0, actor, turn, False))
        shared.waiters = left
        return found
