"""Work that a pool hands out: the controller has the tasks, workers take them, whoever waits for a result collects it.

So a pool needs none of the threads that Python gives it. What only such a thread would do at a time of its own, such as
to take a result in that nobody has waited for, leaves no proof.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from multiprocessing.context import assert_spawning
from multiprocessing.reduction import ForkingPickler
from pickle import loads
from typing import Any, ClassVar, TypeVar

from lab.engines.controlled.inside import processes
from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.clock import pass_s
from lab.engines.controlled.inside.queues import packed, unpacked

T = TypeVar("T")
Key = tuple[int, int]
"""Of a task and its result: the number of the job, and the place in it."""

_CLOSE, _KILL = "close", "kill"


class Work:
    """What a pool and its workers share: tasks that go out, and results that come in."""

    def __init__(self, context: Any) -> None:
        self.is_forked = context.get_start_method() == "fork"
        self.identity = me.make("pool")
        self.waiting: dict[Key, Callable[[Any], None]] = {}
        """What is to be done with each result that has not been collected."""
        self.workers: list[Any] = []

    def __getstate__(self) -> dict[str, Any]:
        assert_spawning(self)
        return {**vars(self), "waiting": {}, "workers": []}

    def hire(self, worker: Any) -> None:
        """It has been started. If it ends before it takes a task, that is noticed as well."""
        me.tell("hire", self.identity, processes.number_of(worker.pid))

    def begun(self) -> None:
        """In a worker that has done all that it does before the first task."""

    def submit(self, key: Key, task: Any, arrived: Callable[[Any], None]) -> None:
        """Hand a task out; raises what pickling it raises."""
        data = bytes(ForkingPickler.dumps(task))
        self.waiting[key] = arrived
        me.ask_about(data, self.identity, "submit", key, packed(data))
        me.told("result", called(key))

    def take(self) -> Any:
        """The next task, in a worker; None at the end."""
        taken = me.ask(self.identity, "take")
        if taken == _KILL:
            processes.controlled_exit(0)
        if taken == _CLOSE:
            return None
        key, data = taken
        me.told("result", called(key))
        return loads(unpacked(data))

    def give(self, key: Key, result: Any) -> None:
        """A result, from a worker; raises what pickling it raises."""
        data = bytes(ForkingPickler.dumps(result))
        me.ask_about(data, self.identity, "give", key, packed(data))
        me.told("result", f"the result of {called(key)}")

    def collect(self, keys: Iterable[Key], *, is_any: bool = False, timeout: float | None = None) -> bool:
        """Wait for all of these results, or for any; False if they did not come in time."""
        wanted = sorted(key for key in keys if key in self.waiting)
        if not wanted:
            return True
        if timeout is not None and timeout <= 0:
            return self.look(wanted)
        found = me.ask(self.identity, "collect", wanted, is_any, timeout is not None)
        if found is None:
            self.lost()
            return True
        if not found:
            pass_s(timeout or 0.0)
            return False
        me.told("result", "the results of " + ", ".join(called(key) for key, _ in found))
        self._arrive(found)
        return True

    def lost(self) -> None:
        """A worker has ended by itself, and a task with it: where another takes its place, nobody controls that."""
        me.abandon("a worker of a pool that ends by itself")

    def look(self, keys: Iterable[Key]) -> bool:
        """Take in what has come of these results; True if that is all. A pool's thread might not be so far."""
        me.doubt("a look whether a pool has a result, which its own thread may not have taken in")
        wanted = sorted(key for key in keys if key in self.waiting)
        self._arrive(me.ask(self.identity, "look", wanted))
        return not any(key in self.waiting for key in wanted)

    def _arrive(self, found: Iterable[tuple[Key, Any]]) -> None:
        for key, data in found:
            self.waiting.pop(key)(loads(unpacked(data)))

    def close(self) -> None:
        """Let the workers end when all is done."""
        me.ask(self.identity, "close", _CLOSE)

    def terminate(self) -> None:
        """Kill the workers: those who have nothing left to do but to wait are asked to end at once instead."""
        if not self.waiting:
            me.ask(self.identity, "close", _KILL)
        else:
            for worker in self.workers:
                worker.terminate()
        self.join()

    def join(self) -> None:
        """Wait until all workers have ended."""
        for worker in self.workers:
            worker.join()


def called(key: Key) -> str:
    """`task 1.1`: the number of the job, and of the task in it."""
    return f"task {key[0] + 1}.{key[1] + 1}"


class Tasks:
    """In the place of the queue from which a worker gets."""

    current: ClassVar[Work | None] = None
    """That of the worker which this process is."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def get(self, block: bool = True) -> Any:
        """The next; None at the end."""
        if Tasks.current is not self._work:
            # What a worker does before is no part of a task, and it need not go on with one at once.
            Tasks.current = self._work
            self._work.begun()
            me.ask(self._work.identity, "ready")
        return self._work.take()


def in_turn(calls: Iterable[T]) -> Iterator[T]:
    """The calls of one task: between two of them others may have their turn, as between two tasks."""
    for place, call in enumerate(calls):
        if place and Tasks.current is not None:
            me.ask(Tasks.current.identity, "next")
            me.told("result", "call")
        yield call


def in_place_of(raw: Any, made: Callable[..., Any]) -> Any:
    """A function that is pickled as the one whose place it takes."""
    made.__module__, made.__qualname__, made.__name__ = raw.__module__, raw.__qualname__, raw.__name__
    return made


def silent(raw: Any) -> Any:
    """Of an exception that goes to another process the traceback is formatted, from source files: that is our own."""

    def made(self: Any, *arguments: Any) -> None:
        with me:
            raw(self, *arguments)

    return made
