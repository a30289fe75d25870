"""DMARC: which policy holds for a domain, and which domains count as the same (RFC 9989, 4.10).

Both questions climb the tree of names: `_dmarc.a.b.example.org`, `_dmarc.b.example.org`, and so on
to the top level. No list of public suffixes is used. A name of eight labels or more is cut to seven
after the first question, so there are never more than eight. A record with psd=n or psd=y ends the
walk. The organizational domain is

* the domain of the first record with psd=n,
* else the domain one label below a record with psd=y that is not at the start,
* else the domain of the record with the fewest labels,
* else, without a record, the domain itself.

The policy is that of the domain itself, else that of its organizational domain, else that of the
public suffix. One unknown answer makes the rest unknown: a record at that place could end the walk.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mailmerge.deliverability.answers import Lookup
from mailmerge.deliverability.dmarc_record import DmarcRecord, is_dmarc, parse_dmarc
from mailmerge.language import tr

_MOST_LABELS: Final = 7


@dataclass(frozen=True, slots=True)
class DmarcWalk:
    """What one walk found.

    Attributes:
        domain: where the walk began.
        organization: the organizational domain.
        record: the record whose policy holds; None if there is none.
        several: domains with several records, which receivers discard all.
        unknown: why the walk is not certain, in words; "" if it is.
    """

    domain: str
    organization: str
    record: DmarcRecord | None = None
    several: tuple[str, ...] = ()
    unknown: str = ""


def walk_dmarc(domain: str, lookup: Lookup) -> DmarcWalk:
    """Climb from a domain to the top level."""
    found: list[DmarcRecord] = []
    several: list[str] = []
    unknown = ""
    for name in _names(domain):
        answer = lookup(f"_dmarc.{name}", "TXT")
        if answer.is_unknown:
            unknown = tr("_dmarc.{name}: {reason}", name=name, reason=answer.reason)
            break
        records = [text for text in answer.records if is_dmarc(text)]
        if len(records) > 1:
            several.append(name)
        if len(records) == 1:
            record = parse_dmarc(name, records[0])
            found.append(record)
            if record.tags.get("psd") in ("y", "n"):
                break
    organization = _organization(domain, found)
    holds = _policy_record(domain, organization, found)
    return DmarcWalk(domain, organization, holds, tuple(several), unknown)


def aligned(one: DmarcWalk, other: DmarcWalk, *, strict: bool) -> bool | None:
    """Whether two domains count as the same; None if that is not known (RFC 9989, 4.10.2)."""
    if one.domain == other.domain:
        return True
    if strict:
        return False
    if one.unknown or other.unknown:
        return None
    return one.organization == other.organization


def _names(domain: str) -> Iterator[str]:
    labels = domain.lower().rstrip(".").split(".")
    yield ".".join(labels)
    for first in range(max(1, len(labels) - _MOST_LABELS), len(labels)):
        yield ".".join(labels[first:])


def _organization(domain: str, found: list[DmarcRecord]) -> str:
    for record in found:
        if record.tags.get("psd") == "n":
            return record.domain
        if record.tags.get("psd") == "y" and record.domain != domain:
            kept = record.domain.count(".") + 2
            return ".".join(domain.split(".")[-kept:])
    return found[-1].domain if found else domain


def _policy_record(domain: str, organization: str, found: list[DmarcRecord]) -> DmarcRecord | None:
    by_domain = {record.domain: record for record in found}
    suffix = next((one for one in found if one.tags.get("psd") == "y"), None)
    return by_domain.get(domain) or by_domain.get(organization) or suffix
