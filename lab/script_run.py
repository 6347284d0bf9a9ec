"""A script as a scenario: each trial is one run of it, as it stands, on processes that nobody controls.

The real engine's worker keeps a warm parent that forks the runs; the coordinator reads what a run has left, and judges.
"""

from __future__ import annotations

import os
import shutil
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from lab.engines.controlled.actor import Actor
from lab.engines.controlled.ending import State, failure
from lab.engines.controlled.free_runs import FreeRuns, Left
from lab.engines.controlled.session import ENDED, ControlledSession, Program
from lab.scenario import Guarded, Scenario
from lab.script import Script
from lab.script_oracle import Oracle
from lab.trial import Judgement, interesting, ok, violation
from lab.world.protocol import Stage, World

_ORDERS_S = 30.0
_SERIAL_S = 10.0
_WARM_UPS, _WARM_UP_S = 3, 10.0
_LEAST_TIMEOUT_S, _TIMEOUT = 2.0, 10


class ScriptRun(Scenario):
    """A script of one's own, run as it stands, again and again."""

    script: str = ""
    arguments: str = ""
    files: str = ""
    check: str = ""
    expect_output: str = ""
    orders: int = 120

    outcomes = {
        "exception": violation("a process ended in an exception"),
        "killed": violation("a process was killed"),
        "exit_code": violation("a process ended with an exit code other than 0"),
        "rejected": violation("the rule that was given did not hold"),
        "unserial": violation("it ended as no serial order of its processes does"),
        "unexplained": interesting("it ended as no serial order does that was run"),
        "serial": ok("it ended as its processes do one after another"),
        "ended": ok("it ended, and nobody says how it should"),
    }
    processes = (1,)
    actors = "processes"

    def prepare(self) -> None:
        """Start the warm parent."""
        _runs(self)

    def act(self, world: World, actor: int, guarded: Guarded) -> str:
        """One run; where it has left what it did."""
        runs = _runs(self)
        runs.run()
        return runs.root

    def judge(self, world: Stage, returns: Sequence[Any]) -> Judgement:
        """How the run ended."""
        root = str(returns[0])
        left = _left(self, root)
        actors, state = left.read()
        outcome, detail = self._called(actors, state, f"{root}/run")
        if self.outcomes[outcome].grade == "violation":
            _keep_first(self, root, outcome, detail)
        left.restore()
        return Judgement(outcome, {"ending": state.key, "told": detail})

    def _called(self, actors: Sequence[Actor], state: State, folder: str) -> tuple[str, str]:
        if failed := failure(actors):
            name, detail = failed
            return _NAMES.get(name.partition(" ")[0], name), detail
        program = self.program()
        if program.judge is not None:
            wrong = program.judge(folder, state)
            return ("rejected", f"{wrong} ({state})") if wrong else ("ended", str(state))
        return expected(self).called(state), str(state)

    def shortest_parallel_s(self) -> float:
        """Mean seconds of a run."""
        return pace(self).wall_s

    def program(self) -> Program:
        """What an engine is given; UsageError if the script or a rule can't be read."""
        return _program(self)

    def as_given(self) -> Script:
        """The script and its rules, as a user gives them."""
        return Script(
            self.script,
            tuple(self.files.split(os.pathsep)) if self.files else (),
            tuple(self.arguments.split("\0")) if self.arguments else (),
            self.check or None,
            self.expect_output or None,
            orders=self.orders,
        )


_NAMES = {"raised": "exception", "exit": "exit_code"}


@dataclass
class Expected:
    """The endings that the processes have one after another, by their keys; `remark` says what is known of them."""

    keys: frozenset[str]
    is_complete: bool
    remark: str

    @property
    def is_silent(self) -> bool:
        """True if nobody tells a right ending from a wrong one, which the remark then says."""
        return bool(self.remark) and not self.keys

    def called(self, state: State) -> str:
        """The outcome of a run with this state, in which nothing went wrong by itself."""
        if not self.keys:
            return "ended"
        if state.key in self.keys:
            return "serial"
        return "unserial" if self.is_complete else "unexplained"


@cache
def _program(scenario: ScriptRun) -> Program:
    return scenario.as_given().program()


@cache
def _runs(scenario: ScriptRun) -> FreeRuns:
    """The warm parent of this process: it goes when the process does."""
    return started(scenario.program())


def started(program: Program) -> FreeRuns:
    """A warm parent of a script."""
    return FreeRuns(program.script, program.source, list(program.arguments), orders_output=program.orders_output)


class Pace(NamedTuple):
    """How long runs take: mean wall and processor seconds of those that ended in time, and a limit for all."""

    wall_s: float
    used_s: float
    timeout_s: float


@cache
def pace(scenario: ScriptRun) -> Pace:
    """Run the script a few times."""
    runs = started(scenario.program())
    try:
        seen = [runs.run(timeout_s=_WARM_UP_S) for _ in range(_WARM_UPS)]
    finally:
        runs.close()
    ended = [run for run in seen if run is not None]
    if len(ended) < len(seen):
        return Pace(_WARM_UP_S, 0.0, _WARM_UP_S)
    walls, used = zip(*ended, strict=True)
    return Pace(statistics.mean(walls), statistics.mean(used), max(_LEAST_TIMEOUT_S, _TIMEOUT * max(walls)))


@cache
def _left(scenario: ScriptRun, root: str) -> Left:
    return Left(root, scenario.program().source)


@cache
def expected(scenario: ScriptRun) -> Expected:
    """Run the script under control, its processes one after another in every order, to know how it may end.

    What depends on the clock, on chance or on its pid ends otherwise by itself than under control. So one run by
    itself, with one process after another, has to end in one of these ways, too; or nothing is expected.
    """
    program = scenario.program()
    if program.judge is not None:
        return Expected(frozenset(), is_complete=False, remark="")
    session = ControlledSession(program)
    oracle = Oracle()
    try:
        oracle.begin(session, scenario.orders, _ORDERS_S)
        oracle.shares |= session.shares
    finally:
        session.close()
    keys = frozenset(name.removeprefix(ENDED) for name in oracle.endings)
    if not keys:
        return _nothing("no serial order of its processes can finish")
    if not oracle.shares:
        return _nothing("nothing was seen to be shared but the output, whose order nobody judges")
    if oracle.hands_on:
        return _nothing("its threads hand things on to each other, take locks several times, or end with their process")
    if _serial_key(program) not in keys:
        return _nothing("by itself it ends otherwise than under control")
    finished = oracle.orders - oracle.cut
    orders = f"{'all ' if oracle.is_complete else ''}{finished} serial orders"
    return Expected(keys, oracle.is_complete, f"{orders} were run; they have {oracle.told}")


def _nothing(why: str) -> Expected:
    remark = f"endings are not judged: {why}; give a rule with --check or --expect-output"
    return Expected(frozenset(), is_complete=False, remark=remark)


def _serial_key(program: Program) -> str:
    """How a run by itself ends in which each process and thread waits for the one before; empty if it does not end."""
    runs = started(program)
    try:
        if runs.run(is_serial=True, timeout_s=_SERIAL_S) is None:
            return ""
        return Left(runs.root, program.source).read()[1].key
    finally:
        runs.close()


# The first failing run ----------------------------------------------------------------------------------------------


class _Failures:
    folder: Path | None = None


def keep_failures(folder: Path) -> None:
    """Keep the first failing run of each script there: its folder, output, and what it says."""
    _Failures.folder = folder


def _keep_first(scenario: ScriptRun, root: str, outcome: str, detail: str) -> None:
    if _Failures.folder is None:
        return
    kept = _Failures.folder / Path(scenario.script).stem
    if kept.exists():
        return
    shutil.copytree(f"{root}/run", kept / "folder", symlinks=True, dirs_exist_ok=True)
    for path in sorted(Path(f"{root}/diaries").glob("*.*")):
        if path.stat().st_size:
            kind = {"1": "stdout", "2": "stderr"}[path.suffix[1:]]
            shutil.copyfile(path, kept / f"{kind}-{path.stem}.txt")
    (kept / "what.txt").write_text(f"{outcome}: {detail}\n", "utf-8")
