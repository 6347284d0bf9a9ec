"""The real engine and its sessions: lanes of crews, and the one loop that waits for all of them."""

from __future__ import annotations

import contextlib
import resource
import select
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from itertools import count, islice
from multiprocessing import forkserver
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.cell import Cell
from lab.engines import scratch
from lab.engines.cores import usable_cores
from lab.engines.real.awake import AwakeCores
from lab.engines.real.interrupts import held_back
from lab.engines.real.lane import Lane
from lab.engines.rows import default_timeout_s
from lab.errors import OutputError, UsageError
from lab.trial import Trial


class RealEngine:
    """Runs trials on persistent worker processes, released together for each trial.

    A context manager; on leaving it no process, semaphore or folder of it is left. `seed` is the experiment's;
    `directory` is where the stores' files live (default: in memory, where there is a tmpfs). `home` is the folder of
    its run, while it is entered.
    """

    def __init__(self, seed: int = 1, directory: Path | None = None) -> None:
        self._seed = seed
        self._directory = directory
        self._sessions = count()
        self._awake: AwakeCores | None = None

    def __enter__(self) -> Self:
        if not sys.platform.startswith("linux"):
            raise UsageError(
                f"the real engine needs Linux (eventfd, pidfd), found {sys.platform}. Run it in a container or a "
                "virtual machine."
            )
        self.home = _root(scratch.tmpfs())
        try:
            self._files = _root(self._directory) if self._directory else self.home
        except OutputError:
            scratch.sweep(self.home)
            raise
        self._had_forkserver = forkserver._forkserver._forkserver_pid is not None  # type: ignore[attr-defined]
        self._limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        hard = self._limits[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self._janitor = scratch.Janitor([self.home, self._files])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with held_back():
            if not self._had_forkserver:
                # Its socket is in the folder that goes now.
                forkserver._forkserver._stop()  # type: ignore[attr-defined]
            if self._awake is not None:
                self._awake.end()
            for root in (self.home, self._files):
                scratch.sweep(root)
            self._janitor.dismiss()
            resource.setrlimit(resource.RLIMIT_NOFILE, self._limits)

    def open(self, cell: Cell, lanes: int = 1, timeout_s: float | None = None) -> RealSession:
        """A session of so many trials side by side; a trial that takes longer than `timeout_s` is a hang."""
        number = next(self._sessions)
        places = [root / f"{number}" for root in (self.home, self._files)]
        limit = timeout_s or default_timeout_s(cell)
        return RealSession(cell, lanes, self._seed, limit, places[0], places[1] / "files", self._cores_for(cell))

    def _cores_for(self, cell: Cell) -> AbstractContextManager[None]:
        if cell.alignment != "awake":
            return contextlib.nullcontext()
        if self._awake is None:
            with held_back():
                self._awake = AwakeCores(usable_cores())
                pids = self.home / "awake" / "pids"
                pids.mkdir(parents=True)
                (pids / "0").write_text(scratch.identity(self._awake.pid))
        return self._awake


def _root(parent: Path) -> Path:
    try:
        return scratch.make_root(parent)
    except OSError as error:
        raise OutputError(f"can't make a folder in {parent}: {error.strerror}. Try --dir with another one.") from error


class RealSession:
    """Lanes of one cell; `cores` is entered while they run."""

    def __init__(
        self,
        cell: Cell,
        lanes: int,
        seed: int,
        timeout_s: float,
        home: Path,
        files: Path,
        cores: AbstractContextManager[None],
    ) -> None:
        self._cores = cores
        self._lanes: list[Lane] = []
        self._watched: dict[Lane, list[int]] = {}
        self._lane_of: dict[int, Lane] = {}
        # poll, not epoll: a closed descriptor stays in an epoll as long as some forked worker has it open.
        self._poll = select.poll()
        try:
            for number in range(lanes):
                self._lanes.append(Lane(cell, number, seed, timeout_s, home, files))
            for lane in self._lanes:
                lane.await_ready()
                self._watch(lane)
        except BaseException:
            self.close()
            raise

    def run(self, trials: Iterable[int]) -> Iterator[Trial]:
        """Run the trials with these numbers, and yield each as it ends."""
        numbers = iter(trials)
        busy: set[Lane] = set()
        with self._cores:
            for lane in self._lanes:
                yield from self._begin(lane, numbers, busy)
            while busy:
                for lane, rows in self._next(busy):
                    yield from rows
                    if not lane.is_busy:
                        busy.discard(lane)
                        yield from self._begin(lane, numbers, busy)

    def close(self) -> None:
        """End every process and remove every file of the session."""
        with held_back():
            for lane in self._lanes:
                lane.kill()
            for lane in self._lanes:
                lane.close()
            # Named semaphores go with the last who has them.
            for held in (self._lanes, self._watched, self._lane_of):
                held.clear()

    def _begin(self, lane: Lane, numbers: Iterator[int], busy: set[Lane]) -> Iterator[Trial]:
        while stride := list(islice(numbers, lane.stride)):
            yield from lane.begin(stride)
            if lane.is_busy:
                busy.add(lane)
                return

    def _next(self, busy: set[Lane]) -> Iterator[tuple[Lane, list[Trial]]]:
        """Wait for something to happen, and yield the rows of what ended by it."""
        first_deadline = min([lane.deadline for lane in busy])
        ready = self._poll.poll(max(0.0, first_deadline - time.monotonic()) * 1000)
        lanes = [self._lane_of[descriptor] for descriptor, _ in ready]
        for lane, crew, (descriptor, _) in zip(lanes, [lane.crew for lane in lanes], ready, strict=True):
            # An event of a crew that went with an earlier event of this round may bear a number of the new crew's.
            if lane.crew is crew:
                yield lane, self._ended(lane, descriptor, lane in busy)
        if first_deadline <= time.monotonic():
            # Only those of which nothing is to be heard: an end that came in time may not have been looked at yet.
            for lane in [lane for lane in busy if lane.is_overdue() and lane.crew.is_silent()]:
                rows = lane.hang()
                self._watch(lane)
                yield lane, rows

    def _ended(self, lane: Lane, descriptor: int, is_busy: bool) -> list[Trial]:
        rows: list[Trial] = []
        if descriptor == lane.crew.done:
            rows = lane.finish()
        elif is_busy:
            rows = lane.crash(descriptor)
        else:
            lane.replace_crew()
        if self._watched[lane] is not lane.crew.descriptors:
            self._watch(lane)
        return rows

    def _watch(self, lane: Lane) -> None:
        """Watch the crew that the lane has now, instead of the one it had."""
        for descriptor in self._watched.get(lane, ()):
            self._poll.unregister(descriptor)
            del self._lane_of[descriptor]
        self._watched[lane] = lane.crew.descriptors
        for descriptor in self._watched[lane]:
            self._poll.register(descriptor, select.POLLIN)
            self._lane_of[descriptor] = lane
