"""Receivers are known by their mail servers."""

from __future__ import annotations

import pytest

from mailmerge.deliverability.receiver_rules import RULES
from mailmerge.deliverability.receivers import load_receivers, receiver_of


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("gmail-smtp-in.l.google.com", "gmail"),
        ("aspmx.l.google.com", "gmail"),
        ("hotmail-com.olc.protection.outlook.com", "outlook"),
        ("x-eu.mail.protection.outlook.com", "microsoft-365"),
        ("x-eu.n-v1.mx.microsoft", "microsoft-365"),
        ("mta5.am0.yahoodns.net", "yahoo"),
        ("mx01.mail.icloud.com", "apple"),
        ("mx00.gmx.net", "gmx"),
        ("mx-ha.web.de", "gmx"),
        ("mx1.qq.com", "qq"),
        ("163mx01.mxmail.netease.com", "netease"),
        ("mxs.mail.ru", "mailru"),
    ],
)
def test_receiver_of_a_mail_server(host: str, name: str) -> None:
    found = receiver_of((host,))
    assert found is not None
    assert found.name == name


def test_other_servers_have_no_receiver() -> None:
    assert receiver_of(("mail.notgoogle.com", "mx.example.org")) is None
    assert receiver_of(()) is None


def test_each_rule_exists() -> None:
    for receiver in load_receivers():
        assert {*receiver.rules, *receiver.bulk} <= set(RULES)
        assert bool(receiver.bulk) == bool(receiver.many)
