"""The progress of one transaction: what is still to write, and what the replies mean together."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from mailmerge.smtp.content import Chunk, Prepared
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.state import TRANSACTION, Awaited, Phase, Stage, Step
from mailmerge.smtp.transaction import Outcome, Verdict

TERMINATOR: Final = b".\r\n"
DATA: Final = b"DATA\r\n"

_ONE_WRITE: Final = 65_536
"""The most bytes of content that leave in one write with the terminator and the next commands."""


class Progress:
    """The parts of one transaction that are still to write, and the replies to it so far.

    Attributes:
        steps: its commands, each with the reply that it awaits. With pipelining all of them;
            without, those that were not written yet.
        asked: the forward-paths whose RCPT has no reply yet.
        accepted: the forward-paths that the server accepted.
        refused: the forward-paths that the server refused, each with the reply.
        delivered: LMTP's positive replies to the end of data, without those for copies.
        chunks: the content without its terminator.

    state.py explains `phase` and the flags `mail_accepted`, `refusal` and `short`.
    """

    __slots__ = (
        "accepted",
        "asked",
        "chunks",
        "delivered",
        "mail_accepted",
        "phase",
        "refusal",
        "refused",
        "short",
        "steps",
        "terminator",
        "token",
    )

    def __init__(
        self, token: int, steps: list[tuple[Awaited, bytes]], forward_paths: tuple[str, ...]
    ) -> None:
        self.token = token
        self.steps = deque(steps)
        self.asked = deque(forward_paths)
        self.chunks: Sequence[Chunk] = ()
        self.short = False
        self.terminator = TERMINATOR
        self.phase = Phase.QUEUED
        self.mail_accepted = False
        self.accepted: deque[str] = deque()
        self.refused: list[tuple[str, Reply]] = []
        self.delivered: list[Reply] = []
        self.refusal: tuple[Verdict, Stage, Reply] | None = None

    @property
    def copies(self) -> tuple[str, ...]:
        """The forward-paths that decide nothing; there are some in copied.py alone."""
        return ()

    def plan_data(self, prepared: Prepared, *, asked_later: bool = False) -> None:
        """Plan to send the content after DATA; its terminator is the dot (RFC 5321, 4.1.1.4).

        `asked_later` leaves DATA out of the steps, because the replies to RCPT decide about it.
        """
        if not asked_later:
            self.steps.append((Awaited.DATA, DATA))
        self.chunks = prepared.chunks
        self.short = prepared.size <= _ONE_WRITE

    def plan_bdat(self, prepared: Prepared) -> None:
        """Plan to send the content as one last chunk; its end is its last byte (RFC 3030)."""
        line = b"BDAT %d LAST\r\n" % prepared.size
        *before, last = [line, *prepared.chunks]
        self.chunks = [*before, memoryview(last)[:-1]]
        self.terminator = last[-1:]

    def move(self, step: Step) -> None:
        """Change the phase as state.TRANSACTION says."""
        self.phase = TRANSACTION[self.phase, step]

    def refuse(self, stage: Stage, reply: Reply, verdict: Verdict | None = None) -> None:
        """Keep the first refusal; later ones are consequences of it."""
        if self.refusal is None:
            self.refusal = (verdict or _verdict_of(reply), stage, reply)

    def recipient_answered(self, reply: Reply) -> None:
        """Apply one reply to RCPT; 251 and 252 are positive like any other 2yz."""
        path = self.asked.popleft()
        if reply.positive:
            self.accepted.append(path)
        elif self.refusal is None:
            self.refused.append((path, reply))
        if not self.asked and not self.accepted and self.refused:
            self.refuse(Stage.RCPT, deciding_refusal(self.refused))

    def delivery_answered(self, reply: Reply) -> None:
        """Apply LMTP's reply to the end of data for one recipient (RFC 2033, 4.2)."""
        path = self.accepted.popleft()
        if reply.positive:
            self.delivered.append(reply)
        else:
            self.refused.append((path, reply))
        if not self.accepted and not self.delivered:
            self.refuse(Stage.CONTENT, deciding_refusal(self.refused))

    def sent_outcome(self, reply: Reply) -> Outcome:
        """The outcome if the server has accepted the message."""
        return Outcome(self.token, Verdict.SENT, Stage.CONTENT, reply, tuple(self.refused))

    def refused_outcome(self) -> Outcome:
        """The outcome if the server has refused the message."""
        assert self.refusal is not None
        verdict, stage, reply = self.refusal
        return Outcome(self.token, verdict, stage, reply, tuple(self.refused))

    def interrupted_outcome(
        self, reason: str, reply: Reply | None, *, unprocessed: bool
    ) -> Outcome:
        """The outcome if the connection ended before all replies arrived.

        A refusal that is known stays a refusal. `unprocessed` says that the server announced the
        end by 421 and then closed, so that it has not processed the bytes after that command.
        """
        if self.refusal is not None:
            return self.refused_outcome()
        in_doubt = self.phase is Phase.TERMINATED and not unprocessed
        verdict = Verdict.IN_DOUBT if in_doubt or self.delivered else Verdict.NOT_SENT
        return Outcome(
            self.token, verdict, self._stage(), reply, tuple(self.refused), reason=reason
        )

    def _stage(self) -> Stage:
        if self.phase in {Phase.HELD, Phase.TERMINATED}:
            return Stage.CONTENT
        if not self.mail_accepted:
            return Stage.MAIL
        return Stage.RCPT if self.asked else Stage.DATA


def _verdict_of(reply: Reply) -> Verdict:
    """The verdict of a refusal; its first digit decides (RFC 5321, 4.2.1)."""
    return Verdict.DEFERRED if reply.transient else Verdict.REJECTED


def deciding_refusal(refused: list[tuple[str, Reply]]) -> Reply:
    """The reply that decides about a message whose recipients were all refused.

    It is the first transient one, because then another attempt may succeed; else the first.
    """
    replies = [reply for _, reply in refused]
    return next((reply for reply in replies if reply.transient), replies[0])
