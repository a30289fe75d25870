"""What an account has used of its limits: shared by all campaigns and processes, across restarts.

A limit belongs to the log-in, not to a campaign, so the record is a small database in the user's
own state folder. Everything is reserved before it is used. So a limit is never exceeded; if a
process is killed, a small part of the limit stays unused.

* A *rate* is a line of time slots. Each process reserves some time in advance, after the time that
  the others have reserved, so their messages interleave.
* A *quota* counts the messages of a window, which is divided into buckets. A bucket counts in full
  until all of it has left the window.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError

from mailmerge.errors import LedgerError
from mailmerge.language import tr
from mailmerge.ledger.database import Database, Explain, Purpose
from mailmerge.ledger.migrations import LIMITS
from mailmerge.ledger.schema import slot, used
from mailmerge.ledger.sqlite import memory_database, open_database
from mailmerge.private_files import make_private_folder, user_state_folder

BUCKETS: Final = 1440
"""The number of buckets of a quota's window."""

_FILE: Final = "usage.sqlite"


class Quotas:
    """The record of one or more accounts. Safe from any thread, and from several processes.

    `path` is a database file. Without it the record is in memory and ends with this object.

    Raises:
        LedgerError: the file cannot be read or written; every method may raise it.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            self._database: Database = memory_database(LIMITS)
            return
        make_private_folder(path.parent)
        # Several processes write here, so the write-ahead log stays off (sqlite.py says why).
        self._database = open_database(path, LIMITS, shared=True, explain=_explained(path))

    def slots_until(self, limit: str) -> float:
        """Return the end of the reserved slots of a rate (seconds since 1970); 0 for none ever."""
        with self._database.begin("read") as connection:
            return _slots_until(connection, limit)

    def reserve_slots(self, limit: str, own: float, wanted: float, seconds: float) -> float:
        """Reserve `seconds` of a rate's time, and return when the reserved slots begin.

        They begin at `wanted`, or after the slots of other processes. `own` is the end of the
        caller's last slots: if no other process has reserved slots after it, the new ones begin at
        `wanted`, even if that is earlier than `own`.
        """
        with self._database.begin() as connection:
            until = _slots_until(connection, limit)
            start = wanted if until == own else max(wanted, until)
            _put(
                connection,
                slot,
                slot.c.limit_name == limit,
                limit_name=limit,
                until=start + seconds,
            )
        return start

    def return_slots(self, limit: str, own: float, until: float) -> None:
        """Return the slots from `until` to `own`, unless another process reserved later ones."""
        with self._database.begin() as connection:
            mine = and_(slot.c.limit_name == limit, slot.c.until == own)
            connection.execute(update(slot).where(mine).values(until=until))

    def reserve_quota(
        self, limit: str, allowed: int, window: float, wanted: int, now: float
    ) -> tuple[int, float]:
        """Reserve up to `wanted` messages of a quota.

        `window` is in seconds, `now` in seconds since 1970. Returns the number of reserved messages
        and, if that is 0, when to ask again. The reservation is valid until the end of the bucket
        that contains `now`.
        """
        width = window / BUCKETS
        bucket = int(now // width)
        oldest = int((now - window) // width)
        with self._database.begin() as connection:
            own = used.c.limit_name == limit
            connection.execute(delete(used).where(own, used.c.bucket < oldest))
            query = select(func.coalesce(func.sum(used.c.count), 0), func.min(used.c.bucket))
            count, first = connection.execute(query.where(own, used.c.count > 0)).one()
            granted = max(0, min(wanted, allowed - count))
            if granted:
                _add(connection, limit, bucket, granted)
        return granted, now if granted else (first + 1) * width + window

    def return_quota(self, limit: str, window: float, count: int, taken_at: float) -> None:
        """Return `count` unused messages that were reserved at `taken_at` (seconds since 1970)."""
        with self._database.begin() as connection:
            _add(connection, limit, int(taken_at // (window / BUCKETS)), -count)

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def open_quotas() -> Quotas:
    """Open the user's own record of all accounts.

    Raises:
        LedgerError: it cannot be read or written.
    """
    return Quotas(user_state_folder() / _FILE)


def _slots_until(connection: Connection, limit: str) -> float:
    query = select(slot.c.until).where(slot.c.limit_name == limit).with_for_update()
    until: float | None = connection.scalar(query)
    return until or 0.0


def _add(connection: Connection, limit: str, bucket: int, count: int) -> None:
    row = and_(used.c.limit_name == limit, used.c.bucket == bucket)
    before = connection.scalar(select(used.c.count).where(row).with_for_update()) or 0
    _put(connection, used, row, limit_name=limit, bucket=bucket, count=before + count)


def _put(connection: Connection, table: Table, row: ColumnElement[bool], **values: object) -> None:
    """Update a row, or insert it."""
    if not connection.execute(update(table).where(row).values(**values)).rowcount:
        connection.execute(insert(table).values(**values))


def _explained(path: Path) -> Explain:
    def explain(purpose: Purpose, error: Exception) -> LedgerError:
        del purpose
        reason = error.orig if isinstance(error, DBAPIError) else error
        return LedgerError(
            tr("the record of daily limits cannot be used: {reason}", reason=reason),
            file=path.name,
            hint=tr("free some disk space, or move the file away if it is damaged"),
            code="usage",
        )

    return explain
