"""The record as one row of an SQLite database, each process with a connection of its own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from lab.errors import OutputError
from lab.store import BUSY, Record, Steps, TransactionalStore, VersionedStore

FILE = "state.sqlite"


class Sqlite(VersionedStore, TransactionalStore):
    """A row with a version and a JSON text. Without `begin`, each statement is a transaction of its own.

    SQLite's own wait for a lock is switched off (timeout 0): "database is locked" is a try that failed, and what is
    done about it is the engine's business. Write-ahead logging, so that readers do not stand in a writer's way.
    """

    name = "sqlite"

    @cached_property
    def _connection(self) -> sqlite3.Connection:
        # At first use, hence after any fork: a connection must not be carried into a child.
        return sqlite3.connect(self.place.folder.path(FILE), timeout=0, isolation_level=None)

    def create(self) -> None:
        """Make the table and its only row; OutputError if its place has no room for it."""
        try:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("CREATE TABLE state (version INTEGER NOT NULL, document TEXT NOT NULL)")
            self._connection.execute("INSERT INTO state VALUES (0, '{}')")
        except sqlite3.OperationalError as error:
            path = self.place.folder.path(FILE)
            raise OutputError(
                f"can't make {path}: {error}. Make room there, or try --dir with another place."
            ) from error

    def close(self) -> None:
        """Close this process's connection."""
        if "_connection" in self.__dict__:
            self._connection.close()
            del self._connection

    def reset(self) -> None:
        """End a transaction that was left open."""
        if "_connection" in self.__dict__:
            self._connection.rollback()

    def read(self) -> Steps[Record]:
        """The record, by one SELECT."""
        return (yield from self.read_versioned())[1]

    def write(self, record: Record) -> Steps[None]:
        """Overwrite the record, by one UPDATE."""
        yield from self._run("write", "UPDATE state SET version = version + 1, document = ?", json.dumps(record))

    def read_versioned(self) -> Steps[tuple[int, Record]]:
        """The version, which every write raises by one, and the record."""
        rows = yield from self._run("read", "SELECT version, document FROM state")
        version, document = rows[0]
        return version, json.loads(document)

    def write_if(self, version: int, record: Record) -> Steps[bool]:
        """Overwrite the record if no write came since that version was read, by one UPDATE … WHERE version."""
        update = "UPDATE state SET version = version + 1, document = ? WHERE version = ? RETURNING version"
        rows = yield from self._run("write if", update, json.dumps(record), version)
        return bool(rows)

    def begin(self) -> Steps[None]:
        """Take the write lock now, not at the first write."""
        yield from self._run("begin", "BEGIN IMMEDIATE")

    def commit(self) -> Steps[None]:
        """Keep what was written since `begin`, and let go."""
        yield from self._run("commit", "COMMIT")

    def rollback(self) -> Steps[None]:
        """Drop what was written since `begin`, and let go."""
        yield from self._run("rollback", "ROLLBACK")

    def _run(self, step: str, statement: str, *parameters: Any) -> Steps[Sequence[Any]]:
        yield step
        while True:
            try:
                return self._connection.execute(statement, parameters).fetchall()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                    raise
            yield BUSY
