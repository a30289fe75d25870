"""What one received mail says about one of our messages: a `Fact`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mailmerge.mailbox.reasons import Reason


class Kind(StrEnum):
    """What a mail is."""

    # The hash of Enum is Python code, and slower.
    __hash__ = str.__hash__

    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    ANSWERED = "answered"
    AUTO_REPLIED = "auto_replied"
    DELIVERED = "delivered"
    OTHER = "other"


RECORDED: Final = tuple(kind for kind in Kind if kind is not Kind.OTHER)
"""The kinds that say something about a recipient, in the order of the reports."""


@dataclass(frozen=True, slots=True)
class Fact:
    """What one mail says; `matching.py` finds the recipient.

    Attributes:
        kind: what it is.
        addresses: the addresses that it is about, the likeliest first: the failed recipients of a
            bounce, the author of an answer.
        ids: Message-IDs of the message that it answers or returns, without angle brackets.
        envid: the envelope identifier (RFC 3461, 4.4), or "".
        token: the token of an unsubscribe mail, or "".
        to: the addresses that the mail was sent to; a VERP address names its recipient.
        status: the enhanced status code (RFC 3463) of a bounce, or "".
        cause: why a message bounced; None for other kinds.
        delayed: a server has not given up yet, so nothing has come back.
        text: what the server or the author said, in one line; it comes from outside.
        at: the time of the mail in seconds since 1970, or None.
    """

    kind: Kind
    addresses: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    envid: str = ""
    token: str = ""
    to: tuple[str, ...] = ()
    status: str = ""
    cause: Reason | None = None
    delayed: bool = False
    text: str = ""
    at: float | None = None

    @property
    def hard(self) -> bool:
        """Whether it is a bounce that says that the address will never take mail."""
        return self.cause is not None and self.cause.hard

    @property
    def reason(self) -> str:
        """The reason in words, in the language of the user."""
        return self._explained("" if self.cause is None else self.cause.words)

    @property
    def kept_reason(self) -> str:
        """The reason as the ledger keeps it, in English."""
        return self._explained("" if self.cause is None else self.cause.english)

    def _explained(self, words: str) -> str:
        cause = " ".join(part for part in (self.status, words) if part) if words else ""
        return ": ".join(part for part in (cause, self.text) if part)
