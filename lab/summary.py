"""Trials to a summary: one row a cell with its rates, intervals and medians, and the quantiles of its wall times.

Takes one cell at a time, and keeps no more of it than a sketch of two megabytes. Knows no files.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lab import medians, statistics

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNGUARDED = "none"

CELL_COLUMNS = (
    "cell_id",
    "scenario",
    "guard",
    "store",
    "processes",
    "delay",
    "engine",
    "alignment",
    "start_method",
)
TRIAL_COLUMNS = (
    "lane",
    "block",
    "trial",
    "seed",
    "outcome",
    "detail",
    "violation",
    "interesting",
    "wall_s",
    "wait_median_s",
    "wait_max_s",
)
_TEXTS = {*CELL_COLUMNS, "interval", "interesting_interval"} - {"processes"}
_WHOLE_KINDS = {"integer", "floating", "mixed-integer-float", "boolean"}

Cells = Iterable[tuple[Mapping[str, object], pd.DataFrame]]
Family = tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """`summary` has one row a cell, in the order of the cells; `quantiles` has 201 rows a cell."""

    summary: pd.DataFrame
    quantiles: pd.DataFrame


@dataclass(frozen=True, slots=True, eq=False)
class _Digest:
    """What is kept of a cell: columns by name, and what another cell may be compared with."""

    cell: Mapping[str, object]
    rates: dict[str, object]
    outcomes: dict[str, int]
    bounds: dict[str, float]
    details: dict[str, str]
    times: dict[str, float]
    waits: dict[str, float]
    measures: dict[str, float]
    quantiles: NDArray[np.float64]
    walls: medians.BlockSketch


def summarise(cells: Cells, sequential: bool = False) -> Summary:
    """The summary of cells that come one at a time with all their trials; DESIGN.md lists the columns.

    Rates are in [0, 1], times in seconds. Of `oversell_rate`, trials whose `sold` is unknown (a hang) are no part.
    `sequential`: the trials were stopped by what they showed, so the bounds of rates must hold at every stopping time.
    """
    digests = [_digest(cell, frame, sequential) for cell, frame in cells]
    unguarded = {_family(digest.cell): digest for digest in digests if digest.cell["guard"] == UNGUARDED}
    declared = _outcomes_by_scenario(digests)
    rows = [_row(digest, unguarded.get(_family(digest.cell)), declared) for digest in digests]
    return Summary(as_table(rows, _summary_columns(digests)), _quantile_table(digests))


# A cell's trials to a digest ----------------------------------------------------------------------------------------


def _digest(cell: Mapping[str, object], frame: pd.DataFrame, sequential: bool) -> _Digest:
    walls = frame["wall_s"].to_numpy(dtype=float, na_value=math.nan)
    is_finished = ~np.isnan(walls)
    walls = walls[is_finished]
    ordered = np.sort(walls)
    blocks = frame["block"].to_numpy(dtype=np.int64)
    clusters = clusters_of(frame)
    quantiles = medians.quantiles(ordered, medians.probabilities())
    return _Digest(
        cell=dict(cell),
        rates=_rates(cell, frame, clusters, sequential),
        outcomes={str(name): int(count) for name, count in frame["outcome"].value_counts(sort=False).items()},
        bounds=_bounds(frame, clusters, sequential),
        details=_details(frame),
        times=_times(cell, ordered),
        waits={"wait_median_s": _median(frame["wait_median_s"]), "excluded": len(frame) - walls.size},
        measures=_measures(cell, frame),
        quantiles=quantiles,
        walls=medians.block_sketch(walls, blocks[is_finished], ordered),
    )


def _rates(
    cell: Mapping[str, object], frame: pd.DataFrame, clusters: NDArray[np.int64], sequential: bool
) -> dict[str, object]:
    violation = frame["violation"].to_numpy(dtype=bool)
    rate, interval = _rate(violation, clusters, sequential)
    surprise, around = _rate(frame["interesting"].to_numpy(dtype=bool), clusters, sequential)
    oversell, bounds = _oversell(cell, frame, clusters, sequential)
    return {
        "lanes": frame["lane"].nunique(),
        "trials": len(frame),
        "violations": int(violation.sum()),
        "violation_rate": rate,
        "violation_low": interval.low,
        "violation_high": interval.high,
        "interesting_rate": surprise,
        "interesting_low": around.low,
        "interesting_high": around.high,
        "interesting_interval": around.kind,
        "oversell_rate": oversell,
        "oversell_low": bounds[0],
        "oversell_high": bounds[1],
        "interval": interval.kind,
    }


def clusters_of(frame: pd.DataFrame) -> NDArray[np.int64]:
    """For each trial the number of its cluster: trials of one block on one lane share workers and their phase."""
    lanes = frame["lane"].to_numpy(dtype=np.int64)
    blocks = frame["block"].to_numpy(dtype=np.int64)
    codes: NDArray[np.int64] = pd.factorize(blocks * (lanes.max(initial=0) + 1) + lanes)[0]
    return codes


def _rate(
    is_event: NDArray[np.bool_], clusters: NDArray[np.int64], sequential: bool
) -> tuple[float, statistics.RateInterval]:
    trials = is_event.size
    events = int(is_event.sum())
    rate = events / trials if trials else math.nan
    sizes = np.bincount(clusters)
    counts = np.bincount(clusters[is_event], minlength=sizes.size)
    return rate, statistics.rate_interval(counts, sizes, is_sequential=sequential)


def _bounds(frame: pd.DataFrame, clusters: NDArray[np.int64], sequential: bool) -> dict[str, float]:
    """The ends of the interval of each outcome's share."""
    found: dict[str, float] = {}
    outcomes = frame["outcome"].astype("category").cat
    # By number: of ten million texts, each comparison takes a second.
    codes = outcomes.codes.to_numpy()
    for code, name in enumerate(outcomes.categories):
        _, interval = _rate(codes == code, clusters, sequential)
        found |= {f"low_{name}": interval.low, f"high_{name}": interval.high}
    return found


def _details(frame: pd.DataFrame) -> dict[str, str]:
    """What stands beside the first trial of each outcome that the engine called: of those alone a row has a detail."""
    told = frame[frame["detail"] != ""].sort_values("trial").drop_duplicates("outcome")
    return {f"detail_{outcome}": detail for outcome, detail in zip(told["outcome"], told["detail"], strict=True)}


def _oversell(
    cell: Mapping[str, object], frame: pd.DataFrame, clusters: NDArray[np.int64], sequential: bool
) -> tuple[float, tuple[float, float]]:
    unknown = math.nan, (math.nan, math.nan)
    tickets = cell.get("tickets")
    if not isinstance(tickets, int | float) or "sold" not in frame:
        return unknown
    sold = _numbers(frame["sold"])
    if sold is None or np.isnan(sold).all():
        return unknown
    is_known = ~np.isnan(sold)
    rate, interval = _rate(sold[is_known] > tickets, clusters[is_known], sequential)
    return rate, (interval.low, interval.high)


def _times(cell: Mapping[str, object], ordered: NDArray[np.float64]) -> dict[str, float]:
    median = medians.median_interval(ordered)
    total = float(ordered.sum())
    return {
        "wall_median_s": median.median,
        "wall_low_s": median.low,
        "wall_high_s": median.high,
        "wall_p95_s": float(medians.quantiles(ordered, 0.95)),
        "throughput_per_s": int(str(cell["processes"])) * ordered.size / total if total else math.nan,
    }


def _median(column: pd.Series) -> float:
    values = column.to_numpy(dtype=float, na_value=math.nan)
    values = values[~np.isnan(values)]
    return float(np.median(values)) if values.size else math.nan


def _measures(cell: Mapping[str, object], frame: pd.DataFrame) -> dict[str, float]:
    """Mean and largest value of each measure that is a number, of the trials that have it."""
    found: dict[str, float] = {}
    for name in frame.columns:
        values = None if name in TRIAL_COLUMNS or name in cell else _numbers(frame[name])
        if values is not None:
            values = values[~np.isnan(values)]
            found[f"mean_{name}"] = float(values.mean()) if values.size else math.nan
            found[f"max_{name}"] = float(values.max()) if values.size else math.nan
    return found


def _numbers(column: pd.Series) -> NDArray[np.float64] | None:
    """The column as numbers, nan where it has none; None if it is no column of numbers."""
    # Whole numbers among which one is None are a column of objects, unless Parquet has been told better.
    if column.dtype == object and pd.api.types.infer_dtype(column, skipna=True) not in _WHOLE_KINDS:
        return None
    if column.dtype != object and not pd.api.types.is_numeric_dtype(column):
        return None
    return column.to_numpy(dtype=float, na_value=math.nan)


# Digests to a table -------------------------------------------------------------------------------------------------


def _family(cell: Mapping[str, object]) -> Family:
    """Everything that is equal in a guarded cell and in the unguarded one that it is compared with."""
    return tuple(sorted((name, value) for name, value in cell.items() if name not in ("cell_id", "guard")))


def _outcomes_by_scenario(digests: Iterable[_Digest]) -> dict[object, set[str]]:
    declared: dict[object, set[str]] = {}
    for digest in digests:
        declared.setdefault(digest.cell["scenario"], set()).update(digest.outcomes)
    return declared


def _row(digest: _Digest, unguarded: _Digest | None, declared: Mapping[object, set[str]]) -> dict[str, object]:
    outcomes = {f"outcome_{name}": digest.outcomes.get(name, 0) for name in declared[digest.cell["scenario"]]}
    slowdown = _slowdown(digest, unguarded)
    return {
        **digest.cell,
        **digest.rates,
        **outcomes,
        **digest.bounds,
        **digest.times,
        **slowdown,
        **digest.waits,
        **digest.measures,
        **digest.details,
    }


def _slowdown(digest: _Digest, unguarded: _Digest | None) -> dict[str, float]:
    median, low, high = digest.times["wall_median_s"], math.nan, math.nan
    ratio = math.nan
    if unguarded is digest and not math.isnan(median):
        ratio = 1.0
    elif unguarded is not None and unguarded is not digest:
        divisor = unguarded.times["wall_median_s"]
        ratio = median / divisor if divisor else math.nan
        low, high = medians.median_ratio_interval(digest.walls, unguarded.walls)
    return {"slowdown": ratio, "slowdown_low": low, "slowdown_high": high}


def _summary_columns(digests: list[_Digest]) -> list[str]:
    """All columns in their order; names that only some cells have, in the order in which they come up."""
    names: dict[str, None] = dict.fromkeys(CELL_COLUMNS)
    for part in ("cell", "rates", "outcomes", "bounds", "times", "slowdown", "waits", "measures", "details"):
        for digest in digests:
            names.update(dict.fromkeys(_part_columns(digest, part)))
    return list(names)


def _part_columns(digest: _Digest, part: str) -> Iterable[str]:
    if part == "slowdown":
        return _slowdown(digest, None)
    if part == "outcomes":
        return (f"outcome_{name}" for name in digest.outcomes)
    columns: Mapping[str, object] = getattr(digest, part)
    return columns


def as_table(rows: list[dict[str, object]], columns: Iterable[str]) -> pd.DataFrame:
    """Rows as a DataFrame with these columns, each of the kind that its values have."""
    return pd.DataFrame({name: _column(name, [row.get(name) for row in rows]) for name in columns})


def _column(name: str, values: list[object]) -> pd.Series:
    """A column of the kind that its values have: whole numbers and booleans stay what they are beside a gap."""
    present = [value for value in values if value is not None]
    has_gap = len(present) < len(values)
    if name in _TEXTS or (present and all(isinstance(value, str) for value in present)):
        return pd.Series(values, dtype="str")
    if present and all(isinstance(value, bool) for value in present):
        return pd.Series(values, dtype="boolean" if has_gap else "bool")
    if present and all(isinstance(value, int) and not isinstance(value, bool) for value in present):
        return pd.Series(values, dtype="Int64" if has_gap else "int64")
    return pd.Series(values) if present else pd.Series(values, dtype="float64")


def _quantile_table(digests: list[_Digest]) -> pd.DataFrame:
    at = medians.probabilities()
    cell_ids = [str(digest.cell["cell_id"]) for digest in digests]
    return pd.DataFrame(
        {
            "cell_id": pd.Series(np.repeat(np.array(cell_ids, dtype=object), at.size), dtype="str"),
            "probability": np.tile(at, len(digests)),
            "wall_s": np.concatenate([np.empty(0), *(digest.quantiles for digest in digests)]),
        }
    )
