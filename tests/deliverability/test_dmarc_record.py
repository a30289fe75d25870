"""The tags of DMARC records (RFC 9989, 4.7)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.deliverability.dmarc_record import OBSOLETE, is_dmarc, parse_dmarc


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v=DMARC1; p=none", True),
        ("v = DMARC1;p=none", True),
        ("v=DMARC1", True),
        ("v=dmarc1; p=none", False),
        ("p=none; v=DMARC1", False),
        ("v=DMARC12; p=none", False),
    ],
)
def test_version_comes_first_in_this_case(text: str, expected: bool) -> None:
    assert is_dmarc(text) is expected


def test_policy_depends_on_the_domain() -> None:
    record = parse_dmarc("a.eu", "v=DMARC1; p=reject; sp=quarantine; np=none")
    assert record.policy("a.eu") == "reject"
    assert record.policy("b.a.eu") == "quarantine"
    assert record.policy("b.a.eu", exists=False) == "none"
    assert parse_dmarc("a.eu", "v=DMARC1; P=Reject").policy("b.a.eu", exists=False) == "reject"


def test_modes_are_read() -> None:
    record = parse_dmarc("a.eu", "v=DMARC1; p=reject; adkim=s; aspf=S; t=y")
    assert (record.strict_dkim, record.strict_spf, record.testing) == (True, True, True)
    plain = parse_dmarc("a.eu", "v=DMARC1; p=reject")
    assert (plain.strict_dkim, plain.strict_spf, plain.testing) == (False, False, False)


@pytest.mark.parametrize(
    ("tags", "usable", "policy"),
    [
        ("p=none", True, "none"),
        ("rua=mailto:r@a.eu", True, "none"),
        ("p=rejekt; rua=mailto:r@a.eu", True, "none"),
        ("p=rejekt", False, "none"),
        ("p=reject; sp=all", False, "none"),
        ("p=reject; sp=all; rua=mailto:r@a.eu", True, "none"),
        ("", False, "none"),
    ],
)
def test_invalid_policy_counts_as_none_with_reports_only(
    tags: str, usable: bool, policy: str
) -> None:
    record = parse_dmarc("a.eu", f"v=DMARC1; {tags}")
    assert (record.usable, record.policy("a.eu")) == (usable, policy)


@pytest.mark.parametrize(
    ("tags", "fault"),
    [
        ("p=none; adkim=x", "adkim=x does not exist"),
        ("p=none; pp=1", "pp= does not exist, so receivers ignore it"),
        ("p=none; p=reject", "p= is written twice"),
        ("p=none; word", "'word' is no tag"),
        ("sp=none", "p= is missing, so the policy is none"),
        ("p=none; rua=r@a.eu", "rua= has an address without mailto: r@a.eu"),
        ("p=none; rua=mailto:r@a.eu!10m", "rua= limits the size with !, which is obsolete"),
    ],
)
def test_faults_are_named(tags: str, fault: str) -> None:
    assert parse_dmarc("a.eu", f"v=DMARC1; {tags}").faults == (fault,)


def test_obsolete_tags_are_no_faults() -> None:
    record = parse_dmarc("a.eu", "v=DMARC1; p=none; pct=50; rf=afrf; ri=86400")
    assert record.faults == ()
    assert set(OBSOLETE) <= set(record.tags.order)


def test_domains_of_reports_are_listed_once() -> None:
    record = parse_dmarc("a.eu", "v=DMARC1; p=none; rua=mailto:a@X.eu, mailto:b@x.eu,https://y.eu/")
    assert record.report_domains == ("x.eu",)


@given(st.text(alphabet="vDMARC1 =;psdnpt:,!@.rua", max_size=80))
def test_any_text_is_read(text: str) -> None:
    record = parse_dmarc("a.eu", f"v=DMARC1; {text}")
    assert record.policy("b.a.eu", exists=False) in ("none", "quarantine", "reject")
