"""The public face of the ledger: a database of campaigns, opened for sending.

    with Ledger.open("sqlite:///spring.db") as ledger:
        store = ledger.store("spring", identify)

A ledger in a file belongs to one process at a time. Its lock and its journal lie next to it:

    spring.db                the database
    spring.lock              which process is sending (lock.py)
    spring-00000007.journal  what is not in the database yet (journal.py)

A server database (PostgreSQL) will need neither: `Ledger.open` is where its URL is told apart, and
its stores are plain ones, which claim from each other by owner and expiry.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from mailmerge.errors import LedgerError
from mailmerge.ledger.campaigns import (
    CampaignRecord,
    all_campaigns,
    find_campaign,
    known_campaign,
)
from mailmerge.ledger.database import Database, Observer
from mailmerge.ledger.interface import Decisions, Identify, LedgerReader, Store
from mailmerge.ledger.journal import ROTATE_AFTER, Journaled, forget_position, read_position
from mailmerge.ledger.journal_file import JournalFiles
from mailmerge.ledger.lock import Lock
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.reader import SqliteReader
from mailmerge.ledger.sqlite import memory_database, open_database
from mailmerge.ledger.states import Delivery
from mailmerge.ledger.store import LEASE, SqlStore, recover
from mailmerge.portable import boot
from mailmerge.private_files import make_private_folder
from mailmerge.settings import Settings


@dataclass(frozen=True, slots=True)
class LedgerOptions:
    """How a ledger keeps its promise, and where tests look in.

    Attributes:
        journal: whether transitions go to a journal file first; without one each is a commit.
        lease: seconds after which a claim expires that is not renewed.
        rotate_after: bytes of a journal file after which a new one is begun.
        boot_id: names the present start of the machine.
        observer: is told before and after each durable step; it may end the process there.
        store: the class of the store that talks to the database.
    """

    journal: bool = True
    lease: float = LEASE
    rotate_after: int = ROTATE_AFTER
    boot_id: Callable[[], str] = boot.boot_id
    observer: Observer | None = None
    store: type[SqlStore] = SqlStore


_DEFAULTS: Final = LedgerOptions()
"""How a ledger is opened unless the caller says otherwise."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A database in a file, and what lies next to it."""

    path: Path

    @property
    def lock(self) -> Path:
        return self.path.with_suffix(".lock")

    def journal(self, number: int, observer: Observer | None = None) -> JournalFiles:
        """The journal of a campaign; the first one has the name of the database alone."""
        name = self.path.stem if number == 1 else f"{self.path.stem}.{number}"
        return JournalFiles(self.path.parent, name, observer)

    def remove(self) -> None:
        """Remove the database and the journals of all its campaigns."""
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink()
        own = re.compile(rf"{re.escape(self.path.stem)}(\.\d+)?-\d{{8}}\.journal")
        for path in self.path.parent.glob("*.journal"):
            if own.fullmatch(path.name):
                path.unlink()


class Ledger:
    """A ledger that is open for sending; use it as a context manager, so that it is closed.

        with Ledger.open("sqlite:///spring.db") as ledger:
            Job(campaign, people, server, ledger).run_all()
            for one in ledger.deliveries("spring"):
                print(one.address, one.state)

    A ledger in a file belongs to one process at a time. It may hold several campaigns.
    """

    def __init__(
        self,
        database: Database,
        options: LedgerOptions,
        *,
        place: _Place | None = None,
        lock: Lock | None = None,
        only_one: bool = False,
    ) -> None:
        """Use `open`, `of` or `memory` instead."""
        self._database = database
        self._options = options
        self._place = place
        self._lock = lock
        self._only_one = only_one
        self._stores: dict[int, Store] = {}
        self._identify: dict[int, Identify] = {}

    @classmethod
    def open(cls, url: str, options: LedgerOptions = _DEFAULTS) -> Ledger:
        """Open a database by its URL, or make it: `sqlite:///spring.db`, or an absolute path.

        Raises:
            LedgerHeld: another process has it open.
            LedgerError: no such kind of database; or it cannot be read or written, is damaged, or
                is of a newer mailmerge.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise _unknown(url) from error
        if parsed.get_backend_name() != "sqlite":
            raise _unknown(url)
        if parsed.database in {None, "", ":memory:"}:
            return cls.memory(options)
        return cls._in_file(Path(str(parsed.database)), options)

    @classmethod
    def of(
        cls,
        campaign: Settings,
        name: str = "ledger",
        options: LedgerOptions = _DEFAULTS,
        *,
        fresh: bool = False,
    ) -> Ledger:
        """Open the ledger of that name in a campaign folder, or make it.

        It has one campaign, however it is called: a renamed campaign keeps its deliveries. `fresh`
        forgets an earlier ledger of that name: for the sandbox, never for the real one.

        Raises:
            LedgerHeld: another process is sending this campaign.
            LedgerError: it cannot be read or written, is damaged, or is of a newer mailmerge.
        """
        make_private_folder(campaign.state_folder)
        path = _path_of(campaign, name)
        return cls._in_file(path, options, fresh=fresh, only_one=True)

    @classmethod
    def memory(cls, options: LedgerOptions = _DEFAULTS) -> Ledger:
        """A ledger that is gone when it is closed: for tests, and for trying things out."""
        return cls(memory_database(LEDGER, observer=options.observer), options)

    @classmethod
    def _in_file(
        cls, path: Path, options: LedgerOptions, *, fresh: bool = False, only_one: bool = False
    ) -> Ledger:
        place = _Place(path)
        lock = Lock(place.lock)
        try:
            if fresh:
                place.remove()
            database = open_database(path, LEDGER, observer=options.observer)
        except BaseException:
            lock.release()
            raise
        return cls(database, options, place=place, lock=lock, only_one=only_one)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def store(self, campaign: str, identify: Identify) -> Store:
        """The store of the campaign of that name, open for a run; it is made where there is none.

        What a process has left that ended without `close` is put right first. `identify` makes the
        Message-IDs of new claims. The store is closed with the ledger; asking again for an open one
        gives the same.

        Raises:
            LedgerError: it cannot be read or written.
        """
        with self._database.begin() as connection:
            found = find_campaign(connection, campaign, only_one=self._only_one)
        self._identify[found.id] = identify
        return self._opened(found)

    def _opened(self, campaign: CampaignRecord) -> Store:
        store = self._stores.get(campaign.id)
        if store is None:
            store = self._stores[campaign.id] = self._recovered(campaign)
        return store

    def _recovered(self, campaign: CampaignRecord) -> Store:
        options = self._options

        def identify(secret: bytes, key: str) -> str:
            return self._identify[campaign.id](secret, key)

        store = options.store(self._database, campaign, identify, lease=options.lease)
        with store.transaction("read") as connection:
            journaled = read_position(connection, campaign.id) is not None
        if self._place is not None and (options.journal or journaled):
            files = self._place.journal(campaign.id, options.observer)
            opened = Journaled(
                store, files, boot_id=options.boot_id, rotate_after=options.rotate_after
            )
            if options.journal:
                return opened
            opened.close()
            with store.transaction() as connection:
                forget_position(connection, campaign.id)
            files.remove()
        recover(store)
        return store

    def resolve(self, state: str, resolution: str) -> int:
        """Decide about deliveries that a run leaves alone, in all campaigns; how many they are.

        Deliveries `in_doubt` can be resolved by `resend`, which lets them be claimed as long as
        this ledger is open, or by `assume_sent`; those `rejected` by `retry`.

        Raises:
            LedgerError: it cannot be written.
            ValueError: there is no such resolution of that state.
        """
        decide = _RESOLUTIONS.get((state, resolution))
        if decide is None:
            raise ValueError(f"deliveries {state} cannot be resolved by {resolution!r}")
        with self._database.begin("read") as connection:
            campaigns = all_campaigns(connection)
        return sum(decide(self._opened(campaign)) for campaign in campaigns)

    def deliveries(self, campaign: str) -> Iterator[Delivery]:
        """Each recipient of the campaign of that name with its state, in the order of the rows.

        The iterator is empty if the ledger does not know the campaign, because it was never sent.
        During a run, a delivery may be `claimed` or `sending`; reports count both as pending.

        Raises:
            LedgerError: it cannot be read.
        """
        with self._database.begin("read") as connection:
            found = known_campaign(connection, campaign)
        return iter(()) if found is None else self._opened(found).iterate()

    def close(self) -> None:
        """Close all stores and the database, and let another process have it."""
        with ExitStack() as stack:
            if self._lock is not None:
                stack.callback(self._lock.release)
            stack.callback(self._database.close)
            for store in self._stores.values():
                stack.callback(store.close)
        self._stores.clear()

    @staticmethod
    def read(
        campaign: Settings, name: str = "ledger", options: LedgerOptions = _DEFAULTS
    ) -> LedgerReader | None:
        """The ledger of that name in a campaign folder, only read; None where there is none.

        Nothing is written, and another process may be sending meanwhile.
        """
        place = _Place(_path_of(campaign, name))
        if not place.path.exists():
            return None
        # A campaign folder has one campaign, and it is the first one of its database.
        return SqliteReader(place.path, place.lock, place.journal(1), options.boot_id)


_RESOLUTIONS: Final[dict[tuple[str, str], Callable[[Decisions], int]]] = {
    ("in_doubt", "resend"): lambda store: store.resend_in_doubt(),
    ("in_doubt", "assume_sent"): lambda store: store.assume_sent(),
    ("rejected", "retry"): lambda store: store.retry_rejected(),
}


def _path_of(campaign: Settings, name: str) -> Path:
    return campaign.state_folder / f"{name}.sqlite"


def _unknown(url: str) -> LedgerError:
    return LedgerError(
        f"{url!r} is no ledger that this version can open",
        hint="write sqlite:///FILE",
        code="ledger-url",
    )
