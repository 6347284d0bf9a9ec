"""Two add one to a number in a database: in a transaction that begins by reading."""

import sqlite3
from multiprocessing import Process


def add():
    connection = sqlite3.connect("a.db")
    connection.execute("begin")
    (number,) = connection.execute("select n from t").fetchone()
    connection.execute("update t set n = ?", (number + 1,))
    connection.commit()
    connection.close()


if __name__ == "__main__":
    connection = sqlite3.connect("a.db")
    connection.execute("create table t (n)")
    connection.execute("insert into t values (0)")
    connection.commit()
    connection.close()
    both = [Process(target=add) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
