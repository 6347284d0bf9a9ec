"""Executions that go on from a checkpoint are those that begin anew: nothing of one is left in the next."""

import multiprocessing
import os
import signal
import tempfile
import textwrap
from pathlib import Path

import pytest
from conftest import eventually, thorough

from lab.engines.controlled import checkpoint
from lab.engines.controlled.folder import Folder
from lab.engines.controlled.session import ControlledSession
from lab.engines.scratch import tmpfs
from lab.scheduler import Departed
from lab.schedulers.checks import Metrics
from lab.schedulers.random_walk import RandomWalk
from lab.script import Script

PROGRAMS = Path(__file__).parent / "programs"
NEVER = 10**9
TRIED = (
    "append_log",
    "buy_five",
    "buy_pool_lock",
    "buy_queue",
    "closed_pipe",
    "double_release",
    "next_id_flock",
    "publish_folder",
    "raw_array_swap",
    "raw_fork",
    "replaced_file",
    "server_value_lock",
    "spawn_lock",
    "thread_each_add",
    "value_add_lock",
)
OTHERS = sorted(path.stem for path in PROGRAMS.glob("*.py") if path.stem not in (*TRIED, "rules"))


class Walks:
    """Executions at random, the same ones each time; how many of them went on from a checkpoint."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch
        self.copied = 0
        go_on = checkpoint.Checkpoint.go_on

        def counted(one, controller):
            self.copied += 1
            go_on(one, controller)

        monkeypatch.setattr(checkpoint.Checkpoint, "go_on", counted)

    def executions(self, path, anew, count=12, between=lambda session: None):
        """What so many executions came to of which these first ones begin anew."""
        self._monkeypatch.setattr(checkpoint, "_AT_FIRST", anew)
        session = ControlledSession(Script(str(path)).program())
        found = []
        try:
            walk = Metrics(RandomWalk(7))
            for _ in range(count):
                walk.begin()
                execution = session.execute(walk)
                walk.end(execution.ending.waiting)
                trial = execution.trial
                taken = [operation._replace(after=()) for operation in walk.taken]
                found.append((trial.outcome, trial.detail, execution.ending.kind, taken, execution.doubt))
                between(session)
        finally:
            session.close()
        return found


@pytest.fixture
def walks(monkeypatch):
    return Walks(monkeypatch)


@pytest.fixture
def script(tmp_path):
    def script(text):
        path = tmp_path / "own.py"
        path.write_text(textwrap.dedent(text))
        return path

    return script


@pytest.mark.parametrize("name", TRIED)
def test_they_do_what_those_do_that_begin_anew(walks, name):
    anew = walks.executions(PROGRAMS / f"{name}.py", NEVER)

    assert walks.executions(PROGRAMS / f"{name}.py", 0) == anew
    assert walks.copied == len(anew)


@pytest.mark.parametrize("name", thorough(*OTHERS))
def test_they_do_it_whatever_the_program(walks, name):
    path = PROGRAMS / f"{name}.py"

    assert walks.executions(path, 0) == walks.executions(path, NEVER)


def test_whatever_an_execution_did_to_files_is_undone(walks, script):
    path = script("""
        import os
        from multiprocessing import Process

        def one():
            with open("count") as file:
                count = file.read()
            os.chmod("count", 0o600 if count == "1" else 0o666)
            with open("count", "w") as file:
                file.write("2")
            os.rename("gone", "come")
            os.mkdir("new")
            with open("new/one", "w") as file:
                file.write(count)
            with open("next", "w") as file:
                file.write("of the same length as the other")
            os.replace("next", "kept")
            os.chmod("fixed", 0o600)
            with open("fixed", "w") as file:
                file.write("not so")

        def two():
            print(open("count").read(), oct(os.stat("count").st_mode), os.path.exists("gone"), os.path.exists("new"))
            print(open("kept").read(), oct(os.stat("fixed").st_mode))

        if __name__ == "__main__":
            for name in ("count", "gone"):
                with open(name, "w") as file:
                    file.write("1")
            with open("kept", "w") as file:
                file.write("as long as the one it is put for")
            with open("fixed", "w") as file:
                file.write("so")
            os.chmod("count", 0o640)
            os.chmod("fixed", 0o440)
            both = [Process(target=one), Process(target=two)]
            for process in both:
                process.start()
            for process in both:
                process.join()
    """)
    anew = walks.executions(path, NEVER, 30)

    assert walks.executions(path, 0, 30) == anew
    assert walks.copied == 30
    assert len({detail for _, detail, *_ in anew}) > 3


def test_memory_that_is_shared_is_put_back(walks, script):
    path = script("""
        from multiprocessing import Array, Process, Value

        def add(count, array):
            count.value += 1
            array[0] += count.value

        if __name__ == "__main__":
            count, array = Value("i", 3), Array("i", [5, 6])
            processes = [Process(target=add, args=(count, array)) for _ in range(2)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            print(count.value, array[:])
    """)
    anew = walks.executions(path, NEVER)

    assert walks.executions(path, 0) == anew
    assert walks.copied == 12


def test_draws_and_exit_codes_are_the_same(walks, script):
    path = script("""
        import os
        import random
        import uuid
        from multiprocessing import Process

        def write():
            random.random()
            with open(f"by-{os.getpid()}", "w") as file:
                file.write(f"{random.random()} {os.urandom(4)} {os.getppid()} {uuid.uuid4()}")
            raise SystemExit(int(10 * random.random()))

        if __name__ == "__main__":
            random.random()
            processes = [Process(target=write) for _ in range(2)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            print(random.random(), [process.exitcode for process in processes])
    """)
    anew = walks.executions(path, NEVER, 4)

    assert walks.executions(path, 0, 4) == anew
    assert walks.copied == 4


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("file = open('log', 'w')", "file.write('x'); file.flush()"),
        ("database = sqlite3.connect('a.db'); database.execute('create table t (a)')", "database.close()"),
        ("ends = os.pipe()", "os.close(ends[0])"),
        ("os.mkdir(tempfile.gettempdir() + '/left')", "pass"),
        ("threading.Thread(target=print).start()", "pass"),
    ],
    ids=["file", "database", "pipe", "temporary folder", "thread"],
)
def test_who_has_more_in_common_with_a_copy_than_can_be_put_back_begins_anew(walks, script, before, after):
    path = script(f"""
        import os, sqlite3, tempfile, threading
        from multiprocessing import Process

        def write(name):
            with open(name, "w") as file:
                file.write(name)

        if __name__ == "__main__":
            {before}
            processes = [Process(target=write, args=(f"{{number}}",)) for number in range(2)]
            for process in processes:
                process.start()
            {after}
            for process in processes:
                process.join()
    """)
    found = walks.executions(path, 0)

    assert walks.copied == 0
    assert found == walks.executions(path, NEVER)


TWO = """
    import ctypes, mmap, os, resource, shutil, signal, time
    from multiprocessing import Lock, Process, Value
    from unittest.mock import mock_open, patch

    def write(name, text):
        with open(name, "w") as file:
            file.write(text)

    def one():
        {one}

    def two():
        {two}

    if __name__ == "__main__":
        number = Value("i", 0)
        {before}
        processes = [Process(target=one), Process(target=two)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        print([process.exitcode for process in processes])
"""

SAME = {
    "a look at a file that was replaced": (
        "write('x', '1')",
        "write('new', '2'); os.replace('new', 'x')",
        "print(os.stat('x').st_size); os.chmod('x', 0o600)",
    ),
    "an edit of the same size and time": (
        "write('x', '1')",
        "kept = os.stat('x'); write('x', '2'); os.utime('x', ns=(0, kept.st_mtime_ns))",
        "print(open('x').read())",
    ),
    "a copy of the same size and time": (
        "write('a', 'a'); write('b', 'b'); os.utime('a', (0, 0)); os.utime('b', (0, 0))",
        "shutil.copy2('a', 'b')",
        "print(open('b').read())",
    ),
    "modes of folders": ("os.mkdir('d')", "os.chmod('d', 0o700)", "print(oct(os.stat('d').st_mode))"),
    "owners and marks": (
        "write('x', '1')",
        "os.chmod('x', 0o600); os.chown('x', os.getuid(), os.getgid()); os.setxattr('x', 'user.one', b'1')",
        "print(os.listxattr('x'), oct(os.stat('x').st_mode))",
    ),
    "times that were set": (
        "write('x', '1'); os.utime('x', (10, 10))",
        "write('y', '')",
        "print(os.stat('x').st_mtime)",
    ),
    "a file that is about to be looked at": (
        "write('x', '1')",
        "print(os.stat('x').st_size); write('x', '22')",
        "os.rename('x', 'y'); write('y', '333')",
    ),
    "a folder that is closed": (
        "os.mkdir('e'); write('e/x', '1'); os.chmod('e', 0o555)",
        "os.chmod('e', 0o755); os.remove('e/x')",
        "print(os.path.exists('e/x'))",
    ),
    "a working folder that is renamed": (
        "os.mkdir('d'); os.chdir('d')",
        "print(os.path.exists('../d')); os.rename('../d', '../e')",
        "write('x', '1')",
    ),
    "a working folder that is made anew": (
        "os.mkdir('d'); os.chdir('d')",
        "os.chdir('..'); os.rmdir('d'); os.mkdir('d')",
        "print(os.path.exists('../d'))",
    ),
    "memory that is mapped": (
        "write('x', '0000')",
        "file = open('x', 'r+b'); memory = mmap.mmap(file.fileno(), 4); memory[0] += 1; print(memory[0])",
        "write('y', '')",
    ),
    "a patched open": (
        "patch('builtins.open', mock_open(read_data='x')).start()",
        "print(os.listdir('.')); os.mkdir('d')",
        "print(os.listdir('.'))",
    ),
}
ANEW = {
    "ended children that nobody waits for": (
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)",
        "write('x', '1')",
        "write('y', '')",
    ),
    "the same in a child": ("pass", "signal.signal(signal.SIGCHLD, signal.SIG_IGN); write('x', '1')", "write('y', '')"),
    "no descriptor left": (
        "pass",
        "resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir('/proc/self/fd')) - 1,) * 2); number.value = 1",
        "number.value = 2",
    ),
    "a watchdog": ("pass", "signal.alarm(100); write('x', '1')", "write('y', '')"),
    "a signal that waits": (
        "pass",
        "signal.pthread_sigmask(signal.SIG_BLOCK, [10]); signal.raise_signal(10); write('x', '')",
        "write('x', '1')",
    ),
    "a group of its own": (
        "pass",
        "os.setpgid(0, 0); write('x', '1'); os.killpg(os.getpgrp(), signal.SIGKILL)",
        "write('x', '2'); write('y', '')",
    ),
    "what was told of a file before": (
        "write('x', '1'); inode = os.stat('x').st_ino",
        "write('new', '2'); os.replace('new', 'x')",
        "print(os.stat('x').st_ino == inode)",
    ),
    "a count of the names of a file": (
        "write('x', '1')",
        "os.link('x', 'y'); print(os.stat('x').st_nlink)",
        "print(os.stat('x').st_nlink)",
    ),
    "standard input that is another file": (
        "os.close(0); os.open('/etc/hostname', os.O_RDONLY)",
        "print(os.read(0, 2)); write('x', '1')",
        "write('x', '2'); print(os.read(0, 2))",
    ),
}


@pytest.fixture
def are_the_same(walks, script):
    """True if executions of two processes that do this are the same with a checkpoint as without."""

    def are_the_same(before, one, two):
        path = script(TWO.format(before=before, one=one, two=two))
        return walks.executions(path, 0, 16) == walks.executions(path, NEVER, 16)

    return are_the_same


@pytest.mark.parametrize("name", SAME)
def test_what_one_execution_did_the_next_does_not_see(walks, are_the_same, name):
    assert are_the_same(*SAME[name])
    assert walks.copied


def test_what_is_written_to_a_given_file_by_mapped_memory_is_undone(walks, script, tmp_path):
    (tmp_path / "x").write_text("0000")
    # Who has read before it writes moves no clock of the file.
    one = "file = open('x', 'r+b'); memory = mmap.mmap(file.fileno(), 4); memory[0] += 1"
    found = walks.executions(script(TWO.format(before="pass", one=one, two="print(open('x').read())")), NEVER, 16)

    assert {detail.rpartition(" ")[2] for _, detail, *_ in found[8:]} == {"0000", "1000"}


@pytest.mark.parametrize("name", ANEW)
def test_what_a_copy_could_not_have_is_not_copied(walks, are_the_same, name):
    assert are_the_same(*ANEW[name])
    assert not walks.copied


def test_a_start_that_does_not_repeat_itself_is_noticed_by_one_that_begins_anew(walks, monkeypatch, script, tmp_path):
    monkeypatch.setattr(checkpoint, "_EVERY", 6)
    told = tmp_path / "told"
    told.write_text("1")
    path = script(f"""
        from multiprocessing import Process

        def write():
            with open("written", "w") as file:
                file.write(text)

        if __name__ == "__main__":
            text = open({str(told)!r}).read()
            print(text)
            processes = [Process(target=write) for _ in range(2)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
    """)

    with pytest.raises(Departed, match="differs from the time before"):
        walks.executions(path, 0, 12, lambda session: told.write_text("2"))
    assert walks.copied == 5


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill_a_template(session):
    os.kill(children_of(session._parent._process.pid)[0], signal.SIGKILL)


def test_a_template_that_is_killed_ends_one_execution_and_no_more(walks):
    found = walks.executions(PROGRAMS / "buy.py", 0, 6, lambda session: walks.copied == 3 and kill_a_template(session))

    assert [kind for _, _, kind, *_ in found] == ["done", "done", "done", "stuck", "done", "done"]


def test_a_template_that_is_killed_while_its_copy_runs_ends_nothing(monkeypatch, walks):
    choose, sessions = RandomWalk.choose, []

    def choose_and_kill(walk, enabled, current):
        if walks.copied == 3 and sessions:
            kill_a_template(sessions.pop())
        return choose(walk, enabled, current)

    monkeypatch.setattr(RandomWalk, "choose", choose_and_kill)
    found = walks.executions(PROGRAMS / "raw_fork.py", 0, 6, lambda session: sessions.append(session))

    assert {kind for _, _, kind, *_ in found} == {"done"}


def keep_templates(told):
    """Be a controller whose templates stand still, and tell the pids of all that it has."""
    checkpoint._AT_FIRST = 0
    session = ControlledSession(Script(str(PROGRAMS / "buy.py")).program())
    walk = RandomWalk(7)
    for _ in range(3):
        walk.begin()
        walk.end(session.execute(walk).ending.waiting)
    parent = session._parent._process.pid
    templates = [one for child in children_of(parent) for one in (child, *children_of(child))]
    told.send([parent, *templates])
    signal.pause()


def test_a_controller_that_is_killed_leaves_no_template():
    told, telling = multiprocessing.Pipe(duplex=False)
    controller = multiprocessing.get_context("fork").Process(target=keep_templates, args=(telling,), daemon=True)
    controller.start()
    assert told.poll(30)
    pids = told.recv()
    controller.kill()
    controller.join()

    assert len(pids) == 4
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_a_snapshot_of_a_folder_is_restored_with_the_same_files(in_memory):
    here = in_memory / "run"
    folder = Folder(str(here), {"a": b"new", "deep": None})
    folder.restore()
    (here / "a").write_text("one")
    (here / "b").write_text("two")
    (here / "deep").chmod(0o700)
    inodes = {name: (here / name).stat().st_ino for name in "ab"}
    snapshot = folder.snapshot()
    now = (here / "a").stat()
    (here / "a").write_text("uno")
    os.utime(here / "a", ns=(now.st_atime_ns, now.st_mtime_ns))
    (here / "c").write_text("due")
    (here / "c").replace(here / "b")
    (here / "deep").chmod(0o755)

    assert folder.restore_to(snapshot)
    assert {path.name: path.read_text() for path in here.iterdir() if path.is_file()} == {"a": "one", "b": "two"}
    assert {name: (here / name).stat().st_ino for name in "ab"} == inodes
    assert (here / "a").stat().st_mtime_ns == now.st_mtime_ns
    assert (here / "deep").stat().st_mode & 0o777 == 0o700
    folder.restore()
    assert {path.name: path.read_text() for path in here.iterdir() if path.is_file()} == {"a": "new"}


def test_a_snapshot_is_not_restored_where_a_folder_is_another_one(in_memory):
    here = in_memory / "run"
    folder = Folder(str(here), {"deep": None})
    folder.restore()
    snapshot = folder.snapshot()
    (here / "deep").rmdir()
    (here / "deep").mkdir()

    assert not folder.restore_to(snapshot)


def test_a_pipe_that_is_left_in_a_folder_is_not_read(in_memory):
    folder = Folder(str(in_memory / "run"), {})
    folder.restore()
    os.mkfifo(in_memory / "run" / "pipe")

    assert folder.snapshot() is None
    assert folder.changes() == {"pipe": b"(no file)"}


@pytest.fixture
def in_memory():
    """A folder where no two files have had the same inode."""
    with tempfile.TemporaryDirectory(dir=tmpfs()) as folder:
        yield Path(folder)


@pytest.mark.parametrize("make", [lambda one, two: two.symlink_to(one), lambda one, two: two.hardlink_to(one)])
def test_there_is_no_snapshot_of_links(tmp_path, make):
    folder = Folder(str(tmp_path / "run"), {"a": b"new"})
    folder.restore()
    make(tmp_path / "run" / "a", tmp_path / "run" / "b")

    assert folder.snapshot() is None
