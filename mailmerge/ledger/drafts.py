"""Deliveries whose message lies in the user's drafts: the statements of `send --to-drafts`.

A drafted delivery has not been sent: the user reads the draft and sends it, or not, in a mail
program. So it counts as pending, and no run sends its message unless the user asks for it
(`--retry drafted`): the recipient might get the message twice.

A draft has the Message-ID that the message would have. So if the process ends between the draft and
its record here, the next run finds the draft in the folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, bindparam, func, select, update

from mailmerge.ledger.campaigns import read_secret
from mailmerge.ledger.checksums import seal
from mailmerge.ledger.interface import Identify
from mailmerge.ledger.schema import DELIVERY_COLUMNS, delivery, delivery_of
from mailmerge.ledger.states import Delivery, State

_OPEN: Final = (State.PENDING.value, State.DEFERRED.value)
_IS_DRAFTED: Final = delivery.c.state == State.DRAFTED.value
_NEXT: Final = (
    select(*DELIVERY_COLUMNS)
    .where(
        delivery.c.campaign_id == bindparam("campaign"),
        delivery.c.selected,
        delivery.c.state.in_(_OPEN),
        delivery.c.id > bindparam("after"),
    )
    .order_by(delivery.c.id)
    .limit(bindparam("most"))
)


def select_undrafted(
    connection: Connection, campaign_id: int, identify: Identify, after: int, limit: int
) -> list[Delivery]:
    """Return up to `limit` deliveries without a draft, with their Message-IDs, behind an id."""
    secret = read_secret(connection, campaign_id)
    values = {"campaign": campaign_id, "after": after, "most": limit}
    found = [delivery_of(row) for row in connection.execute(_NEXT, values)]
    return [
        one if one.message_id else replace(one, message_id=identify(secret, one.key))
        for one in found
    ]


def note_drafted(connection: Connection, deliveries: Sequence[Delivery], at: float) -> int:
    """Record that there are drafts of these deliveries since `at`. Returns how many."""
    for one in deliveries:
        connection.execute(
            update(delivery)
            .where(delivery.c.id == one.id, delivery.c.state.in_(_OPEN))
            .values(
                state=State.DRAFTED.value,
                message_id=one.message_id,
                date=at,
                changed_at=at,
                retry_at=None,
                stage="",
                reply="",
                snapshot_sum=None,
                state_sum=None,
            )
        )
    seal(connection)
    return len(deliveries)


def retry_drafted(connection: Connection, campaign_id: int) -> int:
    """Make the drafted deliveries pending again. Returns how many."""
    chosen = (delivery.c.campaign_id == campaign_id, delivery.c.selected, _IS_DRAFTED)
    pending = {"state": State.PENDING.value, "state_sum": None}
    if changed := connection.execute(update(delivery).where(*chosen).values(**pending)).rowcount:
        seal(connection)
    return changed


def count_drafted(connection: Connection, campaign_id: int) -> int:
    """Return the number of drafted deliveries."""
    query = select(func.count()).where(delivery.c.campaign_id == campaign_id, _IS_DRAFTED)
    return connection.scalar(query) or 0
