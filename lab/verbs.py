"""The verbs: what the command line and `lab.run` do, from an experiment to a results folder with its pictures."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from lab import archive
from lab.environment import environment
from lab.errors import LabError, UsageError
from lab.experiments import experiment_named
from lab.experiments.adjust import Adjustments, adjusted
from lab.experiments.grid import Experiment, plans
from lab.experiments.runner import Progress, measure
from lab.scenario import Scenario

if TYPE_CHECKING:
    from lab.results import Results


def run(
    experiment: str | Experiment = "tutorial",
    *,
    out: str | Path | None = None,
    progress: Progress | None = None,
    **adjustments: Unpack[Adjustments],
) -> Results:
    """Measure an experiment, on real processes or in virtual time, and return its results.

    `experiment` is a built-in name, a `.toml` file, a scenario name, `module:Class`, `file.py:Class`, or an Experiment.
    Adjustments replace its choices: `run("ticket_sale", guards=["none", "lock"], processes=[5], trials=200)`. `out` is
    the results folder (default: `results/<experiment>-<UTC time>`); an existing one is an OutputError. Raises
    UsageError before anything is started if something does not fit together.
    """
    chosen = prepared(experiment, **adjustments)
    return resume(created(chosen, out), progress=progress)


def prepared(experiment: str | Experiment, **adjustments: Unpack[Adjustments]) -> Experiment:
    """The experiment with its adjustments; UsageError if anything in it does not fit together."""
    chosen = experiment_named(experiment) if isinstance(experiment, str) else experiment
    chosen = adjusted(chosen, **adjustments)
    if chosen.directory is not None:
        chosen = replace(chosen, directory=str(Path(chosen.directory).absolute()))
    plans(chosen)
    return chosen


def created(experiment: Experiment, out: str | Path | None = None) -> Path:
    """A new results folder for the experiment; OutputError if it exists or can't be made."""
    folder = Path(out) if out is not None else default_folder(experiment)
    archive.create(folder, experiment, environment(experiment.directory, experiment.start_method))
    return folder


def resume(folder: str | Path, *, progress: Progress | None = None, pictures: bool = True) -> Results:
    """Measure the trials of a results folder that are missing, with the same numbers and seeds, and summarise all.

    Without `pictures` none are drawn; `lab.plot` draws them later.
    """
    # A setup may change the working directory of this very process.
    folder = Path(folder).absolute()
    experiment = archive.experiment_of(folder)
    with archive.Archive(folder) as opened:
        measure(experiment, opened, progress or Progress())
        opened.compact()
    return summarise(folder, pictures=pictures)


def summarise(folder: str | Path, *, pictures: bool = True) -> Results:
    """Write the summary and the pictures of a results folder from its trials, also of a run that was interrupted."""
    from lab.results import write_summary

    folder = Path(folder)
    experiment = archive.experiment_of(folder)
    results = write_summary(folder, sequential=experiment.until_width is not None)
    if pictures and not results.summary.empty:
        plot(results)
    return results


def plot(results: Results) -> list[Path]:
    """Draw the pictures of a summary into its folder's `plots`, as SVG and PNG; returns their paths."""
    from lab import plots
    from lab.findings import grades

    known = grades(scenarios_of(results.folder))
    return plots.plot(results.summary, results.quantiles, results.folder / "plots", known)


def scenarios_of(folder: Path) -> dict[str, type[Scenario]]:
    """The scenarios of a results folder by their names in it; none if one of them is not to be found any more."""
    try:
        return {plan.cell.name: type(plan.cell.scenario) for plan in plans(archive.experiment_of(folder))}
    except LabError:
        return {}


def open_results(folder: str | Path) -> Results:
    """The results in a folder, summarised first if its run was interrupted before; UsageError if it holds none."""
    from lab.results import SUMMARY_FILE, Results

    folder = Path(folder)
    archive.experiment_of(folder)
    if (folder / SUMMARY_FILE).exists() and not archive.is_unfinished(folder):
        return Results(folder)
    if not archive.done(folder):
        raise UsageError(f"{folder} holds no trial yet. Measure them: lab run --resume {folder}.")
    return summarise(folder)


def has_trials(folder: Path) -> bool:
    """True if at least one trial was measured."""
    return bool(archive.done(folder))


def default_folder(experiment: Experiment) -> Path:
    """`results/<experiment>-<UTC time>`, one that does not exist."""
    stem = f"{experiment.name}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    candidates = (Path("results") / (stem if number == 1 else f"{stem}-{number}") for number in range(1, 1000))
    return next(folder for folder in candidates if not folder.exists())
