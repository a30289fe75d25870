"""The states of a delivery, and the pure rules by which they change.

A *delivery* is one recipient of one campaign. It has exactly one state at any time:

    pending --> claimed --> sending --> sent | rejected | deferred | in_doubt
                  |  ^         |
                  |  +---------+
                  +--> pending | rejected | deferred | skipped | in_doubt

    pending | deferred --> drafted        its message lies in the user's drafts (drafts.py)

What can go wrong, and how the states handle it:

* *The process ends while it sends.* `sending` is written before the last byte of a message may
  leave. So a delivery that is only `claimed` has certainly not been sent, and can be claimed again.
  A delivery that is `sending` may have been sent: it becomes `in_doubt`, and it is not sent again
  unless the user asks for it.
* *Another process takes a slow process for dead.* A claim has an owner and an expiry. After its
  expiry the claim can no longer become `sending`, so the slow process can never send the message.
* *The machine loses power.* Written data that was not synced may be lost, including `sending`. Then
  even a `claimed` delivery may have been sent: it becomes `in_doubt`.
* *A delivery in doubt is sent again and refused.* The first message may have arrived, so "rejected"
  could be false. The delivery stays `in_doubt` until a server accepts the message.

`TRANSITIONS` lists every possible change. Nothing here reads a clock or a disk. A `Transition` is
one change of one delivery; the journal stores transitions, the database stores deliveries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from mailmerge.language import listed, marked, tr
from mailmerge.ledger.refused_copies import RefusedCopy
from mailmerge.recipients.address import Mailbox
from mailmerge.recipients.recipient import Recipient, Row
from mailmerge.wording import counted


class State(StrEnum):
    """The state of one delivery."""

    # The hash of Enum is Python code, and slower.
    __hash__ = str.__hash__

    PENDING = "pending"
    CLAIMED = "claimed"
    SENDING = "sending"
    SENT = "sent"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    IN_DOUBT = "in_doubt"
    SKIPPED = "skipped"
    DRAFTED = "drafted"


# `state_in_words` translates these.
_NAMES: Final = (
    marked("pending"), marked("claimed"), marked("sending"), marked("sent"), marked("rejected"),
    marked("deferred"), marked("in doubt"), marked("in_doubt"), marked("skipped"),
    marked("drafted"),
)  # fmt: skip
TRANSITIONS: Final[Mapping[tuple[State, State], str]] = {
    (State.PENDING, State.CLAIMED): "a worker claims it",
    (State.DEFERRED, State.CLAIMED): "it is due, and a worker claims it",
    (State.IN_DOUBT, State.CLAIMED): "the user wants it sent again, and a worker claims it",
    (State.CLAIMED, State.SENDING): "the end of its data is about to leave",
    (State.CLAIMED, State.PENDING): "its claim was released or has expired: nothing has left",
    (State.CLAIMED, State.DEFERRED): "refused for now before its data; or its claim was released",
    (State.CLAIMED, State.REJECTED): "refused for good before its data",
    (State.CLAIMED, State.SKIPPED): "its message cannot be made",
    (State.CLAIMED, State.IN_DOUBT): "an earlier doubt was not settled; or power was lost",
    (State.SENDING, State.CLAIMED): "the end of its data has certainly not arrived",
    (State.SENDING, State.SENT): "the server accepted the message (2yz)",
    (State.SENDING, State.REJECTED): "the server refused it for good (5yz)",
    (State.SENDING, State.DEFERRED): "the server refused it for now (4yz)",
    (State.SENDING, State.IN_DOUBT): "no reply arrived, or the process or its claim ended",
    (State.IN_DOUBT, State.SENT): "a late reply arrived, or the user assumes it was sent",
    (State.REJECTED, State.PENDING): "the user asks for another attempt, or changed the address",
    (State.SKIPPED, State.PENDING): "its recipient is in the spreadsheet again, or a new send "
    "tries again to make its message",
    (State.PENDING, State.SKIPPED): "its recipient is no longer in the spreadsheet",
    (State.DEFERRED, State.SKIPPED): "its recipient is no longer in the spreadsheet",
    (State.PENDING, State.DRAFTED): "its message was put into the user's drafts",
    (State.DEFERRED, State.DRAFTED): "its message was put into the user's drafts",
    (State.DRAFTED, State.PENDING): "the user wants it sent, although there is a draft",
    (State.DRAFTED, State.SKIPPED): "its recipient is no longer in the spreadsheet",
}
"""Every change of state, and when it happens. Any other pair is an error."""

UNDER_WAY: Final = frozenset({State.CLAIMED, State.SENDING})
"""The states of a delivery whose claim is open."""

MAY_HAVE_LEFT: Final = frozenset({State.SENT, State.SENDING, State.IN_DOUBT})
"""The states of a delivery whose message may have reached the server."""

CLAIM_PREDECESSORS: Final[Mapping[State, frozenset[State]]] = {
    state: frozenset(
        old
        for old, new in TRANSITIONS
        if new is state and (old in UNDER_WAY or (old, new) == (State.IN_DOUBT, State.SENT))
    )
    for state in State
}
"""For each state, the states from which the owner of a claim may change a delivery to it."""

GONE: Final = marked("no longer in the spreadsheet")
"""The reply of a delivery that is skipped because its recipient has left the spreadsheet."""

MAKING: Final = "making"
"""The stage of a delivery that is pending because its message could not be made."""

LONGEST_RETRY: Final = 4 * 3600.0
"""The maximum seconds between a deferral and the next attempt.

A delivery that seems to be due later was deferred while the machine's clock was wrong.
"""

_DEFERRED: Final = State.DEFERRED  # reading a member of an Enum is slow
_AS_PENDING: Final = UNDER_WAY | {State.DRAFTED}
_REPORTED: Final = tuple(state for state in State if state not in _AS_PENDING)
_NOT_SENT: Final = frozenset({State.PENDING, State.REJECTED, State.DEFERRED, State.SKIPPED})


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one delivery's state.

    Attributes:
        delivery_id: the id of the delivery in the ledger.
        state: the new state.
        at: the time of the change, in seconds since 1970.
        attempts: how often a server has answered about this delivery.
        doubts: how often the end of its data remained without a reply.
        retry_at: the time from which it may be claimed again, in seconds since 1970, or None.
        stage: the stage of the SMTP session that decided (smtp.Stage), MAKING, or "".
        reply: the server's reply, or mailmerge's own reason.
        server_id: the id that the server gave an accepted message, or "". It has at most 200
            characters of printable ASCII.
        copies_refused: the copies of a sent message that the server refused.
    """

    delivery_id: int
    state: State
    at: float
    attempts: int = 0
    doubts: int = 0
    retry_at: float | None = None
    stage: str = ""
    reply: str = ""
    server_id: str = ""
    copies_refused: tuple[RefusedCopy, ...] = ()


AFTER_KINDS: Final = ("bounced", "complained", "unsubscribed", "answered", "auto_replied")
"""The kinds of facts that reports count, in their order."""


@dataclass(frozen=True, slots=True)
class After:
    """What came back by mail after a message was sent (ledger/after.py).

    Attributes:
        kind: bounced, complained, unsubscribed, answered, auto_replied or delivered.
        at: the time of the received mail, in seconds since 1970.
        reason: why, in words; it comes from outside.
        hard: it is a bounce that says that the address will never take mail.
    """

    kind: str
    at: float
    reason: str = ""
    hard: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One recipient of a campaign in the ledger: a snapshot of its row, and its state.

    All times are in seconds since 1970. `attempts` to `copies_refused` are as in `Transition`.

    Attributes:
        id: the id in the ledger.
        key: identifies the recipient in the spreadsheet (`key` of campaign.toml, or the address).
        row: the row number in the spreadsheet.
        mailbox: the recipient's address.
        cells: the cells of the row, by the names of their columns.
        state: the present state; it equals its name: `state == "sent"`.
        message_id: the Message-ID, which the first claim fixes.
        date: the time of the message's Date field, or None before the first claim. Each claim sets
            it again until a server may have the message. From then on it stays, so that a message
            that is sent again has the same bytes.
        changed_at: the time of the last transition, or None.
        after: what came back by mail; None if nothing did, or if it was not asked for.
        rows: the rows of a group, as in `Recipient`; `cells` has what they share.
        time_zone: the zone in whose hours it may be sent; "" is that of this machine.
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
    server_id: str = ""
    copies_refused: tuple[RefusedCopy, ...] = ()
    after: After | None = None
    rows: tuple[Row, ...] = ()
    time_zone: str = ""

    @property
    def address(self) -> str:
        """The normalised address, for users."""
        return self.mailbox.address

    @property
    def recipient(self) -> Recipient:
        """The recipient as `MessageFactory` takes it."""
        return Recipient(self.row, self.cells, self.mailbox, self.key, self.rows)

    @property
    def all_rows(self) -> tuple[Row, ...]:
        """The rows of the group; the only row of a delivery without a group."""
        return self.rows or (Row(self.row, self.cells),)

    @property
    def unmade(self) -> bool:
        """Whether it was not sent because its message could not be made; a new send tries again."""
        return is_unmade(self.state, self.stage, self.reply)

    @property
    def sent_on(self) -> datetime:
        """The Date of the message in UTC, without fractions of a second (RFC 5322, 3.6.1)."""
        return datetime.fromtimestamp(int(self.date or 0), UTC)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What could not be determined after a process ended without closing the ledger.

    Attributes:
        reason: why transitions may be missing: a damaged file and how, or a restart.
        in_doubt: the number of deliveries that are in doubt because of it.
    """

    reason: str
    in_doubt: int

    def __str__(self) -> str:
        """One line for the user: the reason, the recipients concerned, the fix."""
        if not self.in_doubt:
            return tr("{reason}: no recipient is concerned", reason=self.reason)
        return tr(
            "{reason}: {recipients} in doubt, since the message may have been sent (look in the "
            "server's log, then use --in-doubt resend or --in-doubt assume-sent)",
            reason=self.reason,
            recipients=counted(self.in_doubt, "recipient"),
        )


@dataclass(frozen=True, slots=True)
class Standing:
    """The status of a campaign: the number of deliveries in each reported state, and two times.

    `seconds` is the time from the last run's first connection to its last outcome, `check_seconds`
    the time of the check before it. Both are 0 before the first run. `unmade` is the number of
    deliveries whose message could not be made, `server_ids` of those with an id of the server,
    `copies_refused` of the copies that the server refused. `after` counts deliveries by what came
    back by mail, without zeros. `drafted` is the number of the pending deliveries whose message
    lies in the user's drafts.
    """

    states: Mapping[State, int]
    seconds: float = 0.0
    check_seconds: float = 0.0
    unmade: int = 0
    server_ids: int = 0
    after: Mapping[str, int] = field(default_factory=dict)
    drafted: int = 0
    copies_refused: int = 0


_FILES_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """How recipients and content differ from the ledger's snapshot.

    Attributes:
        first: there was no snapshot, or nothing had been sent.
        added: the number of new recipients.
        removed: the number of recipients that have left the spreadsheet.
        removed_sent: how many of those had been sent.
        changed: the number of recipients with changed cells.
        changed_sent: how many of those had been sent.
        content_changed: a template, an image or another file of the content has changed.
        changed_files: the files that have changed, as far as they are known.
        already_sent: the number of recipients that were sent the content of the snapshot.
        applied: the ledger now has the new recipients.
    """

    first: bool = False
    added: int = 0
    removed: int = 0
    removed_sent: int = 0
    changed: int = 0
    changed_sent: int = 0
    content_changed: bool = False
    changed_files: tuple[str, ...] = ()
    already_sent: int = 0
    applied: bool = False

    def __bool__(self) -> bool:
        """Whether the user must accept the difference first."""
        return (
            bool(self.added or self.removed or self.changed or self.content_changed)
            and not self.first
        )

    def __str__(self) -> str:
        parts = []
        if self.added:
            parts.append(tr("+{count} new", count=self.added))
        if self.removed:
            parts.append(
                tr(
                    "-{count} gone ({sent} already sent)",
                    count=self.removed,
                    sent=self.removed_sent,
                )
            )
        if self.changed:
            parts.append(
                tr(
                    "~{count} changed ({sent} already sent)",
                    count=self.changed,
                    sent=self.changed_sent,
                )
            )
        if self.content_changed:
            parts.append(self._content_in_words())
        return listed(parts) or tr("the same recipients, the same content")

    def _content_in_words(self) -> str:
        named = listed(self.changed_files[:_FILES_NAMED])
        more = len(self.changed_files) - _FILES_NAMED
        if more > 0:
            return tr(
                "content changed: {files} and {more} more ({sent} already sent)",
                files=named,
                more=more,
                sent=self.already_sent,
            )
        if named:
            return tr(
                "content changed: {files} ({sent} already sent)",
                files=named,
                sent=self.already_sent,
            )
        return tr("content changed ({sent} already sent)", sent=self.already_sent)


def state_in_words(state: State) -> str:
    """The name of a state for users: `in doubt`."""
    return tr(state.value.replace("_", " "))


def count_in_words(count: int, state: State) -> str:
    """A number of recipients in a state: `2 in doubt`."""
    return tr("{count:,} {state}", count=count, state=state_in_words(state))


def counts_in_words(counts: Mapping[State, int]) -> str:
    """The numbers of recipients in several states: `2 rejected, 1 in doubt`."""
    return listed(count_in_words(count, state) for state, count in counts.items())


def is_unmade(state: State, stage: str, reply: str) -> bool:
    """Whether a delivery in this state was not sent because its message could not be made.

    It is not final: a file, a template or a cell may have changed when the next send begins.
    """
    if state is State.SKIPPED:
        return reply != GONE
    return state is State.PENDING and stage == MAKING


def due_at(retry_at: float | None, now: float) -> float | None:
    """Return when a delivery with this retry time is due, in seconds since 1970.

    A time further ahead than the longest retry comes from a clock that was wrong, by a year
    perhaps. Such a delivery is due at once.
    """
    if retry_at is not None and retry_at > now + LONGEST_RETRY:
        return now
    return retry_at


def as_recorded(transition: Transition) -> Transition:
    """Return the transition to write for the wanted one.

    Only a reply 2yz takes a delivery out of doubt: an earlier message may have arrived, so
    `rejected`, `deferred` or `skipped` could be false. A deferred delivery always gets a time for
    its next attempt.
    """
    if transition.doubts and transition.state in _NOT_SENT:
        return replace(transition, state=State.IN_DOUBT, retry_at=None)
    if transition.retry_at is None and transition.state is _DEFERRED:
        return replace(transition, retry_at=transition.at)
    return transition


def claim_transition(delivery: Delivery, state: State, at: float) -> Transition:
    """Make the transition of a delivery to `claimed` or `sending` at a time (seconds since 1970).

    It keeps the attempts, doubts and retry time, from which `state_before` derives the old state.
    """
    return Transition(delivery.id, state, at, delivery.attempts, delivery.doubts, delivery.retry_at)


def end_claim(transition: Transition, *, known: bool) -> Transition:
    """Return the transition that ends a claim without an outcome.

    `known` says that every transition was read. It is False after a power cut, which may destroy
    lines of the journal, so that any claimed delivery may have been sent. A transition that is not
    of an open claim is returned unchanged.
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
    """Return the state that a claimed delivery had before its claim."""
    if claim.doubts:
        return State.IN_DOUBT
    return State.PENDING if claim.retry_at is None else State.DEFERRED


def reported(counts: Mapping[State, int]) -> dict[State, int]:
    """Count by the six states that users see; claimed, sending and drafted ones are pending."""
    shown = {state: counts.get(state, 0) for state in _REPORTED}
    shown[State.PENDING] += sum(counts.get(state, 0) for state in _AS_PENDING)
    return shown


def reported_state(state: State) -> State:
    """Return the one of the six states that users see."""
    return State.PENDING if state in _AS_PENDING else state
