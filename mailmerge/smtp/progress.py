"""One transaction under way, and what the replies to it add up to."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from mailmerge.smtp.content import Chunk, Prepared
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.state import TRANSACTION, Awaited, Phase, Stage, Step
from mailmerge.smtp.transaction import Outcome, Verdict

TERMINATOR: Final = b".\r\n"

_ONE_WRITE: Final = 65_536
"""Bytes of content that may leave in one write with their terminator and the next commands."""


class Progress:
    """What of one transaction is still to be written, and what the server has said to it.

    `steps` are its commands: one by one, those not written yet; in a group, all of them. `asked`
    and `accepted` are forward-paths: without a reply yet, and accepted. `delivered` holds LMTP's
    positive replies to the end of data. The flags are explained in state.py.
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

    def plan_data(self, prepared: Prepared) -> None:
        """Send the content after DATA; the lone dot is its terminator (RFC 5321, 4.1.1.4)."""
        self.steps.append((Awaited.DATA, b"DATA\r\n"))
        self.chunks = prepared.chunks
        self.short = prepared.size <= _ONE_WRITE

    def plan_bdat(self, prepared: Prepared) -> None:
        """Send the content as one last chunk (RFC 3030, 2); its last byte is its terminator."""
        line = b"BDAT %d LAST\r\n" % prepared.size
        *before, last = [line, *prepared.chunks]
        self.chunks = [*before, memoryview(last)[:-1]]
        self.terminator = last[-1:]

    def move(self, step: Step) -> None:
        """Go where the table says."""
        self.phase = TRANSACTION[self.phase, step]

    def refuse(self, stage: Stage, reply: Reply, verdict: Verdict | None = None) -> None:
        """Keep the first refusal: what the server says after it follows from it."""
        if self.refusal is None:
            self.refusal = (verdict or _verdict_of(reply), stage, reply)

    def recipient_answered(self, reply: Reply) -> None:
        """One reply to RCPT; 251 and 252 are positive like any other 2yz."""
        path = self.asked.popleft()
        if reply.positive:
            self.accepted.append(path)
        elif self.refusal is None:
            self.refused.append((path, reply))
        if not self.asked and not self.accepted and self.refused:
            self.refuse(Stage.RCPT, weightiest(self.refused))

    def delivery_answered(self, reply: Reply) -> None:
        """One reply to the end of data for one recipient of LMTP (RFC 2033, 4.2)."""
        path = self.accepted.popleft()
        if reply.positive:
            self.delivered.append(reply)
        else:
            self.refused.append((path, reply))

    def sent(self, reply: Reply) -> Outcome:
        """The outcome where the server has taken the message."""
        return Outcome(self.token, Verdict.SENT, Stage.CONTENT, reply, tuple(self.refused))

    def turned_down(self) -> Outcome:
        """The outcome where the server has refused it, and every reply to it is in."""
        assert self.refusal is not None
        verdict, stage, reply = self.refusal
        return Outcome(self.token, verdict, stage, reply, tuple(self.refused))

    def cut_off(self, reason: str, reply: Reply | None, *, unprocessed: bool) -> Outcome:
        """The outcome where the connection ended before every reply was in.

        A refusal that is known stays one. `unprocessed` says that the server announced its end with
        421 and did end: it has not looked at what came after the command that it answered so.
        """
        if self.refusal is not None:
            return self.turned_down()
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
    """What a refusal means: its first digit decides (RFC 5321, 4.2.1)."""
    return Verdict.DEFERRED if reply.transient else Verdict.REJECTED


def weightiest(refused: list[tuple[str, Reply]]) -> Reply:
    """The reply that stands for several refusals: a transient one, if there is one."""
    replies = [reply for _, reply in refused]
    return next((reply for reply in replies if reply.transient), replies[0])
