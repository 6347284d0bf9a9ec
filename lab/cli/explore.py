"""`lab explore`: search the schedules of a scenario, and show the shortest that fails, or the proof that none does."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.cli.options import ScenarioName, Texts, WholeNumbers, guard_names, settings, store_names
from lab.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lab.exploration import Exploration

_HELP = """Search the schedules of a SCENARIO: which order of operations breaks it, or does none?

SCENARIO is a built-in name (`lab list`), module:Class or file.py:Class, or a script of your own that uses
multiprocessing, such as buy.py: it runs unmodified, on real processes, in a copy of its folder. Of a scenario, left
out, --stores is its own store, --guards all that work on it, and --processes the fewest that can fail.

\b
    lab explore ticket_sale
    lab explore ticket_sale --guards lock --processes 3
    lab explore shop.py:LastCoupon --strategy bounded --bound 2
    lab explore buy.py
    lab explore karaoke.py --check rules.py:at_most_four

Every operation on shared state is a step, and the order of steps is searched; how long anything takes plays no part,
unless --timed. Verdicts: found (a schedule with a violation), proved (every schedule was executed, up to the order of
independent operations), unknown (neither, and why). Outcomes are counted in executions, which is no frequency.

Exit codes: 0 proved, 1 found, 4 unknown.
"""


@click.command("explore", help=_HELP)
@click.argument("scenario", type=ScenarioName())
@click.option("--guards", type=Texts(guard_names), help="Guards, such as none,lock,semaphore(4).")
@click.option("--stores", type=Texts(store_names), help="Stores, such as json_file,memory.")
@click.option("--processes", type=WholeNumbers(), help="Process counts, such as 2,3.")
@click.option("--delays", type=Texts(), help="Values for the scenario's main delays; they order nothing but --timed.")
@click.option("--set", "set_", multiple=True, metavar="NAME=VALUE", help="A parameter of the scenario.")
@click.option("--engine", type=str, help="Of a scenario: simulated, or controlled for real processes [simulated].")
@click.option("--strategy", type=str, help="dpor, bounded, exhaustive, random or pct [dpor].")
@click.option("--bound", type=int, help="The most preemptions, with --strategy bounded.")
@click.option("--executions", type=int, help="Stop after so many executions of a cell.")
@click.option("--seconds", type=float, help="Stop after so many seconds of a cell [60].")
@click.option("--jobs", type=int, help="Processes that search, with dpor [one a core].")
@click.option("--timed", "is_timed", is_flag=True, help="Delays order: search only what is ready at the same moment.")
@click.option("--seed", type=int, help="Seed of all delays and draws.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the schedules [results/explore-<scenario>-…].")
@click.option("--check", type=str, help="Of a script: a command, or file.py:function, that judges each ending.")
@click.option("--expect-output", type=str, help="Of a script: a regular expression that all output must match.")
@click.option("--deterministic", "is_deterministic", is_flag=True, help="Of a script: it must always end alike.")
@click.option("--files", type=Texts(), help="Of a script: the files that it needs [its folder].")
@click.option("--orders", type=int, help="Of a script: the most serial orders to compare with [120].")
@click.option("--fail-on", type=str, help="The least grade that counts: violation or interesting [violation].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--quiet", "-q", is_flag=True, help="Print the verdicts only; no progress.")
def explore_command(
    scenario: str, out: Path | None, set_: tuple[str, ...], as_json: bool, quiet: bool, **choices: Any
) -> int:
    """Wire the options to the verb."""
    from lab.cli.searching import Searching
    from lab.exploring import Interrupted, explore
    from lab.script import is_script

    choices["set"] = settings(set_) or None
    if choices["jobs"] is None and choices["strategy"] in (None, "dpor"):
        choices["jobs"] = os.cpu_count()
    if not choices["is_timed"]:
        del choices["is_timed"]
    given: Any = {name: choice for name, choice in choices.items() if choice is not None}
    try:
        # Results go to stdout; what a body or a judge prints is no result.
        with Searching(quiet) as watcher, contextlib.redirect_stdout(sys.stderr):
            if is_script(scenario):
                exploration = _explored_script(scenario, out, watcher, given)
            else:
                exploration = explore(scenario, out=out, watcher=watcher, **_without_rules(given))
    except Interrupted as interrupt:
        _show(interrupt.exploration, as_json, quiet)
        raise
    _show(exploration, as_json, quiet)
    return {"found": 1, "proved": 0, "unknown": 4}[exploration.verdict]


def _explored_script(path: str, out: Path | None, watcher: Any, given: dict[str, Any]) -> Exploration:
    from lab.script import Script
    from lab.script_exploring import explore_script

    of_scenarios = [name for name in ("guards", "stores", "processes", "delays", "set", "is_timed") if name in given]
    if of_scenarios:
        name = of_scenarios[0].removeprefix("is_")
        raise UsageError(f"--{name}: expected with a scenario, found the script {path}. Leave it out.")
    if given.pop("engine", "controlled") != "controlled":
        raise UsageError("--engine: expected controlled, which is what can run a script. Leave it out.")
    rules = {name: given.pop(name) for name in _RULES if name in given}
    return explore_script(Script(path, **rules), out=out, watcher=watcher, **given)


_RULES = ("check", "expect_output", "is_deterministic", "files", "orders")


def _without_rules(given: dict[str, Any]) -> dict[str, Any]:
    """The options of a scenario, to which the rules of scripts mean nothing."""
    found = [name for name in _RULES if given.get(name)]
    if found:
        name = found[0].removeprefix("is_").replace("_", "-")
        raise UsageError(f"--{name}: expected with a script such as buy.py, found a scenario. Leave it out.")
    return {name: value for name, value in given.items() if name not in _RULES}


def _show(exploration: Exploration, as_json: bool, quiet: bool) -> None:
    if as_json:
        import json

        from lab.exploration import document

        click.echo(json.dumps(document(exploration), indent=2))
        return
    from lab.script import is_script

    if all(is_script(cell.scenario) for cell in exploration.cells):
        from lab.cli.script_text import explained_script

        lines: Iterable[str] = explained_script(exploration, is_brief=quiet)
    else:
        from lab.explanation import explained

        lines = explained(exploration, is_brief=quiet)
    for line in lines:
        click.echo(line)
