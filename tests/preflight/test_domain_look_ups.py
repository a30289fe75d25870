"""Domains are collected for the DNS only where that was asked for."""

from __future__ import annotations

from mailmerge.deliverability.dns_check import DnsReport
from mailmerge.deliverability.resolver import DnsOptions
from mailmerge.preflight.domain_look_ups import DomainLookUps
from mailmerge.preflight.rules import Setup
from mailmerge.recipients.collection import read_recipients
from tests.preflight.checked import Folder

NOWHERE = DnsOptions("127.0.0.1:9", timeout=0.1)


def test_without_options_nothing_is_asked(folder: Folder) -> None:
    look_ups = DomainLookUps(None)
    for recipient in read_recipients([{"email": "a@x-firma.de"}]):
        look_ups.add(recipient)
    assert look_ups.report(Setup(folder.campaign)) == DnsReport()


def test_reserved_domains_are_left_out(folder: Folder) -> None:
    look_ups = DomainLookUps(NOWHERE)
    for recipient in read_recipients([{"email": "a@x-firma.de"}, {"email": "a@example.org"}]):
        look_ups.add(recipient)
    report = look_ups.report(Setup(folder.campaign))
    assert report.problems == ()
    assert "1 recipient at other servers" in [one.message for one in report.notes]


def test_machine_without_name_server_gets_notes_only(folder: Folder) -> None:
    report = folder.check(dns=NOWHERE)
    assert report.passed(strict=True)
    assert any(one.message.startswith("not known: ") for one in report.notes)
