from functools import partial
from itertools import islice

import pytest
from histories import done, executions, permits_of, read, write
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.conflict import by_line, sentence
from lab.delays import zero
from lab.happens_before import conflicts
from lab.scenarios.ticket_sale import TicketSale
from lab.schedulers.dpor import Dpor
from lab.schedulers.random_walk import RandomWalk

BUYERS = {0: "buyer 0", 1: "buyer 1"}
LOCK, SEMAPHORE, EVENT, BARRIER = "lock 'l'", "semaphore 's'", "event 'e'", "barrier 'b'"
ENTRY = "entry 'e'"
QUEUE, BUFFER, PIPE = "queue 'q'", "queue 'q' buffer of buyer 0", "pipe 'p' (to the second end)"


def places(events, permits=None):
    return [conflict.places for conflict in conflicts(events, permits or {})]


# What orders -------------------------------------------------------------------------------------------------------

CHAINS = {
    "lock": [done(0, "release", LOCK), done(1, "acquire", LOCK)],
    "lock that is tried": [done(0, "release", LOCK), done(1, "try to acquire", LOCK, result="True")],
    "rlock": [done(0, "release", "rlock 'l'"), done(1, "acquire", "rlock 'l'")],
    "file lock": [done(0, "release", "file_lock 'l'"), done(1, "acquire", "file_lock 'l'")],
    "lock of a value": [done(0, "release", "value 'v'"), done(1, "acquire", "value 'v'")],
    "semaphore": [done(0, "release", SEMAPHORE), done(1, "acquire", SEMAPHORE)],
    "bounded semaphore": [done(0, "release", "bounded_semaphore 's'"), done(1, "acquire", "bounded_semaphore 's'")],
    "event": [done(0, "set", EVENT), done(1, "wait", EVENT, result="True")],
    "event that is seen": [done(0, "set", EVENT), done(1, "is_set", EVENT, result="True")],
    "condition": [done(0, "release", "condition 'c'"), done(1, "acquire", "condition 'c'")],
    "condition that is let go": [done(0, "wait", "condition 'c'"), done(1, "acquire", "condition 'c'")],
    "condition that is had again": [done(0, "release", "condition 'c'"), done(1, "reacquire", "condition 'c'")],
    "event at the last moment": [done(0, "set", EVENT), done(1, "wait", EVENT, result="True", is_timeout=True)],
    "commit": [done(0, "write if", "store"), done(1, "write if", "store")],
    "notification": [done(0, "notify", "condition 'c'", result="1"), done(1, "wake", "condition 'c'", result="True")],
    "queue": [done(0, "put", BUFFER), done(2, "deliver", BUFFER, QUEUE), done(1, "get", QUEUE)],
    "pipe": [done(0, "send", PIPE), done(1, "recv", PIPE)],
    "barrier": [done(1, "arrive", BARRIER), done(0, "arrive", BARRIER), done(1, "pass", BARRIER)],
    "last at a barrier": [done(0, "arrive", BARRIER), done(1, "arrive", BARRIER)],
    "version": [done(0, "write if", "store"), done(1, "read version", "store", is_read=True)],
    "transaction": [done(0, "commit", "store"), done(1, "begin", "store")],
    "file that is looked for": [done(0, "open", ENTRY), done(1, "exists", ENTRY, is_read=True)],
    "file that is missed": [done(0, "unlink", ENTRY), done(1, "open", ENTRY, is_read=True, result="FileNotFoundError")],
    "file that is put there": [done(0, "replace", "entry 'n'", ENTRY), done(1, "open", ENTRY, is_read=True)],
}


@pytest.mark.parametrize("chain", CHAINS.values(), ids=CHAINS)
def test_what_synchronises_orders_and_nothing_less_of_it_does(chain):
    assert places([write(0), *chain, read(1)]) == []
    for missing in range(len(chain)):
        rest = chain[:missing] + chain[missing + 1 :]
        assert places([write(0), *rest, read(1)]) == [(0, len(rest) + 1)]


@pytest.mark.parametrize(
    "vain",
    [
        [done(0, "release", LOCK), done(1, "try to acquire", LOCK, result="False")],
        [done(0, "release", LOCK), done(1, "acquire", LOCK, is_timeout=True)],
        [done(0, "release", LOCK, result="ValueError('too often')"), done(1, "acquire", LOCK)],
        [done(0, "set", EVENT), done(1, "is_set", EVENT, result="False")],
        [done(0, "set", EVENT), done(1, "clear", EVENT), done(1, "wait", EVENT, result="True")],
        [done(0, "send", PIPE), done(1, "poll", PIPE, result="True", is_read=True)],
        [done(0, "arrive", BARRIER), done(1, "arrive", BARRIER, result="BrokenBarrierError()")],
        [done(0, "arrive", BARRIER), done(2, "reset", BARRIER), done(1, "arrive", BARRIER)],
        [done(0, "commit", "store"), done(1, "begin", "store", result="'busy'")],
    ],
)
def test_what_came_to_nothing_orders_nothing(vain):
    assert places([write(0), *vain, read(1)]) == [(0, len(vain) + 1)]


def test_who_sees_an_event_set_is_ordered_after_all_who_set_it():
    sets = [write(0), done(0, "set", EVENT), write(2, name="value 'v'"), done(2, "set", EVENT)]
    assert places([*sets, done(1, "wait", EVENT, result="True"), read(1), read(1, name="value 'v'")]) == []


def test_who_acquires_a_lock_is_ordered_after_the_last_release_alone():
    # Anybody may release a Lock: here actor 2 does, who never had it.
    events = [write(0), done(0, "release", LOCK), done(2, "release", LOCK), done(1, "acquire", LOCK), read(1)]
    assert places(events) == [(0, 4)]


def test_a_lock_taken_by_one_of_two_leaves_the_conflict():
    assert places([done(0, "acquire", LOCK), write(0), done(0, "release", LOCK), write(1)]) == [(1, 3)]


def test_two_locks_of_different_names_order_nothing():
    assert places([write(0), done(0, "release", LOCK), done(1, "acquire", "lock 'other'"), write(1)]) == [(0, 3)]


def test_what_is_done_after_the_release_is_not_ordered():
    assert places([done(0, "release", LOCK), write(0), done(1, "acquire", LOCK), write(1)]) == [(1, 3)]


def test_the_second_of_two_permits_orders_nothing():
    events = [write(0), done(0, "release", SEMAPHORE), done(1, "acquire", SEMAPHORE), read(1)]
    assert places(events, {SEMAPHORE: 1}) == [(0, 3)]
    assert places(events, {SEMAPHORE: 0}) == []


def test_the_oldest_permit_is_taken():
    released = [write(0), done(0, "release", SEMAPHORE), write(1), done(1, "release", SEMAPHORE)]
    assert places([*released, done(2, "acquire", SEMAPHORE), read(2)])[1:] == [(2, 5)]


def test_a_place_in_a_full_queue_is_a_permit():
    events = [write(0), done(0, "get", QUEUE), done(1, "put", BUFFER, QUEUE), read(1)]
    assert places(events, {QUEUE: 0}) == [(0, 3)]
    taken = [done(2, "put", BUFFER, QUEUE)]
    assert places([*taken, *events], {QUEUE: 1}) == []
    assert places([*taken, *events], {QUEUE: 2}) == [(1, 4)]


def test_who_gets_the_second_item_is_ordered_after_its_put_alone():
    puts = [write(0), done(0, "send", PIPE), write(1, name="other"), done(1, "send", PIPE)]
    gets = [done(2, "recv", PIPE), done(3, "recv", PIPE), read(3), read(3, name="other")]
    assert places([*puts, *gets]) == [(0, 6)]


def test_who_passes_late_is_not_ordered_after_the_next_round():
    first = [done(1, "arrive", BARRIER), done(0, "arrive", BARRIER)]
    assert places([*first, write(0), done(0, "arrive", BARRIER), done(1, "pass", BARRIER), read(1)]) == [(2, 5)]


def test_who_arrives_once_the_first_has_passed_belongs_to_the_next_round():
    first = [done(actor, "arrive", BARRIER) for actor in (1, 3, 0)]
    later = [done(3, "pass", BARRIER), write(2), done(2, "arrive", BARRIER), done(1, "pass", BARRIER), read(1)]
    assert places([*first, *later]) == [(4, 7)]


def test_two_reads_two_objects_and_one_actor_are_no_conflict():
    assert places([read(0), read(1)]) == []
    assert places([write(0, name="value 'a'"), write(1, name="value 'b'")]) == []
    assert places([write(0), write(0)]) == []


def test_a_write_that_found_the_store_busy_is_no_access():
    assert places([write(0, result="'busy'"), read(1)]) == []


def test_each_pair_of_lines_is_told_once_with_the_access_next_to_it():
    assert places([read(0), read(0), write(1), read(0), write(1)]) == [(1, 2)]


# Against a reference -----------------------------------------------------------------------------------------------

MENU = {
    "read": partial(read, line="a.py:1"),
    "read elsewhere": partial(read, line="a.py:3", name="value 'v'"),
    "write": partial(write, line="a.py:2"),
    "write elsewhere": partial(write, line="a.py:4", name="value 'v'"),
    "acquire": lambda actor: done(actor, "acquire", LOCK),
    "release": lambda actor: done(actor, "release", LOCK),
    "take": lambda actor: done(actor, "acquire", SEMAPHORE),
    "give": lambda actor: done(actor, "release", SEMAPHORE),
    "set": lambda actor: done(actor, "set", EVENT),
    "clear": lambda actor: done(actor, "clear", EVENT),
    "wait": lambda actor: done(actor, "wait", EVENT, result="True"),
    "send": lambda actor: done(actor, "send", PIPE),
    "recv": lambda actor: done(actor, "recv", PIPE),
}
FIRST_PERMITS = 1


def possible(steps):
    """The drawn steps without those that would have had to wait."""
    permits, items, kept = FIRST_PERMITS, 0, []
    for actor, word in steps:
        permits += (word == "give") - (word == "take")
        items += (word == "send") - (word == "recv")
        if permits < 0 or items < 0:
            permits, items = max(permits, 0), max(items, 0)
        else:
            kept.append((actor, word))
    return kept


def directly_before(steps, place):
    """The places of the operations that come before this one by a rule, not by way of others."""
    actor, word = steps[place]
    earlier = {
        kind: [other for other in range(place) if steps[other][1] == kind] for kind in {word for _, word in steps}
    }
    before = {other for other in range(place) if steps[other][0] == actor}
    if word == "acquire":
        before |= set(earlier.get("release", [])[-1:])
    elif word == "take" and (taken := len(earlier["take"]) - FIRST_PERMITS) >= 0:
        before.add(earlier["give"][taken])
    elif word == "wait":
        cleared = max(earlier.get("clear", []), default=-1)
        before |= {other for other in earlier.get("set", []) if other > cleared}
    elif word == "recv":
        before.add(earlier["send"][len(earlier["recv"])])
    return before


def unordered(steps, events):
    """Every pair of conflicting accesses that no chain of rules orders."""
    before = []
    for place in range(len(steps)):
        direct = directly_before(steps, place)
        before.append(direct.union(*(before[other] for other in direct)))
    return {
        (first, second)
        for second, later in enumerate(events)
        for first, earlier in enumerate(events[:second])
        if later.operation.is_data and earlier.operation.is_data
        if later.operation.conflicts_with(earlier.operation) and later.operation.actor != earlier.operation.actor
        if first not in before[second]
    }


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(sorted(MENU))), max_size=24))
def test_exactly_what_no_chain_of_rules_orders_is_told(drawn):
    steps = possible(drawn)
    events = [MENU[word](actor) for actor, word in steps]
    pairs = unordered(steps, events)

    def key(pair):
        return tuple(sorted(events[place].operation.line for place in pair))

    found = places(events, {SEMAPHORE: FIRST_PERMITS})
    assert set(found) <= pairs
    firsts = {key(pair): pair[1] for pair in sorted(pairs, key=lambda pair: pair[1], reverse=True)}
    assert {key(pair): pair[1] for pair in found} == firsts
    assert len(found) == len(firsts)


# Real executions ---------------------------------------------------------------------------------------------------

SALE = TicketSale(read_delay=zero, write_delay=zero)


@pytest.mark.parametrize(
    ("guard", "store"),
    [
        ("lock", "json_file"),
        ("rlock", "json_file"),
        ("semaphore(1)", "json_file"),
        ("bounded_semaphore(1)", "json_file"),
        ("file_lock", "json_file"),
        ("queue", "json_file"),
        ("pipe", "json_file"),
        ("optimistic", "memory"),
        ("optimistic", "sqlite"),
        ("transaction", "sqlite"),
    ],
)
def test_a_guard_that_makes_the_sale_safe_leaves_no_conflict(guard, store):
    told = [conflicts(one.events, permits_of(one)) for one in executions(SALE, guard, store, 2, Dpor())]
    assert told
    assert not any(told)


def test_nor_does_a_guard_under_which_an_actor_may_try_again_for_ever():
    # So not every schedule comes to an end; two hundred at random do.
    walks = executions(SALE, "optimistic", "atomic_json_file", 2, RandomWalk(1))
    assert not any(conflicts(one.events, permits_of(one)) for one in islice(walks, 200))


@pytest.mark.parametrize("guard", ["none", "semaphore(2)"])
def test_without_one_every_execution_shows_the_conflict_also_those_that_went_well(guard):
    assert all(conflicts(one.events, permits_of(one)) for one in executions(SALE, guard, "json_file", 2, Dpor()))


def test_who_opens_a_file_hands_nothing_on_to_who_opens_it_next():
    opened = [done(actor, "open", ENTRY, is_read=True) for actor in (0, 1)]
    assert places([write(0), *opened, read(1)]) == [(0, 3)]


def test_who_replaces_a_file_comes_after_nobody_who_has_opened_it():
    opened = [done(actor, "open", ENTRY, is_read=True) for actor in (0, 1)]
    assert places([*opened, done(1, "replace", "entry 'n'", ENTRY)]) == [(0, 2)]


# Sentences ---------------------------------------------------------------------------------------------------------


def test_the_sentence_names_who_did_what_where_and_after_whom():
    events = [read(0, "ticket_sale.py:36"), write(1, "ticket_sale.py:41")]
    (conflict,) = conflicts(events, {})
    assert sentence(conflict, BUYERS) == (
        "buyer 1 wrote `count` at ticket_sale.py:41 after buyer 0 had read it at ticket_sale.py:36; "
        "nothing orders the two"
    )


@pytest.mark.parametrize(
    ("events", "start"),
    [
        ([write(0, result=""), read(1, result="{'a': 1, 'b': 2}")], "buyer 1 read the store at"),
        ([write(0, name="value 'v'"), read(1, name="value 'v'", result="1")], "buyer 1 read value 'v' at"),
        (
            [done(0, "open", ENTRY, is_read=True), done(1, "rename", "entry 'n'", ENTRY)],
            "buyer 1 replaced file 'e' after buyer 0 had opened it;",
        ),
        (
            [write(0, kind="append", result="'x'"), write(1, kind="append", result="'y'")],
            "buyer 1 appended to the store at",
        ),
    ],
)
def test_the_sentence_calls_an_object_what_people_call_it(events, start):
    assert sentence(conflicts(events, {})[0], BUYERS).startswith(start)


def test_of_two_lines_the_check_then_act_is_told_and_not_that_the_file_was_emptied():
    events = [read(0), read(1), write(1, kind="truncate", result=""), write(1)]
    (conflict,) = by_line(conflicts(events, {}))
    assert conflict.places == (0, 3)


def test_of_two_writes_the_records_are_told():
    events = [
        write(actor, kind=kind, result=result)
        for actor, kind, result in [
            (0, "truncate", ""),
            (1, "truncate", ""),
            (1, "write", "{'count': 0}"),
            (0, "write", "{'count': 0}"),
        ]
    ]
    (conflict,) = by_line(conflicts(events, {}))
    assert conflict.places == (2, 3)


def test_a_torn_read_is_told_first():
    events = [read(0), write(0, kind="truncate", result=""), read(1, result="TornRead('half')"), write(0)]
    assert [conflict.places for conflict in by_line(conflicts(events, {}))] == [(1, 2)]
