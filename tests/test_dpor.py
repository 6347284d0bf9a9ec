"""Partial-order reduction against the exhaustive search: every ending that the one finds, the other finds with less.

`test_on_drawn_programs_…` draws programs over all that the world offers. Below it, by name, what drawing has found.
"""

import json
from itertools import groupby

import pytest
from drawn_programs import drawn, endings
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lab.scheduler import Operation
from lab.schedulers.bounded import Bounded
from lab.schedulers.dpor import Dpor
from lab.schedulers.exhaustive import Exhaustive

MOST = 500
"""Executions of the exhaustive search, so that all the programs take seconds."""


@st.composite
def programs(draw):
    return drawn(lambda choices: draw(st.sampled_from(choices)))


@given(programs(), st.sampled_from(["json_file", "atomic_json_file"]))
@settings(
    max_examples=80,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_on_drawn_programs_all_endings_and_deadlocks_are_found_in_no_more_executions(program, store):
    every = endings(program, Exhaustive(), MOST, store)
    assume(every is not None)

    reduced = endings(program, Dpor(), MOST + 1, store)

    assert reduced is not None
    assert reduced.found == every.found
    assert reduced.executions <= every.executions


@given(programs())
@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_on_drawn_programs_bounding_finds_the_same_once_nothing_is_left_out(program):
    every = endings(program, Exhaustive(), 100)
    assume(every is not None)

    assert endings(program, Bounded(), 10_000).found == every.found


def test_without_the_races_of_those_who_wait_at_the_end_deadlocks_would_be_missed(monkeypatch):
    # So that the comparison is known to be able to fail.
    end = Dpor.end
    monkeypatch.setattr(Dpor, "end", lambda self, waiting: end(self, ()))
    program = [["lock"], [[["acquire", 0]], [["acquire", 0], ["release", 0]]]]

    assert endings(program, Dpor(), MOST).found < endings(program, Exhaustive(), MOST).found


@pytest.mark.parametrize(
    "kinds",
    [("value", "lock", "semaphore"), ("event", "condition", "queue"), ("pipe", "rlock", "bounded_semaphore")],
)
def test_on_independent_objects_one_execution_is_enough(kinds):
    verb = {"value": "add", "event": "set", "condition": "acquire", "queue": "put", "pipe": "send"}
    program = [list(kinds), [[[verb.get(kind, "acquire"), place]] for place, kind in enumerate(kinds)]]

    assert endings(program, Dpor(), MOST).executions == 1


FOUND_BY_DRAWING = {
    "who waits with a timeout gives up while another holds the lock, and has it after the release": (
        [["lock"], [[["acquire", 0], ["release", 0]], [["acquire for 1 s", 0]]]],
        # Nothing is returned where it has the lock first, and keeps it.
        {"[[True, None], [True]]", "[[True, None], [False]]", ""},
    ),
    "a wait for an event with a timeout may come before the set and after it": (
        [["event"], [[["set", 0]], [["wait for 1 s", 0]]]],
        {"[[None], [True]]", "[[None], [False]]"},
    ),
    "what was put may be delivered before a try to get it that came first": (
        [["queue"], [[["try to get", 0]], [["put", 0]]]],
        {"[['Empty'], [None]]", "[[1], [None]]"},
    ),
    "of two timeouts at one queue the second may have what the first did not wait for": (
        [["queue"], [[["get for 1 s", 0], ["get for 1 s", 0]], [["put", 0]]]],
        {"[['Empty', 'Empty'], [None]]", "[['Empty', 1], [None]]", "[[1, 'Empty'], [None]]"},
    ),
}


@pytest.mark.parametrize("name", FOUND_BY_DRAWING)
def test_found_by_drawing(name):
    program, returned = FOUND_BY_DRAWING[name]

    found = {ending.returned for ending in endings(program, Dpor(), MOST).found}

    assert found == returned
    assert endings(program, Dpor(), MOST).found == endings(program, Exhaustive(), MOST).found


def test_a_program_is_a_parameter_like_any_other():
    # So a drawn program that fails can be explored by hand: --set program='…'.
    from drawn_programs import Drawn

    program = json.dumps([["lock"], [[["acquire", 0]]]])
    assert Drawn().with_texts({"program": program}).fields() == {"program": program}


def test_who_goes_round_a_loop_lets_others_go_first_in_the_end():
    looks = [Operation(actor, "read", ("flag",), is_read=True) for actor in (0, 1)]
    enabled = [*looks, Operation(2, "write", ("flag",))]
    dpor, chosen = Dpor(), []
    assert dpor.begin()

    for _ in range(400):
        chosen.append(dpor.choose(enabled, chosen[-1] if chosen else None))

    # Each as often in a row, and after the two who only look the one for whom they wait.
    assert [actor for actor, _ in groupby(chosen)][:3] == [0, 1, 2]
    assert dpor.choose(looks[:1], 2) == 0
