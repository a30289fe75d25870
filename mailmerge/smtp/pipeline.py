"""The outgoing transactions of a connection: in which order, and up to which byte. Sans-IO.

There are three ways to send. The extensions that the server offers decide:

    one by one      MAIL, reply, RCPT, reply, DATA, reply, content, reply
    pipelining      content . MAIL RCPT DATA in one group: one round trip a message (RFC 2920)
    streaming       MAIL RCPT BDAT content RSET MAIL RCPT BDAT content ..., up to `window`
                    transactions without waiting for a reply (RFC 3030)

A message with copies (`Envelope.copies`) is different: its DATA or BDAT is handed out only after
the replies to all its RCPTs. Otherwise a server that refuses the recipient and accepts a copy would
deliver to the copy alone, and SMTP has no command that gives a message up after DATA. It costs one
round trip, and until then no other transaction begins.

In all three, the pipeline holds back the last bytes of a message until `release` is called for it.
state.py explains why.


Taking a terminator back

A server cannot have the message unless it was sent the last byte of the end of data. So a release
can be undone while that byte is still on this side. The parameter `unsent` of `take_back` holds
exactly the bytes that the kernel did not take. The bytes handed out last are

    ... content | terminator | commands of the successor (if one was queued)

and the kernel has taken them up to some byte. Let `left` be the number of bytes of `unsent` that do
not belong to the successor. There are four cases:

1. The message is settled. The server answered before it can have seen the whole message. Its reply
   counts, and `unsent` is written next.
2. left <= 0. The whole terminator has left, and the message is in doubt until its reply arrives.
   `unsent` is the rest of the successor's commands, and is written next.
3. left <= length of the terminator. All content has left, and perhaps a part of the terminator. Its
   last `left` bytes are held, and nothing is written before the next release.
4. left > length of the terminator. A part of the content has not left either. That part is written
   next, and the whole terminator is held.

In cases 3 and 4 the message returns from TERMINATED to HELD, and the server no longer owes its
reply. Nothing of the successor has left, so the successor returns to QUEUED, at the front of the
queue. The replies to its commands are queued behind the reply to the message and are removed with
it. The next release hands out the rest of the terminator and the successor again. So the same bytes
leave as if there had been no interruption.

While streaming, the content of other messages may follow the terminator, and `left` is not known.
There, `take_back` may be called only if the connection is lost and nothing of the write left. Then
the last byte certainly is in `unsent`, and the connection needs no further bookkeeping.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from mailmerge.smtp.content import Chunk, first_bytes
from mailmerge.smtp.errors import LocalProtocolError, RemoteProtocolError, SmtpError
from mailmerge.smtp.exchange import Exchange
from mailmerge.smtp.progress import Progress
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.session import Session
from mailmerge.smtp.state import Awaited, ConnectionFlags, Phase, Step, Trigger
from mailmerge.smtp.transaction import Outcome


class Pipeline:
    """The transactions of one connection that have no outcome yet.

    While there is one, the session is BUSY.

    Attributes:
        queue: transactions of which nothing has been handed out, in order.
        begun: the other transactions, in order.
        held: the transaction whose terminator waits for `release`, or None.
        flags: facts that earlier transactions leave for later ones (state.py).
    """

    __slots__ = ("_exchange", "_session", "begun", "flags", "held", "queue")

    def __init__(self, exchange: Exchange, session: Session) -> None:
        self.flags = ConnectionFlags()
        self.queue: deque[Progress] = deque()
        self.begun: deque[Progress] = deque()
        self.held: Progress | None = None
        self._exchange = exchange
        self._session = session

    # --- sending

    def submit(self, progress: Progress) -> None:
        """Queue one transaction."""
        self._session.move(Trigger.SUBMIT)
        self.queue.append(progress)
        self.flags.mails += 1

    def begin(self) -> None:
        """Hand out the commands of as many transactions as may begin now."""
        queue = self.queue
        while queue and self._may_begin():
            progress = queue.popleft()
            flags, streaming = self.flags, self._session.terms.streaming
            if flags.needs_reset or (streaming and self.begun):
                progress.steps.appendleft((Awaited.RSET, b"RSET\r\n"))
                flags.needs_reset = False
            self.begun.append(progress)
            self._hand_out(progress)

    def _may_begin(self) -> bool:
        if self.held is not None or self.flags.closing is not None:
            return False
        if not self.begun:
            return True
        terms, phase = self._session.terms, self.begun[-1].phase
        if terms.streaming:
            return phase is not Phase.OFFERED  # one with copies waits for the replies to RCPT
        return terms.pipelining and (phase is Phase.TERMINATED or phase is Phase.DOTTED)

    def _hand_out(self, progress: Progress) -> None:
        exchange, terms = self._exchange, self._session.terms
        if not exchange.owed and not exchange.reader.empty:
            self.end(
                RemoteProtocolError(
                    "the server sent part of a reply that no command asked for", code="miscount"
                )
            )
            return
        at_once = terms.streaming and not progress.copies
        progress.move(Step.STREAM if at_once else Step.OFFER)
        if terms.pipelining:
            self._write_all_steps(progress)
        else:
            self.write_next_step(progress)
        if at_once:
            self.hand_out_content(progress)

    def _write_all_steps(self, progress: Progress) -> None:
        steps, exchange = progress.steps, self._exchange
        exchange.out.append(b"".join([line for _, line in steps]))
        exchange.owed.extend([(awaited, progress) for awaited, _ in steps])
        if exchange.trace is not None:
            for awaited, line in steps:
                exchange.trace("C", line[:-2].decode(), awaited)

    def write_next_step(self, progress: Progress) -> None:
        """Hand out the next command; for sending one by one."""
        awaited, line = progress.steps.popleft()
        self._exchange.send(line, awaited, progress)

    def hand_out_content(self, progress: Progress) -> None:
        """Hand out all of the content except its terminator, which is held from now on."""
        exchange = self._exchange
        exchange.out.extend(progress.chunks)
        self.held = progress
        if exchange.trace is not None:
            size = sum(map(len, progress.chunks))
            exchange.trace("C", f"({size} bytes of content)", Awaited.CONTENT)

    def release(self, token: int) -> None:
        """Hand out the terminator of `token`, followed by the next transaction's commands.

        Raises:
            LocalProtocolError: no terminator of this token is held.
        """
        progress, exchange = self.held, self._exchange
        if progress is None or progress.token != token:
            raise LocalProtocolError(f"no terminator of {token} is held")
        self.held = None
        progress.move(Step.RELEASE)
        exchange.out.append(progress.terminator)
        exchange.owed.append((Awaited.CONTENT, progress))
        if exchange.trace is not None and not self._session.terms.streaming:
            exchange.trace("C", ".", Awaited.CONTENT)
        if self.queue:
            self.begin()

    def take_back(self, token: int, unsent: Sequence[Chunk]) -> list[Chunk]:
        """Hold the terminator of `token` again if its last byte is in `unsent`.

        `token` is the transaction that was released last. Returns the bytes to write next. The
        module docstring explains the cases.
        """
        terminated = (one for one in self.begun if one.phase is Phase.TERMINATED)
        progress = next((one for one in terminated if one.token == token), None)
        if progress is None:
            return list(unsent)  # case 1
        successor = self.begun[-1] if self.begun[-1] is not progress else None
        behind = sum(len(line) for _, line in successor.steps) if successor is not None else 0
        left = sum(map(len, unsent)) - behind
        if left <= 0:
            return list(unsent)  # case 2
        content = max(left - len(progress.terminator), 0)  # 0 in case 3
        progress.terminator = progress.terminator[content - left :]
        progress.move(Step.TAKE_BACK)
        while self._exchange.owed.pop() != (Awaited.CONTENT, progress):
            pass
        self.held = progress
        if successor is not None and not self._session.terms.streaming:
            successor.move(Step.TAKE_BACK)
            self.queue.appendleft(self.begun.pop())
        return first_bytes(unsent, content)

    # --- outcomes

    def settle(self, progress: Progress, outcome: Outcome) -> None:
        """Report the outcome of a transaction that has begun, and remove the transaction."""
        progress.move(Step.SETTLE)
        self.begun.remove(progress)
        self._exchange.events.append(outcome)
        if not self.begun and not self.queue:
            self._session.move(Trigger.DRAINED)

    def return_queued(self, reason: str, reply: Reply | None) -> None:
        """Settle the queued transactions as not sent."""
        for progress in self.queue:
            self._exchange.events.append(
                progress.interrupted_outcome(reason, reply, unprocessed=True)
            )
        self.queue.clear()

    def end(self, failure: SmtpError | None) -> None:
        """Settle every transaction, and end the session with this failure."""
        reply = self.flags.closing
        reason = failure.message if failure is not None else "the session is over"
        unprocessed = reply is not None and self.flags.closed_by_server
        for progress in list(self.begun):
            outcome = progress.interrupted_outcome(reason, reply, unprocessed=unprocessed)
            self.settle(progress, outcome)
        self.return_queued(reason, reply)
        self.held = None
        self._session.end(failure)
