"""Experiments as TOML files: read with every mistake named by its key, and written so that they run again exactly."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from lab.delays import Delay
from lab.errors import UsageError, unknown_name
from lab.experiments.grid import Experiment, Grid

FORMAT = 1
"""Raised when a results folder can't be read as before."""

_KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "Sequence[str]": (list,),
    "Sequence[int]": (list,),
    "Mapping[str, Any]": (dict,),
}


def read(path: Path) -> Experiment:
    """The experiment in a file; UsageError, which names the key, if there is none."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"can't read {path}: {error.strerror}. Expected a TOML file of an experiment.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is no TOML file: {error}. `lab run --help` tells what stands in one.") from error
    return from_table(table, path)


def from_table(table: dict[str, Any], path: Path) -> Experiment:
    """The experiment in a parsed file."""
    found = table.pop("format", FORMAT)
    if found != FORMAT:
        raise UsageError(
            f"{path}: format {found} is of another version of lab: expected {FORMAT}. Read it with that version."
        )
    table = {"name": path.stem, **table}
    grids = table.pop("grid", [])
    if not isinstance(grids, list) or not all(isinstance(grid, dict) for grid in grids):
        raise UsageError(f"{path}: grid: expected one or more tables, found {grids!r}. Write [[grid]].")
    checked = [_checked(Grid, grid, f"{path}: grid {number}", ()) for number, grid in enumerate(grids, 1)]
    values = _checked(Experiment, table, str(path), ("grids",))
    return Experiment(**values, grids=[Grid(**grid) for grid in checked])


def _checked(kind: type, table: Mapping[str, Any], where: str, elsewhere: tuple[str, ...]) -> dict[str, Any]:
    texts = kind.__annotations__
    known = [name for name in texts if name not in elsewhere]
    offered = [*known, "grid"] if "grids" in elsewhere else known
    for key, value in table.items():
        if key not in known:
            raise UsageError(f"{where}: {unknown_name('key', key, offered)}")
        _check_value(f"{where}: {key}", texts[key].removesuffix(" | None"), value)
    missing = [
        f.name
        for f in fields(kind)
        if f.name not in (*table, *elsewhere) and f.default is MISSING and f.default_factory is MISSING
    ]
    if missing:
        raise UsageError(f"{where}: expected the key {missing[0]!r}, found none. Add it.")
    return dict(table)


def _check_value(where: str, kind: str, value: Any) -> None:
    expected = _KINDS[kind]
    items = {"Sequence[str]": str, "Sequence[int]": int}.get(kind)
    is_right = isinstance(value, expected) and not isinstance(value, bool)
    if is_right and items:
        is_right = all(isinstance(item, items) and not isinstance(item, bool) for item in value)
    if not is_right:
        raise UsageError(f"{where}: expected {_NAMES[kind]}, found {value!r}.")


_NAMES = {
    "str": "a text in quotes",
    "int": "a whole number",
    "float": "a number",
    "Sequence[str]": 'a list of texts, such as ["none", "lock"]',
    "Sequence[int]": "a list of whole numbers, such as [2, 5]",
    "Mapping[str, Any]": "a table, such as { tickets = 3 }",
}


def text(experiment: Experiment) -> str:
    """The file that `read` turns back into an equal experiment."""
    import tomli_w

    table = _without_defaults({**vars(experiment), "grids": []}, Experiment)
    table["grid"] = [_without_defaults(vars(grid), Grid) for grid in experiment.grids]
    return tomli_w.dumps({"format": FORMAT, **table})


def _without_defaults(values: dict[str, Any], kind: type) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [plain(inner) for inner in value]
        return str(value) if isinstance(value, Delay) else value

    kept = {f.name: plain(values[f.name]) for f in fields(kind) if values[f.name] is not None}
    return {name: value for name, value in kept.items() if value not in ([], {})}
