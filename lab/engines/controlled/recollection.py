"""Recollection: what participants have said since a checkpoint, so that not all need to be there to say it again.

A process that only waits for others to end, and then ends itself, says the same after the same answers. Once a copy has
said it, it is known; a copy is made where nobody has heard yet what comes. Only who shares no memory can be spared so,
and only where it is not known to have looked at anything without asking, as by an import. In case that it was not seen
to, what it says when all others have ended is known for the very same files around it alone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from marshal import loads
from socket import socket

from lab.scheduler import Departed

_HARMLESS = frozenset({"join", "join any", "poll", "exit", "output", "raised", "reaped", "status"})
"""What can be said again by who is not there: all that it does is done by the controller, and hangs on its answers."""

_DIFFERS = "what a process said that had waited for others differs from what it said the time before"

_PACKET = 1 << 16


@dataclass
class Said:
    """What a participant said after an answer, up to its next question; and what it said after answers to that.

    These are told apart by the answer and the surroundings it had then.
    """

    packets: list[bytes] = field(default_factory=list)
    then: dict[tuple[bytes, bytes], Said] = field(default_factory=dict)


class Recalled:
    """The channel of a participant, which is not there as long as it is known what it would say.

    `appear` makes it be there, at the checkpoint, and gives its own channel. `look` gives its surroundings, or None if
    they are not known.
    """

    def __init__(self, said: Said, appear: Callable[[], socket], look: Callable[[], bytes | None]) -> None:
        self._said, self._appear, self._look = said, appear, look
        self._answers: list[tuple[bytes, Said]] = []
        """What it was answered while it was not there, and what it said to that."""
        self._unheard: deque[bytes] = deque()
        self._own: socket | None = None
        self._key = (b"", b"")
        self._packets: list[bytes] = []
        """What it has said itself since it was last answered."""
        self._ends = False
        self._is_noted = True

    def send(self, answer: bytes) -> None:
        """Answer it; OSError if it was killed or is stuck, Departed if it does not say again what it has said."""
        if self._is_noted:
            around = b"" if self._ends else self._look()
            self._is_noted = around is not None
            self._key, self._packets = (answer, around or b""), []
        if self._own is None and self._is_noted and (said := self._said.then.get(self._key)) is not None:
            self._said = said
            self._answers.append((answer, said))
            self._unheard.extend(said.packets)
            return
        self.come().send(answer)
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
                for before in said.packets:
                    packet = _said_by(self._own)
                    if not packet:
                        raise ConnectionResetError
                    if packet != before:
                        raise Departed(_DIFFERS)
        return self._own

    def _note(self) -> None:
        """Note what it has said to the last answer."""
        if self._is_noted:
            known = self._said.then.setdefault(self._key, Said(self._packets))
            if self._packets != known.packets:
                raise Departed(_DIFFERS)
            self._said = known


def _said_by(own: socket) -> bytes:
    try:
        return own.recv(_PACKET)
    except TimeoutError:
        return b""
