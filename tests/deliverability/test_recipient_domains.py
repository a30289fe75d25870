"""Domains of recipients, by their receivers."""

from __future__ import annotations

from mailmerge.deliverability.recipient_domains import RecipientDomains, find_destinations
from mailmerge.deliverability.resolver import Dns, DnsOptions


def test_rows_of_a_domain_are_bounded() -> None:
    domains = RecipientDomains()
    for row in range(2_000):
        domains.add("a.eu", row)
    assert domains.counts == {"a.eu": 2_000}
    assert len(domains.rows["a.eu"]) == 1_000


def test_without_answers_nothing_is_dead() -> None:
    dns = Dns(DnsOptions("127.0.0.1:9", timeout=0.1))
    found = find_destinations({"a.eu": 3, "b.eu": 1}, dns)
    assert (found.dead, found.unknown) == ((), 2)
    assert [(one.receiver, one.recipients) for one in found.receivers] == [(None, 4)]
