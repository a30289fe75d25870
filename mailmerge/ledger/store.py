"""The plain store: every change is a transaction of its own, durable on return.

It is SQLAlchemy Core on any engine. Today that is SQLite (sqlite.py); a second database adds a
module like sqlite.py, and this one does not change. Several processes may have a store on the same
database. The statements of claims.py ensure that only one of them sends a delivery.

    Ledger -> SqlStore                      a commit for each transition
    Ledger -> Journaled -> SqlStore         a write(2) for each transition (journal.py)
"""

from __future__ import annotations

import os
import secrets
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection

from mailmerge.errors import ClaimLost, LedgerError
from mailmerge.ledger import claims, drafts
from mailmerge.ledger.after import read_after
from mailmerge.ledger.campaigns import CampaignRecord, read_campaign, write_campaign, write_times
from mailmerge.ledger.claims import Claim
from mailmerge.ledger.content import read_content, write_content
from mailmerge.ledger.database import Database, Purpose
from mailmerge.ledger.enrolment import NotAccepted, enrol
from mailmerge.ledger.guard import Unguarded
from mailmerge.ledger.interface import Identify
from mailmerge.ledger.states import (
    Delivery,
    Difference,
    Recovery,
    State,
    Transition,
    as_recorded,
    reported,
)
from mailmerge.ledger.zones import ZoneBacklog, assign_zones
from mailmerge.recipients.audience import Recipient
from mailmerge.settings import NOTHING_RECORDED, Fingerprint

LEASE: Final = 300.0
"""Seconds after which a claim expires unless it is renewed."""

_READ_AT_ONCE: Final = 500
_UNGUARDED: Final = Unguarded()

Decide = Callable[[Connection, int], int]
"""A statement about the campaign with this id; returns the number of deliveries it concerns."""


class UserDecisions(ABC):
    """What was found at the opening, and what the user decides about deliveries in doubt.

    Implements interface.Recovered and interface.Decisions.
    """

    _recovery: Recovery | None = None
    identify: Identify

    @property
    def recovery(self) -> Recovery | None:
        """What could not be determined when the ledger was opened; None if all was known."""
        return self._recovery

    @abstractmethod
    def decide(self, decision: Decide) -> int:
        """Run a decision in a transaction. Returns the number of deliveries that it concerns."""

    def resend_in_doubt(self) -> int:
        """Make the deliveries in doubt claimable until the store is closed."""
        return self.decide(claims.resend_in_doubt)

    def assume_sent(self) -> int:
        """Record the deliveries in doubt as sent."""
        return self.decide(claims.assume_sent)

    def retry_rejected(self) -> int:
        """Make the rejected deliveries pending again."""
        return self.decide(claims.retry_rejected)

    def retry_deferred(self) -> int:
        """Make the deferred deliveries due at once."""
        return self.decide(claims.retry_deferred)

    def unmade(self) -> int:
        """Return the number of deliveries whose message could not be made; it changes none."""
        return self.decide(claims.count_unmade)

    # --- drafts (drafts.py)

    def undrafted(self, after: int, limit: int) -> list[Delivery]:
        """Return up to `limit` deliveries that have neither a draft nor an outcome."""
        found = list[Delivery]()

        def select(connection: Connection, number: int) -> int:
            found.extend(drafts.select_undrafted(connection, number, self.identify, after, limit))
            return len(found)

        self.decide(select)
        return found

    def note_drafted(self, deliveries: Sequence[Delivery], at: float) -> int:
        """Record that there are drafts of these deliveries."""
        return self.decide(lambda connection, _: drafts.note_drafted(connection, deliveries, at))

    def retry_drafted(self) -> int:
        """Make the drafted deliveries pending again."""
        return self.decide(drafts.retry_drafted)

    def drafted(self) -> int:
        """Return the number of drafted deliveries; it changes none."""
        return self.decide(drafts.count_drafted)


class _CheckMemory(ABC):
    """Which check has passed, in the tables of a campaign (interface.CheckMemory)."""

    campaign: CampaignRecord

    @abstractmethod
    def transaction(self, purpose: Purpose = "written") -> AbstractContextManager[Connection]:
        """Begin a transaction."""

    def remember_check(self, digest: str, content: Fingerprint = NOTHING_RECORDED) -> None:
        """Remember that the check with this digest has passed, and its content."""
        with self.transaction() as connection:
            write_campaign(connection, self.campaign.id, checked=digest)
            write_content(connection, self.campaign.id, "check", content)

    def check_passed(self, digest: str) -> bool:
        """Whether the last check that passed has this digest."""
        with self.transaction("read") as connection:
            return bool(digest) and read_campaign(connection, self.campaign.id, "checked") == digest

    def checked_content(self) -> Fingerprint:
        """Return the content of the last check that passed."""
        with self.transaction("read") as connection:
            return read_content(connection, self.campaign.id, "check")


class _Zones(ABC):
    """The time zones of deliveries (interface.Zones, interface.Queue)."""

    campaign: CampaignRecord

    @abstractmethod
    def transaction(self, purpose: Purpose = "written") -> AbstractContextManager[Connection]:
        """Begin a transaction."""

    def zone_backlog(self) -> list[ZoneBacklog]:
        """Return the claimable deliveries of each time zone."""
        with self.transaction("read") as connection:
            return claims.zone_backlog(connection, self.campaign.id)

    def assign_zones(self, zones: Iterable[tuple[int, str]]) -> None:
        """Write the time zones of deliveries, by their ids."""
        with self.transaction() as connection:
            assign_zones(connection, zones)


class SqlStore(UserDecisions, _CheckMemory, _Zones):
    """The ledger of one campaign in a database; interface.Store documents the methods.

    The first claim of a delivery calls `identify` with the campaign's secret and the recipient's
    key, to make the Message-ID. `lease` is in seconds. `guard` belongs to the ledger (guard.py).
    """

    def __init__(
        self,
        database: Database,
        campaign: CampaignRecord,
        identify: Identify,
        *,
        lease: float = LEASE,
        guard: Unguarded = _UNGUARDED,
    ) -> None:
        self.campaign = campaign
        self.guard = guard
        self.identify = identify
        self._database = database
        self.settle = database.settle
        self.lease = lease
        # With this, the name of a worker is unique among all processes that share the database.
        self._process = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        # When each owner was last renewed, and when that was last written.
        self._renewed: dict[str, float] = {}
        self._owners: dict[str, float] = {}
        self._times: tuple[float, float] | None = None

    def transaction(self, purpose: Purpose = "written") -> AbstractContextManager[Connection]:
        """Begin a transaction, which every statement inside it joins.

        Raises:
            LedgerError: the database cannot be read or written.
        """
        return self._database.begin(purpose)

    @property
    def failure(self) -> LedgerError | None:
        """Why the ledger can no longer be written, so that nothing may be sent; None if it can."""
        return self._database.failure

    # --- the queue

    def claim(
        self, worker: str, limit: int, now: float, closed: Collection[str] = ()
    ) -> list[Delivery]:
        """Claim up to `limit` deliveries that are pending, or deferred and due."""
        if self.failure is not None:
            raise self.failure
        new = Claim(f"{worker}@{self._process}", now, now + self.lease, closed)
        self._extend(new.owner, now)  # a worker that claims is alive
        with self.transaction() as connection:
            claimed = claims.claim(connection, self.campaign, new, self.identify, limit)
        self._renewed[new.owner] = now
        self._owners.setdefault(new.owner, now)
        return claimed

    def apply(self, transitions: Sequence[Transition]) -> list[Transition]:
        """Write transitions of claimed deliveries, and return them as they were recorded."""
        wanted = [as_recorded(one) for one in transitions]
        if (error := self.failure) is None:
            try:
                return self._record(wanted)
            except LedgerError as failure:
                error = failure
        if any(one.state is State.SENDING for one in wanted):
            raise error
        return wanted

    def _record(self, wanted: list[Transition]) -> list[Transition]:
        self._write_renewals(max((one.at for one in wanted), default=0.0))
        with self.transaction() as connection:
            recorded = [claims.record(connection, self._owners, one) for one in wanted]
        lost = [
            one.delivery_id
            for one, found in zip(wanted, recorded, strict=True)
            if one.state is State.SENDING and found is not one
        ]
        if lost:
            raise ClaimLost(lost)
        sent = sum(one.state is State.SENT for one in recorded)
        self.guard.add_sent(sent)
        return recorded

    def release(self, ids: Iterable[int]) -> None:
        """End the claims of these deliveries, which were not sent."""
        given = set(ids)
        with self.transaction() as connection:
            held = claims.select_under_way(connection, self.campaign.id, self._owners)
            claims.end_claims(connection, [held[number] for number in given & held.keys()])

    def renew(self, worker: str, now: float) -> None:
        """Extend all claims of `worker` by a full lease; it writes only a few times per lease.

        A renewal that is not written yet counts in this store. For other processes the lease may
        end a quarter earlier.
        """
        self.guard.keep()
        self._extend(f"{worker}@{self._process}", now)

    def _extend(self, owner: str, now: float) -> None:
        if owner in self._owners:
            self._renewed[owner] = now
            self._write_renewals(now)

    def _write_renewals(self, now: float) -> None:
        """Write renewals that are due, and those without which claims would expire by `now`."""
        for owner, written in list(self._owners.items()):
            ahead = self._renewed[owner] - written
            late = written + self.lease <= now and ahead > 0
            if late or not 0 <= ahead < self.lease / 4:  # below 0: the clock was set back
                with self.transaction() as connection:
                    # Another thread may have renewed it since; its time must not be overwritten.
                    renewed = self._renewed[owner]
                    claims.extend_claims(connection, self.campaign.id, owner, renewed + self.lease)
                    self._owners[owner] = renewed

    def expire(self, now: float) -> int:
        """End the expired claims of all owners, and return how many."""
        self._write_renewals(now)
        with self.transaction() as connection:
            expired = claims.select_under_way(connection, self.campaign.id, expired_at=now)
            return claims.end_claims(connection, expired.values())

    def next_retry(self) -> float | None:
        """Return when the next deferred delivery is due (seconds since 1970), or None."""
        with self.transaction("read") as connection:
            return claims.next_retry(connection, self.campaign.id)

    def flush(self) -> None:
        """Write the times of the run; everything else is durable already."""
        if self._times is None:
            return
        with self.transaction() as connection:
            write_times(connection, self.campaign.id, *self._times)
        self._times = None

    # --- all deliveries

    def counts(self) -> dict[State, int]:
        """Return the number of deliveries in each of the six reported states, including zeros."""
        with self.transaction("read") as connection:
            return reported(claims.count_states(connection, self.campaign.id))

    def claimable(self) -> int:
        """Return the number of deliveries that can be claimed, now or when they are due."""
        with self.transaction("read") as connection:
            return claims.count_claimable(connection, self.campaign.id)

    def iterate(self) -> Iterator[Delivery]:
        """Yield all deliveries, in the order of the spreadsheet."""
        with self.transaction("read") as connection:
            ids = claims.select_in_order(connection, self.campaign.id)
            after = read_after(connection, self.campaign.id)
        for start in range(0, len(ids), _READ_AT_ONCE):
            with self.transaction("read") as connection:
                some = claims.select_deliveries(connection, ids[start : start + _READ_AT_ONCE])
                yield from [
                    replace(one, after=after[one.id]) if one.id in after else one for one in some
                ]

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
        if isinstance(fingerprint, str):
            fingerprint = Fingerprint(fingerprint)
        try:
            with self.transaction() as connection:
                difference = enrol(
                    connection,
                    self.campaign.id,
                    recipients,
                    fingerprint,
                    accept_changes=accept_changes,
                    partial=partial,
                    skipped=skipped,
                )
                self.guard.enrolled(connection)
                return difference
        except NotAccepted as refused:
            return refused.difference

    def decide(self, decision: Decide) -> int:
        """Run a decision in a transaction. Returns the number of deliveries that it concerns."""
        with self.transaction() as connection:
            return decision(connection, self.campaign.id)

    # --- the check and the times

    def note_run(self, seconds: float, check_seconds: float) -> None:
        """Remember the seconds of the run and of its check so far; `flush` writes them."""
        self._times = (seconds, check_seconds)

    def close(self) -> None:
        """End the claims of this process."""
        if self.failure is not None:
            return
        self.flush()
        with self.transaction() as connection:
            held = claims.select_under_way(connection, self.campaign.id, self._owners)
            claims.end_claims(connection, held.values())
            claims.hold_in_doubt(connection, self.campaign.id)
            self.guard.take_sample(connection)


def recover(store: SqlStore) -> None:
    """End the claims of a process that ended without `close`.

    Call it only from the single process that may write: it ends every open claim.
    """
    number = store.campaign.id
    with store.transaction() as connection:
        claims.end_claims(connection, claims.select_under_way(connection, number).values())
        claims.hold_in_doubt(connection, number)
        store.guard.note_sent(claims.count_states(connection, number))
