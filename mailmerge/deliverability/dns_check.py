"""`check --dns`: the sender's records, the recipients' domains, the rules of their receivers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mailmerge.credentials import Account
from mailmerge.deliverability.announcements import announcements
from mailmerge.deliverability.exchangers import MailServers
from mailmerge.deliverability.receiver_rules import verdicts
from mailmerge.deliverability.recipient_domains import (
    Destinations,
    RecipientDomains,
    find_destinations,
)
from mailmerge.deliverability.resolver import Dns
from mailmerge.deliverability.sender import Identity, Selector, SenderFacts, learn
from mailmerge.deliverability.sender_findings import sender_notes, sender_problems
from mailmerge.errors import AddressError, CampaignError, Problem
from mailmerge.language import tr, trn
from mailmerge.recipients.address import parse_mailbox
from mailmerge.settings import CAMPAIGN_FILE, Settings
from mailmerge.signing.settings import dkim_keys


@dataclass(frozen=True, slots=True)
class DnsReport:
    """What the DNS tells about a campaign.

    Attributes:
        problems: errors and warnings.
        notes: what is right, and what is not known.
    """

    problems: tuple[Problem, ...] = ()
    notes: tuple[Problem, ...] = ()


def check_dns(
    campaign: Settings, account: Account | None, domains: RecipientDomains, dns: Dns
) -> DnsReport:
    """Ask the DNS about the sender and the domains of the recipients."""
    identity = _identity_of(campaign, account)
    found = find_destinations(domains.counts, dns)
    problems, notes = [*_dead_domains(campaign, domains, found)], [*_counted(found)]
    if identity is not None:
        facts = learn(identity, dns)
        rules = list(_rules(found, facts))
        problems += sender_problems(facts)
        notes += [_note("dns-sender", text) for text in sender_notes(facts)]
        notes += [_note("dns-sender", text) for text in announcements(facts.dmarc, dns)]
        problems += [one for one, unmet in rules if unmet]
        notes += [one for one, unmet in rules if not unmet]
    return DnsReport(tuple(problems), tuple(notes))


def _identity_of(campaign: Settings, account: Account | None) -> Identity | None:
    """The names that the messages of a campaign carry; None if `from` is no address."""
    message = campaign.message
    try:
        domain = parse_mailbox(message.from_, names=True).domain
    except AddressError:
        return None
    reverse = _reverse(message.reverse_path)
    provider = account.provider if account is not None else None
    local = account is None or account.is_loopback
    return Identity(
        domain,
        reverse or domain,
        bool(reverse),
        _selectors(campaign, domain),
        _one_click(campaign),
        provider.name if provider is not None else "",
        "" if account is None or local else account.server.host.lower(),
        campaign.smtp.local_name,
    )


def _reverse(text: str) -> str:
    """The domain of the reverse path; "" if it is that of From, or differs between recipients."""
    try:
        return parse_mailbox(text).domain if text else ""
    except AddressError:
        return ""


def _selectors(campaign: Settings, domain: str) -> tuple[Selector, ...]:
    try:
        keys = dkim_keys(campaign, domain)
    except CampaignError:
        return ()  # the check of the key reports it
    return tuple(Selector(one.domain, one.selector, one.key.record()) for one in keys)


def _one_click(campaign: Settings) -> bool:
    section = campaign.message.unsubscribe
    fields = {name.lower() for name in campaign.message.headers}
    return bool(section and section.url) or "list-unsubscribe-post" in fields


def _dead_domains(
    campaign: Settings, domains: RecipientDomains, found: Destinations
) -> Iterator[Problem]:
    """Each row whose domain takes no mail."""
    section = campaign.recipients
    hint = tr("look for a typing error, or remove the row")
    for domain, servers in found.dead:
        problem = Problem(
            "error", "recipient-domain", _dead_in_words(domain, servers), section.file,
            column=section.address, hint=hint,
        )  # fmt: skip
        for row in domains.rows[domain]:
            yield replace(problem, row=row)


def _dead_in_words(domain: str, servers: MailServers) -> str:
    if servers.state == "no-name":
        return tr("the domain {domain!r} does not exist", domain=domain)
    if servers.state == "null-mx":
        return tr("the domain {domain!r} takes no mail (RFC 7505)", domain=domain)
    return tr("the domain {domain!r} has no mail server", domain=domain)


def _counted(found: Destinations) -> Iterator[Problem]:
    """How many recipients each receiver has."""
    for one in found.receivers:
        name = one.receiver.title if one.receiver is not None else tr("other servers")
        text = trn("{count:,} recipient at {name}", "{count:,} recipients at {name}",
                   one.recipients, name=name)  # fmt: skip
        yield _note("dns-receivers", text)
    if found.unknown:
        text = trn("not known: whether {count:,} domain of recipients takes mail",
                   "not known: whether {count:,} domains of recipients take mail",
                   found.unknown)  # fmt: skip
        yield _note("dns-unknown", text)


def _rules(found: Destinations, facts: SenderFacts) -> Iterator[tuple[Problem, bool]]:
    """Each rule of each receiver that has recipients, and whether it is known to be unmet."""
    for one in found.receivers:
        if one.receiver is None:
            continue
        for verdict in verdicts(one.receiver, facts, one.recipients):
            name, rule = one.receiver.title, verdict.text
            if verdict.met is False:
                text = tr("{name} demands: {rule}: not met", name=name, rule=rule)
                yield Problem("warning", "receiver-rule", text, CAMPAIGN_FILE,
                              hint=verdict.fix), True  # fmt: skip
            elif verdict.met:
                text = tr("{name} demands: {rule}: met", name=name, rule=rule)
                yield _note("receiver-rule", text), False
            else:
                text = tr("{name} demands: {rule}: not known", name=name, rule=rule)
                yield _note("receiver-rule", text), False


def _note(code: str, text: str) -> Problem:
    return Problem("warning", code, text)
