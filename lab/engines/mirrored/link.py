"""The controller's end of the line to a participant, whose process it starts and ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from lab.engines.mirrored.channel import Channel
from lab.engines.mirrored.participant import participate
from lab.engines.simulated.kernel import Stuck
from lab.scheduler import Departed
from lab.store import BUSY, LineStore, Place, Record, Steps, TransactionalStore, VersionedStore

_DIE_WITH_PARENT = 1


class Died(Exception):
    """The process of a participant has ended by itself; the text tells how."""


class Link:
    """A participant. A process of it lives for one execution. It is stuck after so many seconds without a word."""

    def __init__(self, stuck_s: float) -> None:
        self._stuck_s = stuck_s
        self._process: Any = None
        self._connection: Connection

    def start(self, body: Callable[[Channel, int], Any]) -> None:
        """Start a process; it waits to be told to begin."""
        context, controller = get_context("fork"), os.getpid()
        self._connection, theirs = context.Pipe()

        def run() -> None:
            ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
            if os.getppid() == controller:
                participate(theirs, body)

        self._process = context.Process(target=run)
        self._process.start()
        theirs.close()

    def end(self) -> None:
        """Kill the process and all that it started; nothing if there is none."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.join()
        self._process.close()
        self._connection.close()
        self._process = None

    def tell(self, *message: Any) -> None:
        """Tell the participant; Died if there is none any more."""
        try:
            self._connection.send(message)
        except OSError:
            self._mourn()

    def hear(self) -> tuple[Any, ...]:
        """What it says next. Died, Stuck, or Departed where what it has done is not what the model has."""
        try:
            if not self._connection.poll(self._stuck_s):
                raise Stuck
            message: tuple[Any, ...] = self._connection.recv()
        except (EOFError, OSError):
            self._mourn()
        if message[0] == "differs":
            raise Departed(f"the model and the processes differ: {message[1]}")
        return message

    def deliver(self, name: str) -> None:
        """Let its feeder of this queue write one item."""
        self.tell("deliver", name)
        self.hear()

    def steps(self) -> Steps[Any]:
        """The steps of the store's call that it has announced, each of which it does when the next is asked for."""
        while True:
            self.tell("next")
            verb, *rest = self.hear()
            if verb == "step":
                yield BUSY if rest[0] == BUSY else rest[0]  # which is known by its identity
                continue
            returned, error = rest
            if error is not None:
                raise error
            return returned

    def _mourn(self) -> Any:
        self._process.join()
        code = self._process.exitcode
        raise Died(f"exit code {code}" if code >= 0 else signal.Signals(-code).name)


class RemoteStore(VersionedStore, TransactionalStore, LineStore):
    """A participant's store: each call goes through the steps of the real one, in its process."""

    name = "remote"

    def __init__(self, place: Place, link: Link) -> None:
        super().__init__(place)
        self._link = link

    def read(self) -> Steps[Record]:
        """The record."""
        return self._link.steps()

    def write(self, record: Record) -> Steps[None]:
        """Make this the record."""
        return self._link.steps()

    def append(self, line: str) -> Steps[None]:
        """Add a line."""
        return self._link.steps()

    def read_versioned(self) -> Steps[tuple[Any, Record]]:
        """The record's version, and the record."""
        return self._link.steps()

    def write_if(self, version: Any, record: Record) -> Steps[bool]:
        """Make this the record if the version is still that one."""
        return self._link.steps()

    def begin(self) -> Steps[None]:
        """Open a transaction."""
        return self._link.steps()

    def commit(self) -> Steps[None]:
        """Keep what was written since `begin`."""
        return self._link.steps()

    def rollback(self) -> Steps[None]:
        """Drop what was written since `begin`."""
        return self._link.steps()
