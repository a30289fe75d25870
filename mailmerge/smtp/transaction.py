"""A transaction goes in, an outcome comes out: the values on both sides of the engine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailmerge.smtp.command import Envelope
from mailmerge.smtp.reply import Reply


class Verdict(StrEnum):
    """What became of a transaction."""

    SENT = "sent"
    """2yz to the end of data: the server has taken responsibility (RFC 5321, 6.1)."""

    REJECTED = "rejected"
    """5yz, or it could not be sent to this server at all."""

    DEFERRED = "deferred"
    """4yz: the server did not take it now."""

    NOT_SENT = "not_sent"
    """Never transmitted: the terminator did not leave. It costs the message no attempt."""

    IN_DOUBT = "in_doubt"
    """The terminator may have reached the server, and no reply is known."""


class Stage(StrEnum):
    """Where in a session something was decided."""

    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Transaction:
    """One message for the people of one envelope; `token` is the caller's own name for it.

    `content` holds the octets of the message in order, with CRLF as the end of each line and
    without dot-stuffing. What comes again and again is looked at once where it is sealed
    (`smtp.content.seal`).
    """

    token: int
    envelope: Envelope
    content: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the transaction `token`, where that was decided, and by which reply.

    `refused` names the forward-paths that the server did not take, with its reply to each.
    `reason` says in words what no reply says: why nothing was sent, or how the connection ended.
    """

    token: int
    verdict: Verdict
    stage: Stage
    reply: Reply | None = None
    refused: tuple[tuple[str, Reply], ...] = ()
    reason: str = ""
