"""The state of Queue, SimpleQueue and Pipe.

What goes in touches the tail, what goes out the head: a message that comes and one that is taken commute, where both
can be done. Who looks whether there is one touches both.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from lab.engines.controlled.step import Lasting, Names, Step

CAPACITY = 1 << 16
"""Bytes that a pipe takes before who writes must wait."""

_KINDS = 8
"""Into so many kinds actors are told apart where what they do commutes, and somebody may look at all of it."""


class SimpleQueue(Lasting):
    """A pipe of whole messages."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._head, self._tail = f"head of {name}", f"tail of {name}"
        self._items: deque[tuple[Any, int]] = deque()
        self._bytes = 0

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """put(data, size), get, empty."""
        if verb == "put":
            return Step(verb, (), lambda: self._put(*arguments), lambda: self._bytes < CAPACITY, look=self._at_tail)
        if verb == "get":
            return Step(verb, (self._head,), self._get, lambda: bool(self._items), gives=False)
        return Step(verb, (self._head, self._tail), lambda: not self._items, is_read=True)

    def _at_tail(self) -> tuple[Names, bool]:
        return ((self._tail,) if self._bytes < CAPACITY // 2 else (self._tail, self._head)), False

    def _put(self, data: Any, size: int) -> None:
        self._items.append((data, size))
        self._bytes += size

    def _get(self) -> Any:
        data, size = self._items.popleft()
        self._bytes -= size
        return data


class Queue(SimpleQueue):
    """A pipe of whole messages, and before it a buffer in each process that puts, with its feeder."""

    def __init__(self, name: str, most: int, number: int, add_feeder: Callable[[Feeder], None]) -> None:
        super().__init__(name)
        self._most = most
        self._size = 0
        self._unfinished = 0
        self._number = number
        self._add_feeder = add_feeder
        self._feeders: dict[int, Feeder] = {}
        self._cancelled: set[int] = set()
        self._puts = tuple(f"puts {kind} into {name}" for kind in range(_KINDS))
        self._slots, self._done = f"slots of {name}", f"tasks of {name}"

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """put(data, size, blocks, has_timeout), get(blocks, has_timeout), empty, qsize, drain, task_done, join."""
        out = (self._head, self._slots) if self._most else (self._head,)
        if verb == "put":
            return self._put_step(actor, *arguments)
        if verb == "get":
            blocks, has_timeout = arguments
            both = (*out, self._tail)
            if not blocks:
                return Step("try to get", both, lambda: self._take() if self._items else None, gives=False)
            give_up = (lambda: None) if has_timeout else None
            can = lambda: bool(self._items)  # noqa: E731
            return Step(verb, out, self._take, can, give_up=give_up, give_up_names=both, gives=False)
        if verb == "empty":
            return Step(verb, (self._head, self._tail), lambda: not self._items, is_read=True)
        if verb == "qsize":
            names = (self._slots,) if self._most else (*self._puts, self._head)
            return Step(verb, names, lambda: self._size, is_read=True)
        if verb == "drain":
            return Step(verb, (), can=lambda: self.is_drained(actor), is_local=True)
        if verb == "task_done":
            return Step(verb, (self._done,), self._finish)
        return Step("join", (*self._puts, self._done), can=lambda: not self._unfinished, is_read=True)

    def _put_step(self, actor: int, data: Any, size: int, blocks: bool, has_timeout: bool) -> Step:
        feeder = self._feeders.get(actor)
        item = self._item(actor, feeder.put if feeder else 0)
        puts = self._puts[actor % _KINDS]
        if not self._most:
            return Step("put", (puts, item), lambda: self._buffer(actor, data, size))
        names = (self._slots, puts, item)

        def has_room() -> bool:
            return self._size < self._most

        if not blocks:
            return Step("try to put", names, lambda: has_room() and self._buffer(actor, data, size))
        give_up = (lambda: False) if has_timeout else None
        return Step("put", names, lambda: self._buffer(actor, data, size), has_room, give_up=give_up)

    def _buffer(self, actor: int, data: Any, size: int) -> bool:
        self._size += 1
        self._unfinished += 1
        feeder = self._feeders.get(actor)
        if feeder is None:
            feeder = self._feeders[actor] = Feeder(self, self._number * 1_000_000 + actor, actor)
            self._add_feeder(feeder)
        feeder.items.append((data, size))
        feeder.put += 1
        return True

    def deliver_step(self, feeder: Feeder) -> Step:
        """The next step of a feeder that has something."""

        def look() -> tuple[Names, bool]:
            # With the item, since its put is what lets it be delivered.
            return (*self._at_tail()[0], self._item(feeder.of, feeder.delivered)), False

        return Step("deliver", (), lambda: self._deliver(feeder), lambda: self._bytes < CAPACITY, look=look)

    def _item(self, actor: int, number: int) -> str:
        return f"item {number + 1} of process {actor} in {self.name}"

    def _deliver(self, feeder: Feeder) -> None:
        feeder.delivered += 1
        self._put(*feeder.items.popleft())
        feeder.is_writing = self._bytes > CAPACITY

    def _take(self) -> Any:
        self._size -= 1
        data = self._get()
        if self._bytes <= CAPACITY:
            for feeder in self._feeders.values():
                feeder.is_writing = False
        return data

    def _finish(self) -> bool:
        if not self._unfinished:
            return False
        self._unfinished -= 1
        return True

    def is_drained(self, actor: int) -> bool:
        """True if the feeder of this actor has nothing left, or nobody waits for it."""
        feeder = self._feeders.get(actor)
        return feeder is None or actor in self._cancelled or not (feeder.items or feeder.is_writing)

    def cancel(self, actor: int) -> None:
        """Let this actor end with things in its buffer."""
        self._cancelled.add(actor)

    def leave(self, actor: int) -> None:
        """What it has put and not delivered is lost."""
        if actor in self._feeders:
            self._feeders[actor].items.clear()


class Feeder:
    """What delivers to a queue, for one process: an actor of its own."""

    def __init__(self, queue: Queue, number: int, of: int) -> None:
        self.queue = queue
        self.number = number
        self.of = of
        self.items: deque[tuple[Any, int]] = deque()
        self.is_writing = False
        self.put = self.delivered = 0
        """How many were put, and delivered."""

    def step(self) -> Step | None:
        """What it would do next."""
        return self.queue.deliver_step(self) if self.items else None


class Pipe:
    """Two ends, each held by some processes; what is written at one end is read at the other, as bytes."""

    def __init__(self, name: str, actor: int) -> None:
        self.name = name
        self._streams = (bytearray(), bytearray())
        """What can be read at each end."""
        self._holders = ({actor}, {actor})

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """write(end, data), read(end, count), poll(end), await(end, has_timeout), close(end)."""
        end = arguments[0]
        stream = self._streams[end]
        names = (self._head(end), self._tail(end))

        def is_closed() -> bool:
            return not self._holders[1 - end]

        if verb == "write":
            return self._write_step(end, arguments[1])
        if verb == "read":

            def look() -> tuple[Names, bool]:
                return ((self._head(end),) if stream else names), False

            def read() -> bytes:
                part = bytes(stream[: arguments[1]])
                del stream[: arguments[1]]
                return part

            return Step(verb, (), read, lambda: bool(stream) or is_closed(), look=look, gives=False)
        if verb == "poll":
            return Step(verb, names, lambda: bool(stream) or is_closed(), is_read=True)
        if verb == "await":
            give_up = (lambda: False) if arguments[1] else None
            return Step("poll", names, lambda: True, lambda: bool(stream) or is_closed(), is_read=True, give_up=give_up)
        return Step(
            "close", (), lambda: self._holders[end].discard(actor), look=lambda: (self._seen(actor, end), False)
        )

    def _write_step(self, end: int, data: bytes) -> Step:
        other = self._streams[1 - end]

        def is_gone() -> bool:
            return not self._holders[1 - end]

        def look() -> tuple[Names, bool]:
            is_near = len(other) > CAPACITY // 2 or is_gone()
            return ((self._tail(1 - end), self._head(1 - end)) if is_near else (self._tail(1 - end),)), False

        def write() -> int:
            if is_gone():
                return -1
            part = data[: CAPACITY - len(other)]
            other.extend(part)
            return len(part)

        return Step("write", (), write, lambda: len(other) < CAPACITY or is_gone(), look=look)

    def _head(self, end: int) -> str:
        return f"head of {self.name}, end {end}"

    def _tail(self, end: int) -> str:
        return f"tail of {self.name}, end {end}"

    def hold(self, actor: int, end: int) -> None:
        """A process that was forked holds what its parent held."""
        self._holders[end].add(actor)

    def _seen(self, actor: int, end: int) -> Names:
        # The other end meets the end of the file, and who writes there a broken pipe, when nobody holds this one.
        if self._holders[end] != {actor}:
            return ()
        return (self._tail(1 - end), self._head(1 - end), self._tail(end), self._head(end))

    def leave(self, actor: int) -> None:
        """It lets go of both ends."""
        for holders in self._holders:
            holders.discard(actor)

    def left_by(self, actor: int) -> Names:
        """What it alone holds."""
        return tuple({name: None for end in (0, 1) for name in self._seen(actor, end)})
