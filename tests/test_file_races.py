"""Which operations on files are told as racing: those on what a name leads to, and no locks and flags."""

import textwrap

import pytest

from lab.engines.controlled.session import ControlledSession
from lab.schedulers.dpor import Dpor
from lab.script import Script
from lab.search import Limits, Tally, search

HEAD = """
    import fcntl, os, time
    from multiprocessing import Process

    def read():
        with open("data") as file:
            return file.read()

    def replace(me, text):
        with open(f"data.{me}", "w") as file:
            file.write(text)
        os.replace(f"data.{me}", "data")
"""
TAIL = """
    if __name__ == "__main__":
        replace("first", "a")
        ones = [Process(target=one, args=(me,), name=f"one {me}") for me in range(2)]
        for one in ones:
            one.start()
        for one in ones:
            one.join()
"""


def racing(tmp_path, body, executions=300):
    """What is told of the pairs of a script whose two processes do this, by the texts of their lines."""
    parts = map(textwrap.dedent, (HEAD, body, TAIL))
    path = tmp_path / "files.py"
    path.write_text("\n".join(parts))
    session, tally = ControlledSession(Script(str(path)).program(), keeps_history=True), Tally(is_reduced=True)
    try:
        search(session, Dpor(), tally, Limits(executions, None), lambda tally: None)
    finally:
        session.close()
    assert tally.executions > 1
    return [conflict.partition(";")[0] for conflict in tally.conflicts]


def test_who_replaces_a_file_that_another_has_read_races_with_the_reader(tmp_path):
    found = racing(tmp_path, "def one(me):\n    replace(me, read() + 'b')")

    assert set(found) == {
        "one 1 replaced file 'data' at files.py:12 after one 0 had opened it at files.py:6",
        "one 0 replaced file 'data' at files.py:12 after one 1 had replaced it at files.py:12",
    }


GUARDED = {
    "a lock on a file": """
        def one(me):
            with open("lock", "a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                replace(me, read() + "b")
    """,
    "a file that only one can create": """
        def one(me):
            try:
                os.close(os.open("lock", os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return
            replace(me, read() + "b")
            os.unlink("lock")
    """,
    "a folder that only one can make": """
        def one(me):
            try:
                os.mkdir("lock")
            except FileExistsError:
                return
            replace(me, read() + "b")
            os.rmdir("lock")
    """,
    "a flag that is looked for": """
        def one(me):
            if me == 0:
                replace(me, read() + "b")
                open("flag", "w").close()
            elif os.path.exists("flag"):
                replace(me, read() + "b")
    """,
    "a flag that is renamed to its place": """
        def one(me):
            if me == 0:
                replace(me, read() + "b")
                os.rename("data.flag", "flag") if open("data.flag", "w").close() is None else None
            elif os.path.exists("flag"):
                replace(me, read() + "b")
    """,
    "a file that is there when it is whole": """
        def one(me):
            if me == 0:
                open("new", "w").close()
                os.replace("new", "ready")
                return
            try:
                open("ready").close()
            except FileNotFoundError:
                pass
    """,
    "a task that is taken by renaming it": """
        def one(me):
            if me == 0:
                open("new", "w").close()
                os.replace("new", "task")
                return
            try:
                os.rename("task", "taken")
            except FileNotFoundError:
                return
            open("taken").close()
    """,
}


@pytest.mark.parametrize("body", GUARDED.values(), ids=GUARDED)
def test_what_names_of_files_order_is_no_race(tmp_path, body):
    assert racing(tmp_path, body) == []
