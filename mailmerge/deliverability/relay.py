"""The names of one's own mail server, which receivers look at before they look at a message.

A receiver sees an address. Its PTR record must give a name, and that name must lead back to the
address ("forward-confirmed reverse DNS"); Gmail answers 4.7.23 or 5.7.25 otherwise. The name in
EHLO must exist, too (RFC 5321, 2.3.5).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from mailmerge.deliverability.answers import Answer, Lookup

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class NamedAddress:
    """One address of a server.

    Attributes:
        address: the address.
        names: its names, by PTR.
        confirmed: whether a name leads back to it; None if that is not known.
    """

    address: _Address
    names: tuple[str, ...] = ()
    confirmed: bool | None = None


def addresses_of(host: str, lookup: Lookup) -> tuple[tuple[_Address, ...], bool]:
    """The public addresses of a host, and whether the answers are certain."""
    try:
        return _public([host.strip("[]")]), True
    except ValueError:
        pass
    answers = (lookup(host, "A"), lookup(host, "AAAA"))
    texts = [text for answer in answers for text in answer.records]
    return _public(texts), not any(answer.is_unknown for answer in answers)


def _public(texts: list[str]) -> tuple[_Address, ...]:
    found = (ipaddress.ip_address(text) for text in texts)
    return tuple(one for one in found if not one.is_private)


def name_address(address: _Address, lookup: Lookup) -> NamedAddress:
    """The names of an address, and whether one leads back to it."""
    pointers = lookup(address.reverse_pointer, "PTR")
    if pointers.is_unknown:
        return NamedAddress(address)
    answers = [_forward(name, address, lookup) for name in pointers.records]
    if any(_leads_to(address, answer) for answer in answers):
        return NamedAddress(address, pointers.records, confirmed=True)
    unknown = any(answer.is_unknown for answer in answers)
    return NamedAddress(address, pointers.records, None if unknown else False)


def name_exists(name: str, lookup: Lookup) -> bool | None:
    """Whether a host has an address; None if that is not known."""
    answers = (lookup(name, "A"), lookup(name, "AAAA"))
    if any(answer.records for answer in answers):
        return True
    return None if any(answer.is_unknown for answer in answers) else False


def _forward(name: str, address: _Address, lookup: Lookup) -> Answer:
    return lookup(name, "A" if address.version == 4 else "AAAA")


def _leads_to(address: _Address, answer: Answer) -> bool:
    return any(ipaddress.ip_address(text) == address for text in answer.records)
