"""Which sent messages have a copy in the user's Sent folder, and which still need one.

The server of the mailbox may be away, the process may end. So what is still to be copied is not a
list of its own, which could be lost: it is every message that was sent since the campaign began to
save copies, without those that are recorded here.

If the process ends between a copy and its record, the message seems to need one. So before a copy
is made from these tables, its Message-ID is looked for in the folder (mailbox/copies.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, delete, exists, func, insert, select, text

from mailmerge.ledger.database import Database
from mailmerge.ledger.schema import DELIVERY_COLUMNS, delivery, delivery_of, saved_copy, saving
from mailmerge.ledger.states import Delivery, State

_BATCH: Final = 500


class SavedCopies:
    """The copies of one campaign of an open ledger.

    Each method raises LedgerError if the ledger cannot be read or written. All are safe from any
    thread.
    """

    def __init__(self, database: Database, campaign_id: int) -> None:
        """Use the tables of a database that is open for writing."""
        self._database = database
        self._campaign = campaign_id
        c = delivery.c
        self._owed = (
            c.campaign_id == campaign_id,
            c.state == State.SENT.value,
            c.changed_at >= _since(campaign_id).scalar_subquery(),
            ~exists().where(
                saved_copy.c.campaign_id == campaign_id, saved_copy.c.delivery_id == c.id
            ),
        )

    def since(self) -> float:
        """Return since when messages get copies (seconds since 1970); infinity if they get none."""
        with self._database.begin("read") as connection:
            found = connection.execute(_since(self._campaign)).scalar()
        return math.inf if found is None else float(found)

    def begin(self, now: float, *, forget: bool = False) -> None:
        """Note that messages sent from now on get a copy (`now` in seconds since 1970).

        That changes nothing if an earlier run noted it. `forget` forgets the earlier messages:
        the content has changed since, so their copies can no longer be made.
        """
        with self._database.begin() as connection:
            own = saving.c.campaign_id == self._campaign
            if forget:
                connection.execute(delete(saving).where(own))
            if connection.execute(select(saving.c.since).where(own)).first() is None:
                connection.execute(insert(saving).values(campaign_id=self._campaign, since=now))

    def owed(self) -> int:
        """Return the number of sent messages that still need a copy."""
        with self._database.begin("read") as connection:
            query = select(func.count()).select_from(delivery).where(*self._owed)
            return connection.scalar(query) or 0

    def iterate_owed(self) -> Iterator[list[Delivery]]:
        """Yield the deliveries whose messages still need a copy, in batches."""
        last = 0
        while True:
            query = select(*DELIVERY_COLUMNS).where(*self._owed, delivery.c.id > last)
            with self._database.begin("read") as connection:
                rows = connection.execute(query.order_by(delivery.c.id).limit(_BATCH)).all()
            if not rows:
                return
            last = rows[-1][0]
            yield [delivery_of(row) for row in rows]

    def note(self, numbers: Sequence[int]) -> None:
        """Record that the messages of these deliveries have a copy."""
        own = self._campaign
        with self._database.begin() as connection:
            for start in range(0, len(numbers), _BATCH):
                some = numbers[start : start + _BATCH]
                again = saved_copy.c.delivery_id.in_(some), saved_copy.c.campaign_id == own
                connection.execute(delete(saved_copy).where(*again))
                rows = [{"campaign_id": own, "delivery_id": one} for one in some]
                connection.execute(insert(saved_copy), rows)


def _since(campaign_id: int) -> Select[Any]:
    return select(saving.c.since).where(saving.c.campaign_id == campaign_id)


def add_saved_copies(connection: Connection) -> None:
    """Make the tables of the copies; the ledgers of earlier versions have none."""
    for statement in _TABLES:
        connection.execute(text(statement))


_TABLES: Final = (
    """
    CREATE TABLE saving (
        campaign_id INTEGER NOT NULL PRIMARY KEY,
        since FLOAT NOT NULL,
        FOREIGN KEY(campaign_id) REFERENCES campaign (id)
    )
    """,
    """
    CREATE TABLE saved_copy (
        campaign_id INTEGER NOT NULL,
        delivery_id INTEGER NOT NULL,
        PRIMARY KEY (campaign_id, delivery_id),
        FOREIGN KEY(campaign_id) REFERENCES campaign (id),
        FOREIGN KEY(delivery_id) REFERENCES delivery (id)
    )
    """,
)
