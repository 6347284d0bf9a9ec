"""Explore and replay a script: the verbs for programs that know nothing of lab."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lab import schedule as schedules
from lab.again import search_command
from lab.cell_search import Choices, Watcher, checked
from lab.engines.controlled.session import ControlledSession
from lab.errors import UsageError
from lab.execution import Execution
from lab.exploration import Exploration
from lab.exploring import Interrupted, _kept, _new_folder, _saved
from lab.schedule import Schedule
from lab.scheduler import Departed
from lab.schedulers.replay import Replay
from lab.script import Script, script_of
from lab.script_search import explore_program
from lab.timeline import page_part

_known: dict[str, Script] = {}
"""The functions that this process has carried: nobody else can make them again."""


def explore_script(
    script: Script, *, out: str | Path | None = None, watcher: Watcher | None = None, **choices: Any
) -> Exploration:
    """Search the schedules of a script, and save one for each of its endings.

    `choices` are those of `Choices`. Schedules go to `out` (default: `results/explore-<script>-<UTC time>`); one that
    exists is an OutputError. On KeyboardInterrupt what was found is saved and is the exception's `exploration`.
    """
    chosen = checked(choices)
    program = script.program()
    folder = _new_folder(Path(out) if out is not None else _default_folder(script.path))
    watcher = watcher or Watcher()
    watcher.enters(script.path)
    path = script.path if script.carried else str(Path(script.path).absolute())
    if script.carried is not None:
        _known[script.carried.key] = script
    again = _again(script, chosen)
    try:
        explored = explore_program(path, program, script.rules(), chosen, watcher)
    except KeyboardInterrupt as interrupt:
        done = tuple(_saved(explored, folder, 1) for explored in interrupt.args)
        raise Interrupted(_kept(Exploration(done, again), folder)) from None
    explored = _saved(explored, folder, 1)
    watcher.ended(explored)
    return _kept(Exploration((explored,), again), folder)


def _again(script: Script, chosen: Choices) -> str:
    """The command that searches a script again; none does a function, or passes arguments."""
    if script.calls or script.carried or script.arguments:
        return ""
    asked = {name: getattr(script, name) for name in ("check", "expect_output", "is_deterministic", "files")}
    orders = {"orders": script.orders} if script.orders != Script.orders else {}
    return search_command(script.path, {**asked, **orders}, chosen)


def _default_folder(path: str) -> Path:
    stem = f"explore-{Path(path).stem.replace(' ', '-')}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    candidates = (Path("results") / (stem if number == 1 else f"{stem}-{number}") for number in range(1, 1000))
    return next(folder for folder in candidates if not folder.exists())


class ScriptReplayed(NamedTuple):
    """What a schedule of a script did this time: its execution, or where it departed from what was recorded.

    It departed, too, if it ended in another way.
    """

    schedule: Schedule
    execution: Execution | None
    departed: str

    @property
    def is_violation(self) -> bool:
        """True if it showed again what must not happen."""
        return self.execution is not None and self.schedule.set.get("grade") == "violation"

    def _repr_html_(self) -> str:
        """As a notebook shows it: how it ended, and its timeline."""
        return page_part(Path(self.schedule.scenario).name, self.execution, self.departed)


def replay_script(schedule: Schedule | str | Path, script: Script | None = None) -> ScriptReplayed:
    """Run a schedule of a script again, exactly, on real processes; UsageError if its file or script can't be read.

    `script` takes the place of the recorded one, such as a function that only its own process can make.
    """
    if not isinstance(schedule, Schedule):
        schedule = schedules.load(Path(schedule))
    texts: Mapping[str, Any] = schedule.set
    script = script or _recorded(schedule)
    session = ControlledSession(script.program(), keeps_history=True, core=0)
    scheduler = Replay(schedule.choices)
    try:
        scheduler.begin()
        execution = session.execute(scheduler)
        scheduler.end(execution.ending.waiting)
    except Departed as departed:
        return ScriptReplayed(schedule, None, str(departed))
    finally:
        session.close()
    expected = texts.get("ending")
    if expected is not None and execution.trial.outcome != expected:
        return ScriptReplayed(schedule, None, f"it ended otherwise: {execution.trial.detail}")
    return ScriptReplayed(schedule, execution, "")


def _recorded(schedule: Schedule) -> Script:
    key = schedule.set.get("carried")
    if key is None:
        return script_of(schedule.scenario, schedule.set)
    if key not in _known:
        raise UsageError(
            f"{schedule.scenario}: expected a function that this process has explored, since no file has it by itself, "
            "found none. Replay it where it is made: lab.replay(schedule, function=…, setup=…, check=…); or move it to "
            "the top of a module."
        )
    return _known[key]
