"""`lab run`: measure an experiment, or go on with one that was interrupted."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.cli.options import ExperimentName, Share, Texts, WholeNumbers, guard_names, settings, store_names
from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.experiments.grid import Experiment
    from lab.results import Results

_HELP = """Measure an EXPERIMENT: how often it goes wrong, and what each guard costs.

EXPERIMENT is a built-in name (`lab list`), a .toml file, a scenario's name, module:Class or file.py:Class. Without one,
the tutorial is run: every scenario, with and without its guard.

\b
    lab run
    lab run ticket_sale --guards none,lock --processes 2,5 --delays 0,1ms
    lab run shop.py:LastCoupon --set coupons=3 -n 5000 --out results/coupons

Delays have units and may be drawn: 0, 1ms, uniform(0,1s), exp(2ms), normal(5ms,1ms), randint(1,5)s.

How many trials do I need to see 0.1 %? About 3,000 to see it at all, far more to measure it: docs/trials.md has the
table, `--until-width 1%` the shortcut.
"""


@click.command("run", help=_HELP)
@click.argument("experiment", required=False, type=ExperimentName())
@click.option("--guards", type=Texts(guard_names), help="Guards, such as none,lock,semaphore(4).")
@click.option("--stores", type=Texts(store_names), help="Stores, such as json_file,memory.")
@click.option("--processes", type=WholeNumbers(), help="Process counts, such as 2,5,10.")
@click.option("--delays", type=Texts(), help="Values for the scenario's main delays, such as 0,1ms,uniform(0,10ms).")
@click.option(
    "--set", "set_", multiple=True, metavar="NAME=VALUE", help="A parameter of the scenario; a list is an axis."
)
@click.option("--trials", "-n", type=int, help="Trials of each cell.")
@click.option("--engine", type=str, help="What runs the trials: real, or simulated (virtual time).")
@click.option(
    "--alignment",
    type=str,
    help="natural; awake: the same on cores that are kept from sleeping; aligned: start together, to see rare races "
    "(never a natural rate); ordered: in virtual time, who is ready together goes by number.",
)
@click.option("--seed", type=int, help="Seed of all delays and draws.")
@click.option("--out", type=click.Path(path_type=Path), help="Results folder [results/<experiment>-<UTC time>].")
@click.option("--dir", "directory", type=str, help="Where stores keep files [in memory].")
@click.option(
    "--resume", type=click.Path(path_type=Path), help="Go on with this results folder; takes no other choice."
)
@click.option("--timeout", type=str, help="When a trial is a hang, such as 5s [ten times its longest serial delay].")
@click.option("--start-method", type=str, help="fork, spawn or forkserver.")
@click.option("--lanes", type=int, help="Trials side by side [chosen from the delays, and checked against one].")
@click.option("--until-width", type=Share(), help="Stop a cell when its interval is that narrow, such as 1%.")
@click.option("--save-baseline", type=str, help="Keep a copy under this name, for `lab compare NAME DIR`.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--quiet", "-q", is_flag=True, help="Print the findings and the folder only; no progress.")
@click.option("--fail-on-violation", is_flag=True, help="Exit with 1 if any trial was a violation.")
def run_command(
    experiment: str | None,
    out: Path | None,
    resume: Path | None,
    save_baseline: str | None,
    as_json: bool,
    quiet: bool,
    fail_on_violation: bool,
    **choices: Any,
) -> int:
    """Wire the options to the verbs."""
    from lab import comparing
    from lab.cli.show import show

    if save_baseline is not None:
        comparing.baseline_folder(save_baseline)
    folder, chosen = _resumed(resume, experiment, out, choices) if resume else _created(experiment, out, choices)
    results = _measured(folder, chosen, as_json, quiet)
    show(results, folder, as_json=as_json, quiet=quiet)
    if save_baseline is not None:
        kept = comparing.save_baseline(folder, save_baseline)
        click.echo(f"baseline: {kept}", err=as_json)
    return int(fail_on_violation and bool(results.summary["violations"].sum()))


def _created(experiment: str | None, out: Path | None, choices: dict[str, Any]) -> tuple[Path, Experiment]:
    from lab import verbs

    choices["set"] = settings(choices.pop("set_")) or None
    given: Any = {name: choice for name, choice in choices.items() if choice is not None}
    chosen = verbs.prepared(experiment or "tutorial", **given)
    return verbs.created(chosen, out), chosen


def _resumed(
    folder: Path, experiment: str | None, out: Path | None, choices: dict[str, Any]
) -> tuple[Path, Experiment]:
    from lab import archive

    options = {_OPTIONS.get(name, f"--{name.replace('_', '-')}"): value for name, value in choices.items()}
    given = [
        option
        for option, value in ({"EXPERIMENT": experiment, "--out": out} | options).items()
        if value not in (None, ())
    ]
    if given:
        raise UsageError(
            f"--resume {folder} goes on with the experiment as it was, found {given[0]}: leave it out, or run it anew."
        )
    return folder, archive.experiment_of(folder)


_OPTIONS = {"set_": "--set", "directory": "--dir"}


def _measured(folder: Path, experiment: Experiment, as_json: bool, quiet: bool) -> Results:
    from lab import verbs
    from lab.cli.progress import Bar
    from lab.cli.show import show

    place = folder.absolute()
    try:
        # Results go to stdout; what a setup or a judge prints is no result.
        with Bar(experiment, quiet) as bar, contextlib.redirect_stdout(sys.stderr):
            return verbs.resume(place, progress=bar)
    except KeyboardInterrupt:
        import shlex

        click.echo(f"lab: go on with: lab run --resume {shlex.quote(str(folder))}", err=True)
        if verbs.has_trials(place):
            show(verbs.summarise(place), folder, as_json=as_json, quiet=quiet)
        raise
