"""Addresses in the text of a received mail."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_LETTER: Final = r"A-Za-z0-9\u00c0-\u04ff"
"""Letters of addresses: ASCII, Latin, Greek, Cyrillic. Chinese text stands next to an address
without a space, so its characters end one."""

_ADDRESS: Final = re.compile(
    rf"(?<![{_LETTER}_.+=/-])"
    rf"(?:[{_LETTER}!#$%&'*+/=?^_`{{|}}~-][{_LETTER}.!#$%&'*+/=?^_`{{|}}~-]{{0,120}}|\"[^\"\n@]{{1,60}}\")"
    rf"@(?:[{_LETTER}][{_LETTER}_-]{{0,62}}\.?){{1,12}}"
)
"""An address in running text; a trailing dot is no part of it."""

_ROLES: Final = re.compile(
    r"^(?:mailer-?daemon|post[-_]?master|double-bounce|mdaemon|no-?reply|bounces?|abuse)(?:[+=][^@]*)?@",
    re.IGNORECASE,
)
_DELIMITER: Final = re.compile(r"[+=-]")


def addresses_in(text: str) -> list[str]:
    """Return the addresses in a text in their order, each once."""
    if "@" not in text:
        return []
    return unique(found[0].rstrip(".").lstrip("'") for found in _ADDRESS.finditer(text))


def address_of(value: str) -> str:
    """Return the address of a field such as From, or ""."""
    angle = re.search(r"<([^<>\s]{1,320})>", value)
    found = addresses_in(angle[1] if angle else value)
    return found[0] if found else ""


def is_role(address: str) -> bool:
    """Whether a program writes from this address: mailer-daemon, postmaster, bounces."""
    return bool(_ROLES.match(address))


def unique(values: Iterable[str]) -> list[str]:
    """Return the values in their order, each once; small and capital letters are equal."""
    found: dict[str, str] = {}
    for value in values:
        found.setdefault(value.lower(), value)
    return list(found.values())


def named_by_verp(address: str) -> list[str]:
    """Return the recipients that a variable reverse path may name (mime/verp.py), or none.

    `news-bounces+ann=example.net@example.org` does not show where the recipient begins, so there
    are several; the longest one is the first.
    """
    left, _, host = address.rpartition("@")[0].rpartition("=")
    if not left or "." not in host:
        return []
    names = (left[found.end() :] for found in _DELIMITER.finditer(left))
    return [f"{name}@{host}" for name in names if name]
