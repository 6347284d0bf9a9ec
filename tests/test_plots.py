"""The pictures, on summaries such as the experiments write."""

import math
import subprocess
import sys
from functools import cache
from itertools import combinations
from xml.etree import ElementTree as ET

import pandas as pd
import pytest
from conftest import thorough
from matplotlib.transforms import Bbox
from synthetic_summaries import ALL_GUARDS, EXPERIMENTS, GRADES, INTERESTING, cell, exact_interval, frames

from lab import plots
from lab.errors import OutputError
from lab.plots.outcome_bars import grade_of
from lab.plots.safety import unbeaten
from lab.plots.scales import log_limits, log_ticks, spaced
from lab.plots.style import guard_style, percent_interval

NASTY = "a_$very$_long <b>name</b> & \\frac{1}{2} --> with letters enough for two lines of a title"


@cache
def drawn(experiment):
    return plots.pictures(*EXPERIMENTS[experiment](), GRADES)


def sale(guard, rate=0.0, **more):
    given = {"shares": {"oversold": rate}, "wall_s": 0.01, "delay": "1ms", **more}
    return cell("ticket_sale", guard, "json_file", given.pop("processes", 2), **given)


def marks(axes):
    return [line for line in axes.lines if line.get_linestyle() == "None"]


def caption(figure):
    return figure.texts[-1].get_text().replace("\n", " ")


def texts(figure):
    found = list(figure.texts)
    for legend in figure.legends:
        found += legend.get_texts()
    for axes in figure.axes:
        found += [axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label, *axes.texts]
        found += [*axes.get_xticklabels(), *axes.get_yticklabels()]
    return [text for text in found if text.get_text() and text.get_visible()]


def clashes(figure):
    """Texts that overlap another, and texts that leave the figure."""
    figure.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(figure)]
    over = [(one, other) for (one, a), (other, b) in combinations(boxes, 2) if a.padded(-1).overlaps(b.padded(-1))]
    frame = figure.bbox.padded(1)
    return over, [text for text, box in boxes if Bbox.union([box, frame]).bounds != frame.bounds]


def all_clashes(figures):
    found = {name: clashes(figure) for name, figure in figures.items()}
    return {name: clash for name, clash in found.items() if clash != ([], [])}


@pytest.mark.parametrize("experiment", ["tutorial", *thorough(*(one for one in EXPERIMENTS if one != "tutorial"))])
def test_no_two_texts_overlap_and_none_leaves_the_figure(experiment):
    assert all_clashes(drawn(experiment)) == {}


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_named_axis_has_its_unit(experiment):
    labels = {
        label
        for figure in drawn(experiment).values()
        for axes in figure.axes
        for label in (axes.get_xlabel(), axes.get_ylabel())
        if label
    }

    assert labels
    assert all(label.endswith(")") for label in labels)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_caption_has_n_and_the_kind_of_interval(experiment):
    for name, figure in drawn(experiment).items():
        assert "n = " in caption(figure), name
        assert any(kind in caption(figure) for kind in ("exact", "cluster", "order statistics", "resampling")), name


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_no_panel_is_empty(experiment):
    assert all(axes.lines or axes.patches for figure in drawn(experiment).values() for axes in figure.axes)


def test_each_experiment_has_the_pictures_that_it_can_fill():
    always = ["safety_vs_speed", "outcomes", "wall_time"]

    assert list(drawn("tutorial")) == [*always, "slowdown"]
    assert list(drawn("ticket_sale")) == ["oversell_over_delay", *always, "throughput_over_processes", "slowdown"]
    assert list(drawn("guards")) == [*always, "slowdown"]
    assert list(drawn("messages")) == [*always, "throughput_over_processes"]


def test_a_count_of_zero_is_an_open_mark_at_its_upper_bound():
    summary, _ = frames([sale("lock", delay=delay, trials=20) for delay in ("0", "1ms")])

    (axes,) = plots.oversell_over_delay(summary).axes

    assert [mark.get_markerfacecolor() for mark in marks(axes)] == ["white", "white"]
    assert [mark.get_ydata()[0] for mark in marks(axes)] == [exact_interval(0, 20)[1]] * 2


def test_a_count_above_zero_is_a_full_mark_at_its_rate():
    summary, _ = frames([sale("none", 0.3, delay=delay) for delay in ("0", "1ms")])

    (axes,) = plots.oversell_over_delay(summary).axes

    assert [mark.get_ydata()[0] for mark in marks(axes)] == [0.3, 0.3]
    assert {mark.get_markerfacecolor() for mark in marks(axes)} == {guard_style("none").colour}


def test_delays_stand_in_the_order_of_their_means_in_one_unit():
    summary, _ = frames([sale("none", 0.3, delay=delay) for delay in ("10ms", "uniform(0,1ms)", "0")])

    (axes,) = plots.oversell_over_delay(summary).axes

    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "0.5", "10"]
    assert axes.get_xlabel() == "mean delay (ms)"


def test_delays_of_one_mean_are_told_apart_by_their_text():
    summary, _ = frames([sale("none", 0.3, delay=delay) for delay in ("1ms", "exp(1ms)")])

    (axes,) = plots.oversell_over_delay(summary).axes

    assert [label.get_text() for label in axes.get_xticklabels()] == ["1ms", "exp(1ms)"]


def test_one_delay_makes_no_picture_over_delays():
    assert plots.oversell_over_delay(frames([sale("none", 0.3), sale("lock")])[0]) is None


def test_the_unbeaten_are_those_that_no_other_beats():
    slow_safe, fast_wrong, between, beaten, twin = (1, 0.0), (9, 0.8), (4, 0.4), (3, 0.5), (4, 0.4)

    assert unbeaten([fast_wrong, beaten, slow_safe, between, twin]) == [2, 3, 4, 0]
    assert unbeaten([(1, 0.2), (1, 0.1)]) == [1]
    assert unbeaten([]) == []


def test_throughput_has_the_interval_of_the_median_wall_time():
    summary, _ = frames([sale("none", 0.3, wall_s=0.1)])

    (axes,) = plots.safety_vs_speed(summary).axes

    widest = max(axes.lines, key=lambda line: max(line.get_xdata()) - min(line.get_xdata()))
    assert list(widest.get_xdata()) == pytest.approx([2 / 0.104, 2 / 0.097])


def test_safety_against_speed_names_every_guard_in_its_panel():
    for axes in drawn("guards")["safety_vs_speed"].axes:
        assert {text.get_text() for text in axes.texts} == set(ALL_GUARDS)


def test_aligned_and_natural_never_share_an_axes():
    cells = [
        sale(guard, 0.3, delay=delay, processes=n, alignment=alignment, slow=2)
        for alignment in ("natural", "aligned")
        for guard in ("none", "lock")
        for delay in ("0", "1ms")
        for n in (2, 3, 4)
    ]

    figures = plots.pictures(*frames(cells))

    assert len(figures) == 6
    for figure in figures.values():
        titles = [axes.get_title(loc="left") for axes in figure.axes]
        assert all(("natural" in title) != ("aligned" in title) for title in titles)


def test_one_alignment_stands_under_the_title():
    assert "natural start" in drawn("guards")["outcomes"].texts[1].get_text()


def test_a_field_that_differs_splits_panels():
    summary, _ = frames([sale("none", 0.3, tickets=tickets) for tickets in (1, 3)])

    titles = [axes.get_title(loc="left").replace("\xa0", " ") for axes in plots.outcomes(summary).axes]

    assert titles == ["tickets=1", "tickets=3"]


def test_slowdown_says_that_it_is_against_an_incorrect_run():
    assert "unguarded, incorrect run" in caption(drawn("guards")["slowdown"])


def test_a_slowdown_without_an_interval_is_left_out_and_counted():
    bare = sale("rlock", slow=2) | {"slowdown_low": math.nan, "slowdown_high": math.nan}

    figure = plots.slowdown(frames([sale("none", 0.3), sale("lock", slow=2), bare])[0])

    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["lock"]
    assert "Left out: 1 cell without an interval." in caption(figure)


def test_gaps_of_nullable_columns_are_gaps():
    summary, quantiles = frames([sale("none", 0.3), cell("ktv", "none", None, 2, shares={}, wall_s=0.1, delay=None)])

    figures = plots.pictures(summary.convert_dtypes(), quantiles)

    assert list(figures) == list(plots.pictures(summary, quantiles))


def test_a_scenario_that_always_hangs_has_outcomes_only():
    figures = plots.pictures(*frames([cell("stuck_light", "event", None, 2, shares={"hang": 1}, wall_s=math.nan)]))

    assert list(figures) == ["outcomes"]


def test_trials_that_did_not_finish_are_counted_in_the_caption():
    assert "Left out: 2 cells without a wall time and 4 trials" in caption(drawn("tutorial")["wall_time"])


def test_virtual_time_of_zero_is_left_out():
    assert list(plots.pictures(*frames([sale("none", wall_s=0.0, slow=math.nan)]))) == ["outcomes"]


def test_an_outcome_nobody_declared_is_a_violation():
    assert grade_of("mine", "ok") == "ok"
    assert grade_of("mine", "odd") == "violation"
    assert grade_of("mine", "odd", {("mine", "odd"): "interesting"}) == "interesting"
    assert grade_of("mine", "hang", {("mine", "hang"): "ok"}) == "violation"


def test_outcomes_fill_each_bar_and_the_legend_tells_their_grades():
    figure = drawn("tutorial")["outcomes"]
    (legend,) = figure.legends
    labels = [text.get_text() for text in legend.get_texts()]

    assert labels[-1] == "ok"
    assert all(f"{name} (interesting)" in labels for _, name in INTERESTING)
    for axes in figure.axes:
        widths = pd.Series([bar.get_width() for bar in axes.patches])
        rows = pd.Series([round(bar.get_y(), 2) for bar in axes.patches])
        assert widths.groupby(rows).sum().tolist() == pytest.approx([1.0] * rows.nunique())


def beside_bars(*cells):
    (axes,) = plots.outcomes(frames(cells)[0]).axes
    return [text.get_text() for text in axes.texts]


def test_beside_a_bar_stands_the_interval_of_what_it_begins_with():
    surprise = {"interesting_rate": 0.1, "interesting_low": 0.08, "interesting_high": 0.121}
    nothing = {"interesting_rate": 0.0, "interesting_low": 0.0, "interesting_high": 0.0037}

    assert beside_bars(sale("none", 0.5, **surprise), sale("event", **surprise), sale("lock", **nothing)) == [
        "violation 46.8 to 53.2 %",
        "interesting 8.0 to 12.1 %",
        "violation at most 0.37 %",
    ]


def test_the_bars_of_a_summary_without_rates_of_surprises_have_the_interval_of_their_violations():
    assert beside_bars(sale("none", 0.5), sale("lock")) == ["violation 46.8 to 53.2 %", "violation at most 0.37 %"]


def test_a_parameter_that_differs_is_named_even_where_the_delay_tells_the_panels_apart():
    summary, _ = frames([sale("none", 0.3, delay=delay, tickets=tickets) for delay, tickets in (("0", 3), ("1ms", 1))])

    titles = [axes.get_title(loc="left").replace("\xa0", " ") for axes in plots.outcomes(summary).axes]

    assert titles == ["delay 0, tickets=3", "delay 1ms, tickets=1"]


def test_no_two_outcomes_look_alike():
    (legend,) = drawn("tutorial")["outcomes"].legends

    looks = [(patch.get_facecolor(), patch.get_hatch()) for patch in legend.get_patches()]

    assert len(set(looks)) == len(looks)


def test_no_two_guards_look_alike():
    guards = [*ALL_GUARDS, "semaphore(4)", "bounded_semaphore(2)", "pool(4)", "event"]

    styles = [(guard_style(guard).marker, guard_style(guard).line) for guard in guards]

    assert len(set(styles)) == len(guards)


def test_the_store_of_a_line_is_told_by_its_fill_and_its_name():
    (legend,) = drawn("messages")["throughput_over_processes"].legends

    fills = [line.get_fillstyle() for line in legend.get_lines()]

    assert [text.get_text() for text in legend.get_texts()] == [
        "json_file + lock",
        "memory + lock",
        "memory + queue",
        "memory + pipe",
    ]
    assert fills == ["full", "none", "none", "none"]


def test_the_same_input_gives_the_same_bytes(tmp_path):
    one, other = (plots.plot(*frames([sale("none", 0.3)]), tmp_path / name) for name in ("one", "other"))

    assert [path.name for path in one] == [path.name for path in other]
    assert {path.suffix for path in one} == {".svg", ".png"}
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(one, other, strict=True))


def test_names_with_markup_are_written_as_they_are(tmp_path):
    cells = [cell(NASTY + end, NASTY, "$store$", 2, shares={"$odd$_<x>": 0.3}, wall_s=0.01) for end in "12"]

    figures = plots.pictures(*frames(cells))
    figures["outcomes"].savefig(tmp_path / "outcomes.svg")

    assert all_clashes(figures) == {}
    ET.parse(tmp_path / "outcomes.svg")
    assert "$odd$_<x> (violation)" in [text.get_text() for text in figures["outcomes"].legends[0].get_texts()]


def test_a_summary_reads_the_same_from_its_file(tmp_path):
    summary, quantiles = frames([sale("none", 0.3, delay="0"), sale("lock", delay="0", slow=2)])
    summary.to_csv(tmp_path / "summary.csv", index=False)

    again = plots.pictures(pd.read_csv(tmp_path / "summary.csv"), quantiles)

    assert {name: [text.get_text() for text in texts(figure)] for name, figure in again.items()} == {
        name: [text.get_text() for text in texts(figure)] for name, figure in plots.pictures(summary, quantiles).items()
    }


def test_no_cells_make_no_pictures(tmp_path):
    summary, quantiles = frames([sale("none")])

    assert plots.plot(summary.iloc[:0], quantiles.iloc[:0], tmp_path / "plots") == []


def test_a_folder_that_cannot_be_made_is_an_output_error(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(OutputError, match="can't write pictures"):
        plots.plot(*frames([sale("none")]), tmp_path / "file" / "plots")


def test_intervals_are_rounded_outward_and_never_to_all_or_none():
    assert percent_interval(0.12345, 0.2) == "12.3 to 20.0 %"
    assert percent_interval(0, 0.00301) == "at most 0.31 %"
    assert percent_interval(0.99691, 1) == "at least 99.69 %"
    assert percent_interval(0.9944, 0.999975) == "99.44 to 99.9975 %"


def test_a_logarithmic_axis_has_few_round_ticks_outside_its_values():
    assert log_limits([0.0121, 0.9]) == (0.01, 1.0)
    assert log_ticks(0.01, 1.0) == [0.01, 0.03, 0.1, 0.3, 1.0]
    assert log_ticks(1e-9, 1e9, most=5) == [1e-9, 1e-5, 0.1, 1e3, 1e7]


def test_places_too_near_to_each_other_are_thinned_out_from_the_first_to_the_last():
    assert spaced([0, 1, 2, 3, 4], 2) == [0, 2, 4]
    assert spaced([0, 1], 5) == [0, 1]
    assert spaced([0], 5) == [0]


def test_importing_the_pictures_loads_no_matplotlib():
    code = "import sys, lab.plots; sys.exit('matplotlib' in sys.modules or 'pandas' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
