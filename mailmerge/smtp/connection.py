"""Transactions over one session: pipelined, streamed or one command at a time. Sans-IO.

    Transaction -> submit -> data_to_send ... receive_data -> events -> Outcome

There are three ways to send, chosen by what the server offers:

    one by one      MAIL, reply, RCPT, reply, DATA, reply, content, reply
    pipelining      content . MAIL RCPT DATA in one group, one round trip a message (RFC 2920)
    streaming       BDAT n LAST content RSET MAIL RCPT BDAT ..., no waiting, up to `window`
                    transactions in flight (RFC 3030)

In each of them the last octets of a message are held back until `release` is called for the token
that `held` names. So when a connection ends it is known which messages were never transmitted and
which are in doubt. The driver may release a short content before it has written any of it, and
write content, terminator and the next commands at once; where the terminator's last octet did not
leave after all, `take_back` holds it again. There is no clock here: `awaited` says which reply is
due, the driver has the timeouts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from mailmerge.smtp.capabilities import Capabilities
from mailmerge.smtp.command import mail_line, rcpt_line
from mailmerge.smtp.content import Prepared, first_bytes, prepare
from mailmerge.smtp.errors import LocalProtocolError, RemoteProtocolError, ServerRefused, SmtpError
from mailmerge.smtp.progress import TERMINATOR, Progress, weightiest
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.session import (
    Answered,
    Octets,
    Session,
    Trace,
    closing_error,
    unexpected,
)
from mailmerge.smtp.state import Awaited, Happening, Phase, Stage, State, Step
from mailmerge.smtp.transaction import Envelope, Outcome, Transaction, Verdict

_PIPELINED: Final = 3
"""One transaction whose content is on its way, the next one's commands behind it, and one more: so
that a whole group can leave before the caller makes another message (`Client.push`)."""


class Connection(Session):
    """One connection to a server, with its transactions.

    `window` is how many transactions may be in flight where the server offers CHUNKING and
    PIPELINING; with 1, or where `chunking` is False, DATA is used.
    """

    def __init__(
        self,
        *,
        protocol: str = "smtp",
        window: int = 1,
        pipelining: bool = True,
        chunking: bool = True,
        trace: Trace | None = None,
    ) -> None:
        super().__init__(protocol=protocol, trace=trace)
        self._window = window
        self._pipelining_wanted = pipelining
        self._chunking_wanted = chunking
        self._queue: deque[Progress] = deque()
        self._begun: deque[Progress] = deque()
        self._held: Progress | None = None
        self._mails = 0
        self._carried = 0
        self._needs_reset = False
        self._used_up = False
        self._closing: Reply | None = None
        self._mail_max: int | None = None
        self._size_limit: int | None = None
        self._rcpt_max: int | None = None
        self._capacity = 0
        self.pipelining = False
        """Whether commands go in groups."""
        self.streaming = False
        """Whether messages follow one another without waiting. Not in LMTP: who was accepted
        decides there how many replies BDAT LAST has."""

    # What may be done

    def _learn(self, capabilities: Capabilities) -> None:
        super()._learn(capabilities)
        self._mail_max = capabilities.mail_max
        self._size_limit = capabilities.size
        self._rcpt_max = capabilities.rcpt_max
        self.pipelining = self._pipelining_wanted and capabilities.pipelining
        wanted = self._chunking_wanted and self._window > 1 and not self._lmtp
        self.streaming = wanted and self.pipelining and capabilities.chunking
        self._capacity = self._window if self.streaming else _PIPELINED if self.pipelining else 1

    @property
    def usable(self) -> bool:
        """Whether more transactions may be submitted, now or when there is room."""
        return (
            self.state is State.READY
            and not self._used_up
            and self._closing is None
            and (self._mail_max is None or self._mails < self._mail_max)
        )

    @property
    def stopped(self) -> bool:
        """Whether nothing may be written any more, not even what was given out before."""
        return self.closed or self._closing is not None

    @property
    def room(self) -> int:
        """How many transactions may be submitted now."""
        left = self._capacity - len(self._queue) - len(self._begun)
        if not left or not self.usable:
            return 0
        return left if self._mail_max is None else min(left, self._mail_max - self._mails)

    @property
    def in_flight(self) -> int:
        """How many transactions were submitted and have no outcome yet."""
        return len(self._queue) + len(self._begun)

    @property
    def awaited(self) -> Awaited | None:
        """Which reply comes next, or None where the server owes none."""
        return Awaited.CLOSE if self._closing is not None else super().awaited

    def submit(self, transaction: Transaction) -> None:
        """Take one transaction. Its outcome is an event, sooner or later, whatever happens.

        What this server cannot take (too large, 8-bit or SMTPUTF8 not offered) is REJECTED without
        a reply, and nothing of it is written.

        Raises:
            LocalProtocolError: there is no room, or the envelope or content is malformed; the
                transaction was not taken.
        """
        if self.room <= 0:
            raise LocalProtocolError("there is no room for another transaction on this connection")
        prepared = prepare(transaction.content, stuffing=not self.streaming)
        envelope = transaction.envelope
        if not prepared.ascii and not envelope.eightbit:
            envelope = replace(envelope, eightbit=True)
        reason = self.impossible(envelope, prepared.size)
        if reason:
            outcome = Outcome(transaction.token, Verdict.REJECTED, Stage.MAIL, reason=reason)
            self._events.append(outcome)
            return
        self._queue.append(self._planned(transaction.token, envelope, prepared))
        self._mails += 1

    def probe_mail(self, envelope: Envelope) -> None:
        """Say MAIL by itself, without a message; the reply comes as `Answered`.

        Raises:
            LocalProtocolError: the server cannot take such an envelope, a path is malformed, a
                transaction is under way, or it is not the time.
        """
        reason = self.impossible(envelope)
        if reason:
            raise LocalProtocolError(reason)
        (_, line), *_ = envelope_steps(envelope, 0, self.capabilities)
        self._probe(line, Awaited.MAIL)

    def probe_recipient(self, envelope: Envelope, forward_path: str) -> None:
        """Say RCPT after `probe_mail`; it raises the same."""
        self._probe(rcpt_line(envelope, forward_path, self.capabilities), Awaited.RCPT)

    def probe_end(self) -> None:
        """Say RSET after `probe_mail`: nothing is left of the probe."""
        self._probe(b"RSET\r\n", Awaited.RSET)

    def _probe(self, line: bytes, awaited: Awaited) -> None:
        self._move(Happening.MAIL)
        self._say(line, awaited)

    def impossible(self, envelope: Envelope, size: int = 0) -> str:
        """Why this server cannot take a message of `size` octets in this envelope, or nothing."""
        limit = self._size_limit
        if limit is not None and size > limit:
            return f"the message has {size} octets, and the server takes {limit} (SIZE)"
        recipients, most = len(envelope.forward_paths), self._rcpt_max
        if most is not None and recipients > most:
            return f"the message has {recipients} recipients, and the server takes {most} (LIMITS)"
        if envelope.smtputf8 and not self.capabilities.smtputf8:
            return "an address or a header field is not ASCII, and the server has no SMTPUTF8"
        if envelope.eightbit and not self._eightbit_offered(envelope):
            return "the message has octets over 127, and the server has no 8BITMIME"
        return ""

    def _eightbit_offered(self, envelope: Envelope) -> bool:
        return self.capabilities.eightbitmime or (
            envelope.smtputf8 and self.capabilities.smtputf8  # RFC 6531, 3.1: it implies 8BITMIME
        )

    def _planned(self, token: int, envelope: Envelope, prepared: Prepared) -> Progress:
        if not envelope.forward_paths:
            raise LocalProtocolError("a transaction for nobody")
        steps = envelope_steps(envelope, prepared.size, self.capabilities)
        progress = Progress(token, steps, envelope.forward_paths)
        if self.streaming:
            progress.plan_bdat(prepared)
        else:
            progress.plan_data(prepared)
        return progress

    # What leaves

    def _move(self, happening: Happening) -> None:
        """In a transaction there is no place for AUTH (RFC 4954, 4), STARTTLS, EHLO or QUIT."""
        if self.in_flight:
            raise LocalProtocolError(f"{happening} with {self.in_flight} transactions in flight")
        super()._move(happening)

    def data_to_send(self) -> list[Octets]:
        """The octets to write now, up to and without the next terminator."""
        if self._queue and self._held is None:
            self._begin_next()
        out, self._out = self._out, []
        return out

    @property
    def held(self) -> int | None:
        """The token of the transaction whose terminator waits for `release`, or None."""
        return self._held.token if self._held is not None else None

    @property
    def held_whole(self) -> bool:
        """Whether the content of `held` is short, and not an octet of it has been given out."""
        held = self._held
        return held is not None and held.short and bool(self._out) and not self.streaming

    @property
    def successor_waits(self) -> bool:
        """Whether the commands of a next transaction can go behind the terminator of `held`."""
        return bool(self._queue) and self.pipelining

    def release(self, token: int) -> None:
        """Let the terminator of `token` leave: from now on that message may be in doubt.

        With pipelining, the commands of the next transaction follow it in the same group.

        Raises:
            LocalProtocolError: no terminator of this token is held.
        """
        progress = self._held
        if progress is None or progress.token != token:
            raise LocalProtocolError(f"no terminator of {token} is held")
        self._held = None
        progress.move(Step.RELEASE)
        self._out.append(progress.terminator)
        self._awaiting.append((Awaited.CONTENT, progress))
        if self._trace is not None and not self.streaming:
            self._trace("C", ".", Awaited.CONTENT)
        if self._queue:
            self._begin_next()

    def take_back(self, token: int, unsent: Sequence[Octets]) -> list[Octets]:
        """Hold the terminator of `token`, released last, again if its last octet is in `unsent`.

        `unsent` is the end of what was given out: what the kernel did not take. A server that has
        not been sent the last octet cannot have taken the message, so it is not in doubt. Returns
        what is to be written now: `unsent` where the terminator has left, else its content alone.
        While streaming it is for a write of which nothing left, on a connection that is lost.
        """
        terminated = (one for one in self._begun if one.phase is Phase.TERMINATED)
        progress = next((one for one in terminated if one.token == token), None)
        if progress is None:  # the server has answered what it cannot have seen
            return list(unsent)
        successor = self._begun[-1] if self._begun[-1] is not progress else None
        behind = sum(len(line) for _, line in successor.steps) if successor is not None else 0
        left = sum(map(len, unsent)) - behind
        if left <= 0:
            return list(unsent)
        content = max(left - len(progress.terminator), 0)
        progress.terminator = progress.terminator[content - left :]
        progress.move(Step.TAKE_BACK)
        while self._awaiting.pop() != (Awaited.CONTENT, progress):
            pass  # the commands behind the terminator did not leave either
        self._held = progress
        if successor is not None and not self.streaming:
            successor.move(Step.TAKE_BACK)
            self._queue.appendleft(self._begun.pop())
        return first_bytes(unsent, content)

    def _begin_next(self) -> None:
        queue = self._queue
        while queue and self._may_begin():
            progress = queue.popleft()
            if self._needs_reset or (self.streaming and self._begun):
                progress.steps.appendleft((Awaited.RSET, b"RSET\r\n"))
                self._needs_reset = False
            super()._move(Happening.MAIL)
            self._begun.append(progress)
            self._begin(progress)

    def _may_begin(self) -> bool:
        if self._held is not None or self._closing is not None or self.state is not State.READY:
            return False
        if self.streaming or not self._begun:
            return True
        phase = self._begun[-1].phase
        return self.pipelining and (phase is Phase.TERMINATED or phase is Phase.DOTTED)

    def _begin(self, progress: Progress) -> None:
        if not self._awaiting and not self._reader.empty:
            self._end(RemoteProtocolError("half a reply to nothing came", code="miscount"))
            return
        progress.move(Step.STREAM if self.streaming else Step.OFFER)
        if self.pipelining:
            self._write_all_steps(progress)
        else:
            self._write_next_step(progress)
        if self.streaming:
            self._give_out_content(progress)

    def _write_all_steps(self, progress: Progress) -> None:
        steps, awaiting = progress.steps, self._awaiting
        self._out.append(b"".join([line for _, line in steps]))
        awaiting.extend([(awaited, progress) for awaited, _ in steps])
        if self._trace is not None:
            for awaited, line in steps:
                self._trace("C", line[:-2].decode(), awaited)

    def _write_next_step(self, progress: Progress) -> None:
        awaited, line = progress.steps.popleft()
        self._say(line, awaited, context=progress)

    def _give_out_content(self, progress: Progress) -> None:
        """All of the content but its end."""
        self._out.extend(progress.chunks)
        self._held = progress
        if self._trace is not None:
            octets = sum(map(len, progress.chunks))
            self._trace("C", f"({octets} octets of content)", Awaited.CONTENT)

    # What comes back

    def _answered(self, awaited: Awaited, context: Any, reply: Reply) -> None:
        handler = _HANDLERS.get(awaited)
        if handler is None:
            super()._answered(awaited, context, reply)
        elif context is None:
            self._probed(awaited, reply)
        elif reply.closing:
            self._close_with(reply, awaited, context)
        else:
            handler(self, context, reply)

    def _probed(self, awaited: Awaited, reply: Reply) -> None:
        if reply.intermediate:
            raise unexpected(reply, awaited)
        self._events.append(Answered(awaited, reply))
        if reply.closing:
            self._end(closing_error(reply))

    def _reset_answered(self, progress: Progress, reply: Reply) -> None:
        if not reply.positive:
            raise unexpected(reply, Awaited.RSET)
        if not self.pipelining:
            self._go_on(progress)

    def _mail_answered(self, progress: Progress, reply: Reply) -> None:
        if reply.positive:
            progress.mail_accepted = True
        elif reply.intermediate:
            raise unexpected(reply, Awaited.MAIL)
        elif reply.transient and self._carried:
            # "Too many messages on this connection" says nothing about this message.
            self._used_up = True
            progress.refuse(Stage.MAIL, reply, Verdict.NOT_SENT)
            self._return_queued(str(reply), reply)
        else:
            progress.refuse(Stage.MAIL, reply)
        if not self.pipelining:
            self._go_on(progress)

    def _recipient_answered(self, progress: Progress, reply: Reply) -> None:
        if reply.intermediate:
            raise unexpected(reply, Awaited.RCPT)
        progress.recipient_answered(reply)
        if not self.pipelining:
            self._go_on(progress)

    def _go_on(self, progress: Progress) -> None:
        """One by one: write the next command, or stop where nothing is left to ask."""
        if progress.refusal is None:
            self._write_next_step(progress)
        else:
            self._refused_before_content(progress)

    def _data_answered(self, progress: Progress, reply: Reply) -> None:
        go_ahead = reply.intermediate
        if go_ahead and progress.refusal is None:
            progress.move(Step.GO_AHEAD)
            self._give_out_content(progress)
        elif reply.positive or (self._lmtp and go_ahead):
            raise unexpected(reply, Awaited.DATA)
        elif not go_ahead:
            progress.refuse(Stage.DATA, reply)
            self._refused_before_content(progress)
        else:  # nobody was accepted, and yet content is expected: a lone dot (RFC 2920, 3.1)
            progress.move(Step.NOBODY)
            self._say(TERMINATOR, Awaited.DOT, context=progress)

    def _refused_before_content(self, progress: Progress) -> None:
        # A transaction that MAIL has opened stays open until RSET (RFC 5321, 4.1.4).
        self._needs_reset = progress.mail_accepted
        self._settle(progress, progress.turned_down())

    def _dot_answered(self, progress: Progress, reply: Reply) -> None:
        if reply.intermediate:
            raise unexpected(reply, Awaited.DOT)
        self._settle(progress, progress.turned_down())

    def _content_answered(self, progress: Progress, reply: Reply) -> None:
        if reply.positive and not self._lmtp:
            self._taken(progress, reply)
        elif reply.intermediate:
            raise unexpected(reply, Awaited.CONTENT)
        elif self._lmtp:
            self._delivery_answered(progress, reply)
        else:
            # After a BDAT that failed RSET must come (RFC 3030, 2); a successor has it already.
            self._needs_reset = self.streaming and self._begun[-1] is progress
            progress.refuse(Stage.CONTENT, reply)
            self._settle(progress, progress.turned_down())

    def _taken(self, progress: Progress, reply: Reply) -> None:
        if progress.refusal is not None:  # nobody was accepted: only a lost count explains this
            progress.refusal = None
            raise unexpected(reply, Awaited.CONTENT)
        self._carried += 1
        self._settle(progress, progress.taken(reply))

    def _delivery_answered(self, progress: Progress, reply: Reply) -> None:
        progress.delivery_answered(reply)
        if progress.accepted:
            self._awaiting.appendleft((Awaited.CONTENT, progress))
        elif progress.delivered:
            self._taken(progress, progress.delivered[0])
        else:
            progress.refuse(Stage.CONTENT, weightiest(progress.refused))
            self._settle(progress, progress.turned_down())

    def _unasked(self, reply: Reply) -> None:
        """A reply that came before the end of the content, or to nothing at all."""
        progress = self._held
        if progress is None or reply.positive or reply.intermediate or reply.closing:
            super()._unasked(reply)
            return
        progress.refuse(Stage.CONTENT, reply)
        self._end(
            ServerRefused(f'refused in the middle of the content: "{reply}"', code="early-reply")
        )

    # How it ends

    def _close_with(self, reply: Reply, awaited: Awaited, progress: Progress) -> None:
        """421 to a command: it ends the connection, and costs at most that one message a try.

        Where later terminators have left, the end is waited for: a server that closes after 421
        has not looked at what came after the command (RFC 5321, 3.8).
        """
        self._closing = reply
        about_connection = awaited in {Awaited.MAIL, Awaited.RSET}
        if not progress.delivered:
            progress.refuse(_STAGES[awaited], reply, Verdict.NOT_SENT if about_connection else None)
        self._out.clear()
        self._held = None
        if not any(one.phase is Phase.TERMINATED and not one.refusal for one in self._begun):
            self._end(closing_error(reply))

    def _settle(self, progress: Progress, outcome: Outcome) -> None:
        progress.move(Step.SETTLE)
        self._begun.remove(progress)
        self._events.append(outcome)

    def _return_queued(self, reason: str, reply: Reply | None) -> None:
        for progress in self._queue:
            self._events.append(progress.cut_off(reason, reply, unprocessed=True))
        self._queue.clear()

    def _end(self, failure: SmtpError | None) -> None:
        reply = self._closing
        reason = failure.message if failure is not None else "the session is over"
        unprocessed = reply is not None and self._closed_by_server
        for progress in list(self._begun):
            outcome = progress.cut_off(reason, reply, unprocessed=unprocessed)
            self._settle(progress, outcome)
        self._return_queued(reason, reply)
        self._held = None
        super()._end(failure)


def envelope_steps(
    envelope: Envelope, size: int, offered: Capabilities
) -> list[tuple[Awaited, bytes]]:
    """MAIL and each RCPT of an envelope, and which reply each awaits; `size` as in `mail_line`.

    Raises:
        LocalProtocolError: a path or a parameter is malformed.
    """
    recipients = [
        (Awaited.RCPT, rcpt_line(envelope, path, offered)) for path in envelope.forward_paths
    ]
    return [(Awaited.MAIL, mail_line(envelope, size, offered)), *recipients]


_HANDLERS: Final[Mapping[Awaited, Callable[[Connection, Progress, Reply], None]]] = {
    Awaited.RSET: Connection._reset_answered,
    Awaited.MAIL: Connection._mail_answered,
    Awaited.RCPT: Connection._recipient_answered,
    Awaited.DATA: Connection._data_answered,
    Awaited.CONTENT: Connection._content_answered,
    Awaited.DOT: Connection._dot_answered,
}

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
