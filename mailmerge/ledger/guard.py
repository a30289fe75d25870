"""What a ledger that is open for sending has to prove at each write: that it is the only one.

Four things are compared; each catches what the others cannot see:

| what                                         | catches                                         |
|----------------------------------------------|-------------------------------------------------|
| the file of the database (`before`)          | a folder that was moved, replaced or removed    |
| the lock file (`before`, lock.py)            | a lock file that was removed or replaced        |
| the row of the sender (`inside`, sender.py)  | another process, also on another machine        |
| the mark in the state folder (high_water.py) | an older ledger, a copy, a deleted one          |

The first three may end a run in the middle. The mark is compared when a ledger is opened, and when
recipients are enrolled.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection

from mailmerge.errors import LedgerError
from mailmerge.language import tr
from mailmerge.ledger.database import Database
from mailmerge.ledger.disk_hints import hint_for_unwritable
from mailmerge.ledger.high_water import Journal, Unmarked
from mailmerge.ledger.lock import Lock
from mailmerge.ledger.sender import Fence
from mailmerge.ledger.states import MAY_HAVE_LEFT, State
from mailmerge.library_messages import system_reason
from mailmerge.portable.files import file_identity


class LedgerGuard:
    """Guards the database of one open ledger (database.Guard)."""

    def __init__(self, file: Path, lock: Lock, fence: Fence, water: Unmarked) -> None:
        self._path = file
        self._lock = lock
        self._fence = fence
        self._water = water
        self._identity = file_identity(file)
        self._own = threading.local()

    def before(self) -> None:
        """Compare the files at their paths with the open ones.

        Raises:
            LedgerHeld: another process has locked the ledger.
            LedgerError: the folder or the database was moved, replaced or removed, or cannot be
                looked up, as on a network disk that has gone.
        """
        try:
            found = file_identity(self._path)
        except OSError as error:
            raise LedgerError(
                tr("cannot be looked up: {reason}", reason=system_reason(error)),
                file=self._path.name,
                hint=hint_for_unwritable(self._path, error),
                code="ledger-unwritable",
            ) from error
        if found != self._identity:
            raise LedgerError(
                tr("was moved, replaced or removed while it was being sent; nothing more is sent"),
                file=self._path.name,
                hint=tr("leave the ledger alone during a run; send again from its present place"),
                code="ledger-moved",
            )
        self._lock.ensure()

    def inside(self, connection: Connection) -> None:
        """Renew the row of the sender. Raises LedgerHeld if another process has taken it."""
        self._own.at = self._fence.renew(connection)
        self._own.beat = self._fence.row.beat

    def after(self) -> None:
        """Write the mark with the beat of this thread; that of another may not be committed yet."""
        self._fence.renewed(self._own.at)
        self._water.write(self._own.beat)


class Unguarded:
    """The guard of a store that no other process can reach: every step does nothing."""

    def confirm(self) -> None:
        """Do nothing."""

    def keep(self) -> None:
        """Do nothing."""

    def enrolled(self, connection: Connection) -> None:
        """Do nothing."""

    def take_sample(self, connection: Connection) -> None:
        """Do nothing."""

    def add_sent(self, more: int) -> None:
        """Do nothing."""

    def note_sent(self, counts: Mapping[State, int]) -> None:
        """Do nothing."""


class CampaignGuard(Unguarded):
    """The guard of a ledger, as the store of one of its campaigns sees it."""

    def __init__(self, database: Database, fence: Fence, water: Unmarked, campaign_id: int) -> None:
        self._database = database
        self._fence = fence
        self._water = water
        self._campaign_id = campaign_id

    def confirm(self) -> None:
        """Make sure that this process may still send; call it before the end of data is sent.

        Raises:
            LedgerHeld: another process has taken over the ledger.
            LedgerError: the ledger cannot be written.
        """
        if not self._fence.fresh:
            self._renew()

    def keep(self) -> None:
        """Keep the ledger for this process; call it several times a second. Calls are cheap.

        Raises:
            LedgerHeld: another process has taken over the ledger.
            LedgerError: the ledger cannot be written.
        """
        if self._fence.due:
            self._renew()

    def _renew(self) -> None:
        with self._database.begin():  # the database's guard renews the row
            pass

    def enrolled(self, connection: Connection) -> None:
        """Compare newly enrolled recipients with those of a ledger that is gone.

        Raises:
            LedgerOlder: they got the message before, and the record of it is gone.
        """
        self._water.enrolled(connection, self._campaign_id)

    def take_sample(self, connection: Connection) -> None:
        """Remember some of the sent recipients, for the mark of the ledger."""
        self._water.take_sample(connection, self._campaign_id)

    def add_sent(self, more: int) -> None:
        """Add to the number of sent recipients, for the mark of the ledger."""
        self._water.add_sent(self._campaign_id, more)

    def note_sent(self, counts: Mapping[State, int]) -> None:
        """Remember how many recipients were sent, for the mark of the ledger."""
        sent = sum(counts.get(state, 0) for state in MAY_HAVE_LEFT)
        self._water.note_sent(self._campaign_id, sent)


def guard_database(  # noqa: PLR0917
    database: Database, file: Path, lock: Lock, fence: Fence, water: Unmarked, journal: Journal
) -> None:
    """Take the row of the sender, compare the mark, and guard each later write.

    `journal` returns the journal files of the campaign with an id.

    Raises:
        LedgerHeld: another process is sending this ledger, or a copy of it.
        LedgerOlder: the ledger is older than its mark.
        LedgerError: the ledger cannot be read or written.
    """
    fence.take(database, file)
    try:
        water.open(fence, database, journal)
    except BaseException:
        fence.give_back(database)
        water.close()
        raise
    database.guard = LedgerGuard(file, lock, fence, water)
