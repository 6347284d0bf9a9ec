"""`lab.race` of a function, or `lab.race_function`: one's own is measured as it is, without a class."""

import json
import multiprocessing
import os
import time

import pytest

import lab
from lab.errors import UsageError

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture
def shop(tmp_path):
    """A counter in a file: how to fill it, and how to spend it, slowly."""
    path = tmp_path / "coupons.json"

    def fill():
        path.write_text(json.dumps({"coupons": 1}))

    def spend(actor):
        left = json.loads(path.read_text())["coupons"]
        time.sleep(0.01)
        if left:
            (new := path.with_suffix(f".{actor}")).write_text(json.dumps({"coupons": left - 1}))
            new.replace(path)
        return bool(left)

    def once(returns):
        assert sum(returns) == 1, f"spent {sum(returns)} times"

    return fill, spend, once


@pytest.fixture
def raced(tmp_path):
    """Races a function a few times, and gives its only row of the summary."""

    def raced(function, trials=5, **choices):
        results = lab.race(function, trials=trials, out=tmp_path / "results", **choices)
        return results.summary.iloc[0].to_dict() | {"trials_frame": results.trials}

    return raced


def test_a_coupon_is_spent_several_times_without_a_guard_and_once_with_each(shop, tmp_path):
    fill, spend, once = shop
    results = lab.race(
        spend, processes=3, trials=20, setup=fill, check=once, guards=["none", "lock", "queue"], out=tmp_path / "r"
    )

    found = dict(zip(results.summary["guard"], results.summary["violations"], strict=True))
    assert found.pop("none") > 0
    assert found == {"lock": 0, "queue": 0}
    assert set(results.summary["scenario"]) == {"lab_functions:spend"}
    assert set(results.trials["objection"].dropna()) <= {"spent 2 times", "spent 3 times"}


@pytest.mark.parametrize(
    ("check", "outcome"),
    [
        (None, "ok"),
        (lambda returns: returns == [0, 1], "ok"),
        (lambda returns: None, "ok"),
        (lambda returns: False, "rejected"),
        (lambda returns: f"got {returns}", "rejected"),
        (lambda returns: [][1], "raised"),
    ],
)
def test_a_check_gets_what_the_calls_returned_and_objects_by_false_or_a_text(raced, check, outcome):
    found = raced(lambda actor: actor, processes=2, check=check)

    assert found[f"outcome_{outcome}"] == 5
    if outcome == "rejected":
        assert set(found["trials_frame"]["objection"]) <= {"the check objects", "got [0, 1]"}


def fail(actor):
    raise KeyError("gone")


def test_a_check_of_two_arguments_gets_what_setup_returned_too(raced):
    taken = multiprocessing.Value("i", 5)

    def begin():
        taken.value = 0
        return taken

    def take():
        with taken.get_lock():
            taken.value += 1

    found = raced(take, processes=3, setup=begin, check=lambda returns, state: f"{returns} and {state.value}")

    assert set(found["trials_frame"]["objection"]) == {"[None, None, None] and 3"}


def test_what_a_check_can_be_left_without_it_is_not_given(raced):
    found = raced(lambda actor: actor, processes=2, check=lambda returns, most=1: max(returns) <= most)

    assert set(found["trials_frame"]["outcome"]) == {"ok"}


def test_what_a_function_raises_or_dies_of_is_called_by_its_kind(raced):
    found = raced(fail, processes=2, trials=2)

    assert found["outcome_raised"] == 2
    assert found["detail_raised"].startswith("KeyError: 'gone'")


def test_a_function_that_does_not_come_back_is_a_hang(raced):
    assert raced(lambda: time.sleep(60), processes=1, trials=1, timeout="100ms")["outcome_hang"] == 1


def test_each_actor_is_a_process_of_its_own_and_shares_what_a_closure_holds(raced):
    total = multiprocessing.Value("i", 0)

    def count():
        with total.get_lock():
            total.value += 1
        return os.getpid()

    def fill():
        total.value = 0

    found = raced(
        count, processes=3, setup=fill, check=lambda returns: len({*returns, os.getpid()}) == 4 and total.value == 3
    )
    assert found["outcome_ok"] == 5


def test_several_process_counts_are_cells(tmp_path):
    results = lab.race_function(lambda: None, processes=[1, 2], trials=3, out=tmp_path / "r")

    assert list(results.summary["processes"]) == [1, 2]


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"function": lambda one, two: None}, "expected a function of the actor's number, or of nothing"),
        ({"function": 3}, "function: expected a function, found 3"),
        ({"setup": 3}, "setup: expected a function, found 3"),
        ({"check": lambda: True}, "expected a function of what the calls returned, or of that and of what setup"),
        ({"check": "fine"}, "check: expected a function, found 'fine'"),
        ({"guards": ["lok"]}, "lok"),
        ({"guards": ["transaction"]}, "transaction"),
        ({"trials": 0}, "expected a whole number from 1"),
        ({"timeout": "soon"}, "expected one duration"),
        ({"timeout": 0.3}, "timeout 0.3: expected one duration over 0, with a unit"),
        ({"processes": 0}, "processes 0: expected a whole number from 1"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_starts(tmp_path, choices, said):
    function = choices.pop("function", lambda: None)
    with pytest.raises(UsageError) as error:
        lab.race_function(function, out=tmp_path / "r", **choices)

    assert said in str(error.value)
    assert not (tmp_path / "r").exists()


def test_functions_are_not_raced_beside_others():
    with pytest.raises(UsageError, match="expected one function, or scripts, found 2 to race"):
        lab.race(print, "buy.py")


def test_a_race_of_another_process_is_shown_and_cannot_be_resumed(lab_command, tmp_path):
    lab.race_function(lambda: None, processes=1, trials=3, out=tmp_path / "r")
    del __import__("sys").modules["lab_functions"]

    code, out, _ = lab_command("summary", str(tmp_path / "r"))
    assert (code, "0 % [0, 71]" in out) == (0, True)
    code, _, err = lab_command("run", "--resume", str(tmp_path / "r"))
    assert (code, "lab_functions" in err) == (2, True)


@pytest.fixture
def lab_command(request):
    return request.getfixturevalue("lab")
