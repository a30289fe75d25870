"""A ledger opened for reading only: what `status` shows, even during a run.

A reader shows the deliveries as the writing process would find them: it takes a snapshot of the
database and then reads the journal. If no process is sending, it shows the state that the next run
will recover.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Select, select

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
from mailmerge.ledger.sqlite import read_database
from mailmerge.ledger.states import Delivery, Standing, State, Transition, end_claim, reported


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
        with self._opened() as opened:
            return opened is not None

    @property
    def owner(self) -> Owner | None:
        """The process that is sending this campaign now, or None."""
        return owner_of(self.lock)

    def counts(self) -> dict[State, int]:
        """Return the number of deliveries in each of the six reported states, including zeros."""
        return dict(self.standing().states)

    def standing(self) -> Standing:
        """Return the counts, and how long the last run took."""
        states = Counter[State]()
        with self._opened() as opened:
            if opened is None:
                return Standing(reported(states))
            connection, campaign = opened
            query = select(*TRANSITION_COLUMNS)
            for _, last in self._newest(connection, campaign, query):
                states[last.state] += 1
            return Standing(reported(states), *read_times(connection, campaign.id))

    def iterate(self) -> Iterator[Delivery]:
        """Yield all deliveries, in the order of the spreadsheet."""
        query = select(*DELIVERY_COLUMNS).order_by(delivery.c.row, delivery.c.id)
        with self._opened() as opened:
            if opened is not None:
                for row, last in self._newest(*opened, query):
                    yield delivery_of(row, last)

    @contextmanager
    def _opened(self) -> Iterator[tuple[Connection, CampaignRecord] | None]:
        """Open a snapshot of the database; None if it does not have the campaign yet."""
        database = read_database(self.path, LEDGER)
        if database is None:
            yield None
            return
        try:
            with database.begin("read") as connection:
                campaign = self.find(connection)
                yield None if campaign is None else (connection, campaign)
        finally:
            database.close()

    def _newest(
        self, connection: Connection, campaign: CampaignRecord, query: Select[Any]
    ) -> Iterator[tuple[Sequence[Any], Transition]]:
        """Yield the rows of `query`, each with the newest transition of its delivery."""
        held = self.owner is not None
        position = read_position(connection, campaign.id)
        files = self.journal(campaign.id)
        latest, known = read_tail(files, position, self.boot_id())
        saved = EmergencyFiles(files.folder, campaign.secret).read()
        latest |= {one.delivery_id: one for one in saved}
        own = query.where(delivery.c.campaign_id == campaign.id)
        for row in connection.execute(own):
            last = latest.get(row[0]) or transition_of(row)
            yield row, last if held else end_claim(last, known=known)
