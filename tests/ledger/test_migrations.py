"""Databases are upgraded by named steps, each complete or not at all."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, Connection, Integer, MetaData, Table, insert, select, text

from mailmerge.errors import LedgerError
from mailmerge.ledger.database import Database
from mailmerge.ledger.integrity import problems_of
from mailmerge.ledger.migrations import (
    LEDGER,
    LIMITS,
    Migration,
    Schema,
    migrate,
    pending_migrations,
)
from mailmerge.ledger.sqlite import memory_database, open_database
from mailmerge.ledger.states import State
from mailmerge.settings import Settings
from tests.ledger.steps import by_key, claim, finish
from tests.ledgers import DURABLE, open_store, read_ledger


def schema_of(*migrations: Migration, columns: int = 1) -> Schema:
    metadata = MetaData()
    Table("things", metadata, *(Column(f"c{number}", Integer) for number in range(columns)))
    Table("migration", metadata, *(Column(one.name, one.type) for one in LEDGER.record.columns))
    return Schema(metadata, migrations)


def add_column(connection: Connection) -> None:
    connection.execute(text("ALTER TABLE things ADD COLUMN c1 INTEGER"))
    connection.execute(text("UPDATE things SET c1 = c0 + 1"))


def fail(connection: Connection) -> None:
    connection.execute(text("DELETE FROM things"))
    raise RuntimeError("the process ends here")


@pytest.fixture
def old() -> Database:
    """A database of an earlier schema, with one row."""
    database = memory_database(schema_of())
    with database.begin() as connection:
        connection.execute(text("INSERT INTO things VALUES (41)"))
    return database


def applied(database: Database) -> list[str]:
    with database.begin() as connection:
        return list(connection.scalars(select(LEDGER.record.c.name)))


def rows(database: Database) -> list[tuple[object, ...]]:
    with database.begin() as connection:
        return [tuple(row) for row in connection.execute(text("SELECT * FROM things"))]


def test_a_new_database_has_the_tables_of_now_and_all_names() -> None:
    database = memory_database(schema_of(Migration("add a column", add_column), columns=2))
    assert applied(database) == ["add a column"]
    assert rows(database) == []


def test_a_step_is_taken_once(old: Database) -> None:
    newer = schema_of(Migration("add a column", add_column), columns=2)
    for _ in range(2):
        migrate(old, newer, "x")
        assert rows(old) == [(41, 42)]
    assert applied(old) == ["add a column"]


def test_steps_are_taken_in_order(old: Database) -> None:
    taken = list[str]()
    names = ["first", "second", "third"]
    steps = (Migration(name, lambda _, name=name: taken.append(name)) for name in names)  # type: ignore[misc]  # a default
    migrate(old, schema_of(*steps), "x")
    assert taken == applied(old) == names


def test_a_step_that_fails_leaves_nothing_behind(old: Database) -> None:
    newer = schema_of(Migration("add a column", add_column), Migration("fail", fail), columns=2)
    with pytest.raises(RuntimeError):
        migrate(old, newer, "x")
    assert rows(old) == [(41, 42)]
    assert applied(old) == ["add a column"]


def test_a_newer_database_is_refused(old: Database) -> None:
    with old.begin() as connection:
        connection.execute(insert(LEDGER.record).values(name="from the future", applied_at=0.0))
    with pytest.raises(LedgerError, match="newer mailmerge") as error:
        migrate(old, schema_of(), "x.sqlite")
    assert (error.value.problem.code, error.value.problem.file) == ("ledger-newer", "x.sqlite")


def test_a_database_without_tables_is_a_new_one() -> None:
    schema = schema_of(Migration("add a column", add_column), columns=2)
    database = memory_database(schema)
    with database.begin() as connection:
        schema.metadata.drop_all(connection)
        assert pending_migrations(connection, schema, "x") is None


@pytest.mark.parametrize("schema", [LEDGER, LIMITS])
def test_a_fresh_database_needs_no_step(schema: Schema) -> None:
    database = memory_database(schema)
    with database.begin() as connection:
        assert pending_migrations(connection, schema, "x") == []


@pytest.mark.parametrize("kind", DURABLE)
def test_ledger_without_ids_of_the_server_gets_them(campaign: Settings, kind: str) -> None:
    """The replies of earlier runs have them; rows of other states and replies stay as they are."""
    with open_store(campaign, kind) as store:
        one, two, three, _ = claim(store, 4)
        finish(store, one, State.SENT, reply="250 2.0.0 Ok: queued as A1")
        finish(store, two, State.SENT, reply="250 2.0.0 Ok")
        finish(store, three, State.REJECTED, reply="550 5.1.1 queued as B2")
    path = campaign.state_folder / "ledger.sqlite"
    database = open_database(path, LEDGER)
    with database.begin() as connection:
        connection.execute(text("ALTER TABLE delivery DROP COLUMN server_id"))
        connection.execute(text("DELETE FROM migration WHERE name = 'ids of the server'"))
    database.close()
    expected = {"u0": "A1", "u1": "", "u2": "", "u3": ""}
    assert {name: one.server_id for name, one in by_key(read_ledger(campaign)).items()} == expected
    with open_store(campaign, kind) as store:
        assert {name: one.server_id for name, one in by_key(store).items()} == expected
    database = open_database(path, LEDGER)
    with database.begin() as connection:
        assert not list(problems_of(connection))
    database.close()
