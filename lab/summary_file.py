"""The summary as a CSV file: written so that every value comes back exactly, and read with every mistake named.

Knows nothing of folders and trials.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lab.summary import as_table

# A text in quotes or anything without, and what ends it.
_VALUE = re.compile(r'("(?:[^"]|"")*"|[^,\n]*)([,\n])')


def write(table: pd.DataFrame, path: Path) -> None:
    """Texts in quotes, numbers bare, gaps empty: so a delay of "0" comes back as text, and every number exactly."""
    lines = [",".join(_quoted(name) for name in table.columns)]
    values = table.astype(object).where(table.notna(), None)
    lines += [",".join(map(_written, row)) for row in values.itertuples(index=False, name=None)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(path: Path) -> pd.DataFrame:
    """What `write` wrote; ValueError, with column and row, if it is no summary any more."""
    names, rows = _table(path)
    is_recent = any(column in names for column in _OF_SURPRISES)
    for column, kind in (_REQUIRED | _OF_SURPRISES if is_recent else _REQUIRED).items():
        if column not in names:
            raise ValueError(f"no column {column}, which is {kind.what}")
    for number, row in enumerate(rows, 1):
        for column, value in row.items():
            _check(column, value, number)
    return as_table(rows, names)


# Writing -----------------------------------------------------------------------------------------------------------


def _written(value: object) -> str:
    if value is None:
        return ""
    # float() first: numpy's own repr is np.float64(0.1).
    return repr(float(value)) if isinstance(value, float) else _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    escaped = text.replace('"', '""')
    return f'"{escaped}"'


# Reading -----------------------------------------------------------------------------------------------------------


def _table(path: Path) -> tuple[list[str], list[dict[str, object]]]:
    # Not by pandas: its readers forget the quotes, and its older ones are off by a last digit.
    with path.open(encoding="utf-8", newline="") as file:
        texts = list(_csv_rows(file.read()))
    if not texts:
        raise ValueError("an empty file")
    names = [str(_value(text, "its name", 0)) for text in texts[0]]
    rows = []
    for number, row in enumerate(texts[1:], 1):
        if len(row) != len(names):
            raise ValueError(f"row {number} has {len(row)} values under {len(names)} names")
        rows.append({name: _value(text, name, number) for name, text in zip(names, row, strict=True)})
    return names, rows


def _csv_rows(text: str) -> Iterator[list[str]]:
    row: list[str] = []
    for match in _VALUE.finditer(text):
        row.append(match[1])
        if match[2] == "\n":
            yield row
            row = []


def _value(text: str, column: str, row: int) -> object:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"')
    if text in ("True", "False", ""):
        return text == "True" if text else None
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        if kind is float or abs(number) < 2**63:
            return number
    raise ValueError(f"{column} in row {row} is {text}, neither a number nor a text in quotes")


# What must be in which column --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kind:
    what: str
    holds: Callable[[object], bool]


def _is_number(value: object, lowest: float = 0.0, highest: float = float("inf")) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= highest


_TEXT = _Kind("a text in quotes", lambda value: isinstance(value, str))
_COUNT = _Kind("a whole number", lambda value: isinstance(value, int) and _is_number(value))
_COUNT_FROM_1 = _Kind("a whole number of at least 1", lambda value: isinstance(value, int) and _is_number(value, 1))
_SHARE = _Kind("a number from 0 to 1", lambda value: _is_number(value, 0, 1))
_AMOUNT = _Kind("a number of at least 0", _is_number)


def _or_gap(kind: _Kind) -> _Kind:
    return _Kind(f"{kind.what}, or empty", lambda value: value is None or kind.holds(value))


_REQUIRED: dict[str, _Kind] = {
    **dict.fromkeys(("cell_id", "scenario", "guard", "engine", "alignment", "start_method", "interval"), _TEXT),
    **dict.fromkeys(("store", "delay"), _or_gap(_TEXT)),
    **dict.fromkeys(("processes", "lanes", "trials"), _COUNT_FROM_1),
    **dict.fromkeys(("violations", "excluded"), _COUNT),
    **dict.fromkeys(("violation_rate", "violation_low", "violation_high"), _SHARE),
    **dict.fromkeys(("oversell_rate", "oversell_low", "oversell_high"), _or_gap(_SHARE)),
    **dict.fromkeys(("wall_median_s", "wall_low_s", "wall_high_s", "throughput_per_s"), _or_gap(_AMOUNT)),
    **dict.fromkeys(("slowdown", "slowdown_low", "slowdown_high"), _or_gap(_AMOUNT)),
}
_OF_SURPRISES: dict[str, _Kind] = {
    **dict.fromkeys(("interesting_rate", "interesting_low", "interesting_high"), _SHARE),
    "interesting_interval": _TEXT,
}
"""All of them or none: the first summaries had none."""
_OF_FAMILIES: dict[str, _Kind] = {
    "outcome_": _or_gap(_COUNT),
    "low_": _or_gap(_SHARE),
    "high_": _or_gap(_SHARE),
    "detail_": _or_gap(_TEXT),
}
"""By the beginnings of their names: columns that a summary may have or not."""


def _check(column: str, value: object, row: int) -> None:
    family = next((kind for start, kind in _OF_FAMILIES.items() if column.startswith(start)), None)
    kind = (_REQUIRED | _OF_SURPRISES).get(column, family)
    if kind is not None and not kind.holds(value):
        found = "nothing" if value is None else repr(value)
        raise ValueError(f"{column} in row {row} is {found}, and must be {kind.what}")
