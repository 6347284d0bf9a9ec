"""What a participant makes: the model of each kind of primitive, as it is told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lab.engines.controlled.actor import Actor
from lab.engines.controlled.memory import Memory
from lab.engines.controlled.messages import Feeder, Pipe, Queue, SimpleQueue
from lab.engines.controlled.pools import Pool
from lab.engines.controlled.semaphores import Semaphore
from lab.engines.controlled.signals import Barrier, Condition, Event
from lab.engines.controlled.step import Model
from lab.engines.controlled.threads import Signal, ThreadBarrier, ThreadCondition, ThreadEvent, ThreadLock

_SEMAPHORES = {
    "lock": Semaphore,
    "rlock": Semaphore,
    "semaphore": Semaphore,
    "thread lock": ThreadLock,
    "signal": Signal,
}


def made(
    name: str,
    kind: str,
    arguments: tuple[Any, ...],
    actor: Actor,
    models: dict[str, Model],
    add_feeder: Callable[[Feeder], None],
) -> Model:
    """The model of what this actor has made."""
    if kind in _SEMAPHORES:
        return _SEMAPHORES[kind](name, *arguments)
    match kind:
        case "event":
            return Event(name)
        case "thread event":
            return ThreadEvent(name, *arguments)
        case "condition" | "thread condition":
            lock = models[arguments[0]]
            assert isinstance(lock, Semaphore)
            return (Condition if kind == "condition" else ThreadCondition)(name, lock)
        case "barrier":
            return Barrier(name, *arguments)
        case "thread barrier":
            return ThreadBarrier(name, *arguments)
        case "queue":
            number = 1 + int(name.split()[1]) + 100 * actor.number
            return Queue(name, arguments[0], number, add_feeder)
        case "simple queue":
            return SimpleQueue(name)
        case "pool":
            return Pool(name)
        case "pipe":
            return Pipe(name, actor.process)
    return Memory(name, models)
