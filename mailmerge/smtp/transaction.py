"""The values that go into a connection and come out of it: transactions and outcomes."""

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
    """5yz, or the server does not offer what the message needs."""

    DEFERRED = "deferred"
    """4yz: the server did not take it now."""

    NOT_SENT = "not_sent"
    """The end of the data did not leave. This does not count as an attempt."""

    IN_DOUBT = "in_doubt"
    """The end of the data may have reached the server, and no reply arrived."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The sender and the recipients of a message, and the parameters of MAIL and RCPT.

    Attributes:
        reverse_path: the sender's mailbox without angle brackets, its domain as A-labels; "" for
            the null reverse-path.
        forward_paths: the recipients' mailboxes, written the same way. They decide the outcome: the
            message is sent if one of them takes it.
        copies: the mailboxes of those who get a copy. Whether they take it decides nothing.
        smtputf8: the message needs SMTPUTF8 (RFC 6531).
        eightbit: the message needs 8BITMIME (RFC 6152).
        envid, ret, notify: parameters for delivery status notifications (RFC 3461); `ret` is "FULL"
            or "HDRS", `notify` for example "FAILURE,DELAY". They are left out if the server does
            not offer DSN.
    """

    reverse_path: str
    forward_paths: tuple[str, ...]
    smtputf8: bool = False
    eightbit: bool = False
    envid: str = ""
    ret: str = ""
    notify: str = ""
    copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Transaction:
    """One message for the recipients of one envelope; `token` is the caller's own number for it.

    `content` holds the bytes of the message in order, with CRLF at the end of each line and without
    doubled dots. Sealed chunks are not checked again (`mailmerge.octets.seal`).
    """

    token: int
    envelope: Envelope
    content: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of the transaction `token`: the verdict, where it was decided, and by which reply.

    `reply` is None if no reply decided. `refused` lists the forward-paths that the server refused,
    each with its reply. `reason` is a sentence about what no reply says: why nothing was sent, or
    how the connection ended.
    """

    token: int
    verdict: Verdict
    stage: Stage
    reply: Reply | None = None
    refused: tuple[tuple[str, Reply], ...] = ()
    reason: str = ""
