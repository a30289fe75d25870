"""The extensions of a server -> the meaning of each, and advice for a campaign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mailmerge.providers.catalogue import Language, known_text, rates_in_words, text
from mailmerge.smtp import Capabilities
from mailmerge.wording import size_in_words

_BASE64: Final = 57 / 78
"""Bytes of a file in one byte of its base64 lines with CRLF (RFC 2045, 6.8)."""

_NO_LIMIT: Final = 1 << 40
"""A larger limit is meaningless: some servers announce their largest integer."""

_KEYWORDS: Final = (
    "SIZE",
    "PIPELINING",
    "CHUNKING",
    "8BITMIME",
    "SMTPUTF8",
    "DSN",
    "ENHANCEDSTATUSCODES",
    "LIMITS",
    "STARTTLS",
    "AUTH",
)


@dataclass(frozen=True, slots=True)
class Offer:
    """One extension: its parameters from the server, and its meaning."""

    keyword: str
    offered: bool
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class CampaignNeeds:
    """The settings of a campaign that the server may not support.

    Attributes:
        window: messages in flight on one connection.
        connections: simultaneous connections.
        messages_per_connection: None for no limit.
        rates: texts such as `500/day`.
        max_size: the service's own limit for a message, in bytes; None if unknown.
        sample: the size of the campaign's first message, in bytes; None if unknown.
        nearby: whether the server is on this machine.
    """

    window: int = 1
    connections: int = 1
    messages_per_connection: int | None = None
    rates: tuple[str, ...] = ()
    max_size: int | None = None
    sample: int | None = None
    nearby: bool = False


def offers(capabilities: Capabilities, *, language: Language | None = None) -> tuple[Offer, ...]:
    """The extensions that the server offers or lacks, each with its meaning."""
    known = (_offer(keyword, capabilities, language) for keyword in _KEYWORDS)
    others = (
        Offer(keyword, offered=True, value=" ".join(values), meaning="")
        for keyword, values in capabilities.keywords.items()
        if keyword not in _KEYWORDS
    )
    return (*(offer for offer in known if offer.offered or offer.meaning), *others)


def _offer(keyword: str, capabilities: Capabilities, language: Language | None) -> Offer:
    offered = keyword in capabilities.keywords
    value = " ".join(capabilities.keywords.get(keyword, ()))
    size = _largest_size(capabilities)
    if not offered or (keyword == "SIZE" and size is None):
        meaning = known_text(f"missing.{keyword}", language)
    else:
        shown = size_in_words(size) if keyword == "SIZE" and size else value
        meaning = known_text(f"offer.{keyword}", language, value=shown)
    return Offer(keyword, offered, value, meaning)


def _largest_size(capabilities: Capabilities) -> int | None:
    """The server's limit in bytes; None if it names none, or a meaningless one."""
    size = capabilities.size
    return size if size is not None and size < _NO_LIMIT else None


def advice(
    capabilities: Capabilities, needs: CampaignNeeds, *, language: Language | None = None
) -> tuple[str, ...]:
    """The consequences of the server's extensions for a campaign, one sentence each."""
    limit = min(filter(None, (_largest_size(capabilities), needs.max_size)), default=0)
    sample = needs.sample or 0
    messages = min(filter(None, (capabilities.mail_max, needs.messages_per_connection)), default=0)
    streams = needs.window > 1 and capabilities.chunking
    could_stream = capabilities.chunking and capabilities.pipelining and needs.window == 1
    applies = {
        "size": limit,
        "fits": limit and 0 < sample <= limit,
        "too-large": 0 < limit < sample,
        "window-streams": streams,
        "window-in-vain": needs.window > 1 and not streams,
        "window-possible": could_stream and not needs.nearby,
        "rates": needs.rates,
        "messages": messages,
    }
    figures: dict[str, dict[str, object]] = {
        "size": {"size": size_in_words(limit), "files": size_in_words(int(limit * _BASE64))},
        "fits": {"size": size_in_words(sample)},
        "too-large": {"size": size_in_words(sample)},
        "rates": {
            "rates": rates_in_words(needs.rates, language),
            "connections": needs.connections,
        },
        "messages": {"messages": messages},
    }
    return tuple(
        text(f"advice.{name}", language, **figures.get(name, {"window": needs.window}))
        for name, holds in applies.items()
        if holds
    )
