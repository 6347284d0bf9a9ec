"""`lab.explore` of a function: each execution makes it anew, and what it holds or its file makes is controlled.

A function at the top of a module is imported; all others are carried.
"""

import importlib.util
import json
import multiprocessing
import os
import socket
import sqlite3
import subprocess
import sys
import threading
from functools import partial
from multiprocessing import (
    Array,
    Barrier,
    BoundedSemaphore,
    Condition,
    Event,
    JoinableQueue,
    Lock,
    Pipe,
    Queue,
    RawArray,
    RawValue,
    RLock,
    Semaphore,
    SimpleQueue,
    Value,
)
from multiprocessing.connection import Client, Listener
from multiprocessing.shared_memory import ShareableList, SharedMemory

import pytest

import lab
from lab import script_exploring
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


def from_zero():
    TOTAL.value = 0
    return TOTAL


def reaches_two(returns, total):
    return f"it is {total.value}" if total.value != 2 else ""


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
    def searched(function, out="found", **choices):
        (cell,) = lab.explore(function, out=tmp_path / out, seconds=20.0, **choices).cells
        return cell.verdict, {finding.outcome: finding for finding in cell.findings if finding.grade == "violation"}

    return searched


def test_a_check_that_objects_is_found_and_replays(bank, searched):
    verdict, found = searched(bank.transfer, setup=bank.open_accounts, check=bank.both_are_there)
    (finding,) = found.values()

    assert verdict == "found"
    assert finding.detail.startswith("main: AssertionError: b had [1, 1]")
    assert lab.replay(finding.file).is_violation


def test_a_check_of_two_arguments_gets_what_setup_returned_too(bank, searched):
    verdict, found = searched(bank.count, setup=bank.from_zero, check=bank.reaches_two)
    (finding,) = found.values()

    assert verdict == "found"
    assert finding.detail.startswith("main: AssertionError: it is 1")


def test_so_does_one_that_is_carried(searched):
    def begin():
        return Value("i", 1)

    verdict, found = searched(lambda: None, setup=begin, check=lambda returns, state: f"it is {state.value}")
    (finding,) = found.values()

    assert verdict == "found"
    assert finding.detail.startswith("main: AssertionError: it is 1")


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
        ({"folder": "nowhere"}, "folder nowhere: expected a folder that exists"),
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


# Carried ------------------------------------------------------------------------------------------------------------


def account(path, lock=None):
    """Closures on a file: to open an account, to pay in, and to see whether two have."""

    def open_account():
        path.write_text("0")

    def pay_in(number):
        with lock:
            pay_in_at_once(number)

    def pay_in_at_once(number):
        # No file of the account is ever torn: only what was read may be old.
        new = path.with_suffix(f".{number}")
        new.write_text(str(int(path.read_text()) + 1))
        new.replace(path)

    def both_have(returns):
        assert path.read_text() == "2"

    return open_account, pay_in if lock else pay_in_at_once, both_have


def test_a_closure_is_searched_with_the_lock_and_the_file_that_it_holds(searched, tmp_path):
    setup, pay_in, check = account(tmp_path / "account", Lock())

    assert searched(pay_in, setup=setup, check=check, folder=tmp_path) == ("proved", {})
    assert not (tmp_path / "account").exists()


def test_without_a_lock_it_is_found_with_its_lines(searched, tmp_path):
    path = tmp_path / "log"
    path.write_text("begun")
    text = str(path)

    def begin_anew(number):
        with open(text, "w") as file:  # noqa: PTH123 - of a text
            file.write(str(number))

    def is_written(returns):
        assert path.read_text() == "1"

    (finding,) = searched(begin_anew, check=is_written, folder=tmp_path)[1].values()
    lines = [event.operation.line for event in lab.replay(finding.file).execution.events]

    assert "(test_function_search.py:" in finding.detail
    assert {line.partition(":")[0] for line in lines} == {"", "test_function_search.py"}
    assert path.read_text() == "begun"


def test_a_replay_of_a_closure_takes_who_has_made_it(searched, tmp_path, monkeypatch):
    setup, pay_in, check = account(tmp_path / "account")
    (finding,) = searched(pay_in, setup=setup, check=check, folder=tmp_path)[1].values()

    assert lab.replay(finding.file).is_violation

    monkeypatch.setattr(script_exploring, "_known", {})
    with pytest.raises(UsageError, match="Replay it where it is made"):
        lab.replay(finding.file)

    setup, pay_in, check = account(tmp_path / "account")
    assert lab.replay(finding.file, function=pay_in, setup=setup, check=check, folder=tmp_path).is_violation


def test_what_is_of_multiprocessing_is_made_anew_as_it_is(searched):
    lock, rlock, semaphore, bounded = Lock(), RLock(), Semaphore(3), BoundedSemaphore(2)
    semaphore.acquire()
    done, open_, barrier = Event(), Event(), Barrier(1)
    open_.set()
    condition = Condition(lock)
    value, own, array, letters = Value("i", 4), Value("d", 0.5, lock=rlock), Array("i", [1, 2]), Array("c", b"abc")
    raw, places = RawValue("i", 7), RawArray("i", [8, 9])
    queue, simple, joinable = Queue(2), SimpleQueue(), JoinableQueue()
    items = ShareableList([10, "x"])
    context = multiprocessing.get_context("fork")

    def look():
        for one in (queue, simple, joinable):
            one.put("here")
            assert one.get() == "here"
        with condition:
            assert not lock.acquire(block=False), "the condition's lock is the same"
        assert barrier.wait() == 0
        assert context.get_start_method() == "fork"
        assert own.get_lock() is rlock
        assert [semaphore.acquire(block=False) for _ in range(3)] == [True, True, False]
        assert bounded.get_value() == 2
        shared = value.value, own.value, array[:], letters.value, raw.value, places[:], list(items)
        return done.is_set(), open_.is_set(), *shared

    def check(returns):
        assert returns == [(False, True, 4, 0.5, [1, 2], b"abc", 7, [8, 9], [10, "x"])]

    try:
        assert searched(look, processes=1, check=check)[1] == {}
    finally:
        items.shm.close()
        items.shm.unlink()


def test_of_several_pipes_the_ends_that_belong_together_still_do(searched):
    both, one_way, other = Pipe(), Pipe(duplex=False), Pipe()

    def talk():
        pairs = [both, both[::-1], one_way[::-1], other, other[::-1]]
        for number, (near, _) in enumerate(pairs):
            near.send(number)
        return [far.recv() for _, far in pairs]

    assert searched(talk, processes=1, check=lambda returns: returns == [list(range(5))]) == ("proved", {})
    assert not any(end.poll() for end in (*both, one_way[0], *other))


LONG = 20_000
"""Bytes of a message that takes two writes, its header's and its body's."""


@pytest.mark.parametrize(("size", "verdict"), [(1, "proved"), (LONG, "found")])
def test_the_ends_of_a_pipe_in_a_closure_are_controlled(searched, size, verdict):
    reader, writer = Pipe(duplex=False)

    def send(number):
        writer.send_bytes(bytes([number]) * size)

    def all_came(returns):
        assert sorted(sorted(set(reader.recv_bytes())) for _ in returns) == [[0], [1]]

    assert searched(send, check=all_came)[0] == verdict


@pytest.fixture
def block():
    made = SharedMemory(create=True, size=2)
    made.buf[0] = 4
    yield made
    made.close()
    made.unlink()


def test_so_is_shared_memory_which_each_execution_copies(searched, block):
    again, lock = SharedMemory(block.name), Lock()

    def add():
        block.buf[0] = again.buf[0] + 1

    def add_alone():
        with lock:
            add()

    def is_six(returns):
        attached = SharedMemory(block.name)
        assert attached.buf[0] == 6

    (finding,) = searched(add, check=is_six, out="bare")[1].values()
    assert "is_six" in finding.detail
    assert searched(add_alone, check=is_six, out="alone") == ("proved", {})
    assert block.buf[0] == 4


def test_a_schedule_of_shared_memory_fits_another_block_whose_name_is_another(searched, monkeypatch):
    def made():
        block = SharedMemory(create=True, size=1)
        return block, lambda: block.buf.__setitem__(0, block.buf[0] + 1), lambda returns: block.buf[0] == 2

    made_twice = [made(), made()]
    try:
        (_, add, check), (_, again, check_again) = made_twice
        (finding,) = searched(add, check=check)[1].values()
        monkeypatch.setattr(script_exploring, "_known", {})
        assert lab.replay(finding.file, function=again, check=check_again).is_violation
    finally:
        for block, *_ in made_twice:
            block.close()
            block.unlink()


def test_a_value_in_a_closure_is_controlled(searched):
    value = Value("i", 0)

    def add():
        value.value += 1

    assert searched(add, check=lambda returns: value.value == 2)[0] == "found"
    assert value.value == 0


class Counter:
    def __init__(self):
        self.total = Value("i", 0)

    def add(self, number=0):
        self.total.value += 1

    def __call__(self):
        self.add()


COUNTER = Counter()


@pytest.mark.parametrize(
    "function",
    [COUNTER.add, COUNTER, partial(COUNTER.add, 1), lambda: COUNTER.add()],
    ids=["method", "object", "partial", "lambda"],
)
def test_whatever_can_be_called_is_searched(searched, function):
    assert searched(function, processes=1, check=lambda returns: COUNTER.total.value == 1) == ("proved", {})


def test_a_lock_of_an_imported_module_is_that_of_the_module(bank, searched, monkeypatch):
    monkeypatch.syspath_prepend(str(bank.__file__).rpartition("/")[0])
    lock = bank.LOCK

    def transfer_within(number):
        with lock:
            return bank.transfer_alone(number)

    found = searched(transfer_within, processes=1, setup=bank.open_accounts)[1]

    assert "at bank.py:" in found["deadlock"].detail


def test_a_module_that_no_import_would_find_is_imported_from_its_file(bank, searched):
    assert searched(bank.count, processes=1, check=lambda returns: bank.TOTAL.value == 1) == ("proved", {})


STATE = {}


def remember():
    STATE["begun"] = True


def test_a_closure_and_its_module_use_the_same_globals(searched):
    verdict, found = searched(lambda: STATE["begun"], processes=1, setup=remember, check=lambda returns: all(returns))

    assert (verdict, found) == ("proved", {})
    assert STATE == {}


def test_a_path_in_the_text_of_a_function_is_below_its_folder(searched, tmp_path):
    names = {}
    exec(f"def write():\n    with open({str(tmp_path / 'here')!r}, 'w') as file:\n        file.write('yes')", names)

    assert searched(names["write"], processes=1, folder=tmp_path)[0] == "proved"
    assert not (tmp_path / "here").exists()


def test_a_path_that_is_made_otherwise_proves_nothing(searched, tmp_path):
    (tmp_path / "count").write_text("0")
    path = bytes(tmp_path / "count")

    def look():
        return os.path.getsize(path)  # noqa: PTH202 - which takes bytes

    (cell,) = lab.explore(look, folder=tmp_path, out=tmp_path / "found").cells

    assert cell.verdict == "unknown"
    assert "otherwise than by a text or a Path" in cell.reason


def taken(lock):
    lock.acquire()
    return lock


def filled(queue):
    queue.put(1)
    return queue


PIPE = Pipe()


def filled_pipe():
    reader, writer = Pipe(duplex=False)
    writer.send(1)
    return reader, writer


def closed_pipe():
    reader, writer = Pipe()
    writer.close()
    return writer, reader


def connected():
    with Listener(("localhost", 0)) as listener:
        return Client(listener.address), listener.accept()


def closed_memory():
    memory = SharedMemory(create=True, size=8)
    memory.close()
    memory.unlink()
    return memory


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.open("w"), "found an open file ("),
        (lambda path: sqlite3.connect(path), "found an sqlite3 connection. Make it in setup"),
        (lambda path: socket.socket(), "found a socket"),
        (lambda path: threading.Thread(), "found a thread"),
        (lambda path: PIPE[0], "found an end of a Pipe without its other end. Use both there"),
        (lambda path: filled_pipe(), "found an end of a Pipe at which something waits to be read"),
        (lambda path: closed_pipe(), "found an end of a Pipe that is closed"),
        (lambda path: connected(), "found a connection that is no end of a Pipe"),
        (lambda path: closed_memory(), "found shared memory that is closed or unlinked"),
        (lambda path: taken(Lock()), "found a Lock that somebody holds. Release it before."),
        (lambda path: taken(BoundedSemaphore(2)), "found a BoundedSemaphore that somebody holds"),
        (lambda path: filled(SimpleQueue()), "found a SimpleQueue with something in it. Fill it in setup."),
        (lambda path: threading.Lock(), "found what can't be pickled (TypeError: cannot pickle '_thread.lock' object)"),
    ],
)
def test_what_no_execution_can_make_anew_is_named(tmp_path, make, said):
    thing = make(tmp_path / "thing")
    try:
        with pytest.raises(UsageError) as error:
            lab.explore(lambda: thing, out=tmp_path / "found")
    finally:
        getattr(thing, "close", lambda: None)()

    assert said in str(error.value)
    assert not (tmp_path / "found").exists()


def test_a_function_that_was_typed_into_a_shell_is_searched(tmp_path):
    typed = """
from multiprocessing import Value
import lab
total = Value("i", 0)
def add():
    total.value += 1
def check(returns):
    return total.value == 2
print(json.dumps(lab.explore(add, check=check, out="found").verdict))
"""
    done = subprocess.run(
        [sys.executable], input=f"import json{typed}", capture_output=True, text=True, cwd=tmp_path, check=True
    )

    assert json.loads(done.stdout) == "found"
