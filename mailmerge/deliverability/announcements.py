"""What else a sender's domain publishes about mail: BIMI, MTA-STS, TLS reports.

None of it decides whether a message arrives, so it is information only. MTA-STS and TLS reports
concern mail to the domain.
"""

from __future__ import annotations

from collections.abc import Iterator

from mailmerge.deliverability.answers import Lookup
from mailmerge.deliverability.dmarc import DmarcWalk
from mailmerge.deliverability.tag_list import parse_tags
from mailmerge.language import tr


def announcements(walk: DmarcWalk, lookup: Lookup) -> Iterator[str]:
    """Each of the three that is published, in one sentence."""
    domain = walk.domain
    yield from _bimi(walk, lookup)
    if _has(f"_mta-sts.{domain}", "STSv1", lookup):
        yield tr("{domain} publishes MTA-STS (RFC 8461): replies come encrypted", domain=domain)
    if _has(f"_smtp._tls.{domain}", "TLSRPTv1", lookup):
        yield tr("{domain} gets reports about TLS (RFC 8460)", domain=domain)


def _bimi(walk: DmarcWalk, lookup: Lookup) -> Iterator[str]:
    """A logo is shown only with a policy that is enforced for all mail."""
    if not _has(f"default._bimi.{walk.domain}", "BIMI1", lookup):
        return
    record = walk.record
    if record is None or record.policy(walk.domain) == "none" or record.testing:
        yield tr(
            "{domain} publishes a BIMI logo, which needs the DMARC policy quarantine or reject",
            domain=walk.domain,
        )
    else:
        yield tr("{domain} publishes a BIMI logo", domain=walk.domain)


def _has(name: str, version: str, lookup: Lookup) -> bool:
    return any(parse_tags(text).get("v") == version for text in lookup(name, "TXT").records)
