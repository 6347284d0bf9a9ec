"""Dynamic partial-order reduction: of the schedules that differ only in the order of independent operations, one.

Source-DPOR with sleep sets: Abdulla, Aronis, Jonsson and Sagonas, "Source sets: a foundation for optimal dynamic
partial order reduction", Journal of the ACM 64(4), 2017. After each execution its races are sought: two operations in
conflict, of different actors, that nothing between them orders. For each race a choice is added where the first of the
two was made, so that a later execution has them the other way round. A sleep set keeps an execution from doing what an
earlier one has done; an execution in which everybody sleeps is cut, and was redundant.

The paper's programs never block. Here an operation may wait for another (an acquire for a release), and then the two
can't be reversed: the operation races with the last one before which it could have been done, as in Flanagan and
Godefroid, "Dynamic partial-order reduction for model checking software", POPL 2005 ("may be co-enabled"), which also
looks at the operations that were still waiting at the end. Where that is not known, it is taken to be so.

What an actor does when it goes on may depend on when that is: who waits for a lock with a timeout gives up if it is
held, and acquires it if it is not. So races and what reverses them are told by actor. Where one has both operations to
choose from, and one of them is taken, the other is tried as well.

The paper's programs end, too. Here somebody may go round a loop until another has done something, so nobody goes on for
ever while others could.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from lab.schedule import choice_of, listed
from lab.scheduler import Cut, Departed, Key, Operation

_MOST_IN_A_ROW = 100
"""After so many operations of one actor it is another's turn: a loop that waits for somebody comes to its end so."""


class Node:
    """A moment of choice: what could be done, what has been chosen, and what is still to be tried there."""

    __slots__ = ("chosen", "enabled", "in_a_row", "place", "places", "sleeping", "tried")

    def __init__(self, enabled: Sequence[Operation], sleeping: dict[Key, Operation], in_a_row: int = 0) -> None:
        """`in_a_row` is how many operations the last actor has done since another did one."""
        self.enabled = enabled
        self.in_a_row = in_a_row
        self.places = {operation.key: place for place, operation in enumerate(enabled)}
        self.sleeping = sleeping
        self.tried: dict[Key, bool] = {}
        """What is chosen here in some execution: True once it was."""
        self.chosen: Operation
        self.place: int

    def take(self, key: Key) -> None:
        """Choose this in the execution at hand."""
        self.place = self.places[key]
        self.chosen = self.enabled[self.place]
        self.add(key)
        self.tried[key] = True

    def add(self, key: Key) -> None:
        """Choose this in some execution, and the other operation of an actor that has two."""
        self.tried.setdefault(key, False)
        other = key[0], not key[1]
        if other in self.places:
            self.tried.setdefault(other, False)

    def reverse(self, firsts: Sequence[int], later: int) -> None:
        """See to it that one of the actors `firsts` goes on here, best `later`; if none of them could, all that can."""
        able = {actor: keys for actor in firsts if (keys := self.keys(actor))}
        if any(all(key in self.tried or key in self.sleeping for key in keys) for keys in able.values()):
            return
        if not able:
            for key in self.places:
                self.add(key)
        else:
            self.add(able.get(later, next(iter(able.values())))[0])

    def keys(self, actor: int) -> list[Key]:
        """What this actor can do here: nothing, one thing, or two."""
        return [key for key in ((actor, False), (actor, True)) if key in self.places]

    def next_key(self) -> Key | None:
        """What is to be tried next, and is not covered by what was tried."""
        for key, was_taken in self.tried.items():
            if not was_taken and key not in self.sleeping:
                return key
        return None


@dataclass
class Reversal:
    """A race at a node of another search's: there one of the actors `firsts` must go on, or else all that could."""

    place: int
    firsts: list[int]
    later: int


class Dpor:
    """Every outcome and every deadlock, in one execution for each way to order the operations that are in conflict.

    With the nodes of another search it explores what follows what is chosen at the last of them, and leaves them as
    they are: the choices that should be added there are its `reversals`.
    """

    asks_always = True

    def __init__(self, given: Sequence[Node] = ()) -> None:
        self.nodes: list[Node] = list(given)
        self._given = len(given)
        self.reversals: list[Reversal] = []
        self._trace = Trace()
        """Of the last execution, as far as the next one begins like it."""
        self._depth = 0
        self._known = 0
        """How many nodes the execution at hand has in common with the one before it."""
        self._is_open = False
        self._is_started = False

    def begin(self) -> bool:
        """Go back to the deepest choice at which something is left to try."""
        self._depth = 0
        self._is_open = self._go_back()
        self._known = len(self.nodes)
        return self._is_open

    def _go_back(self) -> bool:
        if not self._is_started:
            self._is_started = True
            return True
        while len(self.nodes) > self._given:
            node = self.nodes[-1]
            node.sleeping[node.chosen.key] = node.chosen
            key = node.next_key()
            if key is not None:
                node.take(key)
                self._trace.cut(len(self.nodes) - 1)
                return True
            self.nodes.pop()
        return False

    def choose(self, enabled: Sequence[Operation], current: int | None) -> int:
        """As before down to the choice that is new; then whoever runs, if it may, or the first who may."""
        depth = self._depth
        self._depth += 1
        if depth < len(self.nodes):
            node = self.nodes[depth]
            place = node.place
            if place >= len(enabled) or enabled[place] != node.chosen:
                raise Departed(
                    f"operation {depth + 1}: {choice_of(node.chosen)} could be done before; what can be done now is: "
                    f"{listed(enabled)}"
                )
            return place
        node = Node(tuple(enabled), self._sleeping(depth), self._in_a_row(depth))
        awake = [operation for operation in node.enabled if operation.key not in node.sleeping]
        if not awake:
            raise Cut
        self.nodes.append(node)
        own = [operation for operation in awake if operation.actor == current]
        if node.in_a_row >= _MOST_IN_A_ROW and len(awake) > len(own):
            node.take(self._waiting_longest(awake).key)
        else:
            node.take((own or awake)[0].key)
        return node.place

    def _in_a_row(self, depth: int) -> int:
        if depth < 2:
            return depth
        before = self.nodes[depth - 1]
        return before.in_a_row + 1 if before.chosen.actor == self.nodes[depth - 2].chosen.actor else 1

    def _waiting_longest(self, awake: Sequence[Operation]) -> Operation:
        latest = {node.chosen.actor: place for place, node in enumerate(self.nodes[:-1])}
        return min(awake, key=lambda operation: latest.get(operation.actor, -1))

    def left(self) -> Sequence[Node]:
        """The nodes at which something may be left to try, for others to try it; this search is over then.

        An execution that was begun and not ended is undone: what is chosen at the last node is then still to be tried.
        """
        if self._is_open:
            del self.nodes[self._known :]
            if len(self.nodes) > self._given:
                self.nodes[-1].tried[self.nodes[-1].chosen.key] = False
        return self.nodes[self._given :]

    def share_done(self) -> float:
        """What part lies behind, if what is still to be tried at a choice is as much as what was; from 0 to 1."""
        done, weight = 0.0, 1.0
        for node in self.nodes[self._given :]:
            weight /= len(node.tried)
            done += (sum(node.tried.values()) - 1) * weight
        return done

    def _sleeping(self, depth: int) -> dict[Key, Operation]:
        """What need not be tried at a new node: what sleeps at the node before, and does not care what was done."""
        if depth == 0:
            return {}
        before = self.nodes[depth - 1]
        return {
            key: operation for key, operation in before.sleeping.items() if not operation.conflicts_with(before.chosen)
        }

    def end(self, waiting: Sequence[Operation]) -> None:
        """Seek the races of the execution, and add what reverses them."""
        self._is_open = False
        for node in self.nodes[len(self._trace) :]:
            self._reverse_races(node.chosen)
            self._trace.append(node.chosen)
        for operation in waiting:
            self._reverse_races(operation)

    def _reverse_races(self, operation: Operation) -> None:
        for race in self._trace.races(operation, self.nodes):
            self._reverse(race, operation)

    def _reverse(self, race: int, later: Operation) -> None:
        """Add to the node of the first of two operations in a race what leads to the later one coming first."""
        firsts = self._trace.firsts(race, later)
        if race < self._given:
            self.reversals.append(Reversal(race, firsts, later.actor))
        else:
            self.nodes[race].reverse(firsts, later.actor)


class Trace:
    """The operations of an execution with their vector clocks: `clock[a]` operations of actor a happened before.

    A stack, as an execution begins like the one before it. Places are counted from its start.
    """

    def __init__(self) -> None:
        self._operations: list[Operation] = []
        self._clocks: list[Clock] = []
        self._counts: list[int] = []
        """For each place, the how manieth of its actor's operations stands there."""
        self._places: dict[int, list[int]] = {}
        """For each actor, where its operations stand."""
        self._accesses: dict[str, list[int]] = {}
        """For each object, where it is touched."""
        self._changes: dict[str, list[int]] = {}
        """The same, where it is not merely read."""

    def __len__(self) -> int:
        return len(self._operations)

    def append(self, operation: Operation) -> None:
        """Add what was done."""
        place, clock = len(self._operations), self._before_it(operation)
        for other in self._latest_conflicting(operation, clock):
            _join(clock, self._clocks[other])
        own = self._places.setdefault(operation.actor, [])
        own.append(place)
        clock[operation.actor] = len(own)
        self._counts.append(len(own))
        self._operations.append(operation)
        self._clocks.append(clock)
        for name in operation.objects:
            self._accesses.setdefault(name, []).append(place)
            if not operation.is_read:
                self._changes.setdefault(name, []).append(place)

    def cut(self, length: int) -> None:
        """Forget all from this place on."""
        while len(self._operations) > length:
            operation = self._operations.pop()
            self._clocks.pop()
            self._counts.pop()
            self._places[operation.actor].pop()
            for name in operation.objects:
                self._accesses[name].pop()
                if not operation.is_read:
                    self._changes[name].pop()

    def races(self, operation: Operation, nodes: Sequence[Node]) -> list[int]:
        """Where the operations stand with which this one, the next of its actor, is in a race that can be reversed."""
        own = self._places.get(operation.actor)
        announced = own[-1] if own else -1
        seen, found = self._before_it(operation), []
        for place in self._latest_conflicting(operation, seen):
            was_blocked = place > announced and not nodes[place].keys(operation.actor)
            if not was_blocked or self._is_enabled_by_others(operation, place):
                found.append(place)
                _join(seen, self._clocks[place])
        return found

    def _is_enabled_by_others(self, operation: Operation, race: int) -> bool:
        """True if what was blocked there may have been let go by what does not depend on the operation there.

        That is one on another object, since on one object the two would be in conflict:

            actor 0    try to get
            actor 1                  put
            feeder                         deliver, which touches its buffer and the queue

        Or one that the operation could not have come before on any object, such as the end of a process that was waited
        for: if that depended on the operation at `race`, so would this one, and there were no race.
        """
        if any(self._places[actor][count - 1] > race for actor, count in operation.after):
            return True
        if len(operation.objects) < 2:
            return False
        later = {place for name in operation.objects for place in self._accesses.get(name, ()) if place > race}
        return any(
            operation.conflicts_with(self._operations[place]) and not self._is_before(race, self._clocks[place])
            for place in later
        )

    def firsts(self, race: int, later: Operation) -> list[int]:
        """The actors that can begin an execution in which `later` comes before the operation at `race`.

        The operations after that one which do not depend on it, and then `later`: of these, all that depend on none
        before them (the initials of the paper).
        """
        kept: list[int] = []
        firsts: list[int] = []
        for place in range(race + 1, len(self._operations)):
            clock = self._clocks[place]
            if self._is_before(race, clock):
                continue
            operation = self._operations[place]
            if operation.actor not in firsts and not any(self._is_before(other, clock) for other in kept):
                firsts.append(operation.actor)
            kept.append(place)
        if later.actor not in firsts:
            before = self._before_it(later)
            depends = any(
                self._is_before(place, before) or self._operations[place].conflicts_with(later) for place in kept
            )
            if not depends:
                firsts.append(later.actor)
        return firsts

    def left_by(self, actors: Iterable[int]) -> list[int]:
        """Who has done something that did not happen before the last operation of any of these actors."""
        end: Clock = {}
        for actor in actors:
            _join(end, self._before(actor))
        return [actor for actor, places in self._places.items() if len(places) > end.get(actor, 0)]

    def _before(self, actor: int) -> Clock:
        own = self._places.get(actor)
        return self._clocks[own[-1]] if own else _NONE

    def _before_it(self, operation: Operation) -> Clock:
        """What happened before it for other reasons than its objects."""
        clock = dict(self._before(operation.actor))
        for actor, count in operation.after:
            _join(clock, self._clocks[self._places[actor][count - 1]])
        return clock

    def _is_before(self, place: int, clock: Clock) -> bool:
        """True if the operation there is among those that the clock has seen."""
        return self._counts[place] <= clock.get(self._operations[place].actor, 0)

    def _latest_conflicting(self, operation: Operation, seen: Clock) -> Iterator[int]:
        """Where operations stand that are in conflict with this one and not among those seen, the last one first.

        Who asks may see more meanwhile. Before one that is seen and no read, all that touch its object are seen.
        """
        touched = self._changes if operation.is_read else self._accesses
        if len(operation.objects) == 1:
            places: Iterable[int] = reversed(touched.get(operation.objects[0], ()))
        else:
            unseen = (place for name in operation.objects for place in self._unseen(touched.get(name, ()), seen))
            places = sorted(set(unseen), reverse=True)
        for place in places:
            other = self._operations[place]
            if self._is_before(place, seen):
                if not other.is_read and len(operation.objects) == 1:
                    return
            else:
                yield place

    def _unseen(self, places: Sequence[int], seen: Clock) -> Iterator[int]:
        """Where one object is touched and the clock has not seen it, and no further back than that may be."""
        for place in reversed(places):
            if not self._is_before(place, seen):
                yield place
            elif not self._operations[place].is_read:
                return


Clock = dict[int, int]
_NONE: Clock = {}


def _join(clock: Clock, other: Clock) -> None:
    for actor, count in other.items():
        if count > clock.get(actor, 0):
            clock[actor] = count
