"""The error of a wrong address names the fault and the fix."""

from __future__ import annotations

import pytest

from mailmerge.errors import AddressError
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.address_errors import (
    first_fault,
    invalid,
    invisible_character,
    more_than_the_address,
)


@pytest.mark.parametrize(
    ("cell", "code", "words"),
    [
        ("", "empty", "fill it in"),
        (" \t", "empty", "fill it in"),
        ("bob", "no-at", "has no @ sign"),
        ("a@b@c.com", "two-at", "has 2 @ signs"),
        (".foo@x.org", "dots", "starts with a dot"),
        ("foo.@x.org", "dots", "before the @ sign"),
        ("foo..bar@x.org", "dots", "two dots in a row"),
        ("a@x..org", "dots", "an extra dot"),
        ("a@.x.org", "dots", "an extra dot"),
        ("a@x.org.", "dots", "ends with a dot"),
        ("a" * 65 + "@x.org", "long", "65 bytes before the @ sign"),
        ("ü" * 33 + "@x.org", "long", "66 bytes before the @ sign"),
        ("a@" + "b." * 126 + "org", "long", "255 characters after the @ sign"),
        ("a@" + "b" * 64 + ".org", "long", "has 64 characters, at most 63 are allowed"),
        ("a@x_y.org", "domain", "underscore"),
        ("a@-x.org", "domain", 'hyphen at the edge of "-x"'),
        ("a@x-.org", "domain", 'hyphen at the edge of "x-"'),
        ("foo@localhost", "single-label", "no dot after the @ sign"),
        ("foo@[127.0.0.1]", "literal", "IP address"),
        ("foo@x.org;", "trailing", "delete the ;"),
        ("foo@x.org,", "trailing", "delete the ,"),
        ("mailto:foo@x.org", "mailto", 'write only "foo@x.org"'),
        ("Foo <foo@x.org>", "name", 'write only "foo@x.org", or set parse_names = true'),
        ("<foo@x.org>", "name", 'write only "foo@x.org"'),
        ("foo@x.org>", "name", "angle bracket"),
        ("a@x.org, b@x.org", "many", "one recipient per row"),
        ("a@x.org b@x.org", "many", "one recipient per row"),
        ("“foo@x.org”", "quotes", 'write "foo@x.org"'),
        ("'foo@x.org'", "quotes", 'write "foo@x.org"'),
        ("fo o@x.org", "space", "delete the space"),
        ("@x.org", "no-local", "nothing before the @ sign"),
        ("foo@", "no-domain", "nothing after the @ sign"),
        ("=?utf-8?q?admin?=@x.org", "encoded", "encoded word"),
        ("a@x.org\nBcc: b@x.org", "control", "invisible character U+000A"),
        ("a\0@x.org", "control", "invisible character U+0000"),
        ("a\u202e@x.org", "control", "RIGHT-TO-LEFT OVERRIDE"),
        ("a@x.123", "syntax", "top-level domain"),
        ("a(b)@x.org", "syntax", "'(', ')'"),
        ("a@x$.org", "syntax", "'$'"),
    ],
)
def test_each_fault_is_named_with_its_fix(cell: str, code: str, words: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_mailbox(cell)
    assert caught.value.problem.code == f"address-{code}"
    assert words in str(caught.value)


def test_a_right_address_has_no_fault() -> None:
    assert first_fault("ann@example.org") is None
    assert invisible_character("ann@example.org") is None


def test_an_error_has_no_place_of_its_own() -> None:
    error = first_fault("ann")
    assert isinstance(error, AddressError)
    assert (error.problem.row, error.problem.file, error.problem.column) == (None, "", "")
    assert str(error) == '"ann" has no @ sign (an address is name@domain)'


def test_a_reason_of_email_validator_loses_its_full_stop() -> None:
    assert str(invalid("a@x", "It is wrong.")) == '"a@x": It is wrong (check the address)'


def test_a_name_around_an_address_is_quoted() -> None:
    assert str(more_than_the_address("Ann <a@x.org>", "a@x.org")).startswith(
        '"Ann <a@x.org>" is more than the address (write only "a@x.org"'
    )


@pytest.mark.parametrize(("length", "shown"), [(80, "x" * 80), (81, "x" * 80 + "…")])
def test_a_long_cell_is_quoted_in_part(length: int, shown: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_mailbox("x" * length)
    assert caught.value.problem.message == f'"{shown}" has no @ sign'


def test_control_characters_are_quoted_as_escapes() -> None:
    error = invisible_character("a\x1b@x.org")
    assert error is not None
    assert error.problem.message.startswith('"a\\u001b@x.org" contains the invisible character')
