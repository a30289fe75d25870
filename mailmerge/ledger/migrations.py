"""Old tables -> the tables of now, by named steps.

A database records the name of each step that it has been through, in the same transaction as the
step itself: a process that ends in the middle leaves the database as it was before. A new database
gets the tables of now, and the names of all steps. To change the tables, change schema.py and add a
step to the end of the list; never change a step that has been released.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection, MetaData, Table, insert, inspect, select

from mailmerge.errors import LedgerError
from mailmerge.ledger.database import Database
from mailmerge.ledger.first_edition import add_campaigns
from mailmerge.ledger.schema import ledger, limits


@dataclass(frozen=True, slots=True)
class Migration:
    """One step: it changes tables and rows through the connection, inside a transaction."""

    name: str
    apply: Callable[[Connection], None] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables that a database has now, and the steps that bring an older one there."""

    metadata: MetaData
    migrations: tuple[Migration, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all steps, the oldest first."""
        return tuple(migration.name for migration in self.migrations)

    @property
    def record(self) -> Table:
        """The table of the steps that were taken."""
        return self.metadata.tables["migration"]


def pending_migrations(connection: Connection, schema: Schema, name: str) -> list[Migration] | None:
    """The steps that a database still needs, the oldest first; None where it has no tables yet.

    `name` is that of the database, for the error.

    Raises:
        LedgerError: the database is of a newer mailmerge.
    """
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    applied = set[str]()
    if schema.record.name in tables:
        applied = set(connection.scalars(select(schema.record.c.name)))
    if newer := sorted(applied.difference(schema.names)):
        raise LedgerError(
            f"was written by a newer mailmerge (its tables have {newer[0]!r})",
            file=name,
            hint="use that one",
            code="ledger-newer",
        )
    return [migration for migration in schema.migrations if migration.name not in applied]


def migrate(database: Database, schema: Schema, name: str) -> None:
    """Make the tables of a new database, or bring those of an older one up to date.

    `name` is that of the database, for errors.

    Raises:
        LedgerError: the database is of a newer mailmerge, or cannot be written.
    """
    with database.begin("opened") as connection:
        missing = pending_migrations(connection, schema, name)
        if missing is None:
            schema.metadata.create_all(connection)
            _record(connection, schema, *schema.names)
            return
        schema.record.create(connection, checkfirst=True)
    for migration in missing:
        with database.begin("opened") as connection:
            migration.apply(connection)
            _record(connection, schema, migration.name)


def _record(connection: Connection, schema: Schema, *names: str) -> None:
    rows = [{"name": name, "applied_at": time.time()} for name in names]
    if rows:
        connection.execute(insert(schema.record), rows)


LEDGER = Schema(ledger, (Migration("campaigns, and owners of claims", add_campaigns),))
"""The tables of a ledger."""

LIMITS = Schema(limits)
"""The tables of the record of limits; they are those of the first edition."""
