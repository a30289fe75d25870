"""Transactions: joined, observed, explained; and updates of many rows at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, bindparam, create_engine, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError

from mailmerge.errors import LedgerError, LedgerHeld
from mailmerge.ledger.database import Bulk, Database, observed
from mailmerge.ledger.migrations import LIMITS
from mailmerge.ledger.schema import slot
from mailmerge.ledger.sqlite import memory_database, open_database

INSERT = text("INSERT INTO slot VALUES (:name, 1.0)")


@pytest.fixture
def seen() -> list[str]:
    return []


@pytest.fixture
def database(seen: list[str]) -> Iterator[Database]:
    database = memory_database(LIMITS, observer=seen.append)
    seen.clear()
    yield database
    database.close()


def names(database: Database) -> list[str]:
    with database.begin("read") as connection:
        return list(connection.scalars(select(slot.c.limit_name)))


def add(database: Database, name: str) -> None:
    with database.begin() as connection:
        connection.execute(INSERT, {"name": name})


def add_and_fail(database: Database, name: str) -> None:
    with database.begin():
        add(database, name)
        raise RuntimeError


def test_an_error_rolls_everything_back(database: Database) -> None:
    with pytest.raises(RuntimeError):
        add_and_fail(database, "a")
    assert names(database) == []
    assert database.failure is None


def test_an_inner_transaction_joins_the_outer_one(database: Database, seen: list[str]) -> None:
    with pytest.raises(RuntimeError):
        add_and_fail(database, "a")
    assert names(database) == []
    with database.begin():
        add(database, "a")
        add(database, "b")
    assert names(database) == ["a", "b"]
    assert seen == ["before commit", "after commit"]


def test_reading_is_not_observed(database: Database, seen: list[str]) -> None:
    names(database)
    assert seen == []


def test_a_second_thread_waits_for_the_first(database: Database) -> None:
    with database.begin():
        other = threading.Thread(target=add, args=(database, "b"))
        other.start()
        add(database, "a")
        other.join(0.05)
        assert other.is_alive()
    other.join(60)
    assert names(database) == ["a", "b"]


def test_a_failed_write_is_remembered(database: Database) -> None:
    add(database, "a")
    with pytest.raises(LedgerError, match="cannot be written: UNIQUE constraint") as error:
        add(database, "a")
    assert database.failure is error.value
    assert isinstance(error.value.__cause__, DBAPIError)


def test_a_failed_read_is_not_remembered(database: Database) -> None:
    with pytest.raises(LedgerError, match="cannot be read"), database.begin("read") as connection:
        connection.execute(text("SELECT * FROM nothing"))
    assert database.failure is None


def test_observer_is_called_before_and_after(seen: list[str]) -> None:
    with observed(seen.append, "step"):
        assert seen == ["before step"]
    assert seen == ["before step", "after step"]
    with observed(None, "step"):
        pass


def test_observer_is_not_called_after_a_failed_step(seen: list[str]) -> None:
    with pytest.raises(RuntimeError), observed(seen.append, "step"):
        raise RuntimeError
    assert seen == ["before step"]


# --- many rows

LATER = Bulk(
    update(slot)
    .where(slot.c.limit_name == bindparam("name"))
    .ordered_values((slot.c.until, bindparam("until_")))
)


def test_many_rows_are_updated_by_tuples(database: Database) -> None:
    for name in "abc":
        add(database, name)
    with database.begin() as connection:
        LATER.run(connection, [(5.0, "a"), (6.0, "b")])
        LATER.run(connection, [])
        found = dict(connection.execute(select(slot.c.limit_name, slot.c.until)).all())
    assert found == {"a": 5.0, "b": 6.0, "c": 1.0}


def test_a_child_process_writes_no_more_and_may_read(database: Database) -> None:
    database.guard = Watch()
    add(database, "a")
    database.abandon()
    with pytest.raises(LedgerHeld, match="belongs to the process that opened it"):
        add(database, "b")
    assert isinstance(database.failure, LedgerHeld)


def test_a_child_process_may_write_a_database_without_a_guard(tmp_path: Path) -> None:
    database = open_database(tmp_path / "x.sqlite", LIMITS)
    add(database, "a")
    database.abandon()
    add(database, "b")
    assert (names(database), database.failure) == (["a", "b"], None)
    database.close()


def test_changes_that_cannot_be_settled_are_no_error() -> None:
    def settle(engine: Engine) -> bool:
        raise DBAPIError("", None, OSError("busy"))

    engine = create_engine("sqlite://")
    database = Database(engine, lambda _, error: LedgerError(str(error)), None, settle)
    assert not database.settle()
    assert Database(engine, lambda _, error: LedgerError(str(error))).settle()
    database.close()


class Recorder:
    """A connection of a database whose parameters have names."""

    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[dict[str, object]]]] = []

    def exec_driver_sql(self, sql: str, rows: list[dict[str, object]]) -> None:
        self.calls.append((sql, rows))


def test_tuples_become_named_parameters_where_needed() -> None:
    recorder = Recorder()
    LATER.run(recorder, [(5.0, "a")])  # type: ignore[arg-type]  # it has what is needed
    [(sql, rows)] = recorder.calls
    assert sql.startswith("UPDATE slot SET until=%(until_)s")
    assert "slot.limit_name = %(name)s" in sql
    assert rows == [{"until_": 5.0, "name": "a"}]


class Watch:
    """A guard that notes its steps, and refuses one of them."""

    def __init__(self, refuses: str = "") -> None:
        self.steps: list[str] = []
        self._refuses = refuses

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if name == self._refuses:
            raise LedgerHeld("refused")

    def before(self) -> None:
        self._step("before")

    def inside(self, connection: Connection) -> None:
        assert connection.in_transaction()
        self._step("inside")

    def after(self) -> None:
        self._step("after")


def test_a_guard_sees_each_outer_write(database: Database) -> None:
    database.guard = guard = Watch()
    with database.begin():
        add(database, "a")
    names(database)
    assert guard.steps == ["before", "inside", "after"]
    with pytest.raises(RuntimeError):
        add_and_fail(database, "b")
    assert guard.steps[3:] == ["before", "inside"]


@pytest.mark.parametrize("step", ["before", "inside"])
def test_a_guard_that_refuses_ends_all_writing(database: Database, step: str) -> None:
    database.guard = Watch(refuses=step)
    with pytest.raises(LedgerHeld, match="refused"):
        add(database, "a")
    assert isinstance(database.failure, LedgerHeld)
    assert names(database) == []
