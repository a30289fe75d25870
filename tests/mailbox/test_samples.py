"""Real bounces of many mail servers, with their licence; `benchmarks/bounces.py` measures more."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.mailbox.classify import classify
from mailmerge.mailbox.facts import Kind

SAMPLES = Path(__file__).parents[1] / "data" / "bounces"
HARD = {
    "lhost-domino-01": "kijitora@example.jp",
    "lhost-exchange2007-01": "mikeneko@example.co.jp",
    "lhost-gmail-01": "userunknown@example.jp",
    "lhost-office365-01": "kijitora@example.com",
    "lhost-opensmtpd-01": "apdugoaidugoaidugoaeiudggadi@gmail.com",
    "lhost-postfix-02": "filtered@example.co.jp",
    "lhost-qmail-01": "kijitora@example.ne.jp",
    "lhost-sendmail-03": "bounce0@example.org",
    "lhost-zoho-01": "kijitora@example.co.jp",
}
SOFT = {
    "lhost-amazonses-03": "mailbox-full",
    "lhost-exim-01": "policy",
    "lhost-googleworkspace-01": "policy",
}
OTHER = {
    "arf-01": Kind.COMPLAINED,
    "is-not-bounce-01": Kind.OTHER,
    "is-not-bounce-02": Kind.OTHER,
    "rfc3834-01": Kind.AUTO_REPLIED,
}


def test_every_sample_is_named() -> None:
    assert {path.stem for path in SAMPLES.glob("*.eml")} == {*HARD, *SOFT, *OTHER}
    assert "BSD 2-CLAUSE" in (SAMPLES / "LICENSE").read_text()


@pytest.mark.parametrize("name", HARD)
def test_unknown_address_is_a_hard_bounce(name: str) -> None:
    fact = classify((SAMPLES / f"{name}.eml").read_bytes())
    assert (fact.kind, fact.hard, fact.addresses[0]) == (Kind.BOUNCED, True, HARD[name])


@pytest.mark.parametrize("name", SOFT)
def test_other_reasons_are_soft_bounces(name: str) -> None:
    fact = classify((SAMPLES / f"{name}.eml").read_bytes())
    assert fact.kind is Kind.BOUNCED
    assert fact.cause is not None
    assert (fact.hard, fact.cause.value) == (False, SOFT[name])


@pytest.mark.parametrize("name", OTHER)
def test_other_mails_are_no_bounces(name: str) -> None:
    assert classify((SAMPLES / f"{name}.eml").read_bytes()).kind is OTHER[name]
