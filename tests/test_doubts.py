"""What is not certain is called unknown, with the reason: an exploration never certifies what it has not seen."""

import os
import random
import re
import signal
import time
from functools import partial

import pytest
from conftest import make_cell

import lab.cell_search
from lab.cell_search import Watcher, checked, explore_cell
from lab.engines.simulated.session import SimulatedSession
from lab.errors import UsageError
from lab.exploring import Interrupted, explore
from lab.scenario import Scenario
from lab.trial import Judgement, ok, violation


def explored(cell, **choices):
    return explore_cell(cell, checked(choices), Watcher())


class Odd(Scenario):
    """Two actors that add to a number; what else they do is each scenario's own."""

    outcomes = {"wrong": violation("a count was lost"), "ok": ok("all were counted")}

    def shared(self, make):
        make.lock("lock")
        for number in range(100):
            make.value(str(number))

    def section(self, world, actor):
        self.deed(world, actor)
        with world.lock("lock"):
            world.value("0").value += 1

    def judge(self, world, returns):
        return Judgement("ok")


class LoopsWithoutAnOperation(Odd):
    def deed(self, world, actor):
        while actor == 1:
            pass


def test_a_body_that_goes_on_without_an_operation_is_stopped(monkeypatch):
    monkeypatch.setattr(lab.cell_search, "SimulatedSession", partial(SimulatedSession, stuck_s=0.2))

    found = explored(make_cell(LoopsWithoutAnOperation))

    assert found.verdict == "unknown"
    assert re.fullmatch(r"an execution had no end: actor . went on for 0\.2 s without an operation", found.reason)


def test_the_one_who_went_on_is_named(monkeypatch):
    monkeypatch.setattr(lab.cell_search, "SimulatedSession", partial(SimulatedSession, stuck_s=0.2))

    assert "actor 1 went on" in explored(make_cell(LoopsWithoutAnOperation)).reason


class LoopsWithOperations(Odd):
    def deed(self, world, actor):
        while True:
            world.value("1").value = actor


@pytest.mark.parametrize("strategy", ["dpor", "exhaustive", "bounded", "random", "pct"])
def test_a_body_that_never_ends_is_stopped_after_so_many_operations(monkeypatch, strategy):
    monkeypatch.setattr(lab.cell_search, "MOST_OPERATIONS", 1000)

    found = explored(make_cell(LoopsWithOperations), strategy=strategy)

    assert (found.verdict, found.executions, found.findings) == ("unknown", 1, ())
    assert found.reason == "an execution had no end: stopped after 1,000 operations, not done: actor 0, actor 1"


def test_as_it_stands_the_limit_is_met_within_the_budget():
    found = explored(make_cell(LoopsWithOperations), history=False)

    assert found.verdict == "unknown"
    assert "stopped after 100,000 operations" in found.reason


class Draws(Odd):
    def deed(self, world, actor):
        if world.random("luck") < 2:
            world.value("1").value = actor


def test_a_body_that_draws_a_number_proves_nothing_and_is_told_where():
    found = explored(make_cell(Draws))

    line = Draws.deed.__code__.co_firstlineno + 1
    assert found.verdict == "unknown"
    assert found.reason == f"the body draws a random value at test_doubts.py:{line}, and only one value was tried"


class ReadsAClock(Odd):
    def deed(self, world, actor):
        world.value(str(time.perf_counter_ns() % 100)).value = actor


class DrawsByItself(Odd):
    def deed(self, world, actor):
        world.value(str(random.randrange(100))).value = actor


@pytest.mark.parametrize("scenario", [ReadsAClock, DrawsByItself])
def test_a_body_that_does_not_repeat_itself_proves_nothing(scenario):
    # It is run twice five times: that none differs has a probability of 100 to the power of -10.
    found = explored(make_cell(scenario))

    assert found.verdict == "unknown"
    assert found.reason.startswith("the program does not repeat itself: operation ")


class Raises(Odd):
    def deed(self, world, actor):
        if actor == 1 and world.value("0").value == 1:
            raise RuntimeError("the count has changed already")


def test_a_body_that_raises_is_a_finding_with_a_schedule():
    found = explored(make_cell(Raises))

    assert found.verdict == "found"
    assert [(one.outcome, one.preemptions, one.detail) for one in found.findings] == [
        ("ok", 0, ""),
        ("raised", 0, "RuntimeError: the count has changed already (actor 1)"),
    ]


@pytest.mark.parametrize("choices", [{"executions": 3}, {"seconds": 0.05}])
def test_a_budget_that_is_spent_proves_nothing(choices):
    found = explored(make_cell("ticket_sale", "optimistic", "memory", 4), **choices)

    assert found.verdict == "unknown"
    assert found.reason.startswith("the budget of")


def test_a_violation_stands_though_the_budget_is_spent():
    found = explored(make_cell("ticket_sale", store="memory", processes=3), executions=20)

    assert (found.verdict, found.reason) == (
        "found",
        "the search was not finished: the budget of 20 executions is spent",
    )


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"strategy": "depor"}, "unknown strategy 'depor'"),
        ({"executions": 0}, "executions 0: expected at least 1"),
        ({"seconds": 0}, "seconds 0: expected more than 0"),
        ({"jobs": 0}, "jobs 0: expected 1 to 256"),
        ({"jobs": 2, "strategy": "pct"}, "jobs 2: only strategy dpor"),
        ({"fail_on": "odd"}, "unknown grade to fail on 'odd'"),
        ({"strtegy": "dpor"}, "unknown choice 'strtegy'"),
    ],
    ids=str,
)
def test_a_choice_that_makes_no_sense_is_a_users_error(choice, message):
    with pytest.raises(UsageError, match=message):
        checked(choice)


# Ctrl-C --------------------------------------------------------------------------------------------------------------


class Interrupts(Odd):
    """Ctrl-C comes in the `at`th execution, while an actor runs."""

    at: int = 4
    begun = 0

    def setup(self, world):
        Interrupts.begun += 1

    def deed(self, world, actor):
        count = world.value("1")
        found = count.value
        if Interrupts.begun == self.at:
            os.kill(os.getpid(), signal.SIGINT)
        count.value = found + 1


@pytest.fixture
def _begun():
    Interrupts.begun = 0


@pytest.mark.usefixtures("_begun")
def test_ctrl_c_keeps_what_was_found():
    # The first two executions are run twice, so the fourth is the second one's repetition.
    with pytest.raises(KeyboardInterrupt) as interrupt:
        explored(make_cell(Interrupts))

    (found,) = interrupt.value.args
    assert (found.verdict, found.reason, found.executions) == ("unknown", "interrupted", 2)
    assert [one.outcome for one in found.findings] == ["ok"]


def test_ctrl_c_while_shorter_schedules_are_sought_keeps_the_verdict(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(lab.cell_search, "shorten", interrupted)
    with pytest.raises(KeyboardInterrupt) as interrupt:
        explored(make_cell("ticket_sale", store="memory"))

    (found,) = interrupt.value.args
    assert (found.verdict, found.reason) == ("found", "")


def test_ctrl_c_before_anything_was_found_leaves_an_exploration_that_is_unknown(tmp_path):
    class TooEarly(Watcher):
        def enters(self, name):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as interrupt:
        explore("ticket_sale", out=tmp_path / "out", watcher=TooEarly())

    assert (interrupt.value.exploration.cells, interrupt.value.exploration.verdict) == ((), "unknown")


def test_ctrl_c_saves_the_cells_that_were_done_and_the_one_at_hand(tmp_path):
    class Impatient(Watcher):
        def told(self, tally, share_done):
            if len(done) == 1 and tally.executions == 2:
                raise KeyboardInterrupt

        def ended(self, explored):
            done.append(explored)

    done = []
    with pytest.raises(Interrupted) as interrupt:
        explore("ticket_sale", guards=["none", "lock"], processes=[2], out=tmp_path / "out", watcher=Impatient())

    cells = interrupt.value.exploration.cells
    assert [(cell.guard, cell.verdict, cell.reason) for cell in cells] == [
        ("none", "found", ""),
        ("lock", "unknown", "interrupted"),
    ]
    assert (tmp_path / "out" / "1-none-oversold.json").exists()
    assert (tmp_path / "out" / "exploration.json").exists()
