"""`lab replay`: run a saved schedule once more."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import click

from lab.errors import UsageError


@click.command("replay")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--engine", type=str, default="simulated", help="What runs it: simulated.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def replay_command(file: Path, engine: str, as_json: bool) -> int:
    """Repeat a schedule FILE that `lab explore` saved, exactly, and show it operation by operation.

    Exit codes: 0 no violation, 1 the violation shows again, 4 the program departs from the schedule.
    """
    from lab.explanation import as_document, retold
    from lab.replaying import replay

    if engine != "simulated":
        raise UsageError(f"engine {engine!r}: expected simulated, which is what can replay a schedule.")
    with contextlib.redirect_stdout(sys.stderr):
        replayed = replay(file)
    if as_json:
        import json

        click.echo(json.dumps(as_document(replayed), indent=2))
    else:
        for line in retold(replayed):
            click.echo(line)
    if replayed.execution is None:
        return 4
    return int(replayed.execution.trial.violation)
