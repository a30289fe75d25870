"""Macros of SPF: the examples of RFC 7208, 7.4."""

from __future__ import annotations

import ipaddress

import pytest

from mailmerge.deliverability.spf_macros import Macros, expand

OF_THE_RFC = Macros(
    ipaddress.ip_address("192.0.2.3"), "email.example.com", "strong-bad@email.example.com"
)
OF_IPV6 = Macros(
    ipaddress.ip_address("2001:db8::cb01"), "email.example.com", "strong-bad@email.example.com"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        ("a%%b%_c%-d", "a%b c%20d"),
    ],
)
def test_examples_of_the_rfc(text: str, expected: str) -> None:
    assert expand(text, OF_THE_RFC) == expected


def test_addresses_of_ipv6_are_nibbles() -> None:
    assert expand("%{ir}.%{v}._spf.%{d2}", OF_IPV6) == (
        "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"
    )


def test_long_name_loses_labels_on_the_left() -> None:
    name = expand("%{l}.example.org", Macros(OF_THE_RFC.ip, "x", f"{'a.' * 200}z@x"))
    assert len(name) <= 253
    assert name.endswith(".z.example.org")
