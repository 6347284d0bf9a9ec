"""Serial orders: the processes of a program one after another, each from its start to its end, in every order.

How a program ends in these is what its author can have meant; an ending that none of them has is the work of a race.
Its first process may wait at any moment, as it does for its children, and a child may run as soon as it was started or
later. Any other process that has to wait shows that its order can't finish: that execution is cut. Where the first one
waits for a time alone, that may also be up before anybody else does anything; at each line of the script once, since a
loop that waits so again and again would have no end. Where it looks again at what has not changed, as who reads a file
to its end does, and a loop that waits by looking, it may go on or wait. Who then does nothing but look is in such a
loop: that is tried once.

A thread is like a process here. So one after another go, too, the threads of several processes, whichever is whose; and
whoever has started threads may wait as the first process may.

The workers of a pool are processes that begin anew with each call of each task, so it is the calls that come one after
another; where somebody waits for whichever result is first, the offer of one may come later than the rest of its task.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

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

Look = tuple[int, str, tuple[str, ...], str]
"""Whose it is, its kind, what it looks at, and from which line."""


class _Choice(NamedTuple):
    """A moment of choice: before which operation, whom it is between, and how many of them were tried.

    `look` is what the last of them would look at again, who might as well wait; None if nobody would.
    """

    place: int
    actors: list[int]
    tried: int
    look: Look | None


class Serial:
    """Depth first through the orders. `is_complete` once all were begun, `cut` of which could not finish.

    Who looks for one ending alone tells by `accepts`, at the end of each process, whether it may still come; where not,
    no order that begins so is gone through. `loops` are what somebody looked at again and again who did nothing else:
    it adds those that it meets.
    """

    asks_always = True

    def __init__(
        self,
        most: int,
        accepts: Callable[[int], bool] = lambda actor: True,
        has_threads: Callable[[int], bool] = lambda actor: False,
        loops: set[Look] | None = None,
    ) -> None:
        self._most = most
        self._accepts = accepts
        self._has_threads = has_threads
        self.orders = 0
        self.cut = 0
        self.is_complete = False
        self._choices: list[_Choice] = []
        self._loops = set() if loops is None else loops

    def begin(self) -> bool:
        """The next order, while there are fewer than the most."""
        while self._choices:
            choice = self._choices.pop()
            left = len(choice.actors) - choice.tried
            if left > 1 or (left and choice.look not in self._loops):
                self._choices.append(choice._replace(tried=choice.tried + 1))
                break
        else:
            if self.orders:
                self.is_complete = True
                return False
        if self.orders == self._most:
            return False
        self.orders += 1
        self._depth = 0
        self._place = -1
        self._running = FIRST
        self._has_begun = False
        self._look: Look | None = None
        """With what it has gone on that might as well have waited, if it has done nothing but look since then."""
        self._looks = 0
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
        self._place += 1
        able = {operation.actor: place for place, operation in enumerate(enabled)}
        if self._running in able and enabled[able[self._running]].kind == "offer":
            self._begin_anew(self._running)
        fresh = [actor for actor in able if actor not in self._seen]
        self._seen |= set(able)
        # Where an engine names nobody who should go on, the one who ran would only look again at what has not changed.
        is_idle = current is None and self._may_wait(self._running) and self._has_begun
        self._has_begun = True
        children = [actor for actor in able if actor not in self._begun]
        look = None
        if is_idle and children:
            look = self._look_of(able, enabled)
            actors = self._able_beside(look, children)
        else:
            actors = self._able_to_follow(able, fresh, children, enabled)
        actors = [one for one in actors if not self._is_redundant(one, enabled[able[one]].kind)]
        if not actors:
            self._cut()
        actor = self._chosen(actors, look)
        self._follow_looks(look if actor == self._running else None)
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

    def _look_of(self, able: Mapping[int, int], enabled: Sequence[Operation]) -> Look | None:
        if self._running not in able:
            return None
        operation = enabled[able[self._running]]
        return operation.actor, operation.kind, operation.objects, operation.line

    def _able_beside(self, look: Look | None, children: list[int]) -> list[int]:
        """Who may go on where the one that runs would look again; once it has done so it is not asked each time."""
        if look is None or look in self._loops:
            return children
        return [*children, self._running] if self._look is None else [self._running]

    def _follow_looks(self, look: Look | None) -> None:
        if look is None:
            self._look, self._looks = None, 0
            return
        self._look = self._look or look
        self._looks += 1
        if self._looks > _MOST_LOOKS:
            self._loops.add(self._look)
            self._cut()

    def _able_to_follow(
        self, able: dict[int, int], fresh: list[int], children: list[int], enabled: Sequence[Operation]
    ) -> list[int]:
        running = self._running
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

    def _chosen(self, actors: list[int], look: Look | None) -> int:
        if self._depth == len(self._choices):
            if len(actors) == 1:
                return actors[0]
            self._choices.append(_Choice(self._place, actors, 1, look))
        choice = self._choices[self._depth]
        if choice.place != self._place:
            return actors[0]
        self._depth += 1
        return choice.actors[choice.tried - 1]

    def end(self, waiting: Sequence[Operation]) -> None:
        """Nothing is learnt from it."""
