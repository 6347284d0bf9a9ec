"""`lab replay`: run a saved schedule once more."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.schedule import Schedule


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--engine", type=str, help="Of a scenario: simulated, or controlled for real processes [simulated].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def replay_command(file: Path, engine: str | None, as_json: bool) -> int:
    """Repeat a schedule FILE that `lab explore` saved, exactly, and show it operation by operation.

    Exit codes: 0 no violation, 1 the violation shows again, 4 the program departs from the schedule.
    """
    from lab import schedule as schedules
    from lab.script import is_script

    if engine not in (None, "simulated", "controlled"):
        raise UsageError(f"engine {engine!r}: expected simulated or controlled.")
    schedule = schedules.load(file)
    if is_script(schedule.scenario):
        if engine == "simulated":
            raise UsageError("engine 'simulated': expected controlled, which is what can run a script. Leave it out.")
        return _replay_script(schedule, as_json)
    from lab.explanation import as_document, retold
    from lab.replaying import replay

    with contextlib.redirect_stdout(sys.stderr):
        replayed = replay(schedule, engine=engine or "simulated")
    if as_json:
        import json

        click.echo(json.dumps(as_document(replayed), indent=2))
    else:
        for line in retold(replayed):
            click.echo(line)
    if replayed.execution is None:
        return 4
    return int(replayed.execution.trial.violation)


def _replay_script(schedule: Schedule, as_json: bool) -> int:
    from lab.cli.script_text import retold_script
    from lab.script_exploring import replay_script

    replayed = replay_script(schedule)
    if as_json:
        import json

        execution = replayed.execution
        events = [] if execution is None else [[*event.operation, event.result] for event in execution.events]
        ended = "" if execution is None else execution.trial.detail
        document = {"outcome": schedule.outcome, "detail": ended, "departed": replayed.departed, "events": events}
        click.echo(json.dumps(document, indent=2))
    else:
        for line in retold_script(replayed):
            click.echo(line)
        if replayed.execution is not None:
            click.echo(f"{schedule.outcome}: {replayed.execution.trial.detail}")
    return 4 if replayed.execution is None else int(replayed.is_violation)
