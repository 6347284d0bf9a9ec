"""A crew: the workers of one lane, with the primitives and the memory that they share. Built, and ended, as a whole.

Starting and ending have two halves each, so that the crews of many lanes can do the slow half side by side.

When one of them dies the others may wait for it for ever, and nothing tells what it held: so all go, with all that
they shared, and a new crew is built.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import select
import shutil
import signal
import time
import warnings
from collections.abc import Iterator
from multiprocessing import process
from pathlib import Path
from typing import Any

from lab.cell import Cell
from lab.engines import scratch
from lab.engines.cores import usable_cores
from lab.engines.real.interrupts import held_back
from lab.engines.real.primitives import RealMaker
from lab.engines.real.slots import Slots
from lab.engines.real.worker import Descriptor, Job, work
from lab.errors import OutputError, UsageError

_READY_S = 60

_STRIDE = 32
"""Trials that follow each other for one release where nothing stands between them."""


def most_in_stride(cell: Cell, maker: RealMaker) -> int:
    """How many trials a crew can do at most without its coordinator.

    More than one if aligned actors can spin from one to the next, each on a core of its own, have a record in the
    memory of each trial, and share nothing else but primitives of which one look sees that they are as declared.
    """
    spins = cell.alignment == "aligned" and cell.processes <= len(usable_cores())
    is_at_once = cell.scenario.longest_serial_s(cell.processes) == 0
    is_seen = maker.looks is not None and not cell.guard.services() and cell.scenario.stays_in_world
    is_in_slots = cell.store is None or cell.store.is_in_integers
    return _STRIDE if spins and is_at_once and is_seen and is_in_slots else 1


class Crew:
    """Workers that wait to be released, once `await_ready` has returned.

    `home` is the crew's own folder, `files` the one for the store's files.
    """

    def __init__(self, cell: Cell, home: Path, files: Path) -> None:
        self.cell = cell
        self._home, self._files = home, files
        (home / "pids").mkdir(parents=True)
        files.mkdir(parents=True, exist_ok=True)
        self.done = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._go = [os.eventfd(0, os.EFD_CLOEXEC | os.EFD_SEMAPHORE) for _ in range(2)]
        self._turn = 0
        self._workers: list[Any] = []
        self._is_closed = False
        self.deaths: dict[int, Any] = {}
        context = multiprocessing.get_context(cell.start_method)
        self.maker = RealMaker(context, cell.processes, home)
        try:
            self.participants = cell.processes + len(cell.guard.services())
            with _names_under(home), held_back():
                self._before_last = context.Semaphore(0)
                self._declare()
                trials = most_in_stride(cell, self.maker)
                self.slots = [Slots(home / f"slots-{trial}", self.participants) for trial in range(trials)]
                self._start(context)
        except OSError as error:
            self.close()
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
                raise OutputError(f"no room for a crew in {home}: {error.strerror}. Make room there.") from error
            raise UsageError(
                f"can't start {cell.processes} processes: {error.strerror}. Try fewer --processes, or --lanes 1."
            ) from error
        except BaseException:
            self.close()
            raise
        self.descriptors = [self.done, *self.deaths]
        """What is readable when something happened: `done`, and a death for each worker."""

    @property
    def primitives(self) -> dict[tuple[str, str], Any]:
        """What `shared` declared."""
        return self.maker.primitives

    def release(self) -> None:
        """Let every actor do its trials, one or a stride; `done` is readable when the last of them is done.

        All but the last find a token to take, so that the coordinator is woken once and not by every actor: it would
        take a core away from those who are still at work.
        """
        for _ in range(self.cell.processes - 1):
            self._before_last.release()
        os.eventfd_write(self._go[self._turn], self.cell.processes)
        self._turn ^= 1

    def gather(self) -> int:
        """Take what workers have told by `done` since the last call: 1 for a trial, 1 for each that became ready."""
        try:
            return os.eventfd_read(self.done)
        except BlockingIOError:
            return 0

    def is_silent(self) -> bool:
        """True if no worker has told that it is done, or died, since the last look."""
        poll = select.poll()
        for descriptor in self.descriptors:
            poll.register(descriptor, select.POLLIN)
        return not poll.poll(0)

    def ending(self, death: int) -> str:
        """How the worker of this death ended."""
        code = _exit_code(self.deaths[death])
        return f"exit code {code}" if code >= 0 else signal.Signals(-code).name

    def kill(self) -> None:
        """End every worker and all that it started, without waiting for it."""
        if self._is_closed:
            return
        for worker in self._workers:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(worker.pid, signal.SIGKILL)
            worker.kill()

    def close(self) -> None:
        """End every worker, and remove the crew's folders; to be called again does nothing."""
        if self._is_closed:
            return
        self.kill()
        self._is_closed = True
        for worker in self._workers:
            worker.join()
            worker.close()
        for descriptor in (*self.deaths, self.done, *self._go):
            os.close(descriptor)
        self.maker.close()
        shutil.rmtree(self._home, ignore_errors=True)
        shutil.rmtree(self._files, ignore_errors=True)

    def _declare(self) -> None:
        self.cell.scenario.shared(self.maker)
        self.cell.guard.shared(self.maker)
        if self.cell.store is not None and self.cell.store.needs_lock:
            self.maker.lock("store")

    def _start(self, context: Any) -> None:
        job = Job(
            scenario=self.cell.scenario,
            guard=self.cell.guard,
            store=self.cell.store,
            processes=self.cell.processes,
            participants=self.participants,
            is_aligned=self.cell.alignment == "aligned",
            coordinator=scratch.identity(os.getpid()),
            slots=tuple(slots.path for slots in self.slots),
            pids=str(self._home / "pids"),
            files=str(self._files),
            primitives=self.primitives,
            looks=tuple(self.maker.looks or ()),
            go=(Descriptor(self._go[0]), Descriptor(self._go[1])),
            before_last=self._before_last,
            done=Descriptor(self.done),
        )
        with warnings.catch_warnings():
            # Python warns of a fork where the caller has threads (numpy's, a notebook's). The workers run this code
            # alone and take none of their locks.
            warnings.simplefilter("ignore", DeprecationWarning)
            for participant in range(job.participants):
                worker = context.Process(target=work, args=(job, participant))
                worker.start()
                self._workers.append(worker)
                self.deaths[os.pidfd_open(worker.pid)] = worker

    def await_ready(self) -> bool:
        """Wait until every worker can be released. False, and the crew is closed, if one was killed before.

        UsageError if one could not start at all.
        """
        poll = select.poll()
        for descriptor in self.descriptors:
            poll.register(descriptor, select.POLLIN)
        missing, end = len(self._workers), time.monotonic() + _READY_S
        while missing > 0:
            ready = [descriptor for descriptor, _ in poll.poll(max(0.0, end - time.monotonic()) * 1000)]
            missing -= self.gather()
            dead = [self.deaths[descriptor] for descriptor in ready if descriptor in self.deaths]
            if missing > 0 and (dead or not ready):
                codes = [_exit_code(worker) for worker in dead]
                self.close()
                if codes and codes[0] < 0:
                    return False
                raise UsageError(
                    f"a worker of {self.cell} did not start by {self.cell.start_method}; its message stands above. "
                    + _HINTS.get(self.cell.start_method, _IMPORTS_ANEW)
                )
        return True


_IMPORTS_ANEW = (
    "By spawn and forkserver every process imports the program's main module anew: guard what it runs with "
    "`if __name__ == '__main__':`, or try --start-method fork."
)
_HINTS = {"fork": "Is there room in memory and on tmpfs?"}


def _exit_code(worker: Any) -> int:
    worker.join()
    return int(worker.exitcode)


@contextlib.contextmanager
def _names_under(home: Path) -> Iterator[None]:
    """Let multiprocessing name semaphores and temporary folders after the run, so that they can be swept.

    It keeps the names in a private dictionary that each process has; there is no call to set them.
    """
    config: dict[str, Any] = process.current_process()._config  # type: ignore[attr-defined]
    before = dict(config)
    root = scratch.root_of(home)
    config["semprefix"] = f"/{root.name}-"
    config["tempdir"] = str(root)
    try:
        yield
    finally:
        config.clear()
        config.update(before)
