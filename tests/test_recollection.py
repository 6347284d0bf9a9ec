"""Who only waits for others need not be copied at a checkpoint: what it says is known from the first time.

Each execution is compared with the same one that began anew, in which everybody was there.
"""

import contextlib
import os
import textwrap
from marshal import dumps
from pathlib import Path
from socket import AF_UNIX, SOCK_SEQPACKET, socketpair

import pytest

import lab
from lab.engines.controlled import checkpoint
from lab.engines.controlled.checkpoint import Checkpoint
from lab.engines.controlled.recollection import Recalled, Said
from lab.engines.controlled.session import ControlledSession
from lab.engines.controlled.surroundings import surroundings
from lab.scheduler import Departed
from lab.schedulers.checks import Metrics
from lab.schedulers.random_walk import RandomWalk
from lab.script import Script

EXECUTIONS = 12


class Executions:
    """The same random ones for each script; `came` is in how many of them the main process had to be there."""

    def __init__(self, monkeypatch, tmp_path):
        self._monkeypatch, self._tmp_path = monkeypatch, tmp_path
        self.came = 0
        copy_late = Checkpoint._copy_late

        def counted(one, controller, number, group):
            self.came += 1
            return copy_late(one, controller, number, group)

        monkeypatch.setattr(Checkpoint, "_copy_late", counted)

    def of(self, text, anew=0):
        """What each came to, of which these first ones begin anew."""
        path = self._tmp_path / "own.py"
        path.write_text(textwrap.dedent(text))
        self._monkeypatch.setattr(checkpoint, "_AT_FIRST", anew)
        session, found = ControlledSession(Script(str(path)).program()), []
        try:
            walk = Metrics(RandomWalk(7))
            for _ in range(EXECUTIONS):
                walk.begin()
                execution = session.execute(walk)
                walk.end(execution.ending.waiting)
                taken = [operation._replace(after=()) for operation in walk.taken]
                found.append((execution.trial, execution.ending.kind, taken, execution.doubt))
        finally:
            session.close()
        return found


@pytest.fixture
def executions(monkeypatch, tmp_path):
    return Executions(monkeypatch, tmp_path)


TWO = """
import os, signal, sys, time
from multiprocessing import Process, RawArray, Value

def buy(name, shared):
    with open("count") as file:
        count = int(file.read() or 0)
    with open("count", "w") as file:
        file.write(str(count - 1))
    {deed}

if __name__ == "__main__":
    with open("count", "w") as file:
        file.write("2")
    shared = {shared}
    buyers = [Process(target=buy, args=(name, shared)) for name in "ab"]
    for buyer in buyers:
        buyer.start()
    {before}
    for buyer in buyers:
        buyer.join({timeout})
    {after}
"""


def two(deed="pass", shared="None", before="pass", timeout="", after="pass"):
    return TWO.format(deed=deed, shared=shared, before=before, timeout=timeout, after=after)


def endings(anew):
    return len({trial.outcome for trial, *_ in anew})


def test_who_only_waits_comes_once_for_what_it_sees_in_the_end(executions):
    anew = executions.of(two(after="print('sold')"), EXECUTIONS)
    assert executions.came == 0

    assert executions.of(two(after="print('sold')")) == anew
    assert 0 < executions.came <= 2 * endings(anew), "each state of the files, whichever of the two has ended last"


IMPORTS = """
    try:
        import found
    except ImportError:
        print("nobody was second")
"""


OTHERS = {
    "reads a file": (two(after="print(open('count').read())"), EXECUTIONS),
    "tells how they ended": (
        two(deed="sys.exit(max(0, count))", after="print([buyer.exitcode for buyer in buyers])"),
        None,
    ),
    "fails": (two(deed="sys.exit(max(0, count))", after="assert buyers[0].exitcode == 1"), None),
    "reads shared memory": (two("shared.value += 1 + count", "Value('i', 0)", after="print(shared.value)"), 0),
    "looks into shared memory past all wrappers": (
        two("shared[0] += 1 + max(0, count)", "RawArray('b', 1)", after="print(bytes(memoryview(shared)))"),
        0,
    ),
    "imports what a child may have written": (
        two("count == 1 and open('found.py', 'w').write('sold = True')", after=IMPORTS),
        EXECUTIONS,
    ),
    "imports it after the first has ended": (
        two(
            "count == 1 and open('found.py', 'w').write('sold = True')",
            timeout="__import__('found') if os.path.exists('found.py') else None",
        ),
        None,
    ),
    "starts another": (two(after="Process(target=buy, args=('c', shared)).start()"), EXECUTIONS),
    "is killed by a child": (two(deed="count and os.kill(os.getppid(), signal.SIGKILL)"), None),
    "waits for a while": (two(timeout="1", after="print([buyer.exitcode for buyer in buyers])"), None),
    "looks whether they live": (two(before="print(buyers[1].is_alive())"), None),
}
"""What a main process does besides waiting; how many times it has to be there, if that is the same each time."""


@pytest.mark.parametrize("deed", OTHERS)
def test_who_does_more_than_wait_does_what_it_would_have_done(executions, deed):
    text, came = OTHERS[deed]
    anew = executions.of(text, EXECUTIONS)

    assert executions.of(text) == anew
    assert came is None or executions.came == came
    assert len({str(one) for one in anew}) > 1, "they are all the same, and would be whatever was done"


def test_who_waits_for_anyone_does_what_it_would_have_done(executions):
    text = """
        import os
        from multiprocessing import Process

        def write(name):
            with open("log", "a") as file:
                file.write(name)

        if __name__ == "__main__":
            for name in "ab":
                Process(target=write, args=(name,)).start()
            print([os.wait()[0] - os.getpid() for _ in range(2)])
    """
    anew = executions.of(text, EXECUTIONS)

    assert executions.of(text) == anew
    assert 0 < executions.came <= 2 * endings(anew), "a or b is the first to end"


def test_children_that_wait_for_their_own_children_need_not_be_there_either(executions):
    text = """
        from multiprocessing import Process

        def write(name):
            with open("log", "a") as file:
                file.write(name)

        def have_written(name):
            writer = Process(target=write, args=(name,))
            writer.start()
            writer.join()

        if __name__ == "__main__":
            processes = [Process(target=have_written, args=(name,)) for name in "ab"]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
    """
    anew = executions.of(text, EXECUTIONS)

    assert executions.of(text) == anew
    assert 0 < executions.came <= 2 * endings(anew) + 2, "as above, and each of the children once"


def test_how_somebody_ended_who_need_not_be_there_is_told_to_who_waits_for_it(executions):
    text = """
        import sys
        from multiprocessing import Process

        def write(name):
            with open("log", "a") as file:
                file.write(name)
            with open("log") as file:
                sys.exit(len(file.read()))

        def have_written(name):
            writer = Process(target=write, args=(name,))
            writer.start()
            writer.join()
            sys.exit(10 + writer.exitcode)

        if __name__ == "__main__":
            processes = [Process(target=have_written, args=(name,)) for name in "ab"]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            print([process.exitcode for process in processes])
    """
    anew = executions.of(text, EXECUTIONS)

    assert executions.of(text) == anew
    assert len({trial.detail for trial, *_ in anew}) > 1


def test_who_does_not_say_again_what_it_has_said_is_noticed_when_it_has_to_come(executions):
    # Which group of processes it is in differs each time, and nothing controls that.
    text = two(deed="sys.exit(max(0, count))", timeout="print(os.getpgrp(), flush=True)")

    with pytest.raises(Departed, match="differs from what it said the time before"):
        executions.of(text)


EXIT = dumps((True, "processes", "exit", (0,), "", 0))
KNOWN = {(b"ended", b"the same files"): Said([EXIT])}


@pytest.mark.parametrize("deed", ["killed", "silent"])
def test_who_is_killed_or_silent_when_it_has_to_say_again_what_it_has_said_is_gone(deed):
    ours, theirs = socketpair(AF_UNIX, SOCK_SEQPACKET)
    ours.settimeout(0.01)
    recalled = Recalled(Said(then=KNOWN), lambda: ours, lambda: b"the same files")
    recalled.send(b"ended")
    assert recalled.recv(1 << 16) == EXIT
    assert not recalled.is_there

    if deed == "killed":
        theirs.close()
    with contextlib.closing(theirs), contextlib.closing(recalled), pytest.raises(ConnectionError):
        recalled.send(b"something else")


def test_what_is_known_of_other_files_is_not_known_of_these():
    ours, theirs = socketpair(AF_UNIX, SOCK_SEQPACKET)
    around = [b"other files"]
    recalled = Recalled(Said(then=KNOWN), lambda: ours, around.pop)

    with contextlib.closing(theirs), contextlib.closing(recalled):
        recalled.send(b"ended")
        assert recalled.is_there
        assert theirs.recv(1 << 16) == b"ended"


def test_a_function_that_is_checked_sees_what_its_calls_have_returned(monkeypatch, tmp_path):
    """It is read past the controller, by a main process that has only waited."""

    def set_up():
        Path("count").write_text("0")

    def add():
        count = int(Path("count").read_text() or 0)
        Path("count").write_text(str(count + 1))
        return count, Path("count").read_text()

    def endings(anew, out):
        monkeypatch.setattr(checkpoint, "_AT_FIRST", anew)
        (cell,) = lab.explore(
            add, setup=set_up, check=lambda returns: None, processes=2, strategy="random", executions=60, out=out
        ).cells
        return sorted((finding.detail, finding.executions) for finding in cell.findings)

    anew = endings(100, tmp_path / "anew")
    assert len(anew) > 2
    assert endings(0, tmp_path / "copied") == anew


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a").write_text("x"),
        lambda folder: (folder / "a").rename(folder / "b"),
        lambda folder: (folder / "a").chmod(0o600),
        lambda folder: (folder / "inner" / "c").touch(),
        lambda folder: (folder / "link").symlink_to("nowhere"),
        lambda folder: os.mkfifo(folder / "pipe"),
    ],
    ids=["bytes", "name", "mode", "inner", "link", "pipe"],
)
def test_surroundings_are_the_same_until_something_is_changed(tmp_path, change):
    (tmp_path / "inner").mkdir()
    (tmp_path / "a").write_text("y")
    (tmp_path / "a").chmod(0o644)
    before = surroundings([tmp_path])
    assert before is not None
    assert surroundings([tmp_path]) == before

    change(tmp_path)

    assert surroundings([tmp_path]) != before


def test_surroundings_that_can_not_be_read_or_are_too_much_are_not_known(tmp_path):
    assert surroundings([tmp_path / "gone"]) is None
    (tmp_path / "much").write_bytes(bytes(1 << 21))
    assert surroundings([tmp_path]) is None
