"""A ledger in a SQLite file, only read: what `status` shows, also while a run is going on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import RowMapping, select
from sqlalchemy.exc import DBAPIError

from mailmerge.campaign import Campaign
from mailmerge.delivery import emergency
from mailmerge.delivery.journal import read_journals
from mailmerge.delivery.lease import Holder, holder_of, same_boot
from mailmerge.delivery.person import Mark, Person, State, let_go, reported
from mailmerge.delivery.schema import book, person
from mailmerge.delivery.sqlite_file import (
    explained,
    ledger_path,
    mark_of,
    open_engine,
    person_of,
    version_of,
)


class SqliteRecord:
    """A ledger that is only read, also while another process writes it.

    The people are as that process would find them: its journal is read after the snapshot of the
    database, and what a dead process left behind is shown as the next run will put it right.

    Raises:
        LedgerError: it cannot be read, is damaged, or is of a newer mailmerge.
    """

    def __init__(self, campaign: Campaign, name: str) -> None:
        self._folder = campaign.state_folder
        self._name = name
        self._path = ledger_path(campaign, name)

    @property
    def holder(self) -> Holder | None:
        """Who is sending this campaign now, if anybody."""
        return holder_of(self._folder / f"{self._name}.lock")

    def counts(self) -> dict[State, int]:
        """How many people there are in each of the six reported states, also those at 0."""
        return reported(Counter(one.state for one in self.people()))

    def people(self) -> Iterator[Person]:
        """Everybody, in the order of the spreadsheet they came with."""
        held = self.holder is not None
        engine = open_engine(self._path, read_only=True)
        try:
            with engine.connect() as database:
                if not version_of(database, self._path):
                    return
                page = database.execute(select(book)).mappings().one()
                marks, known = self._journal(page)
                rows = database.execute(select(person).order_by(person.c.row, person.c.id))
                for row in rows:
                    mark = marks.get(row[0]) or mark_of(row)
                    yield person_of(row, mark if held else let_go(mark, known=known))
        except DBAPIError as error:
            raise explained(self._path, "read", error) from error
        finally:
            engine.dispose()

    def _journal(self, page: RowMapping) -> tuple[dict[int, Mark], bool]:
        """The latest mark of each person, and whether these are all marks there were."""
        marks = read_journals(self._folder, self._name, page["generation"], page["offset"])
        saved = emergency.read(self._folder, page["secret"])
        latest = {mark.person: mark for mark in [*(marks or ()), *saved]}
        return latest, marks is not None and same_boot(page["boot_id"])
