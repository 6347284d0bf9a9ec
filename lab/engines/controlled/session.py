"""A session of the controlled engine: one script, whose executions run on real processes under any scheduler."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.engines.controlled.checkpoint import Checkpoint
from lab.engines.controlled.controller import Controller
from lab.engines.controlled.ending import (
    Judge,
    State,
    compared,
    exception,
    failure,
    placeless,
    printed_by,
    state_of,
    unique_names,
)
from lab.engines.controlled.folder import Folder
from lab.engines.controlled.hearing import listening
from lab.engines.controlled.inside.paths import MAPPED
from lab.engines.controlled.parent import WarmParent
from lab.engines.controlled.source import Source
from lab.engines.cores import usable_cores
from lab.engines.scratch import SHARED_MEMORY
from lab.execution import Ending, Execution
from lab.kinds import shown, told_of
from lab.scheduler import Operation, Scheduler
from lab.trial import Trial

UNSEEN = "threads of a process share memory, whose accesses are not seen"
"""Why an execution proves nothing in which a process had threads, whatever else was controlled."""

USABLE_CORES = usable_cores()
"""Of this process before a session keeps it to one of them: whoever is forked later would find that one alone."""

ENDED = "ended "
"""What the outcome of an execution begins with in which nothing went wrong by itself; its state's key follows."""


@dataclass(frozen=True)
class Program:
    """A script and all that its executions begin with. `judge` is a rule of the user's own.

    It finds modules in `paths` besides Python's own; those of `preload` are imported once for all executions.
    """

    script: str
    source: Source
    arguments: Sequence[str] = ()
    orders_output: bool = False
    judge: Judge | None = field(default=None, compare=False)
    paths: Sequence[str] = ()
    preload: Sequence[str] = ()


class ControlledSession:
    """One script. With `core` all runs on that one: participants and controller take turns anyway."""

    def __init__(self, program: Program, *, keeps_history: bool = False, core: int | None = None) -> None:
        self._program = program
        self._keeps_history = keeps_history
        self._affinity = os.sched_getaffinity(0)
        if core is not None:
            os.sched_setaffinity(0, {USABLE_CORES[core % len(USABLE_CORES)]})
        self._listener, address = listening()
        self._parent = WarmParent(
            program.script,
            list(program.arguments),
            address,
            orders_output=program.orders_output,
            paths=program.paths,
            preload=program.preload,
            cores=USABLE_CORES,
        )
        self._folder = Folder(f"{self._parent.root}/run", program.source)
        self._folder.restore()
        self._parent.start()
        self._trials = 0
        self._checkpoint = Checkpoint(self._parent, self._folder, self._has_left)
        self._controller: Controller
        self._checks: Sequence[tuple[Operation, int]] = ()
        self.states: dict[str, State] = {}
        """Of each outcome, the first state that was seen."""
        self.fixed: dict[str, None] = {}
        """Where values were drawn that only became the length of a sleep."""
        self.waited_for_databases = False
        """True if somebody has waited for a busy database."""
        self.shares = False
        """True if children have touched anything that they share, such as a file: more than locks and output."""
        self.hands_on = False
        """True if threads have handed things on to each other, taken locks again, or ended with their process."""
        self.killed: list[str] = []
        """A name for each execution in which somebody was killed by nobody of the script."""
        self.processes = self.threads = 0
        """The most children of an execution, and threads that they and the script have started."""

    def execute(self, scheduler: Scheduler, *, anew: bool = False) -> Execution:
        """One execution, and the row of its trial; from a checkpoint of those before it, unless it is to begin anew."""
        self._trials += 1
        before = self._checkpoint.start(anew=anew)
        controller = Controller(
            self._listener, self._parent.root, before, self._checkpoint, keeps_history=self._keeps_history
        )
        self._controller = controller
        is_over = False
        try:
            if not before:
                self._parent.run(keeps_history=self._keeps_history)
            ending = controller.run(scheduler, self._checks)
            is_over = True
            self._checks = controller.checks
            return self._execution(controller, ending)
        finally:
            if not is_over:
                self._end(controller, is_whole=False)
                self._clean()

    def printed_by(self, number: int) -> bytes:
        """What this process has printed in the execution at hand."""
        return printed_by(self._controller.actors[number])

    def compared(self, number: int) -> bytes:
        """The same, as it is compared with that of another execution."""
        return compared(self._controller.actors[number])

    def has_threads(self, number: int) -> bool:
        """True if this process or thread has started threads in the execution at hand."""
        return self._controller.actors[number].has_threads

    def _end(self, controller: Controller, *, is_whole: bool) -> None:
        controller.close()
        actors = list(controller.actors.values())
        gone = [actor.number for actor in actors if actor.is_gone and actor.killed_by is None]
        if gone:
            self.killed.append(unique_names(actors)[gone[0]])
        self._checkpoint.end(is_whole=is_whole, is_doubtful=bool(controller.doubts))
        if any(doubt.startswith(MAPPED) for doubt in controller.doubts):
            self._folder.distrust()

    def _drop_connections(self) -> None:
        """Of those who were killed before they were heard."""
        self._listener.setblocking(False)
        try:
            while True:
                self._listener.accept()[0].close()
        except BlockingIOError:
            pass
        finally:
            self._listener.setblocking(True)

    def _execution(self, controller: Controller, ending: Ending) -> Execution:
        actors = [controller.actors[number] for number in sorted(controller.actors)]
        state = None
        # Whoever is left must not go on while the folder is looked at.
        self._end(controller, is_whole=ending.kind != "stuck")
        if ending.kind == "done":
            whole = state_of(actors, self._folder.changes(), controller.printed)
            state = placeless(whole, self._parent.root)
        outcome, detail, is_violation = self._judged(controller, ending, state)
        if state is not None:
            self.states.setdefault(outcome, state)
        self._clean()
        self.fixed.update(controller.fixed)
        self.shares |= controller.shares
        self.waited_for_databases |= controller.databases.were_busy
        self.hands_on |= controller.hands_on
        threads = sum(actor.thread_of is not None for actor in actors)
        self.threads = max(self.threads, threads)
        self.processes = max(self.processes, len(actors) - 1 - threads)
        trial = Trial(self._trials - 1, 0, 0, outcome, detail, is_violation, None, None, None, {})
        draws, doubts = controller.draws, list(controller.doubts)
        return Execution(
            trial,
            ending,
            controller.operations,
            controller.events,
            controller.names(),
            controller.declared,
            draws[0] if draws else "",
            f"not controlled: {doubts[0]}" if doubts else UNSEEN if controller.has_threads else "",
        )

    def _clean(self) -> None:
        self._drop_connections()
        for place in self._places:
            _empty(place)
        for left in self._blocks():
            left.unlink(missing_ok=True)

    @property
    def _places(self) -> list[str]:
        return [f"{self._parent.root}/{name}" for name in ("tmp", "payloads")]

    def _blocks(self) -> Iterator[Path]:
        return SHARED_MEMORY.glob(f"psm.{Path(self._parent.root).name}-*")

    def _has_left(self) -> bool:
        """True if an execution has left something beside the script's folder up to now."""
        return any(os.listdir(place) for place in self._places) or any(self._blocks())  # noqa: PTH208

    def _judged(self, controller: Controller, ending: Ending, state: State | None) -> tuple[str, str, bool]:
        """Outcome, detail, and whether it is a violation whatever else may happen."""
        actors = [controller.actors[number] for number in sorted(controller.actors)]
        names = unique_names(actors)
        if ending.kind == "cut":
            return "cut", "", False
        if failed := failure(actors) if state is not None else exception(actors):
            return (*failed, True)
        if ending.kind == "deadlock":
            waits = "; ".join(f"{names[actor.number]} {_wait(operation)}" for actor, operation in controller.blocked())
            return "deadlock", f"deadlock: {waits}", True
        if ending.kind != "done" or state is None:
            return "endless", _unended(controller, ending, names), False
        if self._program.judge is not None:
            wrong = self._program.judge(f"{self._parent.root}/run", state)
            if wrong:
                return "rejected", f"{wrong} ({state})", True
        return f"{ENDED}{state.key}", str(state), False

    def close(self) -> None:
        """End every process and remove every file of the session."""
        self._checkpoint.close()
        self._parent.close()
        self._listener.close()
        os.sched_setaffinity(0, self._affinity)


def _wait(operation: Operation) -> str:
    if operation.kind == "exit":
        return "waits to end until what it has put into a queue is read"
    things = " and ".join(dict.fromkeys(map(shown, told_of(operation.objects))))
    where = f" at {operation.line}" if operation.line else ""
    return f"waits to {operation.kind} {things}{where}"


def _unended(controller: Controller, ending: Ending, names: Mapping[int, str]) -> str:
    left = [actor for actor in controller.actors.values() if not actor.is_done]
    if controller.processes.is_abandoned:
        return next(iter(controller.doubts), "it can't be controlled")
    if ending.kind == "endless":
        return f"stopped after {controller.operations:,} operations"
    running = [actor for actor in left if actor.step is None] or left
    who = " and ".join(
        f"{names[actor.number]}{f', last seen at {actor.line}' if actor.line else ''}" for actor in running
    )
    return f"{who} went on for seconds without an operation"


def _empty(place: str) -> None:
    for path in Path(place).iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
