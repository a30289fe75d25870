"""SPF: may this address send for this domain, and what does the record cost (RFC 7208)?

Two questions have the same walk over the terms of a record and of all that it includes:

    evaluate_spf(ip, domain)   as a receiver does it: the first match ends the walk
    survey_spf(domain)         no address matches, so that each term is reached

The survey finds what hurts only some messages: a receiver may stop at the first match for one
server and go over the limit for another. So its counts are those of the worst case. There are at
most ten terms that ask the DNS, and at most two of their look-ups may find nothing (4.6.4). A term
with macros depends on the message; in a survey it is counted and not followed.

An answer that is not known makes the result "temperror", which no one is blamed for.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Final, Literal

from mailmerge.deliverability.answers import Answer, Lookup
from mailmerge.deliverability.spf_macros import Macros, expand
from mailmerge.deliverability.spf_record import ASKING, SpfRecord, Term, is_spf, parse_spf
from mailmerge.language import tr

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_SpfResult = Literal["pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"]

MOST_LOOKUPS: Final = 10
MOST_VOID: Final = 2
_MOST_NAMES: Final = 10
"""Mail servers or names of one term (RFC 7208, 4.6.4)."""

_ENOUGH: Final = 40
"""Look-ups after which a survey stops: the record is wrong anyway."""

_QUALIFIERS: Final[dict[str, _SpfResult]] = {
    "+": "pass", "-": "fail", "~": "softfail", "?": "neutral",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SpfReport:
    """The result of a walk.

    Attributes:
        result: of the address; of a survey: what an address gets that no term names.
        record: the record of the domain; "" if there is none.
        faults: what makes it a permanent error, in words.
        unknown: what is not known, in words.
        lookups: terms that ask the DNS, of which receivers follow ten.
        void: look-ups that found nothing, of which receivers accept two.
        domains: all domains whose records were included.
        terms: the terms of the domain's own record.
        macros: whether a term depends on the message.
    """

    result: _SpfResult
    record: str = ""
    faults: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    lookups: int = 0
    void: int = 0
    domains: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()
    macros: bool = False


def evaluate_spf(ip: _Address, domain: str, lookup: Lookup, sender: str = "") -> SpfReport:
    """Whether an address may send for a domain; `sender` is the reverse path, for macros."""
    return _Walk(lookup, ip, sender or f"postmaster@{domain}").report(domain)


def survey_spf(domain: str, lookup: Lookup) -> SpfReport:
    """Everything in the record of a domain, and what it costs."""
    return _Walk(lookup).report(domain)


class _Stopped(Exception):
    """The rest of the walk cannot change the result."""


@dataclass(slots=True)
class _Walk:
    lookup: Lookup
    ip: _Address | None = None
    sender: str = ""
    faults: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    lookups: int = 0
    void: int = 0
    domains: list[str] = field(default_factory=list)
    macros: bool = False
    own: SpfRecord | None = None

    def report(self, domain: str) -> SpfReport:
        try:
            result = self._check(domain, ())
        except _Stopped:
            result = "neutral"
        if self.unknown:
            result = "temperror"
        if self.faults:
            result = "permerror"
        own = self.own
        return SpfReport(
            result, own.text if own else "", tuple(dict.fromkeys(self.faults)),
            tuple(self.unknown), self.lookups, self.void, tuple(dict.fromkeys(self.domains)),
            own.terms if own else (), self.macros,
        )  # fmt: skip

    def _check(self, domain: str, inside: tuple[str, ...]) -> _SpfResult:
        """The result for one domain (RFC 7208, 4.3 to 4.7); `inside` are those that include it."""
        answer = self.lookup(domain, "TXT")
        if answer.is_unknown:
            self._is_unknown(domain, answer)
            return "temperror"
        records = [text for text in answer.records if is_spf(text)]
        if not records:
            return "none"
        if len(records) > 1:
            self._is_wrong(
                tr("{domain} has {number} SPF records", domain=domain, number=len(records))
            )
            return "permerror"
        record = parse_spf(records[0])
        self.own = self.own or record
        for fault in record.faults:
            self._is_wrong(tr("{domain}: {fault}", domain=domain, fault=fault))
        for term in record.terms:
            result = self._result_of(term, domain, inside)
            if result is not None:
                return result
        return "neutral"

    def _result_of(self, term: Term, domain: str, inside: tuple[str, ...]) -> _SpfResult | None:
        """The result if the term decides; None if the next term follows."""
        if term.name in ASKING:
            self._count()
        if term.name == "all":
            return _QUALIFIERS[term.qualifier]
        target = self._target(term, domain)
        if target is None:
            return None
        if term.name in ("include", "redirect"):
            return self._followed(term, target, (*inside, domain))
        return _QUALIFIERS[term.qualifier] if self._matches(term, target) else None

    def _followed(self, term: Term, target: str, inside: tuple[str, ...]) -> _SpfResult | None:
        if target in inside:
            loop = " > ".join((*inside[inside.index(target) :], target))
            self._is_wrong(tr("the records include each other: {loop}", loop=loop))
            return None
        self.domains.append(target)
        result = self._check(target, inside)
        if result == "none":
            self._is_wrong(tr("{term}: {domain} has no SPF record", term=term.text, domain=target))
        if term.name == "redirect":
            return result
        return _QUALIFIERS[term.qualifier] if result == "pass" and self.ip is not None else None

    def _target(self, term: Term, domain: str) -> str | None:
        """The domain that a term asks for; None if it depends on a message."""
        if not term.has_macros:
            return term.domain or domain
        self.macros = True
        if self.ip is None:
            return None
        return expand(term.domain, Macros(self.ip, domain, self.sender))

    def _matches(self, term: Term, target: str) -> bool:
        if term.network is not None:
            return self.ip in term.network if self.ip is not None else False
        if term.name == "exists":
            return bool(self._ask(target, "A").records) and self.ip is not None
        if term.name == "ptr":
            return self._is_named(target)
        hosts = [target] if term.name == "a" else self._exchangers(term, target)
        return any(self._is_of_host(term, host) for host in hosts)

    def _exchangers(self, term: Term, target: str) -> list[str]:
        found = self._ask(target, "MX").records
        if len(found) > _MOST_NAMES:
            self._is_wrong(
                tr("{term}: {domain} has more than ten mail servers",
                   term=term.text, domain=target)
            )  # fmt: skip
        return [host for text in found if (host := text.partition(" ")[2].strip())]

    def _is_of_host(self, term: Term, host: str) -> bool:
        """Whether the address is one of a host."""
        for kind, bits in zip(("A", "AAAA"), term.prefixes, strict=True):
            if self.ip is not None and self.ip.version != (4 if kind == "A" else 6):
                continue
            answer = self.lookup(host, "A" if kind == "A" else "AAAA")
            if answer.is_unknown:
                self._is_unknown(host, answer)
            if self.ip is not None and any(
                self.ip in ipaddress.ip_network(f"{text}/{bits}", strict=False)
                for text in answer.records
            ):
                return True
            if answer.records:
                return False
        if term.name == "a":  # the servers of `mx` are found by the look-up that counts
            self._is_void(host)
        return False

    def _is_named(self, target: str) -> bool:
        """RFC 7208, 5.5: a name of the address is the domain or below it, and leads back to it."""
        if self.ip is None:
            return False
        names = self._ask(self.ip.reverse_pointer, "PTR").records[:_MOST_NAMES]
        kind = "A" if self.ip.version == 4 else "AAAA"
        return any(
            (name == target or name.endswith(f".{target}"))
            and str(self.ip) in self.lookup(name, "A" if kind == "A" else "AAAA").records
            for name in names
        )

    def _ask(self, name: str, kind: Literal["A", "MX", "PTR"]) -> Answer:
        answer = self.lookup(name, kind)
        if answer.is_unknown:
            self._is_unknown(name, answer)
        if answer.is_void:
            self._is_void(name)
        return answer

    def _count(self) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS and self.ip is not None:
            self._is_wrong(tr("the record needs more than ten look-ups"))
        if self.lookups > _ENOUGH:
            raise _Stopped

    def _is_void(self, name: str) -> None:
        self.void += 1
        if self.void > MOST_VOID and self.ip is not None:
            self._is_wrong(
                tr("more than two look-ups find nothing, the last one {name}", name=name)
            )

    def _is_unknown(self, name: str, answer: Answer) -> None:
        self.unknown.append(tr("{name}: {reason}", name=name, reason=answer.reason))
        if self.ip is not None:
            raise _Stopped

    def _is_wrong(self, fault: str) -> None:
        self.faults.append(fault)
        if self.ip is not None:
            raise _Stopped
