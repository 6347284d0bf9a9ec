"""`concurrent.futures.ProcessPoolExecutor` without its thread: its workers run the loop that Python has for them."""

from __future__ import annotations

import concurrent.futures._base as base
import concurrent.futures.process as executors
import multiprocessing
import multiprocessing.util as util
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.work import Tasks, Work, in_place_of, in_turn, silent


class _Breakable(Work):
    """Work that is lost as a whole when a worker ends by itself."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.futures: dict[Any, ControlledFuture] = {}
        self.is_broken = False

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "futures": {}}

    def begun(self) -> None:
        """If they are not forked Python may start fewer: whether one is idle, its thread finds out."""
        if me.messages and not self.is_forked:
            me.abandon("what a worker of an executor does before its first task, of which nobody knows how many start")

    def lost(self) -> None:
        """Whatever has no result is told so, and the other workers are killed."""
        self.is_broken = True
        for key in sorted(self.waiting):
            why = "A process in the process pool was terminated abruptly while the future was running or pending."
            self.futures[key].set_exception(executors.BrokenProcessPool(why))
        self.waiting.clear()
        for worker in self.workers:
            worker.terminate()


class _Returned:
    """In the place of the queue into which a worker of an executor puts."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def put(self, item: Any) -> None:
        """A result; the pid of who ends is of no use."""
        if not isinstance(item, int):
            self._work.give((item.work_id, 0), item)


class ControlledFuture(base.Future[Any]):
    """A future whose waits collect its result."""

    def __init__(self, work: Work, number: int) -> None:
        super().__init__()
        self.work, self.key = work, (number, 0)

    def arrived(self, item: Any) -> None:
        """Its result has come."""
        if item.exception is not None:
            self.set_exception(item.exception)
        else:
            self.set_result(item.result)

    def _collected(self, timeout: float | None) -> None:
        if not self.work.collect([self.key], timeout=timeout):
            raise base.TimeoutError

    def result(self, timeout: float | None = None) -> Any:
        """What it returned."""
        self._collected(timeout)
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What it raised."""
        self._collected(timeout)
        return super().exception(0)

    def done(self) -> bool:
        """True if it has ended."""
        return self.work.look([self.key]) if self.key in self.work.waiting else True

    def running(self) -> bool:
        """True if it is in the hands of a worker, which nobody knows."""
        return not self.done()

    def cancel(self) -> bool:
        """What a worker has in its hands can't be taken back, and nobody knows what that is."""
        if self.key in self.work.waiting:
            me.doubt("a future that is cancelled")
        return False

    def add_done_callback(self, fn: Callable[[Any], Any]) -> None:
        """It is called when the result is collected."""
        if self.key in self.work.waiting:
            me.doubt("a callback of a future, which another thread would call")
        super().add_done_callback(fn)


def _open_executor(
    self: Any,
    max_workers: int | None = None,
    mp_context: Any = None,
    initializer: Callable[..., Any] | None = None,
    initargs: tuple[Any, ...] = (),
    *,
    max_tasks_per_child: int | None = None,
) -> None:
    """`ProcessPoolExecutor.__init__`, with its checks and without its thread."""
    if max_tasks_per_child is not None:
        me.abandon("an executor that replaces its workers (max_tasks_per_child)")
    if max_workers is not None and max_workers <= 0:
        raise ValueError("max_workers must be greater than 0")
    if initializer is not None and not callable(initializer):
        raise TypeError("initializer must be a callable")
    self._max_workers = max_workers or os.cpu_count() or 1
    self._mp_context = mp_context or multiprocessing.get_context()
    self._begin = initializer, initargs
    self._work = _Breakable(self._mp_context)
    self._submitted, self._is_shut = 0, False
    self._at_exit = util.Finalize(None, _finish, args=(self._work,), exitpriority=15)


def _submit(self: Any, fn: Callable[..., Any], /, *arguments: Any, **named: Any) -> Any:
    """`ProcessPoolExecutor.submit`; the first starts all workers if they are forked, else each starts one."""
    if self._is_shut:
        raise RuntimeError("cannot schedule new futures after shutdown")
    work = self._work
    if work.is_broken:
        raise executors.BrokenProcessPool("A child process terminated abruptly, the process pool is not usable anymore")
    wanted = self._max_workers if work.is_forked else min(self._max_workers, len(work.workers) + 1)
    begin = (Tasks(work), _Returned(work), *self._begin, None)
    while len(work.workers) < wanted:
        worker = self._mp_context.Process(target=executors._process_worker, args=begin)
        worker.start()
        work.workers.append(worker)
        work.hire(worker)
    future = work.futures[self._submitted, 0] = ControlledFuture(work, self._submitted)
    self._submitted += 1
    item = executors._CallItem(future.key[0], fn, arguments, named)
    try:
        work.submit(future.key, item, future.arrived)
    except Exception as error:  # noqa: BLE001 - whatever pickling raises is this task's result
        work.waiting.pop(future.key, None)
        future.set_exception(error)
    return future


def _finish(work: Work) -> None:
    if work.workers:
        work.collect(work.waiting)
        work.close()
        work.join()


def _shutdown(self: Any, wait: bool = True, *, cancel_futures: bool = False) -> None:
    """`ProcessPoolExecutor.shutdown`; without waiting, the end of the process waits."""
    if cancel_futures and self._work.waiting:
        me.doubt("futures that are cancelled")
    self._is_shut = True
    if wait and self._at_exit.still_active():
        self._at_exit()


def _collect_futures(fs: Iterable[Any], *, is_any: bool, timeout: float | None) -> None:
    """Collect the results of those that are controlled; of one pool."""
    pending = [one for one in fs if isinstance(one, ControlledFuture) and one.key in one.work.waiting]
    if len({id(one.work) for one in pending}) > 1:
        me.abandon("a wait for the futures of several pools")
    if pending:
        pending[0].work.collect([one.key for one in pending], is_any=is_any, timeout=timeout)


def as_completed(fs: Iterable[Any], timeout: float | None = None) -> Iterator[Any]:
    """`concurrent.futures.as_completed`."""
    left = sorted(set(fs), key=lambda one: one.key if isinstance(one, ControlledFuture) else (0, 0))
    while left:
        done = [one for one in left if not isinstance(one, ControlledFuture) or one.key not in one.work.waiting]
        if not done:
            _collect_futures(left, is_any=True, timeout=timeout)
            done = [one for one in left if one.key not in one.work.waiting]
            if not done:
                raise base.TimeoutError(f"{len(left)} futures unfinished")
        yield done[0]
        left.remove(done[0])


def wait(fs: Iterable[Any], timeout: float | None = None, return_when: str = base.ALL_COMPLETED) -> Any:
    """`concurrent.futures.wait`."""
    fs = set(fs)
    if return_when == base.FIRST_EXCEPTION:
        me.abandon("a wait for the first exception of several futures")
    is_any = return_when == base.FIRST_COMPLETED
    arrived = {one for one in fs if not isinstance(one, ControlledFuture) or one.key not in one.work.waiting}
    if not (is_any and arrived):
        _collect_futures(fs, is_any=is_any, timeout=timeout)
    done = {one for one in fs if not isinstance(one, ControlledFuture) or one.key not in one.work.waiting}
    return base.DoneAndNotDoneFutures(done, fs - done)


def _process_chunk(fn: Callable[..., Any], chunk: Iterable[Any]) -> list[Any]:
    return [fn(*call) for call in in_turn(chunk)]


def install() -> None:
    """Before the script makes any."""
    own: Any = executors
    own.ProcessPoolExecutor.__init__, own.ProcessPoolExecutor.submit = _open_executor, _submit
    own.ProcessPoolExecutor.shutdown = _shutdown
    own._process_chunk = in_place_of(own._process_chunk, _process_chunk)
    own._ExceptionWithTraceback.__init__ = silent(own._ExceptionWithTraceback.__init__)
