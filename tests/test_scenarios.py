"""Every scenario shows its expected outcome, with and without its guard."""

from dataclasses import replace

import pytest
from conftest import NO_DELAY, make_cell, outcomes

from lab.delays import Delay
from lab.engines.simulated import SimulatedSession
from lab.guards import guard_named
from lab.scenario import Scenario, load
from lab.scenarios import BUILT_IN, scenario_named
from lab.scenarios.ktv import most_at_once
from lab.scenarios.traffic_light import overlaps
from lab.store import OpenStore, TornRead
from lab.trial import Note
from lab.world.protocol import Stage

SAME_DELAY = {"read_delay": "5ms", "write_delay": "5ms"}


@pytest.fixture
def in_virtual_time():
    """Runs one trial where no process comes late."""

    def run(cell):
        session = SimulatedSession(replace(cell, engine="simulated"))
        try:
            return list(session.run(range(1)))
        finally:
            session.close()

    return run


@pytest.mark.parametrize("guard", ["none", "semaphore(2)"])
@pytest.mark.parametrize("store", ["json_file", "atomic_json_file", "memory", "sqlite"])
def test_who_is_not_alone_sells_the_last_ticket_twice(run, guard, store):
    """Both read within 5 ms of each other, long before either writes."""
    trials = run(make_cell("ticket_sale", guard, store, 5, **SAME_DELAY), 20)

    assert all(trial.violation for trial in trials)
    assert outcomes(trials).get("oversold", 0) >= 18


def test_several_tickets_are_sold_but_no_more(run):
    trials = run(make_cell("ticket_sale", "lock", "json_file", 5, tickets=3, **NO_DELAY), 20)

    assert {(trial.outcome, trial.measures["sold"], trial.measures["final"]) for trial in trials} == {("ok", 3, 0)}


def test_more_tickets_than_buyers_without_a_guard_lose_sales(run):
    trials = run(make_cell("ticket_sale", "none", "memory", 3, tickets=9, **SAME_DELAY), 20)

    assert {(trial.outcome, trial.measures["sold"]) for trial in trials} == {("lost_update", 3)}


def test_of_sales_that_all_began_at_once_all_but_one_are_lost(in_virtual_time):
    (trial,) = in_virtual_time(make_cell("ticket_sale", "none", "memory", 3, tickets=9, **SAME_DELAY))

    assert (trial.outcome, trial.measures["sold"], trial.measures["final"]) == ("lost_update", 3, 8)


def judged(returns, final, notes=(), **fields):
    store = FinalStore(final)
    stage = Stage(len(returns), store, notes=[Note(0, name, time, 0) for time, name in enumerate(notes)])
    return scenario_named("ticket_sale")(**fields).judge(stage, returns)


class FinalStore(OpenStore):
    def __init__(self, final):
        self._final = final

    def read(self):
        if self._final is None:
            raise TornRead
        return {"count": self._final}


@pytest.mark.parametrize(
    ("returns", "final", "notes", "outcome"),
    [
        ([True, False], 0, [], "ok"),
        ([True, True], 0, [], "oversold"),
        ([True, True], 0, ["torn_read"], "oversold"),
        ([True, False], 0, ["torn_read"], "torn_read"),
        ([True, False], None, [], "torn_read"),
        ([True, False], 1, [], "lost_update"),
        ([False, False], 1, [], "ok"),
    ],
)
def test_a_sale_is_called_by_the_first_outcome_that_holds(returns, final, notes, outcome):
    assert judged(returns, final, notes).outcome == outcome


def test_readers_alone_never_go_wrong_and_beside_a_writer_they_do(run):
    readers = run(make_cell("check_ticket", "none", "json_file", 5, rounds=5, read_delay="0"), 100)
    beside = run(make_cell("check_ticket", "none", "json_file", 5, writers=1, rounds=30, read_delay="0"), 100)
    locked = run(make_cell("check_ticket", "lock", "json_file", 5, writers=1, rounds=30, read_delay="0"), 100)

    assert outcomes(readers) == outcomes(locked) == {"ok": 100}
    assert outcomes(beside).get("torn_read", 0) > 0


def test_lines_mix_without_a_lock_and_that_is_no_violation(run):
    mixed = run(make_cell("print_lines", "none", "text_file", 3, work="5ms"), 20)
    locked = run(make_cell("print_lines", "lock", "text_file", 3, work="5ms"), 20)

    assert outcomes(mixed) == {"interleaved": 20}
    assert not any(trial.violation for trial in mixed)
    assert outcomes(locked) == {"ok": 20}


@pytest.mark.parametrize(
    ("guard", "outcome", "peak", "processes_used"),
    [
        ("none", "over_capacity", 6, 6),
        ("semaphore(4)", "ok", 4, 6),
        ("bounded_semaphore(4)", "ok", 4, 6),
        ("lock", "ok", 1, 6),
        ("pool(4)", "ok", 4, 4),
    ],
)
def test_a_guard_admits_as_many_singers_as_it_says(run, guard, outcome, peak, processes_used):
    trials = run(make_cell("ktv", guard, processes=6, song="20ms"), 10)

    assert {trial.outcome for trial in trials} == {outcome}
    assert {trial.measures["peak"] for trial in trials} == {peak}
    assert {trial.measures["processes_used"] for trial in trials} == {processes_used}


def test_fewer_singers_than_rooms_need_no_guard(run):
    trials = run(make_cell("ktv", "none", processes=3, song="5ms"), 5)

    assert {trial.outcome for trial in trials} == {"ok"}


def test_singers_with_rooms_enough_all_sing_at_once(in_virtual_time):
    (trial,) = in_virtual_time(make_cell("ktv", "none", processes=3, song="5ms"))

    assert (trial.outcome, trial.measures["peak"]) == ("ok", 3)


# What is to happen on one colour happens far from its ends: on a busy machine an actor is tens of milliseconds late.
LONG_RED = {"red": "100ms", "green": "20ms"}
LONG_GREEN = {"red": "20ms", "green": "100ms"}


def test_a_car_that_does_not_look_crosses_on_red(run):
    light = LONG_RED | {"reaction": "0"}
    trials = run(make_cell("traffic_light", "none", processes=3, arrival_delay="2ms", **light), 10)

    assert outcomes(trials) == {"crossed_on_red": 10}


def test_a_car_that_waits_for_the_event_crosses_on_green(run):
    light = LONG_GREEN | {"reaction": "0"}
    trials = run(make_cell("traffic_light", "event", processes=3, arrival_delay="2ms", **light), 10)

    assert outcomes(trials) == {"ok": 10}


def test_the_light_may_turn_red_between_the_look_and_the_crossing(run):
    light = LONG_RED | {"reaction": "70ms"}  # from when it turns green: in the middle of the next red
    trials = run(make_cell("traffic_light", "event", processes=3, arrival_delay="2ms", **light), 10)

    assert outcomes(trials) == {"turned_red": 10}
    assert not any(trial.violation for trial in trials)


def test_a_light_without_cars_turns_and_ends(run):
    light = {"red": "1ms", "green": "1ms", "reaction": "0"}
    assert outcomes(run(make_cell("traffic_light", "event", processes=1, arrival_delay="0", **light), 2)) == {"ok": 2}


def test_a_light_that_nobody_turns_is_a_hang_in_every_trial(run):
    assert outcomes(run(make_cell("stuck_light"), 5)) == {"hang": 5}


def test_the_peak_counts_who_left_at_the_same_moment_as_gone():
    def notes(*times):
        return [Note(0, "", time, 0) for time in times]

    assert most_at_once(notes(1, 2, 5), notes(4, 5, 9)) == 2
    assert most_at_once([], []) == 0


def test_a_light_that_is_green_at_the_edge_counts_as_green():
    spans = [(10, 20.0), (30, float("inf"))]

    assert [overlaps(spans, at, at) for at in (9, 10, 20, 21, 29, 30, 99)] == [
        False,
        True,
        True,
        False,
        False,
        True,
        True,
    ]
    assert overlaps(spans, 5, 12)


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_scenario_is_a_complete_sample(name):
    kind = scenario_named(name)
    module = __import__(kind.__module__, fromlist=["x"])

    assert "Question:" in module.__doc__
    assert f"lab run {name}" in module.__doc__
    assert "Observed" in module.__doc__
    assert kind.title()
    assert all(guard_named(guard) for guard in kind.guards)
    assert all(isinstance(kind().fields()[name], Delay) for name in kind.main_delays)


USERS = """
import lab

class LastCoupon(lab.Scenario):
    '''Spend a coupon once.'''

    coupons: int = 1
    check: lab.Delay = lab.constant(0.005)
    outcomes = {"overspent": lab.violation("spent twice"), "ok": lab.ok("spent once")}
    guards = ("none", "lock")
    stores = ("json_file", "memory")
    main_delays = ("check",)

    def setup(self, world):
        world.store.write({"coupons": self.coupons})

    def section(self, world, actor):
        state = world.store.read()
        world.sleep(self.check)
        if state["coupons"] < 1:
            return False
        world.store.write({"coupons": state["coupons"] - 1})
        return True

    def judge(self, world, returns):
        return self.first({"spent": sum(returns)}, overspent=sum(returns) > self.coupons)
"""


@pytest.mark.parametrize("start_method", ["fork", "spawn", "forkserver"])
def test_a_users_scenario_has_every_right_of_a_built_in_one(run, tmp_path, start_method):
    file = tmp_path / "shop.py"
    file.write_text(USERS)
    kind = load(f"{file}:LastCoupon")

    unguarded = run(make_cell(kind, "none", "memory", 3, start_method=start_method), 3)
    locked = run(make_cell(kind, "lock", "json_file", 3, start_method=start_method), 3)

    assert outcomes(unguarded) == {"overspent": 3}
    assert outcomes(locked) == {"ok": 3}


def test_a_scenario_travels_by_reference_and_values(tmp_path):
    import pickle

    file = tmp_path / "shop.py"
    file.write_text(USERS)
    scenario = load(f"{file}:LastCoupon")(coupons=3)

    assert pickle.loads(pickle.dumps(scenario)) == scenario
    assert issubclass(type(scenario), Scenario)
