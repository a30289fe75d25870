"""A store whose transitions cost one write(2) each: an append-only file around another store.

A commit for each message would be the slowest part of a run. So transitions are appended to a
journal file. A few times a second, a *fold* brings the database up to date: one transaction writes
all transitions since the last fold, the position up to which the journal is folded, and the next
claims.

What can go wrong, and how it is recognised:

* *The process ends.* Nothing is lost, because the kernel's page cache has all written bytes. The
  next process reads the journal from the position of the last fold and ends every open claim. It
  knows all transitions.
* *The machine loses power.* Folded transitions are safe, because the database syncs each commit.
  Lines of the journal may be lost. The next process notices it: the boot id has changed, or the
  file is missing. Then every delivery that still is claimed or sending, after the surviving lines
  have been applied, becomes in doubt.
* *The disk is full.* Before deliveries are claimed, the journal reserves 2,048 bytes for each of
  them, more than its two lines usually need. If an append fails nevertheless, nothing more is sent,
  and the remaining outcomes go to an emergency file (emergency.py).

Why a fold is safe: its steps have a fixed order. A new journal file is begun before transitions are
taken out of memory. Old files are removed only after the commit that records the new position. If
the process ends between two steps, the journal is read again from an earlier position, and folding
a transition twice changes nothing.

Only one process may have such a store open; the ledger's guard ensures this (guard.py). So the
process may keep in memory what it would otherwise read from the database: the claims, the counts,
and when the next retry is due.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update

from mailmerge.errors import ClaimLost, LedgerError
from mailmerge.ledger import claims
from mailmerge.ledger.emergency import EmergencyFiles
from mailmerge.ledger.journal_file import JournalFile, JournalFiles, encode
from mailmerge.ledger.schema import journal
from mailmerge.ledger.states import (
    CLAIM_PREDECESSORS,
    UNDER_WAY,
    Delivery,
    Difference,
    State,
    Transition,
    as_recorded,
    claim_transition,
    end_claim,
    reported,
    state_before,
)
from mailmerge.ledger.store import Decide, SqlStore, UserDecisions
from mailmerge.portable import boot
from mailmerge.recipients.audience import Recipient
from mailmerge.settings import NOTHING_RECORDED, Fingerprint

ROTATE_AFTER: Final = 4 << 20
"""The size in bytes above which the next fold begins a new journal file."""

_BYTES_PER_CLAIM: Final = 2048
_SENDING: Final = State.SENDING  # reading a member of an Enum is slow


@dataclass(frozen=True, slots=True)
class Position:
    """How far the journal of a campaign has been folded.

    Attributes:
        boot_id: the boot of the machine during which the journal was written.
        generation: the number of the journal file.
        offset: the number of bytes of that file that are folded.
    """

    boot_id: str
    generation: int
    offset: int


_POSITION: Final[dict[str, BindParameter[Any]]] = {
    "boot_id": bindparam("boot"),
    "generation": bindparam("number"),
    "offset": bindparam("bytes"),
}
_MOVE: Final = (
    update(journal).where(journal.c.campaign_id == bindparam("campaign")).values(**_POSITION)
)
_BEGIN: Final = insert(journal).values(campaign_id=bindparam("campaign"), **_POSITION)


def read_position(connection: Connection, campaign_id: int) -> Position | None:
    """Return the position of a campaign's journal; None if there never was a journal."""
    query = select(journal.c.boot_id, journal.c.generation, journal.c.offset)
    row = connection.execute(query.where(journal.c.campaign_id == campaign_id)).first()
    return None if row is None else Position(*row)


def _write_position(connection: Connection, campaign_id: int, position: Position) -> None:
    values = {"campaign": campaign_id, "boot": position.boot_id}
    values |= {"number": position.generation, "bytes": position.offset}
    if not connection.execute(_MOVE, values).rowcount:
        connection.execute(_BEGIN, values)


def forget_position(connection: Connection, campaign_id: int) -> None:
    """Record that the campaign has no journal: the database has every transition."""
    connection.execute(delete(journal).where(journal.c.campaign_id == campaign_id))


def read_tail(
    files: JournalFiles, position: Position | None, boot_id: str
) -> tuple[dict[int, Transition], bool]:
    """Return the newest transition of each delivery since the last fold, by delivery id.

    The second value says whether every transition is known. It is False if power was lost or the
    file is missing. Without a position everything is in the database.
    """
    if position is None:
        return {}, True
    transitions = files.read(position.generation, position.offset)
    known = transitions is not None and boot.same_boot(position.boot_id, boot_id)
    return {one.delivery_id: one for one in transitions or ()}, known


class _ChecksOfStore:
    """The memory of checks, which needs no journal (interface.CheckMemory)."""

    _store: SqlStore

    def remember_check(self, digest: str, content: Fingerprint = NOTHING_RECORDED) -> None:
        """Remember that the check with this digest has passed, and its content."""
        self._store.remember_check(digest, content)

    def check_passed(self, digest: str) -> bool:
        """Whether the last check that passed has this digest."""
        return self._store.check_passed(digest)

    def checked_content(self) -> Fingerprint:
        """Return the content of the last check that passed."""
        return self._store.checked_content()


class Journaled(UserDecisions, _ChecksOfStore):
    """A store with a journal around it; interface.Store documents the methods.

    Opening it recovers the state that a process left if it ended without `close`. `boot_id` returns
    the id of the machine's present boot; `rotate_after` is in bytes.

    Raises:
        LedgerError: the database or the folder cannot be read or written.
    """

    def __init__(
        self,
        store: SqlStore,
        files: JournalFiles,
        *,
        boot_id: Callable[[], str] = boot.boot_id,
        rotate_after: int = ROTATE_AFTER,
    ) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._unfolded: dict[int, Transition] = {}
        self._times_noted = False
        self._writer = _recovered(store, files, boot_id(), rotate_after)
        self._memory = _Memory(store)
        self._memory.reload()

    @property
    def failure(self) -> LedgerError | None:
        """Why the ledger can no longer be written, so that nothing may be sent; None if it can."""
        return self._writer.failure or self._store.failure

    # --- the queue

    def claim(self, worker: str, limit: int, now: float) -> list[Delivery]:
        """Claim up to `limit` deliveries that are pending, or deferred and due."""
        if self.failure is not None:
            raise self.failure
        with self._folding() as connection:
            with self._lock:
                self._writer.reserve((limit + len(self._memory.active)) * _BYTES_PER_CLAIM)
            claimed = self._store.claim(worker, limit, now)
            # Only the claim of a deferred delivery can postpone the next retry.
            deferred = any(one.retry_at is not None for one in claimed)
            due = claims.next_retry(connection, self._store.campaign.id) if deferred else None
        with self._lock:
            self._memory.claim(worker, claimed, now)
            if deferred:
                self._memory.next_retry = _earliest(due, self._unfolded.values())
        return claimed

    def apply(self, transitions: Sequence[Transition]) -> list[Transition]:
        """Write transitions of claimed deliveries, and return them as they were recorded."""
        recorded = []
        for one in transitions:
            new = as_recorded(one)
            if new.state is _SENDING:
                self._store.guard.confirm()  # without the lock: it may write to the database
            with self._lock:
                recorded.append(self._record(new))
        return recorded

    def _record(self, new: Transition) -> Transition:
        memory = self._memory
        old = memory.active.get(new.delivery_id)
        if old is None:
            old = memory.ended(new)
            # The claim has expired. A reply 2yz settles the doubt; another outcome does not.
            if new.state is not State.SENT or old.state is not State.IN_DOUBT:
                return old
        if old.state not in CLAIM_PREDECESSORS[new.state]:
            raise ValueError(f"a delivery that is {old.state} cannot become {new.state}")
        if new.state is _SENDING and self.failure is not None:
            raise self.failure
        self._writer.append(new)
        self._unfolded[new.delivery_id] = new
        memory.note(old, new)
        return new

    def release(self, ids: Iterable[int]) -> None:
        """End the claims of these deliveries, which were not sent."""
        with self._lock:
            active = self._memory.active
            held = [active[number] for number in ids if number in active]
        self.apply([end_claim(one, known=True) for one in held])

    def renew(self, worker: str, now: float) -> None:
        """Extend all claims of `worker` by a full lease from `now`; this only changes memory."""
        self._store.guard.keep()
        self._memory.renew(worker, now)

    def expire(self, now: float) -> int:
        """End the claims that have expired, and return how many."""
        with self._lock:
            expired = self._memory.expired(now)
            for one in expired:
                self._memory.end(self._record(end_claim(one, known=True)))
        return len(expired)

    def next_retry(self) -> float | None:
        """Return when the next deferred delivery is due (seconds since 1970), or None."""
        with self._lock:
            return self._memory.next_retry

    def flush(self) -> None:
        """Make all transitions so far durable against a power cut as well."""
        if self._unfolded or self._times_noted:
            with self._folding():
                pass

    @contextmanager
    def _folding(self) -> Iterator[Connection]:
        """Begin a transaction that first writes the transitions that only the journal has."""
        with self._lock:
            position = self._writer.rotate()
            folding, self._unfolded = self._unfolded, {}
            self._times_noted = False
            self._store.guard.note_sent(self._memory.counts)
        try:
            with self._store.transaction() as connection:
                claims.write(connection, folding.values())
                self._store.flush()
                _write_position(connection, self._store.campaign.id, position)
                yield connection
        except BaseException:
            with self._lock:
                self._unfolded = folding | self._unfolded
            raise
        self._writer.remove_folded()

    # --- all deliveries

    def counts(self) -> dict[State, int]:
        """Return the number of deliveries in each of the six reported states, including zeros."""
        with self._lock:
            return reported(self._memory.counts)

    def claimable(self) -> int:
        """Return the number of deliveries that can be claimed, now or when they are due."""
        self.flush()
        return self._store.claimable()

    def iterate(self) -> Iterator[Delivery]:
        """Yield all deliveries, in the order of the spreadsheet."""
        self.flush()
        return self._store.iterate()

    def enrol(
        self,
        recipients: Iterable[Recipient],
        fingerprint: Fingerprint | str,
        *,
        accept_changes: bool = False,
        partial: bool = False,
    ) -> Difference:
        """Compare recipients and content with the snapshot, and enrol the recipients."""
        self.flush()
        difference = self._store.enrol(
            recipients, fingerprint, accept_changes=accept_changes, partial=partial
        )
        self._memory.reload()
        return difference

    def decide(self, decision: Decide) -> int:
        """Run a decision in a transaction. Returns the number of deliveries that it concerns."""
        self.flush()
        concerned = self._store.decide(decision)
        self._memory.reload()
        return concerned

    # --- the check and the times

    def note_run(self, seconds: float, check_seconds: float) -> None:
        """Remember the seconds of the run and of its check so far; `flush` writes them."""
        self._store.note_run(seconds, check_seconds)
        self._times_noted = True

    def close(self) -> None:
        """End all claims and make everything durable."""
        try:
            if self.failure is None:
                self.release(list(self._memory.active))
                with self._folding() as connection:
                    claims.hold_in_doubt(connection, self._store.campaign.id)
                    self._store.guard.take_sample(connection)
        finally:
            self._writer.close()


class _Memory:
    """The state that the single writing process keeps in memory.

    Attributes:
        active: the newest transition of each open claim, by delivery id.
        counts: the number of deliveries in each state.
        next_retry: when the next deferred delivery is due (seconds since 1970), or None.
    """

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._workers: dict[int, str] = {}
        self._until: dict[str, float] = {}
        self.active: dict[int, Transition] = {}
        self._ended: dict[int, Transition] = {}
        self.counts: Counter[State] = Counter()
        self.next_retry: float | None = None

    def reload(self) -> None:
        """Read everything again, after the database was changed without this class."""
        with self._store.transaction("read") as connection:
            self.counts = claims.count_states(connection, self._store.campaign.id)
            self.next_retry = claims.next_retry(connection, self._store.campaign.id)
            self._ended = claims.select_transitions(connection, self._ended)

    def claim(self, worker: str, claimed: list[Delivery], now: float) -> None:
        """Add new claims."""
        self._workers = {number: self._workers[number] for number in self.active}
        for one in claimed:
            self.counts[state_before(one)] -= 1
            self.active[one.id] = claim_transition(one, State.CLAIMED, now)
            self._workers[one.id] = worker
            self._ended.pop(one.id, None)
        self.counts[State.CLAIMED] += len(claimed)
        self.renew(worker, now)

    def renew(self, worker: str, now: float) -> None:
        """Extend all claims of a worker by a full lease from `now`."""
        self._until[worker] = now + self._store.lease

    def expired(self, now: float) -> list[Transition]:
        """Return the claims that were not renewed in time."""
        late = {worker for worker, until in self._until.items() if until <= now}
        return [one for number, one in self.active.items() if self._workers[number] in late]

    def end(self, left: Transition) -> None:
        """Remember the state in which an expired claim left its delivery."""
        self._ended[left.delivery_id] = left

    def ended(self, late: Transition) -> Transition:
        """Return the state of a delivery whose claim has expired, for a late transition.

        Raises:
            ClaimLost: the late transition is `sending`, which is refused.
            ValueError: the delivery was never claimed.
        """
        if late.state is State.SENDING:
            raise ClaimLost([late.delivery_id])
        if late.delivery_id not in self._ended:
            raise ValueError(f"delivery {late.delivery_id} is not claimed")
        return self._ended[late.delivery_id]

    def note(self, old: Transition, new: Transition) -> None:
        """Apply a transition that was written."""
        number, state = new.delivery_id, new.state
        self.counts[old.state] -= 1
        self.counts[state] += 1
        if state in UNDER_WAY:
            self.active[number] = new
            return
        if self.active.pop(number, None) is None:
            self.end(new)
        elif state is State.DEFERRED:
            self.next_retry = _earliest(self.next_retry, (new,))


def _earliest(due: float | None, transitions: Iterable[Transition]) -> float | None:
    """Return the earliest of `due` and the retry times of these transitions."""
    times = [
        one.retry_at
        for one in transitions
        if one.state is State.DEFERRED and one.retry_at is not None
    ]
    return min(times if due is None else [due, *times], default=None)


class _Writer:
    """Writes the current journal file, and the emergency file if that fails.

    Attributes:
        failure: the error of the first line that could not be written, or None.
    """

    def __init__(
        self,
        files: JournalFiles,
        file: JournalFile,
        emergency: EmergencyFiles,
        boot_id: str,
        rotate_after: int,
    ) -> None:
        self._files = files
        self._file = file
        self._emergency = emergency
        self._boot_id = boot_id
        self._rotate_after = rotate_after
        self.failure: LedgerError | None = None

    def reserve(self, size: int) -> None:
        """Reserve disk space for `size` more bytes. Raises LedgerError if the disk is full."""
        self._file.reserve(size)

    def append(self, transition: Transition) -> None:
        """Write a transition. If that fails, an outcome goes to the emergency file.

        Raises:
            LedgerError: `sending` could not be written.
        """
        try:
            self._file.append(encode(transition, self._file.generation))
        except LedgerError as error:
            self.failure = self.failure or error
            if transition.state is State.SENDING:
                raise
            self._emergency.save(transition)

    def rotate(self) -> Position:
        """Begin a new file if this one is long, and return the position of its end.

        Raises:
            LedgerError: a new file cannot be made; the old one stays in use.
        """
        if self._file.offset > self._rotate_after:
            old, self._file = self._file, JournalFile(self._files, self._file.generation + 1)
            old.close()
        return Position(self._boot_id, self._file.generation, self._file.offset)

    def remove_folded(self) -> None:
        """Remove the older files, whose transitions the database has."""
        self._files.remove(before=self._file.generation)

    def close(self) -> None:
        """Close the file; calling it twice does nothing."""
        self._file.close()


def _recovered(store: SqlStore, files: JournalFiles, boot_id: str, rotate_after: int) -> _Writer:
    """Apply the files to the database, end all claims, and begin a new journal file."""
    number = store.campaign.id
    emergency = EmergencyFiles(files.folder, store.campaign.secret, files.observer)
    with store.transaction("read") as connection:
        position = read_position(connection, number)
    latest, known = read_tail(files, position, boot_id)
    saved = {one.delivery_id: one for one in emergency.read()}
    generation = max([position.generation if position else 0, *files.generations()]) + 1
    file = JournalFile(files, generation)
    try:
        with store.transaction() as connection:
            claims.write(connection, latest.values())
            left = claims.select_under_way(connection, number)
            left |= {one: saved[one] for one in left.keys() & saved.keys()}
            claims.write(connection, [end_claim(one, known=known) for one in left.values()])
            claims.hold_in_doubt(connection, number)
            _write_position(connection, number, Position(boot_id, generation, 0))
        emergency.remove()
        files.remove(before=generation)
    except BaseException:
        file.close()
        raise
    return _Writer(files, file, emergency, boot_id, rotate_after)
