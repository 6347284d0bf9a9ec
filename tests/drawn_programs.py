"""Small programs over everything that the world offers, as a scenario whose only parameter is the program.

A program is `[[kind of each object], [[operations of actor 0], ...]]`, an operation is `[what, which object]`. An
actor returns all that it has seen, so that endings tell apart whatever can be told apart.
"""

from __future__ import annotations

import json
import queue
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from lab.cell import Cell
from lab.engines.simulated.session import SimulatedSession
from lab.execution import Execution
from lab.guards import guard_named
from lab.scenario import Scenario
from lab.scheduler import Scheduler
from lab.store import TornRead
from lab.stores import store_named
from lab.trial import Judgement, ok

SEEN: Mapping[str, Callable[[Any, Any], Any]] = {
    "acquire": lambda lock, world: lock.acquire(),
    "try": lambda lock, world: lock.acquire(block=False),
    "release": lambda lock, world: lock.release(),
    "acquire for 1 s": lambda lock, world: lock.acquire(timeout=1),
    "read": lambda value, world: value.value,
    "write": lambda value, world: setattr(value, "value", 10 + world.actor),
    "add": lambda value, world: setattr(value, "value", value.value + 1),
    "set": lambda event, world: event.set(),
    "clear": lambda event, world: event.clear(),
    "is set": lambda event, world: event.is_set(),
    "wait": lambda waited, world: waited.wait(),
    "wait for 1 s": lambda waited, world: waited.wait(timeout=1),
    "notify": lambda condition, world: condition.notify(),
    "notify all": lambda condition, world: condition.notify_all(),
    "reset": lambda barrier, world: barrier.reset(),
    "abort": lambda barrier, world: barrier.abort(),
    "put": lambda queue, world: queue.put(world.actor),
    "try to put": lambda queue, world: queue.put(world.actor, block=False),
    "put for 1 s": lambda queue, world: queue.put(world.actor, timeout=1),
    "get": lambda queue, world: queue.get(),
    "try to get": lambda queue, world: queue.get(block=False),
    "get for 1 s": lambda queue, world: queue.get(timeout=1),
    "empty": lambda queue, world: queue.empty(),
    "send": lambda pipe, world: pipe[world.actor % 2].send(world.actor),
    "recv": lambda pipe, world: pipe[world.actor % 2].recv(),
    "poll": lambda pipe, world: pipe[world.actor % 2].poll(),
    "poll for 1 s": lambda pipe, world: pipe[world.actor % 2].poll(1),
    "load": lambda _, world: world.store.read()["x"],
    "save": lambda _, world: world.store.write({"x": 10 + world.actor}),
    "load and save": lambda _, world: world.store.write({"x": world.store.read()["x"] + 1}),
    "sleep": lambda _, world: world.sleep(1),
}
_LOCK = ("acquire", "try", "acquire for 1 s", "release", "release")
VERBS: Mapping[str, Sequence[str]] = {
    "lock": _LOCK,
    "rlock": _LOCK,
    "semaphore": _LOCK,
    "bounded_semaphore": _LOCK,
    "file_lock": ("acquire", "try", "release", "release"),
    "value": ("read", "write", "add", "acquire", "release"),
    "event": ("set", "clear", "is set", "wait", "wait for 1 s"),
    "condition": ("acquire", "wait", "wait", "wait for 1 s", "notify", "notify all", "release"),
    "barrier": ("wait", "wait", "wait for 1 s", "reset", "abort"),
    "queue": ("put", "get", "try to get", "get for 1 s", "empty"),
    "short queue": ("put", "try to put", "put for 1 s", "get", "try to get", "get for 1 s"),
    "pipe": ("send", "recv", "poll", "poll for 1 s"),
    "store": ("load", "save", "load and save"),
    "clock": ("sleep",),
}
"""What can be done to each kind of object."""

RAISED = (ValueError, AssertionError, queue.Empty, queue.Full, TornRead, RuntimeError)


class Drawn(Scenario):
    """Does what the program says."""

    program: str = "[[], [[]]]"
    outcomes = {"ok": ok("every actor came to its end")}
    stores = ("json_file", "atomic_json_file")

    def shared(self, make):
        for place, kind in enumerate(json.loads(self.program)[0]):
            name = str(place)
            if kind == "barrier":
                make.barrier(name, 2)
            elif kind == "short queue":
                make.queue(name, 1)
            elif kind not in ("store", "clock"):
                getattr(make, kind)(name)

    def setup(self, world):
        world.store.write({"x": 0})

    def section(self, world, actor):
        kinds, actors = json.loads(self.program)
        return [self._seen(world, kinds[place], what, place) for what, place in actors[actor]]

    def _seen(self, world, kind, what, place):
        named = {"short queue": "queue"}.get(kind, kind)
        thing = None if kind in ("store", "clock") else getattr(world, named)(str(place))
        thing = thing.get_lock() if kind == "value" and what in ("acquire", "release") else thing
        try:
            return SEEN[what](thing, world)
        except RAISED as error:
            return type(error).__name__

    def judge(self, world, returns):
        try:
            left = world.store.read()["x"]
        except TornRead:
            left = "torn"
        return Judgement("ok", {"returns": repr(returns), "left": left})


Program = tuple[Sequence[str], Sequence[Sequence[tuple[str, int]]]]


def drawn(choice: Callable[[Sequence[Any]], Any], most: int = 5) -> Program:
    """A program of 2 or 3 actors, each of up to `most` operations on up to 3 objects; `choice` chooses everything."""
    kinds = [choice(list(VERBS)) for _ in range(choice([1, 2, 3]))]
    actors = []
    for _ in range(choice([2, 2, 3])):
        places = [choice(range(len(kinds))) for _ in range(choice(range(1, most + 1)))]
        actors.append([(choice(VERBS[kinds[place]]), place) for place in places])
    return kinds, actors


def session_of(program: Program, store: str = "atomic_json_file") -> SimulatedSession:
    scenario = Drawn(program=json.dumps(program))
    cell = Cell("drawn", scenario, guard_named("none"), store_named(store), len(program[1]), "simulated")
    return SimulatedSession(cell, is_timed=False)


class Ending(NamedTuple):
    """What an execution came to: what was returned and left behind, or who waits for what."""

    outcome: str
    detail: str
    returned: str
    left: Any
    waiting: tuple[Any, ...]


class Endings(NamedTuple):
    """All endings of a program, and how many executions there were, of which so many were cut."""

    found: set[Ending]
    executions: int
    cut: int


def ending(execution: Execution) -> Ending:
    trial, waiting = execution.trial, []
    if execution.ending.kind != "done":
        waiting = [(operation.actor, operation.kind, operation.objects) for operation in execution.ending.waiting]
    measures = trial.measures
    return Ending(
        trial.outcome, trial.detail, measures.get("returns", ""), measures.get("left"), tuple(sorted(waiting))
    )


def endings(program: Program, scheduler: Scheduler, most: int, store: str = "atomic_json_file") -> Endings | None:
    """What a search comes to; None if it has more than so many executions."""
    session, found, executions, cut = session_of(program, store), set(), 0, 0
    try:
        while scheduler.begin():
            if executions == most:
                return None
            execution = session.execute(scheduler)
            scheduler.end(execution.ending.waiting)
            executions += 1
            if execution.ending.kind == "cut":
                cut += 1
            else:
                found.add(ending(execution))
    finally:
        session.close()
    return Endings(found, executions, cut)
