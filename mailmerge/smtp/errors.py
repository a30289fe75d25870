"""The errors between a client and a server, with plain fields.

SmtpError                      any of the following
├── LocalProtocolError         the caller asked for what the protocol forbids; nothing was written
├── RemoteProtocolError        the server sent what the protocol forbids
├── ServerUnreachable          no connection: name, port, network, TLS
├── ServerRefused              the server answered, and refuses this session
├── AuthenticationRefused      the server refused the log-in, or it must not be sent there
└── ConnectionLost             an open connection ended, or a reply did not come in time

The fields are facts. The caller adds advice for its users, and decides what an error means for a
program that sends.
"""

from __future__ import annotations

from typing import ClassVar

from mailmerge.smtp.reply import Reply
from mailmerge.smtp.state import Awaited, Stage


class SmtpError(Exception):
    """An error between the client and the server; `str()` of it is `message`.

    Attributes:
        message: one line of text.
        code: the kind of error, for programs; it does not change between versions.
        reply: the server's reply if one is the reason, else None.
        stage: the stage of the session, or None if it is not known.
        awaited: the reply that was due, or None if it is not known.
    """

    default_code: ClassVar[str] = "smtp"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        reply: Reply | None = None,
        stage: Stage | None = None,
        awaited: Awaited | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.reply = reply
        self.stage = stage
        self.awaited = awaited


class LocalProtocolError(SmtpError):
    """The caller asked for something that the protocol forbids; nothing was written."""

    default_code = "local-protocol"


class RemoteProtocolError(SmtpError):
    """The server sent something that the protocol forbids; the connection cannot be used again."""

    default_code = "remote-protocol"


class ServerUnreachable(SmtpError):
    """No connection was made: name, port, network or TLS."""

    default_code = "unreachable"


class ServerRefused(SmtpError):
    """The server answered and refuses this session, for now or for good."""

    default_code = "refused"


class AuthenticationRefused(SmtpError):
    """The log-in was refused; trying again would only lock the account (RFC 4954, 6)."""

    default_code = "login-refused"


class ConnectionLost(SmtpError):
    """An open connection ended, or a reply did not come in time."""

    default_code = "connection-lost"
