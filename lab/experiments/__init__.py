"""The built-in experiments by name, each a short script to copy, and the ways to name one."""

from __future__ import annotations

import ast
import contextlib
import importlib
from collections.abc import Sequence
from pathlib import Path

from lab.errors import SHOWN_BY_LIST, UsageError, unknown_name
from lab.experiments import toml
from lab.experiments.grid import Experiment, Grid
from lab.scenarios import BUILT_IN as SCENARIOS
from lab.scenarios import known_scenarios, name_of, scenario_named

TUTORIAL_SCALE = 100
BUILT_IN = ("tutorial", "tutorial_seconds", "ticket_sale", "guards", "messages")


def built_in(name: str) -> Experiment:
    """The built-in experiment of that name."""
    return importlib.import_module(f"lab.experiments.{name}").experiment  # type: ignore[no-any-return]


def built_in_line(name: str) -> str:
    """What the built-in experiment asks, in a line."""
    return (importlib.import_module(f"lab.experiments.{name}").__doc__ or "").strip().splitlines()[0]


def experiment_named(text: str) -> Experiment:
    """The experiment that a built-in name, a `.toml` file, or a scenario by any of its names gives; UsageError if none.

    A scenario's grid is its own choice of guards, its first store and its process counts.
    """
    if text.endswith(".toml"):
        return toml.read(Path(text))
    if text in BUILT_IN:
        return built_in(text)
    if text.endswith(".py"):
        raise UsageError(f"{text}: expected file.py:Class, found no class. Try {text}:{_first_class(text)}.")
    if ":" not in text and text not in known_scenarios():
        raise unknown_name("experiment or scenario", text, choices(), SHOWN_BY_LIST)
    return of_scenario(text)


def _first_class(file: str) -> str:
    with contextlib.suppress(OSError, SyntaxError, ValueError):
        for node in ast.parse(Path(file).read_text()).body:
            if isinstance(node, ast.ClassDef):
                return node.name
    return "Class"


def of_scenario(text: str) -> Experiment:
    """One grid of a scenario, with all its own choices; of a built-in one at a hundredth of the tutorial's delays."""
    kind = scenario_named(text)
    reference = kind.reference if ":" in text else text
    name = "".join(letter if letter.isalnum() else "_" for letter in name_of(kind).rpartition(":")[2])
    scale = TUTORIAL_SCALE if text in SCENARIOS else 1
    return Experiment(name=name, grids=[Grid(scenario=reference)], scale=scale)


def choices() -> Sequence[str]:
    """Every name that `experiment_named` knows without a file."""
    return list(dict.fromkeys([*BUILT_IN, *known_scenarios()]))
