"""Domains that are well formed and still will not arrive."""

from __future__ import annotations

import pytest

from mailmerge.preflight.addresses import AddressCheck, judge_domain
from mailmerge.recipients.address import Mailbox
from mailmerge.recipients.audience import Recipient


def person(address: str) -> Recipient:
    return Recipient(7, {"email": address}, Mailbox(address, address, address), address)


@pytest.mark.parametrize(
    ("domain", "code"),
    [
        ("example.org", "reserved-domain"),
        ("mail.example.com", "reserved-domain"),
        ("host.invalid", "reserved-domain"),
        ("shop.test", "reserved-domain"),
        ("gmial.com", "likely-typo"),
        ("gmai.com", "likely-typo"),
        ("gmaill.com", "likely-typo"),
        ("hotmial.com", "likely-typo"),
        ("yaho.com", "likely-typo"),
        ("company.cmo", "unknown-tld"),
        ("company.c", "unknown-tld"),
    ],
)
def test_each_doubt_has_its_code(domain: str, code: str) -> None:
    found = judge_domain(domain)
    assert found is not None
    assert found[0] == code


@pytest.mark.parametrize(
    "domain",
    [
        "gmail.com",
        "mail.com",
        "ymail.com",
        "bbc.co.uk",
        "xn--bcher-kva.de",
        "univ-lyon1.fr",
        "qq.com",
    ],
)
def test_real_domains_are_left_alone(domain: str) -> None:
    assert judge_domain(domain) is None


def test_a_likely_slip_names_what_was_meant() -> None:
    (problem,) = AddressCheck("people.csv", "email").problems(person("ann@gmial.com"))
    assert problem.severity == "warning"
    assert (problem.row, problem.column, problem.file) == (7, "email", "people.csv")
    assert "gmail.com" in problem.message


def test_reserved_domains_matter_only_for_a_real_send() -> None:
    someone = person("ann@example.org")
    assert list(AddressCheck("people.csv", "email").problems(someone)) == []
    (problem,) = AddressCheck("people.csv", "email", for_real=True).problems(someone)
    assert (problem.severity, problem.code) == ("error", "reserved-domain")
