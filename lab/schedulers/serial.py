"""Serial orders: the processes of a program one after another, each from its start to its end, in every order.

How a program ends in these is what its author can have meant; an ending that none of them has is the work of a race.
Its first process may wait at any moment, as it does for its children, and a child may run as soon as it was started or
later. Any other process that has to wait shows that its order can't finish: that execution is cut. Where the first one
waits for a time alone, that may also be up before anybody else does anything; at each line of the script once, since a
loop that waits so again and again would have no end. Where it looks again at what has not changed, as who reads a file
to its end does, and a loop that waits by looking, it may go on or wait; who does nothing but look will not finish.

A thread is like a process here. So one after another go, too, the threads of several processes, whichever is whose; and
whoever has started threads may wait as the first process may.

The workers of a pool are processes that begin anew with each call of each task, so it is the calls that come one after
another; where somebody waits for whichever result is first, the offer of one may come later than the rest of its task.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lab.kinds import family
from lab.scheduler import Cut, Operation

FIRST = 0
"""The process that starts the others."""

HELPERS = frozenset({"deliver"})
"""What is done for a process behind its back is done at once, as is what one opens that is not forked, at its start."""

ENDS_OF_TASKS = frozenset({"take", "give", "offer"})
"""After these it is open again which worker of a pool goes on."""

_NOBODY = -1

_MOST_LOOKS = 1000
"""How often somebody looks in a row at what has not changed before it is taken for a loop that waits."""


class Serial:
    """Depth first through the orders. `is_complete` once all were begun, `cut` of which could not finish.

    Who looks for one ending alone tells by `accepts`, at the end of each process, whether it may still come; where not,
    no order that begins so is gone through.
    """

    asks_always = True

    def __init__(
        self,
        most: int,
        accepts: Callable[[int], bool] = lambda actor: True,
        has_threads: Callable[[int], bool] = lambda actor: False,
    ) -> None:
        self._most = most
        self._accepts = accepts
        self._has_threads = has_threads
        self.orders = 0
        self.cut = 0
        self.is_complete = False
        self._choices: list[tuple[list[int], int]] = []
        """At each moment of choice: the actors that may go on, and how many of them were tried."""

    def begin(self) -> bool:
        """The next order, while there are fewer than the most."""
        while self._choices:
            actors, tried = self._choices.pop()
            if tried < len(actors):
                self._choices.append((actors, tried + 1))
                break
        else:
            if self.orders:
                self.is_complete = True
                return False
        if self.orders == self._most:
            return False
        self.orders += 1
        self._depth = 0
        self._running = FIRST
        self._has_begun = False
        self._looks = 0
        """How often in a row it has gone on to look again."""
        self._begun: set[int] = {FIRST}
        self._seen: set[int] = {FIRST}
        self._ended: set[int] = {_NOBODY}
        self._stopped: set[int] = set()
        """The workers of pools that were told to end, which is no choice."""
        self._holders: set[int] = set()
        """The workers that have taken a task and not begun it, or not begun its next call."""
        self._latest: set[int] = set()
        """Those who took it since the last task was begun: whatever but a task comes next might have come before."""
        self._gave_up: set[tuple[int, str]] = set()
        """Who has given up waiting, and where, while others could have gone on."""
        self._put_off: set[int] = set()
        """Those who could have begun it when another took one: before one is done it would be the same again."""
        return True

    def choose(self, enabled: Sequence[Operation], current: int | None) -> int:
        """Whoever runs goes on; at its end, or where the first process waits, a choice."""
        for place, operation in enumerate(enabled):
            if operation.kind in HELPERS or (operation.kind == "open" and family(operation.objects[0]) == "name"):
                return place
            if operation.kind in ("ready", "next"):
                if operation.kind == "next":
                    self._holders.add(operation.actor)
                if operation.actor == self._running:
                    self._begin_anew(operation.actor)
                return place
            if operation.kind == "take" and operation.is_read:
                self._stopped.add(operation.actor)
                return place
            if operation.kind == "exit" and operation.actor in self._stopped:
                return place
        able = {operation.actor: place for place, operation in enumerate(enabled)}
        if self._running in able and enabled[able[self._running]].kind == "offer":
            self._begin_anew(self._running)
        fresh = [actor for actor in able if actor not in self._seen]
        self._seen |= set(able)
        # Where an engine names nobody who should go on, the one who ran would only look again at what has not changed.
        is_idle = current is None and self._may_wait(self._running) and self._has_begun
        self._has_begun = True
        actors = self._able_to_follow(able, fresh, enabled, is_idle)
        actors = [one for one in actors if not self._is_redundant(one, enabled[able[one]].kind)]
        if not actors:
            self._cut()
        actor = actors[0] if len(actors) == 1 else self._chosen(actors)
        self._looks = self._looks + 1 if is_idle and actor == self._running else 0
        if self._looks > _MOST_LOOKS:
            self._cut()
        self._running = actor
        self._begun.add(actor)
        operation = enabled[able[actor]]
        self._hand_out(actor, operation.kind, actors)
        if operation.is_timeout:
            self._gave_up.add((actor, operation.line))
        if operation.kind in ENDS_OF_TASKS:
            self._begin_anew(actor)
        if operation.kind in ("exit", "end"):
            self._ended.add(actor)
            if operation.kind == "exit" and not self._accepts(actor):
                raise Cut
        return able[actor]

    def _is_redundant(self, actor: int, kind: str) -> bool:
        is_no_task = actor == FIRST or (kind == "offer" and actor not in self._holders)
        return actor in self._put_off or (is_no_task and bool(self._latest))

    def _hand_out(self, actor: int, kind: str, actors: list[int]) -> None:
        if kind == "take":
            self._put_off |= self._holders & set(actors)
            self._holders.add(actor)
            self._latest.add(actor)
        elif actor in self._holders:
            self._holders.remove(actor)
            self._latest.clear()
            self._put_off.clear()

    def _begin_anew(self, worker: int) -> None:
        """It has a task, or none any more: which worker takes which, and when it goes on, is open again."""
        self._begun.discard(worker)
        self._seen.discard(worker)
        self._running = _NOBODY

    def _able_to_follow(
        self, able: dict[int, int], fresh: list[int], enabled: Sequence[Operation], is_idle: bool
    ) -> list[int]:
        running = self._running
        children = [actor for actor in able if actor not in self._begun]
        if is_idle and children:
            return [running] if self._looks else [*children, running]
        may_wait = self._may_wait(running)
        if running in able and not (may_wait and enabled[able[running]].is_timeout):
            return [running, *fresh] if may_wait else [running]
        if running not in self._ended and not may_wait:
            self._cut()
        parents = [actor for actor in able if actor in self._begun and self._may_wait(actor)]
        late = [one for one in parents if enabled[able[one]].is_timeout]
        if children:
            late = [one for one in late if (one, enabled[able[one]].line) not in self._gave_up]
        actors = [one for one in parents if not enabled[able[one]].is_timeout] + children + late
        if not actors:
            self._cut()
        return actors

    def _may_wait(self, actor: int) -> bool:
        return actor == FIRST or (actor not in (_NOBODY, *self._ended) and self._has_threads(actor))

    def _cut(self) -> None:
        self.cut += 1
        raise Cut

    def _chosen(self, actors: list[int]) -> int:
        if self._depth == len(self._choices):
            self._choices.append((actors, 1))
        known, tried = self._choices[self._depth]
        self._depth += 1
        return known[tried - 1]

    def end(self, waiting: Sequence[Operation]) -> None:
        """Nothing is learnt from it."""
