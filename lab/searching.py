"""Explore and replay whatever it is: a scenario, a script, or a function of one's own. One small adapter each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lab import exploring, replaying
from lab import schedule as schedules
from lab.cell_search import Watcher
from lab.errors import UsageError
from lab.exploration import Exploration
from lab.function import Check, calls_of, carried, is_importable
from lab.replaying import Replayed
from lab.scenario import Scenario
from lab.schedule import Schedule
from lab.script import Script, is_script
from lab.script_exploring import ScriptReplayed, explore_script, replay_script

_OF_SCRIPTS = ("files", "arguments", "check", "expect_output", "is_deterministic", "orders")
_OF_FUNCTIONS = ("processes", "setup", "check", "files", "folder")
"""Choices that say what is searched, and not how."""

Target = str | Path | type[Scenario] | Callable[..., Any] | Script


def explore(
    target: Target, *, out: str | Path | None = None, watcher: Watcher | None = None, **choices: Any
) -> Exploration:
    """Search the schedules of a scenario, a script or a function, and save one for each ending that is not ok.

    `target` is a scenario class, its name, `module:Class` or `file.py:Class`, with the choices `guards`, `stores`,
    `processes`, `delays` and `set`; the path of a script, with `files`, `arguments`, `check`, `expect_output`,
    `is_deterministic` and `orders`; or a function, with `processes` (2), `setup`, `check`, `files` and `folder`: each
    execution calls `setup()`, then `target(number)` in so many processes at once, then `check(returns)`, or
    `check(returns, state)` with what `setup` returned, which objects by False, a text, or an AssertionError. Without a
    check an ending is wrong that no serial order has. Functions at the top of one module are imported anew; all others,
    such as closures, are carried in with what they hold, and where that has paths below `folder` they mean a copy of it
    that is as new in each execution.

    Choices of all: `strategy`, `bound`, `executions`, `seconds`, `jobs`, `seed`. Schedules go to `out` (default:
    `results/explore-<name>-<UTC time>`). Raises UsageError if something does not fit together.
    """
    script = as_script(target, choices)
    if script is not None:
        return explore_script(script, out=out, watcher=watcher, **_on_processes(choices))
    name = target.reference if isinstance(target, type) and issubclass(target, Scenario) else str(target)
    return exploring.explore(name, out=out, watcher=watcher, **choices)


def as_script(target: Target, choices: dict[str, Any], home: Path | None = None) -> Script | None:
    """A script, or a function as the script that calls it, by those choices that it takes out; None for a scenario.

    A function that is carried works on a copy of `home`, if no choice names another folder.
    """
    if isinstance(target, Script):
        return target
    if isinstance(target, type) and issubclass(target, Scenario):
        return None
    if callable(target):
        given = {name: choices.pop(name) for name in _OF_FUNCTIONS if name in choices}
        if home is not None and not is_importable(target, given.get("setup"), given.get("check")):
            given = {"folder": home, **given}
        return _script_of_function(target, **given)
    if not is_script(str(target)):
        return None
    return Script(str(target), **{rule: choices.pop(rule) for rule in _OF_SCRIPTS if rule in choices})


def _script_of_function(
    function: Callable[..., Any],
    *,
    processes: int | Sequence[int] = 2,
    setup: Callable[[], object] | None = None,
    check: Check | None = None,
    files: Sequence[str] = (),
    folder: str | Path | None = None,
) -> Script:
    """A function as the script that calls it; UsageError if it can't be."""
    if not isinstance(processes, int):
        raise UsageError(f"processes {processes!r}: expected one number, since each takes a search. Try processes=2.")
    if folder is not None and not Path(folder).is_dir():
        raise UsageError(f"folder {folder}: expected a folder that exists, found none.")
    if folder is None and is_importable(function, setup, check):
        path, calls = calls_of(function, processes=processes, setup=setup, check=check)
        # The file alone: a folder of tests has much that no execution needs.
        return Script(path, files=(path, *map(str, files)), calls=calls)
    home = str(Path(folder).absolute()) if folder is not None else ""
    found = carried(function, processes=processes, setup=setup, check=check, folder=home)
    return Script(found.name, files=tuple(map(str, files)), carried=found)


def _on_processes(choices: dict[str, Any]) -> dict[str, Any]:
    """The choices without the engine, of which there is one."""
    if choices.get("engine", "controlled") != "controlled":
        raise UsageError(f"engine {choices['engine']!r}: expected controlled, which is what can run it. Leave it out.")
    return {name: choice for name, choice in choices.items() if name != "engine"}


def replay(
    schedule: Schedule | str | Path,
    *,
    engine: str | None = None,
    function: Callable[..., Any] | None = None,
    **choices: Any,
) -> Replayed | ScriptReplayed:
    """Run a schedule again, exactly, with its whole history; of a scenario on engine `simulated` or `controlled`.

    `function`, with the `processes`, `setup`, `check`, `files` and `folder` that it was explored with, takes the place
    of a function that was carried, and that this process has not explored. UsageError if the schedule's file can't be
    read, or if what it is of is gone.
    """
    if not isinstance(schedule, Schedule):
        schedule = schedules.load(Path(schedule))
    if not is_script(schedule.scenario):
        return replaying.replay(schedule, engine=engine or "simulated")
    _on_processes({"engine": engine or "controlled"})
    return replay_script(schedule, _script_of_function(function, **choices) if function is not None else None)
