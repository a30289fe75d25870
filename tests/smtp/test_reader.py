"""Bytes -> replies: packets do not matter, every limit applies, and no other error is raised."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.smtp import Reply
from mailmerge.smtp.errors import RemoteProtocolError
from mailmerge.smtp.reader import ReplyReader, printable

MAX_LINE = 12_288 + len("334 \r\n")  # a challenge of AUTH (RFC 4954, 4)
MAX_LINES = 512
MAX_REPLY = 65_536


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
def test_any_cut_gives_the_same_replies(wire: bytes, cuts: list[int]) -> None:
    places = sorted({0, *(min(cut, len(wire)) for cut in cuts), len(wire)})
    pieces = [wire[start:end] for start, end in itertools.pairwise(places)]
    assert read(*pieces) == read(wire)
    assert read(*(bytes([byte]) for byte in wire)) == read(wire)


@given(st.binary(max_size=300))
def test_any_bytes_give_replies_or_one_error(received: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        assert all(200 <= reply.code < 600 for reply in read(received, b"\r\n"))


def test_lines_of_one_code_are_one_reply() -> None:
    assert read(b"250-2.1.0 a\r\n250-\r\n250 2.1.0 c\r\n") == [
        Reply(250, ("2.1.0 a", "", "2.1.0 c"), "2.1.0")
    ]


@pytest.mark.parametrize("line", [b"250\r\n", b"250 \r\n", b"250\n"])
def test_a_bare_code_is_a_reply(line: bytes) -> None:
    assert read(line) == [Reply(250, ("",))]


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
def test_the_enhanced_status_begins_the_text(text: str, status: str | None) -> None:
    (reply,) = read(f"550 {text}\r\n".encode())
    assert reply.enhanced_status == status
    assert reply.text == text


def test_the_text_has_no_control_characters() -> None:
    (reply,) = read(b"550 a\x1b[2Jb\x00\x7f\xc2\x9b\xe2\x80\xa8c \xff\r\n")
    assert reply.text == "a [2Jb c \\xff"
    assert str(reply) == "550 a [2Jb c \\xff"


@pytest.mark.parametrize("control", "\u061c\u200e\u200f\u202a\u202e\u2066\u2069")
def test_reply_text_has_no_direction_controls(control: str) -> None:
    (reply,) = read(f"550 gpj{control}exe\r\n".encode())
    assert reply.text == "gpj exe"


@pytest.mark.parametrize(
    "received",
    [
        b"x" * (MAX_LINE + 1),
        b"250 " + b"x" * MAX_LINE + b"\r\n",
        b"250-" + b"x" * MAX_LINE + b"\r\n",
        b"250-x\r\n" * (MAX_LINES + 1),
        (b"250-" + b"x" * 10_000 + b"\r\n") * (MAX_REPLY // 10_000 + 1),
    ],
)
def test_a_reply_over_a_bound_is_an_error(received: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match=r"long|never ends"):
        read(received)


def test_the_bounds_permit_what_rfc_4954_permits() -> None:
    longest = b"334 " + b"x" * 12_288 + b"\r\n"
    assert len(read(longest)[0].text) == 12_288
    assert len(read(b"250-x\r\n" * (MAX_LINES - 1) + b"250 x\r\n")[0].lines) == 512


@pytest.mark.parametrize(
    ("received", "code"),
    [
        (b"HTTP/1.1 400 Bad\r\n", "web-server"),
        (b"* OK IMAP\r\n", "imap-server"),
        (b"+OK POP3\r\n", "pop3-server"),
        (b"SSH-2.0-OpenSSH\r\n", "ssh-server"),
        (b"\x15\x03\x03\x00\x02\x02\x28\n", "tls-server"),
        (b"hello\r\n", "malformed-reply"),
    ],
)
def test_another_protocol_has_its_own_code(received: bytes, code: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read(received)
    assert caught.value.code == code


def test_printable_keeps_text_and_shows_bytes() -> None:
    assert printable("grüße 你好".encode()) == "grüße 你好"
    assert printable(b"\xff\x1b[2J") == "ÿ [2J"


def test_a_long_line_is_not_repeated_whole() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        read(b"y" * 5000 + b"\r\n")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("gb18030", "Error: 请使用授权码登录。详情请看"),
        ("gb18030", "邮箱不存在"),
        ("cp1252", "Empfänger unbekannt – für immer"),
        ("latin-1", "Boîte pleine à ras"),
        ("utf-8", "Empfänger 请使用"),
    ],
)
def test_words_of_a_reply_in_another_encoding_can_be_read(encoding: str, text: str) -> None:
    reader = ReplyReader()
    reader.feed(b"535-" + text.encode(encoding) + b"\r\n535 ok\r\n")
    reply = reader.next_reply()
    assert reply is not None
    assert reply.text == f"{text} ok"


@pytest.mark.parametrize(
    ("lines", "code", "status"),
    [
        (b"554-5.7.1 no\r\n550 5.7.1 spam\r\n", 550, "5.7.1"),
        (b"451-4.7.1 wait\r\n550 5.7.1 spam\r\n", 550, "5.7.1"),
        (b"550-5.1.1 no\r\n450 later\r\n", 450, None),
        (b"250-ok\r\n550 no\r\n", 550, None),
    ],
)
def test_the_last_line_of_a_reply_decides(lines: bytes, code: int, status: str | None) -> None:
    reader = ReplyReader()
    reader.feed(lines)
    reply = reader.next_reply()
    assert reply is not None
    assert (reply.code, reply.enhanced_status) == (code, status)
