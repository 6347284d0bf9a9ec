"""Recollection: what participants have said since a checkpoint, so that not all need to be there to say it again.

A process that only waits for others to end, and then ends itself, asks for the same after the same answers, and does
nothing beside that. Once a copy has said it, it is known; a copy is made where something comes that nobody has heard.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from marshal import loads
from socket import socket

from lab.scheduler import Departed

_HARMLESS = frozenset({"join", "join any", "poll", "exit", "output", "raised", "reaped", "status"})
"""What can be said again by who is not there: all that it does is done by the controller."""

_PACKET = 1 << 16


@dataclass
class Said:
    """What a participant said after an answer, up to its next question; and what it said after answers to that."""

    packets: list[bytes] = field(default_factory=list)
    then: dict[bytes, Said] = field(default_factory=dict)


class Recalled:
    """The channel of a participant, which is not there as long as it is known what it would say.

    `appear` makes it be there, at the checkpoint, and gives its own channel.
    """

    def __init__(self, said: Said, appear: Callable[[], socket]) -> None:
        self._said, self._appear = said, appear
        self._answers: list[tuple[bytes, Said]] = []
        """What it was answered while it was not there, and what it said to that."""
        self._unheard: deque[bytes] = deque()
        self._own: socket | None = None
        self._answer = b""
        self._packets: list[bytes] = []
        """What it has said itself since it was last answered."""
        self._ends = False
        self._is_noted = True

    def send(self, answer: bytes) -> None:
        """Answer it; OSError if it was killed or is stuck, Departed if it does not say again what it has said."""
        said = self._said.then.get(answer) if self._own is None else None
        if said is not None:
            self._said = said
            self._answers.append((answer, said))
            self._unheard.extend(said.packets)
            return
        self.come().send(answer)
        self._answer, self._packets = answer, []
        if self._ends:
            self._note()

    def recv(self, size: int) -> bytes:
        """What it says next."""
        if self._unheard:
            packet = self._unheard.popleft()
            self._ends = loads(packet)[2] == "exit"
            return packet
        packet = self.come().recv(size)
        if packet and self._is_noted:
            asks, _, verb, *_ = loads(packet)
            self._packets.append(packet)
            self._is_noted = verb in _HARMLESS
            self._ends = verb == "exit"
            if asks or verb == "status":
                self._note()
        return packet

    @property
    def is_there(self) -> bool:
        """True once it has come."""
        return self._own is not None

    def has_said(self) -> bool:
        """True if it has said something that was not heard yet, and need not be waited for."""
        return bool(self._unheard)

    def fileno(self) -> int:
        """Of its own channel."""
        return self.come().fileno()

    def close(self) -> None:
        """Let it end."""
        if self._own is not None:
            self._own.close()

    def come(self) -> socket:
        """Have it be there, where it has said all that it is known to have said; its own channel."""
        if self._own is None:
            self._own = self._appear()
            for answer, said in self._answers:
                self._own.send(answer)
                for packet in said.packets:
                    self._compare(self._said_by(self._own), packet)
        return self._own

    @staticmethod
    def _said_by(own: socket) -> bytes:
        try:
            return own.recv(_PACKET)
        except TimeoutError:
            return b""

    def _note(self) -> None:
        """Note what it has said to the last answer."""
        if self._is_noted:
            known = self._said.then.setdefault(self._answer, Said(self._packets))
            for packet, before in zip(self._packets, known.packets, strict=True):
                self._compare(packet, before)
            self._said = known

    @staticmethod
    def _compare(packet: bytes, before: bytes) -> None:
        if not packet:
            raise ConnectionResetError
        if packet != before:
            raise Departed("what a process said that had waited for others differs from what it said the time before")
