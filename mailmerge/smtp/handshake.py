"""From an open socket to a session that takes mail: greeting, EHLO, TLS, log-in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mailmerge.errors import AuthenticationRefused, LocalProtocolError, ServerRefused
from mailmerge.providers.explanations import explain
from mailmerge.providers.lookup import provider_of_host
from mailmerge.smtp.auth import Credentials, LogIn, choose_mechanisms
from mailmerge.smtp.connection import Connection
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.server import Server
from mailmerge.smtp.session import unexpected
from mailmerge.smtp.state import Awaited
from mailmerge.smtp.transport import Transport, connect, connect_unix, tls_context

_LATER: Final = "the server may take mail later; `send` again goes on"
_NO_SUCH_MECHANISM: Final = 504  # RFC 4954, 4: no password was looked at, so another may be tried


def reach(server: Server) -> Transport:
    """Connect, with TLS from the start where that is the security.

    Raises:
        ServerUnreachable: nobody answers there, or TLS failed.
        LocalProtocolError: LMTP on port 25 (RFC 2033, 5).
    """
    if server.socket:
        return connect_unix(server.socket)
    if server.protocol == "lmtp" and server.port == 25:
        raise LocalProtocolError("LMTP must not be used on port 25 (RFC 2033, 5)", code="lmtp-port")
    transport = connect(server.host, server.port)
    if server.security == "tls":
        transport.start_tls(tls_context(server.ca_file), server.host)
    return transport


class Handshake:
    """Asks one thing after the other; `ask` writes what is to be written and gives the reply."""

    def __init__(
        self, server: Server, connection: Connection, transport: Transport, ask: Callable[[], Reply]
    ) -> None:
        self._server = server
        self._connection = connection
        self._transport = transport
        self._ask = ask
        self._local_name = server.local_name or transport.local_name()

    def run(self, credentials: Credentials | None) -> None:
        """Greeting, EHLO, STARTTLS and EHLO again, log-in: each as far as it is wanted.

        Raises:
            ServerRefused: the server does not want this session, or has no STARTTLS.
            AuthenticationRefused: the log-in was refused, or must not be sent here.
            ServerUnreachable: the TLS handshake failed.
            SmtpError: whatever ended the connection meanwhile.
        """
        greeting = self._ask()
        if not greeting.positive:
            now = greeting.transient
            raise _refused(
                "does not take mail now" if now else "does not want this session", greeting
            )
        self._say_hello()
        if self._server.security == "starttls" and not self._server.socket:
            self._start_tls()
            self._say_hello()
        if credentials is not None:
            self._log_in(credentials)

    def _say_hello(self) -> None:
        self._connection.hello(self._local_name)
        reply = self._ask()
        if reply.permanent and self._server.protocol == "smtp":
            self._connection.hello(self._local_name, extended=False)
            reply = self._ask()
        if not reply.positive:
            raise _refused(f"did not like to be greeted by {self._local_name}", reply)

    def _start_tls(self) -> None:
        hint = 'check host and port; on port 465 set security = "tls"'
        if not self._connection.capabilities.starttls:
            raise ServerRefused(
                f"{self._server} does not offer STARTTLS, and nothing is sent in clear text",
                hint=hint,
                code="no-starttls",
            )
        self._connection.start_tls()
        reply = self._ask()
        if not reply.positive:
            raise _refused("did not start TLS, and nothing is sent in clear text", reply)
        self._transport.start_tls(tls_context(self._server.ca_file), self._server.host)
        self._connection.tls_started()

    def _log_in(self, credentials: Credentials) -> None:
        secure = self._transport.secure
        if not secure and not (self._transport.local and credentials.allow_plain_text):
            raise AuthenticationRefused(
                "the password was not sent, because this connection has no TLS",
                hint='set security = "tls" or "starttls"; plain_text_login is for a server '
                "on this machine",
                code="plain-text-login",
            )
        offered = self._connection.capabilities.auth
        reply, said = None, ""
        for mechanism in choose_mechanisms(credentials, offered, secure=secure):
            reply, said = self._try(mechanism, credentials)
            if reply.positive:
                return
            if reply.code != _NO_SUCH_MECHANISM:
                break
        assert reply is not None
        if reply.transient:
            raise _refused("could not check the log-in now", reply)
        raise AuthenticationRefused(
            f'the log-in as {credentials.username} was refused: "{reply}"{said}',
            hint=explain(
                reply.code,
                reply.text,
                provider=self._provider,
                step="token" if credentials.token else "login",
            ).action,
        )

    @property
    def _provider(self) -> str:
        service = provider_of_host(self._server.host)
        return service.name if service else ""

    def _try(self, mechanism: str, credentials: Credentials) -> tuple[Reply, str]:
        """One mechanism to its end; also what the server said about an OAuth 2 token."""
        log_in = LogIn(mechanism, credentials)
        self._connection.authenticate(mechanism, log_in.initial)
        reply, response = self._ask(), ""
        while reply.intermediate:
            if response == "*":
                raise unexpected(reply, Awaited.AUTH)
            response = log_in.answer(reply.text)
            self._connection.answer(response)
            reply = self._ask()
        if log_in.complaint is not None and not log_in.said:
            raise log_in.complaint
        return reply, f" ({log_in.said})" if log_in.said else ""


def _refused(what: str, reply: Reply) -> ServerRefused:
    transient = reply.transient
    return ServerRefused(
        f'the server {what}: "{reply}"',
        hint=_LATER if transient else "check [smtp]; the server's own words say why",
        code="refused-for-now" if transient else "refused",
    )
