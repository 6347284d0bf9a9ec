"""What the reference says is read from the code while the site is built: verbs, options, the Python API, files, exit codes.

A page asks for a part by a comment, such as `<!-- from the code: verbs -->`, which GitHub doesn't show.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

import lab
from lab.cli import main
from lab.exploration import Explored, Finding, document

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ASKED = re.compile(r"^<!-- from the code: (\w+) -->$", re.MULTILINE)
CODES = re.compile(r"Exit codes: (.*?)\.\s*$(?:\n\n|\Z)", re.MULTILINE | re.DOTALL)
OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")
GROUP = re.compile(r"^(\w[^:\n]*): (`\w+`.*)\.$", re.MULTILINE)


def verbs() -> str:
    """Each command with its help and a table of its options."""
    return "\n\n".join(_verb(name, command) for name, command in main.verbs().items())


def _verb(name: str, command: click.Command) -> str:
    arguments = " ".join(_metavar(one, command) for one in command.params if isinstance(one, click.Argument))
    rows = [
        (", ".join(f"`{written}`" for written in one.opts), _values(one, command), one.help or "")
        for one in command.params
        if isinstance(one, click.Option)
    ]
    usage = f"```text\nlab {name} [OPTIONS] {arguments}".rstrip() + "\n```"
    return "\n\n".join(
        [f"## lab {name}", usage, _prose(command.help or ""), _table(("option", "takes", "meaning"), rows)]
    )


def _metavar(one: click.Parameter, command: click.Command) -> str:
    return one.make_metavar(click.Context(command))


def _values(option: click.Option, command: click.Command) -> str:
    return "" if option.is_flag else f"`{_metavar(option, command)}`"


def _prose(text: str) -> str:
    r"""Help as Markdown: what stands below a `\b` is shown as it is written."""
    paragraphs = text.strip().split("\n\n")
    return "\n\n".join(
        f"```text\n{_dedented(one)}\n```" if one.startswith("\b") else _escaped(one) for one in paragraphs
    )


def _dedented(paragraph: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in paragraph.splitlines()[1:])


def _escaped(text: str) -> str:
    """Text in which nothing but code between backticks means anything to Markdown."""
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([\\*_\[\]<>|])", r"\\\1", part) for part in parts)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    cells = [head, ("---",) * len(head), *((first, second, *map(_escaped, others)) for first, second, *others in rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def names() -> str:
    """All that `import lab` offers, grouped as its docstring is."""
    groups = [(title, re.findall(r"`(\w+)`", line)) for title, line in GROUP.findall(lab.__doc__ or "")]
    return "\n\n".join(f"## {title}\n\n```{{eval-rst}}\n{_documented(found)}\n```" for title, found in groups)


def _documented(found: list[str]) -> str:
    return "\n".join(f".. auto{_kind(getattr(lab, name))}:: lab.{name}" for name in found)


def _kind(thing: object) -> str:
    if isinstance(thing, type):
        return "exception" if issubclass(thing, BaseException) else "class"
    return "function" if callable(thing) else "data"


def codes() -> str:
    """What the exit codes mean, for all verbs and for each that has more to say."""
    helps = {"lab": main.lab.help, **{f"lab {name}": command.help for name, command in main.verbs().items()}}
    found = {name: CODES.search(text or "") for name, text in helps.items()}
    rows = [(f"`{name}`", " ".join(match[1].split())) for name, match in found.items() if match]
    return _table(("command", "exit codes"), rows)


def explorations() -> str:
    """The keys of `exploration.json`, with those of a cell and of an outcome, and what they hold."""
    with tempfile.TemporaryDirectory() as folder:
        found = document(lab.explore("ticket_sale", guards=["none"], processes=[2], out=Path(folder) / "found"))
    (cell,) = found["cells"]
    outcome = next(iter(cell["outcomes"].values()))
    docs = (Explored.__doc__ or "", Finding.__doc__ or "")
    keys = [", ".join(f"`{key}`" for key in one) for one in (found, cell, outcome)]
    return (
        f"Its keys are {keys[0]}. Each of `cells` has {keys[1]}. {_paragraphs(docs[0])}\n\n"
        f"Each of `outcomes`, under its name, has {keys[2]}. {_paragraphs(docs[1])}"
    )


def _paragraphs(docstring: str) -> str:
    return _escaped(" ".join(docstring.split()))


def schedules() -> str:
    """What a schedule holds, and one that `lab explore` has just found."""
    rows = [(f"`{one.name}`", f"`{one.type}`".replace("|", "\\|")) for one in fields(lab.Schedule)]
    with tempfile.TemporaryDirectory() as folder:
        found = lab.explore("ticket_sale", guards=["none"], processes=[2], out=Path(folder) / "found")
        text = Path(found.cells[0].findings[0].file).read_text()
    return (
        f"{_paragraphs(lab.Schedule.__doc__ or '')}\n\n{_table(('key', 'holds'), rows)}\n\n"
        f"This one sells the last ticket twice:\n\n```json\n{text}```"
    )


PARTS: dict[str, Callable[[], str]] = {part.__name__: part for part in (verbs, names, codes, explorations, schedules)}


def filled(text: str) -> str:
    """The page with what it asks for. A link to a file of the repository that is no page is its text alone."""
    return OUTSIDE.sub(r"\1", ASKED.sub(lambda match: PARTS[match[1]](), text))


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True}


def _fill(app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = filled(source[0])
