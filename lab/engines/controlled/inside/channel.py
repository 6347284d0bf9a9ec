"""The channel of a participant: it asks the controller before every operation, and tells it what needs no answer.

A message is one packet of a sequenced socket, of plain values by `marshal`. Only who was answered goes on, so between
two questions a participant is alone, and what it does there nobody can interrupt. The end of a process closes its
socket: that is how the controller learns of any death.

Knows no operation.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from marshal import dumps, loads
from socket import AF_UNIX, SOCK_SEQPACKET, socket
from types import TracebackType
from typing import Any, Protocol, Self
from zlib import crc32

MOST_BYTES = 1 << 16
"""Of a packet. What is longer goes by a file beside the script's folder."""

CALLING = "lab_calls.py"
"""The script that calls functions, which is none of the user's files."""

_CHILDREN = 1000
"""More children than a process may have: the number of the k-th child of actor a is 1000 a + k."""

raw_exit, raw_getpid = os._exit, os.getpid


class Channel(Protocol):
    """Where messages go, a packet each: a socket, or a file where nobody answers."""

    def send(self, packet: bytes, /) -> object:
        """Give a packet."""

    def recv(self, size: int, /) -> bytes:
        """Take a packet, of at most so many bytes; empty if the other end is gone."""

    def close(self) -> None:
        """Let go."""


class Participant:
    """The process at hand, as it is known to the controller. There is one, `me`, and each fork makes it another."""

    def __init__(self) -> None:
        self.number = 0
        self.children = 0
        self.forks = 0
        """How often this process has forked, or was forked: what was opened before that is shared."""
        self.depth = 0
        """Above 0 within a wrapper: what happens there is controlled, or is our own."""
        self.folder = ""
        self.scratch = ""
        self.temporary = ""
        self.memory = ""
        """What the names of shared memory begin with."""
        self.payload_folder = ""
        self.diaries = ""
        """Where the diaries of a free run are."""
        self.address = ""
        self.keeps_history = False
        self.orders_output = False
        """True if what is printed is an operation, since somebody judges its order."""
        self.slept_s = 0.0
        self.made: dict[str, int] = {}
        self.payloads = 0
        self.messages = 0
        """How many it has sent, but for those by which it makes what is its own, or finds what it was passed."""
        self.is_free = False
        """True in a run that nobody controls: what is told is kept, and nothing is ever asked."""
        self.is_controlled = False
        self.open_channel: Callable[[], Channel] = self._connected
        self._channel: Channel
        self._is_connected = False

    def connect(self) -> None:
        """Open this process's own channel, instead of the one that it inherited."""
        with self:
            if self._is_connected:
                self._channel.close()
            self._channel = self.open_channel()
            self._is_connected = True
            self._channel.send(dumps((self.number, raw_getpid())))
        self.is_controlled = not self.is_free

    def _connected(self) -> Channel:
        channel = socket(AF_UNIX, SOCK_SEQPACKET)
        channel.connect(self.address)
        return channel

    def next_child(self) -> int:
        """The number of the next process that this one starts."""
        self.children += 1
        return self.number * _CHILDREN + self.children

    def become(self, number: int) -> None:
        """This is a process that has just been started, under this number."""
        self.number = number
        self.children = self.payloads = self.messages = 0
        self.made = {}
        self.connect()

    def ask(self, target: str, verb: str, *arguments: Any) -> Any:
        """Announce an operation and wait for the turn; the answer."""
        self.messages += 1
        self._send((True, target, verb, arguments, self.line(), 0))
        answer = self._channel.recv(MOST_BYTES)
        if not answer:
            raw_exit(70)
        return loads(answer)

    def ask_about(self, data: Any, target: str, verb: str, *arguments: Any) -> Any:
        """The same, with what is written: so a program that does not repeat itself is noticed."""
        self.messages += 1
        self._send((True, target, verb, arguments, self.line(), crc32(data)))
        answer = self._channel.recv(MOST_BYTES)
        if not answer:
            raw_exit(70)
        return loads(answer)

    def tell(self, verb: str, *arguments: Any) -> None:
        """Let the controller know something, and go on."""
        self.messages += 1
        self._send((False, "", verb, arguments, "", 0))

    def told(self, verb: str, *arguments: Any) -> None:
        """Tell something for a history alone, with the line of the script."""
        if self.keeps_history:
            self._send((False, "", verb, arguments, self.line(), 0))

    def doubt(self, reason: str) -> None:
        """Say that something was not controlled, so that no proof can follow."""
        line = self.line()
        self.tell("doubt", f"{reason} at {line}" if line else reason)

    def abandon(self, reason: str) -> None:
        """End the execution, and the search: what comes next can't be controlled, and might wait for ever."""
        self.doubt(reason)
        self.ask("processes", "abandon")

    def make(self, kind: str, *arguments: Any) -> str:
        """Make a primitive in the controller; its identity, which repeats in every execution."""
        self.made[kind] = number = self.made.get(kind, 0) + 1
        identity = f"{kind} {number}" if self.number == 0 else f"{kind} {number} of {self.number}"
        self._send((False, identity, "make", (kind, *arguments), self.line(), 0))
        return identity

    def line(self) -> str:
        """The innermost source line of the script's own files, such as `buy.py:12`."""
        folder, frame = self.folder, sys._getframe(2)
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(folder) and not name.endswith(CALLING):
                return f"{name[len(folder) :]}:{frame.f_lineno}"
            frame = frame.f_back  # type: ignore[assignment]
        return ""

    def _send(self, message: tuple[Any, ...]) -> None:
        try:
            self._channel.send(dumps(message))
        except OSError:
            raw_exit(70)  # the controller is gone, or the script has closed what is not its own

    def __enter__(self) -> Self:
        self.depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.depth -= 1


me = Participant()


class Private:
    """What stands for a class of multiprocessing, and has nothing of what that keeps to itself."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") and not name.startswith("__") and me.is_controlled:
            me.abandon(f"what multiprocessing keeps to itself, {name},")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
