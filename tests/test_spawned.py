"""Processes that are not forked: what they find and how they end is what it is without control, and nothing is left."""

import os
import subprocess
import sys
import textwrap
from multiprocessing import get_context
from pathlib import Path

import pytest
from conftest import thorough

from lab.engines.controlled.session import ControlledSession
from lab.schedulers.random_walk import RandomWalk
from lab.script import Script
from lab.script_exploring import explore_script

HOME = Path(__file__).parent / "programs"
SHM = Path("/dev/shm")
METHODS = ["spawn", "forkserver"]


def written(tmp_path, text, method="spawn"):
    path = tmp_path / "own.py"
    path.write_text(textwrap.dedent(text).replace("METHOD", method))
    return path


def controlled(path, *arguments):
    """What all processes print in an execution, line by line, and the outcome of it."""
    session = ControlledSession(Script(str(path), files=[str(path)], arguments=arguments).program())
    try:
        outcome = session.execute(RandomWalk(1)).trial.outcome
    finally:
        session.close()
    return sorted(session.states[outcome].output.decode().splitlines()), outcome


def bare(path, *arguments):
    command = [sys.executable, str(path), *arguments]
    # Where nothing is buffered the lines of several processes get mixed.
    environment = {**os.environ, "PYTHONUNBUFFERED": ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return sorted(done.stdout.splitlines())


def errors(path):
    return subprocess.run([sys.executable, str(path)], capture_output=True, text=True, check=False).stderr


def explored(path):
    (cell,) = explore_script(Script(str(path), files=[str(path)]), out=path.parent / "out", seconds=20.0).cells
    return cell


@pytest.mark.parametrize("method", METHODS)
def test_what_a_process_finds_and_can_be_passed_is_the_same_without_control(method):
    path = HOME / "spawn_surface.py"
    assert controlled(path, method)[0] == bare(path, method)


@pytest.mark.parametrize("kind", ["Lock", "Event", "Queue", "SimpleQueue"])
def test_what_a_context_that_forks_has_made_can_not_be_passed_to_a_process_that_is_not_forked(tmp_path, kind):
    text = f"""
        from multiprocessing import get_context

        if __name__ == "__main__":
            get_context("METHOD").Process(target=print, args=(get_context("fork").{kind}(),)).start()
    """
    path = written(tmp_path, text)
    assert controlled(path)[1] == "raised RuntimeError"
    if hasattr(get_context("fork").Lock(), "_is_fork_ctx"):  # an older Python passes it, and whoever uses it crashes
        assert "SemLock created in a fork context" in errors(path)


ENDS = {
    "ValueError": "raise ValueError",
    "SystemExit": "raise SystemExit(7)",
    "os._exit": "import os; os._exit(9)",
    "text": "raise SystemExit('a text')",
    "unpicklable": "print(child.name)",
}


@pytest.mark.parametrize("method", ["spawn", *thorough("forkserver")])
@pytest.mark.parametrize("end", ENDS)
def test_a_process_ends_by_the_code_by_which_it_ends_without_control(tmp_path, method, end):
    text = f"""
        from multiprocessing import get_context

        def work():
            {ENDS[end]}

        if __name__ == "__main__":
            child = get_context("METHOD").Process(target=work)
            child.start()
            child.join()
            print(child.exitcode)
    """
    path = written(tmp_path, text, method)
    assert controlled(path)[0] == bare(path)


@pytest.mark.parametrize("method", METHODS)
def test_a_file_that_ends_while_it_is_imported_ends_the_process(tmp_path, method):
    text = """
        from multiprocessing import get_context

        if __name__ != "__main__":
            raise SystemExit(5)
        child = get_context("METHOD").Process(target=print)
        child.start()
        child.join()
        print(child.exitcode)
    """
    path = written(tmp_path, text, method)
    assert controlled(path)[0] == bare(path) == [{"spawn": "5", "forkserver": "1"}[method]]


def test_a_target_that_can_not_be_imported_ends_the_process_in_an_exception(tmp_path):
    text = """
        from multiprocessing import get_context

        if __name__ == "__main__":
            def work():
                print("never")

            child = get_context("spawn").Process(target=work)
            child.start()
            child.join()
            print(child.exitcode)
    """
    assert controlled(written(tmp_path, text)) == (["1"], "raised AttributeError")


NESTED = """
    from multiprocessing import Process, current_process, parent_process, set_start_method

    class Own(Process):
        def __init__(self, depth):
            super().__init__()
            self.depth = depth

        def run(self):
            print(self.depth, current_process().name, parent_process().name)
            if self.depth:
                inner = Own(self.depth - 1)
                inner.start()
                inner.join()
                print(inner.exitcode)
                raise SystemExit(self.depth)

    if __name__ == "__main__":
        set_start_method("METHOD")
        both = [Own(1), Own(2)]
        for one in both:
            one.start()
        for one in both:
            one.join()
        print([one.exitcode for one in both])
"""


@pytest.mark.parametrize("method", ["spawn", *thorough("forkserver")])
def test_a_process_starts_processes_of_its_own(tmp_path, method):
    path = written(tmp_path, NESTED, method)
    assert controlled(path)[0] == bare(path)


def test_a_fork_server_stays_what_it_was_when_its_own_process_started_it(tmp_path):
    text = """
        import os
        from multiprocessing import get_context

        server = get_context("forkserver")

        def tell():
            print(os.environ.get("FIRST"), os.environ.get("SECOND"))

        def pass_on():
            os.environ["SECOND"] = "there"
            one = server.Process(target=tell)
            one.start()
            one.join()

        if __name__ == "__main__":
            for word in ("here", "later"):
                os.environ["FIRST"] = word
                for context in (server, get_context("fork")):
                    one = context.Process(target=pass_on)
                    one.start()
                    one.join()
                    print(context.get_start_method(), one.exitcode)
    """
    path = written(tmp_path, text)
    assert controlled(path)[0] == bare(path)


def test_an_end_of_a_pipe_is_held_while_the_process_still_imports_the_script(tmp_path):
    text = """
        from multiprocessing import get_context

        open("imported.txt", "a").close()

        def work(end):
            end.send("sent")

        if __name__ == "__main__":
            spawn = get_context("spawn")
            here, there = spawn.Pipe()
            child = spawn.Process(target=work, args=(there,))
            child.start()
            there.close()
            print(here.recv())
            child.join()
    """
    cell = explored(written(tmp_path, text))
    assert (cell.verdict, cell.reason) == ("proved", "")


def test_forked_processes_start_others_at_the_same_time(tmp_path):
    text = """
        from multiprocessing import Process, get_context

        def note(name):
            with open(name, "x") as file:
                file.write(name)

        def pass_on(name):
            inner = get_context("spawn").Process(target=note, args=(name,))
            inner.start()
            inner.join()

        if __name__ == "__main__":
            all_of_them = [Process(target=pass_on, args=(name,)) for name in "abc"]
            for one in all_of_them:
                one.start()
            for one in all_of_them:
                one.join()
    """
    cell = explored(written(tmp_path, text))
    assert (cell.verdict, cell.reason) == ("proved", "")


DOUBTS = {
    "sent.put(here)": "a connection that is sent to another process at own.py:",
    "spawn.set_executable('/bin/python')": "another interpreter at own.py:",
    "open(__file__, 'a').write('\\n')": "own.py, which the script has changed or put into its own place",
}


@pytest.mark.parametrize("deed", DOUBTS)
def test_what_is_not_controlled_proves_nothing(tmp_path, deed):
    text = f"""
        import multiprocessing
        from multiprocessing import spawn

        def work():
            open("a.txt", "w").close()

        if __name__ == "__main__":
            here, there = multiprocessing.Pipe()
            sent = multiprocessing.SimpleQueue()
            {deed}
            child = multiprocessing.get_context("spawn").Process(target=work)
            child.start()
            child.join()
    """
    cell = explored(written(tmp_path, text))
    assert (cell.verdict, DOUBTS[deed] in cell.reason) == ("unknown", True), cell.reason


def test_an_execution_that_is_cut_short_leaves_no_process_and_no_memory(tmp_path):
    text = """
        from multiprocessing import get_context
        from multiprocessing.shared_memory import SharedMemory

        if __name__ == "__main__":
            spawn = get_context("spawn")
            block = SharedMemory(create=True, size=8)
            event = spawn.Event()
            all_of_them = [spawn.Process(target=event.wait) for _ in range(3)]
            for one in all_of_them:
                one.start()
            for one in all_of_them:
                one.join()
    """
    session = ControlledSession(Script(str(written(tmp_path, text))).program())
    try:
        assert session.execute(RandomWalk(1)).trial.outcome == "deadlock"
        parent = session._parent._process.pid
        assert Path(f"/proc/{parent}/task/{parent}/children").read_text() == ""
        assert list(SHM.glob(f"psm.{Path(session._parent.root).name}-*")) == []
    finally:
        session.close()
