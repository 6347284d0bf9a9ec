"""A participant's end of the line: it asks before every operation, and meanwhile lets its feeders deliver."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any, NoReturn

from lab.engines.mirrored.outcome import Outcome
from lab.engines.simulated.actors import line_of

Key = tuple[str, str, int | None]
"""A declared primitive: its kind and name, and of a pipe which end."""


class Gate:
    """Stands before the lock under which a queue's feeder writes, and lets it write when the model has delivered."""

    def __init__(self, lock: Any) -> None:
        # At first use, so that who asks for nothing has no threading.
        from threading import Semaphore

        self._lock = lock
        self._permits, self._written = Semaphore(0), Semaphore(0)

    def acquire(self) -> None:
        """As the feeder does before it writes."""
        self._permits.acquire()
        self._lock.acquire()

    def release(self) -> None:
        """As the feeder does when it has written."""
        self._lock.release()
        self._written.release()

    def let_one_through(self, patience_s: float) -> bool:
        """Let the feeder write one item; False if it does not in so many seconds."""
        self._permits.release()
        return self._written.acquire(timeout=patience_s)


class Channel:
    """The line of one participant to the controller. `keeps_lines` if its operations are to have source lines."""

    PATIENCE_S = 2.0
    """Seconds for what the model says can be done at once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.keeps_lines = False
        self.gates: Mapping[str, Gate] = {}

    def ask(self, verb: str, *arguments: Any) -> Outcome:
        """Announce an operation, and wait for its turn; what it came to in the model."""
        self.tell(verb, self._line(), *arguments)
        return Outcome(*self.hear())

    def tell(self, verb: str, *arguments: Any) -> None:
        """Tell the controller."""
        # Pickled first: what can't be sent is the body's error, and nothing of it may be on its way.
        self._connection.send_bytes(ForkingPickler.dumps((verb, *arguments)))

    def hear(self) -> Any:
        """What the controller says next; what it wants of a feeder is done meanwhile."""
        while True:
            message = self._connection.recv()
            if message[0] != "deliver":
                return message
            name = message[1]
            if self.gates[name].let_one_through(self.PATIENCE_S):
                self.tell("delivered")
            else:
                self.differ(f"queue {name!r}: what was put is not delivered")

    def differ(self, text: str) -> NoReturn:
        """Tell that the model and this process do not agree; nothing that follows would mean anything."""
        self.tell("differs", f"{text}{f' at {line}' if (line := line_of(sys._getframe(1))) else ''}")
        while True:
            self._connection.recv()

    def _line(self) -> str:
        return line_of(sys._getframe(2)) if self.keeps_lines else ""
