"""What an account has used of its limits: kept for all campaigns, across restarts and processes.

A limit belongs to the log-in, not to a campaign, so this is a small SQLite file in the user's own
state folder. Everything here is reserved before it is used: a process that is killed may leave a
little unused, and a limit is never exceeded.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mailmerge.errors import LedgerError
from mailmerge.private_files import make_private_file, make_private_folder, user_state_folder

BUCKETS = 1440
"""Into so many parts a quota's window is cut; a part is used up until the whole of it is over."""

_TABLES = """
CREATE TABLE IF NOT EXISTS slot (limit_name TEXT PRIMARY KEY, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS used (
    limit_name TEXT NOT NULL, bucket INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (limit_name, bucket)
);
"""


class Usage:
    """The record of one or more accounts; `:memory:` keeps nothing. Safe from any thread.

    Raises:
        LedgerError: the file cannot be read or written.
    """

    def __init__(self, path: Path | str = ":memory:") -> None:
        self._name = Path(path).name
        self._lock = threading.Lock()
        if isinstance(path, Path):
            make_private_folder(path.parent)
            make_private_file(path)
        with self._reported():
            # Several processes write here, so the write-ahead log stays off (see sqlite_ledger).
            self._database = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=10
            )
            self._database.executescript(_TABLES)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise LedgerError(
                f"the record of daily limits failed: {error}",
                file=self._name,
                hint="make room on the disk, or move the file away if it is damaged",
                code="usage",
            ) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._reported():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    def slots_until(self, limit: str) -> float:
        """Up to when the slots of a rate are taken (seconds since 1970); 0 where none ever was."""
        with self._lock, self._reported():
            row = self._database.execute(
                "SELECT until FROM slot WHERE limit_name = ?", (limit,)
            ).fetchone()
        return float(row[0]) if row else 0.0

    def take_slots(self, limit: str, own: float, wanted: float, seconds: float) -> float:
        """Take `seconds` of a rate's time, from `wanted` on or from when it is free; returns when.

        `own` is where the caller's last slots end: where nobody has taken any behind them, the new
        ones begin at `wanted`, even if that is earlier.
        """
        with self._transaction() as database:
            row = database.execute(
                "SELECT until FROM slot WHERE limit_name = ?", (limit,)
            ).fetchone()
            until = float(row[0]) if row else 0.0
            start = wanted if until == own else max(wanted, until)
            database.execute("REPLACE INTO slot VALUES (?, ?)", (limit, start + seconds))
        return start

    def leave_slots(self, limit: str, own: float, until: float) -> None:
        """Give back the end of one's own slots, if nobody has taken any behind them."""
        with self._transaction() as database:
            database.execute(
                "UPDATE slot SET until = ? WHERE limit_name = ? AND until = ?", (until, limit, own)
            )

    def take_quota(
        self, limit: str, allowed: int, window: float, wanted: int, now: float
    ) -> tuple[int, float]:
        """Take up to `wanted` of a quota: how many, and when to ask again where it is none.

        They are good until the end of the bucket that `now` is in.
        """
        width = window / BUCKETS
        bucket = int(now // width)
        oldest = int((now - window) // width)
        with self._transaction() as database:
            database.execute(
                "DELETE FROM used WHERE limit_name = ? AND bucket < ?", (limit, oldest)
            )
            count, first = database.execute(
                "SELECT coalesce(sum(count), 0), min(bucket) FROM used"
                " WHERE limit_name = ? AND count > 0",
                (limit,),
            ).fetchone()
            granted = max(0, min(wanted, allowed - count))
            if granted:
                self._add(database, limit, bucket, granted)
        return granted, now if granted else (first + 1) * width + window

    def leave_quota(self, limit: str, window: float, count: int, taken_at: float) -> None:
        """Give back what was taken at `taken_at` and not used."""
        with self._transaction() as database:
            self._add(database, limit, int(taken_at // (window / BUCKETS)), -count)

    @staticmethod
    def _add(database: sqlite3.Connection, limit: str, bucket: int, count: int) -> None:
        database.execute(
            "INSERT INTO used VALUES (?, ?, ?)"
            " ON CONFLICT (limit_name, bucket) DO UPDATE SET count = count + excluded.count",
            (limit, bucket, count),
        )

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def open_usage() -> Usage:
    """The user's own record of what every account has used.

    Raises:
        LedgerError: it cannot be read or written.
    """
    return Usage(user_state_folder() / "usage.sqlite")
