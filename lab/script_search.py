"""The search of one script: its serial endings, executions by a strategy, and the verdict that follows."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing import Value
from typing import NamedTuple

from lab.cell_search import RANDOM_EXECUTIONS, Choices, Watcher
from lab.engines.controlled.session import ENDED, UNSEEN, ControlledSession, Program
from lab.exploration import Explored, Finding, Verdict
from lab.schedule import Schedule
from lab.scheduler import Departed
from lab.schedulers import strategy_named
from lab.schedulers.dpor import Dpor
from lab.schedulers.random_walk import RandomWalk
from lab.schedulers.replay import Replay
from lab.script_oracle import AT_FIRST, MOST_S, NO_ORACLE, Oracle
from lab.search import UNREPEATED, Limits, Tally, search, shorten
from lab.subtrees import Long, search_subtrees
from lab.trial import Grade

_ALONE_S, _ALONE = 1.0, 10
"""Seconds, and executions, of a search before a few at random, and before others help it: most are done by then."""
_ENOUGH_S, _ENOUGH, _PATIENCE_S = 1.0, 20, 5.0
"""Seconds, and executions, of a search that are spent in any case: a small one is then complete, and shows all endings.

Who needs more than the patience for so many executions is content with fewer.
"""
_SHORTEN_S = 0.5
_DECIDE_S = 1.0
"""Seconds past those of the search in which endings that were met last are looked for among serial orders."""
_DIE_WITH_PARENT = 1
_REPEATS = 2
_SAMPLE, _SAMPLE_S = 30, 1.0
"""Executions, and seconds, at random before a long search."""

_HOW = "give a rule with --check or --expect-output"

AS_WRITTEN = "as written"
"""Stands where a scenario's guard does."""


class Rules(NamedTuple):
    """What counts as a violation of a script, besides exit codes, exceptions, and deadlocks.

    With `is_judged` a rule of the user's own takes the place of the serial endings. `orders` is how many serial orders
    are run at most. `texts` go into schedule files.
    """

    is_judged: bool = False
    is_deterministic: bool = False
    orders: int = 120
    texts: tuple[tuple[str, object], ...] = ()


class _Enough(Exception):
    """A violation is found, and the search has had its time."""


def explore_program(name: str, program: Program, rules: Rules, choices: Choices, watcher: Watcher) -> Explored:
    """Search a script. On KeyboardInterrupt what was found is its argument."""
    return _Search(name, program, rules, choices, watcher).explored()


class _Search:
    def __init__(self, name: str, program: Program, rules: Rules, choices: Choices, watcher: Watcher) -> None:
        self._name, self._program, self._rules, self._choices, self._watcher = name, program, rules, choices, watcher
        self._strategy = strategy_named(choices.strategy, bound=choices.bound, seed=choices.seed)
        self._tally = Tally(is_reduced=self._strategy.is_reduced)
        self._oracle = Oracle()
        self._start = time.monotonic()
        self._fixed: dict[str, None] = {}
        self._waited_for_databases = False
        self._processes = self._threads = 0
        self._spent = ""
        self._search_s = 0.0
        self._sampled_executions = 0
        self._unconfirmed: set[str] = set()
        self._killed = ""

    def explored(self) -> Explored:
        cores, coordinator = Value("i", 0), os.getpid()

        def open_session() -> ControlledSession:
            if os.getpid() != coordinator:
                ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
            with cores.get_lock():
                core = cores.value
                cores.value += 1
            return ControlledSession(self._program, core=core)

        session = open_session()
        cores.value = 0
        try:
            if not self._rules.is_judged:
                at_first = min(self._rules.orders, AT_FIRST)
                self._oracle.begin(session, at_first, min(MOST_S, self._choices.seconds / 2))
            begun = time.monotonic()
            try:
                self._spent = self._searched(session, open_session)
            finally:
                self._search_s = time.monotonic() - begun
            wanted = [name for name in self._tally.seen if self._grade(name) == "violation"]
            if wanted and not self._tally.is_stopped:
                self._shorten(session, wanted)
            self._confirm(session, wanted)
        except KeyboardInterrupt:
            self._spent = "interrupted"
            self._note(session)
            raise KeyboardInterrupt(self._concluded()) from None
        finally:
            self._note(session)
            session.close()
        return self._concluded()

    def _shorten(self, session: ControlledSession, wanted: Sequence[str]) -> None:
        left = max(0.5, min(_SHORTEN_S, self._choices.seconds - (time.monotonic() - self._start)))
        try:
            shorten(session, self._tally, wanted, left)
        except Departed as departed:
            self._tally.doubt = self._tally.doubt or f"{UNREPEATED}: {departed}"

    def _confirm(self, session: ControlledSession, wanted: Sequence[str]) -> None:
        """Repeat what was found: a violation that does not show again is none that anybody could be shown."""
        for name in wanted:
            for _ in range(_REPEATS):
                replay = Replay(self._tally.seen[name].choices)
                replay.begin()
                try:
                    execution = session.execute(replay, anew=True)
                    replay.end(execution.ending.waiting)
                except Departed:
                    self._unconfirmed.add(name)
                    break
                if execution.trial.outcome != name:
                    self._unconfirmed.add(name)
                    break

    def _note(self, session: ControlledSession) -> None:
        self._fixed.update(session.fixed)
        self._waited_for_databases |= session.waited_for_databases
        self._killed = next(iter(session.killed), self._killed)
        self._processes = max(self._processes, session.processes)
        self._threads = max(self._threads, session.threads)
        self._oracle.shares |= session.shares

    def _searched(self, session: ControlledSession, open_session: Callable[[], ControlledSession]) -> str:
        choices, scheduler, start = self._choices, self._strategy.scheduler, time.monotonic()
        executions = choices.executions
        if not self._strategy.is_complete and executions is None:
            executions = RANDOM_EXECUTIONS
        share = getattr(scheduler, "share_done", None)

        def told(tally: Tally) -> None:
            self._watcher.told(tally, share)
            self._decide(session)
            used_s = time.monotonic() - start
            is_enough = used_s > _ENOUGH_S and (tally.executions >= _ENOUGH or used_s > _PATIENCE_S)
            if is_enough and self._is_found():
                raise _Enough

        def told_alone(tally: Tally) -> None:
            told(tally)
            is_long = tally.executions >= _ALONE and time.monotonic() - start > _ALONE_S and not tally.is_stopped
            if not is_long or not isinstance(scheduler, Dpor):
                return
            if not (self._sampled_executions or self._is_found()):
                self._sampled(session)
                told(tally)
            if choices.jobs > 1:
                raise Long

        limits = Limits(executions, choices.seconds, start - self._start)
        try:
            with suppress(Long):
                return search(session, scheduler, self._tally, limits, told_alone)
            assert isinstance(scheduler, Dpor)
            left = limits._replace(used_s=time.monotonic() - self._start)
            return search_subtrees(open_session, scheduler, self._tally, left, told, choices.jobs)
        except _Enough:
            return "it was stopped when a violation was found"

    def _is_found(self) -> bool:
        return any(self._grade(name) == "violation" for name in self._tally.seen)

    def _decide(self, session: ControlledSession) -> None:
        """Of each ending that is new: can the processes have it one after another?"""
        if not self._rules.is_judged:
            for name, seen in self._tally.seen.items():
                if name.startswith(ENDED):
                    left_s = self._choices.seconds + _DECIDE_S - (time.monotonic() - self._start)
                    self._oracle.decide(session, name, seen.choices, self._rules.orders, left_s)

    def _sampled(self, session: ControlledSession) -> None:
        """A few executions at random: what goes wrong often is found soon, wherever a search in order would meet it."""
        sample = Tally(is_reduced=False)
        limits = Limits(_SAMPLE, _SAMPLE_S)
        search(session, RandomWalk(self._choices.seed), sample, limits, lambda tally: None, run_twice=0)
        for name, seen in sample.seen.items():
            self._tally.seen.setdefault(name, seen)
        self._tally.doubt = self._tally.doubt or sample.doubt
        self._sampled_executions = sample.executions
        self._decide(session)

    def _grade(self, outcome: str) -> Grade:
        if not outcome.startswith(ENDED):
            return "violation" if outcome != "endless" and outcome not in self._unconfirmed else "interesting"
        if outcome in self._unconfirmed:
            return "interesting"
        if self._rules.is_judged:
            return "ok"
        if outcome in self._oracle.endings or not self._oracle.endings:
            return "ok"
        return "violation" if outcome in self._oracle.excluded else "interesting"

    # The verdict -----------------------------------------------------------------------------------------------------

    def _concluded(self) -> Explored:
        tally, choices = self._tally, self._choices
        seen, reason = self._verdict_of_what_is_seen()
        verdict, reason = self._verdict(seen, reason)
        return Explored(
            scenario=self._name,
            guard=AS_WRITTEN,
            store=None,
            processes=self._processes,
            fields={},
            engine="controlled",
            strategy=choices.strategy,
            verdict=verdict,
            reason=reason,
            executions=tally.executions,
            redundant=tally.redundant,
            classes=tally.classes,
            deepest=tally.deepest,
            search_s=self._search_s,
            seconds=time.monotonic() - self._start,
            findings=tuple(self._findings()),
            conflicts=tuple(tally.conflicts),
            remarks=tuple(self._remarks(seen)),
        )

    def _verdict(self, seen: Verdict, reason: str) -> tuple[Verdict, str]:
        """Whatever was searched, memory that threads share was not."""
        if self._tally.doubt != UNSEEN or seen == "found":
            return seen, reason
        if seen == "proved":
            return "unknown", f"no schedule of the operations goes wrong, but {UNSEEN}"
        return "unknown", f"{reason}; besides, {UNSEEN}"

    def _verdict_of_what_is_seen(self) -> tuple[Verdict, str]:
        tally, doubt = self._tally, "" if self._tally.doubt == UNSEEN else self._tally.doubt
        open_end = self._spent or doubt
        grades = {name: self._grade(name) for name in tally.seen}
        endings = [name for name in tally.seen if name.startswith(ENDED)]
        if "violation" in grades.values() or (self._rules.is_deterministic and len(endings) > 1):
            return "found", f"the search was not finished: {open_end}" if open_end else ""
        if self._killed and (self._unconfirmed or self._oracle.undecided or doubt.startswith(UNREPEATED)):
            return "unknown", f"{self._killed} was killed by nobody of the script; is there memory for all? Try again"
        if doubt:
            return "unknown", doubt
        if self._unconfirmed:
            return "unknown", f"what was found does not show again: {UNREPEATED}"
        if self._spent:
            return "unknown", self._spent
        unexplained = [name for name in endings if grades[name] == "interesting"]
        if unexplained and self._oracle.hands_on:
            return "unknown", (
                f"{NO_ORACLE}: threads hand things on to each other, take locks several times, or end with their "
                f"process, so an ending that no order of whole threads has may be right; {_HOW}"
            )
        if unexplained:
            return "unknown", (
                f"{NO_ORACLE}: only {self._oracle.orders} serial orders were run, and {len(unexplained)} endings are "
                "in none of them; try --orders with more, or give a rule with --check or --expect-output"
            )
        if not tally.executions:
            return "unknown", "not one execution was finished in the time given"
        if not self._strategy.is_complete:
            return "unknown", "a walk at random proves nothing"
        missing = self._missing_oracle()
        return ("unknown", missing) if missing else ("proved", "")

    def _missing_oracle(self) -> str:
        """Why nobody can tell a right ending from a wrong one, empty if somebody can."""
        if self._rules.is_judged or self._rules.is_deterministic or not (self._processes or self._threads):
            return ""
        if not self._oracle.endings:
            return f"{NO_ORACLE}: the {self._who} wait for each other, so no serial order of them can finish; {_HOW}"
        if not self._oracle.shares:
            return f"{NO_ORACLE}: nothing was seen to be shared but the output, whose order nobody judges; {_HOW}"
        return ""

    @property
    def _who(self) -> str:
        return " and ".join((*["processes"] * bool(self._processes), *["threads"] * bool(self._threads)))

    def _remarks(self, verdict: Verdict) -> list[str]:
        remarks = []
        if self._sampled_executions:
            remarks.append(f"besides, {self._sampled_executions} executions were chosen at random")
        if self._fixed:
            lines = ", ".join(sorted(self._fixed))
            remarks.append(f"random lengths of sleeps, which order nothing, were fixed: {lines}")
        if self._waited_for_databases:
            remarks.append("nobody gave up waiting for a busy database as long as another process could go on")
        is_whole = self._choices.bound is None or getattr(self._strategy.scheduler, "is_complete", True)
        if verdict == "proved" and not is_whole:
            remarks.append(f"bound: schedules with more than {self._choices.bound} preemptions were not executed")
        oracle = self._oracle
        if not self._rules.is_judged and oracle.endings:
            finished = oracle.orders - oracle.cut
            how_many = (
                f"all {finished} serial orders that can finish" if oracle.is_complete else f"{finished} serial orders"
            )
            remarks.append(f"{how_many} were run; they have {oracle.told}")
        if not self._processes:
            remarks.append("the script started no process")
        if self._threads:
            remarks.append("a switch of threads was tried at each operation, and nowhere else")
        return remarks

    def _findings(self) -> list[Finding]:
        found = []
        counts: dict[str, int] = {}
        grades: list[Grade] = ["violation", "interesting", "ok"]
        for outcome in sorted(self._tally.seen, key=lambda name: (grades.index(self._grade(name)), name)):
            seen, grade = self._tally.seen[outcome], self._grade(outcome)
            name, explanation = self._called(outcome, grade)
            counts[name] = count = counts.get(name, 0) + 1
            if name in ("serial", "unserial", "unexplained", "ended"):
                name = f"{name}-{count}"
            texts = {**dict(self._rules.texts), "ending": outcome, "grade": grade}
            schedule = Schedule(
                self._name, AS_WRITTEN, None, self._processes, texts, self._choices.seed, False, name, seen.choices
            )
            shape = (seen.shape.preemptions, seen.shape.operations)
            found.append(
                Finding(name, grade, explanation, seen.detail, seen.executions, *shape, seen.is_shortest, schedule)
            )
        return found

    def _called(self, outcome: str, grade: Grade) -> tuple[str, str]:
        if outcome.startswith(ENDED) and not self._rules.is_judged and not self._oracle.endings:
            return "ended", "an ending, and nobody says how it should be"
        return _called(outcome, grade, self._who)


def _called(outcome: str, grade: Grade, who: str) -> tuple[str, str]:
    """The name and the explanation of an outcome, where endings are compared with serial ones."""
    if outcome.startswith(ENDED):
        return {
            "ok": ("serial", f"an ending that the {who or 'processes'} can have one after another"),
            "interesting": ("unexplained", "an ending that no serial order has which was run"),
            "violation": ("unserial", f"an ending that no serial order of the {who} has"),
        }[grade]
    kind = outcome.partition(" ")[0]
    return outcome.replace(" ", "-"), {
        "raised": "a process ended in an exception",
        "deadlock": "nobody could go on",
        "killed": "a process was killed",
        "exit": "a process ended with an exit code other than 0",
        "rejected": "the rule that was given does not hold",
        "endless": "it did not come to an end",
    }.get(kind, "")
