"""Which ends of Pipes belong together, as the kernel knows it: multiprocessing's own objects don't tell.

Knows no pickle.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Hashable
from dataclasses import dataclass
from multiprocessing.connection import Connection


@dataclass(eq=False)
class Met:
    """A Pipe of which one end was met, or both."""

    is_duplex: bool
    ends: int = 0


class Pipes:
    """The Pipes whose ends were met so far."""

    def __init__(self) -> None:
        self._ends: dict[Hashable, tuple[Met, int]] = {}

    def met(self, end: Connection) -> tuple[Met, int]:
        """The Pipe of this end, which has no fault, and which of its two ends it is."""
        own, other = _names(end)
        if other in self._ends:
            pipe, number = self._ends[other]
            number = 1 - number
        else:
            pipe, number = Met(end.readable and end.writable), 0 if end.readable else 1
        pipe.ends += own not in self._ends
        self._ends[own] = pipe, number
        return pipe, number

    @property
    def is_whole(self) -> bool:
        """True if both ends of each were met."""
        return all(pipe.ends == 2 for pipe, _ in self._ends.values())


def fault(end: Connection) -> str:
    """What keeps an end from being made anew as it is; empty if nothing does."""
    if end.closed:
        return "an end of a Pipe that is closed"
    kind = os.fstat(end.fileno()).st_mode
    if not (_is_of_sockets(end) if stat.S_ISSOCK(kind) else stat.S_ISFIFO(kind)):
        return "a connection that is no end of a Pipe"
    if end.readable and end.poll():
        return "an end of a Pipe at which something waits to be read, or whose other end is closed"
    return ""


def _is_of_sockets(end: Connection) -> bool:
    with _socket(end) as one:
        return one.family == socket.AF_UNIX


def _socket(end: Connection) -> socket.socket:
    return socket.socket(fileno=os.dup(end.fileno()))


def _names(end: Connection) -> tuple[Hashable, Hashable]:
    """What tells this end, and the other one, from all others."""
    status = os.fstat(end.fileno())
    if stat.S_ISFIFO(status.st_mode):
        inode = status.st_dev, status.st_ino
        return (inode, end.readable), (inode, not end.readable)
    with _socket(end) as one:
        # An empty name lets the kernel choose one, unless there is one already. The other end then knows it.
        one.bind("")
        return one.getsockname(), one.getpeername()
