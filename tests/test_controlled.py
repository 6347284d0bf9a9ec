"""The controlled engine itself: what it restores, what it repeats, what it takes for harmless, what it leaves."""

import ast
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from itertools import count
from pathlib import Path

import pytest
from conftest import eventually

from lab import script_search
from lab.engines.controlled.controller import MOST_OPERATIONS
from lab.engines.controlled.folder import Folder
from lab.engines.controlled.free_runs import FreeRuns
from lab.engines.controlled.inside.chance import harmless
from lab.engines.controlled.session import ControlledSession
from lab.engines.controlled.source import source_of
from lab.errors import UsageError
from lab.scheduler import Operation
from lab.schedulers.random_walk import RandomWalk
from lab.schedulers.serial import Serial
from lab.script import Script
from lab.script_oracle import Oracle
from lab.searching import explore

PROGRAMS = Path(__file__).parent / "programs"
SHM = Path("/dev/shm")


def lab(*arguments, cwd=None):
    command = [sys.executable, "-m", "lab", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=100, check=False)


def long_search(name, tmp_path, *options, **named):
    """Start a search that takes long; `warm_parents(tmp_path)` are its own, whatever other tests do."""
    command = [sys.executable, "-m", "lab", "explore", str(PROGRAMS / name), *options]
    command += ["--check", f"{PROGRAMS}/rules.py:at_most_four", "--out", str(tmp_path / "out")]
    return subprocess.Popen(command, text=True, env={**os.environ, "SEARCH_OF": str(tmp_path)}, **named)


def warm_parents(tmp_path):
    """The pids of those, and of the executions that they have forked."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
                variables = (process / "environ").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"lab.engines.controlled.inside.warm" in words and f"SEARCH_OF={tmp_path}".encode() in variables:
                found.append(int(process.name))
    return found


def script(tmp_path, text, name="own.py"):
    path = tmp_path / name
    path.write_text(textwrap.dedent(text))
    return path


# The folder --------------------------------------------------------------------------------------------------------


def test_a_folder_is_as_new_after_whatever_was_done_to_it(tmp_path):
    source = {"a.txt": b"1234", "deep": None, "deep/b.txt": b"b"}
    folder = Folder(str(tmp_path / "run"), source)
    folder.restore()
    place = tmp_path / "run"
    (place / "a.txt").write_bytes(b"4321")  # of the same size, and within the same tick of the clock
    (place / "deep" / "b.txt").unlink()
    (place / "new").mkdir()
    (place / "new" / "c.txt").write_bytes(b"c")
    assert folder.changes() == {"a.txt": b"4321", "deep/b.txt": None, "new/": None, "new/c.txt": b"c"}
    folder.restore()
    assert folder.changes() == {}
    assert {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*.txt")} == {
        "a.txt": b"1234",
        "deep/b.txt": b"b",
    }


def test_a_folder_that_was_removed_is_made_again(tmp_path):
    folder = Folder(str(tmp_path / "run"), {"a.txt": b"a"})
    folder.restore()
    (tmp_path / "run" / "a.txt").unlink()
    (tmp_path / "run").rmdir()
    assert folder.changes() == {"a.txt": None}
    folder.restore()
    assert (tmp_path / "run" / "a.txt").read_bytes() == b"a"


def test_a_script_is_copied_with_its_folder_but_without_what_tools_left_there(tmp_path):
    path = script(tmp_path, "pass")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x.json").write_text("{}")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "own.pyc").write_text("")
    assert set(source_of(path, [])) == {"own.py", "data", "data/x.json"}


# Chance --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("import time, random\ntime.sleep(random.random())", {2}),
        ("import time, random\ntime.sleep(1 + 2 * random.uniform(0, 1))", {2}),
        ("def f():\n    d = random.random()\n    time.sleep(d)", {2}),
        ("def f():\n    d = random.random()\n    time.sleep(d)\n    return d", set()),
        ("def f():\n    d = random.random()\n    e = d\n    time.sleep(e)", set()),
        ("if random.random() < 0.5:\n    pass", set()),
        ("print(random.randint(1, 2))", set()),
        ("lock.acquire(timeout=random.random())", {1}),
        ("def sleep(x):\n    print(x)\nsleep(random.random())", set()),
        ("from mine import sleep\nsleep(random.random())", set()),
        ("time.sleep(random.random()); x = random.random()", set()),
    ],
)
def test_a_draw_is_harmless_only_if_it_can_be_nothing_but_the_length_of_a_sleep(text, lines):
    assert harmless(ast.parse(text)) == lines


# Executions ----------------------------------------------------------------------------------------------------------


def endings(path, most=120):
    session, serial, found = ControlledSession(Script(str(path)).program()), Serial(most), []
    try:
        while serial.begin():
            execution = session.execute(serial)
            serial.end(execution.ending.waiting)
            found.append((execution.ending.kind, execution.trial.detail))
    finally:
        session.close()
    return found, serial


def test_serial_orders_run_one_process_after_the_other():
    found, serial = endings(PROGRAMS / "buy.py")
    assert [kind for kind, _ in found] == ["done", "done"]
    assert {detail.partition("; ")[0] for _, detail in found} == {'count.json: {"count": 0}'}
    assert serial.is_complete


def test_in_a_serial_order_a_first_process_that_reads_to_the_end_may_come_before_its_child_or_after_it():
    found, serial = endings(PROGRAMS / "early_reader.py")
    assert {detail for _, detail in found} == {
        "log.txt: begun⏎done; main prints begun",
        "log.txt: begun⏎done; main prints begun⏎done",
    }
    assert serial.is_complete


def test_in_a_serial_order_a_first_process_that_looks_again_and_again_waits_for_its_children():
    found, serial = endings(PROGRAMS / "busy_wait.py")
    assert {detail for kind, detail in found if kind == "done"} == {"log.txt: one⏎two", "log.txt: two⏎one"}
    assert serial.is_complete
    # That it will wait for ever if nobody else goes on is tried once for each child, and not in each order.
    assert [kind for kind, _ in found].count("cut") == 2


def test_in_a_serial_order_children_go_on_where_nobody_is_preferred_and_who_ran_has_to_wait():
    serial = Serial(1)
    assert serial.begin()
    assert serial.choose([Operation(0, "write", ("file",))], None) == 0
    assert serial.choose([Operation(1, "write", ("file",))], None) == 0


def test_in_a_serial_order_a_first_process_that_has_done_nothing_yet_may_go_on_before_its_child(tmp_path):
    path = script(
        tmp_path,
        """
        from multiprocessing import Process

        def write(word):
            with open("a.txt", "w") as file:
                file.write(word)

        if __name__ == "__main__":
            process = Process(target=write, args=("child",))
            process.start()
            write("main")
            process.join()
        """,
    )
    assert [detail for _, detail in endings(path)[0]] == ["a.txt: child", "a.txt: main"]


def test_an_order_in_which_a_process_must_wait_can_not_finish():
    found, serial = endings(PROGRAMS / "barrier.py")
    assert {kind for kind, _ in found} == {"cut"}
    assert serial.cut == len(found)


def test_pids_dates_and_temporary_names_repeat(tmp_path):
    path = script(
        tmp_path,
        """
        import os, random, tempfile, time, uuid
        from datetime import datetime
        from multiprocessing import Process

        def tell():
            print(os.getpid(), os.getppid(), random.random(), uuid.uuid4(), time.time_ns(), datetime.now())
            print(tempfile.mkstemp()[1].rpartition("/")[2])

        if __name__ == "__main__":
            process = Process(target=tell)
            process.start()
            process.join()
            print(process.pid, os.getcwd(), __file__)
            tell()
        """,
    )
    # Two sessions have nothing in common but the script.
    assert endings(path)[0] == endings(path)[0]


def test_files_behave_as_they_do_without_control(tmp_path):
    path = script(
        tmp_path,
        """
        import io, os, pathlib, shutil, tempfile

        with open("a.txt", "w") as file:
            print(file.name, file.mode, file.write("one\\ntwo\\n"))
        with open("a.txt", "r+") as file:
            print(file.readline(), file.tell(), file.read(), file.seek(0), file.truncate(2))
        with open("a.txt", "ab", buffering=0) as file:
            print(isinstance(file, io.FileIO), file.write(b"x"), file.tell())
        with open("a.txt", "rb") as file:
            print(type(file).__name__, file.read(1), file.peek(), file.seek(0, 2))
        print(os.path.exists("a.txt"), os.path.getsize("a.txt"), sorted(os.listdir(".")))
        pathlib.Path("d/e").mkdir(parents=True)
        shutil.copy("a.txt", "d/e/b.txt")
        print([str(p) for p in sorted(pathlib.Path(".").rglob("*.txt"))])
        os.replace("d/e/b.txt", "c.txt")
        shutil.rmtree("d")
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
        for wrong in (("nowhere.txt", "r"), ("a.txt", "x"), ("a.txt", "rw")):
            try:
                open(*wrong)
            except (OSError, ValueError) as error:
                print(type(error).__name__, getattr(error, "errno", None))
        descriptor = os.open("a.txt", os.O_RDWR | os.O_APPEND)
        print(os.write(descriptor, b"end"), os.pread(descriptor, 2, 0), os.lseek(descriptor, 0, 0))
        print(os.fstat(descriptor).st_size)
        os.close(descriptor)
        print(io.open("c.txt").read(), sorted(os.listdir(".")))
        """,
    )
    session = ControlledSession(Script(str(path)).program())
    serial = Serial(1)
    try:
        serial.begin()
        session.execute(serial)
    finally:
        session.close()
    (state,) = session.states.values()
    bare = subprocess.run([sys.executable, path.name], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert state.output.decode() == bare


# The command line ----------------------------------------------------------------------------------------------------


def test_a_script_that_is_no_python_is_bad_usage(tmp_path):
    path = script(tmp_path, "def broken(:\n    pass\n")
    done = lab("explore", path, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"lab: {path}:1: expected a Python script, found ")
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.py",), "can't read nowhere.py"),
        (("own.py", "--guards", "lock"), "--guards: expected with a scenario"),
        (("ticket_sale", "--check", "true"), "--check: expected with a script"),
        (("own.py", "--expect-output", "("), "expected a regular expression"),
        (("own.py", "--check", "own.py:nothing"), "expected a function nothing"),
        (("own.py", "--files", "nowhere.txt"), "expected a file or folder that exists"),
        (("own.py", "--orders", "0"), "orders 0: expected"),
    ],
)
def test_bad_usage_is_told_in_a_sentence(arguments, words, tmp_path):
    script(tmp_path, "pass")
    done = lab("explore", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr


def test_what_is_found_is_saved_and_replayed_from_its_file(tmp_path):
    path = PROGRAMS / "value_add.py"
    done = lab("explore", path, "--files", path, "--json", "--out", tmp_path / "out")
    document = json.loads(done.stdout)
    assert (done.returncode, document["verdict"]) == (1, "found")
    file = document["cells"][0]["schedule"]
    again = lab("replay", file)
    assert again.returncode == 1
    assert "value_add.py:7" in again.stdout
    document = json.loads(Path(file).read_text())
    document["choices"].reverse()
    Path(file).write_text(json.dumps(document))
    assert lab("replay", file).returncode == 4


def test_an_interruption_leaves_nothing_behind(tmp_path):
    folders = set(SHM.glob("lab-*"))
    process = long_search("ktv_semaphore.py", tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    eventually(lambda: len(warm_parents(tmp_path)) >= 2)
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "interrupted" in output
    eventually(lambda: not warm_parents(tmp_path))
    eventually(lambda: not ({path for path in SHM.glob("lab-*") if _is_of(path, process.pid)} - folders))


def _is_of(folder, pid):
    return f"-{pid}-" in folder.name


def test_a_kill_of_the_controller_takes_everything_with_it(tmp_path):
    quiet = subprocess.DEVNULL
    process = long_search("ktv_semaphore.py", tmp_path, "--jobs", "1", stdout=quiet, stderr=quiet)
    eventually(lambda: len(warm_parents(tmp_path)) >= 2)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    eventually(lambda: not warm_parents(tmp_path))
    eventually(lambda: not [path for path in SHM.glob("lab-*") if _is_of(path, process.pid)])


def test_when_a_folder_was_changed_is_data_of_its_entries(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = script(
        tmp_path,
        """
        import os
        from multiprocessing import Process

        def write():
            open("d/y", "w").close()

        def look():
            if os.stat("d").st_mtime == 10:
                raise SystemExit("nobody was here")

        if __name__ == "__main__":
            os.mkdir("d")
            os.utime("d", (10, 10))
            both = [Process(target=write), Process(target=look)]
            for process in both:
                process.start()
            for process in both:
                process.join()
        """,
    )

    assert explore(str(path), check="true").cells[0].verdict == "found"


def test_a_kill_of_the_process_that_forks_executions_is_told_in_one_line():
    session, walk = ControlledSession(Script(str(PROGRAMS / "buy.py")).program()), RandomWalk(7)
    try:
        walk.begin()
        session.execute(walk)
        session._parent._process.kill()
        session._parent._process.wait()
        walk.begin()
        with pytest.raises(UsageError, match="the process that forks its executions was killed"):
            session.execute(walk)
    finally:
        session.close()


UNTOLD = "Process-1 was killed by nobody of the script; is there memory for all? Try again"


@pytest.mark.parametrize(
    ("execution", "verdict", "reason"),
    [
        pytest.param(1, "proved", "", id="in a serial order, which is run again"),
        pytest.param(2, "proved", "", id="in another one"),
        *(pytest.param(number, "unknown", UNTOLD, id=f"in execution {number}") for number in (3, 4, 5, 6)),
    ],
)
def test_a_kill_by_nobody_of_the_script_is_no_finding(tmp_path, monkeypatch, execution, verdict, reason):
    class Killer:
        """Kills the first child before the fourth choice of one execution."""

        def __init__(self, scheduler, session):
            self._scheduler, self._session, self._left = scheduler, session, 4
            self.asks_always = True

        def choose(self, enabled, current):
            self._left -= 1
            if not self._left:
                os.kill(self._session._controller.actors[1].pid, signal.SIGKILL)
                eventually(lambda: not Path(f"/proc/{self._session._controller.actors[1].pid}/exe").exists())
            return self._scheduler.choose(enabled, current)

    execute, executions = ControlledSession.execute, count(1)

    def executed(session, scheduler, **how):
        is_killed = next(executions) == execution
        return execute(session, Killer(scheduler, session) if is_killed else scheduler, **how)

    monkeypatch.setattr(ControlledSession, "execute", executed)
    [found] = explore(PROGRAMS / "buy_lock.py", out=tmp_path / "found").cells

    assert (found.verdict, found.reason) == (verdict, reason)


def test_a_script_does_not_see_that_it_is_kept_to_one_core(tmp_path):
    text = """
        import os
        from multiprocessing import Process

        def see():
            print("cores", *sorted(os.sched_getaffinity(0)))
            os.sched_setaffinity(0, [0])
            print("then", *os.sched_getaffinity(0))

        if __name__ == "__main__":
            child = Process(target=see)
            child.start()
            child.join()
            print("cores", *sorted(os.sched_getaffinity(0)))
    """
    own = script(tmp_path, text)
    plain = subprocess.run([sys.executable, own], capture_output=True, text=True, check=True).stdout

    assert explore(own, expect_output=re.escape(plain.strip()), out=tmp_path / "found").verdict == "proved"
    assert explore(own, expect_output="cores 99", out=tmp_path / "not").verdict == "found"


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core is all there is")
def test_of_several_jobs_each_has_a_core_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(script_search, "_ALONE_S", 0.1)
    monkeypatch.setattr(script_search, "_ALONE", 2)
    text = """
        import re
        from multiprocessing import Process

        def write():
            for _ in range(3):
                with open("log", "w") as file:
                    file.write("written")

        if __name__ == "__main__":
            with open("/proc/self/status") as status:
                print("core", re.search("Cpus_allowed_list:.(.*)", status.read())[1])
            both = [Process(target=write) for _ in range(2)]
            for process in both:
                process.start()
            for process in both:
                process.join()
    """
    choices = {"jobs": 2, "executions": 60, "expect_output": "core", "out": tmp_path / "found"}

    (cell,) = explore(script(tmp_path, text), **choices).cells

    cores = {re.search(r"core (\d+)$", finding.detail, re.MULTILINE)[1] for finding in cell.findings}
    assert cores == {str(core) for core in sorted(os.sched_getaffinity(0))[:2]}


ENDLESS = """
    import os, time
    from multiprocessing import Process

    def write():
        with open("something", "w") as file:
            file.write("x")

    if __name__ == "__main__":
        Process(target=write).start()
        while not os.path.exists("something else"):
            time.sleep(0.1)
"""


def test_a_serial_order_that_has_no_end_is_left_when_its_time_is_up(tmp_path):
    session, oracle = ControlledSession(Script(str(script(tmp_path, ENDLESS))).program()), Oracle()
    operations, execute = [], session.execute

    def counted(scheduler):
        execution = execute(scheduler)
        operations.append(execution.operations)
        return execution

    session.execute = counted
    try:
        oracle.begin(session, 24, 0.3)
    finally:
        session.close()

    assert (oracle.orders, oracle.endings, oracle.is_complete) == (0, {}, False)
    assert len(operations) == 1
    assert operations[0] < MOST_OPERATIONS


def test_endings_are_looked_for_among_serial_orders_while_there_is_time(tmp_path, monkeypatch):
    """Of five children 120 orders would have to be run, of which 24 are at first."""
    path = script(
        tmp_path,
        """
        from multiprocessing import Process

        def write(name):
            with open("log", "a") as file:
                file.write(name)

        if __name__ == "__main__":
            for name in "abcde":
                Process(target=write, args=(name,)).start()
        """,
    )
    decide, given = Oracle.decide, []

    def decide_in(oracle, session, ending, choices, most, seconds):
        given.append((seconds, len(oracle.endings)))
        decide(oracle, session, ending, choices, most, seconds if len(given) == 1 else 0.0)

    monkeypatch.setattr(Oracle, "decide", decide_in)
    (cell,) = explore(path, strategy="random", executions=30, seconds=30, out=tmp_path / "found").cells

    assert all(0 < later[0] < earlier[0] <= 31 for earlier, later in itertools.pairwise(given))
    assert {endings for _, endings in given[1:]} == {given[1][1]}, "without time an order was run"
    assert {finding.grade for finding in cell.findings} >= {"interesting"}, "all were found in the time of the first"


def test_a_search_is_not_cut_to_let_others_help_it(tmp_path, monkeypatch):
    monkeypatch.setattr(script_search, "_ALONE_S", 0.0)
    monkeypatch.setattr(script_search, "_ALONE", 0)

    (cell,) = explore(PROGRAMS / "buy_lock.py", jobs=2, files=[PROGRAMS / "buy_lock.py"], out=tmp_path / "found").cells

    assert (cell.verdict, cell.reason) == ("proved", "")


UNTOUCHED = """
    import multiprocessing, os, random, tempfile, threading, uuid
    from multiprocessing import Process, process, util

    def act():
        print(multiprocessing.current_process().name, uuid.uuid4())

    if __name__ == "__main__":
        own = multiprocessing.current_process()
        print(own.name, multiprocessing.parent_process(), multiprocessing.active_children())
        print(multiprocessing.get_start_method(allow_none=True), util._exiting, threading._shutdown.__name__)
        print(len(util._finalizer_registry), len(process._dangling), threading.active_count())
        print(os.listdir(tempfile.gettempdir()), os.listdir("."))
        print("descriptors", len(os.listdir("/proc/self/fd")))
        print(uuid.uuid4())
        one = Process(target=act)
        one.start()
        one.join()
"""


def test_a_rehearsal_leaves_no_trace(tmp_path, monkeypatch):
    program = Script(str(script(tmp_path, UNTOUCHED))).program()

    def printed():
        session, serial = ControlledSession(program), Serial(1)
        runs = FreeRuns(program.script, program.source, [], orders_output=False)
        try:
            assert serial.begin()
            session.execute(serial)
            runs.run()
            free = Path(runs.root, "diaries", "0.1").read_text()
            return session.printed_by(0).decode(), session.printed_by(1).decode(), free.rpartition("\n")[0]
        finally:
            session.close()
            runs.close()

    controlled, child, free = printed()

    as_new = "MainProcess None []\nNone False _shutdown\n0 0 1\n[] ['own.py']\ndescriptors"
    # Three that each process has, the folder that is listed, and what leads to the warm parent and the controller.
    assert controlled.startswith(f"{as_new} 6\n")
    assert free.startswith(f"{as_new} 5\n")  # and here its diary
    assert child.startswith("Process-1 ")
    assert controlled.split()[-1] != child.split()[-1]


NAMESAKE = """
    import queue
    from multiprocessing import Process

    def act():
        open("touched", "w").close()
        print(queue.OWN)

    if __name__ == "__main__":
        one = Process(target=act)
        one.start()
        one.join()
"""


def test_a_module_of_the_scripts_own_that_has_the_name_of_one_of_pythons_is_found(tmp_path):
    (tmp_path / "queue.py").write_text("OWN = True")
    path = script(tmp_path, NAMESAKE)

    done = lab("explore", path, "--out", tmp_path / "found")
    assert "Process-1 prints True" in done.stdout, done
    done = lab("race", path, "-n", 2, "--out", tmp_path / "raced")
    assert "Process-1 prints True" in done.stdout, done
