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
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from mailmerge.ledger.campaigns import CampaignRecord, all_campaigns, read_times
from mailmerge.ledger.checksums import STATE_COLUMNS, SUMMED_COLUMNS, has_right_state, is_sealed
from mailmerge.ledger.database import RowDamaged
from mailmerge.ledger.evidence import Evidence, examine
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
from mailmerge.ledger.states import (
    UNDER_WAY,
    Delivery,
    Recovery,
    Standing,
    State,
    Transition,
    reported,
)

_STATE: Final = len(TRANSITION_COLUMNS)
_DELIVERY: Final = len(DELIVERY_COLUMNS)


@dataclass(frozen=True, slots=True)
class SqliteReader:
    """Reads the ledger of a campaign folder (interface.LedgerReader).

    `path` is the database, `lock` the lock file, `files` the journal; `boot_id` returns the id of
    the machine's present boot. Each method raises LedgerError if the ledger cannot be read, is
    damaged, or was written by a newer mailmerge.
    """

    path: Path
    lock: Path
    files: JournalFiles
    boot_id: Callable[[], str]

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
            for row, last in self._newest(connection, campaign, select(*STATE_COLUMNS), _STATE):
                if not has_right_state(row):
                    raise RowDamaged(f"the state of recipient {row[0]!r} is not as it was written")
                states[last.state] += 1
            return Standing(reported(states), *read_times(connection, campaign.id))

    def recovery(self) -> Recovery | None:
        """Return what the next run cannot determine about a killed one; None if all is known."""
        with self._opened() as opened:
            if opened is None:
                return None
            connection, campaign = opened
            found = self._examine(connection, campaign)
            if not found.doubt:
                return None
            states = [state.value for state in UNDER_WAY]
            query = select(*STATE_COLUMNS).where(delivery.c.state.in_(states))
            rows = self._newest(connection, campaign, query, _STATE)
            doubts = sum(last.state is State.IN_DOUBT for _, last in rows)
            return Recovery(found.doubt, doubts)

    def iterate(self) -> Iterator[Delivery]:
        """Yield all deliveries, in the order of the spreadsheet."""
        query = select(*SUMMED_COLUMNS).order_by(delivery.c.row, delivery.c.id)
        with self._opened() as opened:
            if opened is None:
                return
            for row, last in self._newest(*opened, query, _DELIVERY):
                if not is_sealed(row):
                    raise RowDamaged(f"recipient {row[0]!r} is not as it was written")
                yield delivery_of(row[:_DELIVERY], last)

    @contextmanager
    def _opened(self) -> Iterator[tuple[Connection, CampaignRecord] | None]:
        """Open a snapshot of the database; None if it has no campaign yet."""
        database = read_database(self.path, LEDGER)
        if database is None:
            yield None
            return
        try:
            with database.begin("read") as connection:
                campaigns = all_campaigns(connection)
                yield (connection, campaigns[0]) if campaigns else None
        finally:
            database.close()

    def _examine(self, connection: Connection, campaign: CampaignRecord) -> Evidence:
        live = self.owner is not None
        try:
            return examine(connection, campaign, self.files, self.boot_id(), live=live)
        except RowDamaged:
            # A process that began or ended meanwhile has changed the files since the snapshot.
            if live or self.owner is not None:
                return Evidence({}, {})
            raise

    def _newest(
        self, connection: Connection, campaign: CampaignRecord, query: Select[Any], width: int
    ) -> Iterator[tuple[Sequence[Any], Transition]]:
        """Yield the rows of `query`, each with the newest transition of its delivery.

        `width` is the number of columns for `transition_of`.
        """
        held = self.owner is not None
        found = self._examine(connection, campaign)
        latest = {**found.latest, **found.saved}
        own = query.where(delivery.c.campaign_id == campaign.id)
        for row in connection.execute(own):
            last = latest.get(row[0]) or transition_of(row[:width])
            yield row, last if held else found.ended(last)
