"""What happened after a message was sent: facts that came back by mail, kept next to the states.

A fact is not a state: a message stays `sent`, whoever bounces it later. Facts come from outside, so
nothing here changes a delivery. Each fact belongs to one received mail, and a mail is read once:
the digests of all mails that were read are kept, so that reading a mailbox again changes nothing.

A recipient may have several facts. The strongest one is shown: a complaint is stronger than an
unsubscription, that is stronger than a hard bounce, and so on (`_STRENGTH`). Of two equal ones the
later one counts.

`AfterFacts` needs the ledger to be open for writing. It reads no journal: the Message-ID of a
delivery is in the database before anything of its message is sent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, text

from mailmerge.ledger.database import Database
from mailmerge.ledger.schema import after_fact, delivery, mailbox_position, read_mail
from mailmerge.ledger.states import AFTER_KINDS, After

_BATCH: Final = 500
_STRENGTH: Final = {
    ("complained", False): 7,
    ("unsubscribed", False): 6,
    ("bounced", True): 5,
    ("answered", False): 4,
    ("bounced", False): 3,
    ("auto_replied", False): 2,
    ("delivered", False): 1,
}


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A delivery whose message was offered to a server, as far as matching needs it.

    Attributes:
        campaign_id: its campaign in the ledger.
        delivery_id: its id in the ledger.
        key: identifies the recipient in the spreadsheet.
        address: the normalised address.
        identity: by which addresses are compared.
        message_id: the Message-ID, with angle brackets.
        server_id: the id that the server gave the message; "" if none is known.
        at: the time of its Date field, in seconds since 1970.
    """

    campaign_id: int
    delivery_id: int
    key: str
    address: str
    identity: str
    message_id: str
    server_id: str
    at: float


@dataclass(frozen=True, slots=True)
class AfterRecord:
    """A fact about a delivery, from the mail with this digest."""

    sent: SentMessage
    digest: bytes
    after: After


class AfterFacts:
    """The facts of all campaigns of an open ledger.

    Each method raises LedgerError if the ledger cannot be read or written.
    """

    def __init__(self, database: Database) -> None:
        """Use the tables of a database that is open for writing."""
        self._database = database

    def sent_messages(self) -> Iterator[SentMessage]:
        """Yield all deliveries that have a Message-ID, in all campaigns."""
        c = delivery.c
        query = select(
            c.campaign_id, c.id, c.key, c.address, c.identity, c.message_id, c.server_id, c.date
        ).where(c.message_id != "")
        with self._database.begin("read") as connection:
            for row in connection.execute(query):
                yield SentMessage(*row[:7], at=row[7] or 0.0)

    def first_sent(self) -> float | None:
        """Return when the first message was sent, in seconds since 1970; None if none was."""
        query = select(func.min(delivery.c.date)).where(delivery.c.message_id != "")
        with self._database.begin("read") as connection:
            found: float | None = connection.scalar(query)
        return found

    def known(self, digests: Sequence[bytes]) -> set[bytes]:
        """Return those digests whose mails were read before."""
        found = set[bytes]()
        with self._database.begin("read") as connection:
            for start in range(0, len(digests), _BATCH):
                some = digests[start : start + _BATCH]
                query = select(read_mail.c.digest).where(read_mail.c.digest.in_(some))
                found.update(connection.scalars(query))
        return found

    def record(self, facts: Collection[AfterRecord], read: Iterable[bytes]) -> None:
        """Write facts, and the digests of all mails that were read, in one transaction."""
        rows = [
            {
                "campaign_id": one.sent.campaign_id,
                "delivery_id": one.sent.delivery_id,
                "digest": one.digest,
                "kind": one.after.kind,
                "hard": one.after.hard,
                "at": one.after.at,
                "reason": one.after.reason,
            }
            for one in facts
        ]
        digests = [{"digest": one} for one in dict.fromkeys(read)]
        with self._database.begin() as connection:
            for start in range(0, len(digests), _BATCH):
                some = digests[start : start + _BATCH]
                again = [one["digest"] for one in some]
                connection.execute(delete(after_fact).where(after_fact.c.digest.in_(again)))
                connection.execute(delete(read_mail).where(read_mail.c.digest.in_(again)))
                connection.execute(insert(read_mail), some)
            if rows:
                connection.execute(insert(after_fact), rows)

    def soft_bounces(self, identity: str, since: float, but: Collection[bytes] = ()) -> int:
        """Return how often messages to an address bounced softly since a time, in all campaigns.

        `but` are the digests of mails that do not count.
        """
        query = (
            select(after_fact.c.digest)
            .select_from(after_fact.join(delivery, delivery.c.id == after_fact.c.delivery_id))
            .where(
                delivery.c.identity == identity,
                after_fact.c.kind == "bounced",
                after_fact.c.hard.is_(False),
                after_fact.c.at >= since,
            )
        )
        with self._database.begin("read") as connection:
            return sum(digest not in but for digest in connection.scalars(query))

    def position(self, mailbox: str) -> tuple[int, int]:
        """Return UIDVALIDITY and the last UID that was read of a mailbox; zeros if none was."""
        query = select(mailbox_position.c.validity, mailbox_position.c.last).where(
            mailbox_position.c.mailbox == mailbox
        )
        with self._database.begin("read") as connection:
            row = connection.execute(query).first()
        return (0, 0) if row is None else (row[0], row[1])

    def set_position(self, mailbox: str, validity: int, last: int) -> None:
        """Remember how far a mailbox was read."""
        with self._database.begin() as connection:
            connection.execute(
                delete(mailbox_position).where(mailbox_position.c.mailbox == mailbox)
            )
            connection.execute(
                insert(mailbox_position).values(mailbox=mailbox, validity=validity, last=last)
            )


def read_after(connection: Connection, campaign_id: int) -> dict[int, After]:
    """Return the strongest fact about each delivery of a campaign, by the delivery's id."""
    c = after_fact.c
    query = select(c.delivery_id, c.kind, c.hard, c.at, c.reason).where(
        c.campaign_id == campaign_id
    )
    found = dict[int, After]()
    for number, kind, hard, at, reason in connection.execute(query.order_by(c.at)):
        new, old = After(kind, at, reason, hard=bool(hard)), found.get(number)
        if old is None or _strength(new) >= _strength(old):
            found[number] = new
    return found


def identities_of(connection: Connection, deliveries: Iterable[int]) -> dict[int, str]:
    """Return the identities of the addresses of some deliveries, by the deliveries' ids."""
    numbers, found = list(deliveries), dict[int, str]()
    for start in range(0, len(numbers), _BATCH):
        some = numbers[start : start + _BATCH]
        query = select(delivery.c.id, delivery.c.identity).where(delivery.c.id.in_(some))
        found.update((row[0], row[1]) for row in connection.execute(query))
    return found


def _strength(after: After) -> int:
    return _STRENGTH.get((after.kind, after.hard), 0)


def count_after(found: Mapping[int, After]) -> dict[str, int]:
    """Count deliveries by the kind of their strongest fact, without zeros."""
    counts = Counter(one.kind for one in found.values())
    return {kind: counts[kind] for kind in AFTER_KINDS if counts[kind]}


def add_after_facts(connection: Connection) -> None:
    """Make the tables of the facts; the ledgers of earlier versions have none."""
    for statement in _TABLES:
        connection.execute(text(statement))


_TABLES: Final = (
    """
    CREATE TABLE after_fact (
        campaign_id INTEGER NOT NULL,
        digest BLOB NOT NULL,
        delivery_id INTEGER NOT NULL,
        kind TEXT NOT NULL,
        hard BOOLEAN NOT NULL,
        at FLOAT NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (campaign_id, digest),
        FOREIGN KEY(campaign_id) REFERENCES campaign (id),
        FOREIGN KEY(delivery_id) REFERENCES delivery (id)
    )
    """,
    "CREATE INDEX after_fact_delivery ON after_fact (delivery_id)",
    "CREATE TABLE read_mail (digest BLOB NOT NULL PRIMARY KEY)",
    """
    CREATE TABLE mailbox_position (
        mailbox TEXT NOT NULL PRIMARY KEY,
        validity INTEGER NOT NULL,
        last INTEGER NOT NULL
    )
    """,
)
