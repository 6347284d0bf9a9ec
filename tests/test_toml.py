import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.delays import uniform
from lab.errors import UsageError
from lab.experiments import BUILT_IN, built_in, toml
from lab.experiments.grid import Experiment, Grid, plans

GRID = '[[grid]]\nscenario = "ktv"\n'


def written(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return path


def cell_ids(experiment):
    return [(plan.cell.cell_id, plan.trials, plan.timeout_s) for plan in plans(experiment)]


# Reading -----------------------------------------------------------------------------------------------------------


def test_a_file_says_what_the_python_says(tmp_path):
    path = written(
        tmp_path,
        """
        trials = 500
        scale = 10
        timeout = "5s"
        until_width = 0.01

        [[grid]]
        scenario = "ticket_sale"
        guards = ["none", "semaphore(2)"]
        stores = ["memory"]
        processes = [2, 5]
        delays = ["0", "exp(2ms)"]
        set = { tickets = [1, 3], request_delay = "1ms" }

        [[grid]]
        scenario = "ktv"
        trials = 7
        """,
    )
    assert toml.read(path) == Experiment(
        name="mine",
        trials=500,
        scale=10,
        timeout="5s",
        until_width=0.01,
        grids=[
            Grid(
                scenario="ticket_sale",
                guards=["none", "semaphore(2)"],
                stores=["memory"],
                processes=[2, 5],
                delays=["0", "exp(2ms)"],
                set={"tickets": [1, 3], "request_delay": "1ms"},
            ),
            Grid(scenario="ktv", trials=7),
        ],
    )


def test_a_file_that_gives_no_name_is_named_after_itself(tmp_path):
    assert toml.read(written(tmp_path, GRID)).name == "mine"


# Writing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_built_in_experiment_written_and_read_has_equal_cells(tmp_path, name):
    again = toml.read(written(tmp_path, toml.text(built_in(name))))
    assert cell_ids(again) == cell_ids(built_in(name))


delay_texts = st.sampled_from(["0", "1ms", "uniform(0,1s)", "exp(2us)", "normal(5ms,1ms)", "randint(1,5)*10ms"])


def some(values):
    return st.lists(values, unique=True, max_size=3).map(lambda chosen: chosen or ())


tickets_grids = st.builds(
    Grid,
    scenario=st.just("ticket_sale"),
    guards=some(st.sampled_from(["none", "lock", "semaphore(2)", "queue"])),
    stores=some(st.sampled_from(["json_file", "memory", "sqlite"])),
    processes=some(st.integers(1, 1000)),
    delays=some(delay_texts),
    set=st.fixed_dictionaries(
        {},
        optional={
            "tickets": st.integers(0, 99) | st.lists(st.integers(0, 99), min_size=1),
            "request_delay": delay_texts,
        },
    ),
    trials=st.none() | st.integers(1, 1000),
    timeout=st.none() | st.sampled_from(["1s", "5ms"]),
)
experiments = st.builds(
    Experiment,
    name=st.text(string.ascii_letters + "_", min_size=1),
    grids=st.lists(tickets_grids, min_size=1, max_size=3),
    trials=st.none() | st.integers(1, 1000),
    seed=st.integers(-(2**70), 2**70),
    scale=st.floats(1e-3, 1e3) | st.integers(1, 1000),
    alignment=st.sampled_from(["natural", "aligned"]),
    start_method=st.sampled_from(["fork", "spawn", "forkserver"]),
    timeout=st.none() | st.just("2s"),
    lanes=st.none() | st.integers(1, 64),
    until_width=st.none() | st.floats(0.001, 0.999),
    directory=st.none() | st.text(min_size=1),
)


@settings(deadline=None, max_examples=50)
@given(experiments)
def test_any_experiment_written_and_read_is_the_same_to_the_last_bit(tmp_path_factory, experiment):
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_text(toml.text(experiment))
    assert toml.read(path) == experiment


def test_what_python_gives_as_tuples_is_written_as_lists(tmp_path):
    grid = Grid(scenario="ticket_sale", guards=("none", "lock"), processes=(2,), set={"tickets": (1, 2)})
    experiment = Experiment(name="tuples", grids=(grid,))
    assert cell_ids(toml.read(written(tmp_path, toml.text(experiment)))) == cell_ids(experiment)


def test_a_delay_that_python_gives_in_set_is_written_as_its_text(tmp_path):
    grid = Grid(scenario="ticket_sale", processes=[2], set={"read_delay": uniform(0, 0.001)})
    experiment = Experiment(name="delays", grids=[grid])
    assert cell_ids(toml.read(written(tmp_path, toml.text(experiment)))) == cell_ids(experiment)


# Mistakes ----------------------------------------------------------------------------------------------------------

A_NAME_LIST = 'expected a list of texts, such as ["none", "lock"]'
A_NUMBER_LIST = "expected a list of whole numbers, such as [2, 5]"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"trials = 'many'\n{GRID}", "trials: expected a whole number, found 'many'."),
        (f"trials = 1.5\n{GRID}", "trials: expected a whole number, found 1.5."),
        (f"seed = true\n{GRID}", "seed: expected a whole number, found True."),
        (f"lanes = [1]\n{GRID}", "lanes: expected a whole number, found [1]."),
        (f"scale = '100'\n{GRID}", "scale: expected a number, found '100'."),
        (f"scale = false\n{GRID}", "scale: expected a number, found False."),
        (f"until_width = '1%'\n{GRID}", "until_width: expected a number, found '1%'."),
        (f"timeout = 5\n{GRID}", "timeout: expected a text in quotes, found 5."),
        (f"name = 3\n{GRID}", "name: expected a text in quotes, found 3."),
        ("grid = 3", "grid: expected one or more tables, found 3. Write [[grid]]."),
        (
            "[grid]\nscenario = 'ktv'",
            "grid: expected one or more tables, found {'scenario': 'ktv'}. Write [[grid]].",
        ),
        ("[[grid]]\n", "grid 1: expected the key 'scenario', found none. Add it."),
        (f"{GRID}[[grid]]\n", "grid 2: expected the key 'scenario', found none. Add it."),
        (f"{GRID}guards = 'lock'", f"grid 1: guards: {A_NAME_LIST}, found 'lock'."),
        (f"{GRID}guards = ['lock', 1]", f"grid 1: guards: {A_NAME_LIST}, found ['lock', 1]."),
        (f"{GRID}stores = 1", f"grid 1: stores: {A_NAME_LIST}, found 1."),
        (f"{GRID}delays = [0]", f"grid 1: delays: {A_NAME_LIST}, found [0]."),
        (f"{GRID}processes = 5", f"grid 1: processes: {A_NUMBER_LIST}, found 5."),
        (f"{GRID}processes = ['5']", f"grid 1: processes: {A_NUMBER_LIST}, found ['5']."),
        (f"{GRID}processes = [2, true]", f"grid 1: processes: {A_NUMBER_LIST}, found [2, True]."),
        (f"{GRID}set = 'tickets'", "grid 1: set: expected a table, such as { tickets = 3 }, found 'tickets'."),
        (f"{GRID}timeout = 5.0", "grid 1: timeout: expected a text in quotes, found 5.0."),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_by_its_key_with_what_was_expected_and_found(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        toml.read(path)
    assert str(caught.value) == f"{path}: {message}"


@pytest.mark.parametrize(
    ("text", "where", "nearest"),
    [
        (f"trails = 5\n{GRID}", "unknown key 'trails'", "trials"),
        (f"until-width = 0.1\n{GRID}", "unknown key 'until-width'", "until_width"),
        (f"{GRID}gards = ['none']", "grid 1: unknown key 'gards'", "guards"),
        (f"{GRID}[[grid]]\nscenario = 'ktv'\nprocess = [2]", "grid 2: unknown key 'process'", "processes"),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(tmp_path, text, where, nearest):
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        toml.read(path)
    message = str(caught.value).removeprefix(f"{path}: ")
    assert (message.partition(": expected one of ")[0], message.rpartition(". ")[2]) == (
        where,
        f"Did you mean {nearest!r}?",
    )


def test_a_misspelt_grid_is_told_the_right_spelling(tmp_path):
    with pytest.raises(UsageError, match="Did you mean 'grid'"):
        toml.read(written(tmp_path, "[[gird]]\nscenario = 'ktv'"))


def test_what_is_no_toml_is_named_by_its_line(tmp_path):
    path = written(tmp_path, "trials = \n")
    with pytest.raises(UsageError) as caught:
        toml.read(path)
    assert str(caught.value) == (
        f"{path} is no TOML file: Invalid value (at line 1, column 10). `lab run --help` tells what stands in one."
    )


def test_what_is_no_text_is_no_toml_file(tmp_path):
    path = tmp_path / "bytes.toml"
    path.write_bytes(b"name = '\xff'")
    with pytest.raises(UsageError, match=r"bytes\.toml is no TOML file: 'utf-8' codec can't decode byte 0xff"):
        toml.read(path)


def test_a_missing_file_is_named():
    with pytest.raises(UsageError) as caught:
        toml.read(Path("nowhere.toml"))
    assert str(caught.value) == (
        "can't read nowhere.toml: No such file or directory. Expected a TOML file of an experiment."
    )


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(UsageError, match=r"Is a directory\. Expected a TOML file of an experiment"):
        toml.read(tmp_path)


def test_a_file_of_another_version_is_refused_with_both_numbers(tmp_path):
    path = written(tmp_path, f"format = 2\n{GRID}")
    with pytest.raises(UsageError) as caught:
        toml.read(path)
    assert str(caught.value) == (
        f"{path}: format 2 is of another version of lab: expected 1. Read it with that version."
    )


def test_a_later_version_is_told_so_before_its_unknown_keys(tmp_path):
    with pytest.raises(UsageError, match="format 2 is of another version"):
        toml.read(written(tmp_path, f"format = 2\nnew_key = 1\n{GRID}"))
