"""The reply to EHLO -> the extensions that the server offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from mailmerge.smtp.reply import Reply


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The extensions that the server offers (RFC 5321, section 4.1.1.1).

    Attributes:
        name: the server's name in its reply.
        esmtp: False if the server knows only HELO.
        keywords: each keyword in upper case, with its parameters as they were sent.
    """

    name: str = ""
    esmtp: bool = False
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def pipelining(self) -> bool:
        """Commands may be sent in groups (RFC 2920)."""
        return "PIPELINING" in self.keywords

    @property
    def chunking(self) -> bool:
        """BDAT may be used (RFC 3030)."""
        return "CHUNKING" in self.keywords

    @property
    def eightbitmime(self) -> bool:
        """Content may have bytes above 127 (RFC 6152)."""
        return "8BITMIME" in self.keywords

    @property
    def smtputf8(self) -> bool:
        """Addresses and header fields may be UTF-8 (RFC 6531)."""
        return "SMTPUTF8" in self.keywords

    @property
    def starttls(self) -> bool:
        """The connection can switch to TLS (RFC 3207)."""
        return "STARTTLS" in self.keywords

    @property
    def dsn(self) -> bool:
        """The client may request delivery status notifications (RFC 3461)."""
        return "DSN" in self.keywords

    @property
    def auth(self) -> tuple[str, ...]:
        """The log-in mechanisms in upper case, in the server's order (RFC 4954, 3)."""
        return tuple(mechanism.upper() for mechanism in self.keywords.get("AUTH", ()))

    @property
    def size(self) -> int | None:
        """The maximum size of a message in bytes; None for no known maximum (RFC 1870, 4)."""
        declared = self._number(next(iter(self.keywords.get("SIZE", ())), ""))
        return declared or None

    @property
    def mail_max(self) -> int | None:
        """The maximum number of MAIL commands on one connection (RFC 9422, 4.1), or None."""
        return self._limit("MAILMAX")

    @property
    def rcpt_max(self) -> int | None:
        """The maximum number of RCPT commands in one transaction (RFC 9422, 4.2), or None."""
        return self._limit("RCPTMAX")

    def _limit(self, name: str) -> int | None:
        for parameter in self.keywords.get("LIMITS", ()):
            key, _, value = parameter.partition("=")
            if key.upper() == name:
                return self._number(value) or None
        return None

    @staticmethod
    def _number(text: str) -> int | None:
        """A number of at most 20 digits (RFC 1870, 4); None for anything else."""
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def parse_capabilities(reply: Reply) -> Capabilities:
    """Read a positive reply to EHLO or LHLO; malformed parameters are ignored."""
    keywords: dict[str, tuple[str, ...]] = {}
    for line in reply.lines[1:]:
        # Some servers still send "AUTH=PLAIN LOGIN", from before RFC 2554, besides the right line.
        keyword, *parameters = (
            line.replace("=", " ", 1).split() if _is_old_auth(line) else (line.split() or [""])
        )
        name = keyword.upper()
        if not name:
            continue
        both = (*keywords.get(name, ()), *parameters)
        keywords[name] = tuple(dict.fromkeys(both)) if name == "AUTH" else tuple(parameters)
    name = reply.lines[0].partition(" ")[0]
    return Capabilities(name, esmtp=True, keywords=MappingProxyType(keywords))


def _is_old_auth(line: str) -> bool:
    return line[:5].upper() == "AUTH="
