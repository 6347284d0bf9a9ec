"""The controller of one execution: it hears what each participant announces, asks the scheduler, and lets one go on.

Between two choices only the participant that was let go runs, and whom it forks; the controller waits until all of
them have announced something or ended. What they announce is looked at in the order of actors, never in that of
arrival, so that an execution depends on its choices alone.

Knows no strategy, and of files and processes only what it is told.
"""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from marshal import dumps, loads
from socket import SOCK_SEQPACKET, AddressFamily, socket
from typing import Any

from lab.engines.controlled.actor import Actor, Raised
from lab.engines.controlled.files import Files
from lab.engines.controlled.memory import Memory
from lab.engines.controlled.messages import Feeder, Pipe, Queue, SimpleQueue
from lab.engines.controlled.processes import Processes
from lab.engines.controlled.semaphores import FileLocks, Semaphore
from lab.engines.controlled.signals import Barrier, Condition, Event
from lab.engines.controlled.step import Model, Step
from lab.execution import Declared, Ending
from lab.scheduler import Cut, Departed, Operation, Scheduler
from lab.scheduler import Event as Happened

_PACKET = 1 << 16
_STUCK_S = 5.0
MOST_OPERATIONS = 20_000
_MOST_KEPT = 1 << 20
"""Bytes of output that are kept."""


_SHARED = (Files, Memory, SimpleQueue, Pipe)


class Stuck(Exception):
    """Somebody went on for seconds without an operation."""


class Controller:
    """Runs one execution; afterwards it tells all that happened."""

    def __init__(self, listener: socket, root: str, *, keeps_history: bool, stuck_s: float = _STUCK_S) -> None:
        self._listener = listener
        self.keeps_history = keeps_history
        self._stuck_s = stuck_s
        self.actors: dict[int, Actor] = {0: Actor(0, "main", -1)}
        self._running: list[Actor] = [self.actors[0]]
        self._feeders: list[Feeder] = []
        self.processes = Processes(self.actors, self.left_by)
        self.models: dict[str, Model] = {
            "files": Files(root),
            "file locks": FileLocks(),
            "processes": self.processes,
            "output": _Output(),
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
        self.doubts: dict[str, None] = {}
        self.draws: list[str] = []
        self.fixed: dict[str, None] = {}
        self.checks: list[tuple[Operation, int]] = []
        """What was chosen, and a number for all that everybody had asked until then."""
        self._current: int | None = None
        self.processes.is_drained = self.is_drained

    # The execution ---------------------------------------------------------------------------------------------------

    def run(self, scheduler: Scheduler, before: Sequence[tuple[Operation, int]]) -> Ending:
        """Run it; `before` are the checks of an execution that may have begun in the same way."""
        try:
            kind = self._run(scheduler, before)
        except Cut:
            kind = "cut"
        except Stuck:
            kind = "stuck"
        return Ending(kind, tuple(self._waiting()))

    def _run(self, scheduler: Scheduler, before: Sequence[tuple[Operation, int]]) -> str:
        alike = True
        while True:
            self._gather()
            if self._do_local():
                continue
            if self.processes.is_abandoned:
                return "stuck"
            if all(actor.is_done for actor in self.actors.values()):
                return "done"
            enabled, able = self._enabled()
            if not enabled:
                return "deadlock"
            if self.operations >= MOST_OPERATIONS:
                return "endless"
            check = hash(tuple(self.actors[number].check for number in sorted(self.actors)))
            place = len(self.checks)
            if alike and place < len(before) and before[place][1] != check:
                raise Departed(self._difference(place))
            asks = len(enabled) > 1 or scheduler.asks_always
            choice = scheduler.choose(enabled, self._current) if asks else 0
            self.checks.append((enabled[choice], check))
            alike = alike and place < len(before) and before[place][0] == enabled[choice]
            self._grant(able[choice], enabled[choice])

    def _difference(self, place: int) -> str:
        lines = ", ".join(f"{actor.name} at {actor.line}" for actor in self.actors.values() if actor.line)
        return f"operation {place + 1}: what was announced, written or printed differs from the time before ({lines})"

    def _enabled(self) -> tuple[list[Operation], list[Actor | Feeder]]:
        enabled: list[Operation] = []
        able: list[Actor | Feeder] = []
        for number in sorted(self.actors):
            actor = self.actors[number]
            step = actor.step
            if actor.is_done or step is None:
                continue
            if step.is_possible():
                enabled.append(self._operation(actor, step))
                able.append(actor)
            elif step.give_up is not None:
                enabled.append(step.timeout(number, actor.line, tuple(actor.after.items())))
                able.append(actor)
        for feeder in sorted(self._feeders, key=lambda one: one.number):
            step = feeder.step()
            if step is not None and step.is_possible():
                enabled.append(step.operation(feeder.number, ""))
                able.append(feeder)
        return enabled, able

    def _operation(self, actor: Actor, step: Step) -> Operation:
        after = actor.after
        if step.kind == "exit":  # a process ends when its feeders are done
            feeders = {feeder.number: feeder.delivered for feeder in self._feeders if feeder.of == actor.number}
            after = {**after, **{number: count for number, count in feeders.items() if count}}
        return step.operation(actor.number, actor.line, tuple(after.items()))

    def _waiting(self) -> list[Operation]:
        waiting = [
            self._operation(actor, actor.step)
            for actor in self.actors.values()
            if not actor.is_done and actor.step is not None and not actor.step.is_local
        ]
        steps = [(feeder.number, feeder.step()) for feeder in self._feeders]
        return waiting + [step.operation(number, "") for number, step in steps if step is not None]

    def blocked(self) -> list[tuple[Actor, Operation]]:
        """Who has not ended, and what it waits for; joins too."""
        return [
            (actor, actor.step.operation(actor.number, actor.line))
            for actor in self.actors.values()
            if not actor.is_done and actor.step is not None
        ]

    def _do_local(self) -> bool:
        """Let all go on whose step is no choice."""
        is_any = False
        for actor in list(self.actors.values()):
            step = actor.step
            if step is not None and step.is_local and not actor.is_done and step.is_possible():
                is_any = True
                self._note(step.operation(actor.number, actor.line))
                self._learn(actor, step)
                self._answer(actor, step.do())
        return is_any

    def _learn(self, actor: Actor, step: Step) -> None:
        """What this actor does next could not have come before what it waited for."""
        if step.kind == "join":
            child = self.actors[self.processes.number_of(step)]
            if child.operations:
                actor.after[child.number] = child.operations
            if child.killed_by is not None:
                actor.after[child.killed_by[0]] = child.killed_by[1]
        else:
            delivered = {feeder.number: feeder.delivered for feeder in self._feeders if feeder.of == actor.number}
            actor.after.update({number: count for number, count in delivered.items() if count})

    def _grant(self, chosen: Actor | Feeder, operation: Operation) -> None:
        self.operations += 1
        self._current = operation.actor
        step = chosen.step if isinstance(chosen, Actor) else chosen.step()
        assert step is not None
        self._note(operation)
        act = step.give_up if operation.is_timeout else step.do
        assert act is not None
        answer = act()
        if self.keeps_history and step.gives and answer is not None:
            self._told_result(operation.actor, repr(answer))
        if isinstance(chosen, Actor):
            chosen.operations += 1
            chosen.after.clear()
            self._answer(chosen, answer)
            if step.kind == "exit":
                self._left(chosen)
        for killed in self.processes.take_killed():
            self.doubts["a process is killed, and not every moment for it was tried"] = None
            killed.killed_by = (operation.actor, self.actors[operation.actor].operations)
            self._await_death(killed)

    def _note(self, operation: Operation) -> None:
        if self.keeps_history:
            self._latest[operation.actor] = len(self.events)
            self.events.append(Happened(operation, "", 0.0))

    def _told_result(self, actor: int, result: str) -> None:
        place = self._latest.get(actor)
        if place is not None:
            self.events[place] = self.events[place]._replace(result=result)

    def _answer(self, actor: Actor, answer: Any) -> None:
        assert actor.connection is not None
        actor.step = None
        try:
            actor.connection.send(dumps(answer))
        except OSError:
            self._died(actor)
        else:
            if not actor.is_done:
                self._running.append(actor)

    # What participants say -------------------------------------------------------------------------------------------

    def _gather(self) -> None:
        """Wait until nobody runs: each has announced something, or ended."""
        end = time.monotonic() + self._stuck_s
        asked: list[tuple[Actor, tuple[Any, ...]]] = []
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
        for actor, message in sorted(asked, key=lambda one: one[0].number):
            _, target, verb, arguments, line, digest = message
            if actor.is_done:
                continue
            actor.step = self.models[target].step(actor.number, verb, arguments)
            actor.line = "" if verb == "exit" else line
            operation = actor.step.operation(actor.number, actor.line)
            self.shares |= actor.number > 0 and isinstance(self.models[target], _SHARED)
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
        actor = self.actors.get(number)
        if actor is None:  # its parent's word is still under way
            actor = self.actors[number] = Actor(number, "", number // 1000)
            self._running.append(actor)
        actor.connection, actor.pid = connection, pid

    def _receive(self, actor: Actor, end: float) -> tuple[Any, ...] | None:
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
        message: tuple[Any, ...] = loads(packet)
        return message

    def _told(self, actor: Actor, message: tuple[Any, ...]) -> None:
        _, identity, verb, arguments, line, _ = message
        if verb == "output":
            descriptor, data = arguments
            actor.check = hash((actor.check, descriptor, data))
            self._kept_bytes += len(data)
            if self._kept_bytes < _MOST_KEPT:
                actor.output.append((descriptor, data))
                if descriptor == 1:
                    self.printed.append(data)
        elif verb == "fork":
            self._forked(actor, *arguments)
        elif verb == "make":
            self._make(actor, identity, line, *arguments)
        elif verb == "raised":
            actor.raised = Raised(*arguments)
        elif verb == "doubt":
            self.doubts[arguments[0]] = None
        elif verb == "draw":
            self.draws.append(arguments[0])
        elif verb == "clock":
            self.doubts[f"the clock, of which one course was tried, is read at {arguments[0]}"] = None
        elif verb == "fixed":
            self.fixed[arguments[0]] = None
        elif verb == "result":
            self._told_result(actor.number, arguments[0])
        elif verb == "reaped":
            number, code = arguments
            self.actors[number].code = code
            self.actors[number].is_reaped = True
        elif verb == "hold":
            for pipe, end in arguments[0]:
                self.models[pipe].hold(actor.number, end)  # type: ignore[attr-defined]
        elif verb == "cancel":
            self.models[arguments[0]].cancel(actor.number)  # type: ignore[attr-defined]
        elif verb == "sleep":
            self._note(Operation(actor.number, "sleep", line=line))
            self._told_result(actor.number, f"{arguments[0]:g} s")

    def _forked(self, parent: Actor, number: int, name: str) -> None:
        self._note(Operation(parent.number, "start", (f"process {number}",)))
        child = self.actors.get(number)
        if child is None:
            child = self.actors[number] = Actor(number, "", parent.number)
            self._running.append(child)
        child.name = name or f"process {number}"
        if parent.operations:
            child.after[parent.number] = parent.operations
        for other, count in parent.after.items():
            child.after[other] = count

    def _make(self, actor: Actor, identity: str, line: str, kind: str, *arguments: Any) -> None:
        name = f"{identity} ({line})" if line else identity
        actor.check = hash((actor.check, name, arguments))
        permits = 0
        if kind in ("lock", "rlock", "semaphore"):
            permits, most = arguments
            self.models[identity] = Semaphore(name, permits, most)
        elif kind == "event":
            self.models[identity] = Event(name)
        elif kind == "condition":
            lock = self.models[arguments[0]]
            assert isinstance(lock, Semaphore)
            self.models[identity] = Condition(name, lock)
        elif kind == "barrier":
            self.models[identity] = Barrier(name, arguments[0])
        elif kind == "queue":
            number = 1 + int(identity.split()[1]) + 100 * actor.number
            self.models[identity] = Queue(name, arguments[0], number, self._feeders.append)
        elif kind == "simple queue":
            self.models[identity] = SimpleQueue(name)
        elif kind == "pipe":
            self.models[identity] = Pipe(name, actor.number)
        else:
            self.models[identity] = Memory(name, self.models)
        self.declared[name] = Declared(kind, permits)

    # Ends ------------------------------------------------------------------------------------------------------------

    def left_by(self, actor: int) -> tuple[str, ...]:
        """What others would notice if this actor ended now."""
        return tuple(name for model in self.models.values() for name in model.left_by(actor))

    def is_drained(self, actor: int) -> bool:
        """True if no feeder of this actor has anything left."""
        return all(feeder.queue.is_drained(actor) for feeder in self._feeders if feeder.of == actor)

    def _left(self, actor: Actor) -> None:
        actor.is_done = True
        for model in self.models.values():
            model.leave(actor.number)
        if actor in self._running:
            self._running.remove(actor)

    def _died(self, actor: Actor) -> None:
        """A channel has closed without an exit: something killed it."""
        actor.is_gone = True
        if not actor.is_done:
            self._left(actor)
            self._note(Operation(actor.number, "is killed", (f"process {actor.number}",)))

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


class _Output:
    """Standard output, where the order of what is printed is judged."""

    name = "output"

    def step(self, actor: int, verb: str, arguments: tuple[Any, ...]) -> Step:
        """Print."""
        return Step("print", ("output",), gives=False)

    def leave(self, actor: int) -> None:
        """Nothing is let go."""

    def left_by(self, actor: int) -> tuple[str, ...]:
        """Nothing is noticed."""
        return ()


def listening() -> tuple[socket, str]:
    """Where participants connect: an abstract address, which leaves no file."""
    listener = socket(AddressFamily.AF_UNIX, SOCK_SEQPACKET)
    listener.bind("")  # the kernel chooses one that is free
    listener.listen(128)
    return listener, listener.getsockname().decode()
