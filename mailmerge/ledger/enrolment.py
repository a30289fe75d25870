"""Recipients -> people of the ledger: the first time a snapshot, later a difference.

As long as nobody has been sent to, the people that arrive are simply the snapshot. After that the
arriving people are laid beside it in a temporary table and compared by key, never by row number.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.schema import CreateTable

from mailmerge.ledger.schema import arriving, book, person
from mailmerge.ledger.states import Difference, State
from mailmerge.recipients.audience import Recipient

GONE = "no longer in the spreadsheet"
BATCH = 1000

_SNAPSHOT = ("address", "forward_path", "identity", "display_name", "cells")
_ANYBODY = true()
_OPEN = (State.PENDING, State.DEFERRED)
_NOT_TRANSMITTED = (State.PENDING, State.DEFERRED, State.REJECTED, State.SKIPPED)


def enrol(
    connection: Connection,
    recipients: Iterable[Recipient],
    fingerprint: str,
    *,
    accept_changes: bool,
    partial: bool,
) -> Difference:
    """Compare, and write unless there is a difference that was not accepted.

    It runs inside the caller's transaction, which the caller rolls back where `applied` is false.
    """
    if _nobody_was_tried(connection) and not partial:
        connection.execute(delete(person))
        _insert(connection, person, recipients, chosen=True, state=State.PENDING.value)
        connection.execute(update(book).values(fingerprint=fingerprint))
        return Difference(first=True, added=_count(connection, person), applied=True)
    _stage(connection, recipients)
    difference = _difference(connection, fingerprint, partial=partial)
    if difference and not accept_changes:
        return difference
    _apply(connection, fingerprint, partial=partial)
    return replace(difference, applied=True)


def _nobody_was_tried(connection: Connection) -> bool:
    tried = select(person.c.id).where(
        or_(person.c.state != State.PENDING, person.c.attempts > 0, person.c.doubts > 0)
    )
    gone = and_(person.c.state == State.SKIPPED, person.c.reply == GONE)
    return connection.execute(tried.where(~gone).limit(1)).first() is None


def _insert(
    connection: Connection, table: Table, recipients: Iterable[Recipient], **fixed: object
) -> None:
    rows = (_row(recipient) | fixed for recipient in recipients)
    statement = insert(table)
    while batch := list(islice(rows, BATCH)):
        connection.execute(statement, batch)


def _row(recipient: Recipient) -> dict[str, Any]:
    """A person as the tables hold them; `digest` is what was last said yes to."""
    mailbox = recipient.mailbox
    row = {
        "key": recipient.key,
        "address": mailbox.address,
        "forward_path": mailbox.forward_path,
        "identity": mailbox.identity,
        "display_name": mailbox.display_name,
        "cells": json.dumps(dict(recipient.cells), ensure_ascii=False),
    }
    digest = hashlib.blake2b("\0".join(row.values()).encode(), digest_size=16).hexdigest()
    return {**row, "row": recipient.row, "digest": digest}


def _stage(connection: Connection, recipients: Iterable[Recipient]) -> None:
    connection.execute(CreateTable(arriving, if_not_exists=True))
    connection.execute(delete(arriving))
    _insert(connection, arriving, recipients)


_SAME_KEY = person.c.key == arriving.c.key
_WAS_GONE = and_(person.c.state == State.SKIPPED, person.c.reply == GONE)
_DIFFERS = person.c.digest != arriving.c.digest
_MISSING = and_(~exists().where(_SAME_KEY), ~_WAS_GONE)
_NEW = ~exists().where(_SAME_KEY, ~_WAS_GONE)


def _difference(connection: Connection, fingerprint: str, *, partial: bool) -> Difference:
    sent = person.c.state == State.SENT
    changed = and_(_SAME_KEY, _DIFFERS, ~_WAS_GONE)
    old_fingerprint = connection.scalar(select(book.c.fingerprint))
    return Difference(
        added=0 if partial else _count(connection, arriving, _NEW),
        removed=0 if partial else _count(connection, person, _MISSING),
        removed_sent=0 if partial else _count(connection, person, and_(_MISSING, sent)),
        changed=_count(connection, person, changed),
        changed_sent=_count(connection, person, and_(changed, sent)),
        restyled=bool(old_fingerprint) and old_fingerprint != fingerprint,
        already_sent=_count(connection, person, sent),
    )


def _count(connection: Connection, table: FromClause, where: ColumnElement[bool] = _ANYBODY) -> int:
    return connection.scalar(select(func.count()).select_from(table).where(where)) or 0


def _apply(connection: Connection, fingerprint: str, *, partial: bool) -> None:
    """Take the arriving people over; who was sent to, or may have been, keeps the snapshot."""
    _take_back(connection)
    _mend(connection)
    connection.execute(
        update(person)
        .where(_SAME_KEY, _DIFFERS, person.c.state.in_(_NOT_TRANSMITTED))
        .values({column: arriving.c[column] for column in _SNAPSHOT})
    )
    connection.execute(
        update(person)
        .where(_SAME_KEY, or_(person.c.row != arriving.c.row, _DIFFERS))
        .values(row=arriving.c.row, digest=arriving.c.digest)
    )
    if not partial:
        connection.execute(
            update(person)
            .where(_MISSING, person.c.state.in_(_OPEN))
            .values(state=State.SKIPPED.value, reply=GONE, retry_at=None)
        )
    _add(connection)
    connection.execute(update(person).values(chosen=exists().where(_SAME_KEY) if partial else True))
    connection.execute(update(book).values(fingerprint=fingerprint))


def _take_back(connection: Connection) -> None:
    """Who had left the spreadsheet and is there again is pending again."""
    connection.execute(
        update(person)
        .where(_WAS_GONE, _SAME_KEY)
        .values(state=State.PENDING.value, reply="", chosen=True)
    )


def _mend(connection: Connection) -> None:
    """Who was rejected and has got another address is pending again."""
    connection.execute(
        update(person)
        .where(
            _SAME_KEY,
            person.c.state == State.REJECTED,
            person.c.forward_path != arriving.c.forward_path,
        )
        .values(state=State.PENDING.value, reply="", date=None)
    )


def _add(connection: Connection) -> None:
    columns = [column.name for column in arriving.columns]
    fresh = select(
        arriving,
        literal(True),
        literal(State.PENDING.value),
        *(literal(value) for value in ("", 0, 0, "", "")),
    ).where(~exists().where(_SAME_KEY))
    defaults = ["chosen", "state", "message_id", "attempts", "doubts", "stage", "reply"]
    connection.execute(
        insert(person).from_select([*columns, *defaults], fresh.order_by(arriving.c.row))
    )
