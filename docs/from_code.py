"""What the reference says is read from the code while the site is built: verbs, options, the Python API, columns, exit codes.

A page asks for a part by a comment, such as `<!-- from the code: verbs -->`, which GitHub doesn't show.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

import lab
from lab.cli import main

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ASKED = re.compile(r"^<!-- from the code: (\w+) -->$", re.MULTILINE)
OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")
GROUP = re.compile(r"^(\w[^:\n]*): (`\w+`.*)\.$", re.MULTILINE)


def verbs() -> str:
    """Each command with its help and a table of its options."""
    return "\n\n".join(_verb(name, command) for name, command in main.lab.commands.items())


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


PARTS: dict[str, Callable[[], str]] = {"verbs": verbs, "names": names}


def filled(text: str) -> str:
    """The page with what it asks for. A link to a file of the repository that is no page is its text alone."""
    return OUTSIDE.sub(r"\1", ASKED.sub(lambda match: PARTS[match[1]](), text))


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True}


def _fill(app: Sphinx, page: str, source: list[str]) -> None:
    source[0] = filled(source[0])
