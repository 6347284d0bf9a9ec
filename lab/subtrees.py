"""Exploration on several cores: subtrees of one search by partial-order reduction, each in a process for a while.

The coordinator keeps the nodes. A task is a path of nodes with a choice at each; a worker explores what follows, for a
slice of time, and hands back the nodes that it has not finished and the choices that its races ask for at nodes of the
path. What was given out at a node sleeps for what is given out there later, as if it had been explored before: so every
class of executions is completed once, by whoever it may be.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import NamedTuple

from lab.engines import scratch
from lab.scheduler import Key, Operation
from lab.schedulers.dpor import Dpor, Node, Reversal
from lab.search import Limits, Session, Tally, Told, search

SLICE_S = 0.25
"""Seconds of a task: long beside what it costs to hand it over, short beside a budget."""


class Long(Exception):
    """Raised where it is told how a search goes on: it has had the time for which it is alone, and others help it."""


class Task(NamedTuple):
    """A path of nodes with what is chosen at each, and what sleeps at its end."""

    nodes: Sequence[Node]
    chosen: Sequence[Operation]
    sleeping: dict[Key, Operation]

    def copies(self) -> list[Node]:
        """The path as the worker needs it."""
        copies = [Node(node.enabled, {}) for node in self.nodes]
        for copy, operation in zip(copies, self.chosen, strict=True):
            copy.take(operation.key)
        copies[-1].sleeping = self.sleeping
        return copies


class Report(NamedTuple):
    """What a worker hands back: what it has seen, nodes that it has not finished, and races at nodes of the path."""

    tally: Tally
    left: Sequence[Node]
    reversals: Sequence[Reversal]


def search_subtrees(
    open_session: Callable[[], Session], begun: Dpor, tally: Tally, limits: Limits, told: Told, jobs: int
) -> str:
    """Finish a search that `begun` has begun, in so many processes; returns as `search` does, or that a process died.

    `open_session` is called once in each process, which is forked from this one.
    """
    tasks = _tasks([], begun.left(), [])
    running: dict[Future[Report], Task] = {}
    granted: dict[Future[Report], int] = {}
    """The executions that the tasks under way may still use, if there is a limit."""
    end = None if limits.seconds is None else time.monotonic() + limits.seconds - limits.used_s
    pool = ProcessPoolExecutor(jobs, get_context("fork"), _become_worker, (open_session, tally.is_reduced, os.getpid()))
    try:
        _start(pool)
        while tasks or running:
            if limits.executions is not None and tally.executions >= limits.executions:
                return f"the budget of {limits.executions:,} executions is spent"
            if end is not None and time.monotonic() > end:
                return f"the budget of {limits.seconds:g} s is spent"
            while tasks and len(running) < 2 * jobs:
                grant = _grant(limits, tally.executions + sum(granted.values()), jobs)
                if grant == 0:
                    break
                task = tasks.pop()
                future = pool.submit(_explore, task.copies(), grant)
                running[future], granted[future] = task, grant or 0
            done, _ = wait(running, timeout=SLICE_S, return_when=FIRST_COMPLETED)
            for future in done:
                task, report = running.pop(future), future.result()
                del granted[future]
                tally.merge(report.tally)
                told(tally)
                if tally.is_stopped:
                    return ""
                for reversal in report.reversals:
                    task.nodes[reversal.place].reverse(reversal.firsts, reversal.later)
                tasks += _tasks(task.nodes, report.left, task.chosen)
    except BrokenProcessPool:
        return "a process that searched a part was killed"
    finally:
        _end(pool)
        scratch.sweep_stale(scratch.tmpfs())
    return ""


def _start(pool: ProcessPoolExecutor) -> None:
    """Start its processes, and leave to them their ends of its pipes.

    As long as this process had them as well, half a report, or a task that nobody takes, would be waited for when they
    are killed. Nor can it be done only then: newer Pythons do it, in a thread, when a process has died.
    """
    pool.submit(os.getpid)  # those of a fork are all started with the first task
    pool._result_queue._writer.close()  # type: ignore[attr-defined]
    pool._call_queue._reader.close()  # type: ignore[attr-defined]


def _end(pool: ProcessPoolExecutor) -> None:
    """End it at once, whatever its processes are in the middle of."""
    for process in list(pool._processes.values()):
        process.kill()
    pool.shutdown(cancel_futures=True)


def _grant(limits: Limits, given: int, jobs: int) -> int | None:
    """How many executions the next task may use, so that all together keep to the limit; None if there is none."""
    if limits.executions is None:
        return None
    left = max(0, limits.executions - given)
    return min(left, max(1, left // (2 * jobs)))


def _tasks(path: Sequence[Node], left: Sequence[Node], chosen: Sequence[Operation]) -> list[Task]:
    """Give out all that is still to be tried at these nodes, the deepest last."""
    for node in left:
        if node.tried[node.chosen.key]:
            node.sleeping[node.chosen.key] = node.chosen
    nodes = [*path, *left]
    choices = [*chosen, *(node.chosen for node in left)]
    found = []
    for depth, node in enumerate(nodes):
        while (key := node.next_key()) is not None:
            operation = node.enabled[node.places[key]]
            found.append(Task(nodes[: depth + 1], [*choices[:depth], operation], dict(node.sleeping)))
            node.tried[key] = True
            node.sleeping[key] = operation
    return found


# In a worker ---------------------------------------------------------------------------------------------------------


class _Worker:
    """What a process keeps from task to task."""

    session: Session
    is_reduced: bool
    executions = 16
    """Of a task; it follows the speed, so that a task takes a slice of time."""


def _become_worker(open_session: Callable[[], Session], is_reduced: bool, coordinator: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with, args=(os.pidfd_open(coordinator),), daemon=True).start()
    _Worker.session = open_session()
    _Worker.is_reduced = is_reduced


def _die_with(process: int) -> None:
    # A worker of a pool waits for tasks for ever: all workers hold the end at which they would come in.
    select.select([process], [], [])
    os.kill(os.getpid(), signal.SIGKILL)


def _explore(path: Sequence[Node], grant: int | None) -> Report:
    start, tally, dpor = time.monotonic(), Tally(_Worker.is_reduced), Dpor(path)
    most = _Worker.executions if grant is None else min(_Worker.executions, grant)
    search(_Worker.session, dpor, tally, Limits(most, None), lambda tally: None, run_twice=0)
    if tally.executions == _Worker.executions:
        faster = SLICE_S / max(time.monotonic() - start, 1e-6)
        _Worker.executions = max(1, int(_Worker.executions * min(4.0, faster)))
    return Report(tally, dpor.left(), dpor.reversals)
