"""The results folder against kills, full disks and second writers. Rows are made up: no process is measured here."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import archive
from lab.archive import Archive
from lab.errors import OutputError, UsageError
from lab.experiments.grid import Experiment, Grid, plans
from lab.trial import Trial

EXPERIMENT = Experiment(
    name="test", grids=[Grid(scenario="ticket_sale", guards=["none", "lock"], processes=[2], delays=["0"])]
)
UNGUARDED, LOCKED = (plan.cell.cell_id for plan in plans(EXPERIMENT))
NO_MEASURES = {*Trial._fields, "block", *plans(EXPERIMENT)[0].cell.columns()}


def trial(number, **changes):
    values = {
        "trial": number,
        "seed": 2**63 - 1 - number,
        "lane": 0,
        "outcome": "ok",
        "detail": "",
        "violation": False,
        "wall_s": 0.1 + number,
        "wait_median_s": None,
        "wait_max_s": None,
        "measures": {"sold": 1},
    }
    return Trial(**values | changes)


@pytest.fixture
def folder(tmp_path):
    archive.create(tmp_path / "results", EXPERIMENT, {"cores": 2})
    return tmp_path / "results"


def measured(folder, *numbers, cell_id=UNGUARDED, block=0, **changes):
    """Archive these trials as one run does."""
    writer = Archive(folder)
    for number in numbers:
        writer.add(cell_id, block, trial(number, **changes))
    writer.close()


def compact(folder):
    with Archive(folder) as writer:
        writer.compact()


def journal(folder):
    return folder / "trials" / "journal.jsonl"


def rows(folder):
    """Every row of the folder as Trials by cell and in order, whichever file it stands in; the folder stays as is."""
    with tempfile.TemporaryDirectory() as beside:
        copy = shutil.copytree(folder, Path(beside) / "copy")
        compact(copy)
        files = sorted((copy / "trials").glob("*.parquet"))
        return {
            file.stem: [as_trial(row) for row in pq.read_table(file).sort_by("trial").to_pylist()] for file in files
        }


def as_trial(row):
    own = {name: row[name] for name in Trial._fields[:-1]}
    return Trial(**own, measures={name: value for name, value in row.items() if name not in NO_MEASURES})


def run_python(code, *arguments):
    """What a program printed that tried something with the archive, less the traceback of an error of lab's."""
    program = f"from pathlib import Path\nfrom lab import archive\nimport sys\nfolder = Path(sys.argv[1])\n{code}"
    done = subprocess.run([sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


# The journal -------------------------------------------------------------------------------------------------------


def test_rows_survive_in_the_journal_with_every_value(folder):
    measured(folder, 0, 1, 2)
    assert rows(folder) == {UNGUARDED: [trial(0), trial(1), trial(2)]}


def test_rows_of_several_cells_and_blocks_are_told_apart(folder):
    writer = Archive(folder)
    for block in (0, 1):
        for cell_id in (UNGUARDED, LOCKED):
            writer.add(cell_id, block, trial(block, outcome=cell_id))
    writer.close()
    assert rows(folder) == {
        cell_id: [trial(0, outcome=cell_id), trial(1, outcome=cell_id)] for cell_id in (UNGUARDED, LOCKED)
    }


def test_rows_are_in_the_file_as_soon_as_they_are_flushed(folder):
    writer = Archive(folder)
    writer.add(UNGUARDED, 0, trial(0))
    writer.flush()
    seen_while_open = rows(folder)
    writer.close()
    assert seen_while_open == {UNGUARDED: [trial(0)]}


def test_a_second_run_adds_to_the_rows_of_the_first(folder):
    measured(folder, 0, 1)
    measured(folder, 2)
    assert rows(folder) == {UNGUARDED: [trial(0), trial(1), trial(2)]}


def test_what_is_measured_is_known_by_cell(folder):
    measured(folder, 0, 1)
    measured(folder, 7, cell_id=LOCKED)
    compact(folder)
    measured(folder, 2)
    assert archive.done(folder) == {UNGUARDED: {0, 1, 2}, LOCKED: {7}}


def test_a_folder_without_rows_has_none(folder):
    assert (archive.done(folder), rows(folder), archive.is_unfinished(folder)) == ({}, {}, False)


# Kills -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bytes_left", [1, 30, -1], ids=["one byte", "thirty bytes", "all but the line's end"])
def test_a_torn_last_line_is_dropped_and_the_file_goes_on_cleanly(folder, bytes_left):
    measured(folder, 0)
    whole = journal(folder).read_bytes()
    measured(folder, 1)
    torn = journal(folder).read_bytes()[len(whole) :][:bytes_left]
    journal(folder).write_bytes(whole + torn)
    known_before = archive.done(folder)
    measured(folder, 2)
    assert (known_before, rows(folder)) == ({UNGUARDED: {0}}, {UNGUARDED: [trial(0), trial(2)]})


def test_a_torn_only_line_leaves_a_folder_without_rows(folder):
    journal(folder).write_bytes(b'{"cell_id":"')
    assert (archive.done(folder), rows(folder)) == ({}, {})


def test_a_row_in_both_the_journal_and_the_parquet_file_counts_once(folder):
    measured(folder, 0, 1)
    kept = journal(folder).read_bytes()
    compact(folder)
    journal(folder).write_bytes(kept)  # as if the run had been killed before it removed the journal
    measured(folder, 2)
    once = {UNGUARDED: [trial(0), trial(1), trial(2)]}
    before = rows(folder)
    compact(folder)
    assert (before, rows(folder), archive.done(folder)) == (once, once, {UNGUARDED: {0, 1, 2}})


def test_a_line_that_was_changed_by_hand_is_named_by_its_number(folder):
    measured(folder, 0)
    with journal(folder).open("a") as file:
        file.write("not a row\n")
    with pytest.raises(UsageError) as caught:
        archive.done(folder)
    assert str(caught.value) == (
        f"{journal(folder)}, line 2: expected a line of rows, found b'not a row\\n'. "
        "It was changed by hand: take it out."
    )


@pytest.mark.parametrize("line", ["{}", "3"])
def test_a_line_of_other_json_is_named_by_its_number_too(folder, line):
    journal(folder).write_text(f"{line}\n")
    with pytest.raises(UsageError, match="line 1: expected a line of rows"):
        archive.done(folder)


def test_a_damaged_parquet_file_is_named(folder):
    measured(folder, 0)
    compact(folder)
    file = folder / "trials" / f"{UNGUARDED}.parquet"
    os.truncate(file, 100)
    with pytest.raises(UsageError, match=file.name):
        archive.done(folder)


# Compaction --------------------------------------------------------------------------------------------------------

KINDS = {
    "whole": st.integers(-(2**63), 2**63 - 1),
    "real": st.floats(allow_nan=False),
    "claim": st.booleans(),
    "text": st.text(max_size=9),
    "never": st.none(),
}
measures = st.fixed_dictionaries({}, optional={name: st.none() | kind for name, kind in KINDS.items()})
measured_rows = st.lists(st.tuples(st.integers(0, 2), measures), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60)
@given(measured_rows)
def test_compaction_keeps_every_value_and_its_type(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("any") / "results"
    archive.create(folder, EXPERIMENT, {})
    written = [trial(number, measures=measured) for number, (_, measured) in enumerate(drawn)]
    writer = Archive(folder)
    for (block, _), row in zip(drawn, written, strict=True):
        writer.add(UNGUARDED, block, row)
    writer.close()
    compact(folder)
    # A measure that one trial has is a column, empty in the trials that have it not.
    names = {name for row in written for name in row.measures}
    expected = [row._replace(measures=dict.fromkeys(names) | row.measures) for row in written]
    assert typed(rows(folder)[UNGUARDED]) == typed(expected)


def typed(trials):
    """Trials as sorted pairs of name, type and value: True is not 1, and 1 is not 1.0."""
    flat = [{**row._asdict(), **row.measures} for row in trials]
    return [
        sorted((name, type(value).__name__, repr(value)) for name, value in row.items() if name != "measures")
        for row in flat
    ]


@pytest.mark.parametrize("value", [float("inf"), float("-inf")])
def test_an_endless_measure_survives(folder, value):
    measured(folder, 0, measures={"factor": value})
    compact(folder)
    assert rows(folder)[UNGUARDED][0].measures == {"factor": value}


def test_whole_and_real_numbers_of_one_measure_become_real_numbers_of_the_same_value(folder):
    measured(folder, 0, measures={"factor": 1})
    measured(folder, 1, block=1, measures={"factor": 0.5})
    compact(folder)
    assert [row.measures for row in rows(folder)[UNGUARDED]] == [{"factor": 1.0}, {"factor": 0.5}]


def test_compaction_leaves_one_file_a_cell_and_no_journal(folder):
    measured(folder, 0)
    measured(folder, 0, cell_id=LOCKED)
    compact(folder)
    left = sorted(path.name for path in (folder / "trials").iterdir() if path.name != ".lock")
    assert (left, archive.is_unfinished(folder)) == (sorted([f"{UNGUARDED}.parquet", f"{LOCKED}.parquet"]), False)


def test_a_parquet_file_stands_alone_with_the_columns_of_the_contract_in_its_order(folder):
    measured(folder, 0, block=3)
    compact(folder)
    columns = pq.read_table(folder / "trials" / f"{UNGUARDED}.parquet").to_pylist()[0]
    assert list(columns.items()) == [
        ("cell_id", UNGUARDED),
        ("scenario", "ticket_sale"),
        ("guard", "none"),
        ("store", "json_file"),
        ("processes", 2),
        ("delay", "0"),
        ("engine", "real"),
        ("alignment", "natural"),
        ("start_method", "fork"),
        ("tickets", 1),
        ("request_delay", "0"),
        ("read_delay", "0"),
        ("write_delay", "0"),
        ("block", 3),
        ("trial", 0),
        ("seed", 2**63 - 1),
        ("lane", 0),
        ("outcome", "ok"),
        ("detail", ""),
        ("violation", False),
        ("wall_s", 0.1),
        ("wait_median_s", None),
        ("wait_max_s", None),
        ("sold", 1),
    ]


def test_compacting_twice_changes_nothing(folder):
    measured(folder, 0, 1)
    compact(folder)
    once = rows(folder)
    compact(folder)
    assert rows(folder) == once == {UNGUARDED: [trial(0), trial(1)]}


@pytest.mark.parametrize("kept", ["journal", "parquet", "both"])
def test_a_frame_a_cell_holds_its_trials_in_order_wherever_they_are_kept(folder, kept):
    measured(folder, 2, 0)
    if kept == "both":
        compact(folder)
    measured(folder, 1, block=1)
    measured(folder, 5, cell_id=LOCKED)
    if kept == "parquet":
        compact(folder)
    found = [
        (columns["guard"], frame[["trial", "block", "sold"]].to_numpy().tolist())
        for columns, frame in archive.read_cells(folder)
    ]
    assert found == [("none", [[0, 0, 1], [1, 1, 1], [2, 0, 1]]), ("lock", [[5, 0, 1]])]


# Who may write -----------------------------------------------------------------------------------------------------

TRY_TO_OPEN = "try: archive.Archive(folder)\nexcept archive.OutputError as error: print(error, end='')"


def test_a_second_writer_is_refused_while_the_first_has_the_folder(folder):
    writer = Archive(folder)
    refused = run_python(TRY_TO_OPEN, folder)
    writer.close()
    let_in = run_python(TRY_TO_OPEN, folder)
    message = f"{folder} is being written by another lab. Wait for it, or choose another --out."
    assert (refused, let_in) == ((0, message, ""), (0, "", ""))


def test_a_second_writer_is_refused_after_the_first_has_looked_at_its_rows(folder):
    writer = Archive(folder)
    writer.add(UNGUARDED, 0, trial(0))
    writer.flush()
    archive.done(folder)
    refused = run_python(TRY_TO_OPEN, folder)
    writer.close()
    assert refused == (0, f"{folder} is being written by another lab. Wait for it, or choose another --out.", "")


def test_a_forked_worker_that_outlives_the_writer_does_not_hold_the_folder(folder):
    writer = Archive(folder)
    reader, end = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside numpy's threads: this child only waits
        worker = os.fork()
    if worker == 0:
        os.close(end)
        os.read(reader, 1)
        os._exit(0)
    writer.close()
    let_in = run_python(TRY_TO_OPEN, folder)
    os.close(end)
    os.waitpid(worker, 0)
    os.close(reader)
    assert let_in == (0, "", "")


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_exists_is_never_overwritten(tmp_path, kind):
    target = tmp_path / "mine"
    target.mkdir() if kind == "folder" else target.write_text("precious")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OutputError) as caught:
        archive.create(target, EXPERIMENT, {})
    assert (str(caught.value), caught.value.exit_code, sorted(tmp_path.rglob("*"))) == (
        f"{target} exists, and nothing is ever overwritten. Choose another --out, or --resume {target}.",
        3,
        before,
    )


def test_a_folder_below_a_file_can_not_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError) as caught:
        archive.create(tmp_path / "file" / "results", EXPERIMENT, {})
    assert str(caught.value) == f"can't write {tmp_path}/file/results: Not a directory. Try --out with another folder."


def test_a_name_that_no_file_system_takes_can_not_be_made(tmp_path):
    with pytest.raises(OutputError, match="File name too long"):
        archive.create(tmp_path / ("a" * 300), EXPERIMENT, {})


# What a folder is --------------------------------------------------------------------------------------------------


def test_a_folder_gives_back_the_experiment_it_was_made_for(folder):
    assert archive.experiment_of(folder) == EXPERIMENT


def test_what_is_no_results_folder_is_told_so(tmp_path):
    with pytest.raises(UsageError) as caught:
        archive.experiment_of(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} is no results folder: expected experiment.toml in it. `lab run` makes one and prints its path."
    )


def test_a_folder_of_another_version_is_bad_input(folder):
    file = folder / "experiment.toml"
    file.write_text(file.read_text().replace("format = 1", "format = 2"))
    with pytest.raises(UsageError) as caught:
        archive.experiment_of(folder)
    assert (str(caught.value), caught.value.exit_code) == (
        f"{file}: format 2 is of another version of lab: expected 1. Read it with that version.",
        2,
    )


def test_the_environment_is_written_as_it_was_given(folder):
    assert json.loads((folder / "environment.json").read_text()) == {"cores": 2}


# Disks that are full -----------------------------------------------------------------------------------------------

WRITE_UNTIL_IT_FAILS = f"""
from lab.trial import Trial
writer = archive.Archive(folder)
try:
    for number in range(100_000):
        row = Trial(number, 2**63 - 1 - number, 0, "ok", "", False, 0.1 + number, None, None, {{"sold": 1}})
        writer.add({UNGUARDED!r}, number, row)  # a block each, hence a line each
except archive.OutputError as error:
    print(error.exit_code, number, error, end="")
"""


def message_of_a_full_disk(folder, reason):
    return (
        f"can't write {folder}/trials/journal.jsonl: {reason}. All rows before are kept; make room, then "
        f"`lab run --resume {folder}`."
    )


LIMIT_FILES = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
"""


def test_a_file_that_may_not_grow_is_an_output_error_and_keeps_the_rows_before(folder):
    code, said, complaint = run_python(LIMIT_FILES + WRITE_UNTIL_IT_FAILS, folder)
    exit_code, number, message = said.split(" ", 2)
    # What could not be written is the row before the one that was added.
    kept = [trial(row) for row in range(int(number) - 1)]
    assert (code, complaint, exit_code, message, rows(folder)) == (
        0,
        "",
        "3",
        message_of_a_full_disk(folder, "File too large"),
        {UNGUARDED: kept},
    )


def test_a_run_goes_on_where_a_full_disk_has_stopped_it(folder):
    run_python(LIMIT_FILES + WRITE_UNTIL_IT_FAILS, folder)
    known = len(archive.done(folder)[UNGUARDED])
    measured(folder, known, block=known)
    assert rows(folder) == {UNGUARDED: [trial(row) for row in range(known + 1)]}


MAY_MOUNT = (
    shutil.which("unshare") is not None
    and subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0
)


@pytest.mark.skipif(not MAY_MOUNT, reason="only root may mount a small disk; the test of RLIMIT_FSIZE is for all")
def test_a_full_disk_is_an_output_error_and_keeps_the_rows_before(tmp_path):
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    code = (
        "import shutil\n"
        "from lab.experiments import toml\n"
        "archive.create(folder, toml.read(Path(sys.argv[2])), {})\n"
        f"{WRITE_UNTIL_IT_FAILS}"
        "shutil.copytree(folder, sys.argv[3])\n"
    )
    experiment = tmp_path / "experiment.toml"
    experiment.write_text(archive.toml.text(EXPERIMENT))
    program = f"from pathlib import Path\nfrom lab import archive\nimport sys\nfolder = Path(sys.argv[1])\n{code}"
    # In a mount namespace of its own, so that the disk goes with the process whatever happens.
    script = 'mount -t tmpfs -o size=64k none "$1" && exec "$2" -c "$3" "$1/results" "$4" "$5"'
    arguments = [disk, sys.executable, program, experiment, copy]
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, "sh", *map(str, arguments)], capture_output=True, text=True
    )
    exit_code, number, message = done.stdout.split(" ", 2)
    assert (done.stderr, exit_code, message, rows(copy)) == (
        "",
        "3",
        message_of_a_full_disk(disk / "results", "No space left on device"),
        {UNGUARDED: [trial(row) for row in range(int(number) - 1)]},
    )


def test_rows_that_were_written_twice_count_once(folder):
    """As after an interrupt between writing rows and forgetting them."""
    measured(folder, 0, 1)
    journal(folder).write_bytes(journal(folder).read_bytes() * 2)

    ((_, frame),) = archive.read_cells(folder)
    assert frame["trial"].tolist() == [0, 1]
    compact(folder)
    assert [row.trial for row in rows(folder)[UNGUARDED]] == [0, 1]


# A folder that goes away ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [Archive.flush, Archive.compact])
def test_a_folder_that_is_removed_meanwhile_is_an_output_error(folder, step):
    with Archive(folder) as writer:
        writer.add(UNGUARDED, 0, trial(0))
        shutil.rmtree(folder)
        with pytest.raises(OutputError, match="was removed or moved while it was written"):
            step(writer)


def test_a_folder_that_is_moved_meanwhile_takes_its_rows_along(folder, tmp_path):
    with Archive(folder) as writer:
        writer.add(UNGUARDED, 0, trial(0))
        folder.rename(tmp_path / "elsewhere")
        with pytest.raises(OutputError, match="If it was moved, go on with `lab run --resume` and its new place"):
            writer.flush()
    assert archive.done(tmp_path / "elsewhere") == {UNGUARDED: {0}}


def test_a_folder_that_is_removed_after_the_last_row_is_an_output_error_too(folder):
    with Archive(folder) as writer:
        writer.add(UNGUARDED, 0, trial(0))
        writer.flush()
        shutil.rmtree(folder)
        with pytest.raises(OutputError, match="was removed or moved"):
            writer.compact()
