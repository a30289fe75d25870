"""The tables of a ledger and of the record of limits, and how a row becomes a delivery.

campaign      one row for each campaign of the database
delivery      one row for each recipient of a campaign: its snapshot, state and claim
content_file  the digests of the files that shape the messages (content.py)
after_fact    what came back by mail about a delivery (after.py)
read_mail     the digests of the received mails that were read
mailbox_position  how far a mailbox was read
saving        since when a campaign saves copies in the Sent folder (copies.py)
saved_copy    the deliveries whose message has a copy there
journal       how far the journal files of a campaign are folded (journal.py)
sender        one row: the identity of the ledger, and the process that may write it (sender.py)
migration     which migrations were applied (migrations.py)

slot, used    what the accounts have used of their limits (quota.py), in a database of its own
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    and_,
    literal_column,
    or_,
)
from sqlalchemy.schema import SchemaItem

from mailmerge.language import tr
from mailmerge.ledger.database import RowDamaged
from mailmerge.ledger.group_rows import read_rows
from mailmerge.ledger.refused_copies import from_text
from mailmerge.ledger.states import GONE, MAKING, Delivery, State, Transition
from mailmerge.recipients.address import Mailbox

ledger = MetaData()
limits = MetaData()

_Number = BigInteger().with_variant(Integer, "sqlite")
"""The type of row ids; SQLite assigns ids only to a column of type INTEGER."""


for _metadata in (ledger, limits):
    Table(
        "migration",
        _metadata,
        Column("name", Text, primary_key=True),
        Column("applied_at", Float, nullable=False),
    )

campaign = Table(
    "campaign",
    ledger,
    Column("id", _Number, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("secret", LargeBinary, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("checked", Text, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("check_seconds", Float, nullable=False),
    # The last columns of each table are checksums (checksums.py).
    Column("secret_sum", _Number),
)


def _snapshot() -> list[SchemaItem]:
    """Make the columns that hold a recipient as it was in the spreadsheet."""
    texts = ("address", "forward_path", "identity", "display_name", "cells", "digest")
    row: list[SchemaItem] = [Column("row", Integer, nullable=False)]
    return row + [Column(name, Text, nullable=False) for name in texts]


def _rows() -> Column[str]:
    """Make the column of the rows of a group (group_rows.py); "" for any other recipient."""
    return Column("rows", Text, nullable=False, server_default="")


delivery = Table(
    "delivery",
    ledger,
    Column("id", _Number, primary_key=True),
    Column("campaign_id", ForeignKey(campaign.c.id), nullable=False),
    Column("key", Text, nullable=False),
    *_snapshot(),
    Column("selected", Boolean, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("date", Float),
    Column("state", Text, nullable=False),
    Column("changed_at", Float),
    Column("attempts", Integer, nullable=False),
    Column("doubts", Integer, nullable=False),
    Column("retry_at", Float),
    Column("stage", Text, nullable=False),
    Column("reply", Text, nullable=False),
    # The owner of the last claim; it has a meaning only while the delivery is claimed or sending.
    Column("owner", Text, nullable=False),
    Column("claimed_until", Float),
    Column("snapshot_sum", _Number),
    Column("state_sum", _Number),
    Column("server_id", Text, nullable=False, server_default=""),
    _rows(),
    # JSON; "" if no copy was refused (refused_copies.py).
    Column("copies_refused", Text, nullable=False, server_default=""),
    # The zone in whose hours it may be sent (time_zones.py); "" is that of this machine.
    Column("time_zone", Text, nullable=False, server_default=""),
    UniqueConstraint("campaign_id", "key"),
)

is_pending = delivery.c.state == literal_column(f"'{State.PENDING}'")
"""A literal, because a partial index applies only to queries with exactly its condition."""

was_gone = and_(delivery.c.state == State.SKIPPED.value, delivery.c.reply == GONE)
"""Whether a delivery is skipped because its recipient has left the spreadsheet."""

LEFT: Final = ""
"""The digest of a delivery that was tried, and whose recipient has left the spreadsheet since."""

has_left = delivery.c.digest == LEFT

is_unmade = or_(
    and_(delivery.c.state == State.SKIPPED.value, delivery.c.reply != GONE),
    and_(delivery.c.state == State.PENDING.value, delivery.c.stage == MAKING),
)
"""The same as states.is_unmade."""

Index(
    "delivery_pending",
    delivery.c.campaign_id,
    delivery.c.id,
    sqlite_where=is_pending,
    postgresql_where=is_pending,
)
Index(
    "delivery_due",
    delivery.c.campaign_id,
    delivery.c.retry_at,
    sqlite_where=delivery.c.retry_at.is_not(None),
    postgresql_where=delivery.c.retry_at.is_not(None),
)

journal = Table(
    "journal",
    ledger,
    Column("campaign_id", ForeignKey(campaign.c.id), primary_key=True),
    Column("boot_id", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("offset", _Number, nullable=False),
    # Added by the second migration: without them the journal is one of the first edition.
    Column("reserved", _Number),
    Column("sequence", _Number),
    Column("deliveries", _Number),
    Column("sent", _Number),
    Column("position_sum", _Number),
)

sender = Table(
    "sender",
    ledger,
    Column("id", Integer, primary_key=True),
    Column("identity", Text, nullable=False),
    # Fencing: each opening for sending has the next generation, and a token of its own.
    Column("generation", _Number, nullable=False),
    Column("token", Text, nullable=False),
    Column("beat", _Number, nullable=False),
    Column("until", Float, nullable=False),
    Column("pid", _Number, nullable=False),
    Column("host", Text, nullable=False),
    Column("boot_id", Text, nullable=False),
    Column("since", Float, nullable=False),
    Column("started", Text, nullable=False),
)

content_file = Table(
    "content_file",
    ledger,
    Column("campaign_id", ForeignKey(campaign.c.id), primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("digest", Text, nullable=False),
)

after_fact = Table(
    "after_fact",
    ledger,
    Column("campaign_id", ForeignKey(campaign.c.id), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("delivery_id", ForeignKey(delivery.c.id), nullable=False),
    Column("kind", Text, nullable=False),
    Column("hard", Boolean, nullable=False),
    Column("at", Float, nullable=False),
    Column("reason", Text, nullable=False),
)
Index("after_fact_delivery", after_fact.c.delivery_id)

read_mail = Table("read_mail", ledger, Column("digest", LargeBinary, primary_key=True))

mailbox_position = Table(
    "mailbox_position",
    ledger,
    Column("mailbox", Text, primary_key=True),
    Column("validity", _Number, nullable=False),
    Column("last", _Number, nullable=False),
)

saving = Table(
    "saving",
    ledger,
    Column("campaign_id", ForeignKey(campaign.c.id), primary_key=True),
    Column("since", Float, nullable=False),
)

saved_copy = Table(
    "saved_copy",
    ledger,
    Column("campaign_id", ForeignKey(campaign.c.id), primary_key=True),
    Column("delivery_id", ForeignKey(delivery.c.id), primary_key=True),
)

arriving = Table(
    "arriving",
    MetaData(),
    Column("key", Text, primary_key=True),
    *_snapshot(),
    _rows(),
    prefixes=["TEMPORARY"],
)
"""The arriving recipients, to compare with the deliveries; a temporary table."""

slot = Table(
    "slot",
    limits,
    Column("limit_name", Text, primary_key=True),
    Column("until", Float, nullable=False),
)

used = Table(
    "used",
    limits,
    Column("limit_name", Text, primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("count", Integer, nullable=False),
)

_c = delivery.c
TRANSITION_COLUMNS = (
    _c.id, _c.state, _c.changed_at, _c.attempts, _c.doubts, _c.retry_at, _c.stage, _c.reply,
    _c.server_id, _c.copies_refused,
)  # fmt: skip
"""The columns of a row for `transition_of`."""

DELIVERY_COLUMNS = (
    _c.id, _c.key, _c.row, _c.address, _c.forward_path, _c.identity, _c.display_name, _c.cells,
    _c.rows, _c.message_id, _c.date, _c.time_zone, *TRANSITION_COLUMNS[1:],
)  # fmt: skip
"""The columns of a row for `delivery_of`."""

_LAST_TIME: Final = 253_402_300_799.0 - 86_400
"""The last day of the year 9999, the last that Python knows; in seconds since 1970."""

_read_json = json.JSONDecoder().raw_decode  # faster than json.loads, which also skips white space


def transition_of(row: Sequence[Any]) -> Transition:
    """Make a transition from a row of TRANSITION_COLUMNS or DELIVERY_COLUMNS.

    Raises:
        RowDamaged: the state is none.
    """
    state, at, attempts, doubts, retry_at, stage, reply, server_id, refused = row[
        1 - len(TRANSITION_COLUMNS) :
    ]
    try:
        copies = from_text(refused) if refused else ()
        return Transition(
            row[0], State(state), at or 0.0, attempts, doubts, retry_at,
            stage, reply, server_id, copies,
        )  # fmt: skip
    except ValueError as error:
        raise RowDamaged(
            tr("delivery {row!r} has the state {state!r}", row=row[0], state=state)
        ) from error


def delivery_of(
    row: Sequence[Any],
    last: Transition | None = None,
    *,
    message_id: str = "",
    date: float | None = None,
) -> Delivery:
    """Make a delivery from a row of DELIVERY_COLUMNS, with the state of `last` if that is given.

    `message_id` and `date` apply to a row that has none yet.

    Raises:
        RowDamaged: a column has a value that was never written.
    """
    (
        number, key, place, address, path, identity, name, cells, rows, old_id, old_date, zone,
    ) = row[:12]  # fmt: skip
    last = last or transition_of(row)
    try:
        cells = _read_json(cells)[0]
        group = read_rows(rows, cells) if rows else ()
        if group:
            cells = {name: text for name, text in cells.items() if text is not None}
        possible = 0 <= last.at <= _LAST_TIME and (old_date is None or 0 <= old_date <= _LAST_TIME)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise RowDamaged(
            tr("delivery {number!r} has a value of another type", number=number)
        ) from error
    if not possible:
        raise RowDamaged(tr("delivery {number!r} has a time that cannot be", number=number))
    return Delivery(
        number,
        key,
        place,
        Mailbox(address, path, identity, name),
        cells,
        last.state,
        old_id or message_id,
        date if old_date is None else old_date,
        last.at or None,
        last.attempts,
        last.doubts,
        last.retry_at,
        last.stage,
        last.reply,
        last.server_id,
        last.copies_refused,
        rows=group,
        time_zone=zone,
    )
