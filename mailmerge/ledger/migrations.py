"""Older tables -> the present tables, by named steps.

A database records the name of each step that was applied, in the transaction of the step itself. If
the process ends in the middle, the database stays as it was. A new database gets the present tables
and the names of all steps. To change the tables, change schema.py and add a step to the end of the
list. Never change a step that has been released.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection, MetaData, Table, insert, inspect, select, text

from mailmerge.errors import LedgerError
from mailmerge.language import tr
from mailmerge.ledger.after import add_after_facts
from mailmerge.ledger.checksums import add_checksums, add_later_columns, add_server_ids
from mailmerge.ledger.content import add_content_files
from mailmerge.ledger.copies import add_saved_copies
from mailmerge.ledger.database import Database
from mailmerge.ledger.first_edition import add_campaigns
from mailmerge.ledger.schema import ledger, limits


@dataclass(frozen=True, slots=True)
class Migration:
    """One step; `apply` changes tables and rows inside the caller's transaction."""

    name: str
    apply: Callable[[Connection], None] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Schema:
    """The present tables of a database, and the steps that upgrade an older one."""

    metadata: MetaData
    migrations: tuple[Migration, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all steps, the oldest first."""
        return tuple(migration.name for migration in self.migrations)

    @property
    def record(self) -> Table:
        """The table of the applied steps."""
        return self.metadata.tables["migration"]


def pending_migrations(connection: Connection, schema: Schema, name: str) -> list[Migration] | None:
    """Return the steps that a database still needs, the oldest first; None if it has no tables.

    `name` is the name of the database, for the error.

    Raises:
        LedgerError: a newer mailmerge wrote the database.
    """
    tables = set(inspect(connection).get_table_names())
    if not tables:
        return None
    applied = set[str]()
    if schema.record.name in tables:
        applied = set(connection.scalars(select(schema.record.c.name)))
    if newer := sorted(applied.difference(schema.names)):
        raise LedgerError(
            tr("was written by a newer mailmerge (its tables have {newer!r})", newer=newer[0]),
            file=name,
            hint=tr("use that version of mailmerge"),
            code="ledger-newer",
        )
    return [migration for migration in schema.migrations if migration.name not in applied]


def migrate(database: Database, schema: Schema, name: str) -> None:
    """Make the tables of a new database, or upgrade those of an older one.

    `name` is the name of the database, for errors.

    Raises:
        LedgerError: a newer mailmerge wrote the database, or it cannot be written.
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


_SENDER = """
    CREATE TABLE sender (
        id INTEGER NOT NULL PRIMARY KEY,
        identity TEXT NOT NULL,
        generation INTEGER NOT NULL,
        token TEXT NOT NULL,
        beat INTEGER NOT NULL,
        until FLOAT NOT NULL,
        pid INTEGER NOT NULL,
        host TEXT NOT NULL,
        boot_id TEXT NOT NULL,
        since FLOAT NOT NULL,
        started TEXT NOT NULL
    )
    """


def _add_sender(connection: Connection) -> None:
    """Add the table of the process that may write; its row comes with the first opening."""
    connection.execute(text(_SENDER))


LEDGER = Schema(
    ledger,
    (
        Migration("campaigns, and owners of claims", add_campaigns),
        Migration("checksums", add_checksums),
        Migration("one sender", _add_sender),
        Migration("files of the content", add_content_files),
        Migration("ids of the server", add_server_ids),
        Migration("facts of received mails", add_after_facts),
        Migration("copies in the Sent folder", add_saved_copies),
        Migration("rows of groups", add_later_columns),
        Migration("refused copies", add_later_columns),
        Migration("time zones of recipients", add_later_columns),
    ),
)
"""The tables of a ledger."""

LIMITS = Schema(limits)
"""The tables of the record of limits, unchanged since the first edition."""
