"""`lab summary` and `lab plot`: the table, the findings, and the pictures of a results folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pandas as pd

    from lab.results import Results


@click.command("summary")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def summary_command(folder: Path, as_json: bool) -> None:
    """Print the table and the findings of a results FOLDER, also of one that was interrupted."""
    from lab import verbs

    show(verbs.open_results(folder), folder, as_json=as_json, quiet=False)


@click.command("plot")
@click.argument("folder", type=click.Path(path_type=Path))
def plot_command(folder: Path) -> None:
    """Draw the pictures of a results FOLDER anew, as SVG and PNG."""
    from lab import verbs

    for path in verbs.plot(verbs.open_results(folder)):
        click.echo(path)


def show(results: Results, folder: Path, *, as_json: bool, quiet: bool) -> None:
    """Print a summary: as a table with the findings, as the findings alone, or as one JSON document.

    `folder` is where the results are, as the user called it.
    """
    from lab import verbs
    from lab.findings import findings

    said = findings(results.summary, verbs.scenarios_of(results.folder))
    if as_json:
        import json

        cells = json.loads(results.summary.to_json(orient="records", double_precision=15))
        click.echo(json.dumps({"folder": str(folder), "findings": said, "cells": cells}, indent=2))
        return
    if not quiet:
        _print_table(results.summary)
    for sentence in said:
        click.echo(sentence)
    click.echo(f"\nresults: {folder}")


def _print_table(summary: pd.DataFrame) -> None:
    import os

    from lab.cli.table import sections

    # A pipe is no terminal, and gets no bold letters in any case.
    color = False if os.environ.get("NO_COLOR") else None
    for section in sections(summary):
        click.echo(click.style(section.heading, bold=True), color=color)
        for line in section.lines:
            click.echo(line)
        click.echo()
