"""`lab.explore` of a function: its file is imported anew in each execution, and what that makes is controlled."""

import importlib.util
import sys

import pytest

import lab
from lab.errors import UsageError

BANK = """
import json
import os
import sqlite3
from multiprocessing import Lock, Value

LOCK, TOTAL = Lock(), Value("i", 0)


def open_accounts():
    with open("accounts.json", "w") as file:
        json.dump({"a": 10, "b": 0}, file)


def transfer(number):
    with open("accounts.json") as file:
        accounts = json.load(file)
    accounts["a"] -= 1
    accounts["b"] += 1
    with open(f"new.{number}", "w") as file:
        json.dump(accounts, file)
    os.replace(f"new.{number}", "accounts.json")
    return accounts["b"]


def transfer_alone(number):
    with LOCK:
        return transfer(number)


def both_are_there(returns):
    return sorted(returns) == [1, 2] or f"b had {sorted(returns)}"


def count():
    TOTAL.value += 1


def is_two(returns):
    assert TOTAL.value == 2


def create():
    connection = sqlite3.connect("bank.db")
    connection.execute("create table t (n)")
    connection.execute("insert into t values (0)")
    connection.commit()
    connection.close()


def add(number):
    connection = sqlite3.connect("bank.db")
    (found,) = connection.execute("select n from t").fetchone()
    connection.execute("update t set n = ?", (found + 1,))
    connection.commit()
    connection.close()


def divide(number):
    return 1 / number


def return_a_lock(number):
    return LOCK
"""


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    path = tmp_path_factory.mktemp("bank") / "bank.py"
    path.write_text(BANK)
    spec = importlib.util.spec_from_file_location("bank", path)
    module = sys.modules["bank"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules["bank"]


@pytest.fixture
def searched(tmp_path):
    def searched(function, **choices):
        (cell,) = lab.explore(function, out=tmp_path / "found", seconds=20.0, **choices).cells
        return cell.verdict, {finding.outcome: finding for finding in cell.findings if finding.grade == "violation"}

    return searched


def test_a_check_that_objects_is_found_and_replays(bank, searched):
    verdict, found = searched(bank.transfer, setup=bank.open_accounts, check=bank.both_are_there)
    (finding,) = found.values()

    assert verdict == "found"
    assert finding.detail.startswith("main: AssertionError: b had [1, 1]")
    assert lab.replay(finding.file).is_violation


def test_without_a_check_what_is_returned_and_left_has_to_be_serial(bank, searched):
    verdict, found = searched(bank.transfer, setup=bank.open_accounts)

    assert verdict == "found"
    assert "main prints returned [1, 1]" in found["unserial-1"].detail


def test_a_lock_of_the_module_is_controlled(bank, searched):
    assert searched(bank.transfer_alone, setup=bank.open_accounts, check=bank.both_are_there) == ("proved", {})


@pytest.mark.parametrize(("function", "choices"), [("count", {"check": "is_two"}), ("add", {"setup": "create"})])
def test_so_are_its_values_and_databases(bank, searched, function, choices):
    given = {name: getattr(bank, called) for name, called in choices.items()}

    assert searched(getattr(bank, function), **given)[0] == "found"


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("divide", "divide 0: ZeroDivisionError: division by zero"),
        ("return_a_lock", "return_a_lock 0: RuntimeError: Lock objects should only be shared"),
    ],
)
def test_what_a_call_raises_is_found(bank, searched, function, said):
    verdict, found = searched(getattr(bank, function), processes=1)

    assert verdict == "found"
    assert next(iter(found.values())).detail.startswith(said)


def test_a_failing_call_is_told_by_its_line(bank, searched):
    (finding,) = searched(bank.divide, processes=1)[1].values()

    assert "(bank.py:" in finding.detail


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"function": lambda: None}, "function: expected a function at the top of a module's file"),
        ({"check": len}, "check: expected a function at the top of a module's file, the same for all"),
        ({"setup": 3}, "setup: expected a function, found 3"),
        ({"processes": 0}, "processes 0: expected 1 to 100"),
        ({"processes": [1, 2]}, "expected one number"),
        ({"engine": "simulated"}, "engine 'simulated': expected controlled"),
        ({"strategy": "luck"}, "luck"),
    ],
)
def test_what_does_not_fit_is_said(bank, tmp_path, choices, said):
    function = choices.pop("function", bank.transfer)
    with pytest.raises(UsageError) as error:
        lab.explore(function, out=tmp_path / "found", **choices)

    assert said in str(error.value)
    assert not (tmp_path / "found").exists()
