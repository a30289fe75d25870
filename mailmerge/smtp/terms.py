"""What holds on one connection: what the server offers, as far as the caller wants it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

from mailmerge.smtp.capabilities import Capabilities
from mailmerge.smtp.transaction import Envelope

_PIPELINED: Final = 3
"""Transactions at a time with pipelining: one whose content is on its way, the next one's commands
behind it, and one more, so that a whole group can leave before the caller makes another message
(`Client.push`)."""


@dataclass(frozen=True, slots=True)
class Wants:
    """What the caller wants of a connection.

    `lmtp` selects LMTP instead of SMTP (RFC 2033). `window` is how many transactions may be in
    flight where the server offers CHUNKING and PIPELINING; with 1, or where `chunking` is False,
    DATA is used.
    """

    lmtp: bool = False
    window: int = 1
    pipelining: bool = True
    chunking: bool = True


@dataclass(frozen=True, slots=True)
class Terms:
    """What the last EHLO has settled; the default is before any.

    `pipelining`: commands go in groups. `streaming`: messages follow one another without waiting.
    `capacity` is how many transactions may be under way. The three limits are the server's: bytes
    of a message, MAIL commands of a connection, recipients of a message; None where it names none.
    """

    capabilities: Capabilities = field(default_factory=Capabilities)
    lmtp: bool = False
    pipelining: bool = False
    streaming: bool = False
    capacity: int = 0
    size_limit: int | None = None
    mail_max: int | None = None
    rcpt_max: int | None = None

    @classmethod
    def agreed(cls, wants: Wants, offered: Capabilities) -> Self:
        """The terms that follow from a reply to EHLO."""
        pipelining = wants.pipelining and offered.pipelining
        # In LMTP the number of accepted recipients decides how many replies BDAT LAST has, and
        # while streaming that number is not known yet.
        streaming = (
            pipelining
            and wants.chunking
            and offered.chunking
            and wants.window > 1
            and not wants.lmtp
        )
        return cls(
            offered,
            lmtp=wants.lmtp,
            pipelining=pipelining,
            streaming=streaming,
            capacity=wants.window if streaming else _PIPELINED if pipelining else 1,
            size_limit=offered.size,
            mail_max=offered.mail_max,
            rcpt_max=offered.rcpt_max,
        )

    def impossible(self, envelope: Envelope, size: int = 0) -> str:
        """Why this server cannot take a message of `size` bytes in this envelope, or ""."""
        limit = self.size_limit
        if limit is not None and size > limit:
            return f"the message has {size} bytes, and the server takes {limit} (SIZE)"
        recipients, most = len(envelope.forward_paths), self.rcpt_max
        if most is not None and recipients > most:
            return f"the message has {recipients} recipients, and the server takes {most} (LIMITS)"
        if envelope.smtputf8 and not self.capabilities.smtputf8:
            return "an address or a header field is not ASCII, and the server has no SMTPUTF8"
        if envelope.eightbit and not self._eightbit_offered(envelope):
            return "the message has bytes over 127, and the server has no 8BITMIME"
        return ""

    def _eightbit_offered(self, envelope: Envelope) -> bool:
        return self.capabilities.eightbitmime or (
            envelope.smtputf8 and self.capabilities.smtputf8  # RFC 6531, 3.1: it implies 8BITMIME
        )
