"""The table of a summary as its reader sees it."""

import math
from pathlib import Path

import pytest
from synthetic_summaries import cell, frames

import lab
from lab.cli.table import WIDTH, sections

ROOT = Path(__file__).parent.parent


def sale(guard, rate=0.0, store="json_file", processes=5, **more):
    more = {"shares": {"oversold": rate}, "wall_s": 0.01, "delay": "1ms", "interval": "exact", **more}
    return cell("ticket_sale", guard, store, processes, **more)


def table(*cells):
    return [(section.heading, section.lines) for section in sections(frames(cells)[0])]


def headers(*cells):
    [(_, lines)] = table(*cells)
    return lines[0].split()


def test_what_all_cells_share_stands_in_the_heading_and_the_rest_in_columns():
    assert table(sale("none", 0.5), sale("lock", slow=3)) == [
        (
            "ticket_sale, json_file, 5 processes, delay 1ms, 1,000 trials a cell",
            [
                "guard           violations  median wall  times unguarded",
                "none   50.0 % [46.8, 53.2]        10 ms",
                "lock         0 % [0, 0.37]        10 ms   3 [2.88, 3.16]",
            ],
        )
    ]


def test_what_differs_has_a_column():
    cells = [sale("none", 0.5, store, n) for store in ("json_file", "memory") for n in (2, 5)]

    assert headers(*cells) == ["guard", "store", "processes", "violations", "median", "wall"]


def test_each_scenario_is_a_section():
    other = cell("ktv", "none", None, 5, shares={}, wall_s=0.1, delay=None)

    assert [heading for heading, _ in table(sale("none"), other)] == [
        "ticket_sale, json_file, 5 processes, delay 1ms, 1,000 trials a cell",
        "ktv, 5 processes, 1,000 trials a cell",
    ]


def test_an_aligned_start_is_said():
    [(heading, _)] = table(sale("none", alignment="aligned"))

    assert "aligned start" in heading


def test_surprises_are_shown_with_their_interval_where_there_are_any():
    seen = {"interesting_rate": 0.3, "interesting_low": 0.2, "interesting_high": 0.4}
    none = {"interesting_rate": 0.0, "interesting_low": 0.0, "interesting_high": 0.0037}
    cells = [sale("none", **seen, interesting_interval="clustered"), sale("lock", **none, interesting_interval="exact")]

    [(_, lines)] = table(*cells)

    assert lines == [
        "guard     violations     interesting  median wall  times unguarded",
        "none   0 % [0, 0.37]  30 % [20, 40]*        10 ms",
        "lock   0 % [0, 0.37]   0 % [0, 0.37]        10 ms   1 [0.96, 1.05]",
    ]
    assert "interesting" not in headers(sale("none"))


@pytest.mark.parametrize("outcome", ["raised", "crash", "hang"])
def test_trials_that_came_to_no_end_are_counted_in_a_column_of_their_own(outcome):
    [(_, lines)] = table(sale("none", shares={outcome: 1.0}, wall_s=math.nan), sale("lock"))

    assert lines[0].split()[:3] == ["guard", "violations", outcome]
    assert lines[1].split()[-1] == "1,000"


def test_a_star_marks_an_interval_that_was_widened():
    [(_, lines)] = table(sale("none", 0.5, interval="clustered"), sale("lock", interval="sequential"))

    assert [line.count("*") for line in lines] == [0, 1, 0]


def test_what_makes_a_section_too_wide_goes_into_headings():
    delays = ("normal(5ms,1ms) + uniform(0,10ms)", "uniform(0,10ms) + uniform(0,100us)")
    cells = [sale("bounded_semaphore(1)", 0.5, store, slow=2, delay=delay, read_delay="0", processes=n)
             for delay in delays for store in ("atomic_json_file", "memory") for n in (2, 5)]  # fmt: skip

    found = table(*cells)

    assert [heading for heading, _ in found] == [f"ticket_sale, delay {delay}, 1,000 trials a cell" for delay in delays]
    assert [lines[0].split()[:3] for _, lines in found] == [["guard", "store", "processes"]] * 2


@pytest.mark.parametrize("name", ["tutorial", "ticket_sale", "guards", "messages"])
def test_the_tables_of_the_reference_results_fit_into_a_hundred_columns(name):
    summary = lab.Results(ROOT / "results" / name).summary

    widths = [len(line) for section in sections(summary) for line in (section.heading, *section.lines)]

    assert max(widths) <= WIDTH


def test_names_of_wide_letters_are_aligned_as_they_are_shown():
    [(_, lines)] = table(*(sale("none", 0.5, tickets=text) for text in ("切符", "ab")))

    assert [line.index("50.0") - lines[1].index("50.0") for line in lines[1:]] == [0, 2]


def test_no_cells_make_no_table():
    assert list(sections(frames([sale("none")])[0].iloc[:0])) == []
