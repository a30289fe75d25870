"""The progress of a run, its summary, and the error that it ends with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mailmerge.errors import Interrupted, MailmergeError, NotAllReached
from mailmerge.language import listed, tr
from mailmerge.ledger.states import State, count_in_words
from mailmerge.wording import counted


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a run.

    Attributes:
        states: the number of recipients in each state.
        to_send: the number of recipients that the run is to try.
        done: the number of outcomes of this run.
        sent: how many of them were sent.
        failed: how many of them were rejected or in doubt.
        seconds: seconds since the first attempt to connect.
        connections: the number of connections that may be used now.
        waiting_for: the reason for waiting; "" while the run sends.
        slowed_to: the maximum messages per second because the server complained, or None.
        slowed_by: the reply of the server; "" at full speed.
    """

    states: Mapping[State, int]
    to_send: int
    done: int
    sent: int
    failed: int
    seconds: float
    connections: int = 1
    waiting_for: str = ""
    slowed_to: float | None = None
    slowed_by: str = ""

    @property
    def finished(self) -> int:
        """The number of recipients with a final outcome; `done` counts each attempt."""
        return self.sent + self.failed

    @property
    def per_second(self) -> float:
        """Outcomes per second; 0 before the first connection."""
        return self.done / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a run.

    Attributes:
        campaign: the name of the campaign.
        states: the number of recipients of the campaign in each state, by its name:
            pending, sent, rejected, deferred, in_doubt and skipped, including zeros.
        sent: the number of messages that this run sent.
        seconds: seconds from the first attempt to connect to the last outcome.
        check_seconds: seconds of the check before the run.
        error: why the run stopped early, or did not reach every recipient; None otherwise.
        unmade: the number of recipients that were not reached because their message could not be
            made. They are skipped or pending, and the next send tries again.
        drafted: the number of messages that this run put into the user's drafts. They count as
            pending.
        copies_refused: the number of copies that the server refused in this run, of messages that
            it accepted.
    """

    campaign: str
    states: Mapping[str, int]
    sent: int
    seconds: float
    check_seconds: float
    error: MailmergeError | None = None
    unmade: int = 0
    drafted: int = 0
    copies_refused: int = 0

    @property
    def total(self) -> int:
        """The number of recipients of the campaign."""
        return sum(self.states.values())

    def to_json(self) -> dict[str, Any]:
        """Return the document that `send --json` prints."""
        document: dict[str, Any] = {
            "campaign": self.campaign,
            "total": self.total,
            "states": dict(self.states),
            "seconds": round(self.seconds, 3),
            "check_seconds": round(self.check_seconds, 3),
        }
        if self.unmade:
            document["unmade"] = self.unmade
        if self.drafted:
            document["drafted"] = self.drafted
        if self.copies_refused:
            document["copies_refused"] = self.copies_refused
        if self.error is not None:
            document["stopped"] = str(self.error)
        return document


def by_name(counts: Mapping[State, int]) -> dict[str, int]:
    """Return the counts by the names of the states, as plain strings: {"sent": 3}."""
    return {state.value: count for state, count in counts.items()}


def ending(
    states: Mapping[str, int], *, stopped: bool = False, unmade: int = 0
) -> MailmergeError | None:
    """Return the error of a run that ended in order; None if it reached every recipient.

    `unmade` is the number of recipients whose message could not be made. A run that was stopped
    when it had no recipient left ended as any other.
    """
    remaining = states[State.PENDING] + states[State.DEFERRED]
    if stopped and remaining:
        deferred = states[State.DEFERRED]
        recipients = counted(remaining, "recipient")
        if deferred:
            what = tr(
                "stopped; {recipients} remaining, {deferred:,} of them deferred by the server",
                recipients=recipients,
                deferred=deferred,
            )
        else:
            what = tr("stopped; {recipients} remaining", recipients=recipients)
        return Interrupted(what, hint=tr("send again to continue where it stopped"))
    left = [
        count_in_words(states[state], state)
        for state in (State.REJECTED, State.DEFERRED, State.IN_DOUBT)
        if states[state]
    ]
    if unmade:
        left.append(tr("{count:,} whose message could not be made", count=unmade))
    if not left:
        return None
    return NotAllReached(
        tr("finished, but some recipients were not reached: {recipients}", recipients=listed(left)),
        hint=tr("see mailmerge status for the recipients and the replies"),
    )
