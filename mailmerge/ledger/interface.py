"""What the rest of the program knows of a ledger: one small interface for each trade.

    Queue          claim deliveries, write what becomes of them        (the engine)
    Counting       how many are in which state                         (the engine, the plan)
    Enrolment      take recipients over from the spreadsheet           (the job)
    Decisions      what the user decides about doubts and refusals     (the job)
    CheckMemory    which check has passed                              (the job)
    RunStatistics  how long the last run took                          (the engine)
    LedgerReader   who got it, read while another process sends        (the reports)

`Store` is all of them but the last, for one campaign. `ledger.Ledger` opens a database and gives a
`Store` for each campaign in it. Take the smallest interface that does: a function that only counts
takes `Counting`.

The order of the writes is the promise of docs/delivery.md: a claim is durable before anything of a
message is sent, `sending` is written before the last byte of the end of data may leave, an outcome
is written before it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, Protocol

from mailmerge.errors import LedgerError
from mailmerge.ledger.lock import Owner
from mailmerge.ledger.states import Delivery, Difference, Standing, State, Transition
from mailmerge.recipients.audience import Recipient

InDoubt = Literal["hold", "resend", "assume-sent"]
"""What a run does about the deliveries that are in doubt when it begins."""

Identify = Callable[[bytes, str], str]
"""Makes a Message-ID from the campaign's secret (32 bytes) and a recipient's key."""


class Queue(Protocol):
    """Deliveries as a queue of work. `apply` may be called from any thread, the rest from one."""

    def claim(self, worker: str, limit: int, now: float) -> list[Delivery]:
        """Claim up to `limit` deliveries that are pending, or deferred and due.

        The claim is durable on return. It belongs to `worker` and expires some minutes after `now`
        (seconds since 1970) unless it is renewed. The first claim fixes Message-ID and Date.

        Raises:
            LedgerError: the claim could not be made durable; none of them may be sent.
        """
        ...

    def apply(self, transitions: Sequence[Transition]) -> list[Transition]:
        """Write changes of claimed deliveries, and return them as they were recorded.

        A late outcome, whose claim has expired meanwhile, is recorded if it is `sent`; otherwise
        what the ledger says instead is returned.

        Raises:
            LedgerError: `sending` could not be written: the end of data may not be sent. For any
                other state nothing is raised; `failure` is set.
            ClaimLost: the same, since the claim has expired or has another owner.
            ValueError: a change that states.TRANSITIONS does not list.
        """
        ...

    def release(self, ids: Iterable[int]) -> None:
        """Give back claimed deliveries that were not sent."""
        ...

    def renew(self, worker: str, now: float) -> None:
        """Let all claims of `worker` last from `now` on. It is cheap: call it as often as you like.

        Raises:
            LedgerError: it could not be written.
        """
        ...

    def expire(self, now: float) -> int:
        """End the claims that have expired, and return how many.

        A `claimed` delivery can be claimed again, one that is `sending` is in doubt.

        Raises:
            LedgerError: it could not be written.
        """
        ...

    def next_retry(self) -> float | None:
        """When the next deferred delivery is due, in seconds since 1970."""
        ...

    def flush(self) -> None:
        """Make all transitions so far durable against a power cut, too.

        Raises:
            LedgerError: it could not be done; they are still safe from the end of the process.
        """
        ...

    @property
    def failure(self) -> LedgerError | None:
        """Why the ledger can no longer be written; nothing may be sent any more."""
        ...


class Counting(Protocol):
    """How many deliveries there are, and all of them."""

    def counts(self) -> dict[State, int]:
        """How many deliveries are in each of the six reported states, those with 0 included."""
        ...

    def claimable(self) -> int:
        """How many deliveries could be claimed, now or when they are due."""
        ...

    def iterate(self) -> Iterator[Delivery]:
        """All deliveries, in the order of the spreadsheet."""
        ...


class Enrolment(Protocol):
    """Recipients of the spreadsheet become deliveries; not while messages are being sent."""

    def enrol(
        self,
        recipients: Iterable[Recipient],
        fingerprint: str,
        *,
        accept_changes: bool = False,
        partial: bool = False,
    ) -> Difference:
        """Compare recipients and content with the snapshot, and take them over.

        The first time they are the snapshot. Later a difference is only returned, and taken over
        when `accept_changes` is true. `fingerprint` stands for the content. `partial` means that
        these are some of the recipients (`--where`): none counts as removed, new ones are welcome,
        and only these are claimed from now on.

        Raises:
            LedgerError: it cannot be written.
        """
        ...


class Decisions(Protocol):
    """What the user decides about deliveries that a run leaves alone. Each returns how many.

    Not while messages are being sent: before a run, or after it.

    Raises:
        LedgerError: it cannot be read or written.
    """

    def resend_in_doubt(self) -> int:
        """Let the deliveries that are in doubt now be claimed, until the store is closed."""
        ...

    def assume_sent(self) -> int:
        """Count the deliveries that are in doubt now as sent."""
        ...

    def retry_rejected(self) -> int:
        """Make the rejected deliveries pending again."""
        ...


class CheckMemory(Protocol):
    """Which check has passed, so that it need not be made again."""

    def remember_check(self, digest: str) -> None:
        """Note that the check of what `digest` stands for has passed."""
        ...

    def check_passed(self, digest: str) -> bool:
        """Whether that check is the last one that passed."""
        ...


class RunStatistics(Protocol):
    """How long the last run took."""

    def note_run(self, seconds: float, check_seconds: float) -> None:
        """Note how long the run and its check have taken so far; `flush` writes it down."""
        ...


class Store(Queue, Counting, Enrolment, Decisions, CheckMemory, RunStatistics, Protocol):
    """The ledger of one campaign, open for a run."""

    def close(self) -> None:
        """Give back what is claimed and make everything durable."""
        ...


class LedgerReader(Protocol):
    """The ledger of a campaign, only read: what `status` shows, also while a run goes on."""

    @property
    def owner(self) -> Owner | None:
        """The process that is sending this campaign now; None where there is none."""
        ...

    def counts(self) -> dict[State, int]:
        """How many deliveries are in each of the six reported states, those with 0 included."""
        ...

    def standing(self) -> Standing:
        """The counts, and how long the last run took."""
        ...

    def iterate(self) -> Iterator[Delivery]:
        """All deliveries, in the order of the spreadsheet."""
        ...
