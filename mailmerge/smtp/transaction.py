"""A transaction goes in, an outcome comes out: the values on both sides of a connection."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailmerge.smtp.reply import Reply
from mailmerge.smtp.state import Stage


class Verdict(StrEnum):
    """The result of a transaction."""

    SENT = "sent"
    """2yz to the end of data: the server has taken responsibility (RFC 5321, 6.1)."""

    REJECTED = "rejected"
    """5yz, or it could not be sent to this server at all."""

    DEFERRED = "deferred"
    """4yz: the server did not take it now."""

    NOT_SENT = "not_sent"
    """Never transmitted: the end of the data did not leave. It does not count as an attempt."""

    IN_DOUBT = "in_doubt"
    """The end of the data may have reached the server, and no reply is known."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The sender and the recipients of a message, and what MAIL and RCPT say about it.

    Paths come without angle brackets, their domains as A-labels; an empty `reverse_path` is the
    null path. `smtputf8` and `eightbit` say what the message needs. `envid`, `ret` ("FULL" or
    "HDRS") and `notify` (such as "FAILURE,DELAY") are for delivery status notifications
    (RFC 3461) and are left out where the server does not offer them.
    """

    reverse_path: str
    forward_paths: tuple[str, ...]
    smtputf8: bool = False
    eightbit: bool = False
    envid: str = ""
    ret: str = ""
    notify: str = ""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One message for the recipients of one envelope; `token` is the caller's own number for it.

    `content` holds the bytes of the message in order, with CRLF as the end of each line and without
    doubled dots. Parts that many messages share need no second check where they are sealed
    (`mailmerge.octets.seal`).
    """

    token: int
    envelope: Envelope
    content: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of the transaction `token`: the verdict, where it was decided, and by which reply.

    `refused` names the forward-paths that the server did not take, with its reply to each. `reason`
    says in words what no reply says: why nothing was sent, or how the connection ended.
    """

    token: int
    verdict: Verdict
    stage: Stage
    reply: Reply | None = None
    refused: tuple[tuple[str, Reply], ...] = ()
    reason: str = ""
