"""Entries in a file of SQLite, for one thread. A damaged file is set aside, never in the way.

Write-ahead logging: what was committed survives the death of the process at any moment.
"""

import logging
import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import msgspec

from modelnet.core.identity import RequestId
from modelnet.ledger.outcome import Entry

VERSION = 1
"""Of the schema, kept in the file as `user_version`."""

SIDES = ("", "-wal", "-shm")
"""The files of one database, by what follows its name."""

_FIELDS = Entry.__struct_fields__
_COLUMNS = ", ".join(_FIELDS)
_MARKS = ", ".join("?" * len(_FIELDS))
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS outcome (
    id INTEGER PRIMARY KEY, task TEXT NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL,
    node TEXT NOT NULL, model TEXT NOT NULL, operation TEXT NOT NULL, verdict REAL NOT NULL,
    source TEXT NOT NULL, weight REAL NOT NULL, latency_s REAL, tokens INTEGER NOT NULL,
    cost_usd REAL, embedding BLOB
);
CREATE UNIQUE INDEX IF NOT EXISTS outcome_once ON outcome (task, node, model, source);
PRAGMA user_version = {VERSION};
COMMIT;
"""
_PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA secure_delete = ON",
    "PRAGMA journal_size_limit = 1048576",
)
_BUSY_S = 2.0
_DAMAGED = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
"""Our statements never change: one that makes no sense to a file tells that the file does not."""

_log = logging.getLogger(__name__)


def is_damage(error: sqlite3.Error) -> bool:
    """Tell whether the file itself is at fault, and not the disk it is on."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGED


class Database:
    """One file, open. Every method may raise `sqlite3.Error`."""

    def __init__(self, connection: sqlite3.Connection, limit: int) -> None:
        self._connection = connection
        self._limit = limit
        self._count = _count(connection)

    @classmethod
    def open(cls, path: Path, limit: int) -> Self:
        """Open a file; one that cannot be used is set aside, at worst memory takes its place."""
        for _ in range(2):
            try:
                return cls(_connect(path), limit)
            except sqlite3.Error as error:
                if not is_damage(error) or not set_aside(path, str(error)):
                    _log.warning("%s cannot be used (%s): outcomes are not kept.", path, error)
                    break
            except OSError as error:
                _log.warning("%s cannot be used (%s): outcomes are not kept.", path, error.strerror)
                break
        return cls(_prepared(sqlite3.connect(":memory:", isolation_level=None)), limit)

    def add(self, entries: Sequence[Entry]) -> None:
        """Keep entries, all in one transaction, and drop the oldest beyond the limit."""
        rows = [[getattr(entry, field) for field in _FIELDS] for entry in entries]
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            inserted = self._connection.executemany(
                f"INSERT OR IGNORE INTO outcome ({_COLUMNS}) VALUES ({_MARKS})",  # noqa: S608
                rows,
            ).rowcount
            excess = max(0, self._count + inserted - self._limit)
            if excess:
                self._connection.execute(
                    "DELETE FROM outcome WHERE id IN (SELECT id FROM outcome ORDER BY id LIMIT ?)",
                    (excess,),
                )
        self._count += inserted - excess

    def recent(self, limit: int) -> tuple[Entry, ...]:
        """Return the newest entries, the oldest of them first."""
        rows = self._connection.execute(
            f"SELECT {_COLUMNS} FROM outcome ORDER BY id DESC LIMIT ?",  # noqa: S608
            (max(0, limit),),
        ).fetchall()
        return tuple(entry for row in reversed(rows) if (entry := _entry(row)) is not None)

    def page(self, after: int, size: int) -> tuple[int, list[Entry]]:
        """Return entries that come after a place, and the place after them; 0 at the end."""
        rows = self._connection.execute(
            f"SELECT id, {_COLUMNS} FROM outcome WHERE id > ? ORDER BY id LIMIT ?",  # noqa: S608
            (after, size),
        ).fetchall()
        entries = [entry for row in rows if (entry := _entry(row[1:])) is not None]
        return (rows[-1][0] if rows else 0), entries

    def delete(self, before: float | None, task: RequestId | None) -> int:
        """Destroy entries; neither the file nor its log holds a byte of them afterwards."""
        deleted = self._connection.execute(
            "DELETE FROM outcome WHERE (?1 IS NULL OR at < ?1) AND (?2 IS NULL OR task = ?2)",
            (before, task),
        ).rowcount
        self._count -= deleted
        self._connection.execute("VACUUM")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return deleted

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()


def set_aside(path: Path, why: str) -> bool:
    """Rename the files of a database, over those set aside before; tell whether that worked."""
    try:
        for side in SIDES:
            with suppress(FileNotFoundError):
                Path(f"{path}{side}").replace(f"{path}.damaged{side}")
    except OSError:
        return False
    _log.warning("%s cannot be read (%s): it is set aside as %s.damaged.", path, why, path.name)
    return True


def _connect(path: Path) -> sqlite3.Connection:
    # Created here: SQLite would let others of this machine read it.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return _prepared(sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None))


def _prepared(connection: sqlite3.Connection) -> sqlite3.Connection:
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(_SCHEMA)
        # A file of a later version, or somebody else's, has other columns or another number.
        connection.execute(f"SELECT {_COLUMNS} FROM outcome LIMIT 0")  # noqa: S608
        if version > VERSION:
            _refuse_newer(version)
        # Reads the whole index: damage there shows now.
        _count(connection)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _count(connection: sqlite3.Connection) -> int:
    return connection.execute("SELECT count(*) FROM outcome").fetchone()[0]


def _refuse_newer(version: int) -> None:
    error = sqlite3.DatabaseError(f"its version is {version}, newer than {VERSION}")
    error.sqlite_errorcode = sqlite3.SQLITE_NOTADB
    raise error


def _entry(row: Sequence[Any]) -> Entry | None:
    """Return what a row holds, if that makes sense: a file is anybody's to edit."""
    try:
        return msgspec.convert(dict(zip(_FIELDS, row, strict=True)), Entry)
    except msgspec.ValidationError:
        return None
