"""`lab compare`: what is called worse is worse, and of a run against itself nothing is."""

import json
import math
import shutil

import numpy as np
import pandas as pd
import pytest

from lab import comparing, run
from lab.cli.compare_text import document
from lab.comparing import compare, compared, measured

pytestmark = pytest.mark.usefixtures("no_pictures")

BLOCKS, SIZE = 4, 100
# With sizes so small that chance alone decides what is called worse.
ANY = {"rate_size": 1e-4, "wall_size": 1e-4}


def cell(chance, *, rate=0.2, spread=0.0, median_s=0.01, drift=0.03, guard="none", blocks=BLOCKS, **row):
    """A cell as if measured: blocks of two lanes each, whose rates and wall times differ by `spread` and `drift`."""
    violations, walls = [], []
    for _ in range(blocks):
        walls.append(median_s * np.exp(chance.normal(0, drift) + chance.normal(0, 0.2, SIZE)))
        for _ in range(2):
            own = np.clip(rate + chance.normal(0, spread), 0, 1)
            violations.append(chance.random(SIZE // 2) < own)
    columns = {
        "block": np.repeat(np.arange(blocks), SIZE),
        "lane": np.tile(np.repeat([0, 1], SIZE // 2), blocks),
        "violation": np.concatenate(violations),
        "wall_s": np.concatenate(walls),
    }
    identity = {
        "cell_id": guard, "scenario": "sale", "guard": guard, "store": "memory", "processes": 2, "delay": "0",
        "engine": "real", "alignment": "natural", "start_method": "fork", "trials": blocks * SIZE, "lanes": 2,
    }  # fmt: skip
    return measured(identity | row, pd.DataFrame(columns))


KINDS = [
    {"rate": 0.2},
    {"rate": 0.3, "spread": 0.1},
    {"rate": 0.01},
    {"rate": 0.0, "drift": 0.1},
]


def pairs(chance, *, against=KINDS):
    return [
        (cell(chance, guard=str(number), **one), cell(chance, guard=str(number), **other))
        for number, (one, other) in enumerate(zip(KINDS, against, strict=True))
    ]


def test_a_run_against_itself_is_called_worse_in_at_most_one_of_twenty_comparisons():
    """More than 18 of 200 come up once in 200 times where 5 % is true."""
    chance = np.random.default_rng(20261125)
    called = [any(one.call == "worse" for one in compared(pairs(chance), **ANY)) for _ in range(200)]

    assert sum(called) <= 18


@pytest.mark.parametrize(
    ("change", "part"),
    [({"rate": 0.4}, "rate"), ({"rate": 0.75, "spread": 0.1}, "rate"), ({"median_s": 0.014}, "wall")],
    ids=["rate", "clustered rate", "wall"],
)
def test_what_is_clearly_worse_is_seen_beside_cells_that_are_not(change, part):
    """Each is missed in fewer than 1 of 20 comparisons; more than 2 of 12 would come up once in 50 times."""
    chance = np.random.default_rng(1)
    number = 1 if "spread" in change else 0
    against = [kind | (change if place == number else {}) for place, kind in enumerate(KINDS)]
    found = [compared(pairs(chance, against=against), 0.01, 0.1)[number] for _ in range(12)]

    assert sum(getattr(one, part).call == "worse" for one in found) >= 10


def one(first, second, rate_size=0.01, wall_size=0.1):
    return compared([(first, second)], rate_size, wall_size)[0]


def test_what_got_better_is_called_better():
    chance = np.random.default_rng(2)
    found = one(cell(chance, rate=0.5), cell(chance, rate=0.1, median_s=0.005))

    assert (found.rate.call, found.wall.call, found.call) == ("better", "better", "better")
    assert found.rate.change == pytest.approx(found.rate.second - found.rate.first)
    assert found.wall.low <= found.wall.change <= found.wall.high < 1


def test_a_change_that_is_certain_and_smaller_than_what_counts_is_the_same():
    chance = np.random.default_rng(3)
    found = one(cell(chance, drift=0, blocks=30), cell(chance, drift=0, median_s=0.0104, blocks=30), rate_size=0.2)

    assert found.wall.low > 1
    assert (found.wall.call, found.rate.call) == ("same", "same")


def test_an_interval_that_is_too_wide_says_how_many_trials_may_do():
    chance = np.random.default_rng(4)
    found = one(cell(chance, blocks=2), cell(chance, blocks=2))

    assert found.rate.call == "can't tell"
    assert found.rate.why.startswith("n too small, about ")


def test_the_rate_of_one_crew_is_that_of_no_other():
    chance = np.random.default_rng(5)
    frame = pd.DataFrame({"block": 0, "lane": 0, "violation": chance.random(400) < 0.5, "wall_s": 0.01})
    row = cell(chance).row
    found = one(measured(row, frame), measured(row, frame.assign(violation=False)))

    assert (found.rate.call, found.rate.why[:8]) == ("can't tell", "one crew")
    assert (found.wall.call, math.isnan(found.wall.low)) == ("can't tell", True)


def test_other_lanes_may_be_why_a_cell_takes_longer():
    chance = np.random.default_rng(6)
    found = one(cell(chance), cell(chance, median_s=0.02, lanes=8))

    assert (found.wall.call, found.wall.why) == ("can't tell", "8 lanes and 2: try both with --lanes 2")


@pytest.mark.parametrize(
    ("first_s", "second_s", "call"),
    [(0.0, 0.0, "same"), (math.nan, math.nan, "same"), (0.01, math.nan, "can't tell"), (0.0, 0.01, "can't tell")],
)
def test_times_that_are_no_times_are_not_divided(first_s, second_s, call):
    chance = np.random.default_rng(7)
    found = one(cell(chance, median_s=first_s), cell(chance, median_s=second_s))

    assert found.wall.call == call
    json.dumps(document(comparing.Comparison(("a", "b"), 0.01, 0.1, (), (), (found,))), allow_nan=False)


# Folders ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The same cells twice, without a guard the second time slower; each on few trials."""
    home = tmp_path_factory.mktemp("folders")
    common = {"stores": ["memory"], "processes": [2], "trials": 60, "lanes": 1}
    run("ticket_sale", guards=["none", "lock"], delays=["1ms"], out=home / "a", **common)
    run("ticket_sale", guards=["none"], delays=["1ms"], seed=2, out=home / "b", **common)
    run("ticket_sale", guards=["none"], delays=["2ms"], out=home / "c", **common)
    shutil.copytree(home / "a", home / "bare")
    shutil.rmtree(home / "bare" / "trials")
    return home


def test_cells_are_compared_that_both_have_and_what_else_differs_is_said(folders, tmp_path):
    shutil.copytree(folders / "b", tmp_path / "b")
    environment = json.loads((tmp_path / "b" / "environment.json").read_text())
    changed = environment | {"processor": "abacus", "packages": environment["packages"] | {"numpy": "0"}}
    (tmp_path / "b" / "environment.json").write_text(json.dumps(changed))

    found = compare(folders / "a", tmp_path / "b")

    assert [one.cell for one in found.cells] == ["ticket_sale none, memory, 2 processes, delay 1ms"]
    assert found.remarks[0].startswith(f"1 cell only in {folders / 'a'}: ticket_sale lock")
    assert found.remarks[1] == "seeds differ (1 and 2): other delays were drawn"
    assert found.machines[0].endswith(" and abacus")
    assert found.machines[1].startswith("numpy: ")


def test_the_command_line_names_other_machines_first_and_ends_with_one_sentence(lab, folders, tmp_path):
    shutil.copytree(folders / "b", tmp_path / "b")
    text = (tmp_path / "b" / "environment.json").read_text()
    (tmp_path / "b" / "environment.json").write_text(text.replace('"cores"', '"other"'))

    code, out, err = lab("compare", str(folders / "a"), "b")
    lines = out.splitlines()

    assert (code, err) == (4, "")
    assert lines[0] == "the machines differ, so times do not tell of the programs alone:"
    assert "ticket_sale none, memory, 2 processes, delay 1ms (60 trials)" in lines
    assert any(line.startswith("  violations ") and " points, p = " in line for line in lines)
    assert lines[-1].startswith(f"b against {folders / 'a'}, 1 cell: 1 can't tell. Changes count from 1 point of rate")


def test_the_exit_code_is_1_if_something_is_worse_and_0_if_all_is_the_same(lab, monkeypatch, folders):
    for call, code in (("worse", 1), ("can't tell", 4), ("better", 0), ("same", 0)):
        monkeypatch.setattr(comparing, "_call", lambda *_, call=call: call)
        monkeypatch.setattr(comparing, "_only_one_crew", lambda *_: "")
        monkeypatch.setattr("lab.medians.median_ratio_interval", lambda *_: (0.9, 1.1))
        assert lab("compare", str(folders / "a"), str(folders / "b"), "-q")[0] == code


def test_a_saved_baseline_is_compared_by_its_name(lab, folders):
    options = ("--stores", "memory", "--processes", "2", "--delays", "1ms", "--guards", "none", "-n", "20", "-q")
    code, out, _ = lab("run", "ticket_sale", *options, "--save-baseline", "monday")
    assert (code, out.splitlines()[-1]) == (0, "baseline: results/baselines/monday")

    code, out, _ = lab("compare", "monday", str(folders / "b"), "--json")
    found = json.loads(out)
    assert [one["trials"] for one in found["cells"]] == [[20, 60]]
    assert found["names"] == ["monday", str(folders / "b")]

    code, _, err = lab("run", "ticket_sale", *options, "--save-baseline", "monday")
    assert (code, "results/baselines/monday exists" in err) == (3, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("a", "gone"), "gone: expected a results folder or a saved baseline, found neither"),
        (("a", "a"), "expected two measurements, found a twice"),
        (("a", "c"), "have no cell in common"),
        (("a", "bare"), "bare has a summary and no trials, which it takes to compare"),
        (("a", "b", "--rate", "70%"), "--rate 0.7: expected a share from 0.01% to 50%"),
        (("a", "b", "--wall", "much"), "expected a percentage"),
        (("a", "."), "is no results folder"),
    ],
)
def test_nonsense_is_one_message_and_exit_code_2(lab, folders, monkeypatch, arguments, said):
    monkeypatch.chdir(folders)
    code, out, err = lab("compare", *arguments)

    assert (code, out, err.count("\n"), err[:5]) == (2, "", 1, "lab: ")
    assert said in err


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden"])
def test_a_baseline_has_a_plain_name(lab, name):
    code, _, err = lab("run", "ticket_sale", "-n", "1", "--save-baseline", name)

    assert (code, "expected a name of letters, digits" in err) == (2, True)
