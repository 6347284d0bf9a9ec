"""Queue, JoinableQueue and SimpleQueue: what is in them is the controller's.

A Queue has a feeder for each process that puts: what is put lies in that process until its feeder delivers it, in a
step of its own. So a queue may be empty just after a put, and a process ends only when its feeder is done.
"""

from __future__ import annotations

import multiprocessing.queues as queues
import queue
import traceback
from multiprocessing.reduction import ForkingPickler
from pickle import loads
from typing import Any

from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.clock import pass_s
from lab.engines.controlled.inside.descriptors import raw_close, raw_open, raw_write
from lab.engines.controlled.inside.names import Passable

_MOST = 32_000
"""Bytes that go in a packet; what is longer goes by a file."""


def packed(value: bytes) -> Any:
    """Bytes as they go to the controller, and back: themselves, or the name of a file and their number."""
    if len(value) <= _MOST:
        return value
    import os

    with me:
        me.payloads += 1
        name = f"{me.payload_folder}/{me.number}-{me.payloads}"
        descriptor = raw_open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for start in range(0, len(value), 1 << 20):
            raw_write(descriptor, value[start : start + (1 << 20)])
        raw_close(descriptor)
    return name


def unpacked(value: Any) -> bytes:
    """What was packed."""
    if isinstance(value, bytes):
        return value
    import io

    with me, io.open_code(value) as file:
        return file.read()


class ControlledQueue(Passable):
    """`Queue`."""

    is_joinable = False

    def __init__(self, maxsize: int = 0, *, ctx: Any = None) -> None:
        self._maxsize = maxsize if maxsize > 0 else 0
        self._begin(ctx, "queue", self._maxsize)
        self._is_closed = False

    def put(self, obj: Any, block: bool = True, timeout: float | None = None) -> None:
        """Put it into this process's buffer; queue.Full if there is no room, or not in time."""
        if self._is_closed:
            raise ValueError(f"Queue {self!r} is closed")
        block = block and (timeout is None or timeout > 0)
        try:
            data = bytes(ForkingPickler.dumps(obj))
        except Exception as error:  # noqa: BLE001 - whatever an object's own pickling does
            # Its feeder finds out, later and without a word to who has put it.
            me.doubt("what can't be pickled is put into a queue")
            self._on_queue_feeder_error(error, obj)
            return
        if not me.ask_about(
            data, self.identity, "put", packed(data), len(data), bool(block), block and timeout is not None
        ):
            pass_s(timeout or 0.0)
            raise queue.Full

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """The oldest that was delivered; queue.Empty if there is none, or not in time."""
        if self._is_closed:
            raise ValueError(f"Queue {self!r} is closed")
        block = block and (timeout is None or timeout > 0)
        found = me.ask(self.identity, "get", bool(block), block and timeout is not None)
        if found is None:
            pass_s(timeout or 0.0)
            raise queue.Empty
        return loads(unpacked(found))

    @staticmethod
    def _on_queue_feeder_error(e: BaseException, obj: Any) -> None:
        traceback.print_exc()

    def put_nowait(self, obj: Any) -> None:
        """Put it, or raise queue.Full at once."""
        self.put(obj, False)

    def get_nowait(self) -> Any:
        """Get one, or raise queue.Empty at once."""
        return self.get(False)

    def qsize(self) -> int:
        """How many were put and not taken."""
        return int(me.ask(self.identity, "qsize"))

    def empty(self) -> bool:
        """True if nothing is delivered and not taken."""
        return bool(me.ask(self.identity, "empty"))

    def full(self) -> bool:
        """True if a put would wait."""
        return bool(self._maxsize) and self.qsize() >= self._maxsize

    def close(self) -> None:
        """This process puts no more."""
        self._is_closed = True

    def join_thread(self) -> None:
        """Wait until all is delivered that this process has put."""
        assert self._is_closed, f"Queue {self!r} not closed"
        me.ask(self.identity, "drain")

    def cancel_join_thread(self) -> None:
        """Let this process end without that."""
        me.tell("cancel", self.identity)

    def task_done(self) -> None:
        """One that was taken is done."""
        if not me.ask(self.identity, "task_done"):
            raise ValueError("task_done() called too many times")

    def join(self) -> None:
        """Wait until all is done that was put."""
        me.ask(self.identity, "join")

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({**state, "_is_closed": False})


class ControlledJoinableQueue(ControlledQueue):
    """`JoinableQueue`."""


class ControlledSimpleQueue(Passable):
    """`SimpleQueue`: no buffer and no feeder."""

    def __init__(self, *, ctx: Any = None) -> None:
        self._begin(ctx, "simple queue")

    def put(self, obj: Any) -> None:
        """Put it."""
        data = bytes(ForkingPickler.dumps(obj))
        me.ask_about(data, self.identity, "put", packed(data), len(data))

    def get(self) -> Any:
        """Wait for the oldest."""
        return loads(unpacked(me.ask(self.identity, "get")))

    def empty(self) -> bool:
        """True if there is none."""
        return bool(me.ask(self.identity, "empty"))

    def close(self) -> None:
        """Nothing is open."""


def install() -> None:
    """Before the script makes any: contexts look these up when they are asked."""
    queues.Queue = ControlledQueue  # type: ignore[misc,assignment]
    queues.JoinableQueue = ControlledJoinableQueue  # type: ignore[misc,assignment]
    queues.SimpleQueue = ControlledSimpleQueue  # type: ignore[misc,assignment]
