"""What can go wrong between a client and a server, as exceptions with plain fields.

SmtpError                      anything below
├── LocalProtocolError         the caller asked for what the protocol forbids; nothing was written
├── RemoteProtocolError        the server sent what the protocol forbids
├── ServerUnreachable          no connection: name, port, network, TLS
├── ServerRefused              the server answered, and refuses this session
├── AuthenticationRefused      the log-in was refused, or must not be sent here
└── ConnectionLost             an open connection ended, or a reply did not come in time

The fields are facts. Advice for a user, and what an error means for a program that sends, are the
caller's.
"""

from __future__ import annotations

from typing import ClassVar

from mailmerge.smtp.reply import Reply
from mailmerge.smtp.state import Awaited, Stage


class SmtpError(Exception):
    """Something went wrong between the client and the server; `str()` of it is `message`.

    `message` is one line. `code` names the kind of error and does not change. `reply` is the
    server's reply where one is the reason, `stage` says where in the session it happened, and
    `awaited` which reply was due; each is None where it is not known.
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
    """The server sent something that the protocol forbids; the connection is of no more use."""

    default_code = "remote-protocol"


class ServerUnreachable(SmtpError):
    """No connection was made: name, port, network or TLS."""

    default_code = "unreachable"


class ServerRefused(SmtpError):
    """The server answered and refuses this session, now or always."""

    default_code = "refused"


class AuthenticationRefused(SmtpError):
    """The log-in was refused; trying again would only lock the account (RFC 4954, 6)."""

    default_code = "login-refused"


class ConnectionLost(SmtpError):
    """An open connection ended, or a reply did not come in time."""

    default_code = "connection-lost"
