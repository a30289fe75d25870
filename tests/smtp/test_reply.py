"""Octets -> replies: any cut gives the same, every bound holds, nothing else is raised."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.errors import RemoteProtocolError
from mailmerge.smtp.reply import (
    MAX_REPLY_LINE,
    MAX_REPLY_LINES,
    MAX_REPLY_OCTETS,
    Reply,
    ReplyReader,
)


def read(*pieces: bytes) -> list[Reply]:
    reader = ReplyReader()
    replies = []
    for piece in pieces:
        reader.feed(piece)
        while (reply := reader.next_reply()) is not None:
            replies.append(reply)
    return replies


codes = st.integers(200, 599)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=60)
wires = st.lists(
    st.tuples(codes, st.lists(texts, min_size=1, max_size=4)), min_size=1, max_size=6
).map(
    lambda replies: b"".join(
        "".join(
            f"{code}{'-' if index < len(lines) - 1 else ' '}{line}\r\n"
            for index, line in enumerate(lines)
        ).encode()
        for code, lines in replies
    )
)


@given(wires, st.lists(st.integers(0, 2000), max_size=8))
def test_any_cut_of_the_octets_gives_the_same_replies(wire: bytes, cuts: list[int]) -> None:
    places = sorted({0, *(min(cut, len(wire)) for cut in cuts), len(wire)})
    pieces = [wire[start:end] for start, end in itertools.pairwise(places)]
    assert read(*pieces) == read(wire)
    assert read(*(bytes([octet]) for octet in wire)) == read(wire)


@given(st.binary(max_size=300))
def test_no_octets_raise_anything_but_the_named_error(octets: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        assert all(200 <= reply.code < 600 for reply in read(octets, b"\r\n"))


@given(st.integers(200, 599))
def test_the_first_digit_decides(code: int) -> None:
    (reply,) = read(b"%d what\r\n" % code)
    kinds = [reply.positive, reply.intermediate, reply.transient, reply.permanent]
    assert kinds.index(True) == code // 100 - 2
    assert kinds.count(True) == 1


def test_a_reply_of_several_lines_is_one() -> None:
    assert read(b"250-2.1.0 a\r\n250-\r\n250 2.1.0 c\r\n") == [
        Reply(250, ("2.1.0 a", "", "2.1.0 c"), "2.1.0")
    ]


@pytest.mark.parametrize("octets", [b"250\r\n", b"250 \r\n", b"250\n"])
def test_a_bare_code_is_a_reply(octets: bytes) -> None:
    assert read(octets) == [Reply(250, ("",))]


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("5.1.1 no", "5.1.1"),
        ("5.7.139 no", "5.7.139"),
        ("4.2.0", "4.2.0"),
        ("1.2.3 no", None),
        ("5.1.1x", None),
        ("no 5.1.1", None),
    ],
)
def test_the_enhanced_status_is_read_where_it_is_one(text: str, status: str | None) -> None:
    (reply,) = read(f"550 {text}\r\n".encode())
    assert reply.enhanced_status == status
    assert reply.text == text


def test_text_for_people_has_no_control_characters() -> None:
    (reply,) = read(b"550 a\x1b[2Jb\x00\x7f\xc2\x9b\xe2\x80\xa8c \xff\r\n")
    assert reply.text == "a [2Jb c \\xff"
    assert str(reply) == "550 a [2Jb c \\xff"


@pytest.mark.parametrize("control", "\u061c\u200e\u200f\u202a\u202e\u2066\u2069")
def test_text_for_people_cannot_be_turned_round(control: str) -> None:
    (reply,) = read(f"550 gpj{control}exe\r\n".encode())
    assert reply.text == "gpj exe"


@pytest.mark.parametrize(
    "octets",
    [
        b"x" * (MAX_REPLY_LINE + 1),
        b"250 " + b"x" * MAX_REPLY_LINE + b"\r\n",
        b"250-" + b"x" * MAX_REPLY_LINE + b"\r\n",
        b"250-x\r\n" * (MAX_REPLY_LINES + 1),
        (b"250-" + b"x" * 10_000 + b"\r\n") * (MAX_REPLY_OCTETS // 10_000 + 1),
    ],
)
def test_what_is_over_a_bound_is_an_error(octets: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match=r"long|without an end"):
        read(octets)


def test_bounds_leave_room_for_what_is_permitted() -> None:
    longest = b"334 " + b"x" * 12_288 + b"\r\n"
    assert len(read(longest)[0].text) == 12_288
    assert len(read(b"250-x\r\n" * (MAX_REPLY_LINES - 1) + b"250 x\r\n")[0].lines) == 512


@pytest.mark.parametrize(
    ("octets", "hint"),
    [
        (b"HTTP/1.1 400 Bad\r\n", "web server"),
        (b"* OK IMAP\r\n", "IMAP"),
        (b"\x15\x03\x03\x00\x02\x02\x28\n", 'security = "tls"'),
    ],
)
def test_another_protocol_is_named(octets: bytes, hint: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read(octets)
    assert hint in str(caught.value)


def test_a_long_line_is_not_repeated_whole() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read(b"y" * 5000 + b"\r\n")
    assert len(str(caught.value)) < 200
