import re
from dataclasses import replace

import pytest

from lab.errors import UsageError
from lab.experiments import BUILT_IN, built_in
from lab.experiments.adjust import adjusted
from lab.experiments.grid import Experiment, Grid, left_out, plans


def experiment(*grids, **choices):
    return Experiment(**{"name": "test", "grids": list(grids)} | choices)


def tickets(**choices):
    """A grid of one cell, unless the choices say otherwise."""
    return Grid(**{"scenario": "ticket_sale", "guards": ["none"], "processes": [2], "delays": ["0"]} | choices)


def cells(*grids, **choices):
    return [plan.cell for plan in plans(experiment(*grids, **choices))]


def refusal(*grids, **choices):
    with pytest.raises(UsageError) as caught:
        plans(experiment(*grids, **choices))
    return str(caught.value)


# Order -------------------------------------------------------------------------------------------------------------


def test_delays_vary_slowest_then_axes_then_stores_then_processes_and_guards_fastest():
    grid = Grid(
        scenario="ticket_sale",
        guards=["none", "lock"],
        stores=["json_file", "memory"],
        processes=[2, 5],
        delays=["0", "1ms"],
        set={"tickets": [1, 3]},
    )
    found = [
        (cell.delay(), cell.scenario.tickets, cell.store.name, cell.processes, str(cell.guard)) for cell in cells(grid)
    ]
    assert found == [
        (delay, count, store, processes, guard)
        for delay in ("0", "1ms")
        for count in (1, 3)
        for store in ("json_file", "memory")
        for processes in (2, 5)
        for guard in ("none", "lock")
    ]


def test_grids_follow_each_other_and_a_cell_that_two_have_is_run_once_as_the_first_says():
    found = plans(
        experiment(
            tickets(guards=["none", "lock"], trials=7),
            tickets(guards=["lock", "rlock"], trials=9),
        )
    )
    assert [(str(plan.cell.guard), plan.trials) for plan in found] == [("none", 7), ("lock", 7), ("rlock", 9)]


def test_two_axes_are_all_combinations():
    axes = {"tickets": [1, 2], "request_delay": ["0", "1ms"]}
    found = [(cell.scenario.tickets, str(cell.scenario.request_delay)) for cell in cells(tickets(set=axes))]
    assert found == [(1, "0"), (1, "1ms"), (2, "0"), (2, "1ms")]


def test_a_value_that_stands_alone_is_an_axis_of_one():
    assert cells(tickets(set={"tickets": 3})) == cells(tickets(set={"tickets": [3]}))


def test_text_and_number_mean_the_same_parameter():
    assert cells(tickets(set={"tickets": "3"})) == cells(tickets(set={"tickets": 3}))


# What a grid leaves open -------------------------------------------------------------------------------------------


def test_a_bare_grid_has_the_scenarios_own_guards_first_store_processes_and_delays():
    found = [
        (str(cell.guard), cell.store, cell.processes, cell.delay(), cell.engine, cell.alignment, cell.start_method)
        for cell in cells(Grid(scenario="ktv"))
    ]
    assert found == [
        (guard, None, 6, "randint(1,5)s", "real", "natural", "fork")
        for guard in ("none", "semaphore(4)", "bounded_semaphore(4)", "lock", "pool(4)")
    ]


@pytest.mark.parametrize(
    ("store", "left_out"),
    [
        ("json_file", {"optimistic", "transaction"}),
        ("atomic_json_file", {"transaction"}),
        ("memory", {"transaction"}),
        ("sqlite", set()),
    ],
)
def test_guards_that_nobody_named_are_those_that_work_on_the_store(store, left_out):
    all_guards = {str(cell.guard) for cell in cells(tickets(guards=[], stores=["sqlite"]))}
    assert {str(cell.guard) for cell in cells(tickets(guards=[], stores=[store]))} == all_guards - left_out


def test_guards_that_do_not_work_on_a_store_are_told_with_the_reason():
    bare = tickets(guards=[], stores=["json_file", "memory"])
    assert left_out(experiment(bare, bare)) == (
        "optimistic on json_file (it needs a write that happens only if nobody wrote in between); "
        "transaction on json_file, memory (it needs a store with transactions)"
    )


@pytest.mark.parametrize("grid", [tickets(), tickets(guards=[], stores=["sqlite"]), Grid(scenario="ktv")])
def test_where_all_guards_work_or_are_named_nothing_is_left_out(grid):
    assert left_out(experiment(grid)) == ""


def test_delays_set_the_main_delays_and_no_other():
    [cell] = cells(tickets(delays=["exp(2ms)"]))
    fields = {name: str(value) for name, value in cell.scenario.fields().items()}
    assert fields == {"tickets": "1", "request_delay": "0", "read_delay": "exp(2ms)", "write_delay": "exp(2ms)"}


def test_a_parameter_that_is_set_wins_over_the_main_delays():
    [cell] = cells(tickets(delays=["1ms"], set={"write_delay": "0"}))
    assert cell.delay() == "1ms + 0"


def test_the_engine_alignment_and_start_method_of_the_experiment_are_every_cells():
    [cell] = cells(tickets(), alignment="aligned", start_method="spawn")
    assert (cell.engine, cell.alignment, cell.start_method) == ("real", "aligned", "spawn")


# Scale -------------------------------------------------------------------------------------------------------------


def test_scale_divides_the_scenarios_own_delays_exactly():
    [cell] = cells(Grid(scenario="traffic_light", guards=["none"], processes=[2]), scale=100)
    assert {name: str(value) for name, value in cell.scenario.fields().items()} == {
        "cycles": "2",
        "red": "10ms",
        "green": "10ms",
        "arrival_delay": "uniform(0,40ms)",
        "reaction": "uniform(0,2ms)",
    }


def test_scale_leaves_delays_alone_that_were_asked_for():
    grid = tickets(delays=["1s"], set={"request_delay": "2s"})
    assert cells(grid, scale=100) == cells(grid)


# Trials and time-outs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_grid", "of_experiment", "of_scenario", "trials"),
    [
        (None, None, None, 1000),
        (None, None, 20, 20),
        (None, 500, None, 500),
        (None, 500, 20, 20),
        (None, 10, 20, 10),
        (7, None, None, 7),
        (7, 500, None, 7),
        (50, 500, 20, 50),
    ],
)
def test_a_grids_trials_hold_then_the_experiments_up_to_the_scenarios_own(of_grid, of_experiment, of_scenario, trials):
    scenario = "stuck_light" if of_scenario == 20 else "ktv"
    grid = Grid(scenario=scenario, guards=["none"], processes=[2], trials=of_grid)
    assert [plan.trials for plan in plans(experiment(grid, trials=of_experiment))] == [trials]


@pytest.mark.parametrize(
    ("of_grid", "of_experiment", "timeout_s"), [(None, None, None), (None, "2s", 2.0), ("5ms", "2s", 0.005)]
)
def test_a_grids_timeout_holds_then_the_experiments_and_else_the_engine_chooses(of_grid, of_experiment, timeout_s):
    found = plans(experiment(tickets(timeout=of_grid), timeout=of_experiment))
    assert [plan.timeout_s for plan in found] == [timeout_s]


# Identity ----------------------------------------------------------------------------------------------------------


def test_cell_ids_are_the_same_in_every_version_on_every_machine():
    # Files in results folders are named after them. Never mend this test: a new id orphans every old result.
    found = cells(
        Grid(scenario="ticket_sale", guards=["lock"], processes=[5]), Grid(scenario="ktv", guards=["semaphore(4)"])
    )
    assert [cell.cell_id for cell in found] == ["a85ac93569dd0aa5", "68cb028300518eea"]


@pytest.mark.parametrize(
    "changes",
    [
        {"guards": ["lock"]},
        {"guards": ["semaphore(2)"]},
        {"stores": ["memory"]},
        {"processes": [3]},
        {"delays": ["1ms"]},
        {"set": {"tickets": 2}},
        {"set": {"request_delay": "1us"}},
    ],
    ids=str,
)
def test_cells_that_differ_in_anything_have_different_ids(changes):
    [one], [other] = cells(tickets()), cells(tickets(**changes))
    assert one.cell_id != other.cell_id


@pytest.mark.parametrize("changes", [{"alignment": "aligned"}, {"start_method": "spawn"}], ids=str)
def test_cells_that_are_run_otherwise_have_different_ids(changes):
    [one], [other] = cells(tickets()), cells(tickets(), **changes)
    assert one.cell_id != other.cell_id


@pytest.mark.parametrize("changes", [{"seed": 2}, {"trials": 5}, {"lanes": 2}, {"timeout": "5s"}, {"name": "other"}])
def test_choices_that_do_not_change_what_a_trial_is_leave_the_id(changes):
    assert cells(tickets(), **changes) == cells(tickets())


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_experiment_fits_together(name):
    found = cells(*built_in(name).grids)
    assert len({cell.cell_id for cell in found}) == len(found) > 0


# Adjusting ---------------------------------------------------------------------------------------------------------


def test_adjustments_replace_choices_of_every_grid_and_what_is_none_is_left():
    before = experiment(tickets(set={"tickets": 2}), tickets(guards=["lock"]), seed=7)
    after = adjusted(before, processes=[3], guards=None, set={"request_delay": "1ms"}, seed=None, lanes=1)
    assert after == experiment(
        tickets(processes=[3], set={"tickets": 2, "request_delay": "1ms"}),
        tickets(guards=["lock"], processes=[3], set={"request_delay": "1ms"}),
        seed=7,
        lanes=1,
    )


@pytest.mark.parametrize(("grids", "trials"), [(1, 50), (2, 20)])
def test_trials_asked_of_one_scenario_are_meant_and_of_many_a_scenarios_own_limit_holds(grids, trials):
    before = experiment(*[Grid(scenario="stuck_light", processes=[number + 1]) for number in range(grids)])
    assert {plan.trials for plan in plans(adjusted(before, trials=50))} == {trials}


def test_an_unknown_adjustment_is_named_with_the_known_ones():
    with pytest.raises(UsageError, match="unknown choice 'procs': expected one of guards, stores, processes, "):
        adjusted(experiment(tickets()), procs=[2])


# Refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (
            tickets(guards=["optimistic"], stores=["json_file"]),
            (
                "guard optimistic does not work on store json_file: it needs a write that happens only if nobody "
                "wrote in between. Try --stores atomic_json_file."
            ),
        ),
        (
            tickets(guards=["transaction"], stores=["memory"]),
            "guard transaction does not work on store memory: it needs a store with transactions. Try --stores sqlite.",
        ),
        (
            Grid(scenario="traffic_light", guards=["lock"]),
            "guard lock makes no sense for traffic_light: expected one of none, event.",
        ),
        (
            Grid(scenario="ktv", stores=["memory"]),
            "store memory makes no sense for ktv: it uses none; leave --stores out.",
        ),
        (
            tickets(stores=["text_file"]),
            (
                "store text_file makes no sense for ticket_sale: "
                "expected one of json_file, atomic_json_file, memory, sqlite."
            ),
        ),
        (
            Grid(scenario="stuck_light", delays=["0", "1ms"]),
            "stuck_light has no main delays, found delays 0, 1ms. Leave them out.",
        ),
        (tickets(processes=[0]), "processes 0: expected a whole number from 1 to 1000. Try --processes 2,5,10."),
        (tickets(processes=[1001]), "processes 1001: expected a whole number from 1 to 1000. Try --processes 2,5,10."),
        (tickets(processes=[True]), "processes True: expected a whole number from 1 to 1000. Try --processes 2,5,10."),
        (tickets(trials=0), "trials 0: expected a whole number from 1 to 100000000. Try --trials 1000."),
        (tickets(timeout="0"), "timeout '0': expected one duration over 0, with a unit. Try --timeout 5s."),
        (tickets(timeout="exp(1s)"), "timeout 'exp(1s)': expected one duration over 0, with a unit. Try --timeout 5s."),
        (tickets(set={"tickets": "x"}), "TicketSale.tickets: expected a number (int), found 'x'. Try tickets=1."),
        (tickets(set={"tickets": -1}), "TicketSale.tickets: expected from 0 to 2**63 - 1, found '-1'. Try tickets=1."),
        (tickets(set={"tickets": 1.5}), "TicketSale.tickets: expected a number (int), found '1.5'. Try tickets=1."),
        (Grid(scenario="stuck_light", set={"n": 1}), "StuckLight has no parameters, found 'n'. Leave it out."),
        (
            tickets(set={"tickts": 1}),
            (
                "unknown parameter of TicketSale 'tickts': expected one of read_delay, request_delay, tickets, "
                "write_delay. Did you mean 'tickets'?"
            ),
        ),
        (tickets(guards=["lock(2)"]), "guard 'lock(2)': lock takes no number. Try lock."),
        (
            tickets(guards=["semaphore(0)"]),
            "guard 'semaphore(0)': expected semaphore with a whole number from 1 to 1000. Try semaphore(4).",
        ),
    ],
)
def test_a_grid_that_does_not_fit_together_is_refused_with_the_way_out(grid, message):
    assert refusal(grid) == message


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"engine": "reel"}, "unknown engine 'reel': expected one of real, simulated. Did you mean 'real'?"),
        (
            {"alignment": "alined"},
            "unknown alignment 'alined': expected one of aligned, awake, natural, ordered. Did you mean 'aligned'?",
        ),
        (
            {"alignment": "ordered"},
            (
                "--alignment ordered makes no sense on the real engine: the kernel decides who goes first. "
                "Leave it out, or try --engine simulated."
            ),
        ),
        (
            {"start_method": "spwan"},
            "unknown start method 'spwan': expected one of fork, forkserver, spawn. Did you mean 'spawn'?",
        ),
        ({"grids": []}, "experiment test has no grid: expected at least one with a scenario."),
        ({"until_width": 0}, "until-width 0: expected between 0 and 100 %. Try --until-width 1%."),
        ({"until_width": 1.0}, "until-width 1.0: expected between 0 and 100 %. Try --until-width 1%."),
        ({"scale": 0}, "scale 0: expected over 0. Try 100, which makes 10 ms of a second."),
        ({"lanes": 65}, "lanes 65: expected 1 to 64. Leave it out to have it chosen and checked."),
        ({"trials": -5}, "trials -5: expected a whole number from 1 to 100000000. Try --trials 1000."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_choice_of_the_experiment_that_makes_no_sense_is_refused_with_the_way_out(choices, message):
    with pytest.raises(UsageError) as caught:
        plans(replace(experiment(tickets()), **choices))
    assert str(caught.value) == message


def test_a_scale_that_is_no_number_is_refused():
    assert refusal(Grid(scenario="ktv"), scale=float("nan")).startswith("scale nan: expected")


def test_an_axis_without_values_is_refused():
    with pytest.raises(UsageError, match="tickets"):
        plans(experiment(tickets(set={"tickets": []})))


def test_every_name_that_nobody_has_comes_with_the_nearest_one():
    wrong = [Grid(scenario="ktw"), tickets(guards=["lok"]), tickets(stores=["sqlight"])]
    nearest = [re.search(r"Did you mean '(\w+)'\?$", refusal(grid))[1] for grid in wrong]
    assert nearest == ["ktv", "lock", "sqlite"]
