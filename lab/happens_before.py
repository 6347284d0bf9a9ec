"""Which accesses to shared data nothing orders: vector clocks over the history of one execution.

Operations are ordered by their actor's program and by what synchronises: "happened before" of Lamport, "Time, clocks,
and the ordering of events in a distributed system", Communications of the ACM 21(7), 1978. Each actor and each object
that synchronises carries a clock; of an access, its actor's own count is enough (an epoch), as in Flanagan and Freund,
"FastTrack: efficient and precise dynamic race detection", PLDI 2009, whose rule for volatiles is the one for versions
of a store. FastTrack stops at an object's first race; here the last access of each actor at each source line is kept,
so that every pair of lines is found, in time proportional to events, actors and lines of the body that touch the data.

Knows no engine: a history is a sequence of events.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence

from lab.conflict import Conflict
from lab.kinds import LOCKS, Effect, accessed, family, is_vain, meaning
from lab.scheduler import Event, Operation

Clock = list[int]
"""For each actor, how many of its stretches are known to be over; never changed once it is shared."""

Site = tuple[str, str]
"""A source line, and the kind of access there."""


def conflicts(events: Sequence[Event], permits: Mapping[str, int]) -> list[Conflict]:
    """The conflicts of a history, each once by object, source lines and kinds: the first, with the access next to it.

    `permits` tells how many permits each semaphore has at first, and the size of each queue that has one.
    """
    past = _Past(events, permits)
    seen: set[tuple[str, Site, Site]] = set()
    found: list[Conflict] = []
    for place, event in enumerate(events):
        operation = event.operation
        orders = () if operation.is_data else operation.objects
        if operation.is_read:  # it comes after what it finds there, and what changes that before the next change
            for name in orders:
                past.do(event, name)
        site = operation.line, operation.kind
        for name in accessed(event):
            if family(name) in LOCKS:
                continue  # it is held for this access alone, so it keeps nobody from coming between two of them
            if event.result and is_vain(event, meaning(operation.kind, name)):
                continue
            for other, earlier in past.unordered(operation, name, site, place):
                if (name, other, site) not in seen:
                    seen.add((name, other, site))
                    seen.add((name, site, other))
                    found.append(Conflict(name, events[earlier], event, (earlier, place)))
        if not operation.is_read:
            for name in orders:
                past.do(event, name)
    return found


class _Past:
    """What each actor and each object knows of the operations done so far. Actors are counted as they turn up."""

    def __init__(self, events: Sequence[Event], permits: Mapping[str, int]) -> None:
        numbers = dict.fromkeys([event.operation.actor for event in events])
        self._numbers = {number: count for count, number in enumerate(numbers)}
        self._clocks = [[int(own == other) for other in range(len(numbers))] for own in range(len(numbers))]
        self._permits = permits
        self._taken: dict[str, int] = {}
        """How many of the permits of the beginning are gone."""
        self._released: dict[str, Clock] = {}
        self._given: dict[str, deque[Clock]] = defaultdict(deque)
        self._put: dict[str, deque[Clock]] = defaultdict(deque)
        self._rounds: dict[str, _Round] = {}
        self._arrived: dict[tuple[str, int], _Round] = {}
        self._accesses: dict[str, tuple[_Accesses, _Accesses]] = {}
        """Of each object, the reads and the writes."""

    def unordered(self, operation: Operation, name: str, site: Site, place: int) -> list[tuple[Site, int]]:
        """The accesses so far that this one is in conflict with, as site and place; and keep it."""
        actor = self._numbers[operation.actor]
        clock = self._clocks[actor]
        accesses = self._accesses.get(name)
        if accesses is None:
            accesses = self._accesses[name] = {}, {}
        reads, writes = accesses
        # Of one actor at one site the last access is enough: whatever orders that one, orders those before it.
        found = [(other, at) for of, other, count, at in writes.values() if count > clock[of]]
        if operation.is_read:
            reads[actor, site] = actor, site, clock[actor], place
        else:
            found += [(other, at) for of, other, count, at in reads.values() if count > clock[of]]
            writes[actor, site] = actor, site, clock[actor], place
        return found

    def do(self, event: Event, name: str) -> None:
        """Let an operation that synchronises do so."""
        operation = event.operation
        what = meaning(operation.kind, name)
        # Who only reads hands nothing on: two that do may come in any order.
        hands_on = what.effect is not Effect.EXCHANGE or not operation.is_read
        effect = _EFFECTS.get(what.effect if hands_on else Effect.ACQUIRE)
        if effect is not None and not is_vain(event, what):
            effect(self, self._numbers[operation.actor], name)

    def _learn(self, actor: int, clock: Clock) -> None:
        self._clocks[actor] = _joined(self._clocks[actor], clock)

    def _told(self, actor: int) -> Clock:
        """The actor's clock, to be handed on; what the actor does from now on is not in it."""
        clock = self._clocks[actor]
        self._clocks[actor] = later = clock.copy()
        later[actor] += 1
        return clock

    # One for each effect ---------------------------------------------------------------------------------------------

    def acquire(self, actor: int, name: str) -> None:
        if name in self._released:
            self._learn(actor, self._released[name])

    def release(self, actor: int, name: str) -> None:
        self._released[name] = self._told(actor)

    def add(self, actor: int, name: str) -> None:
        clock, before = self._told(actor), self._released.get(name)
        self._released[name] = clock if before is None else _joined(before, clock)

    def exchange(self, actor: int, name: str) -> None:
        self.acquire(actor, name)
        self.release(actor, name)

    def forget(self, actor: int, name: str) -> None:
        self._released.pop(name, None)
        self._rounds.pop(name, None)

    def take(self, actor: int, name: str) -> None:
        taken = self._taken.get(name, 0)
        if taken < self._permits.get(name, 0):
            self._taken[name] = taken + 1
        elif self._given[name]:
            self._learn(actor, self._given[name].popleft())

    def give(self, actor: int, name: str) -> None:
        self._given[name].append(self._told(actor))

    def put(self, actor: int, name: str) -> None:
        self._put[name].append(self._told(actor))

    def get(self, actor: int, name: str) -> None:
        if self._put[name]:
            self._learn(actor, self._put[name].popleft())
        if self._permits.get(name):
            self.give(actor, name)

    def arrive(self, actor: int, name: str) -> None:
        """A round ends with the first that passes, or when somebody arrives a second time."""
        current = self._rounds.get(name)
        if current is None or current.is_over or actor in current.actors:
            current = self._rounds[name] = _Round([0] * len(self._clocks))
        # The last to arrive waits for nobody, so it learns of the others here.
        self._learn(actor, current.clock)
        current.clock = self._told(actor)
        current.actors.add(actor)
        self._arrived[name, actor] = current

    def pass_(self, actor: int, name: str) -> None:
        current = self._arrived.get((name, actor))
        if current is not None:
            current.is_over = True
            self._learn(actor, current.clock)


class _Round:
    """One filling of a barrier."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.actors: set[int] = set()
        self.is_over = False


_Accesses = dict[tuple[int, Site], tuple[int, Site, int, int]]
"""By actor and site the last access: with both, the actor's own count, and the place in the history."""

_EFFECTS: dict[Effect, Callable[[_Past, int, str], None]] = {
    Effect.ACQUIRE: _Past.acquire,
    Effect.RELEASE: _Past.release,
    Effect.ADD: _Past.add,
    Effect.EXCHANGE: _Past.exchange,
    Effect.FORGET: _Past.forget,
    Effect.TAKE: _Past.take,
    Effect.GIVE: _Past.give,
    Effect.PUT: _Past.put,
    Effect.GET: _Past.get,
    Effect.SLEEP: _Past.release,
    Effect.NOTIFY: _Past.release,
    Effect.WAKE: _Past.acquire,
    Effect.ARRIVE: _Past.arrive,
    Effect.PASS: _Past.pass_,
}


def _joined(clock: Clock, other: Clock) -> Clock:
    return [own if own > new else new for own, new in zip(clock, other, strict=True)]
