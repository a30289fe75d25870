"""From an open connection to a session that accepts mail: greeting, EHLO, TLS, log-in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, TypeAlias

from mailmerge.smtp.auth import Credentials, LogIn, choose_mechanisms
from mailmerge.smtp.errors import AuthenticationRefused, LocalProtocolError, ServerRefused
from mailmerge.smtp.exchange import unexpected
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.server import Server
from mailmerge.smtp.session import Session
from mailmerge.smtp.state import Awaited, Stage
from mailmerge.smtp.transport import Transport

LoginTurn: TypeAlias = Callable[[], AbstractContextManager[object]]
"""Makes a context for one log-in: entered before the first command of AUTH, left after the last
reply. It may wait; an error that it raises on entry ends the attempt before any secret is sent."""

_NO_SUCH_MECHANISM: Final = 504  # RFC 4954, 4: no password was checked, so another may be tried


def connect_transport(server: Server, connect: Callable[[Server], Transport]) -> Transport:
    """Connect, and start TLS at once if the server's security is "tls".

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
    """Runs the steps one by one; `ask` writes the pending commands and returns the reply."""

    def __init__(
        self, server: Server, session: Session, transport: Transport, ask: Callable[[], Reply]
    ) -> None:
        self._server = server
        self._session = session
        self._transport = transport
        self._ask = ask
        self._local_name = server.local_name or transport.info.local_name

    def run(self, credentials: Credentials | None, login_turn: LoginTurn) -> None:
        """Read the greeting, send EHLO, then STARTTLS and EHLO again, then log in.

        STARTTLS and the log-in are left out if the settings do not ask for them. The log-in happens
        inside a context of `login_turn`.

        Raises:
            ServerRefused: the server refuses this session, or does not offer STARTTLS.
            AuthenticationRefused: the server refused the log-in, or it must not be sent there.
            ServerUnreachable: the TLS handshake failed.
            SmtpError: the connection ended meanwhile.
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
            with login_turn():
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
        # Some servers repeat in a refusal what they were sent.
        for secret in (credentials.password, credentials.token):
            self._session.secrets.add(secret)
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
        """Run one mechanism. Returns the last reply, and the server's error about a token."""
        log_in = LogIn(mechanism, credentials)
        self._session.authenticate(mechanism, log_in.initial)
        reply, response = self._ask(), ""
        while reply.intermediate:
            if response == "*":
                raise unexpected(reply, Awaited.AUTH)
            response = log_in.answer(reply.text)
            self._session.answer(response)
            reply = self._ask()
        if log_in.protocol_error is not None and not log_in.token_error:
            raise log_in.protocol_error
        said = self._session.secrets.cut(log_in.token_error)
        return reply, f" ({said})" if said else ""


def _refused(what: str, reply: Reply, stage: Stage) -> ServerRefused:
    return ServerRefused(
        f'the server {what}: "{reply}"',
        code="refused-for-now" if reply.transient else "refused",
        reply=reply,
        stage=stage,
    )
