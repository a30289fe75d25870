"""Whether a database is as mailmerge wrote it; asked each time a ledger is opened.

SQLite checks the structure of its file and the indexes, the checksums of rows (checksums.py) check
their content, and evidence.py compares the database with the journal next to it.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from mailmerge.language import tr
from mailmerge.ledger.checksums import damaged_campaigns, damaged_deliveries
from mailmerge.ledger.database import Database, RowDamaged
from mailmerge.ledger.schema import campaign, delivery
from mailmerge.ledger.sender import read_sender
from mailmerge.wording import counted

_LISTED = 20


def require_whole(database: Database) -> None:
    """Check all rows of a database.

    Raises:
        LedgerError: it is damaged.
    """
    with database.begin("read") as connection:
        for problem in problems_of(connection):
            raise RowDamaged(problem)


def problems_of(connection: Connection, *, structure: bool = True) -> Iterator[str]:
    """Yield what is wrong with a database: with its structure, if that is wanted, and its rows.

    Raises DBAPIError if a damaged part cannot be read at all.
    """
    if structure and connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"PRAGMA integrity_check({_LISTED})").all()
        yield from (str(text) for (text,) in rows if text != "ok")
    if damaged := damaged_campaigns(connection):
        yield tr(
            "the secret of {campaigns} is not as it was written",
            campaigns=counted(len(damaged), "campaign"),
        )
    try:
        read_sender(connection)
    except RowDamaged as error:
        yield str(error)
    if damaged := damaged_deliveries(connection):
        yield tr(
            "{recipients} are not as they were written",
            recipients=counted(len(damaged), "recipient"),
        )
    campaigns = select(campaign.c.id)
    lost = select(func.count()).where(delivery.c.campaign_id.not_in(campaigns))
    if strange := connection.scalar(lost):
        yield tr("{recipients} belong to no campaign", recipients=counted(strange, "recipient"))
