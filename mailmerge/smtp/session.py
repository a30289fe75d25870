"""The session: greeting, EHLO, STARTTLS, AUTH, QUIT, and an envelope that is only tried. Sans-IO.

It gives its commands to the `Exchange`; `Connection` reads the replies and hands them to
`answered`. Nothing here raises for what the server does except through `answered`: a failure is the
state CLOSED, and `failure` says why.
"""

from __future__ import annotations

from mailmerge.smtp.capabilities import Capabilities, parse_capabilities
from mailmerge.smtp.command import MAX_AUTH_LINE, command_line, hello_line
from mailmerge.smtp.errors import LocalProtocolError, RemoteProtocolError, SmtpError
from mailmerge.smtp.exchange import HIDDEN, Answered, Exchange, closing_error, unexpected
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.state import SESSION, Awaited, Happening, SessionFlags, State
from mailmerge.smtp.terms import Terms, Wants


class Session:
    """One session of one connection.

    `state` is where it is, `terms` what the last EHLO has settled, and `failure` why it ended: None
    while it goes on, and after QUIT.
    """

    def __init__(self, exchange: Exchange, wants: Wants) -> None:
        self.state = State.GREETING
        self.terms = Terms()
        self.failure: SmtpError | None = None
        self._exchange = exchange
        self._wants = wants
        self._flags = SessionFlags()
        self._extended = True

    @property
    def closed(self) -> bool:
        """Whether the session is over."""
        return self.state is State.CLOSED

    @property
    def capabilities(self) -> Capabilities:
        """What the server offers; empty before EHLO."""
        return self.terms.capabilities

    # Commands

    def hello(self, local_name: str, *, extended: bool = True) -> None:
        """Say EHLO (LHLO in LMTP), or HELO where `extended` is False.

        Raises:
            LocalProtocolError: the name is no domain or address literal, or it is not permitted
                now.
        """
        verb = "LHLO" if self._wants.lmtp else "EHLO" if extended else "HELO"
        line = hello_line(verb, local_name)
        self.move(Happening.HELLO)
        self._extended = extended
        self._exchange.say(line, Awaited.HELLO)

    def start_tls(self) -> None:
        """Say STARTTLS (RFC 3207); after its 220, make the handshake and call `tls_started`.

        Raises:
            LocalProtocolError: TLS was started before, or it is not permitted now.
        """
        if self._flags.secured:
            raise LocalProtocolError("TLS was started before (RFC 3207, 4.2)")
        self.move(Happening.STARTTLS)
        self._exchange.say(b"STARTTLS\r\n", Awaited.STARTTLS)

    def tls_started(self) -> None:
        """The handshake is done: what was known of the server is forgotten (RFC 3207, 4.2).

        Raises:
            LocalProtocolError: no handshake was due.
        """
        self.move(Happening.SECURED)
        self._flags.secured = True
        self.terms = Terms()

    def authenticate(self, mechanism: str, initial_response: str | None) -> None:
        """Say AUTH, with an initial response in base64 where there is one (RFC 4954, 4).

        Raises:
            LocalProtocolError: it was successful before, a line is too long, or it is not permitted
                now.
        """
        if self._flags.authenticated:
            raise LocalProtocolError("AUTH was successful before (RFC 4954, 4)")
        secret = "" if initial_response is None else f" {initial_response or '='}"
        line = command_line(f"AUTH {mechanism}{secret}", MAX_AUTH_LINE)
        self.move(Happening.AUTH)
        shown = f"AUTH {mechanism} {HIDDEN}" if secret else f"AUTH {mechanism}"
        self._exchange.say(line, Awaited.AUTH, shown=shown)

    def answer(self, response: str) -> None:
        """Answer a challenge of AUTH with base64, or with `*` to cancel.

        Raises:
            LocalProtocolError: the line is too long, or there is no challenge.
        """
        line = command_line(response, MAX_AUTH_LINE)
        self.move(Happening.ANSWER)
        self._exchange.say(line, Awaited.AUTH, shown=response if response == "*" else HIDDEN)

    def probe(self, line: bytes, awaited: Awaited) -> None:
        """Say MAIL, RCPT or RSET by itself, without a message (`probe.Probe` makes the lines).

        Raises:
            LocalProtocolError: it is not permitted now.
        """
        self.move(Happening.RESET if awaited is Awaited.RSET else Happening.PROBE)
        self._exchange.say(line, awaited)

    def quit(self) -> None:
        """Say QUIT.

        Raises:
            LocalProtocolError: it is not permitted now.
        """
        self.move(Happening.QUIT)
        self._exchange.say(b"QUIT\r\n", Awaited.QUIT)

    # Replies

    def listens(self) -> bool:
        """Whether the next reply may be read now.

        Raises:
            RemoteProtocolError: bytes came in clear text behind the reply to STARTTLS. Read after
                the handshake they would seem protected (CVE-2011-0411).
        """
        if self.state is State.TLS_HANDSHAKE and not self._exchange.reader.empty:
            raise RemoteProtocolError(
                "the server sent more after its reply to STARTTLS, before TLS was there",
                code="starttls-injection",
                awaited=Awaited.STARTTLS,
            )
        return self.state is not State.CLOSED

    def answered(self, awaited: Awaited, reply: Reply) -> None:
        """Take the reply to a command of the session.

        Raises:
            RemoteProtocolError: its first digit has no meaning there.
        """
        if awaited is Awaited.HELLO and reply.positive:  # only the last EHLO counts (5321, 4.1.4)
            offered = parse_capabilities(reply) if self._extended else Capabilities()
            self.terms = Terms.agreed(self._wants, offered)
        if awaited is Awaited.AUTH and reply.positive:
            self._flags.authenticated = True
        self._move_by(awaited, reply)
        self._exchange.events.append(Answered(awaited, reply))
        if reply.closing:
            self.end(closing_error(reply))

    def end(self, failure: SmtpError | None) -> None:
        """End the session; a failure that is known is kept. Transactions are settled before."""
        if failure is not None:
            self.failure = failure
        self.state = State.CLOSED
        self._exchange.stop()

    # States

    def move(self, happening: Happening) -> None:
        """Go where the table says, because of something that we do.

        Raises:
            LocalProtocolError: it is not permitted now.
        """
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
            self.end(None)
