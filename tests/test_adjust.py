import pytest

from lab.errors import UsageError
from lab.experiments import built_in
from lab.experiments.adjust import adjusted
from lab.experiments.grid import Experiment, Grid, plans


def cells(experiment):
    return [
        (plan.cell.name, str(plan.cell.guard), plan.cell.store and plan.cell.store.name) for plan in plans(experiment)
    ]


ONE = Experiment(name="one", grids=[Grid(scenario="ticket_sale", processes=[2])])
TWO = Experiment(
    name="two", grids=[Grid(scenario="ticket_sale", processes=[2]), Grid(scenario="ktv", guards=["none", "lock"])]
)


def test_choices_replace_those_of_the_grid():
    changed = adjusted(
        ONE, guards=["lock"], stores=["memory", "sqlite"], processes=[3], delays=["1ms"], set={"tickets": 2}
    )

    assert cells(changed) == [("ticket_sale", "lock", "memory"), ("ticket_sale", "lock", "sqlite")]
    found = [plan.cell for plan in plans(changed)]
    assert {(cell.processes, cell.delay(), cell.scenario.tickets) for cell in found} == {(3, "1ms", 2)}


def test_one_guard_or_number_is_a_list_of_one():
    [plan] = plans(adjusted(ONE, guards="lock", stores="memory", processes=3))

    assert (plan.cell.guard.name, plan.cell.processes) == ("lock", 3)


def test_what_is_none_is_left_as_it_was():
    assert adjusted(ONE, guards=None, trials=None) == ONE


def test_of_several_scenarios_each_takes_the_guards_that_it_knows():
    assert cells(adjusted(TWO, guards=["none", "rlock", "pool(2)"])) == [
        ("ticket_sale", "none", "json_file"),
        ("ticket_sale", "rlock", "json_file"),
        ("ktv", "none", None),
        ("ktv", "pool(2)", None),
    ]


def test_a_scenario_that_a_choice_does_not_fit_is_left_out():
    assert {name for name, *_ in cells(adjusted(TWO, guards=["rlock"]))} == {"ticket_sale"}
    assert {name for name, *_ in cells(adjusted(built_in("tutorial"), guards=["event"]))} == {"traffic_light"}


def test_a_choice_that_fits_no_scenario_is_refused():
    with pytest.raises(UsageError, match="guards event: expected what fits one of the scenarios"):
        adjusted(TWO, guards=["event"])


def test_a_guard_that_nothing_knows_is_refused_even_among_others():
    with pytest.raises(UsageError, match="unknown guard 'lokc'"):
        adjusted(TWO, guards=["none", "lokc"])


def test_an_unknown_choice_is_refused():
    with pytest.raises(UsageError, match="unknown choice 'guard'"):
        adjusted(ONE, guard=["lock"])


def test_trials_of_one_scenario_are_meant_and_of_many_respect_its_limit():
    alone = Experiment(name="alone", grids=[Grid(scenario="stuck_light", processes=[2])])
    beside = Experiment(name="beside", grids=[Grid(scenario="stuck_light", processes=[2]), ONE.grids[0]])

    assert [plan.trials for plan in plans(adjusted(alone, trials=50))] == [50]
    assert {(plan.cell.name, plan.trials) for plan in plans(adjusted(beside, trials=50))} == {
        ("stuck_light", 20),
        ("ticket_sale", 50),
    }
