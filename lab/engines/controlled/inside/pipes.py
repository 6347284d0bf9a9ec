"""Pipe: connections whose bytes are in the controller, read and written as multiprocessing does it, call by call.

A message is a header and a body: two reads, and two writes if it is long. So two processes that share an end may mix
up each other's messages, as they do in earnest.
"""

from __future__ import annotations

import multiprocessing.connection as connection
import multiprocessing.context as context
import weakref
from typing import Any

from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.clock import pass_s

_MOST = 32_000
"""Bytes of a read or write, so that they go in a packet: the kernel, too, gives and takes what is longer by parts."""


class ControlledConnection(connection.Connection):
    """One end. Its handle is a number that nothing else uses; its end is known to the controller."""

    def __init__(self, pipe: str, end: int, readable: bool, writable: bool) -> None:
        super().__init__(_handle(), readable, writable)
        self._pipe, self._end = pipe, end
        _all.add(self)

    def _close(self, _close: Any = None) -> None:
        if me.is_controlled:
            me.ask(self._pipe, "close", self._end)

    def _send(self, buf: Any, write: Any = None) -> None:
        view = memoryview(buf).cast("B")
        while len(view):
            part = bytes(view[:_MOST])
            count = me.ask_about(part, self._pipe, "write", self._end, part)
            if count < 0:
                raise BrokenPipeError(32, "Broken pipe")
            view = view[count:]

    def _recv(self, size: int, read: Any = None) -> Any:
        import io

        buffer, left = io.BytesIO(), size
        while left > 0:
            part = me.ask(self._pipe, "read", self._end, min(left, _MOST))
            if not part:
                if left == size:
                    raise EOFError
                raise OSError("got end of file during message")
            buffer.write(part)
            left -= len(part)
        return buffer

    def _poll(self, timeout: float | None) -> bool:
        if timeout is not None and timeout <= 0:
            return bool(me.ask(self._pipe, "poll", self._end))
        found = bool(me.ask(self._pipe, "await", self._end, timeout is not None))
        if not found:
            pass_s(timeout or 0.0)
        return found

    def __reduce__(self) -> Any:
        self._check_closed()  # type: ignore[attr-defined]
        starting: Any = context.get_spawning_popen()
        if starting is None:
            me.doubt("a connection that is sent to another process")
        else:
            starting.held.append((self._pipe, self._end))
        return _rebuilt, (self._pipe, self._end, self.readable, self.writable)

    def fileno(self) -> int:
        """There is none to give away."""
        me.doubt("the descriptor of a connection")
        return super().fileno()


def _rebuilt(pipe: str, end: int, readable: bool, writable: bool) -> ControlledConnection:
    """An end that was passed here."""
    me.tell("hold", [(pipe, end)])
    return ControlledConnection(pipe, end, readable, writable)


_all: weakref.WeakSet[ControlledConnection] = weakref.WeakSet()
_numbers = iter(range(1_000_000, 1 << 30))


def _handle() -> int:
    return next(_numbers)


def after_fork() -> None:
    """In a new process: it holds every end that its parent holds."""
    held = sorted((one._pipe, one._end) for one in _all if not one.closed)
    if held:
        me.tell("hold", held)


def controlled_pipe(duplex: bool = True) -> tuple[ControlledConnection, ControlledConnection]:
    """`Pipe`."""
    pipe = me.make("pipe", bool(duplex))
    return (
        ControlledConnection(pipe, 0, True, duplex),
        ControlledConnection(pipe, 1, duplex, True),
    )


def install() -> None:
    """Contexts look it up when they are asked."""
    connection.Pipe = controlled_pipe
    waits = connection.wait

    def wait(object_list: Any, timeout: float | None = None) -> Any:
        me.doubt("multiprocessing.connection.wait")
        return waits(object_list, timeout)

    connection.wait = wait
