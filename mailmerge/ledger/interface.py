"""What the rest of the program may do with a ledger: one small interface for each purpose.

    Queue          claim deliveries and record their outcomes          (the engine)
    Counting       how many deliveries are in each state               (the engine, the plan)
    Enrolment      enrol the recipients of the spreadsheet             (the job)
    Zones          in which time zone each recipient is sent          (the job)
    Decisions      the user's decisions about doubts and refusals      (the job)
    Drafting       messages in the drafts folder instead of a send     (the job)
    CheckMemory    which check has passed                              (the job)
    RunStatistics  how long the last run took                          (the engine)
    Recovered      what a killed run has left in doubt                 (the job)
    LedgerReader   the states, read while another process sends        (the reports)

`Store` is all of them except the last, for one campaign. `ledger.Ledger` opens a database and
returns a `Store` for each campaign in it. Use the smallest interface that is enough: a function
that only counts takes `Counting`.

The order of the writes is the promise of docs/delivery.md: a claim is durable before anything of a
message is sent; `sending` is written before the last byte of the end of data may leave; an outcome
is written before it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, Protocol

from mailmerge.errors import LedgerError
from mailmerge.ledger.lock import Owner
from mailmerge.ledger.states import Delivery, Difference, Recovery, Standing, State, Transition
from mailmerge.ledger.zones import ZoneBacklog
from mailmerge.recipients.audience import Recipient
from mailmerge.settings import NOTHING_RECORDED, Fingerprint

InDoubt = Literal["hold", "resend", "assume-sent"]
"""What a run does with the deliveries that are in doubt when it begins."""

Identify = Callable[[bytes, str], str]
"""Makes a Message-ID from the campaign's secret (32 bytes) and a recipient's key."""


class Queue(Protocol):
    """Deliveries as a queue of work. `apply` is safe from any thread; call the rest from one."""

    def claim(
        self, worker: str, limit: int, now: float, closed: Collection[str] = ()
    ) -> list[Delivery]:
        """Claim up to `limit` deliveries that are pending, or deferred and due.

        `closed` are the names of time zones in which no recipient may be sent now.

        The claim is durable on return. It belongs to `worker`. It expires some minutes after `now`
        (seconds since 1970) unless `renew` extends it. The first claim of a delivery fixes its
        Message-ID. Each claim sets its Date, until a server may have the message.

        Raises:
            LedgerError: the claim could not be made durable, so none of the deliveries may be sent.
        """
        ...

    def apply(self, transitions: Sequence[Transition]) -> list[Transition]:
        """Write transitions of claimed deliveries, and return them as they were recorded.

        If the claim of an outcome has expired meanwhile, the outcome is recorded only if it is
        `sent`. Otherwise the returned transition is the one in the ledger.

        Raises:
            LedgerError: `sending` could not be written, so the end of data must not be sent. For
                any other state nothing is raised, and `failure` is set.
            ClaimLost: `sending` was refused, because the claim has expired or has another owner.
            ValueError: states.TRANSITIONS does not list this change.
        """
        ...

    def release(self, ids: Iterable[int]) -> None:
        """End the claims of these deliveries, which were not sent.

        Each delivery returns to the state that it had before the claim.
        """
        ...

    def renew(self, worker: str, now: float) -> None:
        """Extend all claims of `worker` by a full lease from `now`. Calls are cheap.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        ...

    def expire(self, now: float) -> int:
        """End the claims that have expired by `now` (seconds since 1970), and return how many.

        A `claimed` delivery can then be claimed again; a `sending` one becomes in doubt.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        ...

    def next_retry(self) -> float | None:
        """Return when the next deferred delivery is due (seconds since 1970), or None."""
        ...

    def zone_backlog(self) -> list[ZoneBacklog]:
        """Return the deliveries of each time zone that can be claimed, now or when they are due.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        ...

    def flush(self) -> None:
        """Make all transitions so far durable against a power cut as well.

        Raises:
            LedgerError: they could not be written. They still survive the end of the process.
        """
        ...

    @property
    def failure(self) -> LedgerError | None:
        """Why the ledger can no longer be written, so that nothing may be sent; None if it can."""
        ...


class Deliveries(Protocol):
    """All deliveries of a campaign."""

    def iterate(self) -> Iterator[Delivery]:
        """Yield all deliveries, in the order of the spreadsheet."""
        ...


class Counting(Deliveries, Protocol):
    """Counts of deliveries, and all deliveries."""

    def counts(self) -> dict[State, int]:
        """Return the number of deliveries in each of the six reported states, including zeros."""
        ...

    def claimable(self) -> int:
        """Return the number of deliveries that can be claimed, now or when they are due."""
        ...

    def unmade(self) -> int:
        """Return the number of deliveries whose message could not be made (states.is_unmade)."""
        ...


class Enrolment(Protocol):
    """Recipients of the spreadsheet become deliveries. Do not call it during a run."""

    def enrol(
        self,
        recipients: Iterable[Recipient],
        fingerprint: Fingerprint | str,
        *,
        accept_changes: bool = False,
        partial: bool = False,
        skipped: Mapping[str, str] = MappingProxyType({}),
    ) -> Difference:
        """Compare recipients and content with the snapshot, and enrol the recipients.

        The first time they become the snapshot. Later a difference is returned, and it is applied
        only if `accept_changes` is True. `fingerprint` is the content; a text identifies content
        without files. `partial` means that the recipients are a selection (`--where`): no other
        recipient counts as removed, new recipients are added without asking, and from now on only
        the selection can be claimed. Recipients whose message could not be made are pending again,
        but those of `skipped` (their keys, with a reason) get no message: they are skipped.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        ...


class Zones(Protocol):
    """In which time zone each recipient is sent. Do not call it during a run."""

    def assign_zones(self, zones: Iterable[tuple[int, str]]) -> None:
        """Write the names of the time zones of deliveries, by their ids.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        ...


class Decisions(Protocol):
    """The user's decisions about deliveries that a run does not touch.

    Each method returns the number of deliveries that it changed. Do not call them during a run.

    Raises:
        LedgerError: it cannot be read or written.
    """

    def resend_in_doubt(self) -> int:
        """Make the deliveries in doubt claimable until the store is closed."""
        ...

    def assume_sent(self) -> int:
        """Record the deliveries in doubt as sent."""
        ...

    def retry_rejected(self) -> int:
        """Make the rejected deliveries pending again."""
        ...

    def retry_deferred(self) -> int:
        """Make the deferred deliveries due at once."""
        ...

    def retry_drafted(self) -> int:
        """Make the drafted deliveries pending again."""
        ...


class Drafting(Protocol):
    """Deliveries whose message lies in the user's drafts. Do not call it during a run.

    Raises:
        LedgerError: it cannot be read or written.
    """

    def undrafted(self, after: int, limit: int) -> list[Delivery]:
        """Return up to `limit` deliveries that have neither a draft nor an outcome.

        They are those whose id is above `after`, in the order of their ids, with the Message-IDs
        that their messages have.
        """
        ...

    def note_drafted(self, deliveries: Sequence[Delivery], at: float) -> int:
        """Record that there are drafts of these deliveries, made at `at` (seconds since 1970)."""
        ...

    def drafted(self) -> int:
        """Return the number of drafted deliveries."""
        ...


class CheckMemory(Protocol):
    """Which check has passed, so that it is not repeated."""

    def remember_check(self, digest: str, content: Fingerprint = NOTHING_RECORDED) -> None:
        """Remember that the check with this digest of its inputs has passed.

        `content` are the files that its messages were made of.
        """
        ...

    def check_passed(self, digest: str) -> bool:
        """Whether the last check that passed has this digest."""
        ...

    def checked_content(self) -> Fingerprint:
        """Return the content of the last check that passed; without settings if unknown."""
        ...


class RunStatistics(Protocol):
    """How long the last run took."""

    def note_run(self, seconds: float, check_seconds: float) -> None:
        """Remember the seconds of the run and of its check so far; `flush` writes them."""
        ...


class Recovered(Protocol):
    """What became of the deliveries of a process that ended without closing the ledger."""

    @property
    def recovery(self) -> Recovery | None:
        """What could not be determined when the ledger was opened; None if all was known."""
        ...


class Store(
    Queue,
    Counting,
    Enrolment,
    Zones,
    Decisions,
    Drafting,
    CheckMemory,
    RunStatistics,
    Recovered,
    Protocol,
):
    """The ledger of one campaign, open for a run."""

    def close(self) -> None:
        """End all claims and make everything durable."""
        ...


class LedgerReader(Deliveries, Protocol):
    """The ledger of a campaign, opened for reading only; a run may be in progress."""

    @property
    def begun(self) -> bool:
        """Whether the ledger has this mailing; it may have others, with other names."""
        ...

    @property
    def owner(self) -> Owner | None:
        """The process that is sending this campaign now, or None."""
        ...

    def counts(self) -> dict[State, int]:
        """Return the number of deliveries in each of the six reported states, including zeros."""
        ...

    def recovery(self) -> Recovery | None:
        """Return what the next run cannot determine about a killed one; None if all is known."""
        ...

    def standing(self) -> Standing:
        """Return the counts, and how long the last run took."""
        ...

    def came_back(self) -> dict[str, str]:
        """Return the kind of the strongest fact about each recipient, by the address's identity."""
        ...

    def unmade(self) -> int:
        """Return the number of deliveries whose message could not be made (states.is_unmade)."""
        ...

    def drafted(self) -> int:
        """Return the number of deliveries whose message lies in the user's drafts."""
        ...
