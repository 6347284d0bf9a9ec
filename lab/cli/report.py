"""`lab report`: one HTML page of a results or an exploration folder."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("folder", type=click.Path(path_type=Path))
def report_command(folder: Path) -> None:
    """Write report.html into a results or exploration FOLDER: one page that needs nothing else.

    It has the findings, the table, the pictures, the outcomes, a failing trial to step through, the machine, and the
    commands that do it again. Of results, the failing trial is searched for in virtual time while the page is made.
    """
    from lab.report import report

    click.echo(report(folder))
