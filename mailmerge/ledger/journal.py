"""A store whose transitions cost one write(2) each: an append-only file around any other store.

A commit for each message would be the slowest part of a run. So transitions are appended to a
journal file, and a *fold* brings the database up to date in groups, some times a second: one
transaction writes all of them, how far the journal has been folded, and the next claims.

What can be lost, and how that is known:

* *The process ends.* Nothing is lost: what was written is in the kernel's page cache. The next
  process reads the journal from the place that the last fold noted, and lets go of every claim
  with all transitions known.
* *The machine loses power.* What was folded is safe, since the database syncs each commit. Lines of
  the journal may be lost. Then the machine has started again, which its boot id says, or the file
  is missing: every delivery that the database calls claimed or sending is in doubt.
* *The disk is full.* Space for two lines of every claimed delivery is reserved before they are
  claimed. Should an append fail nevertheless, nothing more is sent, and outcomes that are still to
  come go to an emergency file (emergency.py).

The order inside a fold is what makes it safe. A new journal file is begun before any transition is
taken out of memory; old files are removed only after the commit that notes the new place. A process
that ends between two of these steps leaves a journal that is read again from an earlier place, and
folding a transition twice changes nothing.

Only one process may have such a store open. The ledger's lock sees to that (lock.py), and so what
this process keeps in memory is true: the claims, the counts, and when the next retry is due.
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
    OF_A_CLAIM,
    UNDER_WAY,
    Delivery,
    Difference,
    State,
    Transition,
    as_recorded,
    let_go,
    reported,
    state_before,
    under_way,
)
from mailmerge.ledger.store import Decide, SqlStore, UserDecisions
from mailmerge.portable import boot
from mailmerge.recipients.audience import Recipient

ROTATE_AFTER: Final = 4 << 20
"""Bytes of a journal file after which the next fold begins a new one."""

_BYTES_PER_CLAIM: Final = 2048
_SENDING: Final = State.SENDING  # a member of an Enum is slow to find


@dataclass(frozen=True, slots=True)
class Position:
    """How far the journal of a campaign has been folded, and since which start of the machine.

    `generation` is the number of the file, `offset` counts its bytes.
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
    """The position of a campaign's journal; None where it has never had one."""
    query = select(journal.c.boot_id, journal.c.generation, journal.c.offset)
    row = connection.execute(query.where(journal.c.campaign_id == campaign_id)).first()
    return None if row is None else Position(*row)


def _write_position(connection: Connection, campaign_id: int, position: Position) -> None:
    values = {"campaign": campaign_id, "boot": position.boot_id}
    values |= {"number": position.generation, "bytes": position.offset}
    if not connection.execute(_MOVE, values).rowcount:
        connection.execute(_BEGIN, values)


def forget_position(connection: Connection, campaign_id: int) -> None:
    """Note that everything is in the database and the campaign has no journal any more."""
    connection.execute(delete(journal).where(journal.c.campaign_id == campaign_id))


def read_tail(
    files: JournalFiles, position: Position | None, boot_id: str
) -> tuple[dict[int, Transition], bool]:
    """The newest transition of each delivery that is not in the database yet.

    The second value says whether these are all that there were: it is False where power was lost or
    the file is missing. A campaign that has never had a journal has everything in the database.
    """
    if position is None:
        return {}, True
    transitions = files.read(position.generation, position.offset)
    known = transitions is not None and boot.same_boot(position.boot_id, boot_id)
    return {one.delivery_id: one for one in transitions or ()}, known


class Journaled(UserDecisions):
    """A store with a journal around it (interface.Store says what each method promises).

    Opening it puts right what a process has left that ended without `close`. `boot_id` names the
    present start of the machine; `rotate_after` is in bytes.

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
        self._memory.learn()

    @property
    def failure(self) -> LedgerError | None:
        """Why the ledger can no longer be written; nothing may be sent any more."""
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
            # Only the claim of a deferred delivery makes the next retry a later one.
            deferred = any(one.retry_at is not None for one in claimed)
            due = claims.next_retry(connection, self._store.campaign.id) if deferred else None
        with self._lock:
            self._memory.claim(worker, claimed, now)
            if deferred:
                self._memory.next_retry = _earliest(due, self._unfolded.values())
        return claimed

    def apply(self, transitions: Sequence[Transition]) -> list[Transition]:
        """Write changes of claimed deliveries, and return them as they were recorded."""
        recorded = []
        for one in transitions:
            new = as_recorded(one)
            with self._lock:
                recorded.append(self._record(new))
        return recorded

    def _record(self, new: Transition) -> Transition:
        memory = self._memory
        old = memory.active.get(new.delivery_id)
        if old is None:
            old = memory.ended(new)
            # The claim has expired: a reply 2yz settles the doubt, another outcome does not.
            if new.state is not State.SENT or old.state is not State.IN_DOUBT:
                return old
        if old.state not in OF_A_CLAIM[new.state]:
            raise ValueError(f"a delivery that is {old.state} cannot become {new.state}")
        if new.state is _SENDING and self.failure is not None:
            raise self.failure
        self._writer.append(new)
        self._unfolded[new.delivery_id] = new
        memory.note(old, new)
        return new

    def release(self, ids: Iterable[int]) -> None:
        """Give back claimed deliveries that were not sent."""
        with self._lock:
            active = self._memory.active
            held = [active[number] for number in ids if number in active]
        self.apply([let_go(one, known=True) for one in held])

    def renew(self, worker: str, now: float) -> None:
        """Let all claims of `worker` last from `now` on; nothing is written."""
        self._memory.renew(worker, now)

    def expire(self, now: float) -> int:
        """End the claims that have expired; how many."""
        with self._lock:
            expired = self._memory.expired(now)
            for one in expired:
                self._memory.end(self._record(let_go(one, known=True)))
        return len(expired)

    def next_retry(self) -> float | None:
        """When the next deferred delivery is due, in seconds since 1970."""
        with self._lock:
            return self._memory.next_retry

    def flush(self) -> None:
        """Make all transitions so far durable against a power cut, too."""
        if self._unfolded or self._times_noted:
            with self._folding():
                pass

    @contextmanager
    def _folding(self) -> Iterator[Connection]:
        """A transaction that first writes the transitions that only the journal holds so far."""
        with self._lock:
            position = self._writer.rotate()
            folding, self._unfolded = self._unfolded, {}
            self._times_noted = False
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
        """How many deliveries are in each of the six reported states, those with 0 included."""
        with self._lock:
            return reported(self._memory.counts)

    def claimable(self) -> int:
        """How many deliveries could be claimed, now or when they are due."""
        self.flush()
        return self._store.claimable()

    def iterate(self) -> Iterator[Delivery]:
        """All deliveries, in the order of the spreadsheet."""
        self.flush()
        return self._store.iterate()

    def enrol(
        self,
        recipients: Iterable[Recipient],
        fingerprint: str,
        *,
        accept_changes: bool = False,
        partial: bool = False,
    ) -> Difference:
        """Compare recipients and content with the snapshot, and take them over."""
        self.flush()
        difference = self._store.enrol(
            recipients, fingerprint, accept_changes=accept_changes, partial=partial
        )
        self._memory.learn()
        return difference

    def decide(self, decision: Decide) -> int:
        """Run the statement of a decision in a transaction; how many deliveries it concerns."""
        self.flush()
        concerned = self._store.decide(decision)
        self._memory.learn()
        return concerned

    # --- what is remembered

    def note_run(self, seconds: float, check_seconds: float) -> None:
        """Note how long the run and its check have taken so far; `flush` writes it down."""
        self._store.note_run(seconds, check_seconds)
        self._times_noted = True

    def remember_check(self, digest: str) -> None:
        """Note that the check of what `digest` stands for has passed."""
        self._store.remember_check(digest)

    def check_passed(self, digest: str) -> bool:
        """Whether that check is the last one that passed."""
        return self._store.check_passed(digest)

    def close(self) -> None:
        """Give back what is claimed and make everything durable."""
        try:
            if self.failure is None:
                self.release(list(self._memory.active))
                with self._folding() as connection:
                    claims.hold_in_doubt(connection, self._store.campaign.id)
        finally:
            self._writer.close()


class _Memory:
    """What the one process that may write knows without asking the database.

    Attributes:
        active: the newest transition of every claim that has not ended.
        counts: how many deliveries are in each state.
        next_retry: when the next deferred delivery is due.
    """

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self._workers: dict[int, str] = {}
        self._until: dict[str, float] = {}
        self.active: dict[int, Transition] = {}
        self._ended: dict[int, Transition] = {}
        self.counts: Counter[State] = Counter()
        self.next_retry: float | None = None

    def learn(self) -> None:
        """Read everything again that the database has, after it was changed past this class."""
        with self._store.transaction("read") as connection:
            self.counts = claims.count_states(connection, self._store.campaign.id)
            self.next_retry = claims.next_retry(connection, self._store.campaign.id)
            self._ended = claims.select_transitions(connection, self._ended)

    def claim(self, worker: str, claimed: list[Delivery], now: float) -> None:
        """Take note of new claims."""
        self._workers = {number: self._workers[number] for number in self.active}
        for one in claimed:
            self.counts[state_before(one)] -= 1
            self.active[one.id] = under_way(one, State.CLAIMED, now)
            self._workers[one.id] = worker
            self._ended.pop(one.id, None)
        self.counts[State.CLAIMED] += len(claimed)
        self.renew(worker, now)

    def renew(self, worker: str, now: float) -> None:
        """Let all claims of a worker last from now on."""
        self._until[worker] = now + self._store.lease

    def expired(self, now: float) -> list[Transition]:
        """The claims that have not been renewed in time."""
        late = {worker for worker, until in self._until.items() if until <= now}
        return [one for number, one in self.active.items() if self._workers[number] in late]

    def end(self, left: Transition) -> None:
        """Take note of a claim that has expired, and of what has become of its delivery."""
        self._ended[left.delivery_id] = left

    def ended(self, late: Transition) -> Transition:
        """What has become of a delivery whose claim has expired.

        Raises:
            ClaimLost: the late transition is `sending`, which is refused.
            ValueError: it was never claimed.
        """
        if late.state is State.SENDING:
            raise ClaimLost([late.delivery_id])
        if late.delivery_id not in self._ended:
            raise ValueError(f"delivery {late.delivery_id} is not claimed")
        return self._ended[late.delivery_id]

    def note(self, old: Transition, new: Transition) -> None:
        """Take note of a transition that was written."""
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
    """When the next deferred delivery is due: at `due`, or one of these deferrals is earlier."""
    times = [
        one.retry_at
        for one in transitions
        if one.state is State.DEFERRED and one.retry_at is not None
    ]
    return min(times if due is None else [due, *times], default=None)


class _Writer:
    """The journal file that is written now, the files before it, and the emergency file.

    Attributes:
        failure: why a line could not be written, None as long as all went well.
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
        """Make sure that `size` more bytes can be written; raises LedgerError."""
        self._file.reserve(size)

    def append(self, transition: Transition) -> None:
        """Write a transition; where that fails, an outcome goes to the emergency file.

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
        """Begin a new file where this one is long; the place up to which all was written.

        Raises:
            LedgerError: a new file cannot be made; the old one goes on.
        """
        if self._file.offset > self._rotate_after:
            old, self._file = self._file, JournalFile(self._files, self._file.generation + 1)
            old.close()
        return Position(self._boot_id, self._file.generation, self._file.offset)

    def remove_folded(self) -> None:
        """Remove the files before this one; the database holds what they held."""
        self._files.remove(before=self._file.generation)

    def close(self) -> None:
        """Close the file; calling it twice does nothing."""
        self._file.close()


def _recovered(store: SqlStore, files: JournalFiles, boot_id: str, rotate_after: int) -> _Writer:
    """Bring the database up to date with the files, let go of all claims, and begin a new file."""
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
            claims.write(connection, [let_go(one, known=known) for one in left.values()])
            claims.hold_in_doubt(connection, number)
            _write_position(connection, number, Position(boot_id, generation, 0))
        emergency.remove()
        files.remove(before=generation)
    except BaseException:
        file.close()
        raise
    return _Writer(files, file, emergency, boot_id, rotate_after)
