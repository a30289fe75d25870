"""The session: greeting, EHLO, STARTTLS, AUTH, QUIT, and probing an envelope. Sans-IO.

A session hands its commands to the `Exchange`. `Connection` reads the replies and passes them to
`answered`. Only `answered` and `listens` raise because of what the server does. After a failure the
state is CLOSED, and `failure` holds the reason.
"""

from __future__ import annotations

from mailmerge.smtp.capabilities import Capabilities, parse_capabilities
from mailmerge.smtp.command import MAX_AUTH_LINE, command_line, hello_line
from mailmerge.smtp.errors import LocalProtocolError, RemoteProtocolError, SmtpError
from mailmerge.smtp.exchange import HIDDEN, Answered, Exchange, closing_error, unexpected
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.secrets import Secrets
from mailmerge.smtp.state import SESSION, Awaited, SessionFlags, State, Trigger
from mailmerge.smtp.terms import Preferences, Terms


class Session:
    """The session of one connection.

    Attributes:
        state: the state (state.SESSION).
        terms: what the last EHLO has settled.
        failure: why the session ended; None while it is open, and after QUIT.
    """

    def __init__(self, exchange: Exchange, preferences: Preferences) -> None:
        self.state = State.GREETING
        self.terms = Terms()
        self.failure: SmtpError | None = None
        self._exchange = exchange
        self._preferences = preferences
        self._flags = SessionFlags()
        self._extended = True

    @property
    def closed(self) -> bool:
        """Whether the session is over."""
        return self.state is State.CLOSED

    @property
    def capabilities(self) -> Capabilities:
        """The extensions that the server offers; empty before EHLO."""
        return self.terms.capabilities

    @property
    def secrets(self) -> Secrets:
        """What is cut out of everything that the server says."""
        return self._exchange.reader.secrets

    # --- commands

    def hello(self, local_name: str, *, extended: bool = True) -> None:
        """Send EHLO (LHLO in LMTP), or HELO if `extended` is False.

        Raises:
            LocalProtocolError: the name is neither a domain nor an address literal, or the command
                is not permitted now.
        """
        verb = "LHLO" if self._preferences.lmtp else "EHLO" if extended else "HELO"
        line = hello_line(verb, local_name)
        self.move(Trigger.HELLO)
        self._extended = extended
        self._exchange.send(line, Awaited.HELLO)

    def start_tls(self) -> None:
        """Send STARTTLS (RFC 3207). After the 220, make the handshake and call `tls_started`.

        Raises:
            LocalProtocolError: TLS was started before, or the command is not permitted now.
        """
        if self._flags.secured:
            raise LocalProtocolError("TLS was started before (RFC 3207, 4.2)")
        self.move(Trigger.STARTTLS)
        self._exchange.send(b"STARTTLS\r\n", Awaited.STARTTLS)

    def tls_started(self) -> None:
        """Note that the handshake is done, and forget the server's extensions (RFC 3207, 4.2).

        Raises:
            LocalProtocolError: no handshake was due.
        """
        self.move(Trigger.SECURED)
        self._flags.secured = True
        self.terms = Terms()

    def authenticate(self, mechanism: str, initial_response: str | None) -> None:
        """Send AUTH, with an initial response in base64 unless that is None (RFC 4954, 4).

        Raises:
            LocalProtocolError: AUTH succeeded before, the line is too long, or the command is not
                permitted now.
        """
        if self._flags.authenticated:
            raise LocalProtocolError("AUTH was successful before (RFC 4954, 4)")
        secret = "" if initial_response is None else f" {initial_response or '='}"
        line = command_line(f"AUTH {mechanism}{secret}", MAX_AUTH_LINE)
        self.move(Trigger.AUTH)
        self.secrets.add_sent(initial_response or "")
        shown = f"AUTH {mechanism} {HIDDEN}" if secret else f"AUTH {mechanism}"
        self._exchange.send(line, Awaited.AUTH, shown=shown)

    def answer(self, response: str) -> None:
        """Answer a challenge of AUTH with base64, or cancel it with `*`.

        Raises:
            LocalProtocolError: the line is too long, or there is no challenge.
        """
        line = command_line(response, MAX_AUTH_LINE)
        self.move(Trigger.ANSWER)
        self.secrets.add_sent(response)
        self._exchange.send(line, Awaited.AUTH, shown=response if response == "*" else HIDDEN)

    def probe(self, line: bytes, awaited: Awaited) -> None:
        """Send MAIL, RCPT or RSET without a message (`probe.Probe` makes the lines).

        Raises:
            LocalProtocolError: the command is not permitted now.
        """
        self.move(Trigger.RESET if awaited is Awaited.RSET else Trigger.PROBE)
        self._exchange.send(line, awaited)

    def quit(self) -> None:
        """Send QUIT.

        Raises:
            LocalProtocolError: QUIT is not permitted now.
        """
        self.move(Trigger.QUIT)
        self._exchange.send(b"QUIT\r\n", Awaited.QUIT)

    # --- replies

    def listens(self) -> bool:
        """Whether the next reply may be read now.

        Raises:
            RemoteProtocolError: the server sent bytes in clear text after its reply to STARTTLS.
                Read after the handshake, they would seem to be protected (CVE-2011-0411).
        """
        if self.state is State.TLS_HANDSHAKE and not self._exchange.reader.empty:
            raise RemoteProtocolError(
                "the server sent more after its reply to STARTTLS, before TLS started",
                code="starttls-injection",
                awaited=Awaited.STARTTLS,
            )
        return self.state is not State.CLOSED

    def answered(self, awaited: Awaited, reply: Reply) -> None:
        """Apply the reply to a command of the session.

        Raises:
            RemoteProtocolError: its first digit has no meaning at this point.
        """
        if awaited is Awaited.HELLO and reply.positive:  # only the last EHLO counts (5321, 4.1.4)
            offered = parse_capabilities(reply) if self._extended else Capabilities()
            self.terms = Terms.agreed(self._preferences, offered)
        if awaited is Awaited.AUTH and reply.positive:
            self._flags.authenticated = True
        self._move_by(awaited, reply)
        self._exchange.events.append(Answered(awaited, reply))
        if reply.closing:
            self.end(closing_error(reply))

    def end(self, failure: SmtpError | None) -> None:
        """End the session. None keeps a known failure. The caller settles transactions first."""
        if failure is not None:
            self.failure = failure
        self.state = State.CLOSED
        self._exchange.stop()

    # --- states

    def move(self, trigger: Trigger) -> None:
        """Change the state as state.SESSION says, because of something that the client does.

        Raises:
            LocalProtocolError: the table does not permit it in this state.
        """
        state = SESSION.get((self.state, trigger))
        if state is None:
            raise LocalProtocolError(f"{trigger} is not permitted while {self.state}")
        self.state = state

    def _move_by(self, awaited: Awaited, reply: Reply) -> None:
        trigger = (
            Trigger.POSITIVE
            if reply.positive
            else Trigger.INTERMEDIATE
            if reply.intermediate
            else Trigger.NEGATIVE
        )
        state = SESSION.get((self.state, trigger))
        if state is None:
            raise unexpected(reply, awaited)
        self.state = state
        if state is State.CLOSED:
            self.end(None)
