"""`lab summary` and `lab plot`: the table, the findings, and the pictures of a results folder."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import pandas as pd

    from lab.results import Results

_WIDEST = 400


@click.command("summary")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def summary_command(folder: Path, as_json: bool) -> None:
    """Print the table and the findings of a results FOLDER, also of one that was interrupted."""
    from lab import verbs

    show(verbs.open_results(folder), as_json=as_json, quiet=False)


@click.command("plot")
@click.argument("folder", type=click.Path(path_type=Path))
def plot_command(folder: Path) -> None:
    """Draw the pictures of a results FOLDER anew, as SVG and PNG."""
    from lab import verbs

    for path in verbs.plot(verbs.open_results(folder)):
        click.echo(path)


def show(results: Results, *, as_json: bool, quiet: bool) -> None:
    """Print a summary: as a table with the findings, as the findings alone, or as one JSON document."""
    from lab import verbs
    from lab.findings import findings

    said = findings(results.summary, verbs.scenarios_of(results.folder))
    if as_json:
        import json

        cells = json.loads(results.summary.to_json(orient="records", double_precision=15))
        click.echo(json.dumps({"folder": str(results.folder), "findings": said, "cells": cells}, indent=2))
        return
    if not quiet:
        _print_table(results)
        click.echo()
    for sentence in said:
        click.echo(sentence)
    click.echo(f"\nresults: {results.folder}")


def _print_table(results: Results) -> None:
    from rich.console import Console
    from rich.table import Table

    summary = _with_settings(results.summary)
    columns = {name: column for name, column in _COLUMNS.items() if any(column(row) for _, row in summary.iterrows())}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="left" if name in _LEFT else "right", no_wrap=True)
    before = None
    for _, row in summary.iterrows():
        if before is not None and row["scenario"] != before:
            table.add_row()
        table.add_row(*[column(row) for column in columns.values()])
        before = row["scenario"]
    # As wide as it needs to be: a terminal that is narrower wraps lines, where rich would cut figures.
    Console(width=_WIDEST, highlight=False, markup=False).print(table)


def _with_settings(summary: pd.DataFrame) -> pd.DataFrame:
    """With a column `set`: the parameters, but for the main delays, in which cells of one scenario differ."""
    names = list(summary.columns)
    fields = names[names.index("start_method") + 1 : names.index("lanes")]
    texts = summary[fields].map(_plain)
    differing = texts.groupby(summary["scenario"]).transform("nunique") > 1
    said = []
    for delay, values, differs in zip(summary["delay"], texts.to_numpy(), differing.to_numpy(), strict=True):
        delays = str(delay).split(" + ")
        settings = zip(fields, values, differs, strict=True)
        said.append(" ".join(f"{name}={value}" for name, value, is_told in settings if is_told and value not in delays))
    return summary.assign(set=said)


def _plain(value: Any) -> str:
    import pandas as pd

    if pd.isna(value):
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def _rate(row: Any) -> str:
    from lab.statistics import rate_text

    star = "*" if row["interval"] == "clustered" else ""
    return rate_text(row["violation_rate"], row["violation_low"], row["violation_high"]) + star


def _price(row: Any) -> str:
    if row["guard"] == "none" or math.isnan(row["slowdown"]):
        return ""
    if math.isnan(row["slowdown_low"]):
        return f"{row['slowdown']:.3g} [unknown]"
    return f"{row['slowdown']:.3g} [{_down(row['slowdown_low'])}, {_up(row['slowdown_high'])}]"


def _down(number: float) -> str:
    return f"{math.floor(number * 100) / 100:.2f}"


def _up(number: float) -> str:
    return f"{math.ceil(number * 100) / 100:.2f}"


def _duration(seconds: float) -> str:
    if math.isnan(seconds):
        return ""
    unit, scale = ("us", 1e6) if seconds < 1e-3 else ("ms", 1e3) if seconds < 1 else ("s", 1)
    return f"{seconds * scale:.3g} {unit}"


def _text(name: str) -> Any:
    return lambda row: "" if row[name] != row[name] or row[name] is None else str(row[name])


_COLUMNS = {
    "scenario": _text("scenario"),
    "guard": _text("guard"),
    "store": _text("store"),
    "processes": _text("processes"),
    "delay": _text("delay"),
    "set": _text("set"),
    "trials": lambda row: f"{row['trials']:,}",
    "violations": _rate,
    "median wall": lambda row: _duration(row["wall_median_s"]),
    "times unguarded": _price,
}
_LEFT = ("scenario", "guard", "store", "delay", "set")
