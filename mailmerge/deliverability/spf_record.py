"""The text of an SPF record -> its terms (RFC 7208, 4.5, 5, 6 and 12)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mailmerge.language import tr

_MECHANISMS: Final = ("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists")
ASKING: Final = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
"""The terms that ask the DNS, which are limited (RFC 7208, 4.6.4)."""

_VERSION = re.compile(r"v=spf1(?: |\Z)", re.IGNORECASE)
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9_.-]*)=(\S*)")
_MECHANISM = re.compile(
    r"(?P<qualifier>[-+?~]?)(?P<name>[A-Za-z0-9]+)(?::(?P<domain>[^\s/]*(?:/(?!/?\d+(?:/|\Z))[^\s/]*)*))?"
    r"(?:/(?P<ip4>\d{1,2}))?(?://(?P<ip6>\d{1,3}))?"
)
_ADDRESS = re.compile(r"(?P<qualifier>[-+?~]?)(?P<name>ip[46]):(?P<network>\S+)", re.IGNORECASE)
_NEEDS_DOMAIN = frozenset({"include", "exists"})
_MACRO = re.compile(r"%(?:\{[A-Za-z][^}]*\}|[%_-])|%")

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Term:
    """One directive, or `redirect=`.

    Attributes:
        text: as it is written.
        qualifier: one of + - ~ ?.
        name: of the mechanism in lower case, or `redirect`.
        domain: the domain that it names, which may hold macros; "" for the domain of the record.
        prefixes: the bits that count of addresses of IPv4 and IPv6.
        network: of ip4 and ip6.
    """

    text: str
    qualifier: str
    name: str
    domain: str = ""
    prefixes: tuple[int, int] = (32, 128)
    network: _Network | None = None

    @property
    def has_macros(self) -> bool:
        """Whether the domain differs between messages (RFC 7208, 7)."""
        return "%" in self.domain


@dataclass(frozen=True, slots=True)
class SpfRecord:
    """A record: its directives, `redirect=` as the last one, and what is wrong, in words."""

    text: str
    terms: tuple[Term, ...]
    faults: tuple[str, ...]


def is_spf(record: str) -> bool:
    """Whether a TXT record is an SPF record (RFC 7208, 4.5)."""
    return _VERSION.match(record) is not None


def parse_spf(record: str) -> SpfRecord:
    """Read a record; receivers take one with any fault as a permanent error."""
    terms: list[Term] = []
    faults: list[str] = []
    redirect: Term | None = None
    for text in record.split(" ")[1:]:
        if not text:
            continue
        modifier = _MODIFIER.fullmatch(text)
        if modifier is None:
            read = _directive(text)
            if isinstance(read, Term):
                terms.append(read)
            else:
                faults.append(read)
            continue
        name, value = modifier[1].lower(), modifier[2]
        if name == "redirect":
            if redirect is not None:
                faults.append(tr("redirect= is written twice"))
            redirect = Term(text, "+", "redirect", value.lower())
        elif name != "exp":
            faults += _of_modifier(name, text)
    faults += (
        tr("{term} has a macro that does not exist", term=term.text)
        for term in terms
        if any(found == "%" for found in _MACRO.findall(term.domain))
    )
    if redirect is not None and not any(term.name == "all" for term in terms):
        terms.append(redirect)
    return SpfRecord(record, tuple(terms), tuple(faults))


def _of_modifier(name: str, text: str) -> Iterator[str]:
    """Unknown modifiers are ignored, but one with the name of a mechanism is a mistake."""
    if name in _MECHANISMS:
        yield tr("{text} is written with = in the place of :", text=text)
    elif name == "v":
        yield tr("{text} is written twice", text=text)


def _directive(text: str) -> Term | str:
    address = _ADDRESS.fullmatch(text)
    if address is not None:
        return _address(text, address)
    found = _MECHANISM.fullmatch(text)
    name = found["name"].lower() if found else ""
    if found is None or name not in _MECHANISMS or name in ("ip4", "ip6"):
        return tr("{text} is no mechanism of SPF", text=text)
    domain = (found["domain"] or "").lower().rstrip(".")
    if name in _NEEDS_DOMAIN and not domain:
        return tr("{text} names no domain", text=text)
    prefixes = int(found["ip4"] or 32), int(found["ip6"] or 128)
    if prefixes[0] > 32 or prefixes[1] > 128:
        return tr("{text} has a prefix that is too long", text=text)
    return Term(text, found["qualifier"] or "+", name, domain, prefixes)


def _address(text: str, found: re.Match[str]) -> Term | str:
    name = found["name"].lower()
    try:
        network = ipaddress.ip_network(found["network"], strict=False)
    except ValueError:
        return tr("{text} is not an IP address", text=text)
    if network.version != int(name[2]):
        return tr("{text} has an address of the other version of IP", text=text)
    return Term(text, found["qualifier"] or "+", name, network=network)
