"""An SMTP server on loopback that checks each access token with the authorization server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests import servers


@dataclass
class TokenServer:
    """What the server saw: the user and token of each log-in, and each recipient."""

    accepts: Callable[[str], bool]
    port: int = 0
    logins: list[tuple[str, str]] = field(default_factory=list)
    refused: int = 0
    recipients: list[str] = field(default_factory=list)

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        import base64

        if len(args) < 2:  # a long token comes after an empty challenge (RFC 4954, 4)
            response = await server.challenge_auth("", encode_to_b64=False)
        else:
            response = base64.b64decode(args[1])
        assert isinstance(response, bytes)
        user, bearer, *_ = response.decode().split("\x01")
        token = bearer.removeprefix("auth=Bearer ")
        self.logins.append((user.removeprefix("user="), token))
        if self.accepts(token):
            return AuthResult(success=True, auth_data=user)
        self.refused += 1
        return AuthResult(success=False, handled=False)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.recipients += envelope.rcpt_tos
        return "250 2.0.0 OK"


@contextmanager
def token_server(accepts: Callable[[str], bool]) -> Iterator[TokenServer]:
    """Run the server; `accepts` says whether a token is valid now."""
    handler = TokenServer(accepts, servers.free_port())
    options: dict[str, Any] = {
        "auth_require_tls": False,
        "auth_exclude_mechanism": ("LOGIN", "PLAIN"),
    }
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port, **options)
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()
