"""Results: a folder's summary, quantiles and trials as DataFrames, and the two summary files.

Knows nothing of engines and pictures, and reads trials through the archive alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd

from lab import summary_file
from lab.errors import OutputError, UsageError
from lab.statistics import rate_text, ratio_text
from lab.summary import CELL_COLUMNS, TRIAL_COLUMNS, Cells, as_table, summarise

SUMMARY_FILE = "summary.csv"
QUANTILES_FILE = "quantiles.parquet"


@dataclass(frozen=True)
class Results:
    """A results folder, read when asked; UsageError if what is asked for is missing or can't be read."""

    folder: Path

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row a cell; see `summarise`."""
        return _read(self.folder / SUMMARY_FILE, summary_file.read)

    @cached_property
    def quantiles(self) -> pd.DataFrame:
        """Columns `cell_id probability wall_s`, 201 rows a cell, in seconds."""
        return _read(self.folder / QUANTILES_FILE, pd.read_parquet)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """All trials with the columns of their cells, whose texts are categories; needs memory for all of them."""
        return _joined(_read_cells(self.folder))

    def _repr_html_(self) -> str:
        """The summary as a notebook shows it, with intervals."""
        shown = [
            {
                **{name: cell[name] for name in ("scenario", "guard", "store", "processes", "delay", "trials")},
                "violations": rate_text(cell["violation_rate"], cell["violation_low"], cell["violation_high"]),
                "median wall": "" if pd.isna(cell["wall_median_s"]) else f"{cell['wall_median_s'] * 1e3:.4g} ms",
                "times unguarded": ""
                if pd.isna(cell["slowdown_low"])
                else ratio_text(cell["slowdown"], cell["slowdown_low"], cell["slowdown_high"]),
            }
            for cell in self.summary.to_dict("records")
        ]
        table = pd.DataFrame(shown).to_html(index=False, border=0, na_rep="")
        return f"<p>{escape(str(self.folder))}</p>\n{table}"


def write_summary(folder: Path, sequential: bool = False) -> Results:
    """Summarise the trials of a results folder into its two summary files; OutputError if they can't be written.

    Each file is replaced at once: who reads meanwhile, or after a kill, finds the old one or the new one.
    """
    made = summarise(_read_cells(folder), sequential)
    _replace(folder / SUMMARY_FILE, lambda path: summary_file.write(made.summary, path))
    _replace(folder / QUANTILES_FILE, lambda path: made.quantiles.to_parquet(path, index=False))
    return Results(folder)


def _joined(cells: Cells) -> pd.DataFrame:
    columns: list[dict[str, object]] = []
    frames: list[pd.DataFrame] = []
    for cell, frame in cells:
        columns.append(dict(cell))
        kept = frame.drop(columns=[name for name in frame.columns if name in cell])
        frames.append(kept.assign(outcome=kept["outcome"].astype("category")))
    if not frames:
        return pd.DataFrame(columns=[*CELL_COLUMNS, *TRIAL_COLUMNS])
    # Each cell's values are stored once, and a trial has its cell's number: a tenth of the memory of ten texts a trial.
    table = as_table(columns, dict.fromkeys(name for cell in columns for name in cell))
    texts = {name: "category" for name in table.columns if pd.api.types.is_string_dtype(table[name])}
    owners = np.repeat(np.arange(len(frames)), [len(frame) for frame in frames])
    trials = pd.concat(frames, ignore_index=True)
    trials["outcome"] = pd.api.types.union_categoricals([frame["outcome"] for frame in frames])
    joined = pd.concat([table.astype(texts).take(owners).reset_index(drop=True), trials], axis=1)
    return joined[list(dict.fromkeys([*CELL_COLUMNS, *TRIAL_COLUMNS, *joined.columns]))]


# Files --------------------------------------------------------------------------------------------------------------


def _replace(path: Path, write: Callable[[Path], None]) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(part)
        part.replace(path)
    except OSError as error:
        raise OutputError(
            f"can't write {path}: expected a folder with room that lab may write to, found: {error.strerror or error}. "
            f"Make room, then `lab summary {path.parent}`."
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _read(path: Path, reader: Callable[[Path], pd.DataFrame]) -> pd.DataFrame:
    try:
        return reader(path)
    except (OSError, ValueError) as error:
        found = "no such file" if isinstance(error, FileNotFoundError) else str(error)
        raise UsageError(
            f"can't read {path}: expected what `lab run` wrote, found: {found}. Mend it, or remove it, and "
            f"`lab summary {path.parent}` writes it anew from the trials."
        ) from error


def _read_cells(folder: Path) -> Cells:
    from lab import archive

    return archive.read_cells(folder)
