"""The SMTP protocol of one connection, without I/O.

    Transaction -> submit -> data_to_send ... receive_data -> events -> Outcome

Bytes of the server go into `receive_data`, events come out of `events`; bytes for the server come
out of `data_to_send`. There is no socket, no clock and no thread here: `awaited` says which reply
is due, and the program that drives the connection has the timeouts. Nothing here raises for what
the server does: a failure is the state CLOSED, every open transaction gets its outcome, and
`session.failure` says why.

A connection *has* three parts that share one `Exchange`: the `session` (EHLO, STARTTLS, AUTH,
QUIT), the pipeline of transactions on their way out, and the reading of the replies to them.
docs/sansio.md shows how to drive it; state.py has the rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from mailmerge.smtp.command import envelope_lines
from mailmerge.smtp.content import Chunk, Prepared, prepare
from mailmerge.smtp.errors import ConnectionLost, LocalProtocolError, RemoteProtocolError
from mailmerge.smtp.exchange import Event, Exchange, Trace, closing_error
from mailmerge.smtp.pipeline import Pipeline
from mailmerge.smtp.probe import Probe
from mailmerge.smtp.progress import Progress
from mailmerge.smtp.replies import Replies
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.session import Session
from mailmerge.smtp.state import Awaited, Stage, State
from mailmerge.smtp.terms import Wants
from mailmerge.smtp.transaction import Envelope, Outcome, Transaction, Verdict


class Connection:
    """One connection to a server.

    `session` has the commands of the session, and `probe` tries an envelope without a message.
    `protocol` is "smtp" or "lmtp" (RFC 2033). `window` is how many transactions may be in flight
    where the server offers CHUNKING and PIPELINING; with 1, or where `chunking` is False, DATA is
    used. `trace` is called with each line of the dialogue.
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
        wants = Wants(
            lmtp=protocol == "lmtp", window=window, pipelining=pipelining, chunking=chunking
        )
        self.session = Session(self._exchange, wants)
        self.probe = Probe(self.session)
        self._pipeline = Pipeline(self._exchange, self.session)
        self._replies = Replies(self._exchange, self.session, self._pipeline)

    # What may be done

    @property
    def usable(self) -> bool:
        """Whether more transactions may be submitted, now or when there is room."""
        state, flags = self.session.state, self._pipeline.flags
        if state is not State.BUSY and state is not State.READY:
            return False
        if flags.used_up or flags.closing is not None:
            return False
        mail_max = self.session.terms.mail_max
        return mail_max is None or flags.mails < mail_max

    @property
    def stopped(self) -> bool:
        """Whether nothing may be written any more, not even what was given out before."""
        return self.session.closed or self._pipeline.flags.closing is not None

    @property
    def room(self) -> int:
        """How many transactions may be submitted now."""
        terms, pipeline = self.session.terms, self._pipeline
        left = terms.capacity - len(pipeline.queue) - len(pipeline.begun)
        if not left or not self.usable:
            return 0
        mail_max = terms.mail_max
        return left if mail_max is None else min(left, mail_max - pipeline.flags.mails)

    @property
    def in_flight(self) -> int:
        """How many transactions were submitted and have no outcome yet."""
        return len(self._pipeline.queue) + len(self._pipeline.begun)

    @property
    def awaited(self) -> Awaited | None:
        """Which reply comes next, or None where the server owes none."""
        if self._pipeline.flags.closing is not None:
            return Awaited.CLOSE
        owed = self._exchange.owed
        return owed[0][0] if owed else None

    def submit(self, transaction: Transaction) -> None:
        """Take one transaction. Its outcome is an event, sooner or later, in every case.

        What this server cannot take (too large, 8-bit or SMTPUTF8 not offered) is REJECTED without
        a reply, and nothing of it is written.

        Raises:
            LocalProtocolError: there is no room, or the envelope or content is malformed; the
                transaction was not taken.
        """
        if self.room <= 0:
            raise LocalProtocolError("there is no room for another transaction on this connection")
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
        progress = Progress(token, lines, envelope.forward_paths)
        if terms.streaming:
            progress.plan_bdat(prepared)
        else:
            progress.plan_data(prepared)
        return progress

    # What leaves

    def data_to_send(self) -> list[Chunk]:
        """The bytes to write now, in chunks that are never copied, up to the next terminator."""
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
        """Whether the content of `held` is short, and not a byte of it has been given out."""
        held = self._pipeline.held
        if held is None or not held.short or self.session.terms.streaming:
            return False
        return bool(self._exchange.out)

    @property
    def successor_waits(self) -> bool:
        """Whether the commands of a next transaction can go behind the terminator of `held`."""
        return bool(self._pipeline.queue) and self.session.terms.pipelining

    def release(self, token: int) -> None:
        """Let the terminator of `token` leave: from now on that message may be in doubt.

        With pipelining, the commands of the next transaction follow it in the same group.

        Raises:
            LocalProtocolError: no terminator of this token is held.
        """
        self._pipeline.release(token)

    def take_back(self, token: int, unsent: Sequence[Chunk]) -> list[Chunk]:
        """Hold the terminator of `token` again if its last byte is in `unsent`.

        `unsent` is what the kernel did not take of all that was given out. Returns what is to be
        written now. `Pipeline.take_back` goes through the cases.
        """
        return self._pipeline.take_back(token, unsent)

    # What comes back

    def events(self) -> list[Event]:
        """What has happened since the last call, in order."""
        exchange = self._exchange
        events, exchange.events = exchange.events, []
        return events

    def receive_data(self, received: bytes) -> int:
        """Take what the server sent; no bytes mean that it has closed the connection.

        Returns how many whole replies were read, so that a timeout can start again with each.
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
        """End it: the connection has broken, or is given up.

        All that came before must have been read; the server's closing in order goes to
        `receive_data`.
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
                self._unasked(reply)
                continue
            awaited, progress = owed.popleft()
            if progress is None:
                session.answered(awaited, reply)
            else:
                self._replies.answered(awaited, progress, reply)
        return count

    def _unasked(self, reply: Reply) -> None:
        """A reply to nothing.

        The server closes an idle connection with 421, or refuses a message before its end; else the
        count is lost, and no reply can be trusted any more.
        """
        if reply.closing:
            self._pipeline.end(closing_error(reply))
        elif self._pipeline.held is not None and (reply.transient or reply.permanent):
            self._replies.early(reply)
        else:
            raise RemoteProtocolError(
                f'the server sent a reply to nothing: "{reply}"', code="miscount", reply=reply
            )
