"""The terms of one connection: the server's extensions, as far as the caller wants them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

from mailmerge.smtp.capabilities import Capabilities
from mailmerge.smtp.transaction import Envelope

_PIPELINED: Final = 3
"""The maximum number of transactions with pipelining: one whose content leaves, the next one whose
commands follow it, and a third, so that a whole group can leave before the caller makes another
message (`Client.push`)."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the caller wants to use on a connection.

    `lmtp` selects LMTP instead of SMTP (RFC 2033). `window` is the maximum number of transactions
    in flight if the server offers CHUNKING and PIPELINING. With a window of 1, or if `chunking` is
    False, the connection uses DATA.
    """

    lmtp: bool = False
    window: int = 1
    pipelining: bool = True
    chunking: bool = True


@dataclass(frozen=True, slots=True)
class Terms:
    """What the last EHLO has settled; the defaults hold before the first EHLO.

    Attributes:
        capabilities: the extensions that the server offers.
        lmtp: whether the protocol is LMTP.
        pipelining: whether commands leave in groups (RFC 2920).
        streaming: whether messages follow one another by BDAT without waiting (RFC 3030).
        capacity: the maximum number of transactions in flight.
        size_limit: the maximum size of a message in bytes (RFC 1870); None for no known limit.
        mail_max: the maximum number of MAIL commands on a connection (RFC 9422), or None.
        rcpt_max: the maximum number of recipients of a message (RFC 9422), or None.
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
    def agreed(cls, preferences: Preferences, offered: Capabilities) -> Self:
        """The terms that follow from a reply to EHLO and the caller's preferences."""
        pipelining = preferences.pipelining and offered.pipelining
        # In LMTP the number of accepted recipients decides how many replies BDAT LAST has, and
        # while streaming that number is not known yet.
        streaming = (
            pipelining
            and preferences.chunking
            and offered.chunking
            and preferences.window > 1
            and not preferences.lmtp
        )
        return cls(
            offered,
            lmtp=preferences.lmtp,
            pipelining=pipelining,
            streaming=streaming,
            capacity=preferences.window if streaming else _PIPELINED if pipelining else 1,
            size_limit=offered.size,
            mail_max=offered.mail_max,
            rcpt_max=offered.rcpt_max,
        )

    def impossible(self, envelope: Envelope, size: int = 0) -> str:
        """Say why this server cannot take a message of `size` bytes in this envelope, or ""."""
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
