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
from lab.function import Check, calls_of
from lab.replaying import Replayed
from lab.scenario import Scenario
from lab.schedule import Schedule
from lab.script import Script, is_script
from lab.script_exploring import ScriptReplayed, explore_script, replay_script

RULES = ("files", "arguments", "check", "expect_output", "is_deterministic", "orders")
"""Choices that a script has and a scenario does not."""

Target = str | Path | type[Scenario] | Callable[..., Any]


def explore(
    target: Target, *, out: str | Path | None = None, watcher: Watcher | None = None, **choices: Any
) -> Exploration:
    """Search the schedules of a scenario, a script or a function, and save one for each ending that is not ok.

    `target` is a scenario class, its name, `module:Class` or `file.py:Class`, with the choices `guards`, `stores`,
    `processes`, `delays` and `set`; the path of a script, with `files`, `arguments`, `check`, `expect_output`,
    `is_deterministic` and `orders`; or a function at the top of a module, with `processes` (2), `setup`, `check` and
    `files`: each execution calls `setup()`, then `target(number)` in so many processes at once, then `check(returns)`,
    which objects by False, a text, or an AssertionError. Without a check an ending is wrong that no serial order has.

    Choices of all: `strategy`, `bound`, `executions`, `seconds`, `jobs`, `seed`. Schedules go to `out` (default:
    `results/explore-<name>-<UTC time>`). Raises UsageError if something does not fit together.
    """
    if isinstance(target, type) and issubclass(target, Scenario):
        return exploring.explore(target.reference, out=out, watcher=watcher, **choices)
    if callable(target):
        return _explore_function(target, out=out, watcher=watcher, **choices)
    if not is_script(str(target)):
        return exploring.explore(str(target), out=out, watcher=watcher, **choices)
    rules = {rule: choices.pop(rule) for rule in RULES if rule in choices}
    return explore_script(Script(str(target), **rules), out=out, watcher=watcher, **_on_processes(choices))


def _explore_function(
    function: Callable[..., Any],
    *,
    processes: int | Sequence[int] = 2,
    setup: Callable[[], object] | None = None,
    check: Check | None = None,
    files: Sequence[str] = (),
    out: str | Path | None = None,
    watcher: Watcher | None = None,
    **choices: Any,
) -> Exploration:
    if not isinstance(processes, int):
        raise UsageError(f"processes {processes!r}: expected one number, since each takes a search. Try processes=2.")
    path, calls = calls_of(function, processes=processes, setup=setup, check=check)
    # The file alone: a folder of tests has much that no execution needs.
    script = Script(path, files=(path, *map(str, files)), calls=calls)
    return explore_script(script, out=out, watcher=watcher, **_on_processes(choices))


def _on_processes(choices: dict[str, Any]) -> dict[str, Any]:
    """The choices without the engine, of which there is one."""
    if choices.get("engine", "controlled") != "controlled":
        raise UsageError(f"engine {choices['engine']!r}: expected controlled, which is what can run it. Leave it out.")
    return {name: choice for name, choice in choices.items() if name != "engine"}


def replay(schedule: Schedule | str | Path, *, engine: str | None = None) -> Replayed | ScriptReplayed:
    """Run a schedule again, exactly, with its whole history; of a scenario on engine `simulated` or `controlled`.

    UsageError if its file can't be read, or if what it is of is gone.
    """
    if not isinstance(schedule, Schedule):
        schedule = schedules.load(Path(schedule))
    if not is_script(schedule.scenario):
        return replaying.replay(schedule, engine=engine or "simulated")
    _on_processes({"engine": engine or "controlled"})
    return replay_script(schedule)
