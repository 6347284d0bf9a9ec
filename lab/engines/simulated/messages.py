"""Queue and Pipe of the simulated world. What is sent is pickled at once, so that no later change of it arrives.

A queue's `put` reaches the putting actor's own buffer, and a feeder takes it from there to where `get` finds it, as the
thread behind a multiprocessing.Queue does. So after a put the queue may still be empty:

    buyer      put(1)                  get(block=False)    raises Empty
    feeder                                                              deliver
"""

from __future__ import annotations

import queue
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any

from lab.engines.simulated.kernel import Actor, Kernel, Shared, Step
from lab.engines.simulated.primitives import SEMAPHORE_MOST

_PLAIN = frozenset({int, bool, str, float, bytes, type(None)})
"""What can't be changed, and need not be pickled."""


def packed(item: Any) -> tuple[Any, bool]:
    """The item as it travels, and whether that is as bytes."""
    return (item, False) if type(item) in _PLAIN else (bytes(ForkingPickler.dumps(item)), True)


def unpacked(packet: tuple[Any, bool]) -> Any:
    """The item that arrives."""
    content, is_pickled = packet
    return ForkingPickler.loads(content) if is_pickled else content


class Buffer(Shared):
    """What one actor has put into one queue, and its feeder has not delivered."""

    def __init__(self, name: str, actor: Actor, feeder: int, items: Queue) -> None:
        super().__init__(f"{name} buffer of {actor.name}")
        self.actor = actor.number
        self.feeder = feeder
        self.feeder_name = f"feeder of {name} ({actor.name})"
        self.packets: deque[tuple[Any, bool]] = deque()
        self.is_fed = False
        # With room for all, a put concerns nobody but the feeder.
        touched = (self, items) if items.is_bounded else (self,)
        self.put = Step("put", *touched, can=items.has_room if items.is_bounded else None)
        self.try_put = Step("try to put", *touched)
        self.deliver = Step("deliver", self, items, can=lambda: bool(self.packets))


class Queue(Shared):
    """`Queue`. `number` is its place among the queues of its maker, who has so many `participants`."""

    def __init__(self, kernel: Kernel, name: str, maxsize: int = 0, number: int = 0, participants: int = 0) -> None:
        super().__init__(name)
        self._kernel = kernel
        self._number, self._participants = number, participants
        self.is_bounded = maxsize > 0
        self._room = self._free = maxsize if maxsize > 0 else SEMAPHORE_MOST
        self._packets: deque[tuple[Any, bool]] = deque()
        self._buffers: dict[int, Buffer] = {}
        self._get = Step("get", self, can=lambda: bool(self._packets))
        self._try_get = Step("try to get", self)
        self._empty = Step("empty", self, is_read=True)

    def has_room(self) -> bool:
        """True if a put need not wait."""
        return self._free > 0

    def restore(self) -> None:
        """Empty, and no feeder."""
        self._free = self._room
        self._packets.clear()
        for buffer in self._buffers.values():
            buffer.packets.clear()
            buffer.is_fed = False

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put it into the own buffer; queue.Full if there was no room in time, or at once with block=False."""
        kernel = self._kernel
        actor = kernel.running
        buffer = self._buffers.get(actor.number) or self._buffer_of(actor)
        if not self.is_bounded:
            kernel.step(buffer.put)
        elif not block or (timeout is not None and timeout <= 0):
            kernel.step(buffer.try_put)
            if self._free == 0:
                kernel.fail(queue.Full())
        elif not kernel.step(buffer.put, timeout):
            kernel.fail(queue.Full())
        kernel.tell(obj)
        try:
            packet = packed(obj)
        except Exception:  # noqa: BLE001 - as in multiprocessing: told, and lost
            traceback.print_exc()
            return
        self._free -= 1
        buffer.packets.append(packet)
        if buffer.is_fed:
            kernel.changed(buffer)
        else:
            buffer.is_fed = True
            kernel.spawn(self._feeder(buffer), is_service=True, number=buffer.feeder, name=buffer.feeder_name)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """The next item; queue.Empty if there was none in time, or at once with block=False."""
        kernel = self._kernel
        if not block or (timeout is not None and timeout <= 0):
            kernel.step(self._try_get)
            if not self._packets:
                kernel.fail(queue.Empty())
        elif not kernel.step(self._get, timeout):
            kernel.fail(queue.Empty())
        item = unpacked(self._packets.popleft())
        kernel.tell(item)
        self._free += 1
        if self.is_bounded:
            kernel.changed(self)
        return item

    def put_nowait(self, obj: Any) -> None:
        """`put` without waiting."""
        self.put(obj, False)

    def get_nowait(self) -> Any:
        """`get` without waiting."""
        return self.get(False)

    def empty(self) -> bool:
        """True if nothing was delivered that nobody has got yet."""
        self._kernel.step(self._empty)
        self._kernel.tell(not self._packets)
        return not self._packets

    def full(self) -> bool:
        """True if a put would wait."""
        return self._look("full") == self._room

    def qsize(self) -> int:
        """How many were put, delivered or not, that nobody has got yet."""
        return self._look("qsize")

    def close(self) -> None:
        """Nothing: what an actor has put is delivered anyhow."""

    def join_thread(self) -> None:
        """Nothing, for the same reason."""

    def cancel_join_thread(self) -> None:
        """Nothing, for the same reason."""

    def _look(self, kind: str) -> int:
        # A put into any buffer counts, of an actor too that has put nothing yet.
        for number in range(self._participants):
            if number not in self._buffers and number < len(self._kernel.actors):
                self._buffer_of(self._kernel.actors[number])
        self._kernel.step(Step(kind, self, *self._buffers.values(), is_read=True))
        size = self._room - self._free
        self._kernel.tell(size)
        return size

    def _buffer_of(self, actor: Actor) -> Buffer:
        # A feeder has the same number whoever puts first: after all actors and services, by queue and by actor.
        feeder = self._participants * (1 + self._number) + actor.number
        buffer = self._buffers[actor.number] = Buffer(self.name, actor, feeder, self)
        return buffer

    def _feeder(self, buffer: Buffer) -> Callable[[], None]:
        def feed() -> None:
            kernel = self._kernel
            while True:
                kernel.step(buffer.deliver)
                self._deliver(buffer)

        return feed

    def _deliver(self, buffer: Buffer) -> None:
        self._packets.append(buffer.packets.popleft())
        self._kernel.changed(self)


class _Direction(Shared):
    """What was sent one way and not received."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.packets: deque[tuple[Any, bool]] = deque()

    def is_readable(self) -> bool:
        """True if there is something to receive."""
        return bool(self.packets)


class Connection:
    """One end of a `Pipe`. It has room for all that is sent: the 64 KB of a real one are not modelled."""

    def __init__(self, kernel: Kernel, out: _Direction, incoming: _Direction) -> None:
        self._kernel = kernel
        self._out, self.incoming = out, incoming
        self._send = Step("send", out)
        self._recv = Step("recv", incoming, can=incoming.is_readable)
        self._poll = Step("poll", incoming, is_read=True, can=incoming.is_readable)
        self._look = Step("poll", incoming, is_read=True)

    def send(self, obj: Any) -> None:
        """Send it; what can't be pickled raises here."""
        packet = packed(obj)
        self._kernel.step(self._send)
        self._kernel.tell(obj)
        self._out.packets.append(packet)
        self._kernel.changed(self._out)

    def recv(self) -> Any:
        """The next that was sent to this end, once there is one."""
        self._kernel.step(self._recv)
        item = unpacked(self.incoming.packets.popleft())
        self._kernel.tell(item)
        return item

    def poll(self, timeout: float | None = 0.0) -> bool:
        """True once there is something to receive; False if there is nothing in time."""
        if timeout is not None and timeout <= 0:
            self._kernel.step(self._look)
        else:
            self._kernel.step(self._poll, timeout)
        self._kernel.tell(bool(self.incoming.packets))
        return bool(self.incoming.packets)


class Pipe(tuple[Connection, Connection]):
    """Both ends."""

    __slots__ = ()

    def restore(self) -> None:
        """Nothing on the way."""
        for end in self:
            end.incoming.packets.clear()


def pipe(kernel: Kernel, name: str) -> Pipe:
    """A Pipe."""
    forth, back = _Direction(f"{name} (to the second end)"), _Direction(f"{name} (to the first end)")
    return Pipe((Connection(kernel, forth, back), Connection(kernel, back, forth)))


class Waiter:
    """`multiprocessing.connection.wait` over connections of one kernel, with a step kept for each set of them."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._steps: dict[tuple[Connection, ...], Step] = {}

    def wait(self, connections: Iterable[Any]) -> Sequence[Any]:
        """Those that have something to receive, once there is one."""
        ends = tuple(connections)
        step = self._steps.get(ends)
        if step is None:
            coming = [end.incoming for end in ends]
            step = Step("wait", *coming, is_read=True, can=lambda: any(part.packets for part in coming))
            self._steps[ends] = step
        self._kernel.step(step)
        ready = [end for end in ends if end.incoming.packets]
        self._kernel.tell(len(ready))
        return ready
