"""The time zones of deliveries: recipients that are sent in hours of their own.

The ledger knows the name of a zone for each delivery, and no hours. A claim names the zones that
are closed at that moment, and gets no delivery of theirs. So no time has to be computed again: not
when the hours end before all are sent, not when a zone changes its clocks, and not when
campaign.toml gets other hours. After a kill, the next run continues with what the ledger has.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, select, update

from mailmerge.ledger.database import Bulk
from mailmerge.ledger.schema import delivery

_ASSIGN: Final = Bulk(
    update(delivery)
    .where(delivery.c.id == bindparam("number"))
    .ordered_values((delivery.c.time_zone, bindparam("time_zone_")))
)


@dataclass(frozen=True, slots=True)
class ZoneBacklog:
    """The deliveries of one time zone that can be claimed, now or later.

    Attributes:
        time_zone: the name of the zone; "" is that of this machine.
        pending: how many are pending.
        deferred: how many wait for a retry.
        next_retry: when the first of those is due, in seconds since 1970; None if there is none.
    """

    time_zone: str
    pending: int = 0
    deferred: int = 0
    next_retry: float | None = None


def outside(query: Select[Any], closed: Collection[str]) -> Select[Any]:
    """Leave the deliveries of closed zones out of a query."""
    return query.where(delivery.c.time_zone.not_in(closed)) if closed else query


def assign_zones(connection: Connection, zones: Iterable[tuple[int, str]]) -> None:
    """Write the zones of deliveries: the id and the name of each."""
    _ASSIGN.run(connection, [(name, number) for number, name in zones])


def count_zones(
    connection: Connection,
    campaign_id: int,
    pending: ColumnElement[bool],
    waiting: ColumnElement[bool],
) -> list[ZoneBacklog]:
    """Return the deliveries of each zone, in the order of the names.

    `pending` and `waiting` are the conditions of deliveries that can be claimed at once, and when
    they are due.
    """
    zone, found = delivery.c.time_zone, dict[str, ZoneBacklog]()
    values = {"campaign": campaign_id}
    query = select(zone, func.count()).group_by(zone)
    for name, count in connection.execute(query.where(pending), values):
        found[name] = ZoneBacklog(name, count)
    query = select(zone, func.count(), func.min(delivery.c.retry_at)).group_by(zone)
    for name, count, due in connection.execute(query.where(waiting), values):
        before = found.get(name, ZoneBacklog(name))
        found[name] = ZoneBacklog(name, before.pending, count, due)
    return [found[name] for name in sorted(found)]
