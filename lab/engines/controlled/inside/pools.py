"""`multiprocessing.Pool` without its threads: its workers run the loop that Python has for them."""

from __future__ import annotations

import multiprocessing
import multiprocessing.pool as pool
import multiprocessing.util as util
import os
from collections.abc import Callable, Iterable
from typing import Any

from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.work import Key, Tasks, Work, in_place_of, in_turn, silent


class _Results:
    """In the place of the pipe into which a worker of a Pool puts."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def put(self, result: tuple[int, int, Any]) -> None:
        """Job, place in it, and whether it succeeded, with what."""
        job, place, outcome = result
        self._work.give((job, place), outcome)


class _Submitter:
    """In the place of the queue from which the thread of a Pool takes tasks to hand out."""

    def __init__(self, work: Work, cache: dict[int, Any]) -> None:
        self._work, self._cache = work, cache

    def put(self, batch: tuple[Iterable[Any], Callable[[int], None] | None]) -> None:
        """Hand out all of it, as `Pool._handle_tasks` does."""
        tasks, set_length = batch
        place = -1
        for task in tasks:
            job, place = task[:2]
            result = self._cache[job]
            try:
                self._work.submit((job, place), task, lambda outcome, at=place, of=result: of._set(at, outcome))  # type: ignore[misc]
            except Exception as error:  # noqa: BLE001 - whatever pickling raises is this task's result
                self._work.waiting.pop((job, place), None)
                result._set(place, (False, error))
        if set_length is not None:
            set_length(place + 1)


class _Arrival:
    """In the place of the Event of a result."""

    def __init__(self, work: Work, job: int) -> None:
        self._work, self._job = work, job
        self._is_set = self._was_waited_for = False

    def _keys(self) -> list[Key]:
        return [key for key in self._work.waiting if key[0] == self._job]

    def set(self) -> None:
        """All is there."""
        self._is_set = True

    def is_set(self) -> bool:
        """True if all is there."""
        if not self._is_set and not self._was_waited_for:
            self._work.look(self._keys())
        self._was_waited_for = False
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        """Collect all of it."""
        if not self._is_set:
            self._was_waited_for = True
            self._work.collect(self._keys(), timeout=timeout)
        return self._is_set


class _Turn:
    """In the place of the Condition of an iterator over results."""

    def __init__(self, work: Work, results: Any) -> None:
        self._work, self._results = work, results

    def __enter__(self) -> None:
        """There is no other thread."""

    def __exit__(self, *_: object) -> None:
        """So nothing is let go."""

    def notify(self) -> None:
        """Who waited looks by itself."""

    def wait(self, timeout: float | None = None) -> None:
        """Collect the next one."""
        job = self._results._job
        if isinstance(self._results, pool.IMapUnorderedIterator):
            keys = [key for key in self._work.waiting if key[0] == job]
            self._work.collect(keys, is_any=True, timeout=timeout)
        else:
            self._work.collect([(job, self._results._index)], timeout=timeout)


def _open_pool(
    self: Any,
    processes: int | None = None,
    initializer: Callable[..., Any] | None = None,
    initargs: Iterable[Any] = (),
    maxtasksperchild: int | None = None,
    context: Any = None,
) -> None:
    """`Pool.__init__`, with its checks and without its threads."""
    self._pool, self._state, self._change_notifier = [], pool.INIT, None
    if isinstance(self, pool.ThreadPool):
        me.abandon("a ThreadPool")
    if maxtasksperchild is not None:
        me.abandon("a Pool that replaces its workers (maxtasksperchild)")
    if processes is None:
        processes = os.cpu_count() or 1
    if processes < 1:
        raise ValueError("Number of processes must be at least 1")
    if initializer is not None and not callable(initializer):
        raise TypeError("initializer must be a callable")
    self._ctx = context or multiprocessing.get_context()
    self._processes, self._cache = processes, {}
    self._work = work = Work(self._ctx)
    self._inqueue, self._outqueue, self._initializer, self._initargs = (
        Tasks(work),
        _Results(work),
        initializer,
        initargs,
    )
    self._maxtasksperchild = None
    self._taskqueue = _Submitter(work, self._cache)
    work.workers = self._pool
    self._repopulate_pool()
    for worker in work.workers:
        work.hire(worker)
    self._terminate = util.Finalize(self, work.terminate, exitpriority=15)
    self._state = pool.RUN


def _close_pool(self: Any) -> None:
    """`Pool.close`."""
    if self._state == pool.RUN:
        self._state = pool.CLOSE
        self._work.close()


def _join_pool(self: Any) -> None:
    """`Pool.join`, which takes in all that is still to come."""
    if self._state == pool.RUN:
        raise ValueError("Pool is still running")
    self._work.collect(self._work.waiting)
    self._work.join()
    self._terminate.cancel()


def _watched_result(raw: Callable[..., None]) -> Callable[..., None]:
    def made(self: Any, of: Any, callback: Any, error_callback: Any) -> None:
        raw(self, of, callback, error_callback)
        if callback or error_callback:
            me.doubt("a callback of a pool, which another thread would call")
        self._event = _Arrival(of._work, self._job)

    return made


def _watched_iterator(raw: Callable[..., None]) -> Callable[..., None]:
    def made(self: Any, of: Any) -> None:
        raw(self, of)
        self._cond = _Turn(of._work, self)

    return made


def _map(given: tuple[Callable[..., Any], Iterable[Any]]) -> list[Any]:
    function, calls = given
    return [function(call) for call in in_turn(calls)]


def _starmap(given: tuple[Callable[..., Any], Iterable[Any]]) -> list[Any]:
    function, calls = given
    return [function(*call) for call in in_turn(calls)]


def install() -> None:
    """Before the script makes any."""
    kinds: Any = pool
    kinds.Pool.__init__, kinds.Pool.close, kinds.Pool.join = _open_pool, _close_pool, _join_pool
    kinds.ApplyResult.__init__ = _watched_result(kinds.ApplyResult.__init__)
    kinds.IMapIterator.__init__ = _watched_iterator(kinds.IMapIterator.__init__)
    kinds.mapstar, kinds.starmapstar = in_place_of(kinds.mapstar, _map), in_place_of(kinds.starmapstar, _starmap)
    kinds.ExceptionWithTraceback.__init__ = silent(kinds.ExceptionWithTraceback.__init__)
