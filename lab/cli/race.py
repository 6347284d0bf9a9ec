"""`lab race`: repeat scripts as they stand, on real processes, and tell how often they go wrong by themselves."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.cli.options import Texts
from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.experiments.grid import Experiment
    from lab.results import Results

_HELP = """Repeat SCRIPTS that use multiprocessing, as they stand: how often do they go wrong by themselves?

Each run has a fresh copy of the script's folder, and nobody controls its processes. Of two scripts, such as the one
without and the one with the Lock, the rates and wall times are compared, too.

\b
    lab race buy.py
    lab race buy.py buy_lock.py --trials 2000
    lab race karaoke.py --check rules.py:at_most_four

What goes wrong: an exit code other than 0 or an exception in any process, a run that does not end, and, unless a rule
is given, an ending (final files, exit codes, each process's output) that the processes don't have one after another, in
any order. `lab explore` finds the schedule that breaks a script, however seldom it comes up.

Exit codes: 0 nothing went wrong, 1 something did.
"""


@click.command("race", help=_HELP)
@click.argument("scripts", nargs=-1, type=click.Path(path_type=str))
@click.option("--trials", "-n", type=int, help="Runs of each script [1000].")
@click.option("--lanes", type=int, help="Runs side by side [as many as mostly sleep].")
@click.option("--timeout", type=str, help="When a run is a hang, such as 5s [ten times the longest of three runs].")
@click.option("--check", type=str, help="A command, or file.py:function, that judges each ending.")
@click.option("--expect-output", type=str, help="A regular expression that all output must match.")
@click.option("--files", type=Texts(), help="The files that the scripts need [their folders].")
@click.option("--orders", type=int, help="The most serial orders to compare with [120].")
@click.option("--out", type=click.Path(path_type=Path), help="Results folder [results/race-<script>-<UTC time>].")
@click.option("--resume", type=click.Path(path_type=Path), help="Go on with this results folder; takes no scripts.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--quiet", "-q", is_flag=True, help="Print the rates and the folder only; no progress.")
def race_command(
    scripts: tuple[str, ...], out: Path | None, resume: Path | None, as_json: bool, quiet: bool, **choices: Any
) -> int:
    """Wire the options to the verb."""
    from lab import archive, racing, verbs

    given = {name: choice for name, choice in choices.items() if choice is not None}
    if resume is not None:
        if scripts or out or given:
            raise UsageError(f"--resume {resume} goes on with the race as it was, found another choice. Leave it out.")
        folder, experiment = resume, archive.experiment_of(resume)
    else:
        rules = racing.Rules(**{name: given.pop(name) for name in racing.Rules._fields if name in given})
        experiment = racing.prepared(scripts, rules=rules, **given)
        folder = verbs.created(experiment, out)
    results = _measured(folder, experiment, as_json, quiet)
    _show(results, folder, as_json, quiet)
    return int(bool(results.summary["violations"].sum()))


def _measured(folder: Path, experiment: Experiment, as_json: bool, quiet: bool) -> Results:
    from lab import racing, verbs
    from lab.cli.progress import Bar

    place = folder.absolute()
    try:
        with Bar(experiment, quiet) as bar, contextlib.redirect_stdout(sys.stderr):
            return racing.resume(place, progress=bar)
    except KeyboardInterrupt:
        import shlex

        click.echo(f"lab: go on with: lab race --resume {shlex.quote(str(folder))}", err=True)
        if verbs.has_trials(place):
            _show(verbs.summarise(place), folder, as_json, quiet)
        raise


def _show(results: Results, folder: Path, as_json: bool, quiet: bool) -> None:
    if as_json:
        import json

        from lab.cli.race_text import document

        click.echo(json.dumps(document(results, folder), indent=2))
        return
    from lab.cli.race_text import told

    for line in told(results, folder, is_brief=quiet):
        click.echo(line)
