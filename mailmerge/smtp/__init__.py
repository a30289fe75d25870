"""An SMTP client library: the protocol without I/O, and one client that does the I/O for it.

    from mailmerge.smtp import Client, Envelope, Server, Transaction

`Client` sends over a socket. `Connection` is the protocol alone: bytes of the server go in, events
and bytes for the server come out; it has no socket, no clock and no thread, so that any program may
drive it (docs/sansio.md). The names below are the public ones, with the errors of
`mailmerge.smtp.errors`. The library imports nothing of mailmerge but `mailmerge.octets`.
"""

from __future__ import annotations

from mailmerge.smtp import errors
from mailmerge.smtp.auth import Credentials
from mailmerge.smtp.capabilities import Capabilities
from mailmerge.smtp.client import Client
from mailmerge.smtp.connection import Connection
from mailmerge.smtp.content import check_content
from mailmerge.smtp.exchange import Answered
from mailmerge.smtp.patience import TIMEOUTS
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.server import Server
from mailmerge.smtp.state import Awaited, Stage
from mailmerge.smtp.transaction import Envelope, Outcome, Transaction, Verdict
from mailmerge.smtp.transport import SocketTransport, Transport, TransportInfo

__all__ = [
    "TIMEOUTS",
    "Answered",
    "Awaited",
    "Capabilities",
    "Client",
    "Connection",
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
