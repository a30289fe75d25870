"""A ledger opened for reading only: what `status` shows, even during a run.

A reader shows the deliveries as the writing process would find them: it takes a snapshot of the
database and then reads the journal. If no process is sending, it shows the state that the next run
will recover.

What can go wrong: between the snapshot and the journal, the writing process folds the journal,
begins a new file and removes the old one. Then the snapshot lacks the transitions of the old file,
and so does the journal. The database counts its journal files. So the reader looks at this number
again after it has read the journal. If it has changed, the reader begins again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from mailmerge.errors import LedgerError
from mailmerge.ledger.campaigns import CampaignRecord, read_times
from mailmerge.ledger.emergency import EmergencyFiles
from mailmerge.ledger.journal import read_position, read_tail
from mailmerge.ledger.journal_file import JournalFiles
from mailmerge.ledger.lock import Owner, owner_of
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.schema import (
    DELIVERY_COLUMNS,
    TRANSITION_COLUMNS,
    delivery,
    delivery_of,
    transition_of,
)
from mailmerge.ledger.sender import sending_now
from mailmerge.ledger.sqlite import read_database
from mailmerge.ledger.states import (
    Delivery,
    Standing,
    State,
    Transition,
    end_claim,
    is_unmade,
    reported,
)

_LOOKS: Final = 100
"""Attempts to read snapshot and journal without a new journal file in between."""


@dataclass(frozen=True, slots=True)
class SqliteReader:
    """Reads the ledger of a campaign folder (interface.LedgerReader).

    `path` is the database, `lock` the lock file; `journal` returns the journal of the campaign with
    an id, `boot_id` the id of the machine's present boot, `find` the campaign. Each method raises
    LedgerError if the ledger cannot be read, is damaged, or was written by a newer mailmerge.
    """

    path: Path
    lock: Path
    journal: Callable[[int], JournalFiles]
    boot_id: Callable[[], str]
    find: Callable[[Connection], CampaignRecord | None]

    @property
    def begun(self) -> bool:
        """Whether the ledger has this mailing; it may have others, with other names."""
        with self._opened() as connection:
            return connection is not None and self.find(connection) is not None

    @property
    def owner(self) -> Owner | None:
        """The process that is sending this campaign now, or None.

        The lock file may have been removed, so the ledger is asked as well.
        """
        locked = owner_of(self.lock)
        if locked is not None:
            return locked
        with self._opened() as connection:
            return None if connection is None else sending_now(connection, self.boot_id())

    def counts(self) -> dict[State, int]:
        """Return the number of deliveries in each of the six reported states, including zeros."""
        return dict(self.standing().states)

    def standing(self) -> Standing:
        """Return the counts, and how long the last run took."""
        states, unmade = Counter[State](), 0
        with self._consistent() as look:
            if look is None:
                return Standing(reported(states))
            for _, last in look.rows(select(*TRANSITION_COLUMNS)):
                states[last.state] += 1
                unmade += is_unmade(last.state, last.stage, last.reply)
            times = read_times(look.connection, look.campaign.id)
            return Standing(reported(states), *times, unmade=unmade)

    def unmade(self) -> int:
        """Return the number of deliveries whose message could not be made."""
        return self.standing().unmade

    def iterate(self) -> Iterator[Delivery]:
        """Yield all deliveries, in the order of the spreadsheet."""
        query = select(*DELIVERY_COLUMNS).order_by(delivery.c.row, delivery.c.id)
        with self._consistent() as look:
            if look is not None:
                for row, last in look.rows(query):
                    yield delivery_of(row, last)

    @contextmanager
    def _consistent(self) -> Iterator[_Look | None]:
        """Take a snapshot with the journal that belongs to it; None without a campaign."""
        for _ in range(_LOOKS):
            with self._opened() as connection:
                look = None if connection is None else self._look(connection)
                if look is None or look.generation == self._generation(look.campaign):
                    yield look
                    return
        raise LedgerError(
            "cannot be read: it changes too fast", file=self.path.name, hint="try again"
        )

    @contextmanager
    def _opened(self) -> Iterator[Connection | None]:
        """Open a snapshot of the database; None if it has no tables yet."""
        database = read_database(self.path, LEDGER)
        if database is None:
            yield None
            return
        try:
            with database.begin("read") as connection:
                yield connection
        finally:
            database.close()

    def _look(self, connection: Connection) -> _Look | None:
        campaign = self.find(connection)
        if campaign is None:
            return None
        held = owner_of(self.lock) or sending_now(connection, self.boot_id())
        position = read_position(connection, campaign.id)
        files = self.journal(campaign.id)
        latest, known = read_tail(files, position, self.boot_id())
        saved = EmergencyFiles(files.folder, campaign.secret).read()
        latest |= {one.delivery_id: one for one in saved}
        generation = None if position is None else position.generation
        return _Look(connection, campaign, generation, latest, known=known, held=held is not None)

    def _generation(self, campaign: CampaignRecord) -> int | None:
        """Return the number of the journal file that the database names now."""
        with self._opened() as connection:
            position = None if connection is None else read_position(connection, campaign.id)
        return None if position is None else position.generation


@dataclass(frozen=True, slots=True)
class _Look:
    """A snapshot of the database with its journal.

    Attributes:
        connection: a transaction on the snapshot.
        campaign: the campaign of the ledger.
        generation: the number of the journal file at the time of the snapshot; None without one.
        latest: the newest transition of each delivery since the last fold.
        known: every transition is known.
        held: a process is sending.
    """

    connection: Connection
    campaign: CampaignRecord
    generation: int | None
    latest: Mapping[int, Transition]
    known: bool
    held: bool

    def rows(self, query: Select[Any]) -> Iterator[tuple[Sequence[Any], Transition]]:
        """Yield the rows of `query`, each with the newest transition of its delivery."""
        own = query.where(delivery.c.campaign_id == self.campaign.id)
        for row in self.connection.execute(own):
            last = self.latest.get(row[0]) or transition_of(row)
            yield row, last if self.held else end_claim(last, known=self.known)
