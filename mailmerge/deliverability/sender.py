"""The facts about a sender that the DNS tells, gathered before anything is judged.

`Identity` says which names a message will carry; `learn` asks the DNS about them; the result is a
value, from which sender_findings.py and receiver_rules.py draw their conclusions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mailmerge.deliverability.answers import Lookup
from mailmerge.deliverability.dkim_record import DkimKeyRecord, judge_dkim_record
from mailmerge.deliverability.dmarc import DmarcWalk, aligned, walk_dmarc
from mailmerge.deliverability.exchangers import MailServers, find_mail_servers
from mailmerge.deliverability.relay import NamedAddress, addresses_of, name_address, name_exists
from mailmerge.deliverability.sending_services import has_own_reverse_path, includes_of
from mailmerge.deliverability.spf import SpfReport, evaluate_spf, survey_spf


@dataclass(frozen=True, slots=True)
class Selector:
    """A key that signs: its domain, its selector, and the record that it needs."""

    domain: str
    name: str
    record: str


@dataclass(frozen=True, slots=True)
class Identity:
    """The names that the messages carry. Domains are A-labels in lower case.

    Attributes:
        domain: of From.
        reverse: of the reverse path.
        own_reverse: whether campaign.toml names the reverse path.
        selectors: the keys that sign.
        one_click: whether the messages have one-click unsubscribing.
        provider: the name of the service that sends; "" for a server of one's own.
        host: the server; "" if it is on this machine or not known.
        helo: the name in EHLO; "" if campaign.toml names none.
    """

    domain: str
    reverse: str
    own_reverse: bool = False
    selectors: tuple[Selector, ...] = ()
    one_click: bool = False
    provider: str = ""
    host: str = ""
    helo: str = ""

    @property
    def spf_counts(self) -> bool:
        """Whether receivers look at SPF of `reverse`; not if the provider sets its own."""
        return self.own_reverse or not has_own_reverse_path(self.provider)


@dataclass(frozen=True, slots=True)
class SignedBy:
    """A key, its record, and whether its domain counts for From (None: not known)."""

    selector: Selector
    found: DkimKeyRecord
    aligned: bool | None


@dataclass(frozen=True, slots=True)
class Relay:
    """A server of one's own: its addresses, and those that SPF does not allow."""

    host: str
    addresses: tuple[NamedAddress, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SenderFacts:
    """What is known of a sender; None means not known.

    Attributes:
        identity: the names.
        servers: the mail servers of the domain of From.
        spf: the survey of the record of the reverse path.
        spf_allows: whether it lets the server send.
        spf_aligned: whether the reverse path counts for From.
        dmarc: the walk from the domain of From.
        reports_refused: domains that are to get DMARC reports and do not agree (RFC 9990, 4).
        keys: the keys that sign.
        relay: of a server of one's own.
        helo_exists: whether the name in EHLO has an address.
    """

    identity: Identity
    servers: MailServers
    spf: SpfReport
    spf_allows: bool | None
    spf_aligned: bool | None
    dmarc: DmarcWalk
    reports_refused: tuple[str, ...] = ()
    keys: tuple[SignedBy, ...] = ()
    relay: Relay | None = None
    helo_exists: bool | None = None


def learn(identity: Identity, lookup: Lookup) -> SenderFacts:
    """Ask the DNS about a sender."""
    walk = walk_dmarc(identity.domain, lookup)
    spf = survey_spf(identity.reverse, lookup)
    relay = _relay(identity, lookup)
    strict = walk.record is not None and walk.record.strict_spf
    reverse = walk if identity.reverse == identity.domain else walk_dmarc(identity.reverse, lookup)
    return SenderFacts(
        identity,
        find_mail_servers(identity.domain, lookup),
        spf,
        _spf_allows(identity, spf, relay),
        aligned(walk, reverse, strict=strict) if identity.spf_counts else None,
        walk,
        tuple(_refusing(walk, lookup)),
        tuple(_signed_by(one, walk, lookup) for one in identity.selectors),
        relay,
        name_exists(identity.helo, lookup) if identity.helo and relay else None,
    )


def _relay(identity: Identity, lookup: Lookup) -> Relay | None:
    """The own server, if the address from which it sends is that of its name."""
    if identity.provider or not identity.host:
        return None
    addresses, certain = addresses_of(identity.host, lookup)
    if not addresses or not certain:
        return None
    named = tuple(name_address(one, lookup) for one in addresses)
    results = {str(one): evaluate_spf(one, identity.reverse, lookup).result for one in addresses}
    refused = tuple(one for one, result in results.items() if result != "pass")
    if any(result == "temperror" for result in results.values()):
        refused = ()
    return Relay(identity.host, named, refused)


def _spf_allows(identity: Identity, spf: SpfReport, relay: Relay | None) -> bool | None:
    if not identity.spf_counts or spf.result == "temperror":
        return None
    if spf.result in ("none", "permerror"):
        return False
    wanted = includes_of(identity.provider)
    if wanted:
        included = {identity.reverse, *spf.domains}
        return True if included & set(wanted) else (None if spf.macros else False)
    return not relay.refused if relay is not None else None


def _signed_by(selector: Selector, walk: DmarcWalk, lookup: Lookup) -> SignedBy:
    answer = lookup(f"{selector.name}._domainkey.{selector.domain}", "TXT")
    other = walk if selector.domain == walk.domain else walk_dmarc(selector.domain, lookup)
    strict = walk.record is not None and walk.record.strict_dkim
    counts = aligned(walk, other, strict=strict)
    return SignedBy(selector, judge_dkim_record(answer, selector.record), counts)


def _refusing(walk: DmarcWalk, lookup: Lookup) -> Iterable[str]:
    """Domains of another organization that have not agreed to get reports (RFC 9990, 4)."""
    record = walk.record
    if record is None:
        return
    for domain in record.report_domains:
        other = walk_dmarc(domain, lookup)
        if other.unknown or other.organization == walk.organization:
            continue
        if lookup(f"{record.domain}._report._dmarc.{domain}", "TXT").is_void:
            yield domain
