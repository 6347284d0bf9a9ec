"""What each strategy promises, on programs small enough to count by hand."""

import itertools
import math
import time
from collections import Counter
from functools import partial

import pytest
from small_programs import counter, executions, writes

from lab.engines.simulated.kernel import Shared, Step
from lab.errors import UsageError
from lab.schedule import Choice
from lab.scheduler import Departed
from lab.schedulers import strategy_named
from lab.schedulers.bounded import Bounded
from lab.schedulers.checks import Budget, Metrics, RunTwice
from lab.schedulers.dpor import Dpor
from lab.schedulers.exhaustive import Exhaustive
from lab.schedulers.pct import Pct
from lab.schedulers.random_walk import RandomWalk
from lab.schedulers.replay import Replay


def orders(scheduler, bodies, most=1_000_000):
    return [ran.actors for ran in executions(scheduler, bodies, most)]


def preemptions(actors):
    """How often the turn was taken from an actor that was not done: all of these have two operations or more."""
    left = Counter(actors)
    count = 0
    for before, after in itertools.pairwise(actors):
        left[before] -= 1
        count += before != after and left[before] > 0
    return count


# Exhaustive ----------------------------------------------------------------------------------------------------------


def test_exhaustive_lists_every_interleaving_of_two_actors_depth_first():
    assert orders(Exhaustive(), lambda: [writes(2)] * 2) == [
        (0, 0, 1, 1),
        (0, 1, 0, 1),
        (0, 1, 1, 0),
        (1, 0, 0, 1),
        (1, 0, 1, 0),
        (1, 1, 0, 0),
    ]


@pytest.mark.parametrize("operations", range(1, 9))
def test_two_actors_of_k_operations_have_2k_choose_k_interleavings(operations):
    ran = orders(Exhaustive(), lambda: [writes(operations)] * 2)

    assert len(ran) == len(set(ran)) == math.comb(2 * operations, operations)


@pytest.mark.parametrize("lengths", [(1, 1, 1), (2, 2, 2), (3, 2, 1), (3, 3, 2)])
def test_three_actors_have_the_multinomial_number_of_interleavings(lengths):
    ran = orders(Exhaustive(), lambda: [writes(length) for length in lengths])

    ways = math.factorial(sum(lengths)) // math.prod(map(math.factorial, lengths))
    assert len(ran) == len(set(ran)) == ways


def test_exhaustive_estimates_what_part_lies_behind():
    exhaustive = Exhaustive()
    shares = [exhaustive.share_done() for _ in _each(exhaustive, lambda: [writes(2)] * 2)]

    # Each first operation is half of the tree; after 0, 1 comes half of that half, which is again halved.
    assert shares == [0, 0.25, 0.375, 0.5, 0.625, 0.75]


def test_exhaustive_notices_a_program_that_changes_between_executions():
    lengths = iter([2, 2, 1, 1])

    with pytest.raises(Departed, match="operation 2: 1 can be done, 2 could before"):
        orders(Exhaustive(), lambda: [writes(next(lengths)), writes(2)])


# Bounded -------------------------------------------------------------------------------------------------------------


def test_bounded_comes_to_every_interleaving_fewest_preemptions_first():
    rounds = [preemptions(ran) for ran in orders(Bounded(), lambda: [writes(3)] * 2)]
    every = Counter(preemptions(ran) for ran in orders(Exhaustive(), lambda: [writes(3)] * 2))

    assert list(dict.fromkeys(rounds)) == [0, 1, 2, 3, 4]
    assert rounds.index(4) > rounds.index(3) > rounds.index(2) > rounds.index(1) > rounds.index(0)
    # A round repeats those before it: an interleaving of p preemptions is in the rounds p to 4.
    assert Counter(rounds) == {number: every[number] * (5 - number) for number in every}


@pytest.mark.parametrize("bound", [0, 1, 2])
def test_no_schedule_has_more_preemptions_than_the_bound(bound):
    bounded = Bounded(bound)
    ran = set(orders(bounded, lambda: [writes(3)] * 2))

    every = set(orders(Exhaustive(), lambda: [writes(3)] * 2))
    assert ran == {one for one in every if preemptions(one) <= bound}
    assert not bounded.is_complete


def test_a_bound_that_leaves_nothing_out_is_a_proof_without_a_bound():
    bounded = Bounded(10)
    ran = set(orders(bounded, lambda: [writes(2)] * 2))

    assert len(ran) == 6
    assert bounded.is_complete
    assert bounded.preemptions == 2


# Random and PCT ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [RandomWalk, Pct])
def test_the_same_seed_gives_the_same_executions_and_another_seed_others(kind):
    first, again, other = [orders(kind(seed), lambda: [writes(4)] * 3, 50) for seed in (1, 1, 2)]

    assert first == again
    assert first != other


def test_a_random_walk_draws_all_that_can_be_done_as_likely():
    ran = Counter(order[0] for order in orders(RandomWalk(1), lambda: [writes(1)] * 3, 6000))

    # 2000 each is expected, with a standard deviation of 37; five of these are a chance of 1 in 600,000 each.
    assert all(abs(ran[actor] - 2000) < 185 for actor in range(3)), ran


def test_pct_names_a_chance_of_one_in_n_times_k_to_the_depth_less_one():
    pct = Pct(1, depth=3)
    orders(pct, lambda: [writes(5)] * 2, 3)

    assert pct.chance() == 1 / (2 * 10**2)


def test_pct_finds_a_bug_of_depth_two_as_often_as_it_says():
    # Actor 1's only write has to come between two neighbours of actor 0's 14: one place of 15.
    pct = Pct(1, depth=2)
    ran = orders(pct, lambda: [writes(14), writes(1)], 5000)

    found = sum(order.index(1) == 7 for order in ran)
    # n = 2, k = 15. The bound is met within three standard deviations; a walk at random would have 1 in 256.
    assert pct.chance() == 1 / (2 * 15)
    assert found / 5000 >= pct.chance() - 3 * math.sqrt(pct.chance() / 5000)


# Replay --------------------------------------------------------------------------------------------------------------


def test_replay_takes_the_recorded_operations():
    choices = [Choice(actor, "write x") for actor in (1, 0, 0, 1)]

    assert orders(Replay(choices), lambda: [writes(2)] * 2, 3) == [(1, 0, 0, 1)] * 3


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (
            [(0, "write x"), (0, "write y")],
            "operation 2 should be: actor 0, write y; what can be done is: actor 0, write x; actor 1, write x",
        ),
        ([(0, "write x")] * 2, "the schedule ends after operation 2, and there is more to do: actor 1, write x"),
        (
            [(0, "write x")] * 2 + [(1, "write x")] * 3,
            "operation 5 should be: actor 1, write x; but the execution was over",
        ),
    ],
)
def test_replay_says_where_it_departs(choices, message):
    with pytest.raises(Departed) as departed:
        orders(Replay([Choice(*choice) for choice in choices]), lambda: [writes(2)] * 2, 1)

    assert str(departed.value) == message


# Around other schedulers ---------------------------------------------------------------------------------------------


def test_a_budget_of_executions_is_honoured_and_named():
    budget = Budget(Exhaustive(), 7, None)

    assert len(orders(budget, lambda: [writes(3)] * 2)) == 7
    assert budget.spent == "the budget of 7 executions is spent"


def test_a_budget_that_is_just_enough_is_not_spent():
    budget = Budget(Exhaustive(), 20, None)

    assert len(orders(budget, lambda: [writes(3)] * 2)) == 20
    assert budget.spent == ""


def test_a_budget_of_seconds_ends_even_in_the_middle_of_an_execution():
    start, budget = time.monotonic(), Budget(Exhaustive(), None, 0.2)
    ran = executions(budget, lambda: [writes(10**9)] * 2)

    assert 0.2 <= time.monotonic() - start < 1.2
    assert [one.ending.kind for one in ran] == ["cut"]
    assert budget.spent == "the budget of 0.2 s is spent"


def test_metrics_count_preemptions_operations_and_executions():
    metrics = Metrics(Exhaustive())
    seen = [(order, metrics.preemptions, len(metrics.taken)) for order in _each(metrics, lambda: [writes(2)] * 2)]

    assert seen == [
        ((0, 0, 1, 1), 0, 4),
        ((0, 1, 0, 1), 2, 4),
        ((0, 1, 1, 0), 1, 4),
        ((1, 0, 0, 1), 1, 4),
        ((1, 0, 1, 0), 2, 4),
        ((1, 1, 0, 0), 0, 4),
    ]
    assert (metrics.executions, metrics.deepest) == (6, 4)


def _each(scheduler, bodies):
    while True:
        ran = executions(scheduler, bodies, 1)
        if not ran:
            return
        yield ran[0].actors


def test_each_of_the_first_executions_is_run_twice_and_then_one_in_so_many():
    ran = orders(RunTwice(Exhaustive(), first=2, every=5), lambda: [writes(2)] * 2)

    every = orders(Exhaustive(), lambda: [writes(2)] * 2)
    assert ran == [every[0], every[0], every[1], every[1], every[2], every[3], every[4], every[4], every[5]]


def test_an_execution_that_was_cut_is_cut_as_well_the_second_time():
    # Two locks in opposite order: after the deadlock was seen, what would lead there again is asleep.
    def bodies():
        held = set()
        steps = {name: Step("acquire", Shared(name), can=lambda name=name: name not in held) for name in "ab"}

        def both(kernel, names):
            for name in names:
                kernel.step(steps[name])
                held.add(name)
            for name in reversed(names):
                kernel.step(Step("release", *steps[name].shared))
                held.discard(name)

        return [partial(both, names="ab"), partial(both, names="ba")]

    ran = executions(RunTwice(Dpor(), first=100), bodies)

    assert "cut" in [one.ending.kind for one in ran]
    assert ran[::2] == ran[1::2]


def test_running_twice_notices_a_program_that_does_something_else_the_second_time():
    names = itertools.cycle("xxyx")

    with pytest.raises(Departed) as departed:
        orders(RunTwice(Exhaustive()), lambda: [writes(1, next(names)), writes(1, next(names))])
    assert (
        str(departed.value)
        == "operation 1: the first time actor 0 would write x, the second time actor 0 would write y"
    )


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ((1, 2), "the second time there was an operation 3, and the first time none"),
        ((2, 1), "operation 3 was done the first time, and the second time all was over"),
    ],
)
def test_running_twice_notices_a_program_that_goes_on_longer_or_ends_earlier(lengths, message):
    length = iter(lengths)

    with pytest.raises(Departed) as departed:
        orders(RunTwice(Exhaustive()), lambda: [writes(1), writes(next(length))])
    assert str(departed.value) == message


# Partial-order reduction ---------------------------------------------------------------------------------------------


def test_actors_that_share_nothing_take_one_execution():
    assert len(orders(Dpor(), lambda: [writes(3, "x"), writes(3, "y"), writes(3, "z")])) == 1


def test_actors_that_only_read_take_one_execution():
    step = Step("read", Shared("x"), is_read=True)

    assert len(orders(Dpor(), lambda: [lambda kernel: [kernel.step(step) for _ in range(3)]] * 3)) == 1


def test_a_counter_of_two_actors_takes_four_of_six_executions():
    # read read and write write are no conflict and one: r0 w0 r1 w1, r1 w1 r0 w0, and both reads first, with either
    # write first.
    ran = executions(Dpor(), counter(2))

    assert sorted(one.returned for one in ran) == [(1, 1), (1, 1), (1, 2), (2, 1)]
    assert all(one.ending.kind == "done" for one in ran)


@pytest.mark.parametrize("operations", range(1, 6))
def test_where_all_is_in_conflict_nothing_can_be_left_out(operations):
    assert len(orders(Dpor(), lambda: [writes(operations)] * 2)) == math.comb(2 * operations, operations)


def test_the_reduction_notices_a_program_that_changes_between_executions():
    names = itertools.chain("xx", itertools.repeat("y"))

    with pytest.raises(
        Departed, match="operation 1: actor 1, write x could be done before; what can be done now is: actor 0, write y"
    ):
        orders(Dpor(), lambda: [writes(1, next(names)), writes(1, next(names))])


# By name -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "bound", "message"),
    [
        ("dporr", None, r"unknown strategy 'dporr'.*dpor"),
        ("dpor", 2, "bound 2: expected with strategy bounded alone, found dpor. Try --strategy bounded."),
        ("bounded", -1, "bound -1: expected preemptions, at least 0. Try --bound 2."),
    ],
)
def test_a_strategy_that_makes_no_sense_is_a_users_error(name, bound, message):
    with pytest.raises(UsageError, match=message):
        strategy_named(name, bound=bound)
