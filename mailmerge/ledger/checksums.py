"""The checksums of rows: bytes of a database that changed behind SQLite's back are noticed.

SQLite finds damage to the structure of its file, but not another letter in an address or another
digit in a time. So a row of `delivery` has two checksums (CRC-32), because two kinds of statements
write it:

    snapshot_sum  campaign, row, key, mailbox, cells, rows of a       enrolment, first claim
                  group, Message-ID
    state_sum     state, times, attempts, doubts, stage, reply,
                  the server's id, refused copies                     each transition

A statement that changes many rows at once sets the checksum to NULL, and `seal` computes it before
the commit. So a checksum that is NULL in a ledger is damage as well. `date`, `owner`,
`claimed_until` and `time_zone` are not covered: a wrong value of theirs can repeat or lose no
message. The secret
of a campaign and the position of a journal have checksums of their own.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, bindparam, inspect, or_, select, text, update

from mailmerge.language import tr
from mailmerge.ledger.database import Bulk, RowDamaged
from mailmerge.ledger.refused_copies import to_text
from mailmerge.ledger.schema import DELIVERY_COLUMNS, TRANSITION_COLUMNS, campaign, delivery
from mailmerge.ledger.states import State, Transition
from mailmerge.providers.server_ids import server_id_of

_c = delivery.c

SUMMED_COLUMNS: Final = (*DELIVERY_COLUMNS, _c.campaign_id, _c.snapshot_sum, _c.state_sum)
"""The columns of a row for `is_sealed`."""

_WIDTH: Final = len(DELIVERY_COLUMNS)
_STATE: Final = DELIVERY_COLUMNS.index(_c.state)

_STATES: Final = frozenset(state.value for state in State)
_SEAL: Final = Bulk(
    update(delivery)
    .where(_c.id == bindparam("number"))
    .ordered_values(
        (_c.snapshot_sum, bindparam("snapshot_sum_")), (_c.state_sum, bindparam("state_sum_"))
    )
)
_SET_SERVER_ID: Final = Bulk(
    update(delivery)
    .where(_c.id == bindparam("number"))
    .ordered_values((_c.server_id, bindparam("server_id_")), (_c.state_sum, bindparam("sum_")))
)
_UNSEALED: Final = select(*SUMMED_COLUMNS).where(
    or_(_c.snapshot_sum.is_(None), _c.state_sum.is_(None))
)
_SEAL_CAMPAIGN: Final = (
    update(campaign)
    .where(campaign.c.id == bindparam("number"))
    .values(secret_sum=bindparam("secret_sum_"))
)


def checksum(*values: object) -> int:
    """Return the CRC-32 of values and their order."""
    return zlib.crc32("\0".join(map(str, values)).encode("utf-8", "surrogatepass"))


def state_sum(  # noqa: PLR0917 - the columns of a row in their order
    state: str, at: float | None, attempts: int, doubts: int, retry_at: float | None,
    stage: str, reply: str, server_id: str = "", copies: str = "",
) -> int:  # fmt: skip
    """Return the checksum of the columns that a transition writes.

    Without an id of the server and refused copies it is the same as before these columns.
    """
    # Columns of type FLOAT return floats, even if an integer was written.
    when = None if at is None else float(at)
    due = None if retry_at is None else float(retry_at)
    columns = f"{state}\0{when}\0{attempts}\0{doubts}\0{due}\0{stage}\0{reply}"
    if server_id:
        columns = f"{columns}\0{server_id}"
    if copies:
        columns = f"{columns}\0\0{copies}"
    return zlib.crc32(columns.encode("utf-8", "surrogatepass"))


NEW_STATE_SUM: Final = state_sum(State.PENDING.value, None, 0, 0, None, "", "")
"""The `state_sum` of a delivery that was never claimed."""

_CLAIMED_SUM: Final = state_sum(State.CLAIMED.value, None, 0, 0, None, "", "")


StateColumns = tuple[str, float, int, int, float | None, str, str, str, str]
"""The columns of a row that a transition writes, in the order of `state_sum`."""


def state_columns(transition: Transition) -> StateColumns:
    """Return the columns of a row after this transition, as `state_sum` takes them."""
    return (
        transition.state._value_,  # faster than `value`
        transition.at,
        transition.attempts,
        transition.doubts,
        transition.retry_at,
        transition.stage,
        transition.reply,
        transition.server_id,
        to_text(transition.copies_refused) if transition.copies_refused else "",
    )


def state_sum_of_claim(before: Sequence[Any], recorded: int) -> int:
    """Return the checksum after a claim, which changes the state alone.

    `before` has the columns changed_at to copies_refused of the row, `recorded` is its checksum.
    """
    return _CLAIMED_SUM if recorded == NEW_STATE_SUM else state_sum(State.CLAIMED.value, *before)


def snapshot_sum(campaign_id: int, row: int, texts: bytes) -> int:
    """Return the checksum of a snapshot; `texts` are the columns key to rows, joined by zeros."""
    return zlib.crc32(texts, zlib.crc32(b"%d %d" % (campaign_id, row)))


def with_message_id(recorded: int, message_id: str) -> int:
    """Return the checksum of a snapshot that had no Message-ID, and now gets one."""
    return zlib.crc32(message_id.encode("utf-8", "surrogatepass"), recorded)


def _sums(row: Sequence[Any]) -> tuple[int, int]:
    """Return the two checksums that a row of SUMMED_COLUMNS should have."""
    _, key, place, address, path, identity, name, cells, rows, message_id, _, _, *state = row[
        :_WIDTH
    ]
    texts = f"{key}\0{address}\0{path}\0{identity}\0{name}\0{cells}"
    if rows:
        texts = f"{texts}\0{rows}"
    snapshot = snapshot_sum(row[_WIDTH], place, texts.encode("utf-8", "surrogatepass"))
    return with_message_id(snapshot, message_id), state_sum(*state)


def is_sealed(row: Sequence[Any]) -> bool:
    """Whether both checksums of a row of SUMMED_COLUMNS are right."""
    try:
        return _sums(row) == tuple(row[_WIDTH + 1 :]) and row[_STATE] in _STATES
    except (TypeError, ValueError, AttributeError):
        return False  # a column has a value of another type


STATE_COLUMNS: Final = (*TRANSITION_COLUMNS, _c.state_sum)
"""The columns of a row for `has_right_state`."""


def has_right_state(row: Sequence[Any]) -> bool:
    """Whether the checksum of a row of STATE_COLUMNS is right."""
    try:
        return bool(state_sum(*row[1:-1]) == row[-1])
    except (TypeError, ValueError):
        return False


def seal(connection: Connection) -> None:
    """Compute the checksums that statements of this transaction have set to NULL.

    Raises:
        RowDamaged: a row has a value of another type than its column.
    """
    rows = connection.execute(_UNSEALED).all()
    try:
        sums = [(*_sums(row), row[0]) for row in rows]
    except (TypeError, ValueError, AttributeError) as error:
        raise RowDamaged(tr("a row has a value of another type")) from error
    _SEAL.run(connection, sums)


def damaged_deliveries(connection: Connection) -> list[int]:
    """Return the ids of the rows whose checksums are wrong, in all campaigns."""
    compiled = str(select(*SUMMED_COLUMNS).compile(connection))
    rows = connection.exec_driver_sql(compiled)
    return [row[0] for row in rows if not is_sealed(row)]


def damaged_campaigns(connection: Connection) -> list[int]:
    """Return the ids of the campaigns whose secret is not as it was written."""
    query = select(campaign.c.id, campaign.c.secret, campaign.c.secret_sum)
    return [
        number
        for number, secret, recorded in connection.execute(query)
        if not isinstance(secret, bytes) or secret_sum(secret) != recorded
    ]


def secret_sum(secret: bytes) -> int:
    """Return the checksum of a campaign's secret."""
    return zlib.crc32(secret)


_COLUMNS: Final = (
    ("campaign", "secret_sum"),
    ("delivery", "snapshot_sum"),
    ("delivery", "state_sum"),
    ("journal", "reserved"),
    ("journal", "sequence"),
    ("journal", "deliveries"),
    ("journal", "sent"),
    ("journal", "position_sum"),
)

_ADD_TEXT: Final = "ALTER TABLE delivery ADD COLUMN {} TEXT NOT NULL DEFAULT ''"
_LATER: Final = ("server_id", "rows", "copies_refused", "time_zone")
"""Columns of later versions. `seal` reads them; they are empty, and so change no checksum."""


def add_checksums(connection: Connection) -> None:
    """Add the columns of the checksums to older tables, and compute them."""
    for table, column in _COLUMNS:
        if column not in _names(connection, table):
            connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {column} INTEGER"))
    add_later_columns(connection)
    seal(connection)
    for number, secret in connection.execute(select(campaign.c.id, campaign.c.secret)).all():
        values = {"number": number, "secret_sum_": secret_sum(secret)}
        connection.execute(_SEAL_CAMPAIGN, values)


def _names(connection: Connection, table: str) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns(table)}


def add_later_columns(connection: Connection) -> None:
    """Add the columns that a table of an earlier version lacks, in the order of a new table."""
    present = _names(connection, "delivery")
    for column in _LATER:
        if column not in present:
            connection.execute(text(_ADD_TEXT.format(column)))


def add_server_ids(connection: Connection) -> None:
    """Add the column of the server's ids, and read them out of the replies that are known."""
    add_later_columns(connection)
    sent = select(_c.id, _c.reply).where(_c.state == State.SENT.value, _c.server_id == "")
    found = ((number, server_id_of(reply)) for number, reply in connection.execute(sent).all())
    _SET_SERVER_ID.run(connection, [(one, None, number) for number, one in found if one])
    seal(connection)
