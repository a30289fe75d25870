"""What an account has used of its limits: kept for all campaigns, across restarts and processes.

A limit belongs to the log-in, not to a campaign, so this is a small database in the user's own
state folder. Everything here is reserved before it is used: a process that is killed may leave a
little unused, and a limit is never exceeded.

* A *rate* is a line of time slots. Each process takes some time of it in advance, behind whatever
  the others have taken, so that they interleave.
* A *quota* counts the messages of a window, which is cut into buckets. A bucket counts in full
  until the whole of it has left the window.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError

from mailmerge.errors import LedgerError
from mailmerge.ledger.database import Database, Explain, Purpose
from mailmerge.ledger.migrations import LIMITS
from mailmerge.ledger.schema import slot, used
from mailmerge.ledger.sqlite import memory_database, open_database
from mailmerge.private_files import make_private_folder, user_state_folder

BUCKETS: Final = 1440
"""The buckets of a quota's window."""

_FILE: Final = "usage.sqlite"


class Quotas:
    """The record of one or more accounts. Safe from any thread, and from several processes.

    `path` is a database file; without one nothing is kept.

    Raises:
        LedgerError: the file cannot be read or written; from every method.
    """

    def __init__(self, path: Path | None = None) -> None:
        if path is None:
            self._database: Database = memory_database(LIMITS)
            return
        make_private_folder(path.parent)
        # Several processes write here, so the write-ahead log stays off (sqlite.py says why).
        self._database = open_database(path, LIMITS, shared=True, explain=_explained(path))

    def slots_until(self, limit: str) -> float:
        """Up to when the slots of a rate are taken (seconds since 1970); 0 where none ever was."""
        with self._database.begin("read") as connection:
            return _slots_until(connection, limit)

    def take_slots(self, limit: str, own: float, wanted: float, seconds: float) -> float:
        """Take `seconds` of a rate's time, from `wanted` on or from when it is free; returns when.

        `own` is where the caller's last slots end: where no other process has taken any behind
        them, the new ones begin at `wanted`, even if that is earlier.
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

    def leave_slots(self, limit: str, own: float, until: float) -> None:
        """Give back the end of one's own slots, if no other process has taken any behind them."""
        with self._database.begin() as connection:
            mine = and_(slot.c.limit_name == limit, slot.c.until == own)
            connection.execute(update(slot).where(mine).values(until=until))

    def take_quota(
        self, limit: str, allowed: int, window: float, wanted: int, now: float
    ) -> tuple[int, float]:
        """Take up to `wanted` of a quota: how many, and when to ask again where it is none.

        `window` is in seconds, `now` in seconds since 1970. What is taken is good until the end of
        the bucket that `now` is in.
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

    def leave_quota(self, limit: str, window: float, count: int, taken_at: float) -> None:
        """Give back what was taken at `taken_at` (seconds since 1970) and not used."""
        with self._database.begin() as connection:
            _add(connection, limit, int(taken_at // (window / BUCKETS)), -count)

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def open_quotas() -> Quotas:
    """The user's own record of what every account has used.

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
    """Change a row, or add it."""
    if not connection.execute(update(table).where(row).values(**values)).rowcount:
        connection.execute(insert(table).values(**values))


def _explained(path: Path) -> Explain:
    def explain(purpose: Purpose, error: DBAPIError) -> LedgerError:
        del purpose
        return LedgerError(
            f"the record of daily limits failed: {error.orig}",
            file=path.name,
            hint="make room on the disk, or move the file away if it is damaged",
            code="usage",
        )

    return explain
