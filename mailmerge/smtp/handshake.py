"""From an open connection to a session that takes mail: greeting, EHLO, TLS, log-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mailmerge.smtp.auth import Credentials, LogIn, choose_mechanisms
from mailmerge.smtp.errors import AuthenticationRefused, LocalProtocolError, ServerRefused
from mailmerge.smtp.exchange import unexpected
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.server import Server
from mailmerge.smtp.session import Session
from mailmerge.smtp.state import Awaited, Stage
from mailmerge.smtp.transport import Transport

_NO_SUCH_MECHANISM: Final = 504  # RFC 4954, 4: no password was looked at, so another may be tried


def reach(server: Server, connect: Callable[[Server], Transport]) -> Transport:
    """Connect, with TLS from the start where that is the security.

    Raises:
        ServerUnreachable: no server answers there, or TLS failed.
        LocalProtocolError: LMTP on port 25 (RFC 2033, 5).
    """
    if server.protocol == "lmtp" and server.port == 25 and not server.socket:
        raise LocalProtocolError("LMTP must not be used on port 25 (RFC 2033, 5)", code="lmtp-port")
    transport = connect(server)
    if server.security == "tls" and not server.socket:
        transport.start_tls(server.host, server.ca_file)
    return transport


class Handshake:
    """Asks one thing after the other; `ask` writes the pending commands and returns the reply."""

    def __init__(
        self, server: Server, session: Session, transport: Transport, ask: Callable[[], Reply]
    ) -> None:
        self._server = server
        self._session = session
        self._transport = transport
        self._ask = ask
        self._local_name = server.local_name or transport.info.local_name

    def run(self, credentials: Credentials | None) -> None:
        """Greeting, EHLO, STARTTLS and EHLO again, log-in: each as far as it is wanted.

        Raises:
            ServerRefused: the server refuses this session, or has no STARTTLS.
            AuthenticationRefused: the log-in was refused, or must not be sent here.
            ServerUnreachable: the TLS handshake failed.
            SmtpError: what ended the connection meanwhile.
        """
        greeting = self._ask()
        if not greeting.positive:
            refuses = "does not take mail now" if greeting.transient else "refuses this session"
            raise _refused(refuses, greeting, Stage.GREETING)
        self._say_hello()
        if self._server.security == "starttls" and not self._server.socket:
            self._start_tls()
            self._say_hello()
        if credentials is not None:
            self._log_in(credentials)

    def _say_hello(self) -> None:
        self._session.hello(self._local_name)
        reply = self._ask()
        if reply.permanent and self._server.protocol == "smtp":
            self._session.hello(self._local_name, extended=False)
            reply = self._ask()
        if not reply.positive:
            raise _refused(f"refuses the name {self._local_name} in EHLO", reply, Stage.EHLO)

    def _start_tls(self) -> None:
        if not self._session.capabilities.starttls:
            raise ServerRefused(
                f"{self._server} does not offer STARTTLS, and nothing is sent in clear text",
                code="no-starttls",
                stage=Stage.TLS,
            )
        self._session.start_tls()
        reply = self._ask()
        if not reply.positive:
            raise _refused("did not start TLS, and nothing is sent in clear text", reply, Stage.TLS)
        self._transport.start_tls(self._server.host, self._server.ca_file)
        self._session.tls_started()

    def _log_in(self, credentials: Credentials) -> None:
        info = self._transport.info
        if not info.secure and not (info.local and credentials.allow_plain_text):
            raise AuthenticationRefused(
                "the password was not sent, because this connection has no TLS",
                code="plain-text-login",
                stage=Stage.AUTH,
            )
        offered = self._session.capabilities.auth
        reply, said = None, ""
        for mechanism in choose_mechanisms(credentials, offered, secure=info.secure):
            reply, said = self._try(mechanism, credentials)
            if reply.positive:
                return
            if reply.code != _NO_SUCH_MECHANISM:
                break
        assert reply is not None
        if reply.transient:
            raise _refused("could not check the log-in now", reply, Stage.AUTH)
        raise AuthenticationRefused(
            f'the log-in as {credentials.username} was refused: "{reply}"{said}',
            code="token-refused" if credentials.token else "",
            reply=reply,
            stage=Stage.AUTH,
            awaited=Awaited.AUTH,
        )

    def _try(self, mechanism: str, credentials: Credentials) -> tuple[Reply, str]:
        """One mechanism to its end; also what the server said about an OAuth 2 token."""
        log_in = LogIn(mechanism, credentials)
        self._session.authenticate(mechanism, log_in.initial)
        reply, response = self._ask(), ""
        while reply.intermediate:
            if response == "*":
                raise unexpected(reply, Awaited.AUTH)
            response = log_in.answer(reply.text)
            self._session.answer(response)
            reply = self._ask()
        if log_in.complaint is not None and not log_in.said:
            raise log_in.complaint
        return reply, f" ({log_in.said})" if log_in.said else ""


def _refused(what: str, reply: Reply, stage: Stage) -> ServerRefused:
    return ServerRefused(
        f'the server {what}: "{reply}"',
        code="refused-for-now" if reply.transient else "refused",
        reply=reply,
        stage=stage,
    )
