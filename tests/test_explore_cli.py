"""`lab explore` and `lab replay` as their user meets them: what is on stdout, what on stderr, and the exit code."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parent / "programs"

ENDLESS = """
import lab


class Endless(lab.Scenario):
    outcomes = {"bad": lab.violation("bad"), "ok": lab.ok("all is well")}
    stores = ("memory",)

    def setup(self, world):
        world.store.write({"count": 0})

    def section(self, world, actor):
        for _ in range(100_000):
            world.store.write({"count": actor})

    def judge(self, world, returns):
        return lab.Judgement("ok")
"""


def lasting(text):
    """The text without what differs from run to run, and from edit to edit of the scenario."""
    text = re.sub(r"\d[\d.,e-]* s, [\d,]+ executions/s", "… s, … executions/s", text)
    return re.sub(r"\.py:\d+", ".py:**", re.sub(r"-\d{8}T\d{6}Z", "-…", text))


def test_the_race_of_the_ticket_sale_is_shown_operation_by_operation(lab):
    code, out, err = lab("explore", "ticket_sale", "--guards", "none", "--processes", "2")

    assert (code, err) == (1, "")
    assert lasting(out) == (
        """\
ticket_sale, guard none on json_file, 2 processes: FOUND oversold: more tickets were sold than there were
10 executions by dpor (0 redundant), 10 classes, deepest 6 operations, … s, … executions/s

step     line               buyer 0             buyer 1
   1     ticket_sale.py:**  read {'count': 1}
   2     ticket_sale.py:**  (sleep)
   3     ticket_sale.py:**  (sleep)
   4  >  ticket_sale.py:**                      read {'count': 1}
   5     ticket_sale.py:**                      (sleep)
   6     ticket_sale.py:**                      (sleep)
   7     ticket_sale.py:**                      truncate
   8     ticket_sale.py:**                      write {'count': 0}
   9     ticket_sale.py:**  truncate
  10     ticket_sale.py:**  write {'count': 0}
> the turn was taken from an actor that could have gone on

buyer 1 wrote `count` at ticket_sale.py:** after buyer 0 had read it at ticket_sale.py:**; nothing orders the two

outcome    grade      executions  shortest schedule
oversold   violation           6  1 preemption, 6 operations
torn_read  violation           2  1 preemption, 5 operations
ok         ok                  2  0 preemptions, 6 operations
2 pairs of accesses that nothing orders, in some execution or other:
- buyer 0 wrote `count` at ticket_sale.py:** after buyer 1 had read it at ticket_sale.py:**; nothing orders the two
- buyer 1 wrote `count` at ticket_sale.py:** after buyer 0 had written it at ticket_sale.py:**; nothing orders the two
torn_read: lab replay results/explore-ticket_sale-…/1-none-torn_read.json
oversold: lab replay results/explore-ticket_sale-…/1-none-oversold.json
"""
    )


def test_a_lock_is_proved(lab):
    code, out, _ = lab("explore", "ticket_sale", "--guards", "lock", "--processes", "2")

    assert code == 0
    assert out.splitlines()[0] == (
        "ticket_sale, guard lock on json_file, 2 processes: PROVED: no schedule is a violation; "
        "all 2 classes of schedules were executed"
    )


def test_without_a_choice_the_fewest_processes_that_can_fail_are_explored_with_all_guards(lab):
    code, out, _ = lab("explore", "ticket_sale", "--json")
    verdicts = {cell["guard"]: cell["verdict"] for cell in json.loads(out)["cells"]}

    assert code == 1
    assert {cell["processes"] for cell in json.loads(out)["cells"]} == {2}
    assert {guard for guard, verdict in verdicts.items() if verdict == "found"} == {"none", "semaphore(2)"}
    assert set(verdicts.values()) == {"found", "proved"}


def test_json_has_verdict_figures_outcomes_and_schedule_of_each_cell(lab):
    _, out, _ = lab("explore", "ticket_sale", "--guards", "none", "--stores", "memory", "--json", "--out", "here")
    document = json.loads(out)
    (cell,) = document["cells"]

    assert document["verdict"] == cell["verdict"] == "found"
    assert {name: found["executions"] for name, found in cell["outcomes"].items()} == {"oversold": 2, "ok": 2}
    assert Path(cell["schedule"]).name == "1-none-oversold.json"
    assert json.loads(Path("here/exploration.json").read_text()) == document


@pytest.mark.parametrize(
    "asked",
    [
        "ticket_sale --guards 'lock,semaphore(2)' --processes 2,3 --delays 'uniform(0,2s)' --set tickets=2 --seed 4",
        "ticket_sale --guards none --strategy bounded --bound 1 --executions 7",
        "ktv --guards none --fail-on interesting",
        "buy_lock.py --expect-output 'has a' --files buy_lock.py",
    ],
)
def test_the_command_of_an_exploration_searches_the_same_again(lab, tmp_path, asked):
    shutil.copy(PROGRAMS / "buy_lock.py", tmp_path)
    commands, found = [f"lab explore {asked}"], []
    for out in ("first", "second"):
        lab(*shlex.split(commands[-1])[1:], "--out", out, "--quiet")
        record = json.loads((tmp_path / out / "exploration.json").read_text())
        commands.append(record["again"])
        same = ("scenario", "guard", "store", "processes", "fields", "engine", "strategy", "verdict", "outcomes")
        found.append(
            [[sorted(cell[name]) if name == "outcomes" else cell[name] for name in same] for cell in record["cells"]]
        )

    assert commands == [commands[0]] * 3
    assert found[0] == found[1]


def test_an_exploration_records_the_machine_as_a_run_does(lab, tmp_path, no_pictures):
    lab("explore", "ticket_sale", "--guards", "lock", "--out", "explored")
    lab("run", "ticket_sale", "--guards", "lock", "--engine", "simulated", "-n", "1", "--out", "run")
    explored, run = (json.loads((tmp_path / one / "environment.json").read_text()) for one in ("explored", "run"))

    assert explored == run | {"load_before": explored["load_before"]}
    assert explored["cores"] == os.cpu_count()


def test_a_budget_that_is_spent_is_unknown(lab):
    code, out, _ = lab("explore", "ticket_sale", "--guards", "lock", "--processes", "3", "--executions", "2")

    assert code == 4
    assert "UNKNOWN: the budget of 2 executions is spent" in out


def test_a_proof_that_could_not_have_failed_is_vacuous(lab):
    code, out, _ = lab("explore", "check_ticket", "--guards", "lock")

    assert code == 0
    assert "note: vacuous" in out


def test_an_interesting_outcome_fails_on_request(lab):
    command = ("explore", "print_lines", "--guards", "none")

    assert lab(*command)[0] == 0
    assert lab(*command, "--fail-on", "interesting", "--out", "again")[0] == 1


def test_a_deadlock_says_who_waits_for_what(lab):
    code, out, _ = lab("explore", "stuck_light")

    assert code == 1
    assert "car 0 waits for event 'go' (stuck_light.py:**), which nobody is left to set" in lasting(out)


def test_the_last_line_of_a_failure_replays_it(lab):
    _, out, _ = lab("explore", "ticket_sale", "--guards", "none")
    outcome, _, command = out.splitlines()[-1].partition(": lab ")
    code, replayed, _ = lab(*command.split())

    assert (code, outcome) == (1, "oversold")
    assert replayed.splitlines()[0].endswith("again oversold: more tickets were sold than there were")
    assert "read {'count': 1}" in replayed


def test_a_replay_that_departs_is_unknown_and_says_where(lab):
    lab("explore", "ticket_sale", "--guards", "none", "--out", "here")
    path = Path("here/1-none-oversold.json")
    path.write_text(path.read_text().replace('"none"', '"lock"'))
    code, out, _ = lab("replay", str(path))

    assert code == 4
    assert "departs from the schedule at operation 1 should be: actor 0, read store" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("explore", "tickets_ale"), "unknown scenario 'tickets_ale'"),
        (("explore", "ticket_sale", "--strategy", "dfs"), "unknown strategy 'dfs'"),
        (("explore", "ticket_sale", "--bound", "2"), "expected with strategy bounded alone"),
        (("explore", "ticket_sale", "--executions", "0"), "executions 0: expected at least 1"),
        (("explore", "ticket_sale", "--seconds", "-1"), "seconds -1: expected more than 0"),
        (("explore", "ticket_sale", "--jobs", "0"), "jobs 0: expected 1 to 256"),
        (("explore", "ticket_sale", "--jobs", "2", "--strategy", "pct"), "only strategy dpor works on several cores"),
        (("explore", "ticket_sale", "--guards", "lokc"), "unknown guard 'lokc'"),
        (("explore", "ticket_sale", "--processes", "0"), "processes 0: expected a whole number"),
        (("explore", "ticket_sale", "--fail-on", "ok"), "unknown grade to fail on 'ok'"),
        (("replay", "nowhere.json"), "can't read nowhere.json"),
        (("replay", "x.json", "--engine", "real"), "engine 'real': expected simulated"),
    ],
)
def test_nonsense_gets_one_message_and_exit_2(lab, arguments, said):
    code, out, err = lab(*arguments)

    assert (code, out) == (2, "")
    assert said in err
    assert len(err.splitlines()) == 1


def test_an_existing_folder_is_not_overwritten(lab, tmp_path):
    (tmp_path / "here").mkdir()
    code, _, err = lab("explore", "ticket_sale", "--out", "here")

    assert code == 3
    assert "nothing is overwritten" in err


def test_ctrl_c_shows_and_keeps_what_was_found(tmp_path):
    (tmp_path / "endless.py").write_text(ENDLESS)
    command = [sys.executable, "-m", "lab", "explore", "ticket_sale", "--guards", "none", "--processes", "6"]
    started = subprocess.Popen(
        [*command, "--out", "kept"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    )
    while not (tmp_path / "kept").exists():
        time.sleep(0.05)
    time.sleep(2)
    os.kill(started.pid, signal.SIGINT)
    out, err = started.communicate(timeout=30)

    assert started.returncode == 130
    assert "Traceback" not in err
    assert "the search was not finished: interrupted" in out
    assert list((tmp_path / "kept").glob("1-none-*.json"))
