"""A cell is one mailbox or an error, and spellings of one mailbox share an identity."""

from __future__ import annotations

import gc
import tracemalloc

import email_validator
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailmerge.errors import AddressError
from mailmerge.recipients.address import Mailbox, loose_identity, parse_mailbox

ATEXT = "abcXYZ019!#$%&'*+-/=?^_`{|}~."
locals_ = st.text(ATEXT, min_size=1, max_size=66)
domains = st.text("abZ09-.", min_size=1, max_size=70) | st.sampled_from(
    ["example.org", "Example.ORG", "xn--mller-kva.de", "xn--zzzzzzzz.de", "x.museum", "a.b.c.de"]
)


@pytest.mark.parametrize(
    ("cell", "shown", "forward_path"),
    [
        ("Ann@i❤.ws", "Ann@xn--i-7iq.ws", "Ann@xn--i-7iq.ws"),
        ("ann@💩.la", "ann@xn--ls8h.la", "ann@xn--ls8h.la"),
        ("ann@mail.i❤️.ws", "ann@mail.xn--i-7iq.ws", "ann@mail.xn--i-7iq.ws"),
    ],
)
def test_a_domain_with_symbols_is_written_in_ascii(
    cell: str, shown: str, forward_path: str
) -> None:
    mailbox = parse_mailbox(cell)
    assert (mailbox.address, mailbox.forward_path) == (shown, forward_path)
    assert mailbox.identity == forward_path.lower()


@pytest.mark.parametrize("cell", ["ann@i❤¿.ws", "ann@❤_.ws", "ann@❤", "ann@xn--❤.ws", "a b@❤.ws"])
def test_other_signs_with_a_symbol_are_no_domain(cell: str) -> None:
    with pytest.raises(AddressError):
        parse_mailbox(cell)


@given(locals_, domains)
@example("info", "Example.org")
@example("a" * 64, "example.org")
@example("a" * 65, "example.org")
@example("a", "-a.org")
@example("a", "a--b.org")
@example("a", "ab--c.org")
def test_the_fast_path_agrees_with_email_validator(local: str, domain: str) -> None:
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
def test_different_looks_get_one_normal_form(cell: str, address: str) -> None:
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


def test_other_mailboxes_have_other_identities() -> None:
    cells = [
        "bob@example.org",
        "bob+x@example.org",
        "b.ob@example.org",
        "strasse@x.de",
        "straße@x.de",
    ]
    assert len({parse_mailbox(cell).identity for cell in cells}) == len(cells)


def test_the_forward_path_has_a_labels_and_the_local_part_as_it_is() -> None:
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
def test_a_name_is_kept_if_names_are_read(cell: str, name: str) -> None:
    expected = Mailbox("bob@x.org", "bob@x.org", "bob@x.org", name)
    assert parse_mailbox(cell, names=True) == expected


@pytest.mark.parametrize(
    "cell", ["Bob <bob@x.org", "Bob <>", "A <a@x.org> B <b@x.org>", "<<a@x.org>>"]
)
def test_half_a_name_is_refused(cell: str) -> None:
    with pytest.raises(AddressError):
        parse_mailbox(cell, names=True)


def test_domains_that_were_seen_take_bounded_memory() -> None:
    """A list may have as many domains as recipients."""

    def parse(start: int) -> int:
        for number in range(start, start + 60_000):
            parse_mailbox(f"a@d{number}.example.org")
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    first = parse(0)
    second = parse(60_000)
    tracemalloc.stop()
    # 60,000 more domains would take some 20 MB more.
    assert second - first < 2_000_000


@pytest.mark.parametrize(
    ("cell", "forward_path"),
    [
        ("a@x.test", "a@x.test"),
        ("a@b.local", "a@b.local"),
        ("ü@x.invalid", "ü@x.invalid"),
        ("ü@X.Test", "ü@x.test"),
        ("a@müller.test", "a@xn--mller-kva.test"),
        ("a@müller.ｔｅｓｔ", "a@xn--mller-kva.test"),
        ("a@müller.home.arpa", "a@xn--mller-kva.home.arpa"),
        ("ü@test.onion", "ü@test.onion"),
    ],
)
def test_reserved_domains_are_addresses(cell: str, forward_path: str) -> None:
    mailbox = parse_mailbox(cell)
    assert mailbox.forward_path == forward_path
    assert parse_mailbox(mailbox.address) == mailbox


def test_faults_before_a_reserved_domain_are_found() -> None:
    for cell in ("ü(b)@x.test", "ü@x$.test", "ü@xn--zzzzzzzz.test"):
        with pytest.raises(AddressError) as caught:
            parse_mailbox(cell)
        assert caught.value.problem.code == "address-syntax"
        assert "xest" not in str(caught.value)


def test_the_settings_of_email_validator_stay_as_they_are() -> None:
    """Other code in the same process may rely on them."""
    before = list(email_validator.SPECIAL_USE_DOMAIN_NAMES)
    assert "test" in before
    parse_mailbox("ü@müller.test")
    assert before == email_validator.SPECIAL_USE_DOMAIN_NAMES
    with pytest.raises(email_validator.EmailNotValidError):
        email_validator.validate_email("a@x.test", check_deliverability=False)


def test_loose_identities_ignore_tags_and_the_dots_of_gmail() -> None:
    assert loose_identity("bob.smith+news@googlemail.com") == "bobsmith@gmail.com"
    assert loose_identity("bob.smith+news@example.org") == "bob.smith@example.org"
    assert loose_identity("+news@example.org") == "+news@example.org"


def test_an_address_before_a_named_one_is_not_a_name() -> None:
    with pytest.raises(AddressError) as caught:
        parse_mailbox("ann@example.org, Bob <bob@example.org>", names=True)
    assert caught.value.problem.code == "address-many"
    quoted = parse_mailbox('"ann@example.org, Bob" <bob@example.org>', names=True)
    assert quoted.display_name == "ann@example.org, Bob"
