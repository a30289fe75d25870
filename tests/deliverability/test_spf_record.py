"""The terms of SPF records, and mistakes in them (RFC 7208)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.deliverability.spf_record import ASKING, is_spf, parse_spf

_KNOWN = ASKING | {"all", "ip4", "ip6"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v=spf1", True),
        ("V=SPF1 -all", True),
        ("v=spf10 -all", False),
        ("v=spf1-all", False),
        (" v=spf1", False),
        ("spf2.0/pra", False),
    ],
)
def test_records_of_spf_are_known_by_their_version(text: str, expected: bool) -> None:
    assert is_spf(text) is expected


def test_terms_are_read() -> None:
    record = parse_spf(
        "v=spf1 a mx/24 a:h.eu/24//64 ip4:1.2.3.0/24 ip6:2001:db8::/32 ?ptr ~exists:%{ir}.x.eu "
        "+Include:X.eu exp=e.eu unknown=1  -all"
    )
    assert record.faults == ()
    shown = [(one.qualifier, one.name, one.domain, one.prefixes) for one in record.terms]
    assert shown == [
        ("+", "a", "", (32, 128)),
        ("+", "mx", "", (24, 128)),
        ("+", "a", "h.eu", (24, 64)),
        ("+", "ip4", "", (32, 128)),
        ("+", "ip6", "", (32, 128)),
        ("?", "ptr", "", (32, 128)),
        ("~", "exists", "%{ir}.x.eu", (32, 128)),
        ("+", "include", "x.eu", (32, 128)),
        ("-", "all", "", (32, 128)),
    ]
    assert str(record.terms[3].network) == "1.2.3.0/24"
    assert [one.name for one in record.terms if one.has_macros] == ["exists"]


def test_redirect_counts_without_all_only() -> None:
    assert [one.name for one in parse_spf("v=spf1 redirect=x.eu mx").terms] == ["mx", "redirect"]
    assert [one.name for one in parse_spf("v=spf1 redirect=x.eu -all").terms] == ["all"]


@pytest.mark.parametrize(
    ("terms", "fault"),
    [
        ("ipv4:1.2.3.4", "ipv4:1.2.3.4 is no mechanism of SPF"),
        ("ip4:1.2.3", "ip4:1.2.3 is not an IP address"),
        ("ip4:2001:db8::1", "ip4:2001:db8::1 has an address of the other version of IP"),
        ("ip4:1.2.3.4/33", "ip4:1.2.3.4/33 is not an IP address"),
        ("include=x.eu", "include=x.eu is written with = in the place of :"),
        ("include:", "include: names no domain"),
        ("include", "include names no domain"),
        ("a/40", "a/40 has a prefix that is too long"),
        ("-al", "-al is no mechanism of SPF"),
        ("~all.", "~all. is no mechanism of SPF"),
        ("v=spf1", "v=spf1 is written twice"),
        ("redirect=a.eu redirect=b.eu", "redirect= is written twice"),
        ("exists:%x.eu", "exists:%x.eu has a macro that does not exist"),
        ("“include:x.eu”", "“include:x.eu” is no mechanism of SPF"),
    ],
)
def test_mistakes_are_named(terms: str, fault: str) -> None:
    assert parse_spf(f"v=spf1 {terms}").faults == (fault,)


@given(st.text(alphabet="vspf1 =:/-~+?%{}.aimxlnc0123456789_é", max_size=80))
def test_any_text_is_read(text: str) -> None:
    record = parse_spf(f"v=spf1 {text}")
    assert all(term.name in _KNOWN for term in record.terms)
