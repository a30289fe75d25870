"""The states of a delivery, and the pure rules by which they change.

A *delivery* is one recipient of one campaign. It has exactly one state at any time:

    pending --> claimed --> sending --> sent | rejected | deferred | in_doubt
                  |  ^         |
                  |  +---------+        (skipped: not to be sent, with the reason)
                  +--> pending | rejected | deferred | skipped

What can go wrong, and how the states answer it:

* *The process ends while it sends.* `sending` is written before the last byte of a message may
  leave. A delivery that is only `claimed` has certainly not been sent and can be claimed again. One
  that is `sending` may have been: it becomes `in_doubt`, and is not sent again by itself.
* *The process does not end, but another one thinks so.* A claim has an owner and an expiry. Once it
  has expired it cannot become `sending` any more, so that the first process can never send it.
* *The machine loses power.* What was written but not synced may be lost, `sending` too. Then even a
  `claimed` delivery may have been sent: it becomes `in_doubt`.
* *A delivery that is in doubt is sent again and refused.* The first message may have arrived, so
  that "rejected" would say too much. It stays `in_doubt` until a server takes the message.

`TRANSITIONS` lists every change that there is. Nothing here reads a clock or a disk. A `Transition`
is one change of one delivery; the journal keeps transitions, the database keeps deliveries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from mailmerge.recipients.address import Mailbox
from mailmerge.recipients.audience import Recipient


class State(StrEnum):
    """What the ledger says of one delivery; exactly one at any time."""

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


TRANSITIONS: Final[Mapping[tuple[State, State], str]] = {
    (State.PENDING, State.CLAIMED): "a worker claims it",
    (State.DEFERRED, State.CLAIMED): "its time has come, and a worker claims it",
    (State.IN_DOUBT, State.CLAIMED): "the user wants it sent again, and a worker claims it",
    (State.CLAIMED, State.SENDING): "the end of its data is about to leave",
    (State.CLAIMED, State.PENDING): "given back, or its claim expired: nothing has left",
    (State.CLAIMED, State.DEFERRED): "refused for now before its data; or given back, as before",
    (State.CLAIMED, State.REJECTED): "refused for good before its data",
    (State.CLAIMED, State.SKIPPED): "its message cannot be made",
    (State.CLAIMED, State.IN_DOUBT): "a doubt that was not settled; or power was lost",
    (State.SENDING, State.CLAIMED): "the end of its data has certainly not arrived",
    (State.SENDING, State.SENT): "the server has taken the message (2yz)",
    (State.SENDING, State.REJECTED): "the server has refused it for good (5yz)",
    (State.SENDING, State.DEFERRED): "the server has refused it for now (4yz)",
    (State.SENDING, State.IN_DOUBT): "no reply has come, or the process or its claim has ended",
    (State.IN_DOUBT, State.SENT): "the reply came after all, or the user assumes it was sent",
    (State.REJECTED, State.PENDING): "the user wants another attempt, or has another address",
    (State.SKIPPED, State.PENDING): "it is in the spreadsheet again",
    (State.PENDING, State.SKIPPED): "it is no longer in the spreadsheet",
    (State.DEFERRED, State.SKIPPED): "it is no longer in the spreadsheet",
}
"""Every change of state, and when it happens. A pair that is not listed cannot happen."""

UNDER_WAY: Final = frozenset({State.CLAIMED, State.SENDING})
"""The states of a claim that has not ended."""

OF_A_CLAIM: Final[Mapping[State, frozenset[State]]] = {
    state: frozenset(
        old
        for old, new in TRANSITIONS
        if new is state and (old in UNDER_WAY or (old, new) == (State.IN_DOUBT, State.SENT))
    )
    for state in State
}
"""The states that may come before each state where the owner of a claim changes it."""

_DEFERRED: Final = State.DEFERRED  # a member of an Enum is slow to find
_REPORTED: Final = tuple(state for state in State if state not in UNDER_WAY)
_NOT_SENT: Final = frozenset({State.PENDING, State.REJECTED, State.DEFERRED, State.SKIPPED})


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one delivery's state.

    Attributes:
        delivery_id: the number of the delivery in the ledger.
        state: the new state.
        at: when it changed, in seconds since 1970.
        attempts: how often a server has answered about this delivery.
        doubts: how often the end of its data went unanswered.
        retry_at: from when on it may be claimed again, in seconds since 1970.
        stage: the stage of the SMTP dialogue; empty where there was none.
        reply: the server's reply, or a reason of our own.
    """

    delivery_id: int
    state: State
    at: float
    attempts: int = 0
    doubts: int = 0
    retry_at: float | None = None
    stage: str = ""
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One recipient of a campaign, as the ledger knows it: a snapshot of its row, and its state.

    Attributes:
        id: the ledger's own number.
        key: the identity from the spreadsheet.
        row: the row number in the spreadsheet.
        mailbox: the address.
        cells: the texts of the row by column.
        state: equal to its name: `state == "sent"`.
        message_id: fixed by the first claim, as is `date`, so that a message that is sent again
            has the same bytes; empty before.
        date: seconds since 1970, as are all times here.
        changed_at: when the state changed last.
        attempts: how often a server has answered.
        doubts: how often the end of the data went unanswered.
        retry_at: from when on it is tried again; None where it is not deferred.
        stage: the stage of the SMTP dialogue that decided; empty where there was none.
        reply: the server's last reply, or a reason of our own.
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
        """The normalised address, for users to read."""
        return self.mailbox.address

    @property
    def recipient(self) -> Recipient:
        """The recipient as renderer and composer take it."""
        return Recipient(self.row, self.cells, self.mailbox, self.key)

    @property
    def sent_on(self) -> datetime:
        """The Date of the message, in whole seconds of UTC (RFC 5322, 3.6.1)."""
        return datetime.fromtimestamp(int(self.date or 0), UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a campaign stands: deliveries by reported state, and the last run in seconds.

    `seconds` are from its first connection to its last outcome so far, `check_seconds` the check
    before it; both are 0 before the first run.
    """

    states: Mapping[State, int]
    seconds: float = 0.0
    check_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Difference:
    """How recipients and content differ from the ledger's snapshot of them.

    Attributes:
        first: there was no snapshot yet, or nothing had been sent.
        added: recipients that are new.
        removed: recipients that are gone; `removed_sent` of them had been sent already.
        changed: recipients with other cells; `changed_sent` of them had been sent already.
        restyled: a template, an image or another file of the content has changed.
        already_sent: how many recipients have got the content of the snapshot.
        applied: the ledger now holds the new recipients.
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
        """Whether there is a difference that the user has to accept."""
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
            parts.append(f"other content than {self.already_sent} recipients have got")
        return ", ".join(parts) or "the same recipients, the same content"


def as_recorded(transition: Transition) -> Transition:
    """The transition that may be written.

    A delivery that was once in doubt leaves doubt only by a reply 2yz: an earlier message may have
    arrived, so that `rejected`, `deferred` or `skipped` would say too much. A deferred one always
    has a time for its next attempt.
    """
    if transition.doubts and transition.state in _NOT_SENT:
        return replace(transition, state=State.IN_DOUBT, retry_at=None)
    if transition.retry_at is None and transition.state is _DEFERRED:
        return replace(transition, retry_at=transition.at)
    return transition


def under_way(delivery: Delivery, state: State, at: float) -> Transition:
    """The transition of a claim to `claimed` or `sending`; it keeps what the delivery was before.

    `at` is in seconds since 1970.
    """
    return Transition(delivery.id, state, at, delivery.attempts, delivery.doubts, delivery.retry_at)


def let_go(transition: Transition, *, known: bool) -> Transition:
    """The state of a delivery whose claim has ended without an outcome.

    `known` says that every transition has been read. It is False after a power cut: the journal
    outlives the process but not the machine, and any claimed delivery may have been sent.
    """
    if transition.state not in UNDER_WAY:
        return transition
    if transition.state is State.SENDING or not known:
        doubts = transition.doubts + 1
        return replace(transition, state=State.IN_DOUBT, doubts=doubts, retry_at=None)
    before = state_before(transition)
    retry_at = None if before is State.IN_DOUBT else transition.retry_at
    return replace(transition, state=before, retry_at=retry_at)


def state_before(claim: Transition | Delivery) -> State:
    """The state that a claimed delivery had before it was claimed; the claim keeps the rest."""
    if claim.doubts:
        return State.IN_DOUBT
    return State.PENDING if claim.retry_at is None else State.DEFERRED


def reported(counts: Mapping[State, int]) -> dict[State, int]:
    """Counts by the six states that users see; claimed and sending deliveries are still pending."""
    shown = {state: counts.get(state, 0) for state in _REPORTED}
    shown[State.PENDING] += sum(counts.get(state, 0) for state in UNDER_WAY)
    return shown
