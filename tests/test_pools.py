"""Pools and executors of scripts under control: their tasks, their results, and who gets which."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import thorough

from lab.engines.controlled.session import ControlledSession
from lab.schedulers.dpor import Dpor
from lab.schedulers.serial import Serial
from lab.script import Script
from lab.script_exploring import explore_script
from lab.search import Limits, Tally, search

HOME = Path(__file__).parent / "programs"
POOL = """
from multiprocessing import Pool, TimeoutError

def work(name):
{body}

if __name__ == "__main__":
    with Pool({workers}) as pool:
{main}
"""
CHUNKS = """
from {module} import {kind}

def work(name):
    open("log.txt", "a").write(str(name))

if __name__ == "__main__":
    with {kind}(2) as pool:
        list(pool.map(work, range(4), chunksize=2))
"""
STARTS = """
from multiprocessing import Pool

def begin():
    open("started.txt", "a").write("s")

def work(name):
    open("seen.txt", "w").write(open("started.txt").read())

if __name__ == "__main__":
    with Pool(2, begin) as pool:
        pool.map(work, [1])
"""


def written(tmp_path, body, main, workers=2):
    path = tmp_path / "script.py"
    inner = "\n".join(f"        {line}" for line in main)
    path.write_text(POOL.format(body=f"    {body}", main=inner, workers=workers))
    return Script(str(path), files=[str(path)])


def searched(script):
    session, tally = ControlledSession(script.program()), Tally(is_reduced=False)
    try:
        assert search(session, Dpor(), tally, Limits(None, 100.0), lambda tally: None) == ""
    finally:
        session.close()
    return tally


def test_what_a_pool_and_an_executor_can_do_they_do_under_control():
    path = HOME / "pool_surface.py"
    plain = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    session, serial = ControlledSession(Script(str(path), files=[str(path)]).program()), Serial(1)
    try:
        assert serial.begin()
        assert session.execute(serial).ending.kind == "done"
        printed = session.printed_by(0).decode()
    finally:
        session.close()

    assert printed.splitlines() == plain.stdout.splitlines()


@pytest.mark.parametrize(("workers", "classes"), [(1, 1), (2, 4)])
def test_which_worker_takes_which_of_two_tasks_is_the_only_choice_between_tasks_that_share_nothing(
    tmp_path, workers, classes
):
    # One of two workers takes both, or each takes one: four ways to hand two tasks to two workers.
    tally = searched(written(tmp_path, "return name", ["print(pool.map(work, range(2)))"], workers))
    assert (tally.classes, tally.doubt) == (classes, "")


def test_a_timeout_may_fire_before_a_result_comes(tmp_path):
    main = (
        "result = pool.apply_async(work, (1,))",
        "try:",
        "    print(result.get(5))",
        "except TimeoutError:",
        '    print("late", result.get())',
    )
    tally = searched(written(tmp_path, "return name", main, 1))
    assert sorted(seen.detail for seen in tally.seen.values()) == ["main prints 1", "main prints late 1"]


def test_whoever_waits_for_any_result_may_get_any_first(tmp_path):
    main = ("print(list(pool.imap_unordered(work, range(2))))",)
    tally = searched(written(tmp_path, "return name", main))
    assert sorted(seen.detail for seen in tally.seen.values()) == ["main prints [0, 1]", "main prints [1, 0]"]


def test_results_in_their_order_come_in_their_order(tmp_path):
    tally = searched(written(tmp_path, "return name", ("print(list(pool.imap(work, range(2))))",)))
    assert [seen.detail for seen in tally.seen.values()] == ["main prints [0, 1]"]


LOG = 'open("log.txt", "a").write(str(name))'
MAINS = {
    "between the results": (
        'one, two = pool.apply_async(work, ("a",)), pool.apply_async(work, ("b",))',
        "two.get()",
        'open("log.txt", "a").write("m")',
        "one.get()",
    ),
    "between the tasks": (
        'one = pool.apply_async(work, ("a",))',
        'open("log.txt", "a").write("m")',
        'pool.apply(work, ("b",))',
        "one.get()",
    ),
    "two calls a task": ("pool.map(work, range(4), chunksize=2)",),
    "three tasks": ("pool.map(work, range(3))",),
    "whichever is first": ("print(list(pool.imap_unordered(work, range(2))))",),
}


class Unreduced(Serial):
    """Goes through orders that differ in nothing, too."""

    def _is_redundant(self, actor, kind):
        return False


@pytest.mark.parametrize("main", ["between the results", "between the tasks", *thorough(*list(MAINS)[2:])])
def test_the_serial_orders_that_are_left_out_have_no_ending_of_their_own(tmp_path, main):
    program = written(tmp_path, LOG, MAINS[main]).program()
    reduced, whole = serial_endings(program, Serial), serial_endings(program, Unreduced)
    assert reduced[1] == whole[1]
    assert reduced[0] < whole[0]


def serial_endings(program, kind):
    session, serial, endings = ControlledSession(program), kind(10_000), set()
    try:
        while serial.begin():
            execution = session.execute(serial)
            serial.end(execution.ending.waiting)
            if execution.ending.kind == "done":
                endings.add(execution.trial.outcome)
    finally:
        session.close()
    assert serial.is_complete
    return serial.orders, endings


@pytest.mark.parametrize(
    ("module", "kind"), [("multiprocessing", "Pool"), ("concurrent.futures", "ProcessPoolExecutor")]
)
def test_calls_that_one_task_has_are_calls_like_others(tmp_path, module, kind):
    path = tmp_path / "script.py"
    path.write_text(CHUNKS.format(module=module, kind=kind))
    (cell,) = explore_script(Script(str(path), files=[str(path)]), out=tmp_path / "out", seconds=20.0).cells
    # Each task's calls in their order, those of the other anywhere between: six ways.
    assert (cell.verdict, cell.reason, len(cell.findings)) == ("proved", "", 6)


def test_what_a_worker_does_before_its_first_task_is_no_task(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(STARTS)
    (cell,) = explore_script(Script(str(path), files=[str(path)]), out=tmp_path / "out", seconds=20.0).cells
    assert (cell.verdict, cell.reason, len(cell.findings)) == ("proved", "", 2)


def test_a_pool_that_is_ended_in_the_middle_of_a_task_kills_its_worker(tmp_path):
    script = written(tmp_path, 'open("left.txt", "w").write("x")', ("pool.apply_async(work, (1,))",), 1)
    (cell,) = explore_script(script, out=tmp_path / "out", seconds=20.0).cells
    assert (cell.verdict, cell.reason) == (
        "unknown",
        "not controlled: a process is killed, and not every moment for it was tried",
    )


BREAKS = """
import os
from concurrent.futures import ProcessPoolExecutor

if __name__ == "__main__":
    with ProcessPoolExecutor(1) as pool:
        print(repr(pool.submit(os._exit, 0).exception())[:17])
        try:
            pool.submit(abs, 1)
        except Exception as error:
            print(type(error).__name__)
"""


def test_an_executor_whose_worker_ends_by_itself_is_broken(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(BREAKS)
    tally = searched(Script(str(path), files=[str(path)]))
    assert [seen.detail for seen in tally.seen.values()] == ["main prints BrokenProcessPool⏎BrokenProcessPool"]


DIES = """
import os
from concurrent.futures import ProcessPoolExecutor

if __name__ == "__main__":
    with ProcessPoolExecutor(1, initializer=os._exit, initargs=(0,)) as pool:
        print(type(pool.submit(abs, 1).exception()).__name__)
"""


def test_an_executor_whose_worker_ends_before_its_first_task_is_broken_too(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(DIES)
    tally = searched(Script(str(path), files=[str(path)]))
    assert [seen.detail for seen in tally.seen.values()] == ["main prints BrokenProcessPool"]


def test_tasks_that_print_are_compared_whoever_runs_them(tmp_path):
    script = written(tmp_path, 'open(f"{name}.txt", "w").write(name); print(name)', ('pool.map(work, "ab")',))
    (cell,) = explore_script(script, out=tmp_path / "out", seconds=20.0).cells
    assert (cell.verdict, cell.reason) == ("proved", "")
