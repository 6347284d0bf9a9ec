"""How things stand at a moment of a history: who holds what, and whether an operation would have to wait.

Told from the operations alone; knows neither an engine nor how it is shown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from lab.kinds import Effect, Meaning, family, is_vain, meaning
from lab.scheduler import Event, Operation


class Hold(NamedTuple):
    """Who holds something, and the source line at which it was taken."""

    actor: int
    line: str


class Standing:
    """The state of all that synchronises, after the operations that were `done`.

    `permits` tells how many permits each semaphore has at first, and the size of each queue that has one.
    """

    def __init__(self, permits: Mapping[str, int]) -> None:
        self.holds: dict[str, list[Hold]] = {}
        """By object, in the order in which it was taken."""
        self._free = Counter(permits)
        """Permits that can be taken."""
        self._lent: Counter[str] = Counter()
        """Permits of a release by who held none: who takes one holds nothing, it was a signal."""
        self._set: set[str] = set()
        self._items: Counter[str] = Counter()
        self._asleep: dict[str, list[int]] = defaultdict(list)
        """Who waits for a condition, and was not notified."""

    def done(self, event: Event) -> None:
        """Take in an operation."""
        operation = event.operation
        for name in operation.objects:
            what = meaning(operation.kind, name)
            if operation.is_data or is_vain(event, what):
                continue
            if what.holding == 1:
                self._take(operation, name)
            elif what.holding == -1:
                self._let_go(operation.actor, name)
            self._count(event, name, what)

    def missing(self, operation: Operation) -> str:
        """The object that an announced operation has to wait for; empty if it can be done, or nothing is known."""
        names = (
            [] if operation.is_data else [name for name in operation.objects if meaning(operation.kind, name).remedy]
        )
        shut = [name for name in names if self._is_shut(operation, name)]
        return shut[0] if shut and len(shut) == len(names) else ""

    def holders(self, name: str) -> dict[int, str]:
        """Who holds it, each with the line at which it was first taken."""
        lines: dict[int, str] = {}
        for hold in self.holds.get(name, []):
            lines.setdefault(hold.actor, hold.line)
        return lines

    def blockers(self, operation: Operation, name: str) -> dict[int, str]:
        """Its holders as far as they are why an operation waits: none for who waits to be notified."""
        return {} if operation.actor in self._asleep[name] else self.holders(name)

    def _take(self, operation: Operation, name: str) -> None:
        if self._lent[name] > 0:
            self._lent[name] -= 1
        else:
            self.holds.setdefault(name, []).append(Hold(operation.actor, operation.line))

    def _let_go(self, actor: int, name: str) -> None:
        holds = self.holds.get(name, [])
        own = [place for place, hold in enumerate(holds) if hold.actor == actor]
        if own:
            del holds[own[-1]]
        elif "semaphore" in family(name):
            self._lent[name] += 1
        elif holds:  # anybody may release a Lock
            del holds[0]
        if not holds:
            self.holds.pop(name, None)

    def _count(self, event: Event, name: str, what: Meaning) -> None:
        actor, effect = event.operation.actor, what.effect
        if effect in _PERMITS:
            self._free[name] += _PERMITS[effect]
        elif effect in _ITEMS:
            self._items[name] += _ITEMS[effect]
            self._free[name] += effect is Effect.GET
        elif effect is Effect.ADD:
            self._set.add(name)
        elif effect is Effect.FORGET:
            self._set.discard(name)
        elif effect is Effect.SLEEP:
            self._asleep[name].append(actor)
        elif effect is Effect.NOTIFY:
            del self._asleep[name][: int(event.result) if event.result.isdecimal() else 1]
        elif actor in self._asleep[name]:  # another than the first of them was woken, or its time was up
            self._asleep[name].remove(actor)

    def _is_shut(self, operation: Operation, name: str) -> bool:
        what = meaning(operation.kind, name)
        if what.effect is Effect.TAKE:
            return self._free[name] <= 0
        if what.holding:
            return name in self.holds or operation.actor in self._asleep[name]
        if what.effect is Effect.ACQUIRE:
            return name not in self._set
        return family(name) in ("queue", "pipe") and self._items[name] <= 0


_PERMITS = {Effect.TAKE: -1, Effect.GIVE: 1}
_ITEMS = {Effect.PUT: 1, Effect.GET: -1}
