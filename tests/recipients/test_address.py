"""What is one mailbox, what is none, and which spellings are the same."""

from __future__ import annotations

import email_validator
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailmerge.errors import AddressError
from mailmerge.recipients import address as address_module
from mailmerge.recipients.address import Mailbox, loose_identity, parse_mailbox

ATEXT = "abcXYZ019!#$%&'*+-/=?^_`{|}~."
locals_ = st.text(ATEXT, min_size=1, max_size=66)
domains = st.text("abZ09-.", min_size=1, max_size=70) | st.sampled_from(
    ["example.org", "Example.ORG", "xn--mller-kva.de", "xn--zzzzzzzz.de", "x.museum", "a.b.c.de"]
)


@given(locals_, domains)
@example("info", "Example.org")
@example("a" * 64, "example.org")
@example("a" * 65, "example.org")
@example("a", "-a.org")
@example("a", "a--b.org")
@example("a", "ab--c.org")
def test_the_quick_way_says_what_email_validator_says(local: str, domain: str) -> None:
    cell = f"{local}@{domain}"
    try:
        expected = email_validator.validate_email(cell, check_deliverability=False, strict=True)
    except email_validator.EmailNotValidError:
        with pytest.raises(AddressError):
            parse_mailbox(cell)
        return
    if "=?" in cell:
        return  # an encoded word is refused on purpose
    mailbox = parse_mailbox(cell)
    assert mailbox.address == expected.normalized
    assert mailbox.forward_path == f"{expected.local_part}@{expected.ascii_domain}"


@given(st.text(max_size=80))
@example("\u202e@x.org")
@example("a@\ud800.org")
@example("<>")
@example("@")
def test_any_text_is_a_mailbox_or_one_clear_line(cell: str) -> None:
    for names in (False, True):
        try:
            mailbox = parse_mailbox(cell, names=names)
        except AddressError as error:
            refused = error
        else:
            assert mailbox.forward_path.count("@") == 1
            assert parse_mailbox(mailbox.address).identity == mailbox.identity
            continue
        assert str(refused).isprintable()
        assert refused.problem.code.startswith("address-")


@pytest.mark.parametrize(
    ("cell", "code", "words"),
    [
        ("", "empty", "fill it in"),
        (" \t", "empty", "fill it in"),
        ("bob", "no-at", "has no @ sign"),
        ("a@b@c.com", "two-at", "has 2 @ signs"),
        (".foo@x.org", "dots", "before the @ sign"),
        ("foo.@x.org", "dots", "before the @ sign"),
        ("foo..bar@x.org", "dots", "two dots in a row"),
        ("a@x..org", "dots", "a dot too many"),
        ("a@.x.org", "dots", "a dot too many"),
        ("a@x.org.", "dots", "ends with a dot"),
        ("a" * 65 + "@x.org", "long", "65 octets before the @ sign"),
        ("ü" * 33 + "@x.org", "long", "66 octets before the @ sign"),
        ("a@" + "b." * 126 + "org", "long", "255 characters after the @ sign"),
        ("a@" + "b" * 64 + ".org", "long", "has 64 characters, 63 are allowed"),
        ("a@x_y.org", "domain", "underscore"),
        ("a@-x.org", "domain", 'hyphen at the edge of "-x"'),
        ("a@x-.org", "domain", 'hyphen at the edge of "x-"'),
        ("foo@localhost", "single-label", "no dot after the @ sign"),
        ("foo@[127.0.0.1]", "literal", "IP number"),
        ("foo@x.org;", "trailing", "delete the ;"),
        ("foo@x.org,", "trailing", "delete the ,"),
        ("mailto:foo@x.org", "mailto", 'write only "foo@x.org"'),
        ("Foo <foo@x.org>", "name", 'write only "foo@x.org", or set parse_names = true'),
        ("<foo@x.org>", "name", 'write only "foo@x.org"'),
        ("foo@x.org>", "name", "angle bracket"),
        ("a@x.org, b@x.org", "many", "one person a row"),
        ("a@x.org b@x.org", "many", "one person a row"),
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
def test_each_fault_of_a_cell_is_named_with_its_mend(cell: str, code: str, words: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_mailbox(cell)
    assert caught.value.problem.code == f"address-{code}"
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("bob＠example。com", "bob@example.com"),
        ("ｂｏｂ＠ｅｘａｍｐｌｅ．ｃｏｍ", "bob@example.com"),
        ("\u3000bob@example.com\u00a0", "bob@example.com"),
        ("\u200bbob@exam\u00adple.com\ufeff", "bob@example.com"),
        ("\u202abob@example.com\u202c", "bob@example.com"),
        ("Bob@EXAMPLE.com", "Bob@example.com"),
        ("o'brien+x@example.ie", "o'brien+x@example.ie"),
        ("x@MÜLLER.de", "x@müller.de"),
        ("x@xn--mller-kva.de", "x@müller.de"),
        ("用户@例子.中国", "用户@例子.中国"),
    ],
)
def test_what_only_looks_different_is_put_into_normal_form(cell: str, address: str) -> None:
    assert parse_mailbox(cell).address == address


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Bob@example.org", "bob@EXAMPLE.ORG"),
        ("x@müller.de", "x@xn--mller-kva.de"),
        ("Jose\u0301@example.org", "josé@example.org"),
        ("bob@example.org ", "bob@example.org"),
        ("bob＠example.org", "bob@example.org"),
        ("INFO@example.org", "info@example.org"),
    ],
)
def test_spellings_of_one_mailbox_have_one_identity(one: str, other: str) -> None:
    assert parse_mailbox(one).identity == parse_mailbox(other).identity


def test_other_people_have_other_identities() -> None:
    cells = [
        "bob@example.org",
        "bob+x@example.org",
        "b.ob@example.org",
        "strasse@x.de",
        "straße@x.de",
    ]
    assert len({parse_mailbox(cell).identity for cell in cells}) == len(cells)


def test_the_domain_goes_to_the_server_as_a_labels_and_the_local_part_as_it_is() -> None:
    mailbox = parse_mailbox("Jürgen@Müller.de")
    assert mailbox.forward_path == "Jürgen@xn--mller-kva.de"
    assert mailbox.domain == "xn--mller-kva.de"
    assert mailbox.needs_smtputf8
    assert not parse_mailbox("juergen@müller.de").needs_smtputf8


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("Bob <bob@x.org>", "Bob"),
        ('"Doe, \\"J\\" Jane" <bob@x.org>', 'Doe, "J" Jane'),
        ("  José  García   <  bob@x.org >", "José García"),
        ("Jose\u0301 <bob@x.org>", "José"),
        ("<bob@x.org>", ""),
        ("bob@x.org", ""),
    ],
)
def test_a_name_is_kept_where_it_is_asked_for(cell: str, name: str) -> None:
    expected = Mailbox("bob@x.org", "bob@x.org", "bob@x.org", name)
    assert parse_mailbox(cell, names=True) == expected


@pytest.mark.parametrize(
    "cell", ["Bob <bob@x.org", "Bob <>", "A <a@x.org> B <b@x.org>", "<<a@x.org>>"]
)
def test_half_a_name_is_refused(cell: str) -> None:
    with pytest.raises(AddressError):
        parse_mailbox(cell, names=True)


def test_a_long_cell_is_quoted_in_part() -> None:
    with pytest.raises(AddressError) as caught:
        parse_mailbox("x" * 10_000)
    assert len(str(caught.value)) < 200


def test_a_million_domains_do_not_fill_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_module, "_DOMAINS_KEPT", 3)
    monkeypatch.setattr(address_module, "_domains", {})
    for number in range(10):
        parse_mailbox(f"a@d{number}.org")
        assert len(address_module._domains) <= 3


def test_loosely_the_same_are_tags_and_the_dots_of_gmail() -> None:
    assert loose_identity("bob.smith+news@googlemail.com") == "bobsmith@gmail.com"
    assert loose_identity("bob.smith+news@example.org") == "bob.smith@example.org"
    assert loose_identity("+news@example.org") == "+news@example.org"
