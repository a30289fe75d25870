"""Recipients -> deliveries: a snapshot the first time, a comparison later.

Until something has been sent, the arriving recipients simply become the snapshot. After that they
are written into a temporary table and compared with the deliveries by key, never by row number. The
effect on a delivery depends on what its recipient may have received:

* A delivery that was sent, or may have been sent (`in_doubt`), keeps the snapshot that was sent.
  Only its row number follows the spreadsheet.
* A delivery that was certainly not sent takes the new cells. If it was rejected and now has another
  address, it is pending again.
* If a recipient has left the spreadsheet, its delivery is skipped, unless it was sent. If the
  recipient returns, it is pending again. One that was refused or is in doubt keeps its state, but
  is not tried again while its recipient is away.
* If a message could not be made, its delivery is pending again: each enrolment gives it another
  attempt, because a file, a template or a cell may have changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from types import MappingProxyType
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
from mailmerge.ledger.checksums import NEW_STATE_SUM, seal, snapshot_sum
from mailmerge.ledger.content import read_content, write_content
from mailmerge.ledger.group_rows import cells_to_write, rows_to_write, rows_without_numbers
from mailmerge.ledger.schema import LEFT, arriving, delivery, has_left, is_unmade, was_gone
from mailmerge.ledger.states import GONE, Difference, State
from mailmerge.recipients.audience import Recipient
from mailmerge.settings import Fingerprint

_BATCH: Final = 1000
_SNAPSHOT: Final = ("address", "forward_path", "identity", "display_name", "cells", "rows")
_OPEN: Final = (State.PENDING.value, State.DEFERRED.value, State.DRAFTED.value)
_TRIED: Final = (State.SENT.value, State.IN_DOUBT.value, State.REJECTED.value)
_NOT_SENT: Final = (*_OPEN, State.REJECTED.value, State.SKIPPED.value)
_NEW: Final = {
    "selected": True,
    "state": State.PENDING.value,
    "message_id": "",
    "server_id": "",
    "copies_refused": "",
    "attempts": 0,
    "doubts": 0,
    "stage": "",
    "reply": "",
    "owner": "",
}
"""The values of a new delivery."""

_ANY = true()
_SAME_KEY = delivery.c.key == arriving.c.key
_UNTRIED: Final = (State.PENDING.value, State.SKIPPED.value)
_DIFFERS = delivery.c.digest != arriving.c.digest
_SENT = delivery.c.state == State.SENT.value


class NotAccepted(Exception):
    """The user must accept a difference before recipients are enrolled."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(str(difference))
        self.difference = difference


def enrol(
    connection: Connection,
    campaign_id: int,
    recipients: Iterable[Recipient],
    fingerprint: Fingerprint,
    *,
    accept_changes: bool,
    partial: bool,
    skipped: Mapping[str, str] = MappingProxyType({}),
) -> Difference:
    """Compare the recipients with the deliveries, then enrol them, in the caller's transaction.

    `skipped` are the keys of recipients that get no message, with the reason of each.

    Raises:
        NotAccepted: they differ, and `accept_changes` is False. The caller rolls back.
    """
    enrolment = _Enrolment(connection, campaign_id, fingerprint)
    if not partial and enrolment.nothing_was_tried():
        difference = enrolment.begin(recipients)
        if skipped:
            _skip(enrolment, skipped)
            seal(connection)
        return difference
    enrolment.stage(recipients)
    difference = enrolment.difference(partial=partial)
    if difference and not accept_changes:
        raise NotAccepted(difference)
    enrolment.apply(partial=partial)
    _skip(enrolment, skipped)
    seal(connection)
    return replace(difference, applied=True)


@dataclass(frozen=True, slots=True)
class _Enrolment:
    """The statements of one enrolment."""

    connection: Connection
    campaign_id: int
    fingerprint: Fingerprint

    def nothing_was_tried(self) -> bool:
        """Whether no message of this campaign was ever offered to a server."""
        tried = or_(
            delivery.c.state.not_in(_UNTRIED), delivery.c.attempts > 0, delivery.c.doubts > 0
        )
        query = select(delivery.c.id).where(self.own, tried, ~was_gone).limit(1)
        return self.connection.execute(query).first() is None

    def begin(self, recipients: Iterable[Recipient]) -> Difference:
        """Make the recipients the snapshot."""
        self.connection.execute(delete(delivery).where(self.own))
        new = {"campaign_id": self.campaign_id, "state_sum": NEW_STATE_SUM, **_NEW}
        self._insert(delivery, (_row(one, self.campaign_id) | new for one in recipients))
        self._write_content(self.fingerprint)
        return Difference(first=True, added=self._count(delivery, self.own), applied=True)

    def stage(self, recipients: Iterable[Recipient]) -> None:
        """Write the recipients into the temporary table."""
        self.connection.execute(CreateTable(arriving, if_not_exists=True))
        self.connection.execute(delete(arriving))
        self._insert(arriving, map(_row, recipients))

    def difference(self, *, partial: bool) -> Difference:
        """Return how the staged recipients differ from the deliveries."""
        changed = and_(self._matched, _DIFFERS, ~was_gone)
        changed_files = self.fingerprint.changes_since(self._recorded_content())
        return Difference(
            added=0 if partial else self._count(arriving, self._is_new),
            removed=0 if partial else self._count(delivery, self._is_missing),
            removed_sent=0 if partial else self._count(delivery, and_(self._is_missing, _SENT)),
            changed=self._count(delivery, changed),
            changed_sent=self._count(delivery, and_(changed, _SENT)),
            content_changed=bool(changed_files),
            changed_files=tuple(filter(None, changed_files)),
            already_sent=self._count(delivery, and_(self.own, _SENT)),
        )

    def apply(self, *, partial: bool) -> None:
        """Enrol the staged recipients."""
        self._restore_returned()
        self._restore_unmade()
        self._try_other_addresses()
        self._take_new_cells()
        if not partial:
            self._skip_missing()
        self._add_new()
        selected = exists().where(_SAME_KEY) if partial else True
        self.update(self.own, selected=selected)
        # Recipients that are not selected now may get files that are not read now.
        files = {**self._recorded_content().files, **self.fingerprint.files}
        self._write_content(replace(self.fingerprint, files=files))

    # --- the content

    def _recorded_content(self) -> Fingerprint:
        content = read_content(self.connection, self.campaign_id, "snapshot")
        if content.settings:
            return content
        return Fingerprint(read_campaign(self.connection, self.campaign_id, "fingerprint"))

    def _write_content(self, content: Fingerprint) -> None:
        write_content(self.connection, self.campaign_id, "snapshot", content)
        write_campaign(self.connection, self.campaign_id, fingerprint=content.settings)

    # --- the steps of `apply`

    def _restore_returned(self) -> None:
        """Make recipients pending that had left the spreadsheet and have returned."""
        self.update(
            and_(self._matched, was_gone), state=State.PENDING.value, reply="", selected=True
        )

    def _restore_unmade(self) -> None:
        """Make recipients pending whose message could not be made: what it needs may be there."""
        again = and_(self._matched, delivery.c.state == State.SKIPPED.value, is_unmade)
        self.update(again, state=State.PENDING.value, stage="", reply="")

    def _try_other_addresses(self) -> None:
        """Make rejected recipients pending that have another address now."""
        moved = delivery.c.forward_path != arriving.c.forward_path
        rejected = delivery.c.state == State.REJECTED.value
        self.update(
            and_(self._matched, rejected, moved), state=State.PENDING.value, reply="", date=None
        )

    def _take_new_cells(self) -> None:
        snapshot = {name: arriving.c[name] for name in _SNAPSHOT}
        self.update(and_(self._matched, _DIFFERS, delivery.c.state.in_(_NOT_SENT)), **snapshot)
        # The same rows of a group may have other numbers.
        other_numbers = and_(~_DIFFERS, delivery.c.rows != arriving.c.rows)
        self.update(and_(self._matched, other_numbers), rows=arriving.c.rows)
        moved = or_(delivery.c.row != arriving.c.row, _DIFFERS)
        self.update(and_(self._matched, moved), row=arriving.c.row, digest=arriving.c.digest)

    def _skip_missing(self) -> None:
        self.update(
            and_(self._is_missing, or_(delivery.c.state.in_(_OPEN), is_unmade)),
            state=State.SKIPPED.value,
            reply=GONE,
            stage="",
            retry_at=None,
        )
        # Those that were tried keep their states.
        tried = delivery.c.state.in_(_TRIED)
        self.update(and_(self._is_missing, tried), digest=LEFT, retry_at=None)

    def _add_new(self) -> None:
        given = {"campaign_id": self.campaign_id, **_NEW}
        columns = [column.name for column in arriving.columns]
        new = select(arriving, *(literal(value) for value in given.values()))
        new = new.where(~exists().where(self._matched)).order_by(arriving.c.row)
        self.connection.execute(insert(delivery).from_select([*columns, *given], new))

    # --- conditions and small helpers

    @property
    def own(self) -> ColumnElement[bool]:
        return delivery.c.campaign_id == self.campaign_id

    @property
    def _matched(self) -> ColumnElement[bool]:
        """A delivery and the staged recipient with its key."""
        return and_(self.own, _SAME_KEY)

    @property
    def _is_new(self) -> ColumnElement[bool]:
        """A staged recipient that has no delivery, or has returned to the spreadsheet."""
        return ~exists().where(self._matched, ~was_gone)

    @property
    def _is_missing(self) -> ColumnElement[bool]:
        """A delivery whose recipient is not staged now, and had not left before."""
        return and_(self.own, ~exists().where(_SAME_KEY), ~was_gone, ~has_left)

    def update(self, where: ColumnElement[bool], **values: Any) -> None:
        """Change rows; `seal` computes their checksums at the end."""
        if values.keys() - {"selected"}:
            values = {"snapshot_sum": None, "state_sum": None, **values}
        self.connection.execute(update(delivery).where(where).values(**values))

    def _count(self, table: FromClause, where: ColumnElement[bool] = _ANY) -> int:
        query = select(func.count()).select_from(table).where(where)
        return self.connection.scalar(query) or 0

    def _insert(self, table: Table, rows: Iterable[dict[str, Any]]) -> None:
        rows, statement = iter(rows), insert(table)
        while batch := list(islice(rows, _BATCH)):
            self.connection.execute(statement, batch)


def _skip(enrolment: _Enrolment, skipped: Mapping[str, str]) -> None:
    """Skip recipients that are not sent to, by key; `skipped` has the reason of each."""
    for key, reason in skipped.items():
        enrolment.update(
            and_(enrolment.own, delivery.c.key == key, delivery.c.state.in_(_OPEN)),
            state=State.SKIPPED.value,
            reply=reason,
            stage="",
            retry_at=None,
        )


def _row(recipient: Recipient, campaign_id: int | None = None) -> dict[str, Any]:
    """Return the columns of a recipient; `digest` identifies the version the user accepted.

    With the id of a campaign, the checksum of the snapshot is one of them.
    """
    mailbox = recipient.mailbox
    row = {
        "key": recipient.key,
        "address": mailbox.address,
        "forward_path": mailbox.forward_path,
        "identity": mailbox.identity,
        "display_name": mailbox.display_name,
        "cells": json.dumps(cells_to_write(recipient), ensure_ascii=False),
    }
    rows = rows_to_write(recipient)
    texts = "\0".join(row.values()).encode()
    shown = f"\0{rows_without_numbers(recipient)}".encode() if rows else b""
    digest = hashlib.blake2b(texts + shown, digest_size=16).hexdigest()
    columns = {**row, "row": recipient.row, "digest": digest, "rows": rows}
    if rows:
        texts += f"\0{rows}".encode()
    if campaign_id is not None:
        columns["snapshot_sum"] = snapshot_sum(campaign_id, recipient.row, texts)
    return columns
