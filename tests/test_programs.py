"""Every script under tests/programs gets the verdict that it deserves: unmodified, and on real processes."""

from functools import cache
from pathlib import Path

import pytest
from conftest import thorough

from lab.engines.controlled.session import UNSEEN, ControlledSession
from lab.schedulers.dpor import Dpor
from lab.schedulers.exhaustive import Exhaustive
from lab.schedulers.replay import Replay
from lab.script import Script
from lab.script_exploring import explore_script, replay_script
from lab.search import Limits, Tally, conflicts_of, search

HOME = Path(__file__).parent / "programs"
FOUR = f"{HOME}/rules.py:at_most_four"
ONE = f"{HOME}/rules.py:one_ticket"
IN_BLOCKS = r"\A((one \d\n){3}(two \d\n){3}|(two \d\n){3}(one \d\n){3})\Z"

FOUND = {
    "block_add": "unserial-1",
    "buy": "unserial-1",
    "buy_executor": "unserial-1",
    "buy_pool": "unserial-1",
    "create_if_missing": "unserial-1",
    "database_add": "unserial-1",
    "database_add_deferred": "raised-OperationalError",
    "double_release": "unserial-1",
    "empty_queue": "deadlock",
    "first_come": "unserial-1",
    "publish_folder": "raised-FileNotFoundError",
    "impatient_lock": "raised-AssertionError",
    "join_before_drain": "deadlock",
    "late_block": "raised-ValueError",
    "late_writer": "unserial-1",
    "list_add": "unserial-1",
    "lock_file_gone": "unserial-1",
    "lock_order": "deadlock",
    "lost_wakeup": "deadlock",
    "missed_signal": "deadlock",
    "next_id": "raised-AssertionError",
    "no_barrier": "raised-FileNotFoundError",
    "one_sentinel": "deadlock",
    "open_pipe": "deadlock",
    "rate_limit": "unserial-1",
    "raw_fork": "unserial-1",
    "raw_array_swap": "unserial-1",
    "raw_value_add": "unserial-1",
    "read_write": "unserial-1",
    "rewrite_log": "unserial-1",
    "same_temporary": "raised-FileNotFoundError",
    "server_value": "raised-AssertionError",
    "spawn_lost_lock": "raised-FileNotFoundError",
    "spawn_own_lock": "unserial-1",
    "spawn_pool": "unserial-1",
    "stuck_event": "deadlock",
    "thread_buy": "unserial-1",
    "thread_each_add": "unserial-1",
    "thread_lock_order": "deadlock",
    "thread_raises": "raised-FileNotFoundError",
    "torn_file": "raised-JSONDecodeError",
    "transfer": "unserial-1",
    "two_senders": "deadlock",
    "value_add": "unserial-1",
    "write_skew": "unserial-1",
    "wrong_lock": "raised-AssertionError",
    "wrong_lock_of_threads": "unserial-1",
    "faults/dies": "killed",
    "faults/exits": "exit-code-3",
    "faults/killed": "killed",
    "faults/unguarded": "raised-RuntimeError",
}

PROVED = [
    *(
        "append_log",
        "buy_executor_flock",
        "buy_lock",
        "buy_pool_lock",
        "check",
        "create_exclusively",
        "database_add_immediate",
        "database_update",
        "early_reader",
        "first_goes_on",
        "late_join",
        "kept_wakeup",
        "late_start",
        "light",
        "lock_same_order",
    ),
    *("next_id_flock", "own_temporary", "rate_limit_lock", "read_write_lock", "replaced_file", "right_lock"),
    *("link_once", "publish_folder_asked"),
    *("block_add_lock", "block_apart", "list_add_lock"),
    *("raw_array_apart", "raw_array_swap_lock", "raw_value_add_lock"),
    *("single_release", "transfer_lock", "two_senders_lock", "two_sentinels", "value_add_lock", "write_skew_lock"),
    *("server_value_lock", "spawn_executor_lock", "spawn_lock"),
    *("faults/alone", "faults/orphans", "faults/removes_folder"),
]

UNKNOWN = {
    "barrier": "no oracle: the processes wait for each other",
    "buy_pipe": "no oracle: the processes wait for each other",
    "buy_queue": "no oracle: the processes wait for each other",
    "drain_before_join": "no oracle: the processes wait for each other",
    "kept_signal": "no oracle: nothing was seen to be shared but the output",
    "print_lines": "no oracle: nothing was seen to be shared but the output",
    "print_lines_lock": "no oracle: nothing was seen to be shared but the output",
    "doubtful/begins": "what a worker of an executor does before its first task",
    "thread_buy_lock": "no schedule of the operations goes wrong, but threads of a process share memory",
    "thread_daemon": "no oracle: threads hand things on to each other, take locks several times, or end with",
    "thread_log": "no oracle: threads hand things on to each other, take locks several times, or end with",
    "thread_each_add_lock": "no schedule of the operations goes wrong, but threads of a process share memory",
    "thread_queue": "no oracle: the threads wait for each other",
    "doubtful/chance": "draws a random value at chance.py:8",
    "doubtful/clock": "the clock, of which one course was tried, is read at clock.py:8",
    "doubtful/dates": "the clock, of which one course was tried, is read at dates.py:9",
    "doubtful/executors": "a look whether a pool has a result",
    "doubtful/foreign": "a C library at foreign.py:8",
    "doubtful/handlers": "a signal handler at handlers.py:8",
    "doubtful/hooks": "os.register_at_fork at hooks.py:13",
    "doubtful/lost_task": "a worker of a pool that ends by itself at lost_task.py:8",
    "doubtful/managers": "a Manager at managers.py:11",
    "doubtful/mapped": "shared memory by mmap at mapped.py:6",
    "doubtful/pools": "a callback of a pool, which another thread would call at pools.py:13",
    "doubtful/preloaded": "what modules do at their top that a fork server imports once for all its children",
    "doubtful/programs": "another program at programs.py:8",
    "doubtful/shared_files": "a file that two threads use at the same time at shared_files.py:8",
    "doubtful/sockets": "a socket at sockets.py:8",
    "doubtful/structures": "a shared Point, whose fields are not seen",
    "doubtful/taken": "shared memory, whose bytes are taken past the wrappers, at taken.py:9",
    "doubtful/tracked": "shared memory that may be unlinked by a resource tracker of the child's own at tracked.py:8",
    "doubtful/forks_beside_threads": "a fork of a process in which other threads run at forks_beside_threads.py:15",
    "doubtful/links": "not controlled: a symbolic link that is followed at links.py:13",
    "doubtful/raw_threads": "a thread that is not started by threading.Thread at raw_threads.py:6",
    "doubtful/stray_threads": "an operation of a thread that is not controlled",
    "doubtful/thread_pools": "not controlled: a ThreadPool at thread_pools.py:6",
    "doubtful/threads": "threads of a process share memory, whose accesses are not seen",
    "doubtful/unrepeatable": "does not repeat itself",
    "faults/daemons": "a process is killed",
}

JUDGED = [
    ("ktv", {"check": FOUR, "seconds": 4.0}, "found"),
    ("buy_queue", {"check": ONE}, "proved"),
    ("buy_pipe", {"check": ONE}, "proved"),
    ("closed_pipe", {"expect_output": r"\A\['one'\]\n\Z"}, "proved"),
    ("print_lines", {"expect_output": IN_BLOCKS}, "found"),
    ("print_lines_lock", {"expect_output": IN_BLOCKS}, "proved"),
    ("buy_lock", {"is_deterministic": True}, "found"),
    ("value_add_lock", {"is_deterministic": True}, "proved"),
    ("pool_memory", {"is_deterministic": True}, "found"),
    ("thread_buy_pool", {"check": ONE}, "found"),
    ("thread_daemon", {"check": "grep -q two words.txt"}, "found"),
    ("thread_queue", {"check": "grep -q 3 total.txt"}, "unknown"),
    ("value_add", {"check": "grep -q 2"}, "found"),
    ("value_add_lock", {"check": "grep -q 2"}, "proved"),
]


def explored(name, tmp_path, seconds=20.0, strategy="dpor", executions=None, **rules):
    path = HOME / f"{name}.py"
    script = Script(str(path), files=[str(path)], **rules)
    choices = {"seconds": seconds, "strategy": strategy, "executions": executions}
    (cell,) = explore_script(script, out=tmp_path / "out", **choices).cells
    return cell


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the search of a broken program found; each is searched once, for all tests of it."""
    return cache(lambda name: explored(name, tmp_path_factory.mktemp("found")))


@pytest.mark.parametrize("name", FOUND)
def test_what_is_broken_is_found(name, found):
    cell = found(name)
    assert cell.verdict == "found"
    assert FOUND[name] in [finding.outcome for finding in cell.findings if finding.grade == "violation"]


@pytest.mark.parametrize("name", PROVED)
def test_what_is_right_is_proved(name, tmp_path):
    cell = explored(name, tmp_path)
    assert (cell.verdict, cell.reason) == ("proved", "")


FORKED = [name for name in (*FOUND, *PROVED) if name.partition("_")[0] not in ("spawn", "server", "faults/unguarded")]


@pytest.mark.parametrize("start_method", ["spawn", "forkserver"])
@pytest.mark.parametrize("name", thorough(*FORKED))
def test_a_program_that_passes_what_it_shares_deserves_the_same_by_each_start_method(name, start_method, tmp_path):
    text = (HOME / f"{name}.py").read_text()
    place = text.index('"""\n', 3) + len('"""\n')
    begin = f"import multiprocessing\nmultiprocessing.set_start_method({start_method!r}, force=True)\n"
    path = tmp_path / "twin.py"
    path.write_text(text[:place] + begin + text[place:])

    (twin,) = explore_script(Script(str(path), files=[str(path)]), out=tmp_path / "twin", seconds=20.0).cells

    forked = explored(name, tmp_path)
    assert twin.verdict == forked.verdict
    endings = [{finding.outcome for finding in cell.findings} for cell in (twin, forked)]
    if twin.reason or forked.reason:  # stopped at what was found, and how much else was met until then is the machine's
        assert all(FOUND[name] in each for each in endings)
    else:
        assert endings[0] == endings[1]


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_nobody_can_tell_is_unknown_with_its_reason(name, tmp_path):
    cell = explored(name, tmp_path)
    assert cell.verdict == "unknown"
    assert UNKNOWN[name] in cell.reason + "".join(finding.detail for finding in cell.findings)


@pytest.mark.parametrize("name", ["lock_file", "stop_flag"])
def test_a_loop_that_waits_is_let_go_round_as_often_as_the_budget_allows(name, tmp_path):
    cell = explored(name, tmp_path, executions=20)
    assert (cell.verdict, cell.reason) == ("unknown", "the budget of 20 executions is spent")
    assert {finding.grade for finding in cell.findings} == {"ok"}


@pytest.mark.parametrize(("name", "rules", "verdict"), JUDGED)
def test_a_rule_of_the_users_own_decides(name, rules, verdict, tmp_path):
    assert explored(name, tmp_path, **rules).verdict == verdict


OFTEN_REPLAYED = ("buy", "database_add", "lock_order", "lost_wakeup", "spawn_own_lock", "torn_file")


@pytest.mark.parametrize(
    "name", [*OFTEN_REPLAYED, *thorough(*(name for name in FOUND if "/" not in name and name not in OFTEN_REPLAYED))]
)
def test_a_schedule_that_was_found_repeats_every_time(name, found, often):
    finding = found(name).findings[0]
    path = HOME / f"{name}.py"
    session = ControlledSession(Script(str(path), files=[str(path)]).program())
    outcomes = []
    try:
        for _ in range(often(4, 20)):
            replay = Replay(finding.schedule.choices)
            replay.begin()
            execution = session.execute(replay)
            replay.end(execution.ending.waiting)
            outcomes.append(execution.trial.outcome)
    finally:
        session.close()
    assert set(outcomes) == {finding.schedule.set["ending"]}


@pytest.mark.parametrize("strategy", ["bounded", "random", *thorough("exhaustive", "pct")])
def test_every_strategy_finds_what_is_broken_and_nothing_else(strategy, tmp_path):
    executions = 10 if strategy in ("random", "pct") else 40
    broken = explored("buy", tmp_path / "broken", strategy=strategy, executions=executions)
    repaired = explored("buy_lock", tmp_path / "repaired", strategy=strategy, executions=executions)

    assert broken.verdict == "found"
    # To draw schedules proves nothing, however many there were.
    assert repaired.verdict == ("unknown" if strategy in ("random", "pct") else "proved")


def searched(name, scheduler):
    path = HOME / f"{name}.py"
    session, tally = ControlledSession(Script(str(path), files=[str(path)]).program()), Tally(is_reduced=False)
    try:
        spent = search(session, scheduler, tally, Limits(None, 100.0), lambda tally: None)
    finally:
        session.close()
    assert spent == ""
    assert tally.doubt in ("", UNSEEN)
    return tally


@pytest.mark.parametrize(
    "name",
    [
        *("empty_queue", "lost_wakeup", "value_add"),
        *thorough(
            "block_add",
            "create_exclusively",
            "database_add",
            "late_start",
            "late_writer",
            "lock_order",
            "one_sentinel",
            "pool_memory",
            "publish_folder",
            "spawn_lost_lock",
            "thread_daemon",
            "thread_lock_order",
        ),
    ],
)
def test_the_reduced_search_meets_every_class_of_schedules_that_there_is(name):
    reduced, whole = searched(name, Dpor()), searched(name, Exhaustive())
    assert reduced.executions < whole.executions
    assert reduced.classes == whole.classes
    assert set(reduced.seen) == set(whole.seen)


def test_two_buyers_take_at_most_sixty_four_executions():
    assert searched("buy", Dpor()).executions <= 64


def test_the_lock_that_an_access_to_a_value_takes_for_itself_is_no_data(found):
    execution = replay_script(found("value_add").findings[0].schedule).execution
    assert {conflict.object for conflict in conflicts_of(execution)} == {"value 1 (value_add.py:11)"}


def test_two_who_add_to_a_value_have_four_classes_of_schedules():
    # Each reads and writes: one after the other (two ways), or both read first, and then write in either order.
    assert searched("value_add", Dpor()).executions == 4
