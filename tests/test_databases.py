"""Databases of scripts under control: SQLite itself decides who may go on, and nobody waits in earnest."""

import re

import pytest

from lab.script import Script
from lab.script_exploring import explore_script

PROGRAM = """
import sqlite3
from multiprocessing import Process

def work(number):
{body}

if __name__ == "__main__":
    connection = sqlite3.connect("a.db")
    connection.executescript("create table t (n); insert into t values (0); create table u (n);")
    connection.close()
    both = [Process(target=work, args=(number,)) for number in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
"""
NO_TRANSACTION = 'connection = sqlite3.connect("a.db", isolation_level=None)'


def explored(tmp_path, *body, **rules):
    path = tmp_path / "script.py"
    path.write_text(PROGRAM.format(body="\n".join(f"    {line}" for line in body)))
    (cell,) = explore_script(Script(str(path), files=[str(path)], **rules), out=tmp_path / "out", seconds=20.0).cells
    return cell


def verdict(tmp_path, *body, **rules):
    cell = explored(tmp_path, *body, **rules)
    return cell.verdict, cell.reason, [finding.outcome for finding in cell.findings if finding.grade == "violation"]


@pytest.mark.parametrize("pragma", ["delete", "wal"])
def test_a_statement_of_its_own_is_atomic_in_either_journal_mode(tmp_path, pragma):
    lines = (NO_TRANSACTION, f'connection.execute("pragma journal_mode = {pragma}").fetchone()')
    assert verdict(tmp_path, *lines, 'connection.execute("update t set n = n + 1")') == ("proved", "", [])


def test_what_is_read_without_a_transaction_may_be_old(tmp_path):
    lines = (
        NO_TRANSACTION,
        'number = connection.execute("select n from t").fetchone()[0]',
        'connection.execute("update t set n = ?", (number + 1,))',
    )
    found = verdict(tmp_path, *lines)
    assert (found[0], found[2]) == ("found", ["unserial-1"])


def test_who_does_not_wait_is_told_that_the_database_is_locked(tmp_path):
    lines = ('connection = sqlite3.connect("a.db", timeout=0)', "with connection:")
    found = verdict(tmp_path, *lines, '    connection.execute("update t set n = n + 1")')
    assert (found[0], found[2]) == ("found", ["raised-OperationalError"])


def test_a_wait_ends_by_its_timeout_if_nobody_else_can_go_on(tmp_path):
    lines = (
        NO_TRANSACTION,
        'connection.execute("begin immediate")',
        "if number == 0:",
        "    child = Process(target=work, args=(2,))",
        "    child.start()",
        "    child.join()",
        'connection.execute("commit")',
    )
    found = verdict(tmp_path, *lines)
    assert (found[0], found[2]) == ("found", ["raised-OperationalError"])


def test_a_transaction_that_is_left_open_ends_with_its_process(tmp_path):
    lines = ('connection = sqlite3.connect("a.db")', 'connection.execute("update t set n = n + 1")')
    cell = explored(tmp_path, *lines)
    nothing_added = 'a.db: CREATE TABLE t (n);⏎INSERT INTO "t" VALUES(0);⏎CREATE TABLE u (n);'
    assert (cell.verdict, {finding.detail for finding in cell.findings}) == ("proved", {nothing_added})


def test_rows_that_nobody_reads_to_the_end_are_in_doubt(tmp_path):
    lines = (
        'connection = sqlite3.connect("a.db")',
        'cursor = connection.execute("select 1 union select 2")',
        "cursor.fetchone()",
        'connection.execute("select 3").fetchone()',
    )
    found = verdict(tmp_path, *lines)
    assert found[:2] == ("unknown", "not controlled: a SELECT whose rows are not read to the end at script.py:9")


def test_a_database_in_memory_is_nobody_elses(tmp_path):
    lines = (
        'connection = sqlite3.connect(":memory:")',
        'connection.execute("create table t (n)")',
        'open(f"{number}", "w").write(str(connection.execute("select count(*) from t").fetchone()))',
    )
    assert verdict(tmp_path, *lines) == ("proved", "", [])


def test_all_that_a_cursor_offers_gives_what_sqlite3_gives(tmp_path):
    lines = (
        'connection = sqlite3.connect(f"{number}.db")',
        "connection.row_factory = sqlite3.Row",
        "with connection:",
        '    connection.execute("create table v (n, m)")',
        '    made = connection.executemany("insert into v values (?, ?)", [(k, -k) for k in range(5)])',
        'cursor = connection.cursor().execute("select n, m from v order by n")',
        'told = [made.rowcount, tuple(cursor.fetchone()), [row["m"] for row in cursor.fetchmany(2)]]',
        "told += [[row[0] for row in cursor], cursor.fetchall(), cursor.fetchone(), cursor.description[1][0]]",
        "try:",
        "    with connection:",
        '        connection.execute("delete from v")',
        "        raise KeyError",
        "except KeyError:",
        '    told.append(connection.execute("select count(*) from v").fetchone()[0])',
        'cursor = connection.execute("insert into v values (7, 7) returning n")',
        "told += [cursor.fetchone()[0], cursor.lastrowid, connection.in_transaction]",
        "connection.commit()",
        "print(told)",
    )
    told = re.escape("[5, (0, 0), [-1, -2], [3, 4], [], None, 'm', 5, 7, 6, True]\n")
    assert verdict(tmp_path, *lines, expect_output=rf"\A({told}){{2}}\Z") == ("proved", "", [])
