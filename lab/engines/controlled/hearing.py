"""Hearing: who of an execution's participants runs, what each announces and tells, and what they have in common.

What they announce is looked at in the order of actors, never in that of arrival, so that an execution depends on its
choices alone. Knows no scheduler.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Sequence
from marshal import dumps, loads
from socket import SOCK_SEQPACKET, AddressFamily, socket
from typing import Any

from lab.engines.controlled.actor import Actor, Raised
from lab.engines.controlled.databases import Databases
from lab.engines.controlled.files import Files
from lab.engines.controlled.making import made
from lab.engines.controlled.memory import Blocks, Memory
from lab.engines.controlled.messages import Feeder, Pipe, Queue, SimpleQueue
from lab.engines.controlled.output import Output
from lab.engines.controlled.processes import Processes
from lab.engines.controlled.semaphores import FileLocks, Semaphore, SemaphoreNames
from lab.engines.controlled.step import Model
from lab.engines.controlled.threads import HANDS_ON, ThreadLock
from lab.engines.controlled.turn import Message, Turn
from lab.execution import Declared
from lab.kinds import LIFE
from lab.scheduler import Event as Happened
from lab.scheduler import Operation

_PACKET = 1 << 16
_STUCK_S = 5.0
_MOST_KEPT = 1 << 20
"""Bytes of output that are kept, and of messages."""


_SHARED = (Files, Databases, Memory, Blocks, SimpleQueue, Pipe)
_BY_PROCESS = (Queue, Pipe)
"""Models to which all threads of a process are one: they share its buffers and its descriptors."""


class Stuck(Exception):
    """Somebody went on for seconds without an operation, or did one that nobody controls."""


class Hearing:
    """All that is known of one execution, and of its participants."""

    def __init__(
        self,
        listener: socket,
        root: str,
        status_of: Callable[[int], int],
        *,
        keeps_history: bool,
        stuck_s: float = _STUCK_S,
    ) -> None:
        """`status_of` tells how the copy of a template has ended."""
        self._listener = listener
        self._status_of = status_of
        self.turns: list[Turn] = []
        """Up to the first choice that there is."""
        self._turn = Turn()
        self._is_recorded = True
        self._heard_bytes = 0
        self.keeps_history = keeps_history
        self._stuck_s = stuck_s
        self.actors: dict[int, Actor] = {0: Actor(0, "main", -1)}
        self._running: list[Actor] = [self.actors[0]]
        self._feeders: list[Feeder] = []
        self.processes = Processes(self.actors, self.left_by)
        self.databases = Databases(root)
        self.files = Files(root, lambda reason: self.doubts.setdefault(reason))
        self.models: dict[str, Model] = {
            "files": self.files,
            "file locks": FileLocks(),
            "names": SemaphoreNames(),
            "databases": self.databases,
            "blocks": Blocks(),
            "processes": self.processes,
            "output": Output(),
        }
        self.declared: dict[str, Declared] = {}
        self.events: list[Happened] = []
        self._latest: dict[int, int] = {}
        """Where the last event of each actor stands."""
        self.operations = 0
        self.printed: list[bytes] = []
        """Standard output of all, in its order."""
        self._kept_bytes = 0
        self.shares = False
        """True if a child has touched shared data: a file, memory, or a message."""
        self.has_threads = False
        self.hands_on = False
        """True if threads have told each other more than that a lock is free, if one has taken locks several times, or
        has ended with its process: then no order of whole threads need have what they come to together."""
        self.doubts: dict[str, None] = {}
        self.draws: list[str] = []
        self.fixed: dict[str, None] = {}
        self.processes.is_drained = self.is_drained

    def _note(self, operation: Operation) -> None:
        if self.keeps_history:
            self._latest[operation.actor] = len(self.events)
            self.events.append(Happened(operation, "", 0.0))

    def _told_result(self, actor: int, result: str) -> None:
        place = self._latest.get(actor)
        if place is not None:
            self.events[place] = self.events[place]._replace(result=result)

    # What participants say -------------------------------------------------------------------------------------------

    def _gather(self) -> None:
        """Wait until nobody runs: each has announced something, or ended."""
        end = time.monotonic() + self._stuck_s
        asked: list[tuple[Actor, Message]] = []
        if self._is_recorded:
            self._turn = Turn()
            self.turns.append(self._turn)
        while self._running:
            if len(self._running) == 1 and self._running[0].connection is not None:
                ready = self._running[:]
            else:
                ready = self._ready(end)
            for actor in ready:
                message = self._receive(actor, end)
                if message is None:
                    continue
                if message[0]:
                    self._running.remove(actor)
                    asked.append((actor, message))
                else:
                    self._told(actor, message)
        self._announce(asked)

    def _hear_again(self, turn: Turn) -> None:
        """The same, from the record."""
        asked: list[tuple[Actor, Message]] = []
        for number, message in turn.heard:
            actor = self._known(number)
            if message[0]:
                self._running.remove(actor)
                asked.append((actor, message))
            else:
                self._told(actor, message)
        self._announce(asked, turn.announced)

    def _announce(self, asked: Sequence[tuple[Actor, Message]], known: Sequence[Operation] = ()) -> None:
        """Take in what all have asked for: what each of them touches is looked up, or `known`."""
        operations = iter(known)
        for actor, message in sorted(asked, key=lambda one: one[0].number):
            _, target, verb, arguments, line, digest = message
            if actor.is_done:
                continue
            model = self.models[target]
            number = actor.process if isinstance(model, _BY_PROCESS) else actor.number
            actor.step = model.step(number, verb, arguments)
            if actor.is_daemon and not actor.step.is_local:
                actor.step = actor.step.touching(f"{LIFE}{actor.number}")
            actor.line = "" if verb in ("exit", "end") else line
            operation = next(operations, None)
            if operation is None:
                operation = actor.step.operation(actor.number, actor.line)
                self._turn.announced.append(operation)
            self.shares |= actor.number > 0 and isinstance(model, _SHARED)
            actor.sections += verb == "acquire" and isinstance(model, ThreadLock)
            self.hands_on |= actor.sections > 1 or (self.has_threads and isinstance(model, HANDS_ON))
            actor.check = hash((actor.check, operation, digest))

    def _ready(self, end: float) -> list[Actor]:
        poll = select.poll()
        by_descriptor = {}
        for actor in self._running:
            if actor.connection is not None:
                by_descriptor[actor.connection.fileno()] = actor
                poll.register(actor.connection, select.POLLIN)
        if any(actor.connection is None for actor in self._running):
            poll.register(self._listener, select.POLLIN)
        ready = poll.poll(max(0.0, end - time.monotonic()) * 1000)
        if not ready:
            raise Stuck
        found = []
        for descriptor, _ in ready:
            if descriptor in by_descriptor:
                found.append(by_descriptor[descriptor])
            else:
                self._accept()
        return found

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(self._stuck_s)
        number, pid = loads(connection.recv(_PACKET))
        actor = self._known(number)
        actor.connection, actor.pid = connection, pid

    def admit(self, newcomers: Sequence[Actor]) -> None:
        """Wait for the channels of actors that have gone on from a checkpoint."""
        for actor in newcomers:
            actor.connection = None
        self._listener.settimeout(self._stuck_s)
        try:
            while any(actor.connection is None for actor in newcomers):
                self._accept()
        except TimeoutError:
            raise Stuck from None
        finally:
            self._listener.settimeout(None)

    def _known(self, number: int) -> Actor:
        actor = self.actors.get(number)
        if actor is None:  # its parent's word is still under way
            actor = self.actors[number] = Actor(number, "", number // 1000)
            self._running.append(actor)
        return actor

    def _receive(self, actor: Actor, end: float) -> Message | None:
        assert actor.connection is not None
        try:
            packet = actor.connection.recv(_PACKET)
        except TimeoutError:
            raise Stuck from None
        except OSError:
            packet = b""
        if not packet:
            self._running.remove(actor)
            self._died(actor)
            return None
        if time.monotonic() > end:
            raise Stuck
        message: Message = loads(packet)
        self._heard_bytes += len(packet)
        self._is_recorded &= self._heard_bytes < _MOST_KEPT
        if self._is_recorded:
            self._turn.heard.append((actor.number, message))
        return message

    def _told(self, actor: Actor, message: Message) -> None:
        _, identity, verb, arguments, line, _ = message
        if verb == "output":
            descriptor, data = arguments
            actor.check = hash((actor.check, descriptor, data))
            self._kept_bytes += len(data)
            if self._kept_bytes < _MOST_KEPT:
                self.actors[actor.process].output.append((descriptor, data))
                if descriptor == 1:
                    self.printed.append(data)
        elif verb == "fork":
            number, name = arguments
            self._started(actor, number, name, None)
        elif verb == "thread":
            number, name, is_daemon = arguments
            self.has_threads = actor.has_threads = self.actors[actor.process].has_threads = True
            self._started(actor, number, f"{self.actors[actor.process].name}/{name}", actor.process)
            self.actors[number].is_daemon = is_daemon
        elif verb == "make":
            self._make(actor, identity, line, *arguments)
        elif verb == "raised":
            actor.raised = Raised(*arguments)
        elif verb == "doubt":
            self.doubts[arguments[0]] = None
        elif verb == "stray":
            self.doubts["an operation of a thread that is not controlled"] = None
            self.processes.is_abandoned = True
            raise Stuck
        elif verb == "draw":
            self.draws.append(arguments[0])
        elif verb == "clock":
            self.doubts[f"the clock, of which one course was tried, is read at {arguments[0]}"] = None
        elif verb == "fixed":
            self.fixed[arguments[0]] = None
        elif verb == "result":
            self._told_result(actor.number, arguments[0])
        elif verb == "status":
            if actor.connection is not None:  # in a record it has been answered
                actor.connection.send(dumps(self._status_of(arguments[0])))
        elif verb == "reaped":
            number, code = arguments
            self.actors[number].code = code
            self.actors[number].is_reaped = True
        elif verb == "hold":
            for pipe, end in arguments[0]:
                self.models[pipe].hold(actor.number, end)  # type: ignore[attr-defined]
        elif verb == "cancel":
            self.models[arguments[0]].cancel(actor.process)  # type: ignore[attr-defined]
        elif verb == "hire":
            self.models[arguments[0]].hire(arguments[1])  # type: ignore[attr-defined]
        elif verb == "database":
            self.databases.told(actor.number, *arguments)
        elif verb == "sleep":
            self._note(Operation(actor.number, "sleep", line=line))
            self._told_result(actor.number, f"{arguments[0]:g} s")

    def _started(self, parent: Actor, number: int, name: str, thread_of: int | None) -> None:
        child = self.actors.get(number)
        if child is None:
            child = self.actors[number] = Actor(number, "", parent.number)
            self._running.append(child)
        child.thread_of = thread_of
        self._note(Operation(parent.number, "start", (self.processes.called(number),)))
        if thread_of is None:  # a thread begins by itself, as it is its turn
            self._note(Operation(number, "begin", (self.processes.called(number),)))
        child.name = name or f"process {number}"
        if parent.operations:
            child.after[parent.number] = parent.operations
        for other, count in parent.after.items():
            child.after[other] = count

    def _make(self, actor: Actor, identity: str, line: str, kind: str, *arguments: Any) -> None:
        name = f"{identity} ({line})" if line else identity
        actor.check = hash((actor.check, name, arguments))
        model = self.models[identity] = made(name, kind, arguments, actor, self.models, self._feeders.append)
        self.declared[name] = Declared(kind, model.value if isinstance(model, Semaphore) else 0)

    # Ends ------------------------------------------------------------------------------------------------------------

    def left_by(self, process: int) -> tuple[str, ...]:
        """What others would notice if this process ended now."""
        own = self.threads_of(process)
        return tuple(name for model in self.models.values() for one in own for name in model.left_by(one.number))

    def threads_of(self, process: int) -> list[Actor]:
        """The first thread of a process, which has its number, and the others."""
        return [actor for actor in self.actors.values() if actor.process == process]

    def left_in_databases(self, process: int) -> bool:
        """True if the end of this process rolls a transaction back."""
        return any(self.databases.left_by(one.number) for one in self.threads_of(process))

    def is_drained(self, actor: int) -> bool:
        """True if no feeder of this actor has anything left."""
        return all(feeder.queue.is_drained(actor) for feeder in self._feeders if feeder.of == actor)

    def _left(self, process: int) -> None:
        """A process has ended, and its threads with it."""
        for actor in self.threads_of(process):
            actor.is_done = True
            for model in self.models.values():
                model.leave(actor.number)
            if actor in self._running:
                self._running.remove(actor)

    def _died(self, actor: Actor) -> None:
        """A channel has closed without an exit: something killed the process."""
        actor.is_gone = True
        if not actor.is_done:
            self._left(actor.process)
            self._note(Operation(actor.process, "is killed", (f"process {actor.process}",)))

    def _await_end(self, actor: Actor) -> None:
        """Its locks on databases end when it does, which takes a moment after its last operation."""
        if actor.connection is None:
            return  # that was when this was recorded
        descriptor = os.pidfd_open(actor.pid)
        try:
            if not select.select([descriptor], [], [], self._stuck_s)[0]:
                raise Stuck
        finally:
            os.close(descriptor)

    def _await_death(self, actor: Actor) -> None:
        """Somebody has sent it a signal that kills."""
        assert actor.connection is not None
        actor.step = None
        try:
            while actor.connection.recv(_PACKET):
                pass
        except TimeoutError:
            raise Stuck from None
        except OSError:
            pass
        if self.left_in_databases(actor.process):
            self._await_end(actor)
        self._died(actor)

    def close(self) -> None:
        """Close all channels."""
        for actor in self.actors.values():
            if actor.connection is not None:
                actor.connection.close()

    def name_of(self, number: int) -> str:
        """What an actor is called."""
        if number in self.actors:
            return self.actors[number].name
        feeder = next(one for one in self._feeders if one.number == number)
        return f"feeder of {feeder.queue.name} ({self.name_of(feeder.of)})"

    def names(self) -> dict[int, str]:
        """What all are called."""
        return {number: self.name_of(number) for number in (*self.actors, *(one.number for one in self._feeders))}


def listening() -> tuple[socket, str]:
    """Where participants connect: an abstract address, which leaves no file."""
    listener = socket(AddressFamily.AF_UNIX, SOCK_SEQPACKET)
    listener.bind("")  # the kernel chooses one that is free
    listener.listen(128)
    return listener, listener.getsockname().decode()
