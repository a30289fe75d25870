"""The ledger in a SQLite file, with a journal beside it for what a commit each would cost too much.

    ledger.sqlite           people, claims, and the marks that are folded in; synced at each commit
    ledger-00000007.journal marks since the last fold (journal.py)
    ledger.lock             who is sending (lease.py)

sqlite_file.py opens the file and reads its rows; sqlite_record.py only reads.

One connection writes. SQLite before 3.51.3 can lose a commit when two connections write or
checkpoint a write-ahead log at the same moment; readers here are read-only and do neither.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from heapq import heapify, heappop, heappush
from typing import Any

from sqlalchemy import (
    RootTransaction,
    Row,
    RowMapping,
    bindparam,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError

from mailmerge.campaign import Campaign
from mailmerge.errors import LedgerError
from mailmerge.ledger import emergency
from mailmerge.ledger.enrolment import enrol
from mailmerge.ledger.journal import (
    OCTETS_PER_CLAIM,
    Journal,
    encode,
    generations,
    journal_path,
    read_journals,
)
from mailmerge.ledger.lease import Holder, Lease, boot_id, holder_of, same_boot
from mailmerge.ledger.schema import book, person
from mailmerge.ledger.sqlite import (
    bring_up_to_date,
    claim_of,
    explained,
    ledger_path,
    mark_of,
    open_engine,
    person_of,
    state_of,
)
from mailmerge.ledger.states import (
    UNDER_WAY,
    Delivery,
    Difference,
    State,
    Transition,
    as_recorded,
    let_go,
    reported,
)
from mailmerge.mime.headers import make_message_id
from mailmerge.private_files import make_private_folder
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Recipient

ROTATE_AFTER = 4 << 20
"""Octets of a journal after which the next fold begins a new one."""

_MARKED = ("state", "changed_at", "attempts", "doubts", "retry_at", "stage", "reply")
PEOPLE_AT_A_TIME = 1000


def _update_of_many(columns: Sequence[str]) -> str:
    """SQL that sets these columns of one person; tuples go past Core, which takes 5 us for each."""
    values: list[tuple[Any, Any]] = [(person.c[name], bindparam(name + "_")) for name in columns]
    statement = update(person).where(person.c.id == bindparam("person")).ordered_values(*values)
    return str(statement.compile(dialect=sqlite.dialect()))


_CLAIM = _update_of_many(("state", "message_id", "date"))
_MARK = _update_of_many(_MARKED)
_PENDING = (
    select(person)
    .where(
        person.c.id > bindparam("position"), person.c.state == State.PENDING.value, person.c.chosen
    )
    .order_by(person.c.id)
    .limit(bindparam("most"))
)


class SqliteLedger:
    """A ledger that is open for a run (the protocol `Ledger` says what it promises).

    Raises:
        LedgerHeld: another process is sending this campaign.
        LedgerError: it cannot be read or written, is damaged, or is of a newer mailmerge.
    """

    def __init__(self, campaign: Campaign, name: str, *, fresh: bool = False) -> None:
        self._folder = campaign.state_folder
        self._name = name
        self._campaign_name = campaign.name
        self._from = campaign.message.from_
        self._path = ledger_path(campaign, name)
        self._failure: LedgerError | None = None
        self._marks = threading.Lock()
        self._fresh: dict[int, Transition] = {}
        self._active: dict[int, Transition] = {}
        self._due: list[tuple[float, int]] = []
        self._resending: set[int] = set()
        self._timing: dict[str, float] = {}
        self._position = 0
        make_private_folder(self._folder)
        self._lease = Lease(self._folder / f"{name}.lock")
        try:
            self._open(fresh=fresh)
        except BaseException:
            self._lease.release()
            raise

    def _open(self, *, fresh: bool) -> None:
        if fresh:
            self._forget()
        self._engine = open_engine(self._path)
        with self._reported("opened"):
            self._database = self._engine.connect()
            bring_up_to_date(self._database, self._path)
            self._book = self._read_book()
            self._recover()
            self._learn()

    def _forget(self) -> None:
        for path in self._folder.glob(f"{self._name}.sqlite*"):
            path.unlink()
        self._remove_journals(before=None)

    def _read_book(self) -> RowMapping:
        with self._begun():
            return self._database.execute(select(book)).mappings().one()

    def _learn(self) -> None:
        """Count the people, and see who is due when."""
        with self._begun():
            self._counts = self._count()
            self._load_due()

    # --- putting right what a crash left behind

    def _recover(self) -> None:
        marks = read_journals(
            self._folder, self._name, self._book["generation"], self._book["offset"]
        )
        known = marks is not None and same_boot(self._book["boot_id"])
        present = generations(self._folder, self._name)
        newest = max([self._book["generation"], *present])
        self._journal = Journal(self._folder, self._name, newest + 1)
        saved = emergency.read(self._folder, self.secret)
        with self._begun():
            self._write({mark.person: mark for mark in marks or ()})
            left = self._under_way()
            left |= {mark.person: mark for mark in saved if mark.person in left}
            self._write({number: let_go(mark, known=known) for number, mark in left.items()})
            self._database.execute(
                update(book).values(boot_id=boot_id(), generation=newest + 1, offset=0)
            )
        emergency.remove(self._folder, self.secret)
        self._remove_journals(before=newest + 1)

    def _under_way(self) -> dict[int, Transition]:
        rows = self._database.execute(select(person).where(person.c.state.in_(UNDER_WAY)))
        return {row[0]: mark_of(row) for row in rows}

    def _remove_journals(self, *, before: int | None) -> None:
        for generation in generations(self._folder, self._name):
            if before is None or generation < before:
                journal_path(self._folder, self._name, generation).unlink(missing_ok=True)

    def _count(self) -> Counter[State]:
        query = select(person.c.state, func.count()).group_by(person.c.state)
        return Counter({State(state): count for state, count in self._database.execute(query)})

    def _load_due(self) -> None:
        query = select(person.c.retry_at, person.c.id).where(
            person.c.state == State.DEFERRED, person.c.chosen
        )
        self._due = [(due or 0.0, number) for due, number in self._database.execute(query)]
        self._due += [(0.0, number) for number in self._resending]
        heapify(self._due)
        self._position = 0

    # --- what everybody asks

    @property
    def secret(self) -> bytes:
        """What makes Message-IDs unguessable: 32 octets, made with the ledger."""
        secret: bytes = self._book["secret"]
        return secret

    @property
    def failure(self) -> LedgerError | None:
        """Why the ledger can no longer be written."""
        return self._failure

    @property
    def holder(self) -> Holder | None:
        """Who is sending this campaign now: we are."""
        return holder_of(self._folder / f"{self._name}.lock")

    def counts(self) -> dict[State, int]:
        """How many people there are in each of the six reported states, also those at 0."""
        with self._marks:
            return reported(self._counts)

    def iterate(self) -> Iterator[Delivery]:
        """Everybody, in the order of the spreadsheet they came with."""
        self.flush()
        place = (-1, -1)
        while batch := self._people_after(place):
            yield from batch
            place = (batch[-1].row, batch[-1].id)

    def _people_after(self, place: tuple[int, int]) -> list[Delivery]:
        query = (
            select(person)
            .where(tuple_(person.c.row, person.c.id) > place)
            .order_by(person.c.row, person.c.id)
            .limit(PEOPLE_AT_A_TIME)
        )
        with self._reported("read"), self._begun():
            return [person_of(row, mark_of(row)) for row in self._database.execute(query)]

    # --- who there is

    def enrol(
        self,
        recipients: Iterable[Recipient],
        fingerprint: str,
        *,
        accept_changes: bool = False,
        partial: bool = False,
    ) -> Difference:
        """Compare the people and the content with the snapshot, and take them over."""
        self.flush()
        with self._reported("written"), self._begun() as transaction:
            difference = enrol(
                self._database,
                recipients,
                fingerprint,
                accept_changes=accept_changes,
                partial=partial,
            )
            if not difference.applied:
                transaction.rollback()
                return difference
        with self._reported("read"):
            self._book = self._read_book()
            self._learn()
        return difference

    def resend_in_doubt(self) -> int:
        """Let those be claimed who are in doubt now; how many they are."""
        self.flush()
        query = select(person.c.id).where(person.c.state == State.IN_DOUBT, person.c.chosen)
        with self._reported("read"), self._begun():
            self._resending = set(self._database.scalars(query))
            self._load_due()
        return len(self._resending)

    def assume_sent(self) -> int:
        """Count those as sent who are in doubt now; how many they are."""
        return self._move(State.IN_DOUBT, State.SENT, "in doubt, assumed sent")

    def retry_rejected(self) -> int:
        """Make those pending again who were rejected; how many they are."""
        return self._move(State.REJECTED, State.PENDING, "")

    def _move(self, old: State, new: State, reply: str) -> int:
        self.flush()
        values = {"state": new.value, **({"reply": reply} if reply else {})}
        with self._reported("written"), self._begun():
            moved = self._database.execute(
                update(person).where(person.c.state == old, person.c.chosen).values(**values)
            ).rowcount
            self._counts = self._count()
            self._load_due()
        return moved

    # --- the run

    def claimable(self) -> int:
        """How many people could be claimed, now or when they are due."""
        query = select(func.count()).where(
            person.c.state == State.PENDING, person.c.chosen, person.c.id > self._position
        )
        with self._reported("read"), self._begun():
            pending = self._database.scalar(query) or 0
        with self._marks:
            return pending + len(self._due)

    def next_retry(self) -> float | None:
        """When the next deferred person is due."""
        with self._marks:
            return self._due[0][0] if self._due else None

    def claim(self, worker: str, limit: int, now: float) -> list[Delivery]:
        """Take up to `limit` people who are pending, or deferred and due; durable on return."""
        del worker  # one process claims for all its connections
        self._raise_failure()
        due = self._take_due(limit, now)
        with self._folding():
            with self._marks:
                self._journal.reserve((limit + len(self._active)) * OCTETS_PER_CLAIM)
            rows = self._claimable(due, limit)
            marks = [claim_of(row, now) for row in rows]
            claimed = [self._claimed(row, mark, now) for row, mark in zip(rows, marks, strict=True)]
            if claimed:
                values = [("claimed", one.message_id, one.date, one.id) for one in claimed]
                self._database.exec_driver_sql(_CLAIM, values)
        with self._marks:
            self._counts.subtract(map(state_of, rows))
            self._counts[State.CLAIMED] += len(claimed)
            for mark in marks:
                self._active[mark.person] = mark
                self._resending.discard(mark.person)
        return claimed

    def _take_due(self, limit: int, now: float) -> list[int]:
        due: list[int] = []
        with self._marks:
            while self._due and len(due) < limit and self._due[0][0] <= now:
                due.append(heappop(self._due)[1])
        return due

    def _claimable(self, due: list[int], limit: int) -> list[Row[Any]]:
        rows: list[Row[Any]] = []
        if due:
            rows += self._database.execute(select(person).where(person.c.id.in_(due)))
        if len(due) < limit:
            rows += self._database.execute(
                _PENDING, {"position": self._position, "most": limit - len(due)}
            )
            self._position = max(self._position, rows[-1][0]) if rows else self._position
        return rows

    @cached_property
    def _domain(self) -> str:
        """The right side of Message-IDs; found out at the first claim, when From was checked."""
        return parse_mailbox(self._from, names=True).domain

    def _claimed(self, row: Sequence[Any], mark: Transition, now: float) -> Delivery:
        message_id = make_message_id(self.secret, self._campaign_name, row[1], self._domain)
        return person_of(row, mark, message_id, now)

    def apply(self, transitions: Sequence[Transition]) -> list[Transition]:
        """Write changes of claimed deliveries, and give them back as they were written."""
        return [self._record(transition) for transition in transitions]

    def _record(self, mark: Transition) -> Transition:
        mark = as_recorded(mark)
        with self._marks:
            if mark.state is State.SENDING:
                self._raise_failure()
            self._journal_mark(mark)
            self._fresh[mark.person] = mark
            self._counts[self._active[mark.person].state] -= 1
            self._counts[mark.state] += 1
            if mark.state in UNDER_WAY:
                self._active[mark.person] = mark
            else:
                del self._active[mark.person]
            if mark.state is State.DEFERRED:
                heappush(self._due, (mark.retry_at or 0.0, mark.person))
        return mark

    def _journal_mark(self, mark: Transition) -> None:
        try:
            self._journal.append(encode(mark, self._journal.generation))
        except LedgerError as error:
            self._failure = self._failure or error
            if mark.state is State.SENDING:
                raise
            emergency.save(self._folder, self.secret, mark)

    def flush(self) -> None:
        """Make all marks so far durable against a power cut, too."""
        if self._fresh or self._timing:
            with self._folding():
                pass

    @contextmanager
    def _folding(self) -> Iterator[None]:
        """A transaction that first writes the marks that only the journal holds so far."""
        with self._marks:
            folding, self._fresh = self._fresh, {}
            timing, self._timing = self._timing, {}
            self._rotate()
            journal = self._journal
            place = {"generation": journal.generation, "offset": journal.offset}
        try:
            with self._reported("written"), self._begun():
                self._write(folding)
                self._database.execute(update(book).values(**place, **timing))
                yield
        except BaseException:
            with self._marks:
                self._fresh = folding | self._fresh
                self._timing = self._timing or timing
            raise
        self._remove_journals(before=journal.generation)

    def _rotate(self) -> None:
        """Begin a new journal where this one is long; the old one stays until the fold is done."""
        if self._journal.offset > ROTATE_AFTER:
            old = self._journal
            self._journal = Journal(self._folder, self._name, old.generation + 1)
            old.close()

    def _write(self, marks: dict[int, Transition]) -> None:
        if marks:
            values = [_values(mark) for mark in marks.values()]
            self._database.exec_driver_sql(_MARK, values)

    def release(self, people: Iterable[int]) -> None:
        """Give back claimed people who were not sent to."""
        with self._marks:
            held = [self._active[number] for number in people if number in self._active]
        for mark in held:
            self.apply([let_go(mark, known=True)])

    # --- small and permanent

    def remember_check(self, digest: str) -> None:
        """Note that the check of what `digest` stands for has passed."""
        with self._reported("written"), self._begun():
            self._database.execute(update(book).values(checked=digest))
        with self._reported("read"):
            self._book = self._read_book()

    def note_run(self, seconds: float, check_seconds: float) -> None:
        """Note how long the run and its check have taken so far; the next fold writes it down."""
        self._timing = {"seconds": seconds, "check_seconds": check_seconds}

    def check_passed(self, digest: str) -> bool:
        """Whether that check is the last one that passed."""
        return bool(digest) and self._book["checked"] == digest

    def _begun(self) -> RootTransaction:
        """A transaction; what it wrote is durable when it is committed."""
        return self._database.begin()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    @contextmanager
    def _reported(self, what: str) -> Iterator[None]:
        """Turn SQLite's complaints into one line; after one that hurts nothing more is sent."""
        try:
            yield
        except DBAPIError as error:
            failure = explained(self._path, what, error)
            if what == "written":
                self._failure = self._failure or failure
            raise failure from error

    def close(self) -> None:
        """Give back what is claimed, make everything durable, let another process have it."""
        try:
            if self._failure is None:
                self.release(list(self._active))
                self.flush()
        finally:
            self._journal.close()
            self._database.close()
            self._engine.dispose()
            self._lease.release()


def _values(mark: Transition) -> tuple[object, ...]:
    return (
        mark.state.value,
        mark.at,
        mark.attempts,
        mark.doubts,
        mark.retry_at,
        mark.stage,
        mark.reply,
        mark.person,
    )
