"""The transactions of a connection on their way out: in which order, and up to which byte. Sans-IO.

There are three ways to send, chosen by what the server offers:

    one by one      MAIL, reply, RCPT, reply, DATA, reply, content, reply
    pipelining      content . MAIL RCPT DATA in one group, one round trip a message (RFC 2920)
    streaming       BDAT n LAST content RSET MAIL RCPT BDAT ..., no waiting, up to `window`
                    transactions in flight (RFC 3030)

In each of them the last bytes of a message are held back until `release` is called for it; state.py
says why.


Taking a terminator back

A server that has not been sent the last byte of the end of data cannot have the message. So a
release can be undone as long as that byte is still here. `take_back` is given `unsent`: what the
kernel did not take of all that was given out, to the byte. What was given out last is

    ... content | terminator | commands of the successor (if one was queued)

and the kernel has taken it up to some byte. Counted from the end, `left` bytes of `unsent` are not
the successor's. There are four cases:

1. The message is settled: the server has answered what it cannot have seen. Its reply stands, and
   `unsent` is written on.
2. left <= 0: the terminator has left as a whole. The message is in doubt until its reply comes.
   `unsent`, the rest of the successor's commands, is written on.
3. left <= length of the terminator: all content has left, and some of the terminator may have. Its
   last `left` bytes are held; nothing is written before the next release.
4. left > length of the terminator: a part of the content is here too. It is written now, and the
   whole terminator is held.

In cases 3 and 4 the message goes from TERMINATED back to HELD, and its reply is owed no more. The
successor, of which nothing has left, goes back to QUEUED and to the front of the queue. The replies
to its commands stand behind the one to the message, and go with it. The next release gives out the
rest of the terminator and the successor once more, so the same bytes leave as if nothing had
happened.

While streaming, other content may stand behind the terminator, and `left` cannot be known. There
`take_back` may be called only for a write of which nothing left, on a connection that is lost. Then
the last byte is in `unsent`, and nothing else counts.
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
from mailmerge.smtp.state import Awaited, ConnectionFlags, Happening, Phase, Step
from mailmerge.smtp.transaction import Outcome


class Pipeline:
    """The transactions of one connection.

    While `queue` or `begun` holds one, the session is BUSY. `queue` are those of which nothing is
    given out yet, `begun` the others, each in order. `held` is the one whose terminator waits for
    `release`, if there is one. `flags` is what transactions leave behind for the next ones
    (state.py).
    """

    __slots__ = ("_exchange", "_session", "begun", "flags", "held", "queue")

    def __init__(self, exchange: Exchange, session: Session) -> None:
        self.flags = ConnectionFlags()
        self.queue: deque[Progress] = deque()
        self.begun: deque[Progress] = deque()
        self.held: Progress | None = None
        self._exchange = exchange
        self._session = session

    # What leaves

    def submit(self, progress: Progress) -> None:
        """Take one transaction."""
        self._session.move(Happening.SUBMIT)
        self.queue.append(progress)
        self.flags.mails += 1

    def begin(self) -> None:
        """Give out the commands of as many transactions as may be begun now."""
        queue = self.queue
        while queue and self._may_begin():
            progress = queue.popleft()
            flags, streaming = self.flags, self._session.terms.streaming
            if flags.needs_reset or (streaming and self.begun):
                progress.steps.appendleft((Awaited.RSET, b"RSET\r\n"))
                flags.needs_reset = False
            self.begun.append(progress)
            self._give_out(progress)

    def _may_begin(self) -> bool:
        if self.held is not None or self.flags.closing is not None:
            return False
        terms = self._session.terms
        if terms.streaming or not self.begun:
            return True
        phase = self.begun[-1].phase
        return terms.pipelining and (phase is Phase.TERMINATED or phase is Phase.DOTTED)

    def _give_out(self, progress: Progress) -> None:
        exchange, terms = self._exchange, self._session.terms
        if not exchange.owed and not exchange.reader.empty:
            self.end(RemoteProtocolError("half a reply to nothing came", code="miscount"))
            return
        progress.move(Step.STREAM if terms.streaming else Step.OFFER)
        if terms.pipelining:
            self._write_all_steps(progress)
        else:
            self.write_next_step(progress)
        if terms.streaming:
            self.give_out_content(progress)

    def _write_all_steps(self, progress: Progress) -> None:
        steps, exchange = progress.steps, self._exchange
        exchange.out.append(b"".join([line for _, line in steps]))
        exchange.owed.extend([(awaited, progress) for awaited, _ in steps])
        if exchange.trace is not None:
            for awaited, line in steps:
                exchange.trace("C", line[:-2].decode(), awaited)

    def write_next_step(self, progress: Progress) -> None:
        """One by one: give out the next command."""
        awaited, line = progress.steps.popleft()
        self._exchange.say(line, awaited, progress)

    def give_out_content(self, progress: Progress) -> None:
        """Give out all of the content but its terminator, which is held from now on."""
        exchange = self._exchange
        exchange.out.extend(progress.chunks)
        self.held = progress
        if exchange.trace is not None:
            size = sum(map(len, progress.chunks))
            exchange.trace("C", f"({size} bytes of content)", Awaited.CONTENT)

    def release(self, token: int) -> None:
        """Give out the terminator of `token`, and the next transaction's commands behind it.

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
        """Hold the terminator of `token`, released last, again if its last byte is in `unsent`.

        Returns what is to be written now. The cases are those of the text above.
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

    # How it ends

    def settle(self, progress: Progress, outcome: Outcome) -> None:
        """The outcome of a transaction is known."""
        progress.move(Step.SETTLE)
        self.begun.remove(progress)
        self._exchange.events.append(outcome)
        if not self.begun and not self.queue:
            self._session.move(Happening.DRAINED)

    def return_queued(self, reason: str, reply: Reply | None) -> None:
        """Settle what was not begun: it is not sent."""
        for progress in self.queue:
            self._exchange.events.append(progress.cut_off(reason, reply, unprocessed=True))
        self.queue.clear()

    def end(self, failure: SmtpError | None) -> None:
        """Settle every transaction, and end the session."""
        reply = self.flags.closing
        reason = failure.message if failure is not None else "the session is over"
        unprocessed = reply is not None and self.flags.closed_by_server
        for progress in list(self.begun):
            outcome = progress.cut_off(reason, reply, unprocessed=unprocessed)
            self.settle(progress, outcome)
        self.return_queued(reason, reply)
        self.held = None
        self._session.end(failure)
