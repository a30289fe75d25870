"""The macros of SPF: `%{ir}.%{v}._spf.%{d2}` for one message (RFC 7208, 7)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_MACRO = re.compile(r"%(?:\{([A-Za-z])(\d*)(r?)([-.+,/_=]*)\}|([%_-]))", re.IGNORECASE)
_PLAIN = {"%": "%", "_": " ", "-": "%20"}
_LONGEST = 253


@dataclass(frozen=True, slots=True)
class Macros:
    """What macros stand for: the client's address, the domain of the record, the reverse path."""

    ip: ipaddress.IPv4Address | ipaddress.IPv6Address
    domain: str
    sender: str


def expand(text: str, macros: Macros) -> str:
    """The text with its macros replaced; a name that is too long loses labels on the left."""
    name = _MACRO.sub(lambda found: _value(found, macros), text)
    while len(name) > _LONGEST and "." in name:
        name = name.partition(".")[2]
    return name


def _value(found: re.Match[str], macros: Macros) -> str:
    letter, digits, reverse, delimiters, plain = found.groups()
    if plain:
        return _PLAIN[plain]
    parts = re.split(f"[{re.escape(delimiters or '.')}]", _of_letter(letter.lower(), macros))
    if reverse:
        parts.reverse()
    return ".".join(parts[-int(digits) :] if digits and int(digits) else parts)


def _of_letter(letter: str, macros: Macros) -> str:
    local, _, domain = macros.sender.rpartition("@")
    version = macros.ip.version
    values = {
        "s": macros.sender,
        "l": local or "postmaster",
        "o": domain,
        "d": macros.domain,
        "h": domain,
        "i": str(macros.ip) if version == 4 else ".".join(f"{int(macros.ip):032x}"),
        "v": "in-addr" if version == 4 else "ip6",
    }
    return values.get(letter, "unknown")
