"""A schedule is found, saved and replayed, as often as one likes; what is none is refused in one sentence."""

from dataclasses import replace

import pytest

from lab.errors import OutputError, UsageError
from lab.exploring import explore
from lab.replaying import replay
from lab.schedule import Choice, Schedule, load, save

SALE = Schedule(
    scenario="ticket_sale",
    guard="none",
    store="atomic_json_file",
    processes=2,
    set={"tickets": 1, "read_delay": "0"},
    seed=1,
    is_timed=False,
    outcome="oversold",
    choices=(
        Choice(0, "read store"),
        Choice(1, "read store"),
        Choice(1, "replace store"),
        Choice(0, "replace store"),
    ),
)


def test_a_schedule_is_read_as_it_was_saved(tmp_path):
    save(SALE, tmp_path / "new folder" / "oversold.json")

    assert load(tmp_path / "new folder" / "oversold.json") == SALE


def test_a_saved_schedule_is_a_line_an_operation(tmp_path):
    save(SALE, tmp_path / "oversold.json")

    text = (tmp_path / "oversold.json").read_text()
    assert '  [0, "read store"],\n  [1, "read store"],\n  [1, "replace store"],\n  [0, "replace store"]\n' in text


def test_a_schedule_of_nothing_is_saved_as_well(tmp_path):
    hang = replace(SALE, choices=())
    save(hang, tmp_path / "hang.json")

    assert load(tmp_path / "hang.json") == hang


def test_where_nothing_can_be_written_one_is_told(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(OutputError, match=r"can't write .* Try --out with another folder"):
        save(SALE, tmp_path / "file" / "oversold.json")


GOOD = (
    '{"format": 1, "scenario": "ticket_sale", "guard": "none", "store": null, "processes": 2, "set": {}, "seed": 1, '
    '"is_timed": false, "outcome": "ok", "choices": [[0, "read store"]]}'
)
NONSENSE = {
    b"": "expected a schedule in JSON, found no JSON",
    b"\xff\x00": "expected a schedule in JSON, found no JSON",
    b"[" * 100_000: "expected a schedule in JSON, found no JSON",
    b"[]": "expected a schedule of format 1, found 'list'",
    b"{}": "expected a schedule of format 1, found None",
    b'{"format": 2}': "expected a schedule of format 1, found 2. Explore anew with this lab.",
    b'{"format": 1}': "scenario: expected a text, found None",
    GOOD.replace('"processes": 2', '"processes": "2"').encode(): "processes: expected a whole number, found '2'",
    GOOD.replace('"processes": 2', '"processes": true').encode(): "processes: expected a whole number, found True",
    GOOD.replace('"store": null', '"store": 1').encode(): "store: expected a text or null, found 1",
    GOOD.replace('"set": {}', '"set": []').encode(): r"set: expected an object, found \[\]",
    GOOD.replace('"is_timed": false', '"is_timed": 0').encode(): "is_timed: expected true or false, found 0",
    GOOD.replace('[[0, "read store"]]', "null").encode(): "choices: expected a list, found None",
    GOOD.replace('[[0, "read store"]]', '[[0, "x"], 7]').encode(): "choice 2: expected .actor, .* found 7",
    GOOD.replace('[0, "read store"]', "[0, 1]").encode(): r"choice 1: expected .* found \[0, 1\]",
    GOOD.replace('[0, "read store"]', '[true, "x"]').encode(): r"choice 1: expected .* found \[True, 'x'\]",
}


def test_the_good_file_that_nonsense_is_made_of_is_good(tmp_path):
    (tmp_path / "good.json").write_text(GOOD)

    assert load(tmp_path / "good.json").choices == (Choice(0, "read store"),)


@pytest.mark.parametrize("content", NONSENSE, ids=lambda content: repr(content[:20]))
def test_what_is_no_schedule_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "schedule.json"
    path.write_bytes(content)

    with pytest.raises(UsageError, match=NONSENSE[content]) as refused:
        load(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_a_file_that_can_not_be_read_is_a_users_error(tmp_path, name):
    with pytest.raises(UsageError, match=r"can't read .* Expected a schedule that `lab explore` saved"):
        replay(tmp_path / name)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scenario": "ticket_sail"}, "ticket_sail"),
        ({"guard": "look"}, "look"),
        ({"store": "cloud"}, "cloud"),
        ({"store": None}, "needs a store"),
        ({"processes": 0}, "processes 0: expected a whole number"),
        ({"set": {"price": 1}}, "price"),
        ({"set": {"tickets": [1]}}, "tickets"),
    ],
    ids=str,
)
def test_a_schedule_of_what_is_not_there_is_a_users_error(changed, message):
    with pytest.raises(UsageError, match=message):
        replay(replace(SALE, **changed))


# Found, saved and replayed -------------------------------------------------------------------------------------------

SCENARIOS = [
    (
        "ticket_sale",
        {"guards": ["none", "semaphore(2)"], "stores": ["json_file", "atomic_json_file", "memory", "sqlite"]},
    ),
    ("ticket_sale", {"guards": ["none"], "stores": ["memory"], "processes": [3]}),
    ("check_ticket", {"guards": ["none"], "processes": [2], "set": {"writers": 1}}),
    ("ktv", {"guards": ["none"], "processes": [2], "set": {"rooms": 1}}),
    ("print_lines", {"guards": ["none"], "processes": [2]}),
    ("traffic_light", {"processes": [2]}),
    ("stuck_light", {"processes": [2]}),
]


@pytest.mark.parametrize(("scenario", "what"), SCENARIOS, ids=str)
def test_every_outcome_replays_from_its_file_every_time(tmp_path, often, scenario, what):
    exploration = explore(scenario, out=tmp_path / "out", **what)

    for finding in (finding for cell in exploration.cells for finding in cell.findings if finding.grade != "ok"):
        replayed = [replay(finding.file) for _ in range(often(10, 100))]
        assert {one.departed for one in replayed} == {""}
        assert {one.execution.trial.outcome for one in replayed} == {finding.outcome}
        assert len({repr(one.execution.events) for one in replayed}) == 1


def test_of_a_scenario_that_has_changed_a_replay_says_where_it_departs():
    assert replay(SALE).departed == ""
    assert replay(replace(SALE, guard="lock")).departed == (
        "operation 1 should be: actor 0, read store; what can be done is: "
        "actor 0, acquire lock 'guard'; actor 1, acquire lock 'guard'"
    )
    assert replay(replace(SALE, processes=1)).departed == (
        "operation 2 should be: actor 1, read store; what can be done is: actor 0, replace store"
    )
    assert replay(replace(SALE, processes=3)).departed == (
        "the schedule ends after operation 4, and there is more to do: actor 2, read store"
    )
    assert replay(replace(SALE, store="json_file")).departed == (
        "operation 3 should be: actor 1, replace store; what can be done is: "
        "actor 0, truncate store; actor 1, truncate store"
    )
