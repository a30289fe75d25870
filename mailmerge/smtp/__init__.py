"""An SMTP client library: the protocol without I/O, and a client that adds the I/O.

    from mailmerge.smtp import Client, Envelope, Server, Transaction

`Client` sends over a socket. `Connection` is only the protocol: it takes the bytes of the server,
and returns events and the bytes to write. It has no socket, no clock and no thread, so any program
can drive it (docs/sansio.md). The public names are those in `__all__` and the errors of
`mailmerge.smtp.errors`. The library imports nothing of mailmerge except `mailmerge.octets`.
"""

from __future__ import annotations

from mailmerge.smtp import errors
from mailmerge.smtp.auth import Credentials, CredentialSource
from mailmerge.smtp.capabilities import Capabilities
from mailmerge.smtp.client import Client
from mailmerge.smtp.connection import Connection
from mailmerge.smtp.content import check_content
from mailmerge.smtp.exchange import Answered
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.server import Server
from mailmerge.smtp.state import Awaited, Stage
from mailmerge.smtp.timeouts import TIMEOUTS
from mailmerge.smtp.transaction import Envelope, Outcome, Transaction, Verdict
from mailmerge.smtp.transport import SocketTransport, Transport, TransportInfo

__all__ = [
    "TIMEOUTS",
    "Answered",
    "Awaited",
    "Capabilities",
    "Client",
    "Connection",
    "CredentialSource",
    "Credentials",
    "Envelope",
    "Outcome",
    "Reply",
    "Server",
    "SocketTransport",
    "Stage",
    "Transaction",
    "Transport",
    "TransportInfo",
    "Verdict",
    "check_content",
    "errors",
]
