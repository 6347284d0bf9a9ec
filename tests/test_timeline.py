import re

import pytest
from histories import STORE, done, executions, permits_of, read, write

from lab.delays import zero
from lab.scenarios.stuck_light import StuckLight
from lab.scenarios.ticket_sale import TicketSale
from lab.timeline import timeline

NAMES = {0: "buyer 0", 1: "buyer 1", 2: "buyer 2", 3: "owner", 4: "feeder of queue 'q' (buyer 0)"}
LOCK = "lock 'guard'"


def shown(events, permits=None, **how):
    return timeline(events, NAMES, permits or {}, **how)


def acquire(actor, name=LOCK):
    return done(actor, "acquire", name, line="locks.py:22")


def release(actor):
    return done(actor, "release", LOCK, line="locks.py:22")


def truncate(actor):
    return write(actor, kind="truncate", result="")


def test_each_actor_has_a_column_and_each_operation_a_line():
    events = [read(0), read(1), truncate(1), write(1), write(0)]
    assert shown(events, preempted={1}).splitlines() == [
        "step     line    buyer 0             buyer 1",
        "   1     a.py:1  read {'count': 1}",
        "   2  >  a.py:1                      read {'count': 1}",
        "   3     a.py:2                      truncate",
        "   4     a.py:2                      write {'count': 0}",
        "   5     a.py:2  write {'count': 0}",
        "> the turn was taken from an actor that could have gone on",
    ]


def test_who_holds_and_who_waits_stands_beside():
    events = [acquire(0), read(0), release(0), acquire(1), release(1)]
    assert shown(events).splitlines() == [
        "step    line         buyer 0               buyer 1                 held",
        "   1    locks.py:22  acquire lock 'guard'  waits for lock 'guard'  lock 'guard' by buyer 0",
        "   2    a.py:1       read {'count': 1}     ...                     lock 'guard' by buyer 0",
        "   3    locks.py:22  release lock 'guard'",
        "   4    locks.py:22                        acquire lock 'guard'    lock 'guard' by buyer 1",
        "   5    locks.py:22                        release lock 'guard'",
    ]


def test_what_does_not_fit_is_said_more_briefly():
    events = [acquire(0), release(0), acquire(1), release(1)]
    assert shown(events, width=70).splitlines()[1] == "1   locks.py:22  acquire 'guard'  waits for 'guard'  'guard': 0"


def test_where_columns_do_not_fit_each_line_names_its_actor():
    events = [acquire(0), read(0), release(0), acquire(1)]
    assert shown(events, width=50).splitlines() == [
        "1   locks.py:22  buyer 0  acquire 'guard'    held: 'guard': 0; waiting: buyer 1",
        "2   a.py:1       buyer 0  read {'count': 1}  held: 'guard': 0; waiting: buyer 1",
        "3   locks.py:22  buyer 0  release 'guard'",
        "4   locks.py:22  buyer 1  acquire 'guard'    held: 'guard': 1",
    ]


def test_what_was_never_done_ends_the_text():
    waiting = [done(1, "wait", "event 'go'", line="a.py:9", is_read=True).operation]
    assert shown([read(0)], waiting=waiting).splitlines() == [
        "step    line    buyer 0            buyer 1",
        "   1    a.py:1  read {'count': 1}  waits for event 'go'",
        "        a.py:9                     waits for event 'go'",
    ]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (done(0, "sleep"), "(sleep)"),
        (done(0, "note", "notes", result="'enter'"), "(note 'enter')"),
        (read(0, result="TornRead(\"the file held '' and nothing else\")"), "read TornRead(...)"),
        (read(0, result="{'a': 1, 'b': 2, 'c': 3, 'd': 4}"), "read {'a': 1, 'b... 3, 'd': 4}"),
        (read(0, name="value 'v'", result="3"), "read value 'v': 3"),
        (done(0, "acquire", LOCK, is_timeout=True), "acquire lock 'guard': time is up"),
        (done(0, "try to acquire", LOCK, result="False"), "try to acquire lock 'guard': False"),
        (done(0, "wait", "event 'go'", result="True"), "wait event 'go'"),
        (done(0, "is_set", "event 'go'", result="True"), "is_set event 'go': True"),
        (done(0, "put", "queue 'q' buffer of buyer 0", result="7"), "put 7 into 'q'"),
        (done(4, "deliver", "queue 'q' buffer of buyer 0", "queue 'q'"), "deliver into 'q'"),
        (done(0, "get", "queue 'q'", result="7"), "get 7 from 'q'"),
        (done(0, "recv", "pipe 'p' (to the first end)", result="7"), "recv 7 from 'p'"),
        (done(0, "start over", "somewhere"), "start over somewhere"),
    ],
)
def test_each_operation_has_its_words(event, words):
    assert shown([event]).splitlines()[1].split("  ")[-1].strip() == words


def waits(events, permits=None):
    """Of each line, whether somebody waits."""
    return [bool(re.search(r"waits|\.\.\.", line)) for line in shown(events, permits, width=200).splitlines()[1:]]


BUFFER, QUEUE, SEMAPHORE, CONDITION = "queue 'q' buffer of buyer 2", "queue 'q'", "semaphore 's'", "condition 'c'"
PUT, DELIVER, GET = done(2, "put", BUFFER), done(4, "deliver", BUFFER, QUEUE), done(1, "get", QUEUE)
BUSY, GO, PIPE = done(2, "sleep"), "event 'go'", "pipe 'p' (to the first end)"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([PUT, BUSY, DELIVER, BUSY, GET], [True, True, False, False, False]),
        (
            [done(2, "clear", "event 'e'"), done(2, "set", "event 'e'"), done(1, "wait", "event 'e'")],
            [True, False, False],
        ),
        ([BUSY, done(2, "release", SEMAPHORE), acquire(1, SEMAPHORE)], [True, False, False]),
        ([BUSY, done(2, "send", PIPE), done(1, "recv", PIPE)], [True, False, False]),
        ([BUSY, done(2, "send", PIPE), done(1, "wait", PIPE, "pipe 'r'")], [True, False, False]),
        ([acquire(2, "rlock 'r'"), done(2, "release", "rlock 'r'"), acquire(1, "rlock 'r'")], [True, False, False]),
        ([acquire(2), BUSY, done(1, "try to acquire", LOCK, result="False")], [False, False, False]),
        (
            [
                acquire(1, CONDITION),
                done(1, "wait", CONDITION),
                BUSY,
                acquire(2, CONDITION),
                done(2, "notify", CONDITION, result="1"),
                done(2, "release", CONDITION),
                done(1, "wake", CONDITION, result="True"),
            ],
            [False, False, True, True, True, False, False],
        ),
    ],
)
def test_an_actor_waits_as_long_as_it_could_not_go_on(events, expected):
    assert waits(events) == expected


def test_who_puts_into_a_full_queue_waits_until_somebody_gets():
    events = [done(2, "put", BUFFER, QUEUE), DELIVER, GET, done(2, "put", BUFFER, QUEUE)]
    assert waits(events, {QUEUE: 1})[1:] == [True, False, False]
    assert waits(events, {QUEUE: 2})[1:] == [False, False, False]


def test_color_is_shown_when_asked_for_and_changes_no_letter():
    events = [acquire(0), done(0, "sleep"), release(0), acquire(1)]
    plain, colored = shown(events), shown(events, is_colored=True)
    assert "\x1b" not in plain
    assert "\x1b[2m(sleep)\x1b[0m" in colored
    assert [line.rstrip() for line in re.sub(r"\x1b\[\dm", "", colored).splitlines()] == plain.splitlines()


def test_a_history_without_operations_is_no_error():
    assert shown([]).split() == ["step", "line"]


SALE = TicketSale(read_delay=zero, write_delay=zero)


@pytest.mark.parametrize(
    ("guard", "store", "processes", "outcome"),
    [
        ("none", "json_file", 2, "oversold"),
        ("none", "json_file", 2, "torn_read"),
        ("none", "json_file", 3, "oversold"),
        ("lock", "json_file", 3, "ok"),
        ("semaphore(2)", "json_file", 3, "oversold"),
        ("queue", "json_file", 2, "ok"),
        ("pipe", "json_file", 2, "ok"),
        ("transaction", "sqlite", 2, "ok"),
        ("optimistic", "memory", 2, "ok"),
    ],
)
def test_the_ticket_sale_fits_in_a_hundred_columns(guard, store, processes, outcome):
    one = next(one for one in executions(SALE, guard, store, processes) if one.trial.outcome == outcome)
    lines = timeline(one.events, one.actors, permits_of(one)).splitlines()
    assert max(map(len, lines)) <= 100
    assert len(lines) == 1 + len(one.events)
    assert all(one.actors[actor] in lines[0] for actor in range(processes))


def test_cars_at_a_light_that_nobody_turns_are_shown_waiting():
    (one,) = executions(StuckLight())
    lines = timeline(one.events, one.actors, {}, waiting=one.ending.waiting).splitlines()
    assert [line.split("  ")[-1] for line in lines[1:]] == ["waits for event 'go'"] * 2


def test_the_store_is_called_by_its_kind_alone():
    assert (
        shown([done(0, "begin", STORE), write(0)]).splitlines()[1].endswith("begin               the store by buyer 0")
    )
