"""The facts about a sender -> problems, each with its fix, and notes on what is right.

Errors are what makes receivers refuse or ignore: a domain without mail, a record that is a
permanent error, a signature that cannot verify, mail that fails an enforced DMARC policy. The rest
is a warning. What is not known is a note.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mailmerge.deliverability.dmarc_record import OBSOLETE, DmarcRecord
from mailmerge.deliverability.receiver_rules import rule_states
from mailmerge.deliverability.sender import SenderFacts, SignedBy
from mailmerge.deliverability.sending_services import includes_of
from mailmerge.deliverability.spf import MOST_LOOKUPS, MOST_VOID
from mailmerge.errors import Problem, Severity
from mailmerge.language import tr
from mailmerge.settings import CAMPAIGN_FILE

_FROM = "message.from"
_DKIM = "message.dkim"

_error = partial(Problem, "error", file=CAMPAIGN_FILE)
_warning = partial(Problem, "warning", file=CAMPAIGN_FILE)


def sender_problems(facts: SenderFacts) -> Iterator[Problem]:
    """What is wrong with the records of a sender."""
    yield from _mail_servers(facts)
    if facts.identity.spf_counts:
        yield from _spf(facts)
    for key in facts.keys:
        yield from _dkim(key)
    yield from _dmarc(facts)
    yield from _alignment(facts)
    yield from _relay(facts)


def sender_notes(facts: SenderFacts) -> Iterator[str]:
    """What is right, and what is not known, in one sentence each."""
    spf, identity = facts.spf, facts.identity
    for text in dict.fromkeys((*spf.unknown, facts.dmarc.unknown, facts.servers.reason)):
        if text:
            yield tr("not known: {text}", text=text)
    if spf.record and spf.result not in ("permerror", "temperror"):
        yield tr(
            "SPF of {domain} needs {lookups} of {most} look-ups: {record}",
            domain=identity.reverse, lookups=spf.lookups, most=MOST_LOOKUPS, record=spf.record,
        )  # fmt: skip
    if not identity.spf_counts:
        yield tr("the server sets the reverse path, so SPF of {domain} does not count",
                 domain=identity.domain)  # fmt: skip
    for key in facts.keys:
        yield from _key_note(key)
    record = facts.dmarc.record
    if record is not None and record.usable:
        yield tr("DMARC of {domain}: {policy}, from {place}: {record}",
                 domain=identity.domain, policy=record.policy(identity.domain),
                 place=record.domain, record=record.text)  # fmt: skip


def _mail_servers(facts: SenderFacts) -> Iterator[Problem]:
    domain, state = facts.identity.domain, facts.servers.state
    hint = tr("send from a domain that takes replies, or add MX records")
    if state == "no-name":
        message = tr("the domain {domain} does not exist", domain=domain)
        yield _error("from-domain", message, column=_FROM, hint=hint)
    elif state == "null-mx":
        message = tr("{domain} takes no mail (RFC 7505), so receivers refuse its messages",
                     domain=domain)  # fmt: skip
        yield _error("from-domain", message, column=_FROM, hint=hint)
    elif state == "no-server":
        message = tr("{domain} has no mail server, so replies and bounces are lost", domain=domain)
        yield _warning("from-domain", message, column=_FROM, hint=hint)


def _spf(facts: SenderFacts) -> Iterator[Problem]:
    spf, domain = facts.spf, facts.identity.reverse
    if spf.result == "none":
        example = " ".join(["v=spf1", *(f"include:{one}" for one in _wanted(facts)[:1]), "~all"])
        message = tr("{domain} has no SPF record", domain=domain)
        hint = tr('publish the TXT record "{example}"', example=example)
        yield _warning("spf-missing", message, column=_FROM, hint=hint)
        return
    for fault in spf.faults:
        message = tr("receivers take the SPF record as an error: {fault}", fault=fault)
        hint = tr("correct the TXT record of {domain}", domain=domain)
        yield _error("spf-broken", message, column=_FROM, hint=hint)
    yield from _spf_limits(facts)
    yield from _spf_strength(facts)
    yield from _spf_server(facts)


def _spf_limits(facts: SenderFacts) -> Iterator[Problem]:
    spf, domain = facts.spf, facts.identity.reverse
    if spf.lookups > MOST_LOOKUPS:
        message = tr("the SPF record of {domain} needs {lookups} look-ups; receivers stop after "
                     "{most}", domain=domain, lookups=spf.lookups, most=MOST_LOOKUPS)  # fmt: skip
        hint = tr("remove services that do not send any more, or name addresses with ip4:")
        yield _error("spf-lookups", message, column=_FROM, hint=hint)
    if spf.void > MOST_VOID:
        message = tr("{count} look-ups of the SPF record of {domain} find nothing; receivers stop "
                     "after {most}", count=spf.void, domain=domain, most=MOST_VOID)  # fmt: skip
        hint = tr("remove names that do not exist any more")
        yield _error("spf-lookups", message, column=_FROM, hint=hint)


def _spf_strength(facts: SenderFacts) -> Iterator[Problem]:
    spf, domain = facts.spf, facts.identity.reverse
    if spf.result == "pass":
        message = tr("the SPF record of {domain} lets everyone send (+all)", domain=domain)
        hint = tr("end it with ~all or -all")
        yield _warning("spf-weak", message, column=_FROM, hint=hint)
    elif spf.result == "neutral":
        message = tr("the SPF record of {domain} says nothing about other servers", domain=domain)
        hint = tr("end it with ~all or -all")
        yield _warning("spf-weak", message, column=_FROM, hint=hint)
    if any(term.name == "ptr" for term in spf.terms):
        message = tr("the SPF record of {domain} uses ptr, which receivers may ignore (RFC 7208, "
                     "5.5)", domain=domain)  # fmt: skip
        hint = tr("name the addresses with ip4: or a:")
        yield _warning("spf-weak", message, column=_FROM, hint=hint)


def _spf_server(facts: SenderFacts) -> Iterator[Problem]:
    if facts.spf_allows is not False or facts.spf.result == "permerror":
        return
    domain, wanted = facts.identity.reverse, _wanted(facts)
    if wanted:
        message = tr("the SPF record of {domain} does not include the provider", domain=domain)
        hint = tr("add include:{include}", include=wanted[0])
        yield _warning("spf-server", message, column=_FROM, hint=hint)
    elif facts.relay is not None:
        addresses = ", ".join(facts.relay.refused)
        message = tr("the SPF record of {domain} does not let {host} send ({addresses})",
                     domain=domain, host=facts.relay.host, addresses=addresses)  # fmt: skip
        hint = tr("add a:{host}, if the messages leave from there", host=facts.relay.host)
        yield _warning("spf-server", message, column=_FROM, hint=hint)


def _wanted(facts: SenderFacts) -> tuple[str, ...]:
    return includes_of(facts.identity.provider)


def _dkim(key: SignedBy) -> Iterator[Problem]:
    name = f"{key.selector.name}._domainkey.{key.selector.domain}"
    publish = tr('publish at {name}: "{record}"', name=name, record=key.selector.record)
    messages = {
        "missing": tr("there is no DKIM record {name}, so the signature fails", name=name),
        "several": tr("{name} has several TXT records, so the signature may fail", name=name),
        "broken": tr("the DKIM record {name} is broken: {reason}",
                     name=name, reason=key.found.reason),
        "revoked": tr("the DKIM record {name} is revoked (p= is empty)", name=name),
        "other-key": tr("the DKIM record {name} is of another key, so the signature fails",
                        name=name),
    }  # fmt: skip
    message = messages.get(key.found.state)
    if message is not None:
        yield _error("dkim-record", message, column=_DKIM, hint=publish)
    elif key.found.testing:
        message = tr("the DKIM record {name} is in test mode: receivers may ignore the signature",
                     name=name)  # fmt: skip
        yield _warning("dkim-testing", message, column=_DKIM, hint=tr("remove t=y"))


def _key_note(key: SignedBy) -> Iterator[str]:
    name = f"{key.selector.name}._domainkey.{key.selector.domain}"
    if key.found.state == "good":
        yield tr("the DKIM record {name} is that of the key", name=name)
    elif key.found.state == "unknown":
        reason = f"{name}: {key.found.reason}"
        yield tr("not known: {text}", text=reason)


def _dmarc(facts: SenderFacts) -> Iterator[Problem]:
    walk, domain = facts.dmarc, facts.identity.domain
    for name in walk.several:
        message = tr(
            "_dmarc.{name} has several DMARC records; receivers ignore them all", name=name
        )
        hint = tr("keep one")
        yield _warning("dmarc-broken", message, column=_FROM, hint=hint)
    record = walk.record
    if record is None:
        if not walk.unknown and domain not in walk.several:
            message = tr("{domain} has no DMARC policy", domain=domain)
            hint = tr('publish "v=DMARC1; p=none; rua=mailto:you@{domain}" at _dmarc.{domain}',
                      domain=domain)  # fmt: skip
            yield _warning("dmarc-missing", message, column=_FROM, hint=hint)
        return
    yield from _dmarc_record(record, facts)


def _dmarc_record(record: DmarcRecord, facts: SenderFacts) -> Iterator[Problem]:
    at = f"_dmarc.{record.domain}"
    hint = tr("correct the TXT record {at}", at=at)
    for fault in record.faults:
        message = tr("the DMARC record {at}: {fault}", at=at, fault=fault)
        yield _warning("dmarc-broken", message, column=_FROM, hint=hint)
    if not record.usable:
        message = tr("receivers do not apply the DMARC record {at}", at=at)
        yield _warning("dmarc-broken", message, column=_FROM, hint=hint)
    obsolete = [name for name in OBSOLETE if name in record.tags.order]
    if obsolete:
        names = ", ".join(f"{name}=" for name in obsolete)
        message = tr("the DMARC record {at} has tags that receivers ignore now (RFC 9989): {names}",
                     at=at, names=names)  # fmt: skip
        hint = tr("remove them; write t=y in the place of a small pct=")
        yield _warning("dmarc-obsolete", message, column=_FROM, hint=hint)
    for domain in facts.reports_refused:
        message = tr("{domain} does not agree to get DMARC reports about {about} (RFC 9990, 4)",
                     domain=domain, about=record.domain)  # fmt: skip
        name = f"{record.domain}._report._dmarc.{domain}"
        hint = tr('it must publish "v=DMARC1" at {name}', name=name)
        yield _warning("dmarc-reports", message, column=_FROM, hint=hint)


def _alignment(facts: SenderFacts) -> Iterator[Problem]:
    """With an enforced policy, mail that nothing authenticates for From is lost."""
    record, identity = facts.dmarc.record, facts.identity
    if rule_states(facts)["aligned"] is not False:
        return
    policy = record.policy(identity.domain) if record is not None and record.usable else "none"
    enforced = policy != "none" and record is not None and not record.testing
    message = tr("neither SPF nor DKIM counts for {domain}, the domain of From; its DMARC policy "
                 "is {policy}", domain=identity.domain, policy=policy)  # fmt: skip
    hint = tr("sign with a key of {domain}, or use a reverse path of it", domain=identity.domain)
    severity: Severity = "error" if enforced else "warning"
    yield Problem(severity, "dmarc-alignment", message, CAMPAIGN_FILE, column=_FROM, hint=hint)


def _relay(facts: SenderFacts) -> Iterator[Problem]:
    relay, helo = facts.relay, facts.identity.helo
    for one in relay.addresses if relay is not None else ():
        if one.confirmed is False:
            message = tr("the address {address} of {host} has no name that leads back to it",
                         address=one.address, host=relay.host if relay else "")  # fmt: skip
            hint = tr("set its PTR record to the server's name, if the messages leave from there")
            yield _warning("relay-name", message, column="smtp.host", hint=hint)
    if facts.helo_exists is False:
        message = tr("the name {name} in EHLO has no address", name=helo)
        hint = tr("use the server's public name")
        yield _warning("helo-name", message, column="smtp.local_name", hint=hint)
