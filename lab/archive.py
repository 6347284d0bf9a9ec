"""The results folder: what was measured, safe as soon as it was measured.

While a run is under way its rows go to `trials/journal.jsonl`, a line for each second or less, in one write: whatever
kills the run, at most the last line is torn, and it is dropped. At the end the journal becomes one Parquet file a cell.
A row that stands in both (the run was killed in between) counts once. Knows nothing of engines, nor of what rows mean.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lab.cell import Cell
from lab.environment import write_environment
from lab.errors import OutputError, UsageError
from lab.experiments import toml
from lab.experiments.grid import Experiment, plans
from lab.trial import Trial
from lab.writing import write_atomically

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_FLUSH_S = 0.5
_EXPERIMENT = "experiment.toml"
_JOURNAL, _LOCK = "trials/journal.jsonl", "trials/.lock"
_TIMES = ("wall_s", "wait_median_s", "wait_max_s")
_ROW = [name for name in Trial._fields if name != "measures"]


class Archive:
    """A results folder that is open for writing, by this process alone. A context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._cell_id, self._block = "", -1
        self._rows: list[Trial] = []
        self._flushed = time.monotonic()
        self._lock = _locked(folder)
        with _writing(folder):
            self._journal = os.open(folder / _JOURNAL, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._drop_torn_line()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write what is left, and let go of the folder."""
        try:
            self.flush()
        finally:
            os.close(self._journal)
            os.close(self._lock)

    def add(self, cell_id: str, block: int, trial: Trial) -> None:
        """Take a row; it is on disk within a second."""
        if cell_id != self._cell_id or block != self._block:
            self.flush()
            self._cell_id, self._block = cell_id, block
        self._rows.append(trial)
        if time.monotonic() - self._flushed > _FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write the rows that are not on disk yet; OutputError if they can't be."""
        if self._rows:
            line = {"cell_id": self._cell_id, "block": self._block, "columns": _columns(self._rows)}
            self._append(json.dumps(line, separators=(",", ":")).encode() + b"\n")
            self._rows.clear()
            self._check_place()
        self._flushed = time.monotonic()

    def compact(self) -> None:
        """Turn the journal into one Parquet file a cell; OutputError if they can't be written."""
        import pyarrow.parquet as pq

        self.flush()
        self._check_place()
        for cell, table in _tables(self.folder):
            target = self.folder / "trials" / f"{cell.cell_id}.parquet"
            temporary = target.with_suffix(".writing")
            with _writing(self.folder):
                pq.write_table(_with_cell(table, cell.columns()), temporary, compression="zstd")
                temporary.replace(target)
        (self.folder / _JOURNAL).unlink(missing_ok=True)

    def _append(self, line: bytes) -> None:
        end = os.lseek(self._journal, 0, os.SEEK_END)
        try:
            written = 0
            while written < len(line):
                written += os.write(self._journal, line[written:])
        except OSError as error:
            os.ftruncate(self._journal, end)
            raise OutputError(
                f"can't write {self.folder / _JOURNAL}: {error.strerror}. All rows before are kept; make room, then "
                f"`lab run --resume {self.folder}`."
            ) from error

    def _check_place(self) -> None:
        """OutputError if the journal is not at its place any more, where its rows are looked for."""
        try:
            if os.path.samestat((self.folder / _JOURNAL).stat(), os.fstat(self._journal)):
                return
        except OSError:
            pass
        raise OutputError(
            f"{self.folder} was removed or moved while it was written: expected it to stay until the run ends. If it "
            "was moved, go on with `lab run --resume` and its new place; else run it anew."
        )

    def _drop_torn_line(self) -> None:
        size = os.lseek(self._journal, 0, os.SEEK_END)
        with open(self._journal, "rb", closefd=False) as file:
            file.seek(0)
            end = sum(len(line) for line in file if line.endswith(b"\n"))
        if end != size:
            os.ftruncate(self._journal, end)


def _locked(folder: Path) -> int:
    """The descriptor of a lock on the folder; OutputError if another process holds it.

    It belongs to this process: forked workers, which may outlive it by a moment, do not hold it. It would also go if
    this process closed any other descriptor of the file, so the file is one that nothing else opens.
    """
    with _writing(folder):
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise OutputError(f"{folder} is being written by another lab. Wait for it, or choose another --out.") from error
    return lock


def create(folder: Path, experiment: Experiment, environment: Mapping[str, object]) -> None:
    """Make a results folder; OutputError if it exists or can't be made, UsageError if it could not be written down."""
    text = toml.text(experiment)
    _check_text(str(folder.absolute()), *text.splitlines())
    with _writing(folder):
        if folder.exists():
            raise OutputError(
                f"{folder} exists, and nothing is ever overwritten. Choose another --out, or --resume {folder}."
            )
        (folder / "trials").mkdir(parents=True)
        write_environment(folder, environment)
        write_atomically(folder / _EXPERIMENT, text)


def experiment_of(folder: Path) -> Experiment:
    """The experiment of a results folder; UsageError if it is none, or of another version."""
    _check_text(str(folder.absolute()))
    try:
        is_there = (folder / _EXPERIMENT).is_file()
    except OSError as error:
        raise UsageError(f"can't read {folder}: {error.strerror}. Expected a results folder of yours.") from error
    if not is_there:
        raise UsageError(
            f"{folder} is no results folder: expected {_EXPERIMENT} in it. `lab run` makes one and prints its path."
        )
    return toml.read(folder / _EXPERIMENT)


def is_unfinished(folder: Path) -> bool:
    """True if a run was interrupted, or is under way: there are rows that are in the journal alone."""
    return (folder / _JOURNAL).exists()


def done(folder: Path) -> dict[str, set[int]]:
    """The numbers of the trials that are measured, by cell."""
    found: dict[str, set[int]] = defaultdict(set)
    for line in _journal_lines(folder):
        found[line["cell_id"]].update(line["columns"]["trial"])
    for file in _parquet_files(folder):
        found[file.stem].update(_parquet(file, ["trial"]).column("trial").to_pylist())
    return found


def crews(folder: Path) -> dict[str, dict[tuple[int, int], list[int]]]:
    """How many violations and trials were measured, by cell, and in it by block and lane."""
    found: dict[str, dict[tuple[int, int], list[int]]] = {}
    for cell, table in _tables(folder):
        counts = found[cell.cell_id] = {}
        columns = (table.column(name).to_pylist() for name in ("block", "lane", "violation"))
        for block, lane, violation in zip(*columns, strict=True):
            crew = counts.setdefault((block, lane), [0, 0])
            crew[0] += violation
            crew[1] += 1
    return found


def read_cells(folder: Path) -> Iterator[tuple[dict[str, object], pd.DataFrame]]:
    """One cell at a time: its columns, and its trials in order as a DataFrame."""
    import pandas as pd

    for cell, table in _tables(folder):
        frame = table.to_pandas().sort_values("trial", ignore_index=True)
        # Declared outcomes that nobody saw count 0 times; the engine's own are columns only where they were seen.
        seen = dict.fromkeys([*cell.scenario.outcomes, *frame["outcome"].unique()])
        interesting = frame["outcome"].isin(cell.interesting)
        frame.insert(frame.columns.get_loc("violation") + 1, "interesting", interesting)
        yield cell.columns(), frame.assign(outcome=pd.Categorical(frame["outcome"], list(seen)))


def _check_text(*lines: str) -> None:
    """UsageError if one of them is no UTF-8, which a path may be: TOML can't hold it, and Parquet not be written to."""
    for line in lines:
        try:
            line.encode()
        except UnicodeEncodeError:
            raise UsageError(
                f"{line!a}: expected a text in UTF-8, found bytes that are none. Rename the file or folder, or take "
                "another one."
            ) from None


class _writing:  # noqa: N801 - reads as a clause: with _writing(folder)
    """Turns what the operating system says about writing into an OutputError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OSError):
            raise OutputError(
                f"can't write {self._folder}: {error.strerror}. Try --out with another folder."
            ) from error


def _columns(rows: Sequence[Trial]) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = dict(
        zip(_ROW, map(list, zip(*[row[:-1] for row in rows], strict=True)), strict=True)
    )
    measures = [row.measures for row in rows]
    for name in dict.fromkeys(name for measured in measures for name in measured):
        columns[name] = [measured.get(name) for measured in measures]
    return columns


def _journal_lines(folder: Path) -> Iterator[dict[str, Any]]:
    journal = folder / _JOURNAL
    if not journal.exists():
        return
    with journal.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return  # torn by a kill: its rows do not count as measured
            yield _parsed(line, f"{journal}, line {number}")


def _parsed(line: bytes, where: str) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = json.loads(line)
        columns = parsed["columns"]
        lengths = {len(columns[name]) for name in _ROW} | {len(values) for values in columns.values()}
        if len(lengths) == 1 and isinstance(parsed["cell_id"], str) and isinstance(parsed["block"], int):
            return parsed
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise UsageError(f"{where}: expected a line of rows, found {line[:40]!r}. It was changed by hand: take it out.")


def _parquet(file: Path, columns: Sequence[str] | None = None) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(file, columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise UsageError(
            f"{file}: expected a Parquet file of trials, found {error}. Restore it, or remove it."
        ) from error


def _parquet_files(folder: Path) -> list[Path]:
    return sorted((folder / "trials").glob("*.parquet"))


def _tables(folder: Path) -> Iterator[tuple[Cell, pa.Table]]:
    """The trials of each cell of the experiment that has any, from its Parquet file and from the journal."""
    import pyarrow.compute as pc

    offsets = _offsets(folder)
    for plan in plans(experiment_of(folder)):
        file = folder / "trials" / f"{plan.cell.cell_id}.parquet"
        tables = [_journal_table(folder, offsets[plan.cell.cell_id])] if plan.cell.cell_id in offsets else []
        if file.exists():
            kept = _parquet(file).drop_columns(list(plan.cell.columns()))
            if tables:
                is_new = pc.invert(pc.is_in(tables[0]["trial"], kept["trial"].combine_chunks()))
                tables = [tables[0].filter(is_new)]
            tables = [kept, *tables]
        if tables:
            yield plan.cell, _once(_concatenated(tables))


def _once(table: pa.Table) -> pa.Table:
    """Each trial once: an interrupt between writing rows and forgetting them makes the next flush write them again."""
    import numpy as np

    numbers, first = np.unique(table.column("trial").to_numpy(), return_index=True)
    return table if len(numbers) == table.num_rows else table.take(np.sort(first))


def _concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    """The tables one below another; a measure that is text in one of them is text in all."""
    import pyarrow as pa

    texts = {field.name for table in tables for field in table.schema if pa.types.is_string(field.type)}
    return pa.concat_tables([_as_texts(table, texts) for table in tables], promote_options="permissive")


def _as_texts(table: pa.Table, names: set[str]) -> pa.Table:
    import pyarrow as pa

    for position, field in enumerate(table.schema):
        if field.name in names and not pa.types.is_string(field.type):
            table = table.set_column(position, field.name, table.column(position).cast(pa.string()))
    return table


def _offsets(folder: Path) -> dict[str, list[int]]:
    """Where in the journal the lines of each cell start, so that one cell at a time can be held in memory."""
    offsets: dict[str, list[int]] = defaultdict(list)
    position = 0
    journal = folder / _JOURNAL
    if journal.exists():
        with journal.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    offsets[line[12:28].decode()].append(position)
                position += len(line)
    return offsets


def _journal_table(folder: Path, offsets: Sequence[int]) -> pa.Table:
    import pyarrow as pa

    tables = []
    with (folder / _JOURNAL).open("rb") as file:
        for offset in offsets:
            file.seek(offset)
            line = _parsed(file.readline(), str(folder / _JOURNAL))
            columns = {"block": [line["block"]] * len(line["columns"]["trial"]), **line["columns"]}
            tables.append(pa.table({name: _array(name, values) for name, values in columns.items()}))
    return _concatenated(tables)


def _array(name: str, values: Sequence[Any]) -> pa.Array:
    """The values as a column; as text where a measure is of several kinds, or holds what UTF-8 can't."""
    import pyarrow as pa

    if name in _TIMES:
        # Also where no actor ever finished: the files of all cells have these columns of one type.
        return pa.array(values, pa.float64())
    try:
        return pa.array(values)
    except (pa.ArrowException, UnicodeEncodeError, OverflowError):
        texts = (None if value is None else str(value) for value in values)
        return pa.array([text and text.encode("utf-8", "backslashreplace").decode() for text in texts])


def _with_cell(table: pa.Table, columns: Mapping[str, object]) -> pa.Table:
    import pyarrow as pa

    rows = table.num_rows
    for position, (name, value) in enumerate(columns.items()):
        kind = pa.string() if value is None else None
        table = table.add_column(position, name, pa.array([value], kind).take(pa.array([0] * rows, pa.int64())))
    return table
