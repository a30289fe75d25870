"""The entry point of the ledger: a database of campaigns, opened for sending.

    with Ledger.open("sqlite:///spring.db") as ledger:
        store = ledger.store("spring", identify)

Only one process at a time may have a ledger in a file open. The lock and the journal lie next to
it:

    spring.db                the database
    spring.lock              locked by the process that is sending (lock.py)
    spring-00000007.journal  the transitions that are not in the database yet (journal.py)
    spring.mark              how many commits there were (journal_file.py)

A server database (PostgreSQL) will need neither. `Ledger.open` will recognise its URL, and its
stores will be plain `SqlStore`s, which share the work by the owner and the expiry of each claim.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from mailmerge.errors import Declined, LedgerError, LedgerHeld
from mailmerge.language import tr
from mailmerge.ledger.after import AfterFacts
from mailmerge.ledger.campaigns import (
    CampaignRecord,
    OtherMailing,
    all_campaigns,
    find_campaign,
    find_campaign_of_folder,
    known_campaign,
    known_campaign_of_folder,
)
from mailmerge.ledger.copies import SavedCopies
from mailmerge.ledger.database import Database, Observer
from mailmerge.ledger.examination import Examination, examine_ledger
from mailmerge.ledger.guard import CampaignGuard, Unguarded, guard_database
from mailmerge.ledger.high_water import HighWater, Place, Unmarked
from mailmerge.ledger.integrity import require_whole
from mailmerge.ledger.interface import Decisions, Identify, LedgerReader, Store
from mailmerge.ledger.journal import ROTATE_AFTER, Journaled
from mailmerge.ledger.journal_file import JournalFiles
from mailmerge.ledger.lock import Lock, owner_of
from mailmerge.ledger.marks import Marks
from mailmerge.ledger.migrations import LEDGER
from mailmerge.ledger.position import forget_position, read_position
from mailmerge.ledger.reader import SqliteReader
from mailmerge.ledger.sender import Fence, refuse_if_open_here, this_process
from mailmerge.ledger.sqlite import damaged, memory_database, open_database
from mailmerge.ledger.states import Delivery
from mailmerge.ledger.store import LEASE, SqlStore, recover
from mailmerge.library_messages import system_reason
from mailmerge.portable import boot
from mailmerge.private_files import make_private_folder, narrow_folder
from mailmerge.settings import Settings


@dataclass(frozen=True, slots=True)
class LedgerOptions:
    """Options of a ledger; most are for tests.

    Attributes:
        journal: whether transitions go to a journal file first; without it each is a commit.
        lease: seconds after which a claim expires unless it is renewed.
        rotate_after: the size in bytes above which a new journal file is begun.
        boot_id: returns the id of the machine's present boot.
        observer: called before and after each durable step; it may end the process there.
        store: the class of the store that uses the database.
        marks: the high-water marks of all ledgers; None means those of the user (marks.py).
    """

    journal: bool = True
    lease: float = LEASE
    rotate_after: int = ROTATE_AFTER
    boot_id: Callable[[], str] = boot.boot_id
    observer: Observer | None = None
    store: type[SqlStore] = SqlStore
    marks: Marks | None = None


_REAL: Final = "ledger"
"""The name of the ledger of a campaign folder that records the real messages."""

_USUAL_SUFFIXES: Final = frozenset({".db", ".sqlite", ".sqlite3"})
"""The endings that users give to databases of SQLite."""

_DEFAULTS: Final = LedgerOptions()
"""The options of a ledger unless the caller passes others."""


@dataclass(frozen=True, slots=True)
class _DatabaseFile:
    """A database in a file, with the lock and the journals next to it."""

    path: Path

    @property
    def lock(self) -> Path:
        return self.path.with_suffix(".lock")

    def journal(self, number: int, observer: Observer | None = None) -> JournalFiles:
        """The journal files of a campaign; those of campaign 1 have the name of the database."""
        name = self.path.stem if number == 1 else f"{self.path.stem}.{number}"
        return JournalFiles(self.path.parent, name, observer)

    def require_content(self) -> None:
        """Check that the database did not get lost while its journal or its log remained.

        SQLite takes an empty file for a new database, and removes the write-ahead log next to it.

        Raises:
            LedgerError: the file is missing or empty, and was not.
        """
        if self.path.exists() and self.path.stat().st_size:
            return
        log = self.path.with_name(f"{self.path.name}-wal")
        logged = log.exists() and log.stat().st_size
        if logged or any(files.has_content() for files in self.journals()):
            raise damaged(
                self.path.name, tr("it is empty or missing, but files next to it are not")
            )

    def journals(self) -> list[JournalFiles]:
        """The journals of all campaigns that have files here, whatever the database knows."""
        names = {self.path.stem, *(name.rpartition("-")[0] for name in self._journals())}
        return [JournalFiles(self.path.parent, name) for name in sorted(names)]

    def _journals(self) -> list[str]:
        own = re.compile(rf"{re.escape(self.path.stem)}(\.\d+)?-\d{{8}}\.journal")
        return [
            path.name for path in self.path.parent.glob("*.journal") if own.fullmatch(path.name)
        ]

    def require_own_names(self) -> None:
        """Check that no other database in the folder has the same names for its lock and journals.

        Raises:
            LedgerError: there is one, such as `spring.sqlite` or `spring.2.db` next to `spring.db`.
        """
        # The files are judged by their names: to open and close one that this process has open as
        # a database would release SQLite's locks on it.
        for path in self.path.parent.glob("*"):
            if path.suffix not in {self.path.suffix, *_USUAL_SUFFIXES}:
                continue
            if path.resolve() == self.path:
                continue
            short, long = sorted((self.path.stem, path.stem), key=len)
            if re.fullmatch(rf"{re.escape(short)}(\.\d+)?", long):
                raise LedgerError(
                    tr("its journals would have the same names as those of {name}", name=path.name),
                    file=self.path.name,
                    hint=tr("give it another name, or put it into another folder"),
                    code="ledger-url",
                )

    def remove(self) -> None:
        """Remove the database and the journals of all its campaigns."""
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink()
        for files in self.journals():
            files.mark.unlink(missing_ok=True)
        for name in self._journals():
            self.path.with_name(name).unlink()


@dataclass(frozen=True, slots=True)
class _Folder:
    """How a campaign folder names its mailings: see campaigns.find_campaign_of_folder."""

    named: bool
    begin: bool


class Ledger:
    """A ledger that is open for sending; use it as a context manager to close it.

        with Ledger.open("sqlite:///spring.db") as ledger:
            Job(campaign, recipients, server, ledger).run_all()
            for one in ledger.deliveries("spring"):
                print(one.address, one.state)

    Only one process at a time may have a ledger in a file open. A ledger may have several
    campaigns.

    Attributes:
        notice: what the user should know about the protection of this ledger; "" if all is well.
    """

    def __init__(
        self,
        database: Database,
        options: LedgerOptions,
        closing: ExitStack,
        *,
        file: _DatabaseFile | None = None,
        guard: Callable[[int], Unguarded] = lambda _: Unguarded(),
        notice: str = "",
        folder: _Folder | None = None,
    ) -> None:
        """Use `open`, `of` or `memory` instead."""
        self._database = database
        self._options = options
        self._closing = closing
        self._file = file
        self._guard = guard
        self._folder = folder
        self._stores: dict[int, Store] = {}
        self._identify: dict[int, Identify] = {}
        self.notice = notice

    @classmethod
    def open(
        cls, url: str, options: LedgerOptions = _DEFAULTS, *, accept_older: bool = False
    ) -> Ledger:
        """Open the database at a URL, or create it.

        `sqlite:///spring.db` is a relative path, `sqlite:////var/spring.db` an absolute one.

        mailmerge remembers in the user's state folder how far each ledger has come. It refuses a
        ledger that is older, such as a backup; and it refuses to enrol the same recipients again
        where a ledger was deleted. `accept_older` turns this off for once.

        Raises:
            LedgerHeld: another process has the ledger, or a copy of it, open.
            LedgerOlder: a newer ledger than this one has been used.
            LedgerError: this kind of database is not supported; or it cannot be read or written, is
                damaged, or was written by a newer mailmerge.
        """
        try:
            parsed = make_url(url)
        except ArgumentError as error:
            raise _unknown(url) from error
        if parsed.get_backend_name() != "sqlite":
            raise _unknown(url)
        if parsed.database in {None, "", ":memory:"}:
            return cls.memory(options)
        # The program may change its working directory, and the file may be a link: its lock and its
        # journal are always those next to the file itself.
        path = Path(os.path.realpath(str(parsed.database)))
        _DatabaseFile(path).require_own_names()
        water = _high_water(Place(path), options, accept_older=accept_older)
        return cls._in_file(path, options, water)

    @classmethod
    def of(
        cls,
        campaign: Settings,
        name: str = _REAL,
        options: LedgerOptions = _DEFAULTS,
        *,
        fresh: bool = False,
        begin: bool = False,
        accept_older: bool = False,
    ) -> Ledger:
        """Open the ledger with this name in a campaign folder, or create it.

        A name in campaign.toml stands for one mailing. If the folder has sent another one, its
        `store` raises Declined unless `begin` is True. Without a name the folder goes on with its
        last mailing, also after it was renamed. `fresh` deletes an earlier ledger of that name; it
        is for the sandbox, never for the real ledger, and such a ledger has no high-water mark.
        `accept_older` is that of `open`.

        Raises:
            LedgerHeld: another process is sending this campaign, or a copy of its folder.
            LedgerOlder: a newer ledger than this one has been used.
            LedgerError: the ledger cannot be read or written, is damaged, or was written by a newer
                mailmerge.
        """
        narrow_folder(make_private_folder(campaign.state_folder))
        path = _path_of(campaign, name)
        water = Unmarked()
        if name == _REAL:
            place = Place(path, str(campaign.folder.resolve()))
            water = _high_water(place, options, accept_older=accept_older)
        folder = _Folder(named=_is_named(campaign, name), begin=begin)
        return cls._in_file(path, options, water, fresh=fresh, folder=folder)

    @classmethod
    def memory(cls, options: LedgerOptions = _DEFAULTS) -> Ledger:
        """Open a ledger in memory, which ends when it is closed; for tests and experiments."""
        database = memory_database(LEDGER, observer=options.observer)
        closing = ExitStack()
        closing.callback(database.close)
        return cls(database, options, closing)

    @classmethod
    def _in_file(
        cls,
        path: Path,
        options: LedgerOptions,
        water: Unmarked,
        *,
        fresh: bool = False,
        folder: _Folder | None = None,
    ) -> Ledger:
        file = _DatabaseFile(path)
        refuse_if_open_here(path)
        with ExitStack() as opened:
            lock = Lock(file.lock)
            opened.callback(lock.release)
            if fresh:
                file.remove()
            file.require_content()
            database = open_database(path, LEDGER, observer=options.observer)
            opened.callback(database.close)
            require_whole(database)
            fence = Fence(this_process(options.boot_id()))
            guard_database(database, path, lock, fence, water, file.journal)
            opened.callback(water.close)
            opened.callback(fence.give_back, database)
            closing = opened.pop_all()
        return cls(
            database,
            options,
            closing,
            file=file,
            guard=partial(CampaignGuard, database, fence, water),
            notice=water.notice,
            folder=folder,
        )

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def store(self, campaign: str, identify: Identify) -> Store:
        """Return the store of the campaign with this name; the campaign is created if necessary.

        If a process ended without `close`, its claims are ended first. `identify` makes the
        Message-IDs of new claims. The ledger closes the store. A second call returns the same open
        store.

        Raises:
            Declined: the folder of this ledger has sent another mailing; see `of`.
            LedgerError: the ledger cannot be read or written.
        """
        with self._database.begin() as connection:
            found = self._find(connection, campaign)
        self._identify[found.id] = identify
        return self._opened(found)

    def _find(self, connection: Connection, name: str) -> CampaignRecord:
        if self._folder is None:
            return find_campaign(connection, name)
        try:
            return find_campaign_of_folder(
                connection, name, named=self._folder.named, begin=self._folder.begin
            )
        except OtherMailing as other:
            raise Declined(
                tr(
                    'campaign.name is now "{name}", but this folder has sent '
                    '"{old}": under the new name all recipients get a message, also '
                    "those who have got one; nothing was sent",
                    name=name,
                    old=other.name,
                ),
                hint=tr(
                    'use --accept-changes to begin "{name}", or write name = "{old}" to continue',
                    name=name,
                    old=other.name,
                ),
                code="other-mailing",
            ) from other

    def _opened(self, campaign: CampaignRecord) -> Store:
        store = self._stores.get(campaign.id)
        if store is None:
            store = self._stores[campaign.id] = self._recovered(campaign)
        return store

    def _recovered(self, campaign: CampaignRecord) -> Store:
        options = self._options

        def identify(secret: bytes, key: str) -> str:
            return self._identify[campaign.id](secret, key)

        store = options.store(
            self._database,
            campaign,
            identify,
            lease=options.lease,
            guard=self._guard(campaign.id),
        )
        with store.transaction("read") as connection:
            journaled = read_position(connection, campaign.id) is not None
        if self._file is not None and (options.journal or journaled):
            files = self._file.journal(campaign.id, options.observer)
            opened = Journaled(
                store, files, boot_id=options.boot_id, rotate_after=options.rotate_after
            )
            if options.journal:
                return opened
            opened.close()
            # In this order: files without a position would mean a damaged database.
            if not files.remove():
                raise LedgerError(tr("its journal cannot be removed"), code="ledger-unwritable")
            with store.transaction() as connection:
                forget_position(connection, campaign.id)
        recover(store)
        return store

    def resolve(self, state: str, resolution: str) -> int:
        """Decide about deliveries that a run does not touch, in all campaigns.

        The state "in_doubt" can be resolved by "resend", which makes the deliveries claimable while
        this ledger is open, or by "assume_sent". The states "rejected", "deferred" and "drafted"
        can be resolved by "retry". Returns the number of deliveries that changed.

        Raises:
            LedgerError: the ledger cannot be written.
            ValueError: there is no such resolution of that state.
        """
        decide = _RESOLUTIONS.get((state, resolution))
        if decide is None:
            raise ValueError(
                tr(
                    "deliveries {state} cannot be resolved by {resolution!r}",
                    state=state,
                    resolution=resolution,
                )
            )
        with self._database.begin("read") as connection:
            campaigns = all_campaigns(connection)
        return sum(decide(self._opened(campaign)) for campaign in campaigns)

    def deliveries(self, campaign: str) -> Iterator[Delivery]:
        """Yield each recipient of this campaign with its state, in the order of the rows.

        The iterator is empty if the ledger does not know the campaign, because it was never sent.
        During a run, a delivery may be `claimed` or `sending`; reports count both as pending.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        with self._database.begin("read") as connection:
            found = known_campaign(connection, campaign)
        return iter(()) if found is None else self._opened(found).iterate()

    @property
    def after(self) -> AfterFacts:
        """What came back by mail, in all campaigns of this ledger."""
        return AfterFacts(self._database)

    def copies(self, campaign: str) -> SavedCopies:
        """Which sent messages of a campaign have a copy in the Sent folder.

        Raises:
            Declined, LedgerError: as `store`.
        """
        with self._database.begin() as connection:
            return SavedCopies(self._database, self._find(connection, campaign).id)

    def close(self) -> None:
        """Close all stores and the database, and release the lock."""
        with self._closing as stack:
            for store in self._stores.values():
                stack.callback(store.close)
        self._stores.clear()

    @staticmethod
    def read(
        campaign: Settings, name: str = _REAL, options: LedgerOptions = _DEFAULTS
    ) -> LedgerReader | None:
        """Open the ledger with this name in a campaign folder for reading; None if there is none.

        Nothing is written, and another process may be sending meanwhile.

        Raises:
            LedgerError: the database is missing or empty, and was not.
        """
        file = _DatabaseFile(_path_of(campaign, name))
        file.require_content()
        if not file.path.exists():
            return None
        named = _is_named(campaign, name)
        find = partial(known_campaign_of_folder, name=campaign.name, named=named)
        return SqliteReader(file.path, file.lock, file.journal, options.boot_id, find)

    @staticmethod
    def examine(
        campaign: Settings, name: str = "ledger", options: LedgerOptions = _DEFAULTS
    ) -> Examination | None:
        """Examine the ledger with this name in a campaign folder; None if there is none.

        It may be damaged; nothing is written.

        Raises:
            LedgerHeld: a process is sending; its files change all the time.
            LedgerError: the files cannot be read.
        """
        file = _DatabaseFile(_path_of(campaign, name))
        if not file.path.exists() and not any(one.generations() for one in file.journals()):
            return None
        if owner := owner_of(file.lock):
            raise LedgerHeld(
                tr("this campaign is being sent by {owner}", owner=owner),
                hint=tr("examine the ledger when that has ended"),
            )
        try:
            return examine_ledger(file.path, file.journal, file.journals(), options.boot_id())
        except OSError as error:
            raise LedgerError(
                tr("cannot be read: {reason}", reason=system_reason(error)),
                file=file.path.name,
                hint=tr("check its permissions, and free some disk space for a copy"),
                code="ledger-unwritable",
            ) from error


_RESOLUTIONS: Final[dict[tuple[str, str], Callable[[Decisions], int]]] = {
    ("in_doubt", "resend"): lambda store: store.resend_in_doubt(),
    ("in_doubt", "assume_sent"): lambda store: store.assume_sent(),
    ("rejected", "retry"): lambda store: store.retry_rejected(),
    ("deferred", "retry"): lambda store: store.retry_deferred(),
    ("drafted", "retry"): lambda store: store.retry_drafted(),
}


def _high_water(place: Place, options: LedgerOptions, *, accept_older: bool) -> HighWater:
    return HighWater(place, options.marks or Marks(), accept_older=accept_older)


def _is_named(campaign: Settings, name: str) -> bool:
    """Whether the campaign's name decides which mailing of a ledger is meant.

    The ledgers of the sandbox and of tests have a single mailing, the last one.
    """
    return bool(campaign.campaign.name) and name == _REAL


def _path_of(campaign: Settings, name: str) -> Path:
    return campaign.state_folder.absolute() / f"{name}.sqlite"


def _unknown(url: str) -> LedgerError:
    return LedgerError(
        tr("{url!r} is not a ledger that this version can open", url=url),
        hint=tr("write sqlite:///FILE"),
        code="ledger-url",
    )
