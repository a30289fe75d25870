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
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from mailmerge.errors import LedgerError
from mailmerge.language import tr
from mailmerge.ledger.after import count_after, identities_of, read_after
from mailmerge.ledger.campaigns import CampaignRecord, read_times
from mailmerge.ledger.checksums import STATE_COLUMNS, SUMMED_COLUMNS, has_right_state, is_sealed
from mailmerge.ledger.database import RowDamaged
from mailmerge.ledger.evidence import Evidence, examine
from mailmerge.ledger.journal_file import JournalFiles
from mailmerge.ledger.lock import Owner, owner_of
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.position import read_position
from mailmerge.ledger.refused_copies import count_of
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
    UNDER_WAY,
    Delivery,
    Recovery,
    Standing,
    State,
    Transition,
    is_unmade,
    reported,
)

_STATE: Final = len(TRANSITION_COLUMNS)
_DELIVERY: Final = len(DELIVERY_COLUMNS)

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
        states, unmade, server_ids, copies = Counter[State](), 0, 0, 0
        with self._consistent() as look:
            if look is None:
                return Standing(reported(states))
            for row, last in look.rows(select(*STATE_COLUMNS), _STATE):
                if not has_right_state(row):
                    raise RowDamaged(
                        tr("the state of recipient {row!r} is not as it was written", row=row[0])
                    )
                states[last.state] += 1
                unmade += is_unmade(last.state, last.stage, last.reply)
                server_ids += bool(last.server_id)
                copies += count_of(last.copies_refused) if last.copies_refused else 0
            times = read_times(look.connection, look.campaign.id)
            after = count_after(read_after(look.connection, look.campaign.id))
            return Standing(
                reported(states),
                *times,
                unmade=unmade,
                server_ids=server_ids,
                after=after,
                drafted=states[State.DRAFTED],
                copies_refused=copies,
            )

    def unmade(self) -> int:
        """Return the number of deliveries whose message could not be made."""
        return self.standing().unmade

    def drafted(self) -> int:
        """Return the number of deliveries whose message lies in the user's drafts."""
        return self.standing().drafted

    def recovery(self) -> Recovery | None:
        """Return what the next run cannot determine about a killed one; None if all is known."""
        with self._consistent() as look:
            if look is None or look.held or not look.found.doubt:
                return None
            states = [state.value for state in UNDER_WAY]
            query = select(*STATE_COLUMNS).where(delivery.c.state.in_(states))
            doubts = sum(last.state is State.IN_DOUBT for _, last in look.rows(query, _STATE))
            return Recovery(look.found.doubt, doubts)

    def iterate(self) -> Iterator[Delivery]:
        """Yield all deliveries, in the order of the spreadsheet."""
        query = select(*SUMMED_COLUMNS).order_by(delivery.c.row, delivery.c.id)
        with self._consistent() as look:
            if look is None:
                return
            after = read_after(look.connection, look.campaign.id)
            for row, last in look.rows(query, _DELIVERY):
                if not is_sealed(row):
                    raise RowDamaged(tr("recipient {row!r} is not as it was written", row=row[0]))
                one = delivery_of(row[:_DELIVERY], last)
                yield replace(one, after=after[one.id]) if one.id in after else one

    def came_back(self) -> dict[str, str]:
        """Return the kind of the strongest fact about each recipient, by the address's identity."""
        with self._opened() as connection:
            campaign = None if connection is None else self.find(connection)
            if connection is None or campaign is None:
                return {}
            found = read_after(connection, campaign.id)
            identities = identities_of(connection, found)
        return {identities[number]: one.kind for number, one in found.items()}

    @contextmanager
    def _consistent(self) -> Iterator[_Look | None]:
        """Take a snapshot with the journal that belongs to it; None without a campaign."""
        for _ in range(_LOOKS):
            with self._opened() as connection:
                look = None if connection is None else self._look(connection)
                if look is None or look.found.generation == self._generation(look.campaign):
                    yield look
                    return
        raise LedgerError(
            tr("cannot be read: it changes too fast"), file=self.path.name, hint=tr("try again")
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
        held = (owner_of(self.lock) or sending_now(connection, self.boot_id())) is not None
        try:
            found = examine(
                connection, campaign, self.journal(campaign.id), self.boot_id(), live=held
            )
        except RowDamaged:
            # A process that began meanwhile has changed the files since the snapshot.
            if not held and owner_of(self.lock) is None:
                raise
            found, held = Evidence({}, {}), True
        return _Look(connection, campaign, found, held=held)

    def _generation(self, campaign: CampaignRecord) -> int:
        """Return the number of the journal file that the database names now, or 0."""
        with self._opened() as connection:
            position = None if connection is None else read_position(connection, campaign.id)
        return 0 if position is None else position.generation


@dataclass(frozen=True, slots=True)
class _Look:
    """A snapshot of the database with its journal.

    Attributes:
        connection: a transaction on the snapshot.
        campaign: the campaign of the ledger.
        found: what the journal adds to the snapshot.
        held: a process is sending.
    """

    connection: Connection
    campaign: CampaignRecord
    found: Evidence
    held: bool

    def rows(self, query: Select[Any], width: int) -> Iterator[tuple[Sequence[Any], Transition]]:
        """Yield the rows of `query`, each with the newest transition of its delivery.

        `width` is the number of columns for `transition_of`.
        """
        latest = {**self.found.latest, **self.found.saved}
        own = query.where(delivery.c.campaign_id == self.campaign.id)
        for row in self.connection.execute(own):
            last = latest.get(row[0]) or transition_of(row[:width])
            yield row, last if self.held else self.found.ended(last)
