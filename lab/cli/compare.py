"""`lab compare`: is the second of two results worse, better or the same, cell by cell?"""

from __future__ import annotations

import click

from lab.cli.options import Share

_HELP = """Compare results B with results A: cell by cell, is B worse, better or the same?

A and B are results folders of `lab run` or `lab race`, or names that `lab run --save-baseline NAME` gave.

\b
    lab run ticket_sale --save-baseline monday
    lab run ticket_sale --out results/tuesday
    lab compare monday results/tuesday

A cell is worse if its rate of violations or its median wall time has grown by at least --rate or --wall, and chance is
no explanation: the interval excludes it, also when it is made wider for the number of cells, and of rates an exact test
does, too.

Exit codes: 0 nothing is worse, 1 something is, 4 of something nobody can tell.
"""

_CODES = {"worse": 1, "can't tell": 4}


@click.command("compare", help=_HELP)
@click.argument("a", type=str)
@click.argument("b", type=str)
@click.option("--rate", type=Share(), help="The least change of a rate that counts, such as 0.5% [1%].")
@click.option("--wall", type=Share(), help="The least change of a median wall time that counts, such as 5% [10%].")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.option("--quiet", "-q", is_flag=True, help="Print the cells that are worse, and the last line.")
def compare_command(a: str, b: str, rate: float | None, wall: float | None, as_json: bool, quiet: bool) -> int:
    """Wire the options to the verb."""
    from lab.cli.compare_text import document, told
    from lab.comparing import compare

    sizes = {name: size for name, size in (("rate_size", rate), ("wall_size", wall)) if size is not None}
    found = compare(a, b, **sizes)
    if as_json:
        import json

        click.echo(json.dumps(document(found), indent=2))
    else:
        for line in told(found, is_brief=quiet):
            click.echo(line)
    return _CODES.get(found.call, 0)
