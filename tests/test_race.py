"""`lab race`: scripts as they stand, on processes that nobody controls, and what their runs are called."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from itertools import accumulate
from pathlib import Path

import pytest
from conftest import eventually, make_cell, outcomes, thorough

from lab.engines import scratch
from lab.engines.controlled.free_runs import Left
from lab.racing import difference, endings, race
from lab.script import Script
from lab.script_run import ScriptRun, keep_failures, started

PROGRAMS = Path(__file__).parent / "programs"

SALE = """
import json, time
from multiprocessing import Lock, Process

def buy(lock):
    {begin}
    with open("count.json") as file:
        count = json.load(file)
    time.sleep(0.1)  # so long that the other has read, too, before this one writes, on a loaded machine as well
    if count:
        with open("count.json", "w") as file:
            json.dump(count - 1, file)
        print("sold")
    {end}

if __name__ == "__main__":
    with open("count.json", "w") as file:
        json.dump(1, file)
    lock = Lock()
    both = [Process(target=buy, args=(lock,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
"""
LINES = {"buy.py": ("pass", "pass"), "buy_lock.py": ("lock.acquire()", "lock.release()")}


def written(folder, name, text):
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return str(path)


@pytest.fixture(scope="module")
def sales(tmp_path_factory):
    """The sale without and with its lock."""
    home = tmp_path_factory.mktemp("sales")
    return [written(home, name, SALE.format(begin=begin, end=end)) for name, (begin, end) in LINES.items()]


@pytest.fixture(scope="module")
def raced_sales(sales, tmp_path_factory, no_pictures):
    """What twenty runs of each came to."""
    return race(*sales, trials=20, out=tmp_path_factory.mktemp("raced") / "results")


@pytest.fixture
def raced(tmp_path, run):
    """Runs a script of this text a few times, and gives how often each outcome was seen."""

    def raced(text, trials=2, timeout_s=None, **fields):
        script = written(tmp_path, "script.py", text)
        return outcomes(run(make_cell(ScriptRun, processes=1, script=script, **fields), trials, 1, timeout_s))

    return raced


# What a run is called -----------------------------------------------------------------------------------------------


def test_a_sale_without_a_lock_ends_as_no_serial_order_does_and_one_with_a_lock_never(sales, raced_sales):
    rows = raced_sales.summary.set_index("script")
    assert [rows.loc[script, "violations"] for script in sales] == [20, 0]
    assert rows.loc[sales[0], "outcome_unserial"] == 20
    assert rows.loc[sales[1], "outcome_serial"] == 20
    assert [ending.runs for ending in endings(raced_sales, sales[0])] == [20]


TASKS = """
import fcntl, time
from {module} import {kind}

def add(number):
    with open("lock", "w") as lock:
        {begin}
        with open("count.txt") as file:
            count = int(file.read())
        time.sleep(0.2)
        with open("count.txt", "w") as file:
            file.write(f"{{count + 1}}")

if __name__ == "__main__":
    with open("count.txt", "w") as file:
        file.write("0")
    with {kind}(2) as pool:
        list(pool.map(add, range(2)))
"""


@pytest.mark.parametrize(("lines", "outcome"), [("buy.py", "unserial"), ("buy_lock.py", "serial")])
def test_threads_are_compared_with_threads_one_after_another(raced, lines, outcome):
    begin, end = LINES[lines]
    text = SALE.format(begin=begin, end=end).replace(
        "multiprocessing import Lock, Process", "threading import Lock, Thread"
    )

    assert raced(text.replace("Process(", "Thread(")) == {outcome: 2}


def test_what_a_thread_raises_goes_wrong_though_its_process_exits_with_0(raced):
    assert raced("import threading\nthreading.Thread(target=divmod, args=(1, 0)).start()") == {"exception": 2}


@pytest.mark.parametrize(
    ("module", "kind"), [("multiprocessing", "Pool"), *thorough(("concurrent.futures", "ProcessPoolExecutor"))]
)
@pytest.mark.parametrize(
    ("begin", "outcome"), [("pass", "unserial"), ("fcntl.flock(lock, fcntl.LOCK_EX)", "serial")], ids=["bare", "locked"]
)
def test_tasks_of_a_pool_are_compared_with_tasks_one_after_another(raced, module, kind, begin, outcome):
    assert raced(TASKS.format(module=module, kind=kind, begin=begin)) == {outcome: 2}


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("raise SystemExit(3)", "exit_code"),
        ("raise KeyError('gone')", "exception"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed"),
        ("from multiprocessing import Process; p = Process(target=exit, args=(3,)); p.start()", "exit_code"),
        ("from multiprocessing import Process; p = Process(target=int, args=('x',)); p.start()", "exception"),
        ("import os\nif not os.fork(): os._exit(4)\nos.wait()", "exit_code"),
        (("import time; from multiprocessing import Process\n"
         "p = Process(target=time.sleep, args=(60,)); p.start(); p.terminate(); p.join()"), "ended"),
        ("while True: pass", "hang"),
        ("print('fine')", "ended"),
    ],
)  # fmt: skip
def test_whatever_goes_wrong_by_itself_is_called_by_its_kind(raced, text, outcome):
    assert raced(text, timeout_s=1 if outcome == "hang" else 20) == {outcome: 2}


def test_a_child_of_another_interpreter_that_fails_is_noticed(raced):
    text = """
        import multiprocessing

        def fail():
            raise SystemExit(5)

        if __name__ == "__main__":
            process = multiprocessing.get_context("spawn").Process(target=fail)
            process.start()
            process.join()
    """
    assert raced(text, timeout_s=20) == {"exit_code": 2}


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        ({"check": "rules.py:never"}, "rejected"),
        ({"check": "false"}, "rejected"),
        ({"check": "grep -q fine"}, "ended"),
        ({"expect_output": "^fine$"}, "ended"),
        ({"expect_output": "^bad$"}, "rejected"),
    ],
)
def test_a_function_or_a_command_or_a_pattern_judges_in_the_place_of_serial_orders(
    raced, tmp_path, monkeypatch, rule, outcome
):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "rules.py", "def never(folder, output): return 'no ' + output.strip()")
    assert raced("print('fine')", **rule) == {outcome: 2}


def test_where_a_rule_judges_endings_differ_by_what_is_printed(run, tmp_path):
    script = written(tmp_path, "say.py", "import os; print('said', os.urandom(8).hex())")
    trials = run(make_cell(ScriptRun, processes=1, script=script, expect_output="said"), 2)

    assert len({trial.measures["ending"] for trial in trials}) == 2
    assert all(trial.measures["told"].startswith("the script prints said") for trial in trials)


def test_whose_endings_nobody_judges_is_not_called_right(lab, tmp_path):
    written(tmp_path, "say.py", "print('said')")
    code, out, _ = lab("race", "say.py", "-n", "4", "--out", "results")

    assert code == 0
    assert "say.py raised nothing in 4 runs, and nobody says whether it ended well, " in out
    assert "[unknown] each" in out  # of four runs no interval of the median has 95 %
    assert "note: endings are not judged: nothing was seen to be shared but the output" in out


def test_a_script_that_chance_steers_is_not_judged_by_its_serial_endings(raced):
    text = """
        import random
        from multiprocessing import Process

        def write():
            with open("drawn.txt", "w") as file:
                file.write(str(random.random()))

        if __name__ == "__main__":
            process = Process(target=write)
            process.start()
            process.join()
    """
    assert raced(text) == {"ended": 2}


# How a run is made -------------------------------------------------------------------------------------------------


def test_each_run_finds_the_folder_as_it_was(raced):
    text = """
        import os
        assert os.listdir(".") == ["script.py"], os.listdir(".")
        open("new.txt", "w").close()
        os.unlink("script.py")
    """
    assert raced(text) == {"ended": 2}


def test_each_run_draws_anew(run, tmp_path):
    script = written(tmp_path, "draw.py", "import random; print(random.random())")
    trials = run(make_cell(ScriptRun, processes=1, script=script), 8)
    assert len({trial.measures["ending"] for trial in trials}) == 8


def test_what_each_process_prints_is_kept_apart_and_the_order_among_them_is_no_difference(tmp_path):
    text = """
        import os, sys, time
        from multiprocessing import Process

        def speak(name):
            print(name)
            time.sleep(0.001)
            os.write(1, b"raw\\n")
            sys.stderr.write("not this")

        if __name__ == "__main__":
            both = [Process(target=speak, args=(name,)) for name in "ab"]
            for process in both:
                process.start()
    """
    program = Script(written(tmp_path, "speak.py", text)).program()
    runs = started(program)
    left = Left(runs.root, program.source)
    try:
        keys = set()
        for _ in range(5):
            runs.run()
            _, state = left.read()
            assert state.printed == {"main": b"", "Process-1": b"a\nraw\n", "Process-2": b"b\nraw\n"}
            keys.add(state.key)
            left.restore()
        assert len(keys) == 1
    finally:
        runs.close()


def test_runs_go_on_side_by_side(run, tmp_path):
    seen = tmp_path / "seen"
    text = f"""
        import time

        def tell(what):
            with open({str(seen)!r}, "a") as file:
                file.write(what)

        tell("+")
        time.sleep(0.1)
        tell("-")
    """
    run(make_cell(ScriptRun, processes=1, script=written(tmp_path, "script.py", text)), 12, lanes=4)
    running = list(accumulate({"+": 1, "-": -1}[mark] for mark in seen.read_text()))
    assert 1 < max(running) <= 4


# What is told -------------------------------------------------------------------------------------------------------


def test_the_first_failing_run_is_kept_with_its_folder_its_output_and_what_was_raised(raced, tmp_path):
    keep_failures(tmp_path / "failures")
    text = """
        from multiprocessing import Process

        def fail():
            print("so far")
            open("left.txt", "w").write("here")
            raise ValueError("torn")

        if __name__ == "__main__":
            process = Process(target=fail)
            process.start()
            process.join()
    """
    assert raced(text) == {"exception": 2}
    kept = tmp_path / "failures" / "script"
    assert (kept / "folder" / "left.txt").read_text() == "here"
    assert (kept / "stdout-1.txt").read_text() == "so far\n"
    assert "ValueError: torn" in (kept / "stderr-1.txt").read_text()
    assert (kept / "what.txt").read_text() == "exception: Process-1: ValueError: torn (script.py:7 in fail)\n"


def test_two_versions_are_compared_by_the_difference_of_rates_and_the_ratio_of_wall_times(sales, raced_sales):
    found = difference(raced_sales, *sales)

    # By hand: from 20 of 20 and 0 of 20, whose exact intervals are [0.8316, 1] and [0, 0.1684].
    assert (found.rate, found.rate_high) == (-1, pytest.approx(-1 + (0.1684**2 + 0.1684**2) ** 0.5, abs=1e-3))
    assert found.rate_low == -1
    assert found.ratio_low <= found.ratio <= found.ratio_high
    assert found.ratio > 1  # the two wait for each other


def test_the_command_line_tells_rates_endings_and_the_first_failure(lab, sales):
    code, out, err = lab("race", *sales, "--trials", "10", "--out", "results")
    assert code == 1
    assert "buy.py goes wrong in 100 % [69, 100] of 10 runs" in out
    assert "buy_lock.py went wrong in none of 10 runs (at most 31 %)" in out
    assert "unserial: 10, 100 % [69, 100]: it ended as no serial order of its processes does" in out
    assert "first failing run: results/failures/buy" in out
    assert "all 2 serial orders were run; they have 2 endings" in out
    assert "buy_lock.py against buy.py: rate -100 [" in out
    assert out.endswith("results: results\n")
    assert err.startswith("race-buy-buy_lock: 2 cells, 20 trials")


def test_a_script_that_never_went_wrong_is_exit_code_0_and_one_json_document_tells_all(lab, sales):
    code, out, _ = lab("race", sales[1], "-n", "10", "--out", "results", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["scripts"][0]["violations"] == 0
    assert sum(ending["runs"] for ending in found["scripts"][0]["endings"]) == 10


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "expected a script to race, found none"),
        (("gone.py",), "gone.py: No such file"),
        (("broken.py",), "broken.py:1: expected a Python script"),
        (("fine.py", "fine.py"), "found fine.py twice"),
        (("fine.py", "-n", "0"), "expected a whole number from 1"),
        (("fine.py", "--timeout", "soon"), "expected one duration"),
        (("fine.py", "--check", "rules.py:none"), "rules.py: No such file"),
        (("fine.py", "--check", "python3 gone.py"), "expected gone.py in the script's folder or among --files"),
        (("fine.py", "--expect-output", "("), "expected a regular expression"),
        (("fine.py", "--lanes", "0"), "expected 1 to 64"),
        (("fine.py", "--resume", "results"), "Leave it out"),
    ],
)
def test_nonsense_is_one_message_and_exit_code_2(lab, tmp_path, arguments, said):
    written(tmp_path, "broken.py", "def")
    written(tmp_path, "fine.py", "print('fine')")
    code, out, err = lab("race", *arguments)
    assert (code, out, err.count("\n"), err[:5]) == (2, "", 1, "lab: ")
    assert said in err


# Interruptions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, *thorough(signal.SIGKILL)])
def test_a_race_that_was_stopped_leaves_nothing_and_goes_on_where_it_was(tmp_path, number):
    name = f"slow_{tmp_path.name}.py"
    script = written(tmp_path, name, "import time; time.sleep(0.05); print('done')")
    command = [sys.executable, "-m", "lab", "race", script, "-n", "20", "--lanes", "2", "--out", "results"]
    stopped = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    journal = tmp_path / "results" / "trials" / "journal.jsonl"
    eventually(lambda: journal.exists() and journal.read_text().count("\n") >= 1)
    os.kill(stopped.pid, number)
    out, err = stopped.communicate()

    if number == signal.SIGINT:
        assert stopped.returncode == 130
        assert "Traceback" not in out + err
    eventually(lambda: list(scratch.SHARED_MEMORY.glob(f"lab-*/run/{name}")) == [])
    resumed = subprocess.run(
        [sys.executable, "-m", "lab", "race", "--resume", "results"], cwd=tmp_path, capture_output=True, text=True
    )
    assert resumed.returncode == 0, resumed.stderr
    assert f"{name} raised nothing in 20 runs" in resumed.stdout


LATE = """
    import importlib.util
    from multiprocessing import get_context

    def work(number):
        with open(f"out{number}", "w") as file:
            file.write("x")

    if __name__ == "__main__":
        assert importlib.util.find_spec("multiprocessing.pool")
        with getattr(get_context("fork"), "P" + "ool")(2) as pool:
            pool.map(work, range(2))
"""


def test_a_pool_that_is_found_late_is_judged_as_any_other(lab, tmp_path):
    (tmp_path / "late.py").write_text(textwrap.dedent(LATE))
    code, out, _ = lab("race", "late.py", "-n", "4", "--out", "results")

    assert code == 0
    assert "late.py went wrong in none of 4 runs" in out


HELD = """
    from multiprocessing import Process
    from multiprocessing.shared_memory import SharedMemory
    from time import sleep

    if __name__ == "__main__":
        block = SharedMemory(create=True, size=8)
        one = Process(target=sleep, args=(1000,))
        one.start()
        one.join()
"""


def test_shared_memory_of_runs_that_were_killed_is_removed(tmp_path):
    before = set(scratch.SHARED_MEMORY.glob("psm*"))
    (tmp_path / "held.py").write_text(textwrap.dedent(HELD))
    runs = started(Script(str(tmp_path / "held.py")).program())
    try:
        assert runs.run(timeout_s=1.0) is None
        assert set(scratch.SHARED_MEMORY.glob("psm*")) > before
    finally:
        runs.close()

    assert set(scratch.SHARED_MEMORY.glob("psm*")) == before
