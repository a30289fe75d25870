"""Replies to a transaction's commands -> its outcome (RFC 5321, 4.2 and 4.3.2). Sans-IO."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mailmerge.smtp.errors import ServerRefused
from mailmerge.smtp.exchange import Exchange, closing_error, unexpected
from mailmerge.smtp.pipeline import Pipeline
from mailmerge.smtp.progress import DATA, TERMINATOR, Progress
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.session import Session
from mailmerge.smtp.state import Awaited, Phase, Stage, Step
from mailmerge.smtp.transaction import Verdict


class Replies:
    """Applies each reply to its transaction, and lets the pipeline continue."""

    __slots__ = ("_exchange", "_pipeline", "_session")

    def __init__(self, exchange: Exchange, session: Session, pipeline: Pipeline) -> None:
        self._exchange = exchange
        self._session = session
        self._pipeline = pipeline

    def answered(self, awaited: Awaited, progress: Progress, reply: Reply) -> None:
        """Apply the reply to one command of a transaction.

        Raises:
            RemoteProtocolError: its first digit has no meaning there.
        """
        if reply.code == 421:
            self._close(reply, awaited, progress)
        else:
            _HANDLERS[awaited](self, progress, reply)

    def early(self, reply: Reply) -> None:
        """Apply a refusal that arrived before the end of the content was sent.

        Some servers refuse a message in the middle of its content, for example for its size, and
        then close the connection.
        """
        progress = self._pipeline.held
        assert progress is not None
        progress.refuse(Stage.CONTENT, reply)
        self._pipeline.end(
            ServerRefused(
                f'refused in the middle of the content: "{reply}"', code="early-reply", reply=reply
            )
        )

    # --- one method for each kind of reply

    def _reset(self, progress: Progress, reply: Reply) -> None:
        if not reply.positive:
            raise unexpected(reply, Awaited.RSET)
        if not self._session.terms.pipelining:
            self._go_on(progress)

    def _mail(self, progress: Progress, reply: Reply) -> None:
        flags = self._pipeline.flags
        if reply.positive:
            progress.mail_accepted = True
        elif reply.intermediate:
            raise unexpected(reply, Awaited.MAIL)
        elif reply.transient and flags.carried:
            # "Too many messages on this connection" is no verdict about this message.
            flags.used_up = True
            progress.refuse(Stage.MAIL, reply, Verdict.NOT_SENT)
            self._pipeline.return_queued(str(reply), reply)
        else:
            progress.refuse(Stage.MAIL, reply)
        if not self._session.terms.pipelining:
            self._go_on(progress)

    def _recipient(self, progress: Progress, reply: Reply) -> None:
        if reply.intermediate:
            raise unexpected(reply, Awaited.RCPT)
        progress.recipient_answered(reply)
        if not self._session.terms.pipelining:
            self._go_on(progress)
        elif progress.copies and not progress.asked:
            self._open_content(progress)

    def _open_content(self, progress: Progress) -> None:
        """Every RCPT of a message with copies has its reply: begin the content, or give it up.

        Without copies, the command is sent with the RCPTs. With copies it is not: if the server
        refused the recipient and accepted a copy, it would take even a lone dot as the message to
        the copy, and an opened BDAT cannot be taken back. RSET gives it up.
        """
        if progress.refusal is not None:
            self._refused_before_content(progress)
        elif self._session.terms.streaming:
            progress.move(Step.GO_AHEAD)
            self._pipeline.hand_out_content(progress)
        else:
            self._exchange.send(DATA, Awaited.DATA, progress)

    def _go_on(self, progress: Progress) -> None:
        """Sending one by one: hand out the next command, or settle a refused transaction."""
        if progress.refusal is None:
            self._pipeline.write_next_step(progress)
        else:
            self._refused_before_content(progress)

    def _data(self, progress: Progress, reply: Reply) -> None:
        go_ahead = reply.intermediate
        if go_ahead and progress.refusal is None:
            progress.move(Step.GO_AHEAD)
            self._pipeline.hand_out_content(progress)
        elif reply.positive or (self._session.terms.lmtp and go_ahead):
            raise unexpected(reply, Awaited.DATA)
        elif not go_ahead:
            progress.refuse(Stage.DATA, reply)
            self._refused_before_content(progress)
        else:  # 354 although no recipient was accepted: send a lone dot (RFC 2920, 3.1)
            progress.move(Step.NO_RECIPIENT)
            self._exchange.send(TERMINATOR, Awaited.DOT, progress)

    def _refused_before_content(self, progress: Progress) -> None:
        # A transaction that MAIL has opened stays open until RSET (RFC 5321, 4.1.4).
        self._pipeline.flags.needs_reset = progress.mail_accepted
        self._pipeline.settle(progress, progress.refused_outcome())

    def _dot(self, progress: Progress, reply: Reply) -> None:
        if reply.intermediate:
            raise unexpected(reply, Awaited.DOT)
        self._pipeline.settle(progress, progress.refused_outcome())

    def _content(self, progress: Progress, reply: Reply) -> None:
        terms = self._session.terms
        if reply.positive and not terms.lmtp:
            self._taken(progress, reply)
        elif reply.intermediate:
            raise unexpected(reply, Awaited.CONTENT)
        elif terms.lmtp:
            self._delivery(progress, reply)
        else:
            # RSET must follow a failed BDAT (RFC 3030, 2); a successor has sent it already.
            pipeline = self._pipeline
            pipeline.flags.needs_reset = terms.streaming and pipeline.begun[-1] is progress
            progress.refuse(Stage.CONTENT, reply)
            pipeline.settle(progress, progress.refused_outcome())

    def _taken(self, progress: Progress, reply: Reply) -> None:
        if progress.refusal is not None:  # 2yz without a recipient: replies are out of step
            progress.refusal = None
            raise unexpected(reply, Awaited.CONTENT)
        self._pipeline.flags.carried += 1
        self._pipeline.settle(progress, progress.sent_outcome(reply))

    def _delivery(self, progress: Progress, reply: Reply) -> None:
        """LMTP answers the end of data once for each accepted recipient (RFC 2033, 4.2)."""
        progress.delivery_answered(reply)
        if progress.accepted:
            self._exchange.owed.appendleft((Awaited.CONTENT, progress))
        elif progress.delivered:
            self._taken(progress, progress.delivered[0])
        else:
            self._pipeline.settle(progress, progress.refused_outcome())

    def _close(self, reply: Reply, awaited: Awaited, progress: Progress) -> None:
        """Apply a 421, which ends the connection and counts as an attempt for at most one message.

        If later terminators have left, wait for the end of the connection: a server that closes
        after 421 has not processed the bytes behind the command (RFC 5321, 3.8).
        """
        pipeline = self._pipeline
        pipeline.flags.closing = reply
        about_connection = awaited in {Awaited.MAIL, Awaited.RSET}
        if not progress.delivered:
            progress.refuse(_STAGES[awaited], reply, Verdict.NOT_SENT if about_connection else None)
        self._exchange.out.clear()
        pipeline.held = None
        if not any(one.phase is Phase.TERMINATED and not one.refusal for one in pipeline.begun):
            pipeline.end(closing_error(reply))


_HANDLERS: Final[Mapping[Awaited, Callable[[Replies, Progress, Reply], None]]] = MappingProxyType(
    {
        Awaited.RSET: Replies._reset,
        Awaited.MAIL: Replies._mail,
        Awaited.RCPT: Replies._recipient,
        Awaited.DATA: Replies._data,
        Awaited.CONTENT: Replies._content,
        Awaited.DOT: Replies._dot,
    }
)

_STAGES: Final[Mapping[Awaited, Stage]] = MappingProxyType(
    {
        Awaited.RSET: Stage.MAIL,
        Awaited.MAIL: Stage.MAIL,
        Awaited.RCPT: Stage.RCPT,
        Awaited.DATA: Stage.DATA,
        Awaited.CONTENT: Stage.CONTENT,
        Awaited.DOT: Stage.DATA,
    }
)
