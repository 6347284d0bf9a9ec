"""Stores: what is written is read, what is half written is noticed, and `write_if` lets one of two win."""

import builtins
import json
import multiprocessing
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.engines.real.folder import RealFileLock, RealFolder
from lab.engines.real.world import opened, straight_through
from lab.errors import OutputError, UsageError
from lab.store import BUSY, SHARED_INTEGERS, StagedStore, TornRead
from lab.stores import STORES, store_named
from lab.stores.json_file import JsonFile

RECORDS = ["json_file", "atomic_json_file", "memory", "sqlite"]
VERSIONED = ["atomic_json_file", "memory", "sqlite"]
DIRECT = ["json_file", "memory"]


@pytest.fixture
def make(tmp_path):
    """Makes a store, or another process's view of the same one."""
    integers = memoryview(bytearray(8 * SHARED_INTEGERS)).cast("q")
    lock = multiprocessing.get_context("fork").Lock()
    made = []

    def make(name, who="a"):
        place = SimpleNamespace(folder=RealFolder(str(tmp_path)), integers=integers, lock=lock, name=who)
        store = store_named(name)(place)
        if not made:
            store.create()
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()


@pytest.mark.parametrize("name", RECORDS)
def test_what_one_writes_another_reads(make, name):
    ours, theirs = opened(make(name, "a")), opened(make(name, "b"))
    ours.write({"count": 3, "sold": -1})

    assert theirs.read() == {"count": 3, "sold": -1}


@pytest.mark.parametrize("name", RECORDS)
def test_the_short_way_of_the_stage_leaves_and_finds_the_same(make, name):
    staged, actors = StagedStore(make(name, "a"), straight_through), opened(make(name, "b"))
    staged.write({"count": 3})

    assert actors.read() == {"count": 3}
    actors.write({"count": 2})
    assert staged.read() == {"count": 2}


@pytest.mark.parametrize("name", DIRECT)
def test_the_direct_ways_do_what_the_steps_do(make, name):
    ours, theirs = make(name, "a"), make(name, "b")
    ours.write_directly({"count": 3, "sold": -1})
    assert straight_through(theirs.read()) == {"count": 3, "sold": -1}

    straight_through(theirs.write({"left": 2, "right": 5}))
    assert ours.read_directly() == {"left": 2, "right": 5}


def test_a_json_file_is_read_and_written_by_the_tutorials_calls(make, monkeypatch):
    store, calls = make("json_file"), []
    store.fill({"count": 1})
    opening, dumping = builtins.open, json.dump
    monkeypatch.setattr(builtins, "open", lambda *call: calls.append(["open", *call[1:]]) or opening(*call))
    monkeypatch.setattr(json, "dump", lambda *call: calls.append(["dump", call[0]]) or dumping(*call))
    opened(store).write(opened(store).read())

    assert calls == [["open", "r"], ["open", "w"], ["dump", {"count": 1}]]


def test_a_saved_file_holds_no_rest_of_a_longer_one(tmp_path):
    folder = RealFolder(str(tmp_path))
    folder.save("file", b"a long text")
    folder.save("file", b"short")

    assert [folder.load("file"), (tmp_path / "file").read_bytes()] == [b"short", b"short"]
    folder.close()


@pytest.mark.parametrize("moved", ["replaced", "removed"])
def test_a_file_that_was_moved_away_is_not_saved_to(tmp_path, moved):
    folder = RealFolder(str(tmp_path))
    folder.save("file", b"first")
    if moved == "replaced":
        (tmp_path / "other").write_bytes(b"theirs")
        (tmp_path / "other").replace(tmp_path / "file")
        assert folder.load("file") == b"theirs"
    else:
        (tmp_path / "file").unlink()
    folder.save("file", b"ours")

    assert (tmp_path / "file").read_bytes() == b"ours"
    folder.close()


def test_a_file_left_half_written_is_torn_for_the_judge_too(make):
    store = make("json_file")
    steps = store.write({"count": 1})
    assert [next(steps), next(steps)] == ["truncate", "write"]

    with pytest.raises(TornRead):
        StagedStore(store, straight_through).read()
    steps.close()


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_was_read_is_the_readers_own(make, name):
    store = opened(make(name))
    store.write({"count": 3})
    store.read()["count"] = 0

    assert store.read() == {"count": 3}


@pytest.mark.parametrize("name", VERSIONED)
def test_of_two_who_read_the_same_version_one_commits(make, name):
    ours, theirs = opened(make(name, "a")), opened(make(name, "b"))
    ours.write({"count": 2})
    our_version, _ = ours.read_versioned()
    their_version, _ = theirs.read_versioned()

    assert ours.write_if(our_version, {"count": 1}) is True
    assert theirs.write_if(their_version, {"count": 0}) is False
    assert theirs.read() == {"count": 1}


@pytest.mark.parametrize("name", VERSIONED)
def test_at_every_interleaving_of_two_commits_exactly_one_wins(make, name):
    """Both announce each step before they do it, so every order of steps can be forced."""
    ours, theirs = make(name, "a"), make(name, "b")
    for order in range(1 << 10):
        straight_through(ours.write({"count": 2}))
        version, _ = straight_through(ours.read_versioned())
        won = interleaved(ours.write_if(version, {"count": 1}), theirs.write_if(version, {"count": 0}), order)

        assert sorted(won) == [False, True]
        assert straight_through(ours.read()) == {"count": 1 if won[0] else 0}


def interleaved(first, second, order):
    """Run two calls step by step, the next step of the one that the next bit of `order` names, until both returned."""
    calls, returned = [first, second], [None, None]
    while None in returned:
        who = order & 1 if None not in returned or returned[order & 1] is None else 1 - (order & 1)
        order >>= 1
        try:
            if next(calls[who]) is BUSY:
                order |= 1 - who if returned[1 - who] is None else who
        except StopIteration as stop:
            returned[who] = stop.value
    return returned


def test_a_json_file_is_empty_between_truncating_and_writing(make):
    writer, reader = make("json_file", "a"), opened(make("json_file", "b"))
    straight_through(writer.write({"count": 1}))
    steps = writer.write({"count": 0})

    assert next(steps) == "truncate"
    assert reader.read() == {"count": 1}
    assert next(steps) == "write"
    with pytest.raises(TornRead, match="the file held ''"):
        reader.read()
    steps.close()


def test_an_atomic_json_file_is_never_half_written(make):
    writer, reader = make("atomic_json_file", "a"), opened(make("atomic_json_file", "b"))
    straight_through(writer.write({"count": 1}))
    for _ in writer.write({"count": 0}):
        assert reader.read() == {"count": 1}

    assert reader.read() == {"count": 0}


def test_an_atomic_json_file_leaves_no_other_file(make, tmp_path):
    store = opened(make("atomic_json_file"))
    store.write({"count": 1})
    store.write_if(store.read_versioned()[0], {"count": 0})
    store.write_if("a version of long ago", {"count": 7})

    assert [file.name for file in tmp_path.iterdir()] == ["state.json"]


def test_a_transaction_keeps_others_out_until_it_is_committed(make):
    ours, theirs = make("sqlite", "a"), make("sqlite", "b")
    straight_through(ours.write({"count": 1}))
    straight_through(ours.begin())
    straight_through(ours.write({"count": 0}))
    waiting = theirs.begin()

    assert [next(waiting), next(waiting), next(waiting)] == ["begin", BUSY, BUSY]
    assert straight_through(theirs.read()) == {"count": 1}
    straight_through(ours.commit())
    straight_through(waiting)
    assert straight_through(theirs.read()) == {"count": 0}
    straight_through(theirs.rollback())


def test_a_transaction_that_is_rolled_back_leaves_no_trace(make):
    store = opened(make("sqlite"))
    store.write({"count": 1})
    store.begin()
    store.write({"count": 0})
    store.rollback()

    assert store.read() == {"count": 1}


@given(
    record=st.dictionaries(
        st.text("abcµ", min_size=1, max_size=6), st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=9
    )
)
def test_memory_holds_any_few_whole_numbers(record):
    integers = memoryview(bytearray(8 * SHARED_INTEGERS)).cast("q")
    ours, theirs = [opened(store_named("memory")(SimpleNamespace(integers=integers))) for _ in range(2)]
    ours.write(record)

    assert theirs.read() == record


def test_memory_says_what_it_can_not_hold(make):
    store = opened(make("memory"))

    with pytest.raises(ValueError, match="holds 1 to 56 numbers"):
        store.write({f"key{number}": number for number in range(99)})


def test_lines_stand_in_the_order_in_which_they_were_appended(make):
    ours, theirs = opened(make("text_file", "a")), opened(make("text_file", "b"))
    ours.write({"lines": ["zero"]})
    ours.append("one")
    theirs.append("two")

    assert ours.read() == {"lines": ["zero", "one", "two"]}


def test_a_call_that_a_store_does_not_have_is_a_users_error(make):
    with pytest.raises(UsageError, match="store json_file has no write_if"):
        opened(make("json_file")).write_if(1, {})


def test_every_store_has_a_line_for_the_list():
    assert all(store.__doc__.strip().splitlines()[0].endswith(".") for store in STORES.values())
    assert STORES["json_file"] is JsonFile


def test_a_file_lock_excludes_by_the_open_file(tmp_path):
    ours, theirs = RealFileLock(tmp_path / "lock"), RealFileLock(tmp_path / "lock")

    assert ours.acquire() is True
    assert theirs.acquire(block=False) is False
    ours.release()
    assert theirs.acquire(block=False) is True
    ours.close()
    theirs.close()


def test_a_database_that_can_not_be_made_is_an_output_error(make, tmp_path):
    (tmp_path / "state.sqlite").mkdir()

    with pytest.raises(OutputError, match=r"can't make .*/state\.sqlite: unable to open database file\. Make room"):
        make("sqlite")
