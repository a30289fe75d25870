from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailmerge.errors import MessageError
from mailmerge.mime.headers import (
    check_line,
    date_field,
    header_block,
    is_blank,
    mailbox_field,
    mailbox_list_field,
    make_message_id,
    message_id_field,
    quoted_string,
    unstructured_field,
)
from mailmerge.recipients.address import Mailbox, parse_mailbox
from mailmerge.recipients.mailbox_list import parse_mailboxes
from tests.mime.reading import assert_canonical, header_texts, parse, read_field

ANN = parse_mailbox("ann@example.org")


@given(header_texts())
@example("aa  é  bb é c")
@example("=?UTF-8?Q?=0A?=Bcc: injected@example.org")
@example("Hello =?UTF-8?Q?=0D=0ABcc:_x?= you")
@example("é" * 40 + " " + "x" * 90)
@example("a" * 70 + " é")
@example("a" * 60 + " " * 60 + "é" * 30)
@example("a" + " " * 1000 + "b")
@example("a" * 990 + "  b")
@example("x" * 3000)
def test_subject_is_read_as_it_was_written(text: str) -> None:
    field = unstructured_field("Subject", text)
    assert read_field(field) == text.strip(" ")
    assert field.isascii()
    assert_canonical(field)


@given(header_texts(), st.sampled_from(["ann@example.org", "ann@bücher.example", "o'b+x@a.b.org"]))
@example('Smith, "Bob" \\', "ann@example.org")
@example("=?utf-8?q?=0ABcc:_x?=", "ann@example.org")
def test_display_name_never_touches_the_address(name: str, address: str) -> None:
    mailbox = parse_mailbox(address)
    field = mailbox_field("To", mailbox, name)
    message = parse(field + b"\r\n")
    assert message.keys() == ["To"]
    (read_address,) = message["To"].addresses
    assert read_address.addr_spec == mailbox.forward_path
    assert field.isascii()
    unfolded = field.decode("ascii").replace("\r\n", "").removeprefix("To: ")
    assert re.search(r"(?:^| <)" + re.escape(mailbox.forward_path) + r">?$", unfolded)
    if not name.strip(" "):
        assert unfolded == mailbox.forward_path
    elif "=?" in unfolded:
        # The standard library's own reader of addresses leaves a space between encoded-words.
        shown = str(make_header(decode_header(unfolded.rpartition(" <")[0])))
        assert shown == name.strip(" ")
    else:
        assert read_address.display_name == name.strip(" ")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ann Example", "Ann Example <ann@example.org>"),
        ("Example, Ann", '"Example, Ann" <ann@example.org>'),
        ("Dr. Ann", '"Dr. Ann" <ann@example.org>'),
        ('Ann "A" \\', '"Ann \\"A\\" \\\\" <ann@example.org>'),
        ("Zoë", "=?utf-8?b?Wm/Dqw==?= <ann@example.org>"),
        ("Ann Zoë Example", "=?utf-8?q?Ann_Zo=C3=AB_Example?= <ann@example.org>"),
        ("", "ann@example.org"),
    ],
)
def test_mailbox_is_written_as_readers_expect_it(name: str, expected: str) -> None:
    assert mailbox_field("To", ANN, name) == f"To: {expected}\r\n".encode()


def test_name_of_the_mailbox_is_used_where_no_other_is_given() -> None:
    named = parse_mailbox("Ann Example <ann@example.org>", names=True)
    assert mailbox_field("From", named) == b"From: Ann Example <ann@example.org>\r\n"
    assert mailbox_field("To", named, "Dr Ann") == b"To: Dr Ann <ann@example.org>\r\n"


def test_idn_domain_is_written_as_a_labels_without_smtputf8() -> None:
    ann, joerg = parse_mailbox("ann@bücher.example"), parse_mailbox("jörg@bücher.example")
    assert mailbox_field("To", ann) == b"To: ann@xn--bcher-kva.example\r\n"
    assert mailbox_field("To", joerg) == "To: jörg@bücher.example\r\n".encode()


FORBIDDEN = [
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    "\u2028",
    "\u2029",
    "\ud800",
    "\udfff",
]


@pytest.mark.parametrize("character", FORBIDDEN)
def test_no_control_character_reaches_a_field(character: str) -> None:
    value = f"Ann{character}Bcc: eve@example.org"
    with pytest.raises(MessageError, match="Subject holds"):
        unstructured_field("Subject", value)
    with pytest.raises(MessageError, match="List-Unsubscribe holds"):
        unstructured_field("List-Unsubscribe", value)
    with pytest.raises(MessageError, match="the display name holds"):
        mailbox_field("To", ANN, value)
    forged = f"ann{character}@example.org"
    with pytest.raises(MessageError, match="is not an address"):
        mailbox_field("To", Mailbox(forged, forged, forged))
    with pytest.raises(MessageError, match="is not <left@right>"):
        message_id_field(f"<a{character}@example.org>")


def test_forbidden_character_is_named() -> None:
    with pytest.raises(MessageError, match="Subject holds a line break"):
        unstructured_field("Subject", "a\nb")
    with pytest.raises(MessageError, match=r"U\+2028 LINE SEPARATOR"):
        unstructured_field("Subject", "a\u2028b")
    with pytest.raises(MessageError, match=r"U\+0000 \("):
        unstructured_field("Subject", "a\x00b")


@pytest.mark.parametrize(
    "address",
    ["a@b, c@d", "a b@example.org", "<a@b>", "a@b>", "a", "@b", "a@", '"a"b@c', "a@b\\", "a@[1 2]"],
)
def test_address_with_wrong_syntax_is_refused(address: str) -> None:
    with pytest.raises(MessageError, match="is not an address"):
        mailbox_field("To", Mailbox(address, address, address))


@pytest.mark.parametrize("address", ['"a b"@example.org', "a@[192.0.2.1]", "a.b+c@example.org"])
def test_rare_forms_of_an_address_are_written(address: str) -> None:
    field = mailbox_field("To", Mailbox(address, address, address))
    assert field == f"To: {address}\r\n".encode()


def test_several_mailboxes_are_one_field() -> None:
    text = 'Zoë Müller <zoe@example.org>, "Doe, Ann" <ann@example.org>, bob@example.org'
    field = mailbox_list_field("Reply-To", parse_mailboxes(text))
    assert field.isascii()
    assert all(len(line) <= 78 for line in field.split(b"\r\n"))
    header = message_from_bytes(field + b"\r\n", policy=policy.default)["Reply-To"]
    read = [(one.display_name, one.addr_spec) for one in header.addresses]
    assert read == [
        ("Zoë Müller", "zoe@example.org"),
        ("Doe, Ann", "ann@example.org"),
        ("", "bob@example.org"),
    ]


def test_long_word_is_neither_folded_nor_encoded() -> None:
    url = f"<https://example.org/unsubscribe?token={'x' * 300}>"
    for name in ("List-Unsubscribe", "X-Link"):
        assert unstructured_field(name, url) == f"{name}: {url}\r\n".encode()
    both = f"{url}, <mailto:leave@example.org>"
    assert unstructured_field("List-Unsubscribe", both) == (
        f"List-Unsubscribe: {url},\r\n <mailto:leave@example.org>\r\n".encode()
    )


@pytest.mark.parametrize(
    "value",
    [
        "<https://example.org/ü>",
        "<https://example.org/=?utf-8?q?a?=>",
        "=??q?=0ABcc:_eve@example.org?=",
        "=?utf 8?q?=0A?=Bcc: x",
        "<https://example.org/=??b?YWJj?=>",
    ],
)
def test_field_of_urls_takes_ascii_only(value: str) -> None:
    with pytest.raises(MessageError, match=r"List-Unsubscribe holds .*urlencode"):
        unstructured_field("List-Unsubscribe", value)


@given(
    st.lists(
        st.sampled_from(
            ["=?", "?=", "?", "=", "??", "q?", "?q?", "?B?", "utf-8", "a", " ", "=0A", "*", "x"]
        ),
        max_size=9,
    ).map("".join)
)
def test_field_of_urls_is_read_as_written_or_refused(value: str) -> None:
    try:
        field = unstructured_field("List-Unsubscribe", value)
    except MessageError:
        return
    assert read_field(field) == value.strip(" ")


def test_query_that_begins_with_an_equals_sign_is_kept() -> None:
    url = "<https://example.org/=?a=1&b=?x>"
    assert unstructured_field("List-Unsubscribe", url) == f"List-Unsubscribe: {url}\r\n".encode()


def test_field_with_a_word_longer_than_a_line_is_encoded() -> None:
    fits = "x" * (998 - len("X-Link: "))
    assert len(unstructured_field("X-Link", fits)) == 1000
    for text in (fits + "x", "a " + fits + "xx b", "a" + " " * 1000 + "b"):
        field = unstructured_field("X-Link", text)
        assert read_field(field) == text
        assert max(map(len, field.split(b"\r\n"))) <= 76


@pytest.mark.parametrize("name", ["x" * 1200, "a" + " " * 1200 + "b", 'q"' * 500, "a b " * 500])
def test_display_name_may_have_any_length(name: str) -> None:
    field = mailbox_field("To", ANN, name)
    (address,) = parse(field + b"\r\n")["To"].addresses
    assert address.addr_spec == "ann@example.org"
    assert max(map(len, field.split(b"\r\n"))) <= 76
    unfolded = field.decode("ascii").replace("\r\n", "").removeprefix("To: ")
    shown = str(make_header(decode_header(unfolded.rpartition(" <")[0])))
    assert name.strip(" ") in (shown, address.display_name)


@given(
    st.datetimes(min_value=datetime(1900, 1, 1)),  # noqa: DTZ001 (the zone is added)
    st.integers(-1439, 1439),
)
def test_date_is_read_as_it_was(naive: datetime, minutes: int) -> None:
    date = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)), microsecond=0)
    field = date_field(date)
    assert re.fullmatch(
        rb"Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}\r\n", field
    )
    assert parsedate_to_datetime(field.decode().removeprefix("Date: ")) == date


def test_offset_with_seconds_is_written_in_whole_minutes() -> None:
    for seconds in (3208, -3208):
        zone = timezone(timedelta(seconds=seconds))
        date = datetime(1890, 1, 1, 0, 0, 7, tzinfo=zone)
        field = date_field(date).decode().removeprefix("Date: ")
        assert parsedate_to_datetime(field) == date


def test_date_is_written_in_its_own_time_zone() -> None:
    moment = datetime(2026, 11, 3, 9, 5, 7, tzinfo=UTC)
    assert b" 09:05:07 +0000" in date_field(moment)
    assert b" 10:05:07 +0100" in date_field(moment.astimezone(timezone(timedelta(hours=1))))


def test_date_without_a_zone_is_refused() -> None:
    assert date_field(datetime(2026, 11, 3, 9, 5, 7, tzinfo=UTC)) == (
        b"Date: Tue, 03 Nov 2026 09:05:07 +0000\r\n"
    )
    with pytest.raises(MessageError, match="no time zone"):
        date_field(datetime(2026, 11, 3))  # noqa: DTZ001 (what is tested)


def test_message_id_is_stable_and_hides_the_address() -> None:
    made = make_message_id(b"secret", "news", "ann@example.org", "example.org")
    assert made == make_message_id(b"secret", "news", "ann@example.org", "example.org")
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.org>", made)
    assert message_id_field(made) == f"Message-ID: {made}\r\n".encode()
    others = {
        make_message_id(b"secret", "news", "bob@example.org", "example.org"),
        make_message_id(b"secret", "news2", "ann@example.org", "example.org"),
        make_message_id(b"other", "news", "ann@example.org", "example.org"),
        make_message_id(b"secret", "newsa", "nn@example.org", "example.org"),
    }
    assert len({made, *others}) == 5


@pytest.mark.parametrize("wrong", [*',;:()[]"\\<@ ', "..", "=?"])
def test_message_id_is_made_of_atoms(wrong: str) -> None:
    """RFC 5322, 3.6.4: dot-atom-text on both sides, or a literal behind the @."""
    assert message_id_field("<a.b@[192.0.2.1]>") == b"Message-ID: <a.b@[192.0.2.1]>\r\n"
    for message_id in (f"<a{wrong}b@example.org>", f"<a@example{wrong}org>"):
        with pytest.raises(MessageError, match="is not <left@right>"):
            message_id_field(message_id)


def test_message_id_is_the_same_in_every_version() -> None:
    expected = "<baa7fcaf0178587dee700b486b6ca06a@x.org>"
    assert make_message_id(b"s", "news", "key", "x.org") == expected


@pytest.mark.parametrize(
    "fields",
    [
        [b"A: 1\r\n\r\n", b"B: 2\r\n"],
        [b"A: 1\r\nBcc: x\r\n", b"B: 2\r\n"],
        [b"A: 1\nBcc: x\r\n", b"B: 2\r\n"],
        [b"A: 1\rBcc: x\r\n", b"B: 2\r\n"],
        [b"A: 1\r\n", b""],
        [b"A: 1", b"B: 2\r\n"],
    ],
)
def test_header_with_another_number_of_fields_is_refused(fields: list[bytes]) -> None:
    with pytest.raises(MessageError, match="a field that is not part of this message") as caught:
        header_block(fields)
    assert caught.value.problem.code == "forged-field"


def test_header_is_its_fields_one_after_the_other() -> None:
    assert header_block([b"A: 1\r\n 2\r\n", b"B: 2\r\n"]) == b"A: 1\r\n 2\r\nB: 2\r\n"


@pytest.mark.parametrize(
    ("text", "blank"),
    [
        ("", True),
        ("  ", True),
        ("\u00a0\u200b\u2060\ufeff", True),
        ("\u200ba", False),
        (".", False),
    ],
)
def test_text_without_a_visible_character_is_blank(text: str, blank: bool) -> None:
    assert is_blank(text) is blank


def test_checked_line_may_be_any_script() -> None:
    check_line("Subject", "Grüße, 中文 \U0001f600")
    with pytest.raises(MessageError, match="the file name holds a line break"):
        check_line("the file name", "a\nb")


def test_quoted_string_escapes_quotes_and_backslashes() -> None:
    assert quoted_string('a "b" \\') == '"a \\"b\\" \\\\"'
