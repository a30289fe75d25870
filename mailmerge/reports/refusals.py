"""Refused deliveries -> the meaning of the server's replies, and what to do about them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mailmerge.ledger.states import Delivery
from mailmerge.providers.catalogue import Language
from mailmerge.providers.explanations import Explanation, explain
from mailmerge.reports.status import FAILED

_MOST_KINDS: Final = 5
"""The maximum number of kinds of reply that are explained, the most frequent first."""

_CODE = re.compile(r"[245]\d\d\b")
_STATUS = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A kind of reply: its number of recipients, the first reply of this kind, its explanation."""

    recipients: int
    reply: str
    explanation: Explanation


def refusals(
    deliveries: Iterable[Delivery], *, provider: str = "", language: Language | None = None
) -> Iterator[Refusal]:
    """Yield the replies to rejected and deferred deliveries, grouped by code and enhanced status.

    `provider` is a name of providers.toml, or "" if it is not known. Some replies have another
    meaning at a provider.
    """
    first: dict[tuple[str, str], str] = {}
    counts: Counter[tuple[str, str]] = Counter()
    for one in deliveries:
        kind = _kind(one.reply) if one.state in FAILED else None
        if kind is not None:
            first.setdefault(kind, one.reply)
            counts[kind] += 1
    for kind, count in counts.most_common(_MOST_KINDS):
        code, reply = int(kind[0]), first[kind]
        meaning = explain(code, reply[4:], provider=provider, language=language)
        yield Refusal(count, reply, meaning)


def _kind(reply: str) -> tuple[str, str] | None:
    """Return the code and the enhanced status of a reply; None for a reason of mailmerge."""
    if _CODE.match(reply) is None:
        return None
    status = _STATUS.search(reply)
    return reply[:3], status[0] if status else ""
