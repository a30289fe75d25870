"""Recipient -> person of the ledger: one state each, and the pure rules by which it changes.

    pending -> claimed -> sending -> sent | rejected | deferred | in_doubt
                                     (skipped: never to be sent to, with the reason)

Nothing here reads a clock or a disk. A `Transition` is one change of one delivery; the journal
keeps transitions, the ledger folds them into deliveries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from mailmerge.recipients.address import Mailbox
from mailmerge.recipients.audience import Recipient


class State(StrEnum):
    """What the ledger says of one person; exactly one at any time."""

    # Enum's own hash is written in Python, and slower.
    __hash__ = str.__hash__

    PENDING = "pending"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    IN_DOUBT = "in_doubt"
    SKIPPED = "skipped"


REPORTED_STATES = (
    State.PENDING,
    State.SENT,
    State.REJECTED,
    State.DEFERRED,
    State.IN_DOUBT,
    State.SKIPPED,
)
UNDER_WAY = frozenset({State.CLAIMED, State.SENDING})
_NOT_SENT = frozenset({State.PENDING, State.REJECTED, State.DEFERRED, State.SKIPPED})


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one person's state.

    `at` and `retry_at` are seconds since 1970; `attempts` counts how often a server has answered
    about this person, `doubts` how often the end of data went unanswered. `reply` is what the
    server said, or the reason of our own.
    """

    person: int
    state: State
    at: float
    attempts: int = 0
    doubts: int = 0
    retry_at: float | None = None
    stage: str = ""
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A person as the ledger knows them: the snapshot of the row, and what happened.

    `id` is the ledger's own number, `key` the identity from the spreadsheet, `row` where the person
    stood there. `date` is fixed by the first claim, so that a message that is sent again has the
    same octets. Times are seconds since 1970.
    """

    id: int
    key: str
    row: int
    mailbox: Mailbox
    cells: Mapping[str, str]
    state: State
    message_id: str = ""
    date: float | None = None
    changed_at: float | None = None
    attempts: int = 0
    doubts: int = 0
    retry_at: float | None = None
    stage: str = ""
    reply: str = ""

    @property
    def address(self) -> str:
        """The normalised address, for people."""
        return self.mailbox.address

    @property
    def recipient(self) -> Recipient:
        """The person as the renderer and the composer take them."""
        return Recipient(self.row, self.cells, self.mailbox, self.key)

    @property
    def sent_on(self) -> datetime:
        """The Date of this person's message, in whole seconds of UTC (RFC 5322, 3.6.1)."""
        return datetime.fromtimestamp(int(self.date or 0), UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a campaign stands: people by reported state, and the last run in seconds.

    `seconds` are from its first connection to its last outcome so far, `check_seconds` the check
    before it; both are 0 before the first run.
    """

    states: Mapping[State, int]
    seconds: float = 0.0
    check_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Difference:
    """How the people and the content differ from what the ledger has a snapshot of.

    `removed` and `changed` count people; the `..._sent` of them had been sent to already, and stay
    sent. `restyled` means that a template, an image or another shaping file is another one, with
    `already_sent` people having got the old one. `applied` says whether the ledger now holds the
    new people.
    """

    first: bool = False
    added: int = 0
    removed: int = 0
    removed_sent: int = 0
    changed: int = 0
    changed_sent: int = 0
    restyled: bool = False
    already_sent: int = 0
    applied: bool = False

    def __bool__(self) -> bool:
        """Whether there is a difference that a person has to say yes to."""
        return bool(self.added or self.removed or self.changed or self.restyled) and not self.first

    def __str__(self) -> str:
        parts = []
        if self.added:
            parts.append(f"+{self.added} new")
        if self.removed:
            parts.append(f"-{self.removed} gone ({self.removed_sent} already sent)")
        if self.changed:
            parts.append(f"~{self.changed} changed ({self.changed_sent} already sent)")
        if self.restyled:
            parts.append(f"another content than {self.already_sent} people have got")
        return ", ".join(parts) or "the same people, the same content"


def as_recorded(mark: Transition) -> Transition:
    """The mark that may be written: who was once in doubt leaves doubt only by a 2yz reply.

    An earlier message may have arrived, so `rejected`, `deferred` or `skipped` would say too much.
    """
    if mark.doubts == 0 or mark.state not in _NOT_SENT:
        return mark
    return replace(mark, state=State.IN_DOUBT, retry_at=None)


def under_way(person: Delivery, state: State, at: float) -> Transition:
    """The mark that somebody is claimed or being sent to; what they were before is kept in it."""
    return Transition(person.id, state, at, person.attempts, person.doubts, person.retry_at)


def let_go(mark: Transition, *, known: bool) -> Transition:
    """What a claimed person is again when nobody holds them any more.

    `known` says that every mark of theirs has been read. It is not after a power cut: the journal
    outlives the process but not the machine, and nobody knows who of the claimed had been sent to.
    """
    if mark.state not in UNDER_WAY:
        return mark
    if mark.state is State.SENDING or not known:
        return replace(mark, state=State.IN_DOUBT, doubts=mark.doubts + 1, retry_at=None)
    if mark.doubts:
        return replace(mark, state=State.IN_DOUBT, retry_at=None)
    return replace(mark, state=State.PENDING if mark.retry_at is None else State.DEFERRED)


def reported(counts: Mapping[State, int]) -> dict[State, int]:
    """Counts by the six states that people are told; claimed and sending are still pending."""
    told = {state: counts.get(state, 0) for state in REPORTED_STATES}
    told[State.PENDING] += sum(counts.get(state, 0) for state in UNDER_WAY)
    return told
