"""The records of earlier runs: a ledger that a job writes, or one that a dry run only reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Final, Protocol

from mailmerge.errors import CampaignError
from mailmerge.jobs.targets import Target
from mailmerge.language import tr
from mailmerge.ledger.copies import SavedCopies
from mailmerge.ledger.interface import Deliveries, LedgerReader, Store
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import Delivery, Difference, Recovery, State, reported
from mailmerge.messages import message_ids
from mailmerge.recipients.audience import Recipient
from mailmerge.settings import Fingerprint, Settings

_MAX_DELIVERIES_READ: Final = 50_000
"""The maximum deliveries that are read to find the subjects for the plan."""


class Records(Deliveries, Protocol):
    """The records of a job."""

    def checked_content(self, digest: str) -> Fingerprint | None:
        """Return the content of the last check that passed; None if it had another digest."""
        ...

    def remember_check(self, digest: str, content: Fingerprint) -> None:
        """Remember that the check with this digest has passed, and its content."""
        ...

    def enrol(
        self,
        recipients: Iterator[Recipient],
        fingerprint: Fingerprint,
        *,
        changes: bool,
        partial: bool,
        skipped: Mapping[str, str] = MappingProxyType({}),
    ) -> Difference:
        """Enrol the recipients, and return how they differ from the snapshot."""
        ...

    def counts(self, checked: int) -> dict[State, int]:
        """Return the number of recipients in each state; `checked` is the number in the check."""
        ...

    def claimable(self, checked: int) -> int:
        """Return the number of recipients that can be claimed."""
        ...

    def unmade(self) -> int:
        """Return the number of recipients whose message could not be made."""
        ...

    def drafted(self) -> int:
        """Return the number of recipients whose message lies in the user's drafts."""
        ...

    def remaining(self, again: Collection[State]) -> Iterator[Recipient]:
        """Yield the first recipients that a run would try: pending ones, and those in `again`."""
        ...


@dataclass(frozen=True, slots=True)
class LedgerRecords:
    """The records in a store that the job writes."""

    store: Store

    def checked_content(self, digest: str) -> Fingerprint | None:
        """Return the content of the check with this digest, if the ledger remembers it.

        If a message could not be made since, something has changed that the digest does not show.
        """
        passed = bool(digest) and self.store.check_passed(digest) and not self.store.unmade()
        return self.store.checked_content() if passed else None

    def remember_check(self, digest: str, content: Fingerprint) -> None:
        """Remember the check in the ledger; one with an empty digest cannot be remembered."""
        if digest:
            self.store.remember_check(digest, content)

    def enrol(
        self,
        recipients: Iterator[Recipient],
        fingerprint: Fingerprint,
        *,
        changes: bool,
        partial: bool,
        skipped: Mapping[str, str] = MappingProxyType({}),
    ) -> Difference:
        """Enrol the recipients in the ledger, unless they differ and `changes` is False.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        return self.store.enrol(
            recipients, fingerprint, accept_changes=changes, partial=partial, skipped=skipped
        )

    def counts(self, checked: int) -> dict[State, int]:
        """Return the counts of the ledger."""
        del checked
        return self.store.counts()

    def claimable(self, checked: int) -> int:
        """Return the number of deliveries that a run could claim."""
        del checked
        return self.store.claimable()

    def unmade(self) -> int:
        """Return the number of deliveries whose message could not be made."""
        return self.store.unmade()

    def drafted(self) -> int:
        """Return the number of deliveries with a draft."""
        return self.store.drafted()

    def remaining(self, again: Collection[State]) -> Iterator[Recipient]:
        """Yield the remaining recipients of the ledger."""
        return _remaining(self.store.iterate(), again)

    def iterate(self) -> Iterator[Delivery]:
        """Yield the deliveries of the ledger."""
        return self.store.iterate()


@dataclass(frozen=True, slots=True)
class ReadRecords:
    """The records in a ledger that is only read, or None if there is no ledger."""

    ledger: LedgerReader | Store | None

    def checked_content(self, digest: str) -> Fingerprint | None:
        """Return None: a dry run checks everything."""
        del digest
        return None

    def remember_check(self, digest: str, content: Fingerprint) -> None:
        """Do nothing: a dry run writes nothing."""

    def enrol(
        self,
        recipients: Iterator[Recipient],
        fingerprint: Fingerprint,
        *,
        changes: bool,
        partial: bool,
        skipped: Mapping[str, str] = MappingProxyType({}),
    ) -> Difference:
        """Write nothing, and return a difference that counts as applied."""
        del recipients, fingerprint, changes, partial, skipped
        return Difference(first=True, applied=True)

    def counts(self, checked: int) -> dict[State, int]:
        """Return the counts of the ledger; without one, all checked recipients are pending."""
        counts = self.ledger.counts() if self.ledger is not None else {}
        return counts if sum(counts.values()) else reported({State.PENDING: checked})

    def claimable(self, checked: int) -> int:
        """Return the number of recipients that a run would try."""
        counts = self.counts(checked)
        again = 0
        if counts[State.SKIPPED]:
            again = sum(one.unmade and one.state is State.SKIPPED for one in self.iterate())
        return counts[State.PENDING] + counts[State.DEFERRED] + again - self.drafted()

    def unmade(self) -> int:
        """Return the number of deliveries whose message could not be made."""
        return self.ledger.unmade() if self.ledger is not None else 0

    def drafted(self) -> int:
        """Return the number of deliveries with a draft."""
        return self.ledger.drafted() if self.ledger is not None else 0

    def remaining(self, again: Collection[State]) -> Iterator[Recipient]:
        """Yield the remaining recipients of the ledger."""
        return _remaining(self.iterate(), again)

    def iterate(self) -> Iterator[Delivery]:
        """Yield all deliveries of the ledger; none without a ledger."""
        return self.ledger.iterate() if self.ledger is not None else iter(())


def _remaining(deliveries: Iterator[Delivery], again: Collection[State]) -> Iterator[Recipient]:
    for one in islice(deliveries, _MAX_DELIVERIES_READ):
        if one.state is State.PENDING or one.state in again or one.unmade:
            yield one.recipient


class JobLedger:
    """The ledger of a job: a given one, or the one of the campaign folder.

    It closes only the ledger that it has opened itself. `begin` allows another mailing in a folder
    that has sent one. `accept_older` applies to its own ledger alone.
    """

    def __init__(
        self,
        settings: Settings,
        target: Target,
        given: Ledger | None,
        *,
        begin: bool = False,
        accept_older: bool = False,
    ) -> None:
        self._settings = settings
        self._accept_older = accept_older
        self._target = target
        self._given = given
        self._begin = begin
        self._own: Ledger | None = None
        self._store: Store | None = None
        self._begun = False

    def records(self) -> Records:
        """Return the records of earlier runs.

        Raises:
            LedgerHeld: another process is sending this campaign.
            LedgerError: the ledger cannot be read or written.
            Declined: the folder has sent another mailing, and a new one was not allowed.
            CampaignError: the campaign has no folder, and no ledger was given.
        """
        if self._target.sends:
            return LedgerRecords(self.store())
        if self._given is not None:
            return ReadRecords(self._store_in(self._given))
        if self._target.fresh:
            return ReadRecords(None)
        return ReadRecords(Ledger.read(self._settings, self._target.ledger_name))

    def store(self) -> Store:
        """Return the store that a run writes; the first call opens it."""
        if self._store is None:
            self._store = self._store_in(self._given or self._open())
        return self._store

    @property
    def recovery(self) -> Recovery | None:
        """What was not known when the store was opened; None if all was, or before that."""
        return None if self._store is None else self._store.recovery

    @property
    def notice(self) -> str:
        """What the user should know about the open ledger; "" if all is well."""
        ledger = self._own or self._given
        return ledger.notice if ledger is not None else ""

    def try_again(self, states: Collection[str]) -> None:
        """Let the next run send to "rejected", "deferred" or "drafted" recipients at once."""
        if "rejected" in states:
            self.store().retry_rejected()
        if "deferred" in states:
            self.store().retry_deferred()
        if "drafted" in states:
            self.store().retry_drafted()

    def copies(self) -> SavedCopies:
        """Which sent messages have a copy in the Sent folder.

        Raises: as `store`.
        """
        self.store()
        ledger = self._own or self._given
        assert ledger is not None, "a store comes from a ledger"
        return ledger.copies(self._settings.name)

    def reopen(self) -> None:
        """Close the job's own ledger, so that the next `store` opens it as after a crash."""
        self.close()

    def close(self) -> None:
        """Close the job's own ledger; a given ledger stays open."""
        own, self._own, self._store = self._own, None, None
        if own is not None:
            own.close()

    def _open(self) -> Ledger:
        settings, target = self._settings, self._target
        if not settings.file:
            raise CampaignError(
                tr("a campaign in code has no ledger of its own"),
                hint=tr('pass one, for example mailmerge.Ledger.open("sqlite:///spring.db")'),
                code="no-ledger",
            )
        fresh = target.fresh and not self._begun
        self._own = Ledger.of(
            settings,
            target.ledger_name,
            fresh=fresh,
            begin=self._begin,
            accept_older=self._accept_older,
        )
        self._begun = True
        return self._own

    def _store_in(self, ledger: Ledger) -> Store:
        try:
            return ledger.store(self._settings.name, message_ids(self._settings))
        except BaseException:
            self.close()
            raise
