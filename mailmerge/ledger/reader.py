"""A ledger in a SQLite file, only read: what `status` shows, also while a run is going on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, select, text
from sqlalchemy.exc import DBAPIError

from mailmerge.campaign import Campaign
from mailmerge.ledger import emergency
from mailmerge.ledger.journal import read_journals
from mailmerge.ledger.lease import Holder, holder_of, same_boot
from mailmerge.ledger.schema import book, person
from mailmerge.ledger.sqlite import (
    MARK_COLUMNS,
    explained,
    ledger_path,
    mark_of,
    open_engine,
    person_of,
    version_of,
)
from mailmerge.ledger.states import (
    Delivery,
    Standing,
    State,
    Transition,
    let_go,
    reported,
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
        return dict(self.standing().states)

    def standing(self) -> Standing:
        """The counts, and how long the last run took."""
        states = Counter[State]()
        with self._opened() as database:
            page = self._page(database)
            if page is None:
                return Standing(reported(states))
            for _, mark in self._marked(database, page, select(*MARK_COLUMNS)):
                states[mark.state] += 1
        seconds, check_seconds = page.get("seconds", 0.0), page.get("check_seconds", 0.0)
        return Standing(reported(states), seconds, check_seconds)

    def iterate(self) -> Iterator[Delivery]:
        """Everybody, in the order of the spreadsheet they came with."""
        query = select(person).order_by(person.c.row, person.c.id)
        with self._opened() as database:
            page = self._page(database)
            if page is not None:
                for row, mark in self._marked(database, page, query):
                    yield person_of(row, mark)

    @contextmanager
    def _opened(self) -> Iterator[Connection]:
        engine = open_engine(self._path, read_only=True)
        try:
            with engine.connect() as database:
                yield database
        except DBAPIError as error:
            raise explained(self._path, "read", error) from error
        finally:
            engine.dispose()

    def _page(self, database: Connection) -> RowMapping | None:
        """The book, with the columns that it has in that version; None where there is none yet."""
        if not version_of(database, self._path):
            return None
        return database.execute(select(text("*")).select_from(book)).mappings().one()

    def _marked(
        self, database: Connection, page: RowMapping, query: Select[Any]
    ) -> Iterator[tuple[Sequence[Any], Transition]]:
        """The rows of `query`, each with the latest mark of its person."""
        held = self.holder is not None
        marks, known = self._journal(page)
        for row in database.execute(query):
            mark = marks.get(row[0]) or mark_of(row)
            yield row, mark if held else let_go(mark, known=known)

    def _journal(self, page: RowMapping) -> tuple[dict[int, Transition], bool]:
        """The latest mark of each person, and whether these are all marks there were."""
        marks = read_journals(self._folder, self._name, page["generation"], page["offset"])
        saved = emergency.read(self._folder, page["secret"])
        latest = {mark.person: mark for mark in [*(marks or ()), *saved]}
        return latest, marks is not None and same_boot(page["boot_id"])
