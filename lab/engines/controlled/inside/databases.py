"""sqlite3: every statement and every commit is an operation, on its database as a whole.

SQLite's own wait for a busy database is switched off. A try that finds it busy has changed nothing; it is told, and
made again once somebody has done something that may have let go of the lock. Where SQLite would not wait, since its
connection holds a lock that the other may wait for (sqlite.org/c3ref/busy_handler.html), it fails at once here, too.
"""

from __future__ import annotations

import re
import sqlite3
import sqlite3.dbapi2 as dbapi2
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Literal, Self, TypeVar
from weakref import ref

from lab.engines.controlled.inside.channel import me
from lab.engines.controlled.inside.paths import LINK, is_own, resolved, whole

T = TypeVar("T")

_raw_connection, _raw_cursor = sqlite3.Connection, sqlite3.Cursor
_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)+", re.DOTALL)
_CHANGES_ROWS = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_CHANGES = (*_CHANGES_ROWS, "CREATE", "DROP", "ALTER")
_TAKES_NO_LOCK = ("BEGIN", "SAVEPOINT")
_ENDS = ("COMMIT", "RELEASE")


def _kind(sql: str) -> str:
    """What a statement is called: its first word, and how it begins a transaction."""
    words = _COMMENTS.sub("", sql).replace(";", " ").upper().split()
    if not words:
        return "statement"
    if words[0] == "BEGIN" and len(words) > 1 and words[1] in ("IMMEDIATE", "EXCLUSIVE"):
        return f"BEGIN {words[1]}"
    if words[0] == "END":
        return "COMMIT"
    if words[0] == "WITH":
        return next((word for word in words if word in _CHANGES), "SELECT")
    return words[0]


class ControlledCursor(sqlite3.Cursor):
    """A cursor, whose rows are read when its statement is executed."""

    connection: ControlledConnection

    def __init__(self, connection: ControlledConnection) -> None:
        super().__init__(connection)
        self.rows: list[Any] = []
        self._place = 0

    def execute(self, sql: str, parameters: Any = (), /) -> Self:
        """One statement."""
        self.connection.run(self, sql, lambda: super(ControlledCursor, self).execute(sql, parameters))
        return self

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> Self:
        """One statement for each of the parameters: one operation."""
        given = list(parameters)
        self.connection.run(self, sql, lambda: super(ControlledCursor, self).executemany(sql, given))
        return self

    def executescript(self, script: str, /) -> Self:
        """Commit, then one statement after the other, none of which begins a transaction by itself."""
        connection = self.connection
        connection.commit()
        level = connection.isolation_level
        if level is not None:
            connection.isolation_level = None
        try:
            self._execute_all(script)
        finally:
            if level is not None:
                connection.isolation_level = level
        return self

    def _execute_all(self, script: str) -> None:
        statement = ""
        for part in re.split(r"(?<=;)", script):
            statement += part
            if sqlite3.complete_statement(statement):
                self.execute(statement)
                statement = ""
        if _COMMENTS.sub("", statement):
            self.execute(statement)

    def keep_rows(self) -> None:
        """Read what the statement gives."""
        self.rows = super().fetchall() if self.description else []
        self._place = 0

    @property
    def is_unread(self) -> bool:
        """True if SQLite would hold on to the database for it: not all of its rows were asked for."""
        return self._place < len(self.rows)

    def fetchone(self) -> Any:
        """The next row."""
        return next(self, None)

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """So many rows."""
        wanted = self.arraysize if size is None else size
        return [row for _, row in zip(range(wanted), self, strict=False)]

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        return list(self)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        if self._place >= len(self.rows):
            raise StopIteration
        self._place += 1
        return self.rows[self._place - 1]


class ControlledConnection(sqlite3.Connection):
    """A connection. One to a database in memory is nobody else's, and is left alone."""

    def __init__(self, database: Any, timeout: float = 5.0, *arguments: Any, **named: Any) -> None:
        self._path, self._owner = "", me.number
        if me.is_controlled and not me.depth and database not in (":memory:", ""):
            path = whole(database)
            if named.get("uri") or not is_own(path):
                me.doubt(f"the database {path}, which lies outside the script's folder,")
            else:
                self._path = path
                if resolved(path) != path:
                    me.doubt(LINK)
        self._has_patience = timeout > 0
        self._is_reading = False
        """True if it has read or written in the transaction that is open, and so holds a lock."""
        self._is_held = False
        self._last_cursor: Callable[[], ControlledCursor | None] = lambda: None
        """That of the last statement; of one that is gone SQLite has let go."""
        with me:
            super().__init__(database, 0 if self._path else timeout, *arguments, **named)

    def cursor(self, factory: Any = None) -> Any:
        """A cursor."""
        if not self._path or factory not in (None, _raw_cursor, ControlledCursor):
            if self._path:
                me.doubt("a cursor of the script's own class")
            return super().cursor(factory or _raw_cursor)
        made = ControlledCursor(self)
        made.row_factory = self.row_factory
        return made

    def execute(self, sql: str, parameters: Any = (), /) -> Any:
        """A statement by a cursor of its own."""
        return self.cursor().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> Any:
        """The same for many parameters."""
        return self.cursor().executemany(sql, parameters)

    def executescript(self, script: str, /) -> Any:
        """The same for several statements."""
        return self.cursor().executescript(script)

    def run(self, cursor: ControlledCursor, sql: str, call: Callable[[], object]) -> None:
        """Execute a statement, and read its rows; one that is its own transaction is committed by a second step."""
        kind = _kind(sql)
        other = self._last_cursor()
        if other is not None and other is not cursor and other.is_unread:
            me.doubt("a SELECT whose rows are not read to the end")
        self._last_cursor = ref(cursor)

        def do() -> None:
            call()
            cursor.keep_rows()

        # Python itself begins a transaction before rows are changed, unless it was told not to.
        is_begun = self.in_transaction or (kind in _CHANGES_ROWS and self._begins)
        if kind not in _CHANGES or is_begun:
            self._done(kind, do)
            return
        with me:
            _raw_cursor(self).execute("BEGIN")
        try:
            self._done(kind, do)
            self.commit()
        except BaseException:
            self.rollback()
            raise

    @property
    def _begins(self) -> bool:
        is_told_not_to = getattr(self, "autocommit", None) is True  # since Python 3.12
        return self.isolation_level is not None and not is_told_not_to

    def commit(self) -> None:
        """Keep what was written; nothing without a transaction."""
        if not self._path:
            super().commit()
        elif self.in_transaction:
            self._done("COMMIT", super().commit)

    def rollback(self) -> None:
        """Drop what was written; nothing without a transaction."""
        if not self._path:
            super().rollback()
        elif self.in_transaction:
            self._done("ROLLBACK", super().rollback)

    def close(self) -> None:
        """Close it, and drop what was not committed."""
        if self._path and self.in_transaction:
            self._done("close", super().close)
        else:
            super().close()

    def __del__(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it is closed
            self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any, /) -> Literal[False]:
        if kind is None:
            try:
                self.commit()
            except BaseException:
                self.rollback()
                raise
        else:
            self.rollback()
        return False

    def backup(self, *arguments: Any, **named: Any) -> None:
        """No operation of ours."""
        me.doubt("a backup of a database")
        super().backup(*arguments, **named)

    def blobopen(self, *arguments: Any, **named: Any) -> Any:
        """No operation of ours."""
        me.doubt("a blob of a database")
        return super().blobopen(*arguments, **named)

    def _done(self, kind: str, call: Callable[[], T]) -> T:
        """One try after the other, until the database is not busy."""
        if me.depth or not me.is_controlled:
            return call()
        if self._owner != me.number:
            me.doubt("a connection to a database that another process or thread has opened")
        me.ask("databases", "do", self._path, kind, kind in ("SELECT", "BEGIN"))
        while True:
            try:
                with me:
                    result = call()
            except sqlite3.OperationalError as error:
                me.told("result", f"{type(error).__name__}: {error}")
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
                me.tell("database", self._path, True, self._is_held)
                may_wait = kind in _ENDS or (not self._is_reading and error.sqlite_errorcode == sqlite3.SQLITE_BUSY)
                if not (self._has_patience and may_wait and me.ask("databases", "do again", self._path, kind)):
                    raise
            else:
                break
        is_open = kind != "close" and self.in_transaction
        self._is_reading = is_open and kind not in _TAKES_NO_LOCK
        if self._is_reading != self._is_held:
            self._is_held = self._is_reading
            me.tell("database", self._path, False, self._is_held)
        return result


def _connect(*arguments: Any, factory: Any = ControlledConnection, **named: Any) -> Any:
    """`sqlite3.connect`."""
    if factory is not ControlledConnection and me.is_controlled and not me.depth:
        me.doubt("a connection of the script's own class")
    return factory(*arguments, **named)


def install() -> None:
    """Put them in the place of the raw ones."""
    for module in (sqlite3, dbapi2):
        module.connect = _connect  # type: ignore[attr-defined]
        module.Connection, module.Cursor = ControlledConnection, ControlledCursor  # type: ignore[attr-defined]
