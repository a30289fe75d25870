"""SQLite: the one file that knows its dialect, its settings and what its errors mean.

Another database gets a module like this one (`postgresql.py`): functions that open a `Database`
with the errors explained. The statements themselves are SQLAlchemy Core, in claims.py and its
neighbours, and are the same for all; what only one database needs, such as `FOR UPDATE SKIP
LOCKED`, Core leaves out for the others.

One connection writes to a ledger. SQLite before 3.51.3 can lose a commit when two connections
write or checkpoint a write-ahead log at the same moment; readers here are read-only and do neither.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from mailmerge.errors import LedgerError
from mailmerge.ledger.database import Database, Explain, Observer, Purpose
from mailmerge.ledger.migrations import Schema, migrate, pending_migrations
from mailmerge.private_files import make_private_file

_BUSY_MILLISECONDS: Final = 10_000
_PATIENCE: Final = 3600.0
"""Seconds that a thread waits for another one's transaction; enrolling a million rows takes one."""
_SECOND_EDITION: Final = 3
"""The `user_version` of the tables: programs of the first edition refuse anything above 2."""

_Settings = Mapping[str, tuple[object, tuple[object, ...]]]
"""Each setting: the value that is asked for, and the answers that are good enough."""

_BUSY: Final[_Settings] = {"busy_timeout": (_BUSY_MILLISECONDS, (_BUSY_MILLISECONDS,))}
_READ_ONLY: Final[_Settings] = {**_BUSY, "query_only": (1, (1,))}
_DURABLE: Final[_Settings] = {
    **_BUSY,
    "synchronous": ("FULL", (2,)),
    # Where fsync(2) does not wait for the disk (macOS), ask for what does; a no-op elsewhere.
    "fullfsync": (1, (1,)),
}
_ONE_WRITER: Final[_Settings] = {
    # Where shared memory is not to be had (a network disk), SQLite stays with its old journal.
    "journal_mode": ("WAL", ("wal", "delete")),
    **_DURABLE,
}


def open_database(
    path: Path,
    schema: Schema,
    *,
    shared: bool = False,
    explain: Explain | None = None,
    observer: Observer | None = None,
) -> Database:
    """A database in a file; its tables are made, or brought up to date.

    `shared` means that several processes write to it at once. `explain` says what an error means,
    where the usual words do not fit.

    Raises:
        LedgerError: it cannot be read or written, is damaged, or is of a newer mailmerge; or
            SQLite refuses a setting that the promise rests on.
    """
    make_private_file(path)
    address = f"{path.resolve().as_uri()}?mode=rw"
    settings = _DURABLE if shared else _ONE_WRITER
    engine = _engine(lambda: _connect(address, settings, path.name), "BEGIN IMMEDIATE")
    return _migrated(Database(engine, explain or _explained_by(path), observer), schema, path.name)


def memory_database(schema: Schema, *, observer: Observer | None = None) -> Database:
    """A database that is gone when it is closed."""
    engine = _engine(lambda: _connect(":memory:", {}, ""), "BEGIN")
    return _migrated(Database(engine, _explained_by(Path(":memory:")), observer), schema, "")


def read_database(path: Path, schema: Schema) -> Database | None:
    """A database in a file, only read; None where it has no tables yet.

    An older one is read through a copy in memory that is brought up to date; the file stays.

    Raises:
        LedgerError: it cannot be read, is damaged, or is of a newer mailmerge.
    """
    address = f"{path.resolve().as_uri()}?mode=ro"
    engine = _engine(lambda: _connect(address, _READ_ONLY, path.name), "BEGIN")
    database = Database(engine, _explained_by(path))
    try:
        with database.begin("read") as connection:
            missing = pending_migrations(connection, schema, path.name)
    except BaseException:
        database.close()
        raise
    if missing == []:
        return database
    database.close()
    return None if missing is None else _migrated_copy(address, schema, path)


def _migrated_copy(address: str, schema: Schema, path: Path) -> Database:
    def connect() -> sqlite3.Connection:
        copy = _connect(":memory:", {}, "")
        original = _connect(address, _READ_ONLY, path.name)
        original.backup(copy)
        original.close()
        return copy

    return _migrated(Database(_engine(connect, "BEGIN"), _explained_by(path)), schema, path.name)


def _migrated(database: Database, schema: Schema, name: str) -> Database:
    try:
        migrate(database, schema, name)
        with database.begin("opened") as connection:
            found: int = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            if found < _SECOND_EDITION:
                connection.exec_driver_sql(f"PRAGMA user_version = {_SECOND_EDITION}")
    except BaseException:
        database.close()
        raise
    return database


def _engine(connect: Callable[[], sqlite3.Connection], begin: str) -> Engine:
    """An engine of one connection; a second thread waits for the first one's transaction."""
    engine = create_engine(
        "sqlite+pysqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=_PATIENCE,
        pool_reset_on_return=None,
    )

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "begin", start)
    return engine


def _connect(address: str, settings: _Settings, name: str) -> sqlite3.Connection:
    """A connection; the answer to every setting is looked at, for SQLite fails in silence."""
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    for setting, (value, accepted) in settings.items():
        connection.execute(f"PRAGMA {setting} = {value}").fetchall()
        found = connection.execute(f"PRAGMA {setting}").fetchall()
        if not found or found[0][0] not in accepted:
            connection.close()
            raise LedgerError(
                f"SQLite does not keep {setting} = {value}", file=name, code="ledger-unwritable"
            )
    return connection


def _explained_by(path: Path) -> Explain:
    """What SQLite says about a ledger, in one line with what to do."""

    def explain(purpose: Purpose, error: DBAPIError) -> LedgerError:
        reason = str(error.orig)
        if "malformed" in reason or "not a database" in reason:
            hint = (
                "restore it from a copy, or ask the server's log which recipients were sent; "
                "do not delete it"
            )
            return LedgerError(
                f"is damaged: {reason}", file=path.name, hint=hint, code="ledger-damaged"
            )
        full = purpose == "written" or "disk" in reason
        hint = "make room on the disk and send again; no recipient is lost" if full else ""
        return LedgerError(
            f"cannot be {purpose}: {reason}", file=path.name, hint=hint, code="ledger-unwritable"
        )

    return explain
