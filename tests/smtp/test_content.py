"""Content: DATA and BDAT transmit any text unchanged, and a server never reads two messages."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.octets import MAX_TEXT_LINE, seal
from mailmerge.smtp import check_content, content
from mailmerge.smtp.content import first_bytes, prepare
from mailmerge.smtp.errors import LocalProtocolError
from tests.listening import first_arguments
from tests.sealing import lines


def cut(whole: bytes, places: list[int]) -> tuple[bytes, ...]:
    bounds = sorted({0, *(place % (len(whole) + 1) for place in places), len(whole)})
    return tuple(whole[start:end] for start, end in itertools.pairwise(bounds))


def received(stuffed: bytes) -> bytes:
    """Return the content that a server reads from DATA (RFC 5321, 4.5.2)."""
    assert stuffed.endswith(b"\r\n") or not stuffed
    text = stuffed + b".\r\n"
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
    whole = b"\r\n".join(texts) + (b"\r\n" if ended else b"")
    prepared = prepare(cut(whole, places), stuffing=True)
    complete = whole if whole.endswith(b"\r\n") or not whole else whole + b"\r\n"
    assert received(b"".join(prepared.chunks)) == complete
    assert prepared.size == len(complete)
    assert prepared.ascii == whole.isascii()


@given(lines, st.lists(st.integers(0, 3000), max_size=8))
def test_any_content_goes_into_bdat_unchanged(texts: list[bytes], places: list[int]) -> None:
    whole = b"\r\n".join(texts)
    prepared = prepare(cut(whole, places), stuffing=False)
    assert b"".join(prepared.chunks) == whole
    assert prepared.size == len(whole)


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=5), st.booleans())
def test_a_cr_or_lf_alone_never_leaves(whole: bytes, places: list[int], stuffing: bool) -> None:
    alone = re.search(rb"\r(?!\n)|(?<!\r)\n", whole)
    if alone:
        with pytest.raises(LocalProtocolError, match="CR or LF alone") as caught:
            prepare(cut(whole, places), stuffing=stuffing)
        assert caught.value.code == "bare-newline"
    else:
        prepare(cut(whole, places), stuffing=stuffing)


@pytest.mark.parametrize(
    "smuggled", [b"a\n.\r\nMAIL", b"a\r\n.\rMAIL", b"a\r\n.\nMAIL", b"\n.\n", b"\r.\r"]
)
def test_known_smuggling_attempts_are_refused(smuggled: bytes) -> None:
    with pytest.raises(LocalProtocolError, match="alone"):
        check_content((smuggled,))


def test_a_dot_is_doubled_only_at_the_start_of_a_line() -> None:
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
def test_line_length_does_not_depend_on_chunks(chunks: tuple[bytes, ...]) -> None:
    with pytest.raises(LocalProtocolError, match="the limit is 998") as caught:
        check_content(chunks)
    assert caught.value.code == "long-line"


def test_a_line_of_998_bytes_may_get_an_added_dot() -> None:
    line = b"." + b"x" * (MAX_TEXT_LINE - 1)
    assert b"".join(prepare((line,), stuffing=True).chunks) == b"." + line + b"\r\n"


def test_chunks_without_dots_are_never_copied() -> None:
    image = b"x" * 76 + b"\r\n"
    chunk = image * 500
    prepared = prepare((b"To: a\r\n", chunk), stuffing=True)
    assert prepared.chunks[1] is chunk


def test_sealed_chunks_are_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    image = seal((b"x" * 76 + b"\r\n") * 500)
    scanned = first_arguments(monkeypatch, content, "scan")
    for number in range(20):
        chunks = prepare((b"To: %d\r\n" % number, image), stuffing=True).chunks
        assert chunks[1] is image
    assert image not in scanned
    assert len(scanned) == 20


def test_a_sealed_chunk_inside_a_line_is_read_again() -> None:
    with pytest.raises(LocalProtocolError, match="the limit is 998"):
        check_content((b"x" * 998, seal(b"y\r\n")))


@pytest.mark.parametrize(
    ("count", "first"),
    [(0, []), (1, [b"a"]), (2, [b"ab"]), (3, [b"ab", b"c"]), (9, [b"ab", b"cd"])],
)
def test_first_bytes_cuts_the_last_chunk(count: int, first: list[bytes]) -> None:
    chunks = [b"ab", b"cd"]
    assert [bytes(chunk) for chunk in first_bytes(chunks, count)] == first
