"""The SMTP protocol of one connection, without I/O.

    Transaction -> submit -> data_to_send ... receive_data -> events -> Outcome

Pass the server's bytes to `receive_data` and take the events from `events`. Write the bytes that
`data_to_send` returns. A connection has no socket, no clock and no thread: `awaited` says which
reply is due, and the program that drives the connection applies the timeouts. A connection never
raises because of what the server does: it goes to the state CLOSED, every open transaction gets its
outcome, and `session.failure` holds the reason.

A connection has three parts that share one `Exchange`: the `session` (EHLO, STARTTLS, AUTH, QUIT),
the `Pipeline` of outgoing transactions, and `Replies`, which applies the replies to them.
docs/sansio.md shows how to drive a connection; state.py has the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from mailmerge.smtp.command import envelope_lines
from mailmerge.smtp.content import Chunk, Prepared, prepare
from mailmerge.smtp.copied import CopiedProgress
from mailmerge.smtp.errors import ConnectionLost, LocalProtocolError, RemoteProtocolError
from mailmerge.smtp.exchange import Event, Exchange, Trace, closing_error
from mailmerge.smtp.pipeline import Pipeline
from mailmerge.smtp.probe import Probe
from mailmerge.smtp.progress import Progress
from mailmerge.smtp.replies import Replies
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.session import Session
from mailmerge.smtp.state import Awaited, Stage, State
from mailmerge.smtp.terms import Preferences
from mailmerge.smtp.transaction import Envelope, Outcome, Transaction, Verdict


class Connection:
    """One connection to a server.

    Args:
        protocol: "smtp", or "lmtp" (RFC 2033).
        window: the maximum number of transactions in flight if the server offers CHUNKING and
            PIPELINING. With 1 the connection uses DATA.
        pipelining: whether to use PIPELINING if the server offers it.
        chunking: whether to use CHUNKING if the server offers it.
        trace: called with each line of the dialogue (exchange.Trace).

    Attributes:
        session: the commands of the session.
        probe: tries an envelope without a message.
    """

    def __init__(
        self,
        *,
        protocol: Literal["smtp", "lmtp"] = "smtp",
        window: int = 1,
        pipelining: bool = True,
        chunking: bool = True,
        trace: Trace | None = None,
    ) -> None:
        self._exchange = Exchange(trace)
        preferences = Preferences(
            lmtp=protocol == "lmtp", window=window, pipelining=pipelining, chunking=chunking
        )
        self.session = Session(self._exchange, preferences)
        self.probe = Probe(self.session)
        self._pipeline = Pipeline(self._exchange, self.session)
        self._replies = Replies(self._exchange, self.session, self._pipeline)

    # --- submitting

    @property
    def usable(self) -> bool:
        """Whether this connection can accept more transactions, now or later."""
        state, flags = self.session.state, self._pipeline.flags
        if state is not State.BUSY and state is not State.READY:
            return False
        if flags.used_up or flags.closing is not None:
            return False
        mail_max = self.session.terms.mail_max
        return mail_max is None or flags.mails < mail_max

    @property
    def stopped(self) -> bool:
        """Whether writing must stop, even for bytes that were handed out before."""
        return self.session.closed or self._pipeline.flags.closing is not None

    @property
    def room(self) -> int:
        """The number of transactions that may be submitted now."""
        terms, pipeline = self.session.terms, self._pipeline
        left = terms.capacity - len(pipeline.queue) - len(pipeline.begun)
        if not left or not self.usable:
            return 0
        mail_max = terms.mail_max
        return left if mail_max is None else min(left, mail_max - pipeline.flags.mails)

    @property
    def in_flight(self) -> int:
        """The number of submitted transactions that have no outcome yet."""
        return len(self._pipeline.queue) + len(self._pipeline.begun)

    @property
    def awaited(self) -> Awaited | None:
        """The reply that is due next, or None if the server owes none."""
        if self._pipeline.flags.closing is not None:
            return Awaited.CLOSE
        owed = self._exchange.owed
        return owed[0][0] if owed else None

    def submit(self, transaction: Transaction) -> None:
        """Accept one transaction. Its outcome always follows as an event.

        If the server cannot take the message (it is too large, or needs 8BITMIME or SMTPUTF8 that
        the server does not offer), the outcome is REJECTED without a reply, and nothing is written.

        Raises:
            LocalProtocolError: `room` is 0, or the envelope or the content is malformed. The
                transaction was not accepted.
        """
        if self.room <= 0:
            raise LocalProtocolError(
                "this connection has no room for another transaction; wait for an outcome"
            )
        terms = self.session.terms
        prepared = prepare(transaction.content, stuffing=not terms.streaming)
        envelope = transaction.envelope
        if not prepared.ascii and not envelope.eightbit:
            envelope = replace(envelope, eightbit=True)
        reason = terms.impossible(envelope, prepared.size)
        if reason:
            outcome = Outcome(transaction.token, Verdict.REJECTED, Stage.MAIL, reason=reason)
            self._exchange.events.append(outcome)
            return
        self._pipeline.submit(self._planned(transaction.token, envelope, prepared))

    def _planned(self, token: int, envelope: Envelope, prepared: Prepared) -> Progress:
        if not envelope.forward_paths:
            raise LocalProtocolError("a transaction without a recipient", code="not-a-path")
        terms = self.session.terms
        lines = envelope_lines(envelope, prepared.size, terms.capabilities)
        paths, copies = envelope.forward_paths, envelope.copies
        if copies:
            progress: Progress = CopiedProgress(token, lines, paths, copies)
        else:
            progress = Progress(token, lines, paths)
        if terms.streaming:
            progress.plan_bdat(prepared)
        else:
            asked_later = bool(copies) and terms.pipelining
            progress.plan_data(prepared, asked_later=asked_later)
        return progress

    # --- sending

    def data_to_send(self) -> list[Chunk]:
        """Return the bytes to write now, up to the next terminator, as chunks without a copy."""
        if self._pipeline.queue:
            self._pipeline.begin()
        exchange = self._exchange
        out, exchange.out = exchange.out, []
        return out

    @property
    def held(self) -> int | None:
        """The token of the transaction whose terminator waits for `release`, or None."""
        held = self._pipeline.held
        return held.token if held is not None else None

    @property
    def held_whole(self) -> bool:
        """Whether the content of `held` is short, and all of it is still to be handed out."""
        held = self._pipeline.held
        if held is None or not held.short or self.session.terms.streaming:
            return False
        return bool(self._exchange.out)

    @property
    def successor_waits(self) -> bool:
        """Whether the next transaction's commands can follow the terminator of `held` at once."""
        return bool(self._pipeline.queue) and self.session.terms.pipelining

    def release(self, token: int) -> None:
        """Allow the terminator of `token` to leave. From now on that message may be in doubt.

        With pipelining, the commands of the next transaction follow in the same group.

        Raises:
            LocalProtocolError: no terminator of this token is held.
        """
        self._pipeline.release(token)

    def take_back(self, token: int, unsent: Sequence[Chunk]) -> list[Chunk]:
        """Hold the terminator of `token` again if its last byte is in `unsent`.

        `unsent` holds exactly the bytes that were handed out and that the kernel did not take.
        Returns the bytes to write next. pipeline.py explains the cases.
        """
        return self._pipeline.take_back(token, unsent)

    # --- receiving

    @property
    def has_events(self) -> bool:
        """Whether `events` would return any."""
        return bool(self._exchange.events)

    def events(self) -> list[Event]:
        """Return the events since the last call, in order."""
        exchange = self._exchange
        events, exchange.events = exchange.events, []
        return events

    def receive_data(self, received: bytes) -> int:
        """Process bytes from the server; b"" means that the server closed the connection.

        Returns the number of complete replies, so that the caller can restart its timeout.
        """
        if self.session.closed:
            return 0
        if not received:
            self._pipeline.flags.closed_by_server = True
            self.connection_lost("the server closed the connection")
            return 0
        self._exchange.reader.feed(received)
        try:
            return self._read_replies()
        except RemoteProtocolError as error:
            self._pipeline.end(error)
            return 0

    def connection_lost(self, reason: str) -> None:
        """End the connection because it broke, or because the caller gives it up.

        Pass all received bytes to `receive_data` first. If the server closed the connection in
        order, call `receive_data(b"")` instead.
        """
        if not self.session.closed:
            self._pipeline.end(ConnectionLost(reason, awaited=self.awaited))

    def _read_replies(self) -> int:
        exchange, session = self._exchange, self.session
        next_reply, owed = exchange.reader.next_reply, exchange.owed
        count = 0
        while session.state is State.BUSY or session.listens():
            reply = next_reply()
            if reply is None:
                break
            count += 1
            if exchange.trace is not None:
                exchange.trace_reply(reply)
            if not owed:
                self._unrequested_reply(reply)
                continue
            awaited, progress = owed.popleft()
            if progress is None:
                session.answered(awaited, reply)
            else:
                self._replies.answered(awaited, progress, reply)
        return count

    def _unrequested_reply(self, reply: Reply) -> None:
        """Handle a reply that answers no command.

        A server may close an idle connection with 421, or refuse a message before its end. Any
        other such reply means that replies and commands are out of step, and that no later reply
        can be trusted.
        """
        if reply.closing:
            self._pipeline.end(closing_error(reply))
        elif self._pipeline.held is not None and (reply.transient or reply.permanent):
            self._replies.early(reply)
        else:
            raise RemoteProtocolError(
                f'the server sent a reply that no command asked for: "{reply}"',
                code="miscount",
                reply=reply,
            )
