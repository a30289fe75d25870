"""Recipients -> deliveries: the first time a snapshot, later a difference.

As long as nothing has been sent, the recipients that arrive are simply the snapshot. After that the
arriving recipients are laid in a temporary table and compared with the deliveries by key, never by
row number. What happens to a delivery depends on what the other side may have received:

* A delivery that was sent, or may have been (`in_doubt`), keeps the snapshot that was sent. Only
  its row number follows the spreadsheet.
* One that was certainly not sent takes the new cells. If it was rejected and its address is another
  one now, it is pending again.
* A recipient that has left the spreadsheet is skipped, unless it was sent; it is pending again when
  it comes back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

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

from mailmerge.ledger.campaigns import read_campaign, write_campaign
from mailmerge.ledger.schema import arriving, delivery
from mailmerge.ledger.states import Difference, State
from mailmerge.recipients.audience import Recipient

_GONE: Final = "no longer in the spreadsheet"
"""The reason of a delivery that is skipped because its recipient has left the spreadsheet."""

_BATCH: Final = 1000
_SNAPSHOT: Final = ("address", "forward_path", "identity", "display_name", "cells")
_OPEN: Final = (State.PENDING.value, State.DEFERRED.value)
_NOT_SENT: Final = (*_OPEN, State.REJECTED.value, State.SKIPPED.value)
_NEW: Final = {
    "selected": True,
    "state": State.PENDING.value,
    "message_id": "",
    "attempts": 0,
    "doubts": 0,
    "stage": "",
    "reply": "",
    "owner": "",
}
"""What a delivery is before anything has happened."""

_ANY = true()
_SAME_KEY = delivery.c.key == arriving.c.key
_WAS_GONE = and_(delivery.c.state == State.SKIPPED.value, delivery.c.reply == _GONE)
_DIFFERS = delivery.c.digest != arriving.c.digest
_SENT = delivery.c.state == State.SENT.value


class NotAccepted(Exception):
    """There is a difference that the user has to accept first."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(str(difference))
        self.difference = difference


def enrol(
    connection: Connection,
    campaign_id: int,
    recipients: Iterable[Recipient],
    fingerprint: str,
    *,
    accept_changes: bool,
    partial: bool,
) -> Difference:
    """Compare the recipients with the deliveries, and take them over, in the caller's transaction.

    Raises:
        NotAccepted: there is a difference, and the user has not accepted it. The caller rolls back.
    """
    enrolment = _Enrolment(connection, campaign_id, fingerprint)
    if not partial and enrolment.nothing_was_tried():
        return enrolment.begin(recipients)
    enrolment.stage(recipients)
    difference = enrolment.difference(partial=partial)
    if difference and not accept_changes:
        raise NotAccepted(difference)
    enrolment.apply(partial=partial)
    return replace(difference, applied=True)


@dataclass(frozen=True, slots=True)
class _Enrolment:
    """The statements of one enrolment."""

    connection: Connection
    campaign_id: int
    fingerprint: str

    def nothing_was_tried(self) -> bool:
        """Whether no server has ever heard of any of these deliveries."""
        tried = or_(
            delivery.c.state != State.PENDING.value, delivery.c.attempts > 0, delivery.c.doubts > 0
        )
        query = select(delivery.c.id).where(self._own, tried, ~_WAS_GONE).limit(1)
        return self.connection.execute(query).first() is None

    def begin(self, recipients: Iterable[Recipient]) -> Difference:
        """Take the recipients as the snapshot."""
        self.connection.execute(delete(delivery).where(self._own))
        self._insert(delivery, recipients, campaign_id=self.campaign_id, **_NEW)
        write_campaign(self.connection, self.campaign_id, fingerprint=self.fingerprint)
        return Difference(first=True, added=self._count(delivery, self._own), applied=True)

    def stage(self, recipients: Iterable[Recipient]) -> None:
        """Lay the recipients in the temporary table."""
        self.connection.execute(CreateTable(arriving, if_not_exists=True))
        self.connection.execute(delete(arriving))
        self._insert(arriving, recipients)

    def difference(self, *, partial: bool) -> Difference:
        """How the staged recipients differ from the deliveries."""
        changed = and_(self._matched, _DIFFERS, ~_WAS_GONE)
        old_fingerprint = read_campaign(self.connection, self.campaign_id, "fingerprint")
        return Difference(
            added=0 if partial else self._count(arriving, self._is_new),
            removed=0 if partial else self._count(delivery, self._is_missing),
            removed_sent=0 if partial else self._count(delivery, and_(self._is_missing, _SENT)),
            changed=self._count(delivery, changed),
            changed_sent=self._count(delivery, and_(changed, _SENT)),
            restyled=bool(old_fingerprint) and old_fingerprint != self.fingerprint,
            already_sent=self._count(delivery, and_(self._own, _SENT)),
        )

    def apply(self, *, partial: bool) -> None:
        """Take the staged recipients over."""
        self._take_back()
        self._try_other_addresses()
        self._take_new_cells()
        if not partial:
            self._skip_missing()
        self._add_new()
        selected = exists().where(_SAME_KEY) if partial else True
        self._update(self._own, selected=selected)
        write_campaign(self.connection, self.campaign_id, fingerprint=self.fingerprint)

    # --- the steps of `apply`

    def _take_back(self) -> None:
        """A recipient that had left the spreadsheet and is there again is pending again."""
        self._update(
            and_(self._matched, _WAS_GONE), state=State.PENDING.value, reply="", selected=True
        )

    def _try_other_addresses(self) -> None:
        """A rejected recipient with another address is pending again."""
        moved = delivery.c.forward_path != arriving.c.forward_path
        rejected = delivery.c.state == State.REJECTED.value
        self._update(
            and_(self._matched, rejected, moved), state=State.PENDING.value, reply="", date=None
        )

    def _take_new_cells(self) -> None:
        snapshot = {name: arriving.c[name] for name in _SNAPSHOT}
        self._update(and_(self._matched, _DIFFERS, delivery.c.state.in_(_NOT_SENT)), **snapshot)
        moved = or_(delivery.c.row != arriving.c.row, _DIFFERS)
        self._update(and_(self._matched, moved), row=arriving.c.row, digest=arriving.c.digest)

    def _skip_missing(self) -> None:
        self._update(
            and_(self._is_missing, delivery.c.state.in_(_OPEN)),
            state=State.SKIPPED.value,
            reply=_GONE,
            retry_at=None,
        )

    def _add_new(self) -> None:
        given = {"campaign_id": self.campaign_id, **_NEW}
        columns = [column.name for column in arriving.columns]
        new = select(arriving, *(literal(value) for value in given.values()))
        new = new.where(~exists().where(self._matched)).order_by(arriving.c.row)
        self.connection.execute(insert(delivery).from_select([*columns, *given], new))

    # --- conditions and small helpers

    @property
    def _own(self) -> ColumnElement[bool]:
        return delivery.c.campaign_id == self.campaign_id

    @property
    def _matched(self) -> ColumnElement[bool]:
        """A delivery and the staged recipient with its key."""
        return and_(self._own, _SAME_KEY)

    @property
    def _is_new(self) -> ColumnElement[bool]:
        """A staged recipient that has no delivery, or had left the spreadsheet."""
        return ~exists().where(self._matched, ~_WAS_GONE)

    @property
    def _is_missing(self) -> ColumnElement[bool]:
        """A delivery whose recipient is not staged, and had not left before."""
        return and_(self._own, ~exists().where(_SAME_KEY), ~_WAS_GONE)

    def _update(self, where: ColumnElement[bool], **values: Any) -> None:
        self.connection.execute(update(delivery).where(where).values(**values))

    def _count(self, table: FromClause, where: ColumnElement[bool] = _ANY) -> int:
        query = select(func.count()).select_from(table).where(where)
        return self.connection.scalar(query) or 0

    def _insert(self, table: Table, recipients: Iterable[Recipient], **given: object) -> None:
        rows = (_row(recipient) | given for recipient in recipients)
        statement = insert(table)
        while batch := list(islice(rows, _BATCH)):
            self.connection.execute(statement, batch)


def _row(recipient: Recipient) -> dict[str, Any]:
    """A recipient as the tables hold it; `digest` stands for what the user last accepted."""
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
