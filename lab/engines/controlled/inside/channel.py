"""The channel of a participant: it asks the controller before every operation, and tells it what needs no answer.

A message is one packet of a sequenced socket, of plain values by `marshal`. Only who was answered goes on, so between
two questions a participant is alone, and what it does there nobody can interrupt. The end of a process closes its
socket: that is how the controller learns of any death.

A thread is a participant with a channel of its own. What is known of the one that runs stands in `me`; one that waits
keeps its own until it is answered, so a process without threads pays nothing for them.

Knows no operation.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from marshal import dumps, loads
from socket import AF_UNIX, SOCK_SEQPACKET, socket
from threading import Lock, get_ident
from types import TracebackType
from typing import Any, Protocol, Self
from zlib import crc32

MOST_BYTES = 1 << 16
"""Of a packet. What is longer goes by a file beside the script's folder."""

CALLING = "lab_calls.py"
"""The script that calls functions, which is none of the user's files."""

STAND = b"?"
"""What is given instead of an answer: to stand still and be copied. No value by `marshal` begins so."""

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


_THREADS_OWN = ("number", "children", "depth", "slept_s", "made", "payloads", "_ident", "_channel")
"""Of what is known of a participant, what its threads don't share."""


class Participant:
    """Who runs in the process at hand, as the controller knows it.

    There is one, `me`. Each fork makes it another, and each thread that goes on puts its own into it.
    """

    def __init__(self) -> None:
        self.number = 0
        self.process = self.parent = 0
        """The number of the process, which is that of its first thread, and of the process that has forked it."""
        self.has_threads = False
        """True once the process has started one."""
        self.crowd = self.crowds = 0
        """Above 0 while it has threads that nobody has seen end: the how manieth time that it has any."""
        self.children = 0
        """How many processes it has forked, and threads started."""
        self.forks = 0
        """How often this process has forked, or was forked: what was opened before that is shared."""
        self.depth = 0
        """Above 0 within a wrapper: what happens there is controlled, or is our own."""
        self.folder = ""
        self.scratch = ""
        self.temporary = ""
        self.memory = ""
        """What the names of shared memory begin with."""
        self.cores: set[int] = set()
        """Those that the script could use, if it were not kept to one of them."""
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
        self.stand: Callable[[Any], bytes]
        """What gives the answer that comes after `STAND`."""
        self._ident = 0
        self._channel: Channel
        self._threads_channels: list[Channel] = []
        """Of all that the process has had, its first one's first."""
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

    def become(self, number: int, parent: int | None = None) -> None:
        """This is a process that has just been started, under this number: who runs in it is its only thread."""
        self.parent = number // _CHILDREN if parent is None else parent
        self.process = self.number = number
        self.children = self.payloads = self.messages = 0
        self.made = {}
        self.has_threads, self.crowd = False, 0
        for channel in self._threads_channels:
            channel.close()  # or nobody would notice its end
        self._threads_channels.clear()
        self.connect()

    def next_child(self) -> int:
        """The number of a process or a thread that is about to be started."""
        self.children += 1
        return self.number * _CHILDREN + self.children

    def start_thread(self, number: int) -> dict[str, Any]:
        """Open the channel of a thread; with what is given here it will `enter`."""
        if not self.has_threads:
            self.has_threads, self._ident = True, get_ident()
            self._threads_channels.append(self._channel)
        if not self.crowd:
            self.crowds += 1
            self.crowd = self.crowds
        with self:
            channel = self.open_channel()
            channel.send(dumps((number, raw_getpid())))
        self._threads_channels.append(channel)
        own: tuple[Any, ...] = (number, 0, 0, self.slept_s, {}, 0, 0, channel)
        return dict(zip(_THREADS_OWN, own, strict=True))

    def enter(self, own: dict[str, Any]) -> None:
        """In a new thread: wait for its first turn. Until then another one may be running."""
        own["_ident"] = get_ident()
        self._answer_to_thread((True, "processes", "begin", (), "", 0), own)

    def leave(self) -> None:
        """In a thread that ends: its last operation. What it still does touches nothing that is controlled."""
        channel, self._ident = self._channel, 0
        channel.send(dumps((True, "processes", "end", (), "", 0)))
        channel.recv(MOST_BYTES)
        channel.close()

    def ask(self, target: str, verb: str, *arguments: Any) -> Any:
        """Announce an operation and wait for the turn; the answer."""
        return self._answer((True, target, verb, arguments, self.line(), 0))

    def ask_about(self, data: Any, target: str, verb: str, *arguments: Any) -> Any:
        """The same, with what is written: so a program that does not repeat itself is noticed."""
        return self._answer((True, target, verb, arguments, self.line(), crc32(data)))

    def _answer(self, message: tuple[Any, ...]) -> Any:
        self.messages += 1
        if self.has_threads:
            return self._answer_to_thread(message, {name: self.__dict__[name] for name in _THREADS_OWN})
        self._send(message)
        return self._received()

    def _received(self) -> Any:
        answer = self._channel.recv(MOST_BYTES)
        while answer == STAND:
            answer = self.stand(self._channel)
        if not answer:
            raw_exit(70)
        return loads(answer)

    def inquire(self, verb: str, *arguments: Any) -> Any:
        """Tell something, and wait for what the controller says at once: no operation, and nothing that is noted."""
        self._send((False, "", verb, arguments, "", 0))
        return self._received()

    def _answer_to_thread(self, message: tuple[Any, ...], own: dict[str, Any]) -> Any:
        """As soon as the message is sent others may run; who is answered is again who it was."""
        if get_ident() != own["_ident"]:
            self._stray()
        self._send(message, own["_channel"])
        answer = own["_channel"].recv(MOST_BYTES)
        if not answer:
            raw_exit(70)
        self.__dict__.update(own)
        return loads(answer)

    def _stray(self) -> None:
        """Who is not known to the controller, or has told it of its end, would be given another's turn."""
        self._threads_channels[0].send(dumps((False, "", "stray", (), "", 0)))
        never = Lock()
        never.acquire()
        never.acquire()

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
        identity = self.identify(kind)
        self._send((False, identity, "make", (kind, *arguments), self.line(), 0))
        return identity

    def identify(self, kind: str) -> str:
        """The identity of the next of its kind, which is not made yet."""
        if not self.is_controlled:
            kind = f"{kind} of Python"  # which is made before the script begins
        self.made[kind] = number = self.made.get(kind, 0) + 1
        return f"{kind} {number}" if self.number == 0 else f"{kind} {number} of {self.number}"

    def make_known(self, identity: str, line: str, kind: str, *arguments: Any) -> None:
        """Let the controller have what was in this process's memory up to now; `line` is where that was made."""
        self._send((False, identity, "make", (kind, *arguments), line, 0))

    def line(self) -> str:
        """The innermost source line of the script's own files, such as `buy.py:12`."""
        folder, frame = self.folder, sys._getframe(2)
        while frame is not None:
            name = frame.f_code.co_filename
            if name.startswith(folder) and not name.endswith(CALLING):
                return f"{name[len(folder) :]}:{frame.f_lineno}"
            frame = frame.f_back  # type: ignore[assignment]
        return ""

    def _send(self, message: tuple[Any, ...], channel: Channel | None = None) -> None:
        try:
            (channel or self._channel).send(dumps(message))
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
