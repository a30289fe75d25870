"""The SQLite file of a ledger: opening it, its rows as people, and what its complaints mean."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateColumn

from mailmerge.campaign import Campaign
from mailmerge.errors import LedgerError
from mailmerge.ledger.schema import VERSION, book, metadata, person
from mailmerge.ledger.states import Delivery, State, Transition
from mailmerge.private_files import make_private_file
from mailmerge.recipients.address import Mailbox

BUSY_MILLISECONDS = 10_000

_SNAPSHOT_COLUMNS = list(person.columns).index(person.c.cells) + 1
_read_json = json.JSONDecoder().raw_decode  # json.loads looks for white space around it, too
_FIRST_MARKED = list(person.columns).index(person.c.state)


def ledger_path(campaign: Campaign, name: str) -> Path:
    """Where the ledger of that name lies."""
    return campaign.state_folder / f"{name}.sqlite"


def state_of(row: Sequence[Any]) -> State:
    """The state of a row."""
    return State(row[_FIRST_MARKED])


MARK_COLUMNS = (person.c.id, *list(person.columns)[_FIRST_MARKED:])
"""What `mark_of` needs of a row."""


def mark_of(row: Sequence[Any]) -> Transition:
    """The part of a row that marks change."""
    state, at, attempts, doubts, retry_at, stage, reply = row[1 - len(MARK_COLUMNS) :]
    return Transition(row[0], State(state), at or 0.0, attempts, doubts, retry_at, stage, reply)


def claim_of(row: Sequence[Any], at: float) -> Transition:
    """The mark that this person is claimed; what they were before is kept in it."""
    _, _, attempts, doubts, retry_at, _, _ = row[_FIRST_MARKED:]
    return Transition(row[0], State.CLAIMED, at, attempts, doubts, retry_at)


def person_of(
    row: Sequence[Any], mark: Transition, message_id: str = "", date: float | None = None
) -> Delivery:
    """A row with the state of `mark`; `message_id` and `date` are for a row that has none."""
    number, key, place, address, path, identity, name, cells = row[:_SNAPSHOT_COLUMNS]
    old_id, old_date = row[_FIRST_MARKED - 2 : _FIRST_MARKED]
    return Delivery(
        number,
        key,
        place,
        Mailbox(address, path, identity, name),
        _read_json(cells)[0],
        mark.state,
        old_id or message_id,
        date if old_date is None else old_date,
        mark.at or None,
        mark.attempts,
        mark.doubts,
        mark.retry_at,
        mark.stage,
        mark.reply,
    )


def open_engine(path: Path, *, read_only: bool = False) -> Engine:
    """An engine of one connection; every PRAGMA's answer is looked at, for SQLite fails in silence.

    Raises:
        LedgerError: a setting that the promise rests on cannot be made.
    """
    if not read_only:
        make_private_file(path)
    mode = "ro" if read_only else "rw"
    address = f"{path.resolve().as_uri()}?mode={mode}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, isolation_level=None, check_same_thread=False
        )
        _prepare(connection, path, read_only=read_only)
        return connection

    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=StaticPool)
    begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "begin", start)
    return engine


def _prepare(connection: sqlite3.Connection, path: Path, *, read_only: bool) -> None:
    settings: dict[str, tuple[object, tuple[object, ...]]] = {
        "busy_timeout": (BUSY_MILLISECONDS, (BUSY_MILLISECONDS,))
    }
    if read_only:
        settings["query_only"] = (1, (1,))
    else:
        # Where shared memory is not to be had (a network disk), SQLite stays with its old journal.
        settings["journal_mode"] = ("WAL", ("wal", "delete"))
        settings["synchronous"] = ("FULL", (2,))
        # Where fsync(2) does not wait for the disk (macOS), ask for what does; a no-op elsewhere.
        settings["fullfsync"] = (1, (1,))
    for name, (value, accepted) in settings.items():
        connection.execute(f"PRAGMA {name} = {value}").fetchall()
        found = connection.execute(f"PRAGMA {name}").fetchall()
        if not found or found[0][0] not in accepted:
            raise LedgerError(
                f"SQLite does not keep {name} = {value}", file=path.name, code="ledger-unwritable"
            )


def version_of(database: Connection, path: Path) -> int:
    """Which tables there are; 0 where the process that made the file ended before it made any."""
    version: int = database.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version > VERSION:
        raise LedgerError(
            f"was written by a newer mailmerge (version {version} of its tables)",
            file=path.name,
            hint="use that one",
            code="ledger-newer",
        )
    return version


def bring_up_to_date(database: Connection, path: Path) -> None:
    """Make the tables of a new ledger, or those of an older one what they are now.

    Raises:
        LedgerError: the ledger is of a newer mailmerge.
    """
    with database.begin():
        version = version_of(database, path)
        if version == 0:
            metadata.create_all(database)
            database.execute(insert(book).values(_new_book()))
        if version == 1:
            for column in (book.c.seconds, book.c.check_seconds):
                definition = CreateColumn(column).compile(dialect=sqlite.dialect())
                database.exec_driver_sql(f"ALTER TABLE book ADD COLUMN {definition}")
        if version < VERSION:
            database.exec_driver_sql(f"PRAGMA user_version = {VERSION}")


def _new_book() -> dict[str, Any]:
    return {
        "id": 1,
        "secret": secrets.token_bytes(32),
        "fingerprint": "",
        "checked": "",
        "boot_id": "",
        "generation": 0,
        "offset": 0,
    }


def explained(path: Path, what: str, error: DBAPIError) -> LedgerError:
    """What SQLite says, in one line with what to do."""
    reason = str(error.orig)
    if "malformed" in reason or "not a database" in reason:
        hint = "restore it from a copy, or ask the server's log who was sent to; do not delete it"
        return LedgerError(
            f"is damaged: {reason}", file=path.name, hint=hint, code="ledger-damaged"
        )
    room = what == "written" or "disk" in reason
    hint = "make room on the disk and send again; nobody is lost" if room else ""
    return LedgerError(
        f"cannot be {what}: {reason}", file=path.name, hint=hint, code="ledger-unwritable"
    )
