"""Who only waits for others need not be copied at a checkpoint: what it says is known from the first time.

Each execution is compared with the same one that began anew, in which everybody was there.
"""

import contextlib
import textwrap
from marshal import dumps
from socket import AF_UNIX, SOCK_SEQPACKET, socketpair

import pytest

from lab.engines.controlled import checkpoint
from lab.engines.controlled.checkpoint import Checkpoint
from lab.engines.controlled.recollection import Recalled, Said
from lab.engines.controlled.session import ControlledSession
from lab.scheduler import Departed
from lab.schedulers.checks import Metrics
from lab.schedulers.random_walk import RandomWalk
from lab.script import Script

EXECUTIONS = 16


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
from multiprocessing import Process, Value

def buy(name, shared):
    with open("count") as file:
        count = int(file.read() or 0)
    with open("count", "w") as file:
        file.write(str(count - 1))
    {deed}

if __name__ == "__main__":
    with open("count", "w") as file:
        file.write("2")
    shared = Value("i", 0)
    buyers = [Process(target=buy, args=(name, shared)) for name in "ab"]
    for buyer in buyers:
        buyer.start()
    {before}
    for buyer in buyers:
        buyer.join({timeout})
    {after}
"""


def two(deed="pass", before="pass", timeout="", after="pass"):
    return TWO.format(deed=deed, before=before, timeout=timeout, after=after)


def test_who_only_waits_comes_once_and_never_again(executions):
    anew = executions.of(two(after="print('sold')"), EXECUTIONS)
    assert executions.came == 0

    assert executions.of(two(after="print('sold')")) == anew
    assert executions.came == 1


OTHERS = {
    "reads a file": (two(after="print(open('count').read())"), EXECUTIONS),
    "tells how they ended": (
        two(deed="sys.exit(max(0, count))", after="print([buyer.exitcode for buyer in buyers])"),
        None,
    ),
    "fails": (two(deed="sys.exit(max(0, count))", after="assert buyers[0].exitcode == 1"), None),
    "reads shared memory": (two(deed="shared.value += 1 + count", after="print(shared.value)"), EXECUTIONS),
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
    assert executions.came == 2, "a or b is the first to end"


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
    assert executions.came == 3


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
KNOWN = {b"ended": Said([EXIT])}


@pytest.mark.parametrize("deed", ["killed", "silent"])
def test_who_is_killed_or_silent_when_it_has_to_say_again_what_it_has_said_is_gone(deed):
    ours, theirs = socketpair(AF_UNIX, SOCK_SEQPACKET)
    ours.settimeout(0.01)
    recalled = Recalled(Said(then=KNOWN), lambda: ours)
    recalled.send(b"ended")
    assert recalled.recv(1 << 16) == EXIT
    assert not recalled.is_there

    if deed == "killed":
        theirs.close()
    with contextlib.closing(theirs), contextlib.closing(recalled), pytest.raises(ConnectionError):
        recalled.send(b"something else")
