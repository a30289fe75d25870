"""The session without its transactions: greeting, EHLO, STARTTLS, AUTH, QUIT. Sans-IO.

Octets of the server go into `receive_data`, events come out of `events`; octets for the server come
out of `data_to_send`. Replies belong to commands by counting, and by nothing else (RFC 2920, 3.1).
Nothing here raises for what the server does: a failure is the state CLOSED and `failure` says why.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from mailmerge.smtp.capabilities import Capabilities, parse_capabilities
from mailmerge.smtp.command import MAX_AUTH_LINE, command_line, hello_line
from mailmerge.smtp.errors import (
    ConnectionLost,
    LocalProtocolError,
    RemoteProtocolError,
    ServerRefused,
    SmtpError,
)
from mailmerge.smtp.reader import ReplyReader
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.state import SESSION, Awaited, Happening, State
from mailmerge.smtp.transaction import Outcome

Octets: TypeAlias = bytes | memoryview
Trace: TypeAlias = Callable[[str, str, Awaited | None], None]
"""Called with "C" or "S", one line of the dialogue, and the reply that it asks for or belongs to
(None for a reply to nothing); secrets are hidden before."""

HIDDEN: Final = "****"


@dataclass(frozen=True, slots=True)
class Answered:
    """The reply to one command of the session."""

    awaited: Awaited
    reply: Reply


Event: TypeAlias = Answered | Outcome


class Session:
    """One session of one connection; `protocol` is "smtp" or "lmtp" (RFC 2033)."""

    def __init__(self, *, protocol: str = "smtp", trace: Trace | None = None) -> None:
        self.state = State.GREETING
        self.capabilities = Capabilities()
        self.failure: SmtpError | None = None
        self.replies = 0
        self._lmtp = protocol == "lmtp"
        self._trace = trace
        self._reader = ReplyReader()
        self._awaiting: deque[tuple[Awaited, Any]] = deque([(Awaited.GREETING, None)])
        self._out: list[Octets] = []
        self._events: list[Event] = []
        self._closed_by_server = False
        self._secured = False
        self._authenticated = False

    @property
    def closed(self) -> bool:
        """Whether the session is over; `failure` says why, or None after QUIT."""
        return self.state is State.CLOSED

    @property
    def awaited(self) -> Awaited | None:
        """Which reply comes next, or None where the server owes none."""
        return self._awaiting[0][0] if self._awaiting else None

    def events(self) -> list[Event]:
        """What has happened since the last call, in order."""
        events, self._events = self._events, []
        return events

    def data_to_send(self) -> list[Octets]:
        """The octets to write now, in chunks that are never copied."""
        out, self._out = self._out, []
        return out

    def hello(self, local_name: str, *, extended: bool = True) -> None:
        """Say EHLO (LHLO in LMTP), or HELO where `extended` is False.

        Raises:
            LocalProtocolError: the name is no domain or address literal, or it is not the time.
        """
        verb = "LHLO" if self._lmtp else "EHLO" if extended else "HELO"
        line = hello_line(verb, local_name)
        self._move(Happening.HELLO)
        self._say(line, Awaited.HELLO, context=extended)

    def start_tls(self) -> None:
        """Say STARTTLS (RFC 3207).

        Raises:
            LocalProtocolError: TLS is there already, or it is not the time.
        """
        if self._secured:
            raise LocalProtocolError("TLS was started before (RFC 3207, 4.2)")
        self._move(Happening.STARTTLS)
        self._say(b"STARTTLS\r\n", Awaited.STARTTLS)

    def tls_started(self) -> None:
        """The handshake is done: all that was known of the server is forgotten (RFC 3207, 4.2)."""
        self._move(Happening.SECURED)
        self._secured = True
        self._learn(Capabilities())

    def authenticate(self, mechanism: str, initial_response: str | None) -> None:
        """Say AUTH, with an initial response in base64 where there is one (RFC 4954, 4).

        Raises:
            LocalProtocolError: it was done before, a line is too long, or it is not the time.
        """
        if self._authenticated:
            raise LocalProtocolError("AUTH was successful before (RFC 4954, 4)")
        secret = "" if initial_response is None else f" {initial_response or '='}"
        line = command_line(f"AUTH {mechanism}{secret}", MAX_AUTH_LINE)
        self._move(Happening.AUTH)
        shown = f"AUTH {mechanism} {HIDDEN}" if secret else f"AUTH {mechanism}"
        self._say(line, Awaited.AUTH, shown=shown)

    def answer(self, response: str) -> None:
        """Answer a challenge of AUTH with base64, or with `*` to give up.

        Raises:
            LocalProtocolError: the line is too long, or nothing was asked.
        """
        line = command_line(response, MAX_AUTH_LINE)
        self._move(Happening.ANSWER)
        self._say(line, Awaited.AUTH, shown=response if response == "*" else HIDDEN)

    def quit(self) -> None:
        """Say QUIT.

        Raises:
            LocalProtocolError: it is not the time.
        """
        self._move(Happening.QUIT)
        self._say(b"QUIT\r\n", Awaited.QUIT)

    def receive_data(self, octets: bytes) -> None:
        """Take what the server sent; no octets mean that it has closed the connection."""
        if self.closed:
            return
        if not octets:
            self._closed_by_server = True
            self.connection_lost("the server closed the connection")
            return
        self._reader.feed(octets)
        try:
            self._read_replies()
        except RemoteProtocolError as error:
            self._end(error)

    def _read_replies(self) -> None:
        next_reply, awaiting = self._reader.next_reply, self._awaiting
        trace = self._trace
        while self.state is State.READY or self._listens():
            reply = next_reply()
            if reply is None:
                return
            self.replies += 1
            if trace is not None:
                for line in trace_lines(reply):
                    trace("S", line, awaiting[0][0] if awaiting else None)
            if awaiting:
                awaited, context = awaiting.popleft()
                self._answered(awaited, context, reply)
            else:
                self._unasked(reply)

    def _listens(self) -> bool:
        if self.state is State.TLS_HANDSHAKE and not self._reader.empty:
            raise RemoteProtocolError(
                "the server sent more after its reply to STARTTLS, before TLS was there",
                code="starttls-injection",
            )
        return not self.closed

    def connection_lost(self, reason: str) -> None:
        """The connection has broken, or is given up; all that lay in its buffers was read before.

        That the server has closed it in order is told to `receive_data`.
        """
        if not self.closed:
            self._end(ConnectionLost(reason))

    def _end(self, failure: SmtpError | None) -> None:
        """Settle what is open. The transactions add theirs to it."""
        if failure is not None and self.failure is None:
            self.failure = failure
        self.state = State.CLOSED
        self._awaiting.clear()
        self._out.clear()

    def _learn(self, capabilities: Capabilities) -> None:
        """Only the last EHLO counts (RFC 5321, 4.1.4)."""
        self.capabilities = capabilities

    def _answered(self, awaited: Awaited, context: Any, reply: Reply) -> None:
        """Decide what one reply to one command means."""
        if awaited is Awaited.HELLO and reply.positive:
            self._learn(parse_capabilities(reply) if context else Capabilities())
        if awaited is Awaited.AUTH and reply.positive:
            self._authenticated = True
        self._move_by(awaited, reply)
        self._events.append(Answered(awaited, reply))
        if reply.closing:
            self._end(closing_error(reply))

    def _unasked(self, reply: Reply) -> None:
        """A reply to nothing: the server closes an idle connection, or the count is lost."""
        if reply.closing:
            self._end(closing_error(reply))
            return
        raise RemoteProtocolError(f'the server sent a reply to nothing: "{reply}"', code="miscount")

    def _move(self, happening: Happening) -> None:
        """A command of ours: it must be permitted now."""
        state = SESSION.get((self.state, happening))
        if state is None:
            raise LocalProtocolError(f"{happening} is not permitted while {self.state}")
        self.state = state

    def _move_by(self, awaited: Awaited, reply: Reply) -> None:
        happening = (
            Happening.POSITIVE
            if reply.positive
            else Happening.INTERMEDIATE
            if reply.intermediate
            else Happening.NEGATIVE
        )
        state = SESSION.get((self.state, happening))
        if state is None:
            raise unexpected(reply, awaited)
        self.state = state
        if state is State.CLOSED:
            self._end(None)

    def _say(
        self, line: bytes, awaited: Awaited, *, context: object = None, shown: str = ""
    ) -> None:
        self._out.append(line)
        self._awaiting.append((awaited, context))
        if self._trace is not None:
            self._trace("C", shown or line[:-2].decode(), awaited)


def trace_lines(reply: Reply) -> Sequence[str]:
    """A reply as its lines were on the wire."""
    *before, last = reply.lines
    return [*(f"{reply.code}-{line}" for line in before), f"{reply.code} {last}".rstrip()]


def unexpected(reply: Reply, awaited: str) -> RemoteProtocolError:
    """The server answered with a digit that has no meaning there."""
    return RemoteProtocolError(f'"{reply}" cannot be {awaited}', code="unexpected-reply")


def closing_error(reply: Reply) -> ServerRefused:
    """421: the server ends the session."""
    return ServerRefused(f'the server closes the connection: "{reply}"', code="closing")
