"""Content: any text comes out of DATA and BDAT as it went in, and never reads as two messages."""

from __future__ import annotations

import binascii
import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmerge.errors import LocalProtocolError
from mailmerge.smtp import content
from mailmerge.smtp.content import (
    MAX_TEXT_LINE,
    Frame,
    Sealed,
    base64_lines,
    joined,
    prepare,
    seal,
)
from tests.listening import first_arguments

lines = st.lists(
    st.one_of(
        st.sampled_from(
            [b"", b".", b"..", b"...", b".x", b"x.", b"\xc3\xa9", b"a" * MAX_TEXT_LINE]
        ),
        st.binary(max_size=30).map(lambda line: re.sub(rb"[\r\n]", b"", line)),
    ),
    max_size=12,
)


def cut(octets: bytes, places: list[int]) -> tuple[bytes, ...]:
    bounds = sorted({0, *(place % (len(octets) + 1) for place in places), len(octets)})
    return tuple(octets[start:end] for start, end in itertools.pairwise(bounds))


def received(octets: bytes) -> bytes:
    """What a server reads from DATA, written after RFC 5321, 4.5.2."""
    assert octets.endswith(b"\r\n") or not octets
    text = octets + b".\r\n"
    read = b""
    while not text.startswith(b".\r\n"):
        line, end, text = text.partition(b"\r\n")
        read += line.removeprefix(b".") + end
    assert text == b".\r\n", "the content ended before its end"
    return read


@given(lines, st.booleans(), st.lists(st.integers(0, 3000), max_size=8))
def test_any_content_comes_back_from_data(
    texts: list[bytes], ended: bool, places: list[int]
) -> None:
    octets = b"\r\n".join(texts) + (b"\r\n" if ended else b"")
    prepared = prepare(cut(octets, places), stuffing=True)
    complete = octets if octets.endswith(b"\r\n") or not octets else octets + b"\r\n"
    assert received(b"".join(prepared.chunks)) == complete
    assert prepared.size == len(complete)
    assert prepared.ascii == octets.isascii()


@given(lines, st.lists(st.integers(0, 3000), max_size=8))
def test_any_content_goes_into_bdat_as_it_is(texts: list[bytes], places: list[int]) -> None:
    octets = b"\r\n".join(texts)
    prepared = prepare(cut(octets, places), stuffing=False)
    assert b"".join(prepared.chunks) == octets
    assert prepared.size == len(octets)


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=5), st.booleans())
def test_a_cr_or_lf_alone_never_leaves(octets: bytes, places: list[int], stuffing: bool) -> None:
    alone = re.search(rb"\r(?!\n)|(?<!\r)\n", octets)
    if alone:
        with pytest.raises(LocalProtocolError, match="CR or LF alone"):
            prepare(cut(octets, places), stuffing=stuffing)
    else:
        prepare(cut(octets, places), stuffing=stuffing)


@pytest.mark.parametrize(
    "smuggled", [b"a\n.\r\nMAIL", b"a\r\n.\rMAIL", b"a\r\n.\nMAIL", b"\n.\n", b"\r.\r"]
)
def test_the_known_ways_of_smuggling_are_closed(smuggled: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="alone"):
        prepare((smuggled,), stuffing=True)


def test_a_dot_at_the_start_of_a_chunk_is_stuffed_only_at_the_start_of_a_line() -> None:
    chunks = prepare((b".a\r\n", b".b", b".c\r\n", b"", b".d\r\n"), stuffing=True).chunks
    assert b"".join(chunks) == b"..a\r\n..b.c\r\n..d\r\n"


@pytest.mark.parametrize(
    "chunks",
    [
        (b"x" * (MAX_TEXT_LINE + 1) + b"\r\n",),
        (b"a\r\n" + b"x" * 500, b"x" * (MAX_TEXT_LINE - 499)),
        (b"x" * 400, b"x" * 400, b"x" * 199, b"\r\n"),
        (b"x" * 400 + b"\r\n" + b"x" * 998, b"x\r\n"),
    ],
)
def test_no_line_is_too_long_wherever_it_is_cut(chunks: tuple[bytes, ...]) -> None:
    with pytest.raises(LocalProtocolError, match="998 are the limit"):
        prepare(chunks, stuffing=True)


def test_a_line_of_998_octets_may_have_a_stuffed_dot_more() -> None:
    line = b"." + b"x" * (MAX_TEXT_LINE - 1)
    assert b"".join(prepare((line,), stuffing=True).chunks) == b"." + line + b"\r\n"


def test_chunks_without_dots_are_never_copied() -> None:
    image = b"x" * 76 + b"\r\n"
    chunk = image * 500
    prepared = prepare((b"To: a\r\n", chunk), stuffing=True)
    assert prepared.chunks[1] is chunk


def test_what_is_sealed_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scanned = first_arguments(monkeypatch, content, "_scan")
    image = seal((b"x" * 76 + b"\r\n") * 500)
    for number in range(20):
        chunks = prepare((b"To: %d\r\n" % number, image), stuffing=True).chunks
        assert chunks[1] is image
    assert sum(chunk == image for chunk in scanned) == 1


@given(lines, st.booleans())
def test_only_harmless_octets_are_sealed(texts: list[bytes], ended: bool) -> None:
    octets = b"\r\n".join(texts) + (b"\r\n" if ended else b"")
    dotted = any(line.startswith(b".") for line in octets.split(b"\r\n"))
    harmless = octets.endswith(b"\r\n") and octets.isascii() and not dotted
    assert (type(seal(octets)) is Sealed) == harmless
    assert seal(octets) == octets


def test_a_long_line_a_bare_newline_and_a_dot_are_not_sealed() -> None:
    assert type(seal(b"x" * MAX_TEXT_LINE + b"\r\n")) is Sealed
    assert type(seal(b"x" * (MAX_TEXT_LINE + 1) + b"\r\n")) is bytes
    assert type(seal(b"a\nb\r\n")) is bytes
    assert type(seal(b".a\r\n")) is bytes


@given(st.binary(max_size=400))
def test_base64_lines_hold_76_octets(octets: bytes) -> None:
    lines = base64_lines(octets)
    assert binascii.a2b_base64(lines) == octets
    assert lines == b"" or lines.endswith(b"\r\n")
    assert all(len(line) == 76 for line in lines.split(b"\r\n")[:-2])


@pytest.mark.parametrize("size", [1, 56, 57, 58, 56_999, 57_000, 57_001, 200_000])
def test_base64_lines_are_sealed_as_a_look_at_them_would_seal_them(size: int) -> None:
    octets = bytes(range(256)) * (size // 256 + 1)
    lines = base64_lines(octets[:size])
    assert type(lines) is Sealed
    assert type(seal(bytes(lines))) is Sealed
    assert lines == b"".join(
        binascii.b2a_base64(octets[start : min(start + 57, size)], newline=False) + b"\r\n"
        for start in range(0, size, 57)
    )


def test_sealed_pieces_are_sealed_together_and_others_are_not() -> None:
    sealed = [seal(b"a\r\n"), seal(b"b\r\n")]
    assert type(joined(sealed)) is Sealed
    assert type(joined([*sealed, b".c\r\n"])) is bytes
    assert joined([*sealed, b".c\r\n"]) == b"a\r\nb\r\n.c\r\n"


LONGER = (b"\xc3\xa9", b"x" * 300, b"x" * 700)
pieces_of_text = st.lists(
    st.sampled_from([b"", b".", b"\r", b"\n", b"\r\n", b"\r\n.", b"a", b"b\r\n", b"\x00", *LONGER]),
    max_size=6,
).map(b"".join)


@settings(max_examples=500)
@given(st.lists(pieces_of_text, min_size=1, max_size=5), st.data())
def test_a_frame_seals_only_what_a_look_at_the_whole_would_seal(
    static: list[bytes], data: st.DataObject
) -> None:
    count = len(static) - 1
    words = data.draw(st.lists(pieces_of_text, min_size=count, max_size=count))
    pieces = [b""] * (2 * count + 1)
    pieces[0::2], pieces[1::2] = static, words
    filled = Frame(static).filled(pieces)
    assert b"".join(filled) == b"".join(pieces)
    if type(filled[0]) is Sealed:
        assert type(seal(b"".join(pieces))) is Sealed


def test_a_frame_seals_ordinary_words_of_one_or_more_lines() -> None:
    frame = Frame([b"<p>Dear=\r\n", b"=\r\n,</p>\r\n", b"\r\n"])
    pieces = [b"<p>Dear=\r\n", b"Ann", b"=\r\n,</p>\r\n", b"long=\r\nwords", b"\r\n"]
    (filled,) = frame.filled(pieces)
    assert type(filled) is Sealed
    assert filled == b"".join(pieces)


@pytest.mark.parametrize("word", [b".", b"a\nb", b"a\r", b"a\r\n.b", b"\xc3\xa9", b"x" * 999])
def test_a_frame_leaves_odd_words_to_be_looked_at(word: bytes) -> None:
    static = [b"a=\r\n", b"\r\n"]
    pieces = [static[0], word, static[1]]
    assert Frame(static).filled(pieces) == pieces


@pytest.mark.parametrize(
    ("static", "words"),
    [
        ([b"x=\r\n", b"\r\n", b"\r\n"], [b"a", b".b"]),
        ([b"a\r\n", b""], [b"b"]),
        ([b"a=", b".b\r\n"], [b"x\r\n"]),
        ([b"a\r", b"\nb\r\n"], [b"x"]),
    ],
)
def test_what_words_and_text_come_to_together_is_never_overlooked(
    static: list[bytes], words: list[bytes]
) -> None:
    pieces = [b""] * (2 * len(static) - 1)
    pieces[0::2], pieces[1::2] = static, words
    assert type(seal(b"".join(pieces))) is bytes
    assert Frame(static).filled(pieces) == pieces


def test_a_sealed_chunk_in_the_middle_of_a_line_is_looked_at_all_the_same() -> None:
    with pytest.raises(LocalProtocolError, match="998 are the limit"):
        prepare((b"x" * 998, seal(b"y\r\n")), stuffing=True)
