"""The sentences under the table, on summaries such as runs write."""

import math

import pytest
from synthetic_summaries import cell, frames

from lab.findings import findings
from lab.scenarios.check_ticket import CheckTicket
from lab.scenarios.ticket_sale import TicketSale
from lab.scenarios.traffic_light import TrafficLight

SCENARIOS = {"ticket_sale": TicketSale, "check_ticket": CheckTicket, "traffic_light": TrafficLight}


def sale(guard, rate=0.0, store="json_file", **more):
    return cell("ticket_sale", guard, store, 5, **{"shares": {"oversold": rate}, "wall_s": 0.01, **more})


def said(*cells):
    return findings(frames(cells)[0], SCENARIOS)


def test_a_scenario_that_was_run_in_one_setting_is_told_without_it():
    [sentence] = said(sale("none", 0.5), sale("lock", slow=3))

    assert sentence == (
        "Without a guard and with 5 buyers, more tickets were sold than there were in 50.0 % of 1,000 trials "
        "[46.8, 53.2]; with lock in none of 1,000 (at most 0.37 %), in 3 times the wall time [2.88, 3.16]."
    )


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ([{"store": "memory"}, {"store": "json_file"}], "(json_file)"),
        ([{"delay": "0"}, {"delay": "1ms"}], "(delay 1ms)"),
        ([{"tickets": 1}, {"tickets": 3}], "(tickets=3)"),
        ([{"alignment": "natural"}, {"alignment": "aligned"}], "(aligned start)"),
        ([{"store": "memory", "delay": "0"}, {"store": "json_file", "delay": "1ms"}], "(json_file, delay 1ms)"),
    ],
    ids=lambda value: "" if isinstance(value, list) else value,
)
def test_of_several_settings_the_worst_is_named(settings, told):
    [sentence] = said(sale("none", 0.2, **settings[0]), sale("none", 0.5, **settings[1]))

    assert sentence.startswith(
        f"Without a guard and with 5 buyers {told}, more tickets were sold than there were in 50"
    )


class Own(TicketSale):
    actors = "processes"


@pytest.mark.parametrize(
    ("scenario", "actors"),
    [("ticket_sale", "1 buyer"), ("own", "1 process"), ("traffic_light", "1 actor (a light and its cars)")],
)
def test_one_actor_is_counted_in_grammar(scenario, actors):
    one = cell(scenario, "none", "json_file", 1, shares={}, wall_s=0.01)
    [sentence] = findings(frames([one])[0], {**SCENARIOS, "own": Own})

    assert sentence.startswith(f"Without a guard and with {actors}, ")


def test_a_main_delay_is_not_named_twice():
    delays = [{"delay": text, "read_delay": text} for text in ("0", "1ms")]

    [sentence] = said(*(sale("none", 0.5, **delay) for delay in delays))

    assert "5 buyers (delay 1ms), more" in sentence


@pytest.mark.parametrize(
    ("others", "ending"),
    [(5, "; 1 more guard stands in the table."), (6, "; 2 more guards stand in the table.")],
)
def test_guards_past_the_fourth_are_counted_in_grammar(others, ending):
    [sentence] = said(sale("none", 0.5), *(sale(f"semaphore({number})") for number in range(others)))

    assert sentence.endswith(ending)


def test_a_guard_that_costs_nothing_takes_the_same_wall_time():
    [sentence] = said(sale("none", 0.5), sale("lock", slow=1.0))

    assert sentence.endswith(", in the same wall time [0.96, 1.05].")


def test_a_price_whose_interval_is_unknown_says_so():
    bare = sale("lock", slow=2) | {"slowdown_low": math.nan, "slowdown_high": math.nan}

    [sentence] = said(sale("none", 0.5), bare)

    assert sentence.endswith(", in 2 times the wall time [unknown].")


def test_an_outcome_among_others_is_told_with_its_own_interval():
    mixed = {"shares": {"torn_read": 0.3, "lost_update": 0.2}, "low_torn_read": 0.1, "high_torn_read": 0.6}

    [sentence] = said(sale("none", **mixed) | {"oversell_rate": 0.0})

    assert "a buyer read a half-written file, and left in 30 % of 1,000 trials [10, 60]" in sentence


def test_an_outcome_of_a_summary_without_such_intervals_has_the_exact_one():
    [sentence] = said(sale("none", shares={"torn_read": 0.3, "lost_update": 0.2}) | {"oversell_rate": 0.0})

    assert "in 30.0 % of 1,000 trials [27.1, 33.0]" in sentence


def test_a_surprise_of_a_guard_is_told_beside_its_violations():
    look = {"delay": "10ms", "wall_s": 0.04}
    light = [cell("traffic_light", "none", None, 5, shares={"crossed_on_red": 0.9}, **look)]
    light.append(cell("traffic_light", "event", None, 5, shares={"turned_red": 0.1}, **look))

    [sentence] = said(*light)

    assert "with event in none of 1,000 (at most 0.37 %), in the same wall time" in sentence
    assert sentence.endswith(
        "but the light turned red between a car's look and its crossing in 10.0 % of 1,000 trials [8.2, 12.1]."
    )


def test_a_body_that_raises_is_told_with_what_it_raised_first():
    raised = {"shares": {"raised": 1.0}, "wall_s": math.nan, "detail_raised": "KeyError: 'count' (actor 0)"}

    assert said(sale("none", **raised))[1:] == [
        "In 1,000 of 1,000 trials the body raised an exception, first: KeyError: 'count' (actor 0)."
    ]


def test_what_happened_under_one_guard_alone_is_told_of_its_trials():
    crashed = {"shares": {"crash": 0.004}, "detail_crash": "actor 1 ended by SIGKILL"}

    assert said(sale("none", 0.5), sale("queue", **crashed))[1:] == [
        "In 4 of 1,000 trials with queue a process died, first: actor 1 ended by SIGKILL."
    ]


def test_a_long_text_of_an_exception_is_one_line_of_its_beginning():
    raised = {"shares": {"raised": 1.0}, "wall_s": math.nan, "detail_raised": "ValueError: one\ntwo " + "x" * 1000}

    sentence = said(sale("none", **raised))[1]

    assert "first: ValueError: one two xxx" in sentence
    assert sentence.endswith("xxx….")
    assert len(sentence) < 300
