from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header, make_header
from email.utils import parsedate_to_datetime
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailmerge.errors import MessageError
from mailmerge.mime.headers import (
    date_field,
    encoded_words,
    folded,
    format_mailbox,
    mailbox_field,
    make_message_id,
    message_id_field,
    name_parameter,
    parameter,
    parameterised_field,
    unstructured_field,
)
from mailmerge.recipients.address import Mailbox, parse_mailbox
from tests.mime.reading import assert_canonical, header_texts, parse

ANN = parse_mailbox("ann@example.org")
ENCODED_WORD = re.compile(r"=\?[^?]*\?[bq]\?[^?]*\?=")


def read(field: bytes) -> str:
    message = parse(field + b"\r\n")
    assert len(message.keys()) == 1
    return str(message[message.keys()[0]])


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
def test_a_subject_is_read_as_it_was_written(text: str) -> None:
    field = unstructured_field("Subject", text)
    assert read(field) == text.strip(" ")
    assert field.isascii()
    assert_canonical(field)


@given(header_texts())
@example("中" * 100)
@example("a" * 30 + " " + "中" * 100)
@example("a" * 60 + " " * 60 + "é" * 30)
@example("é" + "  x" * 60)
@example("a" + " " * 1000 + "b")
@example("é " + "x" * 2000 + " é")
def test_encoded_words_keep_to_their_length_and_part_no_character(text: str) -> None:
    for line in unstructured_field("Subject", text).decode("ascii").split("\r\n"):
        words = ENCODED_WORD.findall(line)
        assert len(line.lstrip(" ")) <= 76 or not words
        for word in words:
            assert len(word) <= 75
            ((octets, charset),) = decode_header(word)
            assert charset == "utf-8"
            octets.decode("utf-8")


@given(header_texts())
@example("Hello.  " * 30)
@example("a" * 70 + "   é   " + "b" * 70)
def test_lines_are_folded_at_single_spaces(text: str) -> None:
    """Where a fold falls into a run of spaces, some readers make one of them."""
    *lines, _ = unstructured_field("X-Note", text).decode("ascii").split("\r\n")
    for before, after in pairwise(lines):
        assert not before.endswith(" ")
        assert not after.startswith("  ")


@given(header_texts())
def test_lines_are_folded_where_there_is_a_space(text: str) -> None:
    for line in unstructured_field("X-Note", text).decode("ascii").split("\r\n"):
        word = line.strip(" ").partition(" ")[2]
        assert len(line) <= 76 or not word or len(line.split(" ")) <= 2 or "  " in line


@given(header_texts(), st.sampled_from(["ann@example.org", "ann@bücher.example", "o'b+x@a.b.org"]))
@example('Smith, "Bob" \\', "ann@example.org")
@example("=?utf-8?q?=0ABcc:_x?=", "ann@example.org")
def test_a_display_name_never_touches_the_address(name: str, address: str) -> None:
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
def test_a_mailbox_is_written_as_readers_expect_it(name: str, expected: str) -> None:
    assert format_mailbox(ANN, name) == expected


def test_the_name_of_the_cell_is_used_where_no_other_is_given() -> None:
    named = parse_mailbox("Ann Example <ann@example.org>", names=True)
    assert mailbox_field("From", named) == b"From: Ann Example <ann@example.org>\r\n"
    assert mailbox_field("To", named, "Dr Ann") == b"To: Dr Ann <ann@example.org>\r\n"


def test_an_idn_domain_is_written_as_a_labels_unless_the_local_part_needs_utf8() -> None:
    assert format_mailbox(parse_mailbox("ann@bücher.example")) == "ann@xn--bcher-kva.example"
    assert format_mailbox(parse_mailbox("jörg@bücher.example")) == "jörg@bücher.example"


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


def test_the_character_is_named() -> None:
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
def test_what_is_no_address_never_becomes_one(address: str) -> None:
    with pytest.raises(MessageError, match="is not an address"):
        format_mailbox(Mailbox(address, address, address))


@pytest.mark.parametrize("address", ['"a b"@example.org', "a@[192.0.2.1]", "a.b+c@example.org"])
def test_the_rarer_forms_of_an_address_are_written(address: str) -> None:
    assert format_mailbox(Mailbox(address, address, address)) == address


def test_a_long_word_is_neither_folded_nor_encoded() -> None:
    url = f"<https://example.org/unsubscribe?token={'x' * 300}>"
    for name in ("List-Unsubscribe", "X-Link"):
        assert unstructured_field(name, url) == f"{name}: {url}\r\n".encode()
    both = f"{url}, <mailto:leave@example.org>"
    assert unstructured_field("List-Unsubscribe", both) == (
        f"List-Unsubscribe: {url},\r\n <mailto:leave@example.org>\r\n".encode()
    )


def test_references_are_folded_between_identifiers() -> None:
    identifiers = [f"<{number:040}@example.org>" for number in range(30)]
    field = unstructured_field("References", " ".join(identifiers))
    assert field == ("References: " + "\r\n ".join(identifiers) + "\r\n").encode()


def test_a_long_name_does_not_make_an_encoded_word_too_long() -> None:
    name = "X-" + "N" * 70
    field = unstructured_field(name, "中文" * 30)
    assert read(field) == "中文" * 30
    assert max(map(len, field.split(b"\r\n")[1:])) <= 76
    assert max(map(len, ENCODED_WORD.findall(field.decode()))) <= 75


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
def test_a_field_of_urls_takes_ascii_only(value: str) -> None:
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
def test_a_field_of_urls_is_read_as_it_was_written_or_refused(value: str) -> None:
    try:
        field = unstructured_field("List-Unsubscribe", value)
    except MessageError:
        return
    assert read(field) == value.strip(" ")


def test_a_query_that_begins_with_an_equals_sign_is_left_alone() -> None:
    url = "<https://example.org/=?a=1&b=?x>"
    assert unstructured_field("List-Unsubscribe", url) == f"List-Unsubscribe: {url}\r\n".encode()


def test_a_field_is_encoded_where_a_word_of_it_is_longer_than_a_line() -> None:
    fits = "x" * (998 - len("X-Link: "))
    assert len(unstructured_field("X-Link", fits)) == 1000
    for text in (fits + "x", "a " + fits + "xx b", "a" + " " * 1000 + "b"):
        field = unstructured_field("X-Link", text)
        assert read(field) == text
        assert max(map(len, field.split(b"\r\n"))) <= 76


@pytest.mark.parametrize("name", ["x" * 1200, "a" + " " * 1200 + "b", 'q"' * 500, "a b " * 500])
def test_a_display_name_may_be_as_long_as_it_likes(name: str) -> None:
    field = mailbox_field("To", ANN, name)
    (address,) = parse(field + b"\r\n")["To"].addresses
    assert address.addr_spec == "ann@example.org"
    assert max(map(len, field.split(b"\r\n"))) <= 76
    unfolded = field.decode("ascii").replace("\r\n", "").removeprefix("To: ")
    shown = str(make_header(decode_header(unfolded.rpartition(" <")[0])))
    assert name.strip(" ") in (shown, address.display_name)


def test_a_line_has_at_most_998_octets() -> None:
    long = "<" + "x" * 985 + ">"
    with pytest.raises(MessageError) as caught:
        unstructured_field("List-Unsubscribe", long)
    assert str(caught.value) == (
        "List-Unsubscribe is too long: with its name the line has 1005 octets, and 998 are the"
        " limit (shorten it)"
    )
    with pytest.raises(MessageError, match=r"too long: a line of it has 1001 octets"):
        unstructured_field("List-Unsubscribe", "a " + "x" * 1000)
    with pytest.raises(MessageError, match="too long"):
        folded("To", "é" * 600)


def test_an_address_in_a_field_of_the_campaigns_own_is_no_encoded_word() -> None:
    value = "Zoë Łukasz <zoe@example.org>, Jörg <joerg@example.org>, x@example.org, Ann  é"
    field = unstructured_field("Disposition-Notification-To", value)
    assert read(field) == value
    for address in (b" <zoe@example.org>,", b" <joerg@example.org>,", b" x@example.org,"):
        assert address in field


@given(
    st.datetimes(min_value=datetime(1900, 1, 1)),  # noqa: DTZ001 (the zone is added)
    st.integers(-1439, 1439),
)
def test_a_date_is_read_as_it_was(naive: datetime, minutes: int) -> None:
    date = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)), microsecond=0)
    field = date_field(date)
    assert re.fullmatch(
        rb"Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}\r\n", field
    )
    assert parsedate_to_datetime(field.decode().removeprefix("Date: ")) == date


def test_an_offset_with_seconds_is_written_in_whole_minutes_at_the_same_moment() -> None:
    for seconds in (3208, -3208):
        zone = timezone(timedelta(seconds=seconds))
        date = datetime(1890, 1, 1, 0, 0, 7, tzinfo=zone)
        field = date_field(date).decode().removeprefix("Date: ")
        assert parsedate_to_datetime(field) == date


def test_the_same_moment_is_written_in_the_zone_that_it_is_given_in() -> None:
    moment = datetime(2026, 11, 3, 9, 5, 7, tzinfo=UTC)
    assert b" 09:05:07 +0000" in date_field(moment)
    assert b" 10:05:07 +0100" in date_field(moment.astimezone(timezone(timedelta(hours=1))))


def test_a_date_without_a_zone_is_refused() -> None:
    assert date_field(datetime(2026, 11, 3, 9, 5, 7, tzinfo=UTC)) == (
        b"Date: Tue, 03 Nov 2026 09:05:07 +0000\r\n"
    )
    with pytest.raises(MessageError, match="no time zone"):
        date_field(datetime(2026, 11, 3))  # noqa: DTZ001 (what is tested)


def test_a_message_id_is_the_same_for_the_same_person_and_hides_the_address() -> None:
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
def test_a_message_id_is_made_of_atoms(wrong: str) -> None:
    """RFC 5322, 3.6.4: dot-atom-text on both sides, or a literal behind the @."""
    assert message_id_field("<a.b@[192.0.2.1]>") == b"Message-ID: <a.b@[192.0.2.1]>\r\n"
    for message_id in (f"<a{wrong}b@example.org>", f"<a@example{wrong}org>"):
        with pytest.raises(MessageError, match="is not <left@right>"):
            message_id_field(message_id)


def test_a_message_id_is_the_same_in_every_version() -> None:
    expected = "<baa7fcaf0178587dee700b486b6ca06a@x.org>"
    assert make_message_id(b"s", "news", "key", "x.org") == expected


@given(header_texts().filter(lambda text: text.strip(" ") == text != ""))
@example("报价单.pdf")
@example('q"u\\o.pdf')
@example("=?utf-8?q?a?=.pdf")
@example("é" * 120 + ".pdf")
@example("a*b%20'c';d.pdf")
def test_a_file_name_is_read_as_it_was(name: str) -> None:
    field = parameterised_field("Content-Disposition", "attachment", *parameter("filename", name))
    message = parse(field + b"\r\n")
    assert message["Content-Disposition"].params["filename"] == name
    assert message.get_content_disposition() == "attachment"
    assert not message["Content-Disposition"].defects
    assert field.isascii()
    if "=?" in name or not name.isascii():
        assert max(map(len, field.split(b"\r\n"))) <= 76


@given(header_texts().filter(lambda text: text.strip(" ") == text != ""))
def test_the_name_for_older_readers_is_the_same(name: str) -> None:
    field = parameterised_field("Content-Type", "application/pdf", *name_parameter(name))
    assert parse(field + b"\r\n")["Content-Type"].params["name"] == name
    assert field.isascii()


def test_encoded_words_can_be_read_where_most_of_the_text_is_latin() -> None:
    assert encoded_words("Neues aus Köln") == ["=?utf-8?q?Neues_aus_K=C3=B6ln?="]
    assert encoded_words("中文") == ["=?utf-8?b?5Lit5paH?="]
