"""The copies that a server refused, although it accepted the message itself.

They are a fact about a message that was sent, and no state: whether a copy was accepted changes
nothing about its recipient. A ledger keeps them as one text, a JSON array of pairs; "" is none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

_LONGEST_REPLY: Final = 120
_MOST_BYTES: Final = 900
"""The maximum bytes of the text, because a line of the journal has a maximum length."""


class RefusedCopy(NamedTuple):
    """One address that did not get its copy, and the server's reply.

    Attributes:
        address: as RCPT had it; "" if the entry stands for several more, which `reply` counts.
        reply: the reply, at most 120 characters.
    """

    address: str
    reply: str


def refused_copies(refused: Iterable[tuple[str, object]]) -> tuple[RefusedCopy, ...]:
    """Return the entries to record for (forward-path, reply); too many are only counted."""
    every = [RefusedCopy(path, str(reply)[:_LONGEST_REPLY]) for path, reply in refused]
    kept, named = every, len(every)
    while _size(kept) > _MOST_BYTES and named:
        named -= 1
        kept = [*every[:named], RefusedCopy("", f"+{len(every) - named}")]
    return tuple(kept)


def _size(copies: Sequence[RefusedCopy]) -> int:
    return len(to_text(copies).encode("utf-8", "backslashreplace"))


def count_of(copies: Sequence[RefusedCopy]) -> int:
    """Return how many addresses the entries stand for."""
    return sum(1 if one.address else int(one.reply) for one in copies)


def to_text(copies: Sequence[RefusedCopy]) -> str:
    """Return the copies as the ledger keeps them."""
    return json.dumps(copies, ensure_ascii=False, separators=(",", ":")) if copies else ""


def from_text(text: str) -> tuple[RefusedCopy, ...]:
    """Return the copies of such a text.

    Raises:
        ValueError: it is none.
    """
    return of_json(json.loads(text)) if text else ()


def of_json(value: Any) -> tuple[RefusedCopy, ...]:
    """Return the copies of a decoded JSON array.

    Raises:
        ValueError: it is none.
    """
    try:
        return tuple(RefusedCopy(*map(str, pair)) for pair in value)
    except TypeError as error:
        raise ValueError("not a list of pairs") from error


def in_words(copies: Sequence[RefusedCopy]) -> str:
    """Return the copies as one line: `boss@example.org: 550 no such user; ...`."""
    return "; ".join(f"{one.address}: {one.reply}" if one.address else one.reply for one in copies)


def documents(copies: Sequence[RefusedCopy]) -> list[dict[str, str]]:
    """Return the copies for a JSON document."""
    return [one._asdict() for one in copies]
