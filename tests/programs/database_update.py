"""Two add one to a number in a database, each by one statement."""

import sqlite3
from multiprocessing import Process


def work():
    connection = sqlite3.connect("a.db", timeout=5)
    with connection:
        connection.execute("update t set n = n + 1")
    connection.close()


if __name__ == "__main__":
    connection = sqlite3.connect("a.db")
    connection.execute("create table t (n)")
    connection.execute("insert into t values (0)")
    connection.commit()
    connection.close()
    both = [Process(target=work) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
