"""The row of a campaign: its name, its secret, the last check that passed, the last run's time."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from mailmerge.language import tr
from mailmerge.ledger.checksums import secret_sum
from mailmerge.ledger.database import RowDamaged
from mailmerge.ledger.schema import campaign, delivery
from mailmerge.ledger.states import State

_SECRET_BYTES = 32
_LONGEST_RUN: Final = 1e9
_RECORDS: Final = select(campaign.c.id, campaign.c.secret, campaign.c.secret_sum)
_NEVER_TRIED: Final = (State.PENDING.value, State.SKIPPED.value)


@dataclass(frozen=True, slots=True)
class CampaignRecord:
    """A campaign's id in the database, and the secret (32 bytes) of its Message-IDs."""

    id: int
    secret: bytes


class OtherMailing(Exception):
    """A folder has sent another mailing, whose name is `name`."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def find_campaign(connection: Connection, name: str) -> CampaignRecord:
    """Return the campaign of that name, and create it if there is none.

    A ledger of the first edition has a campaign without a name; it gets this name.
    """
    known = known_campaign(connection, name)
    if known is not None:
        return known
    unnamed = known_campaign(connection, "")
    if unnamed is None:
        return _create_campaign(connection, name)
    write_campaign(connection, unnamed.id, name=name)
    return unnamed


def find_campaign_of_folder(
    connection: Connection, name: str, *, named: bool, begin: bool
) -> CampaignRecord:
    """Return the campaign of a folder, and create it if there is none.

    `named` says that the user has chosen the name, which then stands for one mailing. Without a
    chosen name, the folder goes on with its last mailing, whatever the folder is called now.
    `begin` allows another mailing after one that was sent.

    Raises:
        OtherMailing: the name is new, the folder has sent another mailing, and `begin` is False.
    """
    known = known_campaign_of_folder(connection, name, named=named)
    if known is not None:
        if not read_campaign(connection, known.id, "name"):
            write_campaign(connection, known.id, name=name)
        return known
    last = _last_campaign(connection)
    if last is not None and not _was_tried(connection, last.id):
        write_campaign(connection, last.id, name=name)
        return last
    if last is not None and not begin:
        raise OtherMailing(read_campaign(connection, last.id, "name"))
    return _create_campaign(connection, name)


def known_campaign_of_folder(
    connection: Connection, name: str, *, named: bool
) -> CampaignRecord | None:
    """Return the campaign of a folder; None if the ledger does not know this mailing.

    A ledger of the first edition has a campaign without a name; it is the one.
    """
    if not named:
        return _last_campaign(connection)
    return known_campaign(connection, name) or known_campaign(connection, "")


def _last_campaign(connection: Connection) -> CampaignRecord | None:
    found = connection.execute(_RECORDS.order_by(campaign.c.id.desc()).limit(1)).first()
    return None if found is None else _record(found)


def _was_tried(connection: Connection, campaign_id: int) -> bool:
    """Whether a message of this campaign may have been offered to a server."""
    tried = or_(
        delivery.c.state.not_in(_NEVER_TRIED), delivery.c.attempts > 0, delivery.c.doubts > 0
    )
    own = delivery.c.campaign_id == campaign_id
    return connection.execute(select(delivery.c.id).where(own, tried).limit(1)).first() is not None


def _create_campaign(connection: Connection, name: str) -> CampaignRecord:
    secret = secrets.token_bytes(_SECRET_BYTES)
    row = {"name": name, "secret": secret, "fingerprint": "", "checked": ""}
    numbers = {"seconds": 0.0, "check_seconds": 0.0, "secret_sum": secret_sum(secret)}
    made = connection.execute(insert(campaign).values(**row, **numbers))
    assert made.inserted_primary_key is not None
    return CampaignRecord(made.inserted_primary_key[0], secret)


def known_campaign(connection: Connection, name: str) -> CampaignRecord | None:
    """Return the campaign of that name, or None if there is none."""
    found = connection.execute(_RECORDS.where(campaign.c.name == name)).first()
    return None if found is None else _record(found)


def all_campaigns(connection: Connection) -> list[CampaignRecord]:
    """Return all campaigns of the database, the oldest first."""
    return [_record(row) for row in connection.execute(_RECORDS.order_by(campaign.c.id))]


def _record(row: Sequence[Any]) -> CampaignRecord:
    number, secret, recorded = row
    if not isinstance(secret, bytes) or secret_sum(secret) != recorded:
        raise RowDamaged(
            tr("the secret of campaign {number!r} is not as it was written", number=number)
        )
    return CampaignRecord(number, secret)


def read_secret(connection: Connection, campaign_id: int) -> bytes:
    """Return the secret of the campaign's Message-IDs."""
    query = select(campaign.c.secret).where(campaign.c.id == campaign_id)
    return bytes(connection.execute(query).scalar_one())


def read_campaign(connection: Connection, campaign_id: int, column: str) -> Any:
    """Return one value of a campaign's row."""
    return connection.scalar(select(campaign.c[column]).where(campaign.c.id == campaign_id))


def write_campaign(connection: Connection, campaign_id: int, **values: Any) -> None:
    """Change values of a campaign's row."""
    connection.execute(update(campaign).where(campaign.c.id == campaign_id).values(**values))


_WRITE_TIMES: Final = (
    update(campaign)
    .where(campaign.c.id == bindparam("number"))
    .values(seconds=bindparam("run"), check_seconds=bindparam("check"))
)


def write_times(
    connection: Connection, campaign_id: int, seconds: float, check_seconds: float
) -> None:
    """Write the seconds of the last run and of its check; called several times a second."""
    values = {"number": campaign_id, "run": seconds, "check": check_seconds}
    connection.execute(_WRITE_TIMES, values)


def read_times(connection: Connection, campaign_id: int) -> tuple[float, float]:
    """Return the seconds of the last run and of its check."""
    query = select(campaign.c.seconds, campaign.c.check_seconds)
    times = connection.execute(query.where(campaign.c.id == campaign_id)).one()
    if not all(isinstance(one, float) and 0 <= one < _LONGEST_RUN for one in times):
        raise RowDamaged(tr("the times of the last run are not as they were written"))
    seconds, check_seconds = times
    return seconds, check_seconds
