"""SQLite files: their settings, readers next to a writer, and explained errors."""

from __future__ import annotations

import gc
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from mailmerge.errors import LedgerError
from mailmerge.ledger.database import Database, Purpose
from mailmerge.ledger.migrations import LEDGER, LIMITS
from mailmerge.ledger.sqlite import memory_database, open_database, read_database
from tests.open_files import needs_open_files, open_files

ADD = text("INSERT INTO slot VALUES (:name, 1.0)")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    opened = open_database(path, LIMITS)
    yield opened
    opened.close()


def setting(database: Database, name: str) -> object:
    with database.begin("read") as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def test_a_ledger_syncs_each_commit(database: Database) -> None:
    assert setting(database, "synchronous") == 2
    assert setting(database, "fullfsync") == 1
    assert setting(database, "journal_mode") == "wal"


def test_a_shared_database_has_no_write_ahead_log(path: Path) -> None:
    opened = open_database(path, LIMITS, shared=True)
    assert setting(opened, "journal_mode") == "delete"
    assert setting(opened, "synchronous") == 2
    opened.close()


def test_a_reader_sees_commits_and_writes_nothing(database: Database, path: Path) -> None:
    with database.begin() as connection:
        connection.execute(ADD, {"name": "a"})
    reader = read_database(path, LIMITS)
    assert reader is not None
    with reader.begin("read") as connection:
        assert connection.execute(text("SELECT limit_name FROM slot")).all() == [("a",)]
    with pytest.raises(LedgerError, match="readonly"), reader.begin() as connection:
        connection.execute(ADD, {"name": "b"})
    reader.close()


def test_a_file_without_tables_has_nothing_to_read(path: Path) -> None:
    path.touch()
    assert read_database(path, LEDGER) is None


def test_a_missing_file_is_an_error(path: Path) -> None:
    with pytest.raises(LedgerError, match="cannot be read: unable to open database file"):
        read_database(path, LEDGER)


def test_an_older_database_that_is_damaged_is_not_upgraded(path: Path) -> None:
    with sqlite3.connect(path) as older:
        older.execute("CREATE TABLE filler (text)")
        older.executemany("INSERT INTO filler VALUES (?)", [("x" * 3000,)] * 50)
    older.close()
    content = bytearray(path.read_bytes())
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(LedgerError) as caught:
        read_database(path, LEDGER)
    assert caught.value.problem.code == "ledger-damaged"


def test_the_version_is_above_that_of_the_first_edition(path: Path) -> None:
    open_database(path, LEDGER).close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (3,)
    connection.close()


def test_a_setting_that_is_not_kept_is_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite ignores an unknown PRAGMA."""
    real = sqlite3.connect

    class Deaf(sqlite3.Connection):
        def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
            return super().execute(sql.replace("synchronous", "no_such_pragma"), *parameters)  # type: ignore[arg-type]  # as given

    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: real(*args, **more, factory=Deaf))
    with pytest.raises(LedgerError, match="SQLite does not accept the setting synchronous = FULL"):
        open_database(path, LEDGER)


@needs_open_files
def test_a_damaged_file_is_closed(path: Path) -> None:
    """Windows would not let the user move it away."""
    path.write_bytes(b"this is no database" * 100)
    for attempt in (open_database, read_database):
        with pytest.raises(LedgerError) as error:
            attempt(path, LEDGER)
        assert error.value.problem.code == "ledger-damaged"
        assert path.resolve() not in open_files()


def test_a_memory_database_closes_itself() -> None:
    database = memory_database(LIMITS)
    with database.begin("read") as connection:
        driver = connection.connection.driver_connection
    assert driver is not None
    del database, connection
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        driver.execute("SELECT 1")


def test_a_memory_database_is_gone_when_it_is_closed() -> None:
    first = memory_database(LIMITS)
    with first.begin() as connection:
        connection.execute(ADD, {"name": "a"})
    second = memory_database(LIMITS)
    with second.begin() as connection:
        assert connection.execute(text("SELECT * FROM slot")).all() == []
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("purpose", "reason", "message", "hint", "code"),
    [
        ("read", "file is not a database", "is damaged", "do not delete it", "ledger-damaged"),
        ("read", "disk image is malformed", "is damaged", "do not delete it", "ledger-damaged"),
        ("written", "anything", "cannot be written", "free some disk", "ledger-unwritable"),
        ("read", "disk I/O error", "cannot be read", "free some disk", "ledger-unwritable"),
        ("read", "locked", "cannot be read: locked", "", "ledger-unwritable"),
    ],
)
def test_each_error_names_its_fix(
    database: Database, purpose: Purpose, reason: str, message: str, hint: str, code: str
) -> None:
    failed = OperationalError("", {}, sqlite3.OperationalError(reason))
    with pytest.raises(LedgerError) as error, database.begin(purpose):
        raise failed
    problem = error.value.problem
    assert problem.message.startswith(message)
    assert (hint in problem.hint, bool(problem.hint)) == (True, bool(hint))
    assert (problem.code, problem.file) == (code, "x.sqlite")
