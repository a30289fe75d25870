"""Rules on [message.dkim]: keys that receivers accept, and a domain that counts for DMARC."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from mailmerge.errors import CampaignError, Problem
from mailmerge.language import tr
from mailmerge.preflight.addresses import organizational_domain
from mailmerge.preflight.rules import Setup
from mailmerge.preflight.sender import sender_of
from mailmerge.settings import CAMPAIGN_FILE
from mailmerge.signing.keys import LARGEST_RSA, RECOMMENDED_RSA
from mailmerge.signing.settings import dkim_keys

_warning = partial(Problem, "warning", file=CAMPAIGN_FILE)


def check_key_size(setup: Setup) -> Iterator[Problem]:
    """An RSA key has 2,048 to 4,096 bits, and one signature is RSA (RFC 8301, 3.2)."""
    sender = sender_of(setup)
    if sender is None:
        return
    try:
        keys = dkim_keys(setup.campaign, sender.domain)
    except CampaignError:
        return  # the message maker reports it
    column, hint = "message.dkim", tr("make one with `mailmerge dkim-key`")
    for one in keys:
        bits = one.key.bits
        if one.key.algorithm == "rsa" and not RECOMMENDED_RSA <= bits <= LARGEST_RSA:
            message = tr(
                "the RSA key of {selector} has {bits} bits; receivers expect "
                "{recommended_rsa:,} to {largest_rsa:,}",
                selector=one.selector,
                bits=bits,
                recommended_rsa=RECOMMENDED_RSA,
                largest_rsa=LARGEST_RSA,
            )
            yield _warning("dkim-key-size", message, column=column, hint=hint)
    if keys and all(one.key.algorithm == "ed25519" for one in keys):
        message = tr("some large receivers cannot verify Ed25519 signatures")
        hint = tr("add a second [[message.dkim]] with an RSA key")
        yield _warning("dkim-ed25519-only", message, column=column, hint=hint)


def check_domain(setup: Setup) -> Iterator[Problem]:
    """One signature is of the domain of From, or DMARC does not count it (RFC 9989)."""
    sender, sections = sender_of(setup), setup.campaign.message.dkim
    if sender is None or not sections:
        return
    own = organizational_domain(sender.domain)
    domains = [section.domain.lower() or sender.domain for section in sections]
    if all(organizational_domain(domain) != own for domain in domains):
        message = tr(
            "no signature is of {domain}, the domain of From; DMARC ignores others",
            domain=sender.domain,
        )
        hint = tr('set domain = "{domain}"', domain=sender.domain)
        yield _warning("dkim-alignment", message, column="message.dkim.domain", hint=hint)
