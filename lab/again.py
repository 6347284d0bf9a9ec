"""The command line that searches the same again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from lab.cell_search import Choices

_OF_THE_MACHINE = ("jobs", "history")
"""What is chosen by who searches, and changes nothing of what is found."""


def search_command(target: str, asked: Mapping[str, object], choices: Choices) -> str:
    """`lab explore` of a scenario or script, with what was asked for and with the choices that are not the defaults."""
    defaults = Choices()._asdict()
    chosen = {
        name: value
        for name, value in choices._asdict().items()
        if value != defaults[name] and name not in _OF_THE_MACHINE
    }
    options = [word for name, value in {**asked, **chosen}.items() for word in _option(name, value)]
    return shlex.join(["lab", "explore", target, *options])


def _option(name: str, value: object) -> list[str]:
    option = f"--{name.removeprefix('is_').replace('_', '-')}"
    if value is True:
        return [option]
    if isinstance(value, Mapping):
        return [word for one, given in value.items() for word in (option, f"{one}={given}")]
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = ",".join(map(str, value))
    return [option, str(value)] if value else []
