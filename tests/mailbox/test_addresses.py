"""Addresses are found in running text."""

from __future__ import annotations

import pytest

from mailmerge.mailbox.addresses import address_of, addresses_in, is_role, named_by_verp, unique


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<ann@example.org>: user unknown", ["ann@example.org"]),
        ("to: ann.lee+x@mail.example.org.", ["ann.lee+x@mail.example.org"]),
        ('RCPT TO:<"a b"@example.org>', ['"a b"@example.org']),
        ("(bob=x@example.org) Bob=X@EXAMPLE.org", ["bob=x@example.org"]),
        ("jürgen@bücher.example", ["jürgen@bücher.example"]),
        ("ann@bücher.example", ["ann@bücher.example"]),
        ("nothing here, @ all", []),
    ],
)
def test_addresses_are_found_in_text(text: str, found: list[str]) -> None:
    assert addresses_in(text) == found


def test_field_with_a_name_has_one_address() -> None:
    assert address_of('"x@y.example" <ann@example.org>') == "ann@example.org"
    assert address_of("undisclosed-recipients:;") == ""


def test_programs_write_from_roles() -> None:
    assert is_role("MAILER-DAEMON@example.org")
    assert is_role("post_master@example.org")
    assert not is_role("postmaster-general.smith@example.org".replace("postmaster-", "post"))


def test_values_are_unique_without_case() -> None:
    assert unique(["A@b", "a@B", "c@d"]) == ["A@b", "c@d"]


@pytest.mark.parametrize(
    ("address", "named"),
    [
        ("bounces+ann=example.net@example.org", ["ann@example.net"]),
        ("bounces-ann=example.net@example.org", ["ann@example.net"]),
        ("bounces+ann+x=example.net@example.org", ["ann+x@example.net", "x@example.net"]),
        ("b-c+ann=example.net@example.org", ["c+ann@example.net", "ann@example.net"]),
        ("bounces@example.org", []),
        ("a=b@example.org", []),
        ("bounces+=example.net@example.org", []),
    ],
)
def test_variable_reverse_path_names_recipients(address: str, named: list[str]) -> None:
    assert named_by_verp(address) == named
