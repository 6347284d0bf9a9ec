"""Threads of a controlled process: each is a participant, one alone runs, and what they share is seen by operations."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from lab.deadlock import explained
from lab.engines.controlled.session import UNSEEN, ControlledSession
from lab.schedulers.dpor import Dpor
from lab.schedulers.random_walk import RandomWalk
from lab.schedulers.replay import Replay
from lab.schedulers.serial import Serial
from lab.script import Script
from lab.script_exploring import explore_script, replay_script
from lab.search import Limits, Tally, search

HOME = Path(__file__).parent / "programs"


def script(tmp_path, text):
    path = tmp_path / "own.py"
    path.write_text(textwrap.dedent(text))
    return Script(str(path), files=[str(path)])


def endings(script):
    """How a script may end, in a few words each, and why that proves nothing."""
    session, tally = ControlledSession(script.program()), Tally(is_reduced=True)
    try:
        assert search(session, Dpor(), tally, Limits(None, 100.0), lambda tally: None) == ""
    finally:
        session.close()
    return {seen.detail for seen in tally.seen.values()}, tally.doubt


def run(script, seed=1):
    """One execution of a random schedule, with its history and what the script printed."""
    session, walk = ControlledSession(script.program(), keeps_history=True), RandomWalk(seed)
    try:
        walk.begin()
        execution = session.execute(walk)
        return execution, session.printed_by(0).decode()
    finally:
        session.close()


# What they can do ----------------------------------------------------------------------------------------------------


def test_what_threading_and_queue_can_do_they_do_under_control():
    path = HOME / "thread_surface.py"
    plain = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    execution, printed = run(Script(str(path), files=[str(path)]))

    assert (execution.ending.kind, execution.doubt) == ("done", UNSEEN)
    assert printed.splitlines() == plain.stdout.splitlines()


def test_a_timeline_calls_a_thread_by_its_process_and_its_name(tmp_path):
    text = """
        from threading import Thread

        def work():
            open("a.txt", "w").close()

        thread = Thread(target=work)
        thread.start()
        thread.join()
        """
    execution, _ = run(script(tmp_path, text))

    told = [(execution.actors[event.operation.actor], event.operation.kind) for event in execution.events]
    thread = "main/Thread-1"
    assert told == [
        ("main", "start"),
        (thread, "begin"),
        (thread, "open"),
        (thread, "end"),
        ("main", "join"),
        ("main", "exit"),
    ]


def test_a_deadlock_of_threads_is_told_as_a_cycle(tmp_path):
    path = HOME / "thread_lock_order.py"
    (cell,) = explore_script(Script(str(path), files=[str(path)]), out=tmp_path / "out", seconds=20.0).cells
    finding = next(one for one in cell.findings if one.outcome == "deadlock")
    execution = replay_script(finding.schedule).execution
    permits = {name: declared.permits for name, declared in execution.objects.items()}

    (told,) = explained(execution.events, execution.ending.waiting, execution.actors, permits)
    assert told.replace(" (thread_lock_order.py:13)", "") == (
        "main/Thread-1 holds lock 1 (thread_lock_order.py:7) and waits for lock 2 (thread_lock_order.py:8), "
        "which main/Thread-2 holds (thread_lock_order.py:7), "
        "who waits for lock 1 (thread_lock_order.py:8), which main/Thread-1 holds"
    )


def test_a_process_ends_at_any_moment_of_its_daemon_threads_and_after_the_others(tmp_path):
    text = """
        import threading

        def write(name):
            open(name, "w").close()

        for name, is_daemon in (("daemon", True), ("other", False)):
            threading.Thread(target=write, args=(name,), daemon=is_daemon).start()
        """
    assert endings(script(tmp_path, text))[0] == {"daemon: (empty); other: (empty)", "other: (empty)"}


def test_the_end_of_a_thread_by_exit_is_no_exit_code_and_no_exception(tmp_path):
    text = """
        import sys, threading

        threading.Thread(target=sys.exit, args=(3,)).start()
        """
    assert endings(script(tmp_path, text))[0] == {"no file changed and nothing printed"}


def test_os_exit_in_a_thread_ends_the_process(tmp_path):
    text = """
        import os, threading

        thread = threading.Thread(target=os._exit, args=(3,))
        thread.start()
        thread.join()
        print("never")
        """
    assert endings(script(tmp_path, text))[0] == {"main exits with 3"}


# What they wait for --------------------------------------------------------------------------------------------------


class WaitsLast:
    """Who waits goes on when nobody else can, and before that whoever was started last."""

    asks_always = True

    def choose(self, enabled, current):
        return max(range(len(enabled)), key=lambda place: (enabled[place].kind != "wait", enabled[place].actor))


def test_who_waits_for_an_event_goes_on_even_if_it_is_cleared_before_that(tmp_path):
    text = """
        from threading import Event, Thread

        event = Event()
        thread = Thread(target=lambda: print(event.wait()))
        thread.start()
        event.set()
        event.clear()
        thread.join()
        """
    session = ControlledSession(script(tmp_path, text).program())
    try:
        assert session.execute(WaitsLast()).trial.detail == "main prints True"
    finally:
        session.close()


def test_a_condition_wakes_the_one_who_came_first(tmp_path):
    text = """
        from threading import Condition, Thread

        turn, came = Condition(), []

        def wait(name):
            with turn:
                came.append(name)
                turn.wait()
                print(name, came)
                turn.notify()

        threads = [Thread(target=wait, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        while len(came) < 2:
            with turn:
                pass
        with turn:
            turn.notify()
        for thread in threads:
            thread.join()
        """
    for seed in range(4):
        printed = run(script(tmp_path, text), seed)[1].splitlines()
        assert printed in (["a ['a', 'b']", "b ['a', 'b']"], ["b ['b', 'a']", "a ['b', 'a']"])


def test_a_lock_of_threading_that_is_held_at_a_fork_is_held_in_the_child_alone(tmp_path):
    text = """
        from multiprocessing import Process
        from threading import Lock

        lock = Lock()
        lock.acquire()
        child = Process(target=lambda: print(lock.acquire(False), lock.release(), lock.acquire(False)))
        child.start()
        lock.release()
        child.join()
        print(lock.locked())
        """
    assert endings(script(tmp_path, text)) == ({"main prints False; Process-1 prints False None True"}, "")


def test_without_threads_the_locks_of_threading_are_no_operations(tmp_path):
    text = """
        import logging, queue, threading

        made = queue.Queue()
        with threading.RLock(), threading.Condition(), threading.Semaphore():
            made.put(1)
        logging.getLogger("own").warning("%s", made.get())
        """
    execution, _ = run(script(tmp_path, text))
    assert [event.operation.kind for event in execution.events] == ["exit"]


# What they share -----------------------------------------------------------------------------------------------------


def test_between_two_operations_a_thread_is_alone(tmp_path):
    text = """
        import sys, threading

        total = 0

        def add():
            global total
            before = total
            for _ in range(1_000_000):
                pass
            total = before + 1

        sys.setswitchinterval(1e-6)
        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print(total)
        """
    assert run(script(tmp_path, text))[1] == "4\n"


@pytest.mark.parametrize(("told", "endings"), [("name", 1), ("name, was_there", 2)])
def test_of_what_the_threads_of_a_process_print_the_lines_are_compared_and_not_their_order(tmp_path, told, endings):
    text = f"""
        import os, threading

        def tell(name):
            was_there = os.path.exists("a.txt")
            open("a.txt", "w").close()
            print({told})

        threads = [threading.Thread(target=tell, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """
    session, serial, seen = ControlledSession(script(tmp_path, text).program()), Serial(10), {}
    try:
        while serial.begin():
            outcome = session.execute(serial).trial.outcome
            seen.setdefault(outcome, set()).add(session.printed_by(0))
    finally:
        session.close()

    assert len(seen) == endings
    assert len(set.union(*seen.values())) == 2


def test_threads_share_the_position_in_a_file(tmp_path):
    text = """
        import os, threading

        with open("a.txt", "w") as file:
            file.write("ab")
        file = os.open("a.txt", os.O_RDONLY)
        threads = [threading.Thread(target=lambda n=n: print(n, os.read(file, 1))) for n in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        """
    found = endings(script(tmp_path, text))[0]
    assert {"".join(sorted(one)) for one in found} == {"".join(sorted("a.txt: ab; main prints 0 b'a'⏎1 b'b'"))}
    assert len(found) == 2


@pytest.mark.parametrize("name", ["thread_buy", "thread_daemon"])
def test_what_threads_have_done_is_repeated_exactly(name, often):
    path = HOME / f"{name}.py"
    session, walk = ControlledSession(Script(str(path), files=[str(path)]).program()), RandomWalk(3)
    tally, keys = Tally(is_reduced=False), set()
    try:
        search(session, walk, tally, Limits(1, 100.0), lambda tally: None)
        (seen,) = tally.seen.values()
        for _ in range(often(4, 20)):
            replay = Replay(seen.choices)
            replay.begin()
            execution = session.execute(replay)
            replay.end(execution.ending.waiting)
            keys.add(execution.trial.outcome)
    finally:
        session.close()
    assert keys == set(tally.seen)
