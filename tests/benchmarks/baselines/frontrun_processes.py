"""Two buyers and a count in an SQLite file, explored by frontrun on processes that it reuses: executions and seconds.

python frontrun_processes.py ROUNDS
"""

import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import frontrun


def reset():
    with sqlite3.connect(PATH) as database:
        database.execute("DROP TABLE IF EXISTS tickets")
        database.execute("CREATE TABLE tickets (count INTEGER)")
        database.execute("INSERT INTO tickets VALUES (99)")
    database.close()
    return str(PATH), ROUNDS


def buy(state):
    path, rounds = state
    database = sqlite3.connect(path, isolation_level=None)
    for _ in range(rounds):
        (count,) = database.execute("SELECT count FROM tickets").fetchone()
        database.execute("UPDATE tickets SET count = ?", (count - 1,))
    database.close()


def explored(**choices):
    start = time.perf_counter()
    found = frontrun.explore(
        setup=reset,
        workers=[buy, buy],
        invariant=lambda state: True,
        execution="process",
        reuse_workers=True,
        preemption_bound=None,
        stop_on_first=False,
        **choices,
    )
    return found.num_explored, time.perf_counter() - start


if __name__ == "__main__":
    ROUNDS = int(sys.argv[1])
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        PATH = Path(folder, "tickets.db")
        explored(max_executions=5)
        print(*explored())
