from types import SimpleNamespace

import pytest

from lab import archive
from lab.archive import Archive
from lab.engines.real.engine import RealEngine, RealSession
from lab.errors import OutputError
from lab.experiments import runner
from lab.experiments.grid import Experiment, Grid, plans
from lab.experiments.lanes import CHECKED, drift, planned_lanes
from lab.experiments.runner import FEWEST_CREWS, Progress, measure
from lab.trial import Trial

SALE = {"scenario": "ticket_sale", "stores": ["memory"], "processes": [2], "delays": ["0"]}


def measured(folder, experiment, progress=None):
    if not folder.exists():
        archive.create(folder, experiment, {})
    with Archive(folder) as opened:
        measure(experiment, opened, progress or Progress())
    return list(archive.read_cells(folder))


class Log(Progress):
    def __init__(self):
        self.entered, self.warned = [], []

    def enters(self, cell, lanes):
        self.entered.append((str(cell.guard), lanes))

    def warns(self, text):
        self.warned.append(text)


def test_cells_take_turns_block_by_block(tmp_path):
    log = Log()
    grid = Grid(**SALE, guards=["none", "lock"])
    cells = measured(tmp_path / "x", Experiment(name="x", grids=[grid], trials=30), log)

    assert log.entered == [("none", 1), ("lock", 1)] * 3
    assert [frame.groupby("block")["trial"].agg(["min", "max"]).to_numpy().tolist() for _, frame in cells] == [
        [[0, 9], [10, 19], [20, 29]]
    ] * 2


def test_a_cell_stops_when_its_interval_is_narrow_enough(tmp_path):
    grid = Grid(**SALE, guards=["lock"])
    experiment = Experiment(name="x", grids=[grid], trials=100_000, until_width=0.02)
    ((_, frame),) = measured(tmp_path / "x", experiment)

    # Ten crews of a hundred trials: after 500 the interval would have been narrow enough, if they were known to agree.
    assert (len(frame), frame["block"].nunique()) == (1000, FEWEST_CREWS)
    ((_, again),) = measured(tmp_path / "x", experiment)
    assert len(again) == 1000


@pytest.mark.parametrize(
    ("crews", "is_narrow"),
    [
        ([(0, 100)] * 9, False),
        ([(0, 100)] * 10, True),
        ([(2, 100), (4, 100)] * 10, True),
        ([(0, 100)] * 18 + [(30, 100)] * 2, False),
    ],
    ids=["too few crews", "enough crews", "crews that agree", "crews that differ"],
)
def test_crews_that_differ_must_be_more_before_a_cell_stops(crews, is_narrow):
    assert runner._is_narrow(crews, 0.05) is is_narrow


def test_after_an_interruption_the_crews_measured_before_count(tmp_path):
    grid = Grid(**SALE, guards=["none"], trials=40)
    experiment = Experiment(name="x", grids=[grid], until_width=0.5)
    measured(tmp_path / "x", experiment)

    [counts] = archive.crews(tmp_path / "x").values()

    assert {crew: trials for crew, (_, trials) in counts.items()} == {(block, 0): 10 for block in range(4)}


def test_a_cell_whose_lanes_drift_has_fewer_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "drift", lambda alone, side_by_side: "wall time 9.00 times that of one lane")
    log = Log()
    grid = Grid(**{**SALE, "delays": ["5ms"]}, guards=["none"], trials=60)
    ((_, frame),) = measured(tmp_path / "x", Experiment(name="x", grids=[grid]), log)

    assert set(frame["lane"]) == {0}
    assert len(frame) == 60
    assert "would falsify it (wall time 9.00 times that of one lane), so it has 1" in log.warned[0]


def test_a_cell_whose_lanes_do_not_drift_keeps_them(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "drift", lambda alone, side_by_side: "")
    log = Log()
    grid = Grid(**{**SALE, "delays": ["5ms"]}, guards=["none"], trials=60)
    ((_, frame),) = measured(tmp_path / "x", Experiment(name="x", grids=[grid]), log)

    assert len(set(frame["lane"])) > 1
    assert frame["trial"].tolist() == list(range(60))
    assert log.warned == []


def test_crews_that_were_seen_to_agree_go_on_with_the_first_block(tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "drift", lambda alone, side_by_side: "it drifts" if len(opened) == 2 else "")
    opened, closed, open_session, close = [], [], RealEngine.open, RealSession.close

    def counted(engine, cell, lanes, timeout_s):
        opened.append(lanes)
        return open_session(engine, cell, lanes, timeout_s)

    monkeypatch.setattr(RealEngine, "open", counted)
    monkeypatch.setattr(RealSession, "close", lambda session: (closed.append(session), close(session)))
    grid = Grid(**{**SALE, "delays": ["10ms"]}, guards=["none"], trials=80)
    ((_, frame),) = measured(tmp_path / "x", Experiment(name="x", grids=[grid]))

    alone, drifting, agreeing, *others = opened
    assert (alone, agreeing) == (1, drifting // 2)
    assert others == [agreeing] * 3, "one for each block but the first"
    assert len(set(closed)) == len(opened)
    assert frame["trial"].tolist() == list(range(80))


def trials(walls, violations=0):
    return [Trial(i, 0, 0, "", "", i < violations, wall, None, None, {}) for i, wall in enumerate(walls)]


def test_the_check_compares_the_same_trials():
    alone = trials([0.010, 0.030, 0.020])
    assert drift(alone, list(reversed(alone))) == ""
    assert drift(alone, trials([0.011, 0.033, 0.022])) == "wall time 1.10 times that of one lane"
    assert drift(alone, trials([0.009, 0.027, 0.018])) == "wall time 0.90 times that of one lane"


def test_the_check_sees_outcomes_that_change():
    alone, other = trials([0.01] * CHECKED, 0), trials([0.01] * CHECKED, 6)
    assert drift(alone, other) == f"6 of {CHECKED} trials ended otherwise than on one lane"
    assert drift(alone, trials([0.01] * CHECKED, 5)) == ""


def test_trials_that_hang_say_nothing_about_drift():
    assert drift(trials([None, None]), trials([None, 0.5])) == ""


@pytest.mark.parametrize(
    ("delay", "processes", "alignment", "lanes"),
    [("0", 5, "natural", 1), ("10ms", 2, "natural", 16), ("1s", 100, "natural", 2), ("10ms", 2, "aligned", 1)],
)
def test_lanes_follow_from_delay_and_cores(monkeypatch, delay, processes, alignment, lanes):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    grid = Grid(**{**SALE, "delays": [delay], "processes": [processes]}, guards=["none"])
    (plan,) = plans(Experiment(name="x", grids=[grid], alignment=alignment))

    assert planned_lanes(plan.cell, 1000) == lanes


FULL = Trial(0, 0, 0, "raised", "OSError: [Errno 28] No space left on device (actor 1)", True, None, None, None, {})


@pytest.mark.parametrize(
    ("trial", "free", "is_blamed"),
    [
        (FULL, 4096, True),
        (FULL._replace(detail="OperationalError: database or disk is full (in setup)"), 0, True),
        (FULL, 1 << 30, False),
        (FULL._replace(detail="ValueError: OSError: [Errno 28] (actor 0)"), 0, False),
        (FULL._replace(outcome="ok", detail=""), 0, False),
    ],
    ids=["a file", "a database", "a full disk elsewhere", "another error", "no error"],
)
def test_a_trial_that_ends_for_want_of_room_for_the_store_is_no_outcome(monkeypatch, tmp_path, trial, free, is_blamed):
    monkeypatch.setattr(runner, "disk_usage", lambda place: SimpleNamespace(free=free))
    if is_blamed:
        with pytest.raises(OutputError, match=f"no room for the store's files in {tmp_path}: trial 0 ended with "):
            runner._check_room(trial, tmp_path)
    else:
        runner._check_room(trial, tmp_path)


def test_where_the_disk_is_full_the_rows_before_are_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(runner, "disk_usage", lambda place: SimpleNamespace(free=0))
    (tmp_path / "full.py").write_text(FULL_FROM_THE_SEVENTH)
    experiment = Experiment(name="x", grids=[Grid(scenario=f"{tmp_path}/full.py:Full", processes=[1], trials=10)])

    with pytest.raises(OutputError, match="trial 7 ended with OSError"):
        measured(tmp_path / "x", experiment)

    assert list(archive.done(tmp_path / "x").values()) == [set(range(7))]


FULL_FROM_THE_SEVENTH = """
import errno, os
import lab


class Full(lab.Scenario):
    outcomes = {"ok": lab.ok("fine")}
    stores = ("memory",)

    def setup(self, world):
        world.store.write({"trial": world.store.read().get("trial", -1) + 1})

    def section(self, world, actor):
        if world.store.read()["trial"] >= 7:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def judge(self, world, returns):
        return lab.Judgement("ok")
"""
