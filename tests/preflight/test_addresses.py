"""Domains that are well formed and still will not arrive."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.language import use
from mailmerge.preflight.addresses import check_domain, is_reserved, judge_domain
from mailmerge.preflight.rules import Setup
from mailmerge.recipients.address import Mailbox
from mailmerge.recipients.audience import Recipient
from tests.campaign_folder import make_campaign_folder


def recipient(address: str) -> Recipient:
    return Recipient(7, {"email": address}, Mailbox(address, address, address), address)


def setup(folder: Path, *, for_real: bool = False) -> Setup:
    return Setup(make_campaign_folder(folder).campaign, for_real=for_real)


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
        ("xn--pypal-4ve.com", "mixed-scripts"),
    ],
)
def test_each_doubtful_domain_has_its_code(domain: str, code: str) -> None:
    found = judge_domain(domain)
    assert found is not None
    assert found.code == code
    assert found.message
    assert found.hint


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
def test_real_domains_are_accepted(domain: str) -> None:
    assert judge_domain(domain) is None
    assert not is_reserved(domain)


def test_a_likely_typo_names_the_intended_domain(tmp_path: Path) -> None:
    (problem,) = check_domain(recipient("ann@gmial.com"), setup(tmp_path))
    assert problem.severity == "warning"
    assert (problem.row, problem.column, problem.file) == (7, "email", "recipients.csv")
    assert problem.message == '"ann@gmial.com": the domain looks like a typing error of gmail.com'


def test_reserved_domains_are_errors_of_a_real_send_only(tmp_path: Path) -> None:
    ann = recipient("ann@example.org")
    assert list(check_domain(ann, setup(tmp_path))) == []
    (problem,) = check_domain(ann, setup(tmp_path, for_real=True))
    assert (problem.severity, problem.code) == ("error", "reserved-domain")


def test_a_judgement_follows_the_language() -> None:
    english = judge_domain("gmial.com")
    use("zh_CN")
    chinese = judge_domain("gmial.com")
    assert english is not None
    assert chinese is not None
    assert "typing error" in english.message
    assert chinese.message == "域名看起来是 gmail.com 的误写"
