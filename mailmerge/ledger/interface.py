"""The ledger: one true state for every person of a campaign, whatever happens to the process.

    Recipient -> enrol -> claim -> record(sending) -> record(outcome) -> people, counts

`Ledger` is all that the run knows of it; SQLite with a journal beside it is the first
implementation (sqlite_ledger.py). The order of the writes is the promise of docs/delivery.md: a
claim is durable before anything of a message is sent, `sending` is written before the last octet of
the end of data may leave, an outcome is written before it is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, Protocol

from mailmerge.campaign import Campaign
from mailmerge.errors import LedgerError
from mailmerge.ledger.lease import Holder
from mailmerge.ledger.states import Delivery, Difference, Standing, State, Transition, reported
from mailmerge.recipients.audience import Recipient

__all__ = [
    "Delivery",
    "Difference",
    "InDoubt",
    "Ledger",
    "Record",
    "Standing",
    "State",
    "Transition",
    "open_ledger",
    "read_ledger",
    "reported",
]

InDoubt = Literal["hold", "resend", "assume-sent"]


class Record(Protocol):
    """A ledger that is only read: what `status` shows, also while a run is going on."""

    @property
    def holder(self) -> Holder | None:
        """Who is sending this campaign now, if anybody."""
        ...

    def counts(self) -> dict[State, int]:
        """How many people there are in each of the six reported states, also those at 0."""
        ...

    def standing(self) -> Standing:
        """The counts, and how long the last run took."""
        ...

    def iterate(self) -> Iterator[Delivery]:
        """Everybody, in the order of the spreadsheet they came with."""
        ...


class Ledger(Protocol):
    """One state per person, durable. `record` may be called from any thread, the rest from one."""

    @property
    def secret(self) -> bytes:
        """What makes Message-IDs unguessable: 32 octets, made with the ledger."""
        ...

    @property
    def failure(self) -> LedgerError | None:
        """Why the ledger can no longer be written; nothing may be sent any more."""
        ...

    def enrol(
        self,
        recipients: Iterable[Recipient],
        fingerprint: str,
        *,
        accept_changes: bool = False,
        partial: bool = False,
    ) -> Difference:
        """Compare the people and the content with the snapshot, and take them over.

        The first time they are the snapshot. Later a difference is only returned, and taken over
        when `accept_changes` is true. `partial` means that these are some of the people
        (`--where`): nobody counts as removed, new ones are welcome, and only these are claimed
        from now on.

        Raises:
            LedgerError: it cannot be written.
        """
        ...

    def claim(self, worker: str, limit: int, now: float) -> list[Delivery]:
        """Take up to `limit` people who are pending, or deferred and due; durable on return.

        Raises:
            LedgerError: the claim could not be made durable; nobody of them may be sent to.
        """
        ...

    def apply(self, transitions: Sequence[Transition]) -> list[Transition]:
        """Write changes of claimed deliveries, and give them back as they were written.

        Raises:
            LedgerError: `sending` could not be written: the end of data may not be sent. For any
                other state nothing is raised; `failure` is set and the mark goes to the emergency
                file, which is read when the ledger is opened again.
        """
        ...

    def flush(self) -> None:
        """Make all marks so far durable against a power cut, too.

        Raises:
            LedgerError: it could not be done; the marks are still safe from anything but that.
        """
        ...

    def release(self, people: Iterable[int]) -> None:
        """Give back claimed people who were not sent to."""
        ...

    def resend_in_doubt(self) -> int:
        """Let those be claimed who are in doubt now; how many they are."""
        ...

    def assume_sent(self) -> int:
        """Count those as sent who are in doubt now; how many they are."""
        ...

    def retry_rejected(self) -> int:
        """Make those pending again who were rejected; how many they are."""
        ...

    def claimable(self) -> int:
        """How many people could be claimed, now or when they are due."""
        ...

    def next_retry(self) -> float | None:
        """When the next deferred person is due."""
        ...

    def counts(self) -> dict[State, int]:
        """How many people there are in each of the six reported states, also those at 0."""
        ...

    def iterate(self) -> Iterator[Delivery]:
        """Everybody, in the order of the spreadsheet they came with."""
        ...

    def note_run(self, seconds: float, check_seconds: float) -> None:
        """Note how long the run and its check have taken so far; the next fold writes it down."""
        ...

    def remember_check(self, digest: str) -> None:
        """Note that the check of what `digest` stands for has passed."""
        ...

    def check_passed(self, digest: str) -> bool:
        """Whether that check is the last one that passed."""
        ...

    def close(self) -> None:
        """Give back what is claimed, make everything durable, let another process have it."""
        ...


def open_ledger(campaign: Campaign, *, name: str = "ledger", fresh: bool = False) -> Ledger:
    """Open the ledger for a run, or make it; what a crash left behind is put right first.

    `fresh` forgets an earlier ledger of that name: for the sandbox, never for the real one.

    Raises:
        LedgerHeld: another process is sending this campaign.
        LedgerError: it cannot be read or written, is damaged, or is of a newer mailmerge.
    """
    from mailmerge.ledger.store import SqliteLedger

    return SqliteLedger(campaign, name, fresh=fresh)


def read_ledger(campaign: Campaign, name: str = "ledger") -> Record | None:
    """The ledger as it is now, without writing anything; None where nothing was ever sent.

    Raises:
        LedgerError: it cannot be read, is damaged, or is of a newer mailmerge.
    """
    from mailmerge.ledger.reader import SqliteRecord
    from mailmerge.ledger.sqlite import ledger_path

    return SqliteRecord(campaign, name) if ledger_path(campaign, name).exists() else None
