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
  Lines of the journal may be lost. The next process notices it, because the boot id has changed.
  Then every delivery that still is claimed or sending, after the surviving lines have been applied,
  becomes in doubt.
* *A file is damaged.* The journal and the database are written in a fixed order, and each knows
  something about the other. evidence.py explains what is noticed, and what follows.
* *The disk is full.* Before deliveries are claimed, the journal reserves 2,048 bytes for each of
  them, more than its lines need. If an append fails nevertheless, nothing more is sent, and the
  remaining outcomes go to an emergency file (emergency.py).

Why a fold is safe: its steps have a fixed order. A new journal file is begun before transitions are
taken out of memory. Old files are removed only after the commit that records the new position, and
after SQLite has moved that commit into the main file of the database. If the process ends between
two steps, the journal is read again from an earlier position, and folding a transition twice
changes nothing.

Only one process may have such a store open; the ledger's guard ensures this (guard.py). So the
process may keep in memory what it would otherwise read from the database: the claims, the counts,
and when the next retry is due.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from mailmerge.errors import ClaimLost, LedgerError
from mailmerge.language import tr
from mailmerge.ledger import claims
from mailmerge.ledger.emergency import EmergencyFiles
from mailmerge.ledger.evidence import examine
from mailmerge.ledger.journal_file import (
    BYTES_PER_CLAIM,
    HEADER_BYTES,
    JournalFile,
    JournalFiles,
    Mark,
)
from mailmerge.ledger.position import Position, write_position
from mailmerge.ledger.states import (
    CLAIM_PREDECESSORS,
    UNDER_WAY,
    Delivery,
    Difference,
    Recovery,
    State,
    Transition,
    as_recorded,
    claim_transition,
    end_claim,
    reported,
    state_before,
)
from mailmerge.ledger.store import Decide, SqlStore, UserDecisions
from mailmerge.ledger.zones import ZoneBacklog
from mailmerge.portable import boot
from mailmerge.recipients.audience import Recipient
from mailmerge.settings import NOTHING_RECORDED, Fingerprint

ROTATE_AFTER: Final = 4 << 20
"""The size in bytes above which the next fold begins a new journal file."""

_logger: Final = logging.getLogger("mailmerge.ledger")
_logger.addHandler(logging.NullHandler())
_SENDING: Final = State.SENDING  # reading a member of an Enum is slow


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
        self.identify = store.identify
        self._lock = threading.Lock()
        self._unfolded: dict[int, Transition] = {}
        self._times_noted = False
        self._writer, self._recovery = _recovered(store, files, boot_id(), rotate_after)
        self._memory = _Memory(store)
        self._memory.reload()

    @property
    def failure(self) -> LedgerError | None:
        """Why the ledger can no longer be written, so that nothing may be sent; None if it can."""
        return self._writer.failure or self._store.failure

    # --- the queue

    def claim(
        self, worker: str, limit: int, now: float, closed: Collection[str] = ()
    ) -> list[Delivery]:
        """Claim up to `limit` deliveries that are pending, or deferred and due."""
        if self.failure is not None:
            raise self.failure
        with self._folding() as connection:
            with self._lock:
                self._writer.reserve((limit + len(self._memory.active)) * BYTES_PER_CLAIM)
            claimed = self._store.claim(worker, limit, now, closed)
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
                late = new.delivery_id not in self._memory.active
                recorded.append(self._record(new))
            if late and recorded[-1] is new:
                # The delivery waited for a retry, and perhaps nothing else does.
                with self._folding() as connection:
                    due = claims.next_retry(connection, self._store.campaign.id)
                with self._lock:
                    self._memory.next_retry = _earliest(due, self._unfolded.values())
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
            raise ValueError(
                tr(
                    "a delivery that is {state} cannot become {new}",
                    state=old.state,
                    new=new.state,
                )
            )
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
    def _folding(self, *, restorable: bool = True) -> Iterator[Connection]:
        """Begin a transaction that first writes the transitions that only the journal has.

        `restorable` says that the lines of the journal could restore everything in it.
        """
        with self._lock:
            generation, offset = self._writer.rotate()
            folding, self._unfolded = self._unfolded, {}
            self._times_noted = False
            self._store.guard.note_sent(self._memory.counts)
            counts = self._memory.counts.total(), self._memory.counts[State.SENT]
        number = self._store.campaign.id
        try:
            with self._store.transaction() as connection:
                claims.write(connection, folding.values())
                self._store.flush()
                yield connection
                if not restorable:
                    counts = claims.count_sent(connection, number)
                position = self._writer.position(generation, offset, *counts)
                write_position(connection, number, position)
        except BaseException:
            with self._lock:
                self._unfolded = folding | self._unfolded
            raise
        self._writer.committed(restorable=restorable)
        if (self._writer.has_folded or not restorable) and self._store.settle():
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
        skipped: Mapping[str, str] = MappingProxyType({}),
    ) -> Difference:
        """Compare recipients and content with the snapshot, and enrol the recipients."""
        with self._folding(restorable=False):
            difference = self._store.enrol(
                recipients, fingerprint, accept_changes=accept_changes, partial=partial,
                skipped=skipped,
            )  # fmt: skip
        self._memory.reload()
        return difference

    def decide(self, decision: Decide) -> int:
        """Run a decision in a transaction. Returns the number of deliveries that it concerns."""
        with self._folding(restorable=False):
            concerned = self._store.decide(decision)
        self._memory.reload()
        return concerned

    def zone_backlog(self) -> list[ZoneBacklog]:
        """Return the claimable deliveries of each time zone."""
        self.flush()
        return self._store.zone_backlog()

    def assign_zones(self, zones: Iterable[tuple[int, str]]) -> None:
        """Write the time zones of deliveries, by their ids."""
        with self._folding():
            self._store.assign_zones(zones)

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
            raise ValueError(
                tr("delivery {delivery_id} is not claimed", delivery_id=late.delivery_id)
            )
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
        has_folded: there are older files, which `remove_folded` removes.
    """

    def __init__(
        self,
        files: JournalFiles,
        generation: int,
        emergency: EmergencyFiles,
        boot_id: str,
        rotate_after: int,
    ) -> None:
        self._files = files
        self._file = JournalFile(files, generation)
        self._mark: Mark | None = None
        with suppress(OSError):  # it only confirms what the journal says
            self._mark = Mark(files)
        self._emergency = emergency
        self._boot_id = boot_id
        self._rotate_after = rotate_after
        self._sequence = 0
        self.has_folded = True
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
            self._file.append(transition)
        except LedgerError as error:
            self.failure = self.failure or error
            if transition.state is State.SENDING:
                raise
            self._emergency.save(transition)

    def rotate(self) -> tuple[int, int]:
        """Begin a new file if this one is long. Returns the generation and the offset of its end.

        Raises:
            LedgerError: a new file cannot be made; the old one stays in use.
        """
        if self._file.offset > self._rotate_after + HEADER_BYTES:
            old, self._file = self._file, JournalFile(self._files, self._file.generation + 1)
            old.continue_in(self._file)
            self.has_folded = True
        return self._file.generation, self._file.offset

    def first_position(self, sequence: int, deliveries: int, sent: int) -> Position:
        """Return the position at the beginning; `sequence` is the number of the last commit."""
        self._sequence = sequence
        return self.position(self._file.generation, self._file.offset, deliveries, sent)

    def position(self, generation: int, offset: int, deliveries: int, sent: int) -> Position:
        """Return the position to record in the next commit."""
        return Position(
            self._boot_id, generation, offset, self._file.reserved,
            self._sequence + 1, deliveries, sent,
        )  # fmt: skip

    def committed(self, *, restorable: bool) -> None:
        """Note the commit of the last position in the header of the file."""
        self._sequence += 1
        self._file.committed(self._sequence, restorable=restorable)
        if self._mark is not None:
            self._mark.store(self._sequence, self._file.base)

    def remove_folded(self) -> None:
        """Remove the older files, whose transitions the database has."""
        self.has_folded = not self._files.remove(before=self._file.generation)

    def close(self) -> None:
        """Close the file; calling it twice does nothing."""
        self._file.close()
        mark, self._mark = self._mark, None
        if mark is not None:
            mark.close()


def _recovered(
    store: SqlStore, files: JournalFiles, boot_id: str, rotate_after: int
) -> tuple[_Writer, Recovery | None]:
    """Apply the files to the database, end all claims, and begin a new journal file."""
    number = store.campaign.id
    emergency = EmergencyFiles(files.folder, store.campaign.secret, files.observer)
    with store.transaction("read") as connection:
        found = examine(connection, store.campaign, files, boot_id)
    generation = max([found.generation, *files.generations()]) + 1
    writer = _Writer(files, generation, emergency, boot_id, rotate_after)
    try:
        with store.transaction() as connection:
            claims.write(connection, found.latest.values())
            if found.behind:
                claims.name_messages(connection, store.campaign, store.identify)
            left = claims.select_under_way(connection, number)
            left |= {one: found.saved[one] for one in left.keys() & found.saved.keys()}
            ended = [found.ended(one) for one in left.values()]
            claims.write(connection, ended)
            claims.hold_in_doubt(connection, number)
            counts = claims.count_sent(connection, number)
            write_position(connection, number, writer.first_position(found.sequence, *counts))
        writer.committed(restorable=False)
        emergency.remove()
        if store.settle():
            writer.remove_folded()
    except BaseException:
        writer.close()
        raise
    if not found.doubt:
        return writer, None
    recovery = Recovery(found.doubt, sum(one.state is State.IN_DOUBT for one in ended))
    _logger.warning("%s", recovery)
    return writer, recovery
