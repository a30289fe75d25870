"""What a job knows of earlier runs: a ledger that it writes, or one that a dry run only reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Protocol

from mailmerge.errors import CampaignError
from mailmerge.jobs.targets import Target
from mailmerge.ledger.interface import Store
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import Delivery, Difference, State, reported
from mailmerge.messages import message_ids
from mailmerge.recipients.audience import Recipient
from mailmerge.settings import Settings

_LOOKED_THROUGH: Final = 50_000
"""Deliveries that are looked through for the subjects that the plan shows."""


class Records(Protocol):
    """The deliveries of a job."""

    def check_passed(self, digest: str) -> bool:
        """Whether the check that the digest stands for has passed; an empty digest never has."""
        ...

    def remember_check(self, digest: str) -> None:
        """Note that this check has passed."""
        ...

    def enrol(
        self, recipients: Iterator[Recipient], fingerprint: str, *, changes: bool, partial: bool
    ) -> Difference:
        """Take the recipients over, and say how they differ from the snapshot."""
        ...

    def counts(self, checked: int) -> dict[State, int]:
        """How many recipients are in each state; `checked` is how many the check has seen."""
        ...

    def claimable(self, checked: int) -> int:
        """How many recipients could be sent to."""
        ...

    def remaining(self) -> Iterator[Recipient]:
        """The first recipients that are still to be sent to."""
        ...

    def iterate(self) -> Iterator[Delivery]:
        """All deliveries, in the order of the spreadsheet."""
        ...


@dataclass(frozen=True, slots=True)
class LedgerRecords:
    """A store that the job writes."""

    store: Store

    def check_passed(self, digest: str) -> bool:
        """What the ledger remembers."""
        return bool(digest) and self.store.check_passed(digest)

    def remember_check(self, digest: str) -> None:
        """Let the ledger remember it."""
        if digest:
            self.store.remember_check(digest)

    def enrol(
        self, recipients: Iterator[Recipient], fingerprint: str, *, changes: bool, partial: bool
    ) -> Difference:
        """Write them into the ledger, unless they differ and `changes` is false.

        Raises:
            LedgerError: it cannot be written.
        """
        return self.store.enrol(recipients, fingerprint, accept_changes=changes, partial=partial)

    def counts(self, checked: int) -> dict[State, int]:
        """Those of the ledger."""
        del checked
        return self.store.counts()

    def claimable(self, checked: int) -> int:
        """What the ledger would let a run claim."""
        del checked
        return self.store.claimable()

    def remaining(self) -> Iterator[Recipient]:
        """Those of the ledger."""
        return _remaining(self.store.iterate())

    def iterate(self) -> Iterator[Delivery]:
        """Those of the ledger."""
        return self.store.iterate()


class _Readable(Protocol):
    """The counts and the deliveries of a ledger."""

    def counts(self) -> dict[State, int]: ...

    def iterate(self) -> Iterator[Delivery]: ...


@dataclass(frozen=True, slots=True)
class ReadRecords:
    """A ledger that is only read; None where nothing was ever sent."""

    ledger: _Readable | None

    def check_passed(self, digest: str) -> bool:
        """A dry run checks everything."""
        del digest
        return False

    def remember_check(self, digest: str) -> None:
        """A dry run leaves nothing behind."""

    def enrol(
        self, recipients: Iterator[Recipient], fingerprint: str, *, changes: bool, partial: bool
    ) -> Difference:
        """A dry run leaves nothing behind."""
        del recipients, fingerprint, changes, partial
        return Difference(first=True, applied=True)

    def counts(self, checked: int) -> dict[State, int]:
        """Those of the ledger; without one, all that were checked are pending."""
        counts = self.ledger.counts() if self.ledger is not None else {}
        return counts if sum(counts.values()) else reported({State.PENDING: checked})

    def claimable(self, checked: int) -> int:
        """Those that are pending or deferred."""
        counts = self.counts(checked)
        return counts[State.PENDING] + counts[State.DEFERRED]

    def remaining(self) -> Iterator[Recipient]:
        """Those of the ledger."""
        return _remaining(self.iterate())

    def iterate(self) -> Iterator[Delivery]:
        """Those of the ledger; none without one."""
        return self.ledger.iterate() if self.ledger is not None else iter(())


def _remaining(deliveries: Iterator[Delivery]) -> Iterator[Recipient]:
    for one in islice(deliveries, _LOOKED_THROUGH):
        if one.state in {State.PENDING, State.DEFERRED}:
            yield one.recipient


class JobLedger:
    """The ledger of a job: the one that it was given, or that of the campaign folder.

    What is opened here is closed here.
    """

    def __init__(self, settings: Settings, target: Target, given: Ledger | None) -> None:
        self._settings = settings
        self._target = target
        self._given = given
        self._own: Ledger | None = None
        self._store: Store | None = None
        self._begun = False

    def records(self) -> Records:
        """What is known of earlier runs.

        Raises:
            LedgerHeld: another process is sending this campaign.
            LedgerError: it cannot be read or written.
            CampaignError: the campaign has no folder of its own, and no ledger was given.
        """
        if self._target.sends:
            return LedgerRecords(self.store())
        if self._given is not None:
            return ReadRecords(self._store_in(self._given))
        if self._target.fresh:
            return ReadRecords(None)
        return ReadRecords(Ledger.read(self._settings, self._target.ledger_name))

    def store(self) -> Store:
        """The store that a run writes; opened at the first time."""
        if self._store is None:
            self._store = self._store_in(self._given or self._open())
        return self._store

    def reopen(self) -> None:
        """Close the job's own ledger, and let the next `store` open it as after a crash."""
        self.close()

    def close(self) -> None:
        """Close what was opened here. A given ledger stays open."""
        own, self._own, self._store = self._own, None, None
        if own is not None:
            own.close()

    def _open(self) -> Ledger:
        settings, target = self._settings, self._target
        if not settings.file:
            raise CampaignError(
                "a campaign in code has no ledger of its own",
                hint='pass one: mailmerge.Ledger.open("sqlite:///spring.db")',
                code="no-ledger",
            )
        fresh = target.fresh and not self._begun
        self._own = Ledger.of(settings, target.ledger_name, fresh=fresh)
        self._begun = True
        return self._own

    def _store_in(self, ledger: Ledger) -> Store:
        try:
            return ledger.store(self._settings.name, message_ids(self._settings))
        except BaseException:
            self.close()
            raise
