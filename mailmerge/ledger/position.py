"""How far the journal of a campaign is folded into the database, and what the database has then."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update

from mailmerge.language import tr
from mailmerge.ledger.checksums import checksum
from mailmerge.ledger.database import RowDamaged
from mailmerge.ledger.schema import journal


@dataclass(frozen=True, slots=True)
class Position:
    """What a fold records about a campaign, in the transaction of the fold.

    Attributes:
        boot_id: the boot of the machine during which the journal was written.
        generation: the number of the journal file.
        offset: the number of bytes of that file that are folded.
        reserved: the least size of that file in bytes; 0 for a file of the first edition.
        sequence: the number of the commit; 0 in the first edition.
        deliveries: the number of deliveries of the campaign.
        sent: how many of them are sent.
    """

    boot_id: str
    generation: int
    offset: int
    reserved: int = 0
    sequence: int = 0
    deliveries: int = 0
    sent: int = 0


_COLUMNS: Final = (
    journal.c.boot_id, journal.c.generation, journal.c.offset, journal.c.reserved,
    journal.c.sequence, journal.c.deliveries, journal.c.sent, journal.c.position_sum,
)  # fmt: skip
_VALUES: Final[dict[str, BindParameter[Any]]] = {
    column.name: bindparam(f"{column.name}_") for column in _COLUMNS
}
_MOVE: Final = (
    update(journal).where(journal.c.campaign_id == bindparam("campaign")).values(**_VALUES)
)
_BEGIN: Final = insert(journal).values(campaign_id=bindparam("campaign"), **_VALUES)


def read_position(connection: Connection, campaign_id: int) -> Position | None:
    """Return the position of a campaign's journal; None if there never was a journal.

    Raises:
        RowDamaged: the row is not as it was written.
    """
    query = select(*_COLUMNS).where(journal.c.campaign_id == campaign_id)
    row = connection.execute(query).first()
    if row is None:
        return None
    *values, recorded = row
    if [*values[3:], recorded] == [None] * 5:
        if all(isinstance(number, int) for number in values[1:3]):
            return Position(*values[:3])
    elif recorded == _sum(campaign_id, values):
        return Position(*values)
    raise RowDamaged(tr("its record of the journal is not as it was written"))


def write_position(connection: Connection, campaign_id: int, position: Position) -> None:
    """Record the position of a campaign's journal."""
    values = astuple(position)
    row = (*values, _sum(campaign_id, values))
    named = {f"{column.name}_": value for column, value in zip(_COLUMNS, row, strict=True)}
    named["campaign"] = campaign_id
    if not connection.execute(_MOVE, named).rowcount:
        connection.execute(_BEGIN, named)


def forget_position(connection: Connection, campaign_id: int) -> None:
    """Record that the campaign has no journal: the database has every transition."""
    connection.execute(delete(journal).where(journal.c.campaign_id == campaign_id))


def _sum(campaign_id: int, values: Any) -> int:
    return checksum(campaign_id, *values)
