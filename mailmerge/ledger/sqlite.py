"""SQLite: the only module that knows its dialect, its settings and the meaning of its errors.

Another database gets a module like this one (`postgresql.py`), with functions that open a
`Database` and explain its errors. The statements in claims.py and the modules next to it are
SQLAlchemy Core and the same for all databases. Core omits what a database does not have, such as
`FOR UPDATE SKIP LOCKED` here.

Only one connection writes to a ledger. Before version 3.51.3, SQLite can lose a commit if two
connections write or checkpoint a write-ahead log at the same moment. Readers here are read-only and
do neither.
"""

from __future__ import annotations

import shutil
import sqlite3
import weakref
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from mailmerge.errors import LedgerError
from mailmerge.language import marked, tr
from mailmerge.ledger.database import Database, Explain, Observer, Purpose
from mailmerge.ledger.disk_hints import hint_for_unwritable
from mailmerge.ledger.migrations import Schema, migrate, pending_migrations
from mailmerge.library_messages import sqlite_message, system_reason
from mailmerge.portable.processes import abandon_in_children
from mailmerge.private_files import make_private_file

_BUSY_MILLISECONDS: Final = 10_000
_POOL_TIMEOUT: Final = 3600.0
"""Seconds that a thread waits for the transaction of another thread, which may enrol a million
rows."""
_SECOND_EDITION: Final = 3
"""The `user_version` of the tables. Programs of the first edition refuse numbers above 2."""

_Settings = Mapping[str, tuple[object, tuple[object, ...]]]
"""Each setting with the requested value, and the answers that are acceptable."""

_BUSY: Final[_Settings] = {"busy_timeout": (_BUSY_MILLISECONDS, (_BUSY_MILLISECONDS,))}
_READ_ONLY: Final[_Settings] = {**_BUSY, "query_only": (1, (1,))}
_DURABLE: Final[_Settings] = {
    **_BUSY,
    "synchronous": ("FULL", (2,)),
    # On macOS, fsync(2) does not wait for the disk; this setting does. It has no effect elsewhere.
    "fullfsync": (1, (1,)),
}
_ONE_WRITER: Final[_Settings] = {
    # Without shared memory (on a network disk), SQLite keeps its rollback journal ("delete").
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
    """Open a database in a file, and make or upgrade its tables.

    `shared` means that several processes write to the file at once. `explain` replaces the usual
    explanation of errors.

    Raises:
        LedgerError: the file cannot be read or written, is damaged, or was written by a newer
            mailmerge; or SQLite refuses a setting that durability needs.
    """
    make_private_file(path)
    address = f"{path.resolve().as_uri()}?mode=rw"
    settings = _DURABLE if shared else _ONE_WRITER
    engine = _engine(lambda: _connect(address, settings, path.name), "BEGIN IMMEDIATE")
    database = Database(engine, explain or _explained_by(path), observer, _checkpoint)
    abandon_in_children(database)
    return _migrated(database, schema, path.name)


def memory_database(schema: Schema, *, observer: Observer | None = None) -> Database:
    """Open a database in memory. It ends when it is closed, or when nothing refers to it."""
    engine = _engine(lambda: _connect(":memory:", {}, ""), "BEGIN")
    database = Database(engine, _explained_by(Path(":memory:")), observer)
    weakref.finalize(database, engine.dispose)
    return _migrated(database, schema, "")


def read_database(path: Path, schema: Schema) -> Database | None:
    """Open a database in a file for reading only; None if it has no tables yet.

    An older database is copied into memory and upgraded there; the file does not change.

    SQLite reads a write-ahead log with the help of a third file (-shm). On a read-only disk it can
    neither find nor make that file. Without a log the database alone is complete and cannot change,
    so SQLite may read it without locks ("immutable"). With a log, both are copied.

    Raises:
        LedgerError: the file cannot be read, is damaged, or was written by a newer mailmerge.
    """
    address = f"{path.resolve().as_uri()}?mode=ro"
    try:
        return _read_at(address, schema, path)
    except LedgerError as error:
        if error.problem.code != "ledger-unwritable" or not path.exists():
            raise
    log = path.with_name(f"{path.name}-wal")
    if not log.exists() or log.stat().st_size == 0:
        return _read_at(f"{address}&immutable=1", schema, path)
    with TemporaryDirectory(prefix="mailmerge-") as folder:
        copy = Path(folder) / path.name
        try:
            for file in (path, log):
                shutil.copyfile(file, copy.with_name(file.name))
        except OSError as error:
            raise LedgerError(
                tr("cannot be read: {reason}", reason=system_reason(error)),
                file=path.name,
                hint=tr("copy its folder to a disk with free space, and read it there"),
                code="ledger-unwritable",
            ) from error
        return _in_memory(f"{copy.as_uri()}?mode=rw", schema, path)


def _read_at(address: str, schema: Schema, path: Path) -> Database | None:
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
    return None if missing is None else _in_memory(address, schema, path)


def _in_memory(address: str, schema: Schema, path: Path) -> Database:
    """Copy a database into memory now, and upgrade the copy."""
    copy = _connect(":memory:", {}, "")
    database = Database(_engine(lambda: copy, "BEGIN"), _explained_by(path))
    try:
        with closing(_connect(address, _READ_ONLY, path.name)) as original:
            original.backup(copy)
    except sqlite3.Error as error:
        database.close()
        copy.close()
        raise _explained_by(path)("read", DBAPIError("", None, error)) from error
    return _migrated(database, schema, path.name)


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
    """Make an engine with one connection; a second thread waits for the first's transaction."""
    engine = create_engine(
        "sqlite+pysqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=_POOL_TIMEOUT,
        pool_reset_on_return=None,
    )

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "begin", start)
    return engine


def _connect(address: str, settings: _Settings, name: str) -> sqlite3.Connection:
    """Connect with these settings. After an error the file is closed again."""
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    try:
        _apply(connection, settings, name)
    except BaseException:
        connection.close()
        raise
    return connection


def _apply(connection: sqlite3.Connection, settings: _Settings, name: str) -> None:
    """Set, and check the answer to each setting, because SQLite ignores unknown ones."""
    for setting, (value, accepted) in settings.items():
        connection.execute(f"PRAGMA {setting} = {value}").fetchall()
        found = connection.execute(f"PRAGMA {setting}").fetchall()
        if not found or found[0][0] not in accepted:
            raise LedgerError(
                tr(
                    "SQLite does not accept the setting {setting} = {value}",
                    setting=setting,
                    value=value,
                ),
                file=name,
                hint=tr("keep the ledger on a local disk"),
                code="ledger-unwritable",
            )


_FAILED: Final[Mapping[Purpose, str]] = {
    "opened": marked("cannot be opened: {reason}"),
    "read": marked("cannot be read: {reason}"),
    "written": marked("cannot be written: {reason}"),
}


def _explained_by(path: Path) -> Explain:
    """Return the function that turns an error of SQLite about this file into one line and a fix."""

    def explain(purpose: Purpose, error: Exception) -> LedgerError:
        reason = str(error.orig) if isinstance(error, DBAPIError) else str(error)
        if isinstance(error, DBAPIError) and not _is_damage(error, reason):
            full = purpose == "written" or "disk" in reason
            hint = hint_for_unwritable(path, reason=reason) if full else ""
            return LedgerError(
                tr(_FAILED[purpose], reason=sqlite_message(reason)),
                file=path.name,
                hint=hint,
                code="ledger-unwritable",
            )
        return damaged(path.name, reason)

    return explain


def damaged(name: str, reason: str) -> LedgerError:
    """Return the error for a ledger that is damaged, and must not be used to send."""
    return LedgerError(
        tr("is damaged: {reason}", reason=sqlite_message(reason)),
        file=name,
        hint=tr(
            'restore it from a copy; "mailmerge doctor --ledger" shows what can be read; '
            "do not delete it"
        ),
        code="ledger-damaged",
    )


_DAMAGE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_DAMAGED_SCHEMA: Final = ("malformed", "not a database", "no such column", "Could not decode")


def _is_damage(error: DBAPIError, reason: str) -> bool:
    """Whether an error means that bytes of the file are not as they were written."""
    number = getattr(error.orig, "sqlite_errorcode", None)
    return (number is not None and number & 0xFF in _DAMAGE) or any(
        words in reason for words in _DAMAGED_SCHEMA
    )


def _checkpoint(engine: Engine) -> bool:
    """Copy the write-ahead log into the database, as far as readers allow; whether all was."""
    with engine.connect() as connection:
        raw: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]  # of this engine
        try:
            _, log, copied = raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        except sqlite3.Error:
            return False
    return bool(log == copied)
