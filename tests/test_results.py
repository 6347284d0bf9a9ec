import errno
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import medians, results, statistics, summary, summary_file
from lab.errors import OutputError, UsageError
from lab.results import Results
from lab.summary import summarise


def cell(number=0, guard="none", **changes):
    """The columns of a cell, as `Cell.columns` gives them."""
    return {
        "cell_id": f"{number:016x}",
        "scenario": "ticket_sale",
        "guard": guard,
        "store": "json_file",
        "processes": 5,
        "delay": "0",
        "engine": "real",
        "alignment": "natural",
        "start_method": "fork",
        "tickets": 1,
        "request_delay": "0",
    } | changes


def trials(outcomes=("ok",) * 4, **columns):
    """As many trials as there are outcomes, one block on one lane, unless the columns say otherwise."""
    count = len(outcomes)
    defaults = {
        "lane": 0,
        "block": 0,
        "trial": range(count),
        "seed": range(count),
        "outcome": pd.Series(outcomes, dtype="str"),
        "detail": "",
        "violation": [outcome not in ("ok", "odd") for outcome in outcomes],
        "interesting": [outcome == "odd" for outcome in outcomes],
        "wall_s": 0.01,
        "wait_median_s": 0.001,
        "wait_max_s": 0.002,
    }
    return pd.DataFrame(defaults | columns, index=range(count))


def row(*cells, sequential=False):
    """The last row of the summary, as a dictionary."""
    return summarise(cells, sequential).summary.iloc[-1].to_dict()


def random_trials(seed, count=200, blocks=10, slower=1.0):
    generator = np.random.default_rng(seed)
    return trials(
        ("ok",) * count,
        block=np.arange(count) // (count // blocks),
        wall_s=slower * generator.lognormal(size=count),
    )


# Columns -----------------------------------------------------------------------------------------------------------


def test_the_columns_stand_in_the_order_of_the_design():
    frame = trials(("ok", "oversold"), sold=[1, 2], retries=[0, 1])
    assert " ".join(summarise([(cell(), frame)]).summary.columns) == (
        "cell_id scenario guard store processes delay engine alignment start_method tickets request_delay lanes "
        "trials violations violation_rate violation_low violation_high interesting_rate interesting_low "
        "interesting_high interesting_interval oversell_rate oversell_low oversell_high interval outcome_ok "
        "outcome_oversold low_ok high_ok low_oversold high_oversold wall_median_s wall_low_s wall_high_s wall_p95_s "
        "throughput_per_s slowdown slowdown_low slowdown_high wait_median_s excluded mean_sold max_sold "
        "mean_retries max_retries"
    )


def test_the_rows_keep_the_order_of_the_cells():
    cells = [(cell(number, f"semaphore({number})"), trials()) for number in (3, 1, 2)]
    assert list(summarise(cells).summary["guard"]) == ["semaphore(3)", "semaphore(1)", "semaphore(2)"]


def test_no_cells_make_an_empty_summary():
    made = summarise([])
    assert (len(made.summary), len(made.quantiles)) == (0, 0)


def test_a_cell_without_trials_is_a_row_of_unknowns():
    found = row((cell(), trials(())))
    assert (found["trials"], found["violation_low"], found["violation_high"]) == (0, 0, 1)
    assert all(math.isnan(found[name]) for name in ("violation_rate", "wall_median_s", "slowdown", "throughput_per_s"))


def test_lanes_are_counted():
    assert row((cell(), trials(lane=[0, 3, 3, 7])))["lanes"] == 3


def test_fields_that_only_some_cells_have_leave_gaps_and_whole_numbers_stay_whole():
    singers = {name: value for name, value in cell(1, scenario="ktv", rooms=4).items() if name != "tickets"}
    found = summarise([(cell(), trials()), (singers, trials())]).summary
    assert found["tickets"].to_list() == [1, pd.NA]
    assert found["rooms"].to_list() == [pd.NA, 4]
    assert str(found["rooms"].dtype) == "Int64"


# Rates -------------------------------------------------------------------------------------------------------------


def test_trials_of_one_block_have_the_exact_interval():
    found = row((cell(), trials(("oversold", "ok", "ok", "ok"))))
    low, high = statistics.clopper_pearson(1, 4)
    assert (found["trials"], found["violations"], found["violation_rate"]) == (4, 1, 0.25)
    assert (found["violation_low"], found["violation_high"], found["interval"]) == (low, high, "exact")


def test_blocks_that_differ_have_the_clustered_interval():
    frame = trials(("ok",) * 10 + ("oversold",) * 10, block=[0] * 10 + [1] * 10)
    found = row((cell(), frame))
    expected = statistics.rate_interval([0, 10], [10, 10])
    assert (found["violation_low"], found["violation_high"], found["interval"]) == expected
    assert expected.kind == "clustered"


def test_lanes_that_differ_within_a_block_are_clusters_too():
    frame = trials(("ok", "oversold") * 10, lane=[0, 1] * 10)
    assert row((cell(), frame))["interval"] == "clustered"


def test_trials_that_were_stopped_by_what_they_showed_have_the_sequential_interval():
    frame = trials(("oversold", "ok", "ok", "ok"), sold=[2, 1, 1, 1])
    found = row((cell(), frame), sequential=True)
    low, high, kind = statistics.sequential_interval(1, 4)
    assert (found["violation_low"], found["violation_high"], found["interval"]) == (low, high, kind)
    assert (found["oversell_low"], found["oversell_high"]) == (low, high)


def test_overselling_is_counted_from_what_was_sold_whatever_the_outcome():
    frame = trials(("torn_read", "ok", "oversold", "ok"), sold=[3, 2, 1, 4])
    found = row((cell(tickets=2), frame))
    low, high = statistics.clopper_pearson(2, 4)
    assert (found["oversell_rate"], found["oversell_low"], found["oversell_high"]) == (0.5, low, high)


def test_a_trial_whose_sales_are_unknown_is_no_part_of_the_oversell_rate():
    frame = trials(("hang", "ok", "oversold", "hang"), sold=pd.Series([None, 1, 2, None], dtype=object))
    found = row((cell(), frame))
    assert (found["oversell_rate"], found["violation_rate"]) == (0.5, 0.75)


@pytest.mark.parametrize(
    ("columns", "frame"),
    [
        ({name: value for name, value in cell().items() if name != "tickets"}, trials(sold=[1] * 4)),
        (cell(), trials()),
        (cell(), trials(sold=[None] * 4)),
    ],
    ids=["no tickets", "no sales", "no sale known"],
)
def test_without_tickets_or_sales_there_is_no_oversell_rate(columns, frame):
    found = row((columns, frame))
    assert all(math.isnan(found[name]) for name in ("oversell_rate", "oversell_low", "oversell_high"))


# Outcomes ----------------------------------------------------------------------------------------------------------


def test_an_outcome_of_the_scenario_that_was_not_seen_is_0_and_one_of_another_scenario_is_a_gap():
    cells = [
        (cell(0), trials(("ok", "oversold", "oversold"))),
        (cell(1, "lock"), trials(("ok", "ok", "hang"))),
        (cell(2, scenario="ktv"), trials(("crowded",))),
    ]
    found = summarise(cells).summary
    assert found["outcome_ok"].to_list() == [1, 2, pd.NA]
    assert found["outcome_oversold"].to_list() == [2, 0, pd.NA]
    assert found["outcome_hang"].to_list() == [0, 1, pd.NA]
    assert found["outcome_crowded"].to_list() == [pd.NA, pd.NA, 1]


def test_an_outcome_that_is_only_a_category_is_declared():
    outcome = pd.Categorical(["ok"] * 4, categories=["oversold", "ok"])
    found = row((cell(), trials(outcome=outcome)))
    assert (found["outcome_oversold"], found["outcome_ok"]) == (0, 4)


def test_what_surprises_has_a_rate_of_its_own_with_its_interval():
    found = row((cell(), trials(("odd", "ok", "oversold", "odd"))))
    low, high = statistics.clopper_pearson(2, 4)
    assert [found[f"interesting_{end}"] for end in ("rate", "low", "high")] == [0.5, low, high]
    assert found["violations"] == 1


def test_every_outcome_has_an_interval_that_is_wider_where_blocks_differ():
    outcomes = ("oversold",) * 10 + ("torn_read",) * 9 + ("ok",)
    found = row((cell(), trials(outcomes, block=[0] * 10 + [1] * 10)))
    expected = statistics.rate_interval([0, 9], [10, 10])
    assert (found["low_torn_read"], found["high_torn_read"]) == (expected.low, expected.high)
    low, high = statistics.clopper_pearson(9, 20)
    assert found["low_torn_read"] < low < high < found["high_torn_read"]


def test_the_first_detail_of_each_outcome_that_the_engine_called_is_kept():
    frame = trials(("raised", "ok", "raised", "crash"), trial=[4, 5, 3, 6], detail=["late", "", "early", "SIGKILL"])
    found = row((cell(), frame))
    assert (found["detail_raised"], found["detail_crash"]) == ("early", "SIGKILL")
    assert "detail_ok" not in found


# Times ---------------------------------------------------------------------------------------------------------------


def test_trials_in_which_an_actor_did_not_finish_are_excluded_from_times_and_counted():
    walls = [float(wall) for wall in range(1, 21)]
    frame = trials(("ok",) * 20 + ("hang",) * 3, wall_s=[*walls, math.nan, math.nan, math.nan])
    found = row((cell(), frame))
    assert (found["wall_median_s"], found["wall_low_s"], found["wall_high_s"]) == (10.5, 6, 15)
    assert found["wall_p95_s"] == pytest.approx(np.quantile(walls, 0.95))
    assert (found["excluded"], found["trials"]) == (3, 23)


def test_throughput_is_sections_finished_over_the_sum_of_wall_times_whatever_the_lanes():
    frame = trials(wall_s=[0.1, 0.2, 0.2, math.nan], lane=[0, 1, 2, 3])
    assert row((cell(processes=10), frame))["throughput_per_s"] == pytest.approx(10 * 3 / 0.5)


def test_waits_that_are_unknown_do_not_count():
    assert row((cell(), trials(wait_median_s=[0.3, math.nan, 0.1, 0.2])))["wait_median_s"] == 0.2


def test_trials_none_of_which_finished_have_no_times():
    # Parquet gives such a column as objects.
    nothing = pd.Series([None] * 4, dtype=object)
    found = row((cell(), trials(("hang",) * 4, wall_s=nothing, wait_median_s=nothing)))
    assert found["excluded"] == 4
    assert math.isnan(found["wall_median_s"])
    assert math.isnan(found["slowdown"])


def test_a_cell_has_201_quantiles_of_its_finished_trials():
    walls = np.random.default_rng(1).random(50)
    made = summarise([(cell(7), trials(("ok",) * 50, wall_s=walls)), (cell(8), trials())]).quantiles
    first = made[made["cell_id"] == f"{7:016x}"]
    assert list(made.columns) == ["cell_id", "probability", "wall_s"]
    assert (len(made), len(first)) == (402, 201)
    assert list(first["probability"]) == [place / 200 for place in range(201)]
    assert list(first["wall_s"]) == pytest.approx(list(np.quantile(walls, first["probability"])))


# Slowdown ----------------------------------------------------------------------------------------------------------


def test_the_slowdown_is_the_ratio_of_medians_with_the_bounds_of_paired_blocks():
    free, locked = random_trials(1), random_trials(2, slower=3)
    found = row((cell(0), free), (cell(1, "lock"), locked))

    def sketch(frame):
        walls = frame["wall_s"].to_numpy()
        return medians.block_sketch(walls, frame["block"].to_numpy(), np.sort(walls))

    assert found["slowdown"] == locked["wall_s"].median() / free["wall_s"].median()
    bounds = medians.median_ratio_interval(sketch(locked), sketch(free))
    assert (found["slowdown_low"], found["slowdown_high"]) == bounds
    assert bounds[0] < found["slowdown"] < bounds[1]


def test_an_excluded_trial_does_not_shift_the_blocks_of_the_others():
    free, locked = random_trials(1), random_trials(2)
    hung = pd.concat([trials(("hang",) * 15, wall_s=math.nan), locked], ignore_index=True)
    found, expected = row((cell(0), free), (cell(1, "lock"), hung)), row((cell(0), free), (cell(1, "lock"), locked))
    assert [found[name] for name in ("slowdown", "slowdown_low", "slowdown_high")] == [
        expected[name] for name in ("slowdown", "slowdown_low", "slowdown_high")
    ]


def test_the_unguarded_cell_may_come_last():
    first = row((cell(1, "lock"), random_trials(2)), (cell(0), random_trials(1)))
    found = summarise([(cell(1, "lock"), random_trials(2)), (cell(0), random_trials(1))]).summary.iloc[0]
    other = row((cell(0), random_trials(1)), (cell(1, "lock"), random_trials(2)))
    assert found["slowdown_low"] == other["slowdown_low"]
    assert first["slowdown"] == 1


def test_the_unguarded_cell_is_exactly_as_fast_as_itself():
    found = row((cell(), random_trials(1)))
    assert found["slowdown"] == 1
    assert math.isnan(found["slowdown_low"])
    assert math.isnan(found["slowdown_high"])


@pytest.mark.parametrize(
    "change",
    [
        {"scenario": "check_ticket"},
        {"store": None},
        {"processes": 2},
        {"delay": "1ms"},
        {"engine": "simulated"},
        {"alignment": "aligned"},
        {"start_method": "spawn"},
        {"tickets": 2},
        {"request_delay": "1ms"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_cell_that_differs_in_more_than_the_guard_is_not_compared(change):
    found = row((cell(0), random_trials(1)), (cell(1, "lock", **change), random_trials(2)))
    assert math.isnan(found["slowdown"])
    assert math.isnan(found["slowdown_low"])


def test_with_one_common_block_the_bounds_of_the_slowdown_are_unknown():
    found = row((cell(0), trials(wall_s=0.01)), (cell(1, "lock"), trials(wall_s=0.02)))
    assert found["slowdown"] == 2
    assert math.isnan(found["slowdown_low"])


def test_nothing_is_slower_than_a_run_that_takes_no_time():
    found = row((cell(0), trials(wall_s=0.0)), (cell(1, "lock"), trials()))
    assert math.isnan(found["slowdown"])


# Measures ----------------------------------------------------------------------------------------------------------


def test_a_measure_has_its_mean_and_its_largest_value_of_the_trials_that_have_it():
    frame = trials(peak=[1, 2, 6, None], final=pd.Series([0, None, -1, None], dtype=object))
    found = row((cell(), frame))
    assert (found["mean_peak"], found["max_peak"], found["mean_final"], found["max_final"]) == (3, 6, -0.5, 0)


def test_a_measure_that_is_text_or_never_known_has_no_columns():
    frame = trials(colour=["red", "green", "red", "red"], nothing=pd.Series([None] * 4, dtype=object))
    assert not [name for name in row((cell(), frame)) if "colour" in name or "nothing" in name]


def test_a_column_of_the_cell_in_the_trials_is_no_measure():
    assert "mean_tickets" not in row((cell(), trials(tickets=[1] * 4)))


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(60)))
def test_the_order_of_the_trials_changes_nothing(order):
    generator = np.random.default_rng(3)
    outcomes = tuple(generator.choice(["ok", "oversold"], size=60))
    frame = trials(
        outcomes,
        block=np.arange(60) // 10,
        lane=np.arange(60) % 2,
        wall_s=generator.random(60),
        sold=generator.integers(1, 4, 60),
    )
    columns = sorted(row((cell(1, "lock"), frame)))
    found = summarise([(cell(), frame), (cell(1, "lock"), frame.iloc[order])]).summary[columns]
    expected = summarise([(cell(), frame), (cell(1, "lock"), frame)]).summary[columns]
    pd.testing.assert_frame_equal(found, expected, rtol=1e-12)


# Files -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A results folder with two cells of different scenarios, read in place of the archive's."""
    cells = [
        (cell(12, delay="1ms"), trials(("ok", "oversold", "hang"), wall_s=[0.1, 1 / 3, math.nan], sold=[1, 2, None])),
        (cell(13, store=None, scenario="ktv", rooms=4, is_open=True, name='a "b", c'), trials(peak=[4, 5, 4, 4])),
    ]
    monkeypatch.setattr(results, "_read_cells", lambda folder: iter(cells))
    return tmp_path


def test_the_summary_file_gives_back_every_value_and_kind(folder):
    written = results.write_summary(folder)
    expected = summarise(results._read_cells(folder))
    pd.testing.assert_frame_equal(written.summary, expected.summary, check_exact=True)
    pd.testing.assert_frame_equal(written.quantiles, expected.quantiles, check_exact=True)


def test_identities_and_delays_that_look_like_numbers_are_read_as_text(folder):
    found = results.write_summary(folder).summary
    assert list(found["cell_id"]) == ["000000000000000c", "000000000000000d"]
    assert list(found["request_delay"]) == ["0", "0"]


def test_any_spreadsheet_reads_the_summary_file(folder):
    results.write_summary(folder)
    found = pd.read_csv(folder / "summary.csv", dtype={"cell_id": str})
    assert list(found["guard"]) == ["none", "none"]
    assert found["name"][1] == 'a "b", c'
    assert found["wall_median_s"][0] == pytest.approx((0.1 + 1 / 3) / 2)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
COLUMNS = st.sampled_from([TEXTS, st.floats(allow_nan=False), st.integers(1 - 2**63, 2**63 - 1), st.booleans()])


def as_read(path):
    """Any table, not only one with the columns of a summary."""
    names, rows = summary_file._table(path)
    return summary.as_table(rows, names)


@given(st.data())
def test_every_table_survives_the_summary_file(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "summary.csv"
    kinds = data.draw(st.lists(COLUMNS, min_size=1, max_size=4))
    count = data.draw(st.integers(0, 4))
    rows = data.draw(st.lists(st.tuples(*(kind | st.none() for kind in kinds)), min_size=count, max_size=count))
    names = [f"column {number}" for number in range(len(kinds))]
    table = summary.as_table([dict(zip(names, values, strict=True)) for values in rows], names)
    summary_file.write(table, path)
    pd.testing.assert_frame_equal(as_read(path), table, check_exact=True)


def test_who_reads_while_the_summary_is_written_finds_the_old_one_and_a_failure_leaves_nothing(folder, monkeypatch):
    results.write_summary(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(table, path):
        path.write_text("half a ta")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(summary_file, "write", full)
    with pytest.raises(OutputError, match=r"No space left on device\. Make room, then `lab summary"):
        results.write_summary(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_that_can_not_be_written_is_an_output_error(folder):
    with pytest.raises(OutputError, match="expected a folder"):
        results._replace(folder / "missing" / "summary.csv", lambda path: path.write_text(""))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, "no such file"),
        ("", "an empty file"),
        ('"cell_id","trials"\n"ab"\n', "1 values under 2 names"),
        ('"trials"\nmany\n', "trials in row 1 is many, neither a number nor a text in quotes"),
        ('"cell_id"\n"ab"\n', "no column scenario, which is a text in quotes"),
        (b"\xff\xfe", "utf-8"),
    ],
    ids=["missing", "empty", "a row too short", "no number", "a column gone", "no text"],
)
def test_a_summary_that_can_not_be_read_is_a_usage_error_that_says_how_to_mend_it(tmp_path, text, found):
    if text is not None:
        (tmp_path / "summary.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(UsageError, match=rf"found: .*{found}.*Mend it, or remove it, and `lab summary"):
        _ = Results(tmp_path).summary


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("guard", None, "guard in row 2 is nothing, and must be a text in quotes"),
        ("trials", 0, "trials in row 2 is 0, and must be a whole number of at least 1"),
        ("violations", 2.5, "violations in row 2 is 2.5, and must be a whole number"),
        ("violation_high", 1.5, "violation_high in row 2 is 1.5, and must be a number from 0 to 1"),
        ("wall_median_s", "fast", "wall_median_s in row 2 is 'fast', and must be a number of at least 0, or empty"),
        ("interesting_low", None, "interesting_low in row 2 is nothing, and must be a number from 0 to 1"),
        ("outcome_ok", -1, "outcome_ok in row 2 is -1, and must be a whole number, or empty"),
    ],
)
def test_a_summary_that_was_changed_by_hand_is_refused_with_column_and_row(folder, column, value, found):
    rows = results.write_summary(folder).summary.astype(object)
    rows.loc[1, column] = value
    summary_file.write(rows, folder / "summary.csv")
    with pytest.raises(UsageError) as caught:
        _ = Results(folder).summary
    assert f"summary.csv: expected what `lab run` wrote, found: {found}. " in str(caught.value)


def test_quantiles_that_are_no_parquet_are_a_usage_error(tmp_path):
    (tmp_path / "quantiles.parquet").write_text("no parquet")
    with pytest.raises(UsageError, match=r"quantiles\.parquet: expected what `lab run` wrote"):
        _ = Results(tmp_path).quantiles


def test_all_trials_stand_in_one_table_with_the_columns_of_their_cells(folder):
    found = Results(folder).trials
    assert list(found.columns) == [*summary.CELL_COLUMNS, *summary.TRIAL_COLUMNS, *list(found.columns)[20:]]
    assert sorted(found.columns[20:]) == ["is_open", "name", "peak", "request_delay", "rooms", "sold", "tickets"]
    assert list(found["cell_id"]) == ["000000000000000c"] * 3 + ["000000000000000d"] * 4
    assert list(found["outcome"]) == ["ok", "oversold", "hang", "ok", "ok", "ok", "ok"]
    assert found["rooms"].to_list() == [pd.NA] * 3 + [4] * 4
    assert found.loc[found["scenario"] == "ktv", "peak"].to_list() == [4, 5, 4, 4]


def test_a_folder_without_trials_has_an_empty_table_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "_read_cells", lambda folder: iter(()))
    assert list(Results(tmp_path).trials.columns) == [*summary.CELL_COLUMNS, *summary.TRIAL_COLUMNS]


def test_results_are_equal_by_their_folder_and_can_not_be_pointed_elsewhere():
    found = Results(Path("a"))
    assert found == Results(Path("a"))
    with pytest.raises(AttributeError):
        found.folder = Path("b")
