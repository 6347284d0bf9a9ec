"""Safe guards let nothing through, and a broken one is found out."""

import pytest
from conftest import NO_DELAY, make_cell, outcomes, thorough

from lab.errors import UsageError
from lab.guard import Guard
from lab.guards import GUARDS, guard_named
from lab.guards.event import EventGuard
from lab.guards.locks import BoundedSemaphoreGuard, FileLockGuard, LockGuard, RLockGuard, SemaphoreGuard
from lab.guards.none import NoGuard
from lab.guards.optimistic import BufferedView, OptimisticGuard
from lab.guards.owner import PipeGuard, PoolGuard, QueueGuard
from lab.guards.transaction import TransactionGuard
from lab.scenario import Scenario
from lab.store import VersionedStore
from lab.trial import ok

SAFE = ["lock", "rlock", "semaphore(1)", "bounded_semaphore(1)", "file_lock", "queue", "pipe"]
SAFE_PAIRS = [
    *[(guard, "json_file") for guard in SAFE],
    *[(guard, "memory") for guard in SAFE],
    *[("optimistic", store) for store in ("atomic_json_file", "memory", "sqlite")],
    ("transaction", "sqlite"),
    *thorough(*[(guard, store) for guard in SAFE for store in ("atomic_json_file", "sqlite")]),
]
A_LITTLE = {"read_delay": "100us", "write_delay": "100us"}


@pytest.mark.parametrize(("guard", "store"), SAFE_PAIRS)
def test_a_safe_guard_sells_the_last_ticket_once(run, guard, store):
    trials = run(make_cell("ticket_sale", guard, store, 5, **NO_DELAY), 150)

    assert outcomes(trials) == {"ok": 150}
    assert {(trial.measures["sold"], trial.measures["final"]) for trial in trials} == {(1, 0)}


def unprotected(self, section, world, actor):
    """What every guard is at heart, once it is broken."""
    return section(world, actor)


BROKEN = [
    (LockGuard, "lock", "memory"),
    (RLockGuard, "rlock", "memory"),
    (SemaphoreGuard, "semaphore(1)", "memory"),
    (BoundedSemaphoreGuard, "bounded_semaphore(1)", "memory"),
    (FileLockGuard, "file_lock", "memory"),
    (QueueGuard, "queue", "memory"),
    (PipeGuard, "pipe", "memory"),
    (OptimisticGuard, "optimistic", "memory"),
    (TransactionGuard, "transaction", "sqlite"),
]


@pytest.mark.parametrize(("kind", "guard", "store"), BROKEN)
def test_a_broken_guard_is_found_out(run, monkeypatch, kind, guard, store):
    """Five buyers wait 200 us between reading and writing; that none meet in 50 trials has a chance under 1e-9."""
    monkeypatch.setattr(kind, "run", unprotected)

    trials = run(make_cell("ticket_sale", guard, store, 5, **A_LITTLE), 50)

    assert outcomes(trials).get("oversold", 0) > 0


def test_a_commit_that_does_not_look_is_found_out(run, monkeypatch):
    """The part of `optimistic` that a broken `run` would hide: `write_if` must compare."""
    monkeypatch.setattr(BufferedView, "try_to_commit", lambda view: view._behind.write(view._record) or True)

    trials = run(make_cell("ticket_sale", "optimistic", "memory", 5, **A_LITTLE), 50)

    assert outcomes(trials).get("oversold", 0) > 0


@pytest.mark.parametrize(
    ("kind", "guard"),
    [(SemaphoreGuard, "semaphore(4)"), (BoundedSemaphoreGuard, "bounded_semaphore(4)"), (PoolGuard, "pool(4)")],
)
def test_a_broken_semaphore_lets_too_many_sing(run, monkeypatch, kind, guard):
    monkeypatch.setattr(kind, "run", unprotected)

    trials = run(make_cell("ktv", guard, processes=6, song="100ms"), 5)

    assert outcomes(trials) == {"over_capacity": 5}


def test_a_broken_event_guard_crosses_on_red(run, monkeypatch):
    monkeypatch.setattr(EventGuard, "run", unprotected)
    light = {"red": "10ms", "green": "10ms", "reaction": "0", "arrival_delay": "2ms"}

    trials = run(make_cell("traffic_light", "event", processes=3, **light), 5)

    assert outcomes(trials) == {"crossed_on_red": 5}


def test_an_event_that_is_green_for_nobody_is_found_out(run, monkeypatch):
    """Says that it waited, and did not: the notes alone must not make the crossing legal."""

    def lies(self, section, world, actor):
        world.note("asked")
        world.note("admitted")
        return section(world, actor)

    monkeypatch.setattr(EventGuard, "run", lies)
    light = {"red": "10ms", "green": "10ms", "reaction": "0", "arrival_delay": "2ms"}

    trials = run(make_cell("traffic_light", "event", processes=3, **light), 5)

    assert outcomes(trials) == {"crossed_on_red": 5}


def test_every_guard_has_a_test_that_breaks_it():
    broken = {kind for kind, *_ in BROKEN} | {PoolGuard, EventGuard}

    assert broken == set(GUARDS.values()) - {NoGuard}


def test_two_permits_are_no_mutex(run):
    trials = run(make_cell("ticket_sale", "semaphore(2)", "memory", 5, **A_LITTLE), 50)

    assert outcomes(trials).get("oversold", 0) > 0


@pytest.mark.parametrize("guard", [*SAFE, "optimistic", "transaction"])
def test_a_section_that_raises_lets_go_of_its_guard(run, guard):
    """Else the other actor would wait for ever, and the outcome were `hang`."""
    trials = run(make_cell(RaisesOnce, guard, "sqlite"), 3)

    assert {(trial.outcome, trial.detail) for trial in trials} == {("raised", "ValueError: no (actor 0)")}


class RaisesOnce(Scenario):
    outcomes = {"ok": ok("never")}
    guards = (*SAFE, "optimistic", "transaction")
    stores = ("sqlite",)

    def section(self, world, actor):
        if actor == 0:
            raise ValueError("no")


@pytest.mark.parametrize("text", ["lock", "semaphore(3)", "pool(12)"])
def test_a_guard_is_equal_by_its_text(text):
    assert guard_named(f" {text} ") == guard_named(text)
    assert str(guard_named(text)) == text
    assert guard_named(text) != Guard()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lokc", "unknown guard 'lokc'.*Did you mean 'lock'"),
        ("semaphore", r"expected semaphore with a whole number from 1 to 1000. Try semaphore\(4\)"),
        ("semaphore(0)", "expected semaphore with a whole number from 1"),
        ("semaphore(two)", "expected semaphore with a whole number from 1"),
        ("lock(2)", "lock takes no number. Try lock."),
        ("", "unknown guard ''"),
    ],
)
def test_a_text_that_names_no_guard_is_a_users_error(text, message):
    with pytest.raises(UsageError, match=message):
        guard_named(text)


def test_optimistic_needs_a_store_that_compares():
    assert OptimisticGuard.needs_store is VersionedStore
