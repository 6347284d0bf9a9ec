from histories import done, executions, permits_of, write

from lab.deadlock import explained
from lab.scenario import Scenario
from lab.schedulers.dpor import Dpor
from lab.trial import Judgement, ok

NAMES = {0: "actor 0", 1: "actor 1", 2: "actor 2", 3: "feeder of queue 'q' (actor 0)"}
A, B, SEMAPHORE = "lock 'a'", "lock 'b'", "semaphore 's'"


def told(events, waiting, permits=None):
    return explained(events, [event.operation for event in waiting], NAMES, permits or {})


def acquire(actor, name, line=""):
    return done(actor, "acquire", name, line=line)


def test_two_locks_in_opposite_order_are_a_cycle():
    events = [acquire(0, A, "x.py:12"), acquire(1, B, "x.py:22")]
    (sentence,) = told(events, [acquire(0, B, "x.py:13"), acquire(1, A, "x.py:23")])
    assert sentence == (
        "actor 0 holds lock 'a' (x.py:12) and waits for lock 'b' (x.py:13), which actor 1 holds (x.py:22), "
        "who waits for lock 'a' (x.py:23), which actor 0 holds"
    )


def test_who_waits_beside_a_cycle_has_a_sentence_of_its_own():
    events = [acquire(0, A), acquire(1, B)]
    sentences = told(events, [acquire(0, B), acquire(1, A), acquire(2, A)])
    assert sentences[1:] == ["actor 2 waits for lock 'a', which actor 0 holds"]


def test_a_lock_taken_twice_is_a_cycle_of_one():
    assert told([acquire(0, A, "x.py:1")], [acquire(0, A, "x.py:2")]) == [
        "actor 0 holds lock 'a' (x.py:1) and waits for it again (x.py:2)"
    ]


def test_who_ended_without_a_release_is_named():
    assert told([acquire(0, A, "x.py:1")], [acquire(1, A, "x.py:2")]) == [
        "actor 1 waits for lock 'a' (x.py:2), which actor 0, who has ended, holds (x.py:1)"
    ]


def test_what_was_released_is_held_by_nobody():
    events = [acquire(0, A), done(0, "release", A), acquire(1, A)]
    assert told(events, [acquire(2, A), acquire(1, B)])[1] == "actor 2 waits for lock 'a', which actor 1 holds"


def test_every_holder_of_a_permit_is_named():
    events = [acquire(0, SEMAPHORE), acquire(1, SEMAPHORE)]
    assert told(events, [acquire(2, SEMAPHORE), acquire(0, B), acquire(1, B)], {SEMAPHORE: 2})[2] == (
        "actor 2 waits for semaphore 's', which actor 0 and actor 1 hold"
    )


def test_a_permit_that_was_a_signal_is_held_by_nobody():
    events = [done(1, "release", SEMAPHORE), acquire(0, SEMAPHORE)]
    assert told(events, [acquire(0, SEMAPHORE)], {SEMAPHORE: 0}) == [
        "actor 0 waits for semaphore 's', which nobody is left to release"
    ]


def test_who_takes_a_permit_after_a_signal_was_taken_holds_it():
    events = [done(1, "release", SEMAPHORE), acquire(0, SEMAPHORE), acquire(2, SEMAPHORE, "x.py:1")]
    assert told(events, [acquire(0, SEMAPHORE), acquire(2, B)], {SEMAPHORE: 1})[0] == (
        "actor 0 waits for semaphore 's', which actor 2 holds (x.py:1)"
    )


def test_who_gives_a_permit_back_holds_it_no_longer():
    events = [acquire(0, SEMAPHORE), acquire(1, SEMAPHORE), done(1, "release", SEMAPHORE)]
    waiting = [acquire(2, SEMAPHORE), acquire(0, B), acquire(1, B)]
    assert told(events, waiting, {SEMAPHORE: 2})[2] == "actor 2 waits for semaphore 's', which actor 0 holds"


def test_a_lock_may_be_released_by_another():
    assert told([acquire(0, A), done(1, "release", A)], [acquire(2, A)]) == [
        "actor 2 waits for lock 'a', which nobody is left to release"
    ]


def test_two_permits_of_one_actor_are_told_once_with_the_first_line():
    events = [acquire(0, SEMAPHORE, "x.py:1"), acquire(0, SEMAPHORE, "x.py:2")]
    assert told(events, [acquire(0, SEMAPHORE, "x.py:3")], {SEMAPHORE: 2}) == [
        "actor 0 holds semaphore 's' (x.py:1) and waits for it again (x.py:3)"
    ]


def test_a_recursive_lock_released_once_of_twice_is_still_held():
    name = "rlock 'r'"
    events = [acquire(0, name), done(0, "acquire again", name), done(0, "release once", name)]
    assert told(events, [acquire(1, name), acquire(0, B)])[1] == "actor 1 waits for rlock 'r', which actor 0 holds"


def test_a_store_may_be_held_by_a_transaction_whatever_one_wants_of_it():
    waiting = [acquire(0, A), write(1, line="x.py:2")]
    assert told([done(0, "begin", "store")], waiting)[1] == "actor 1 waits for the store (x.py:2), which actor 0 holds"
    assert told([], waiting[1:]) == ["actor 1 waits for the store (x.py:2), which nobody is left to change"]


def test_what_nobody_is_left_to_do_is_told():
    waiting = [
        done(0, "wait", "event 'go'", line="x.py:9", is_read=True),
        done(1, "get", "queue 'q'"),
        done(2, "wait", "pipe 'p' (to the first end)", "pipe 'r' (to the first end)", is_read=True),
        done(3, "deliver", "queue 'q' buffer of actor 0", "queue 'q'"),
    ]
    assert told([], waiting) == [
        "actor 0 waits for event 'go' (x.py:9), which nobody is left to set",
        "actor 1 waits for queue 'q', which nobody is left to put into",
        "actor 2 waits for pipe 'p' or pipe 'r', which nobody is left to send into",
    ]


def test_who_sleeps_at_a_condition_does_not_wait_for_the_holder_of_its_lock():
    name = "condition 'c'"
    asleep = [acquire(0, name), done(0, "wait", name), acquire(1, name)]
    waiting = [done(0, "wake", name), acquire(1, A)]
    assert told(asleep, waiting)[0] == "actor 0 waits for condition 'c', which nobody is left to notify"
    notified = [*asleep, done(1, "notify", name, result="1")]
    assert told(notified, waiting)[0] == "actor 0 waits for condition 'c', which actor 1 holds"


class Dinner(Scenario):
    """Each takes the fork on the left, and then the one on the right."""

    outcomes = {"ok": ok("all have eaten")}

    def shared(self, make):
        for fork in range(make.processes):
            make.lock(f"fork {fork}")

    def section(self, world, actor):
        with world.lock(f"fork {actor}"), world.lock(f"fork {(actor + 1) % world.processes}"):
            pass

    def judge(self, world, returns):
        return Judgement("ok")


def test_three_philosophers_are_one_cycle():
    hangs = [one for one in executions(Dinner(), processes=3, scheduler=Dpor()) if one.ending.kind == "deadlock"]
    assert hangs
    for hang in hangs:
        (sentence,) = explained(hang.events, hang.ending.waiting, hang.actors, permits_of(hang))
        for fork in range(3):
            assert f"lock 'fork {fork}'" in sentence
