"""Sealed bytes: only harmless bytes are sealed, only by this module, and all are audited."""

from __future__ import annotations

import binascii
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailmerge import octets
from mailmerge.octets import MAX_TEXT_LINE, Sealed, SharedText, base64_lines, joined, scan, seal
from tests.sealing import check_sealed, lines


@given(lines, st.booleans())
def test_only_harmless_bytes_are_sealed(texts: list[bytes], ended: bool) -> None:
    content = b"\r\n".join(texts) + (b"\r\n" if ended else b"")
    dotted = any(line.startswith(b".") for line in content.split(b"\r\n"))
    harmless = content.endswith(b"\r\n") and content.isascii() and not dotted
    assert (type(seal(content)) is Sealed) == harmless
    assert seal(content) == content


@pytest.mark.parametrize(
    ("content", "sealed"),
    [
        (b"x" * MAX_TEXT_LINE + b"\r\n", True),
        (b"x" * (MAX_TEXT_LINE + 1) + b"\r\n", False),
        (b"a\nb\r\n", False),
        (b"a\rb\r\n", False),
        (b".a\r\n", False),
        (b"a", False),
        (b"", False),
    ],
)
def test_seal_decides_by_lines(content: bytes, sealed: bool) -> None:
    assert (type(seal(content)) is Sealed) is sealed


def test_a_sealed_value_is_not_copied_by_seal() -> None:
    once = seal(b"a\r\n")
    assert seal(once) is once


@pytest.mark.parametrize("arguments", [(), (b"a\r\n",), (b"a\r\n.\r\nMAIL FROM:<x@y>\r\n",), (3,)])
def test_nothing_else_can_make_a_sealed_value(arguments: tuple[object, ...]) -> None:
    with pytest.raises(TypeError, match="seal"):
        Sealed(*arguments)


def test_a_pickled_value_is_checked_when_it_is_read() -> None:
    pickled = pickle.dumps(seal(b"harmless\r\n"))
    assert type(pickle.loads(pickled)) is Sealed
    forged = pickled.replace(b"harmless\r\n", b".\r\nMAIL:\r\n")
    assert type(pickle.loads(forged)) is bytes


def test_the_audit_sees_every_sealed_value() -> None:
    seen: list[Sealed] = []
    octets.set_audit(seen.append)
    made = [
        seal(b"a\r\n"),
        base64_lines(b"b"),
        joined([seal(b"c\r\n")]),
        SharedText([b"d", b"\r\n"]).filled([b"d", b"e", b"\r\n"])[0],
    ]
    octets.set_audit(None)
    seal(b"unseen\r\n")
    assert all(any(value is one for one in seen) for value in made)
    assert b"unseen\r\n" not in seen


@pytest.mark.parametrize(
    "wrong",
    [b".\r\n", b"a\r\n.b\r\n", b"a", b"a\nb\r\n", b"\xc3\xa9\r\n", b"x" * 999 + b"\r\n", b"a\r"],
)
def test_the_audit_of_the_tests_finds_harmful_bytes(wrong: bytes) -> None:
    with pytest.raises(AssertionError, match="not harmless"):
        check_sealed(wrong)  # type: ignore[arg-type]  # bytes that were never sealed


@pytest.mark.parametrize(
    ("chunk", "stuffed", "longest", "head", "tail"),
    [
        (b"ab", b"ab", -1, 2, 2),
        (b"a\r\n.b\r\nc", b"a\r\n..b\r\nc", 8, 1, 1),
        (b"x" * 999 + b"\r\ny", b"x" * 999 + b"\r\ny", 999, 999, 1),
    ],
)
def test_scan_measures_lines_and_doubles_dots(
    chunk: bytes, stuffed: bytes, longest: int, head: int, tail: int
) -> None:
    facts = scan(chunk)
    assert facts is not None
    assert (facts.stuffed, facts.longest, facts.head, facts.tail) == (stuffed, longest, head, tail)


@pytest.mark.parametrize("chunk", [b"a\r", b"\nb", b"a\nb", b"a\rb\r\n"])
def test_scan_refuses_half_a_line_end(chunk: bytes) -> None:
    assert scan(chunk) is None


@given(st.binary(max_size=400))
def test_base64_lines_hold_76_characters(content: bytes) -> None:
    encoded = base64_lines(content)
    assert binascii.a2b_base64(encoded) == content
    assert encoded == b"" or encoded.endswith(b"\r\n")
    assert all(len(line) == 76 for line in encoded.split(b"\r\n")[:-2])


@pytest.mark.parametrize("size", [1, 56, 57, 58, 56_999, 57_000, 57_001, 200_000])
def test_base64_lines_may_be_sealed_unread(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    encoded = base64_lines(content[:size])
    assert type(encoded) is Sealed
    assert type(seal(bytes(encoded))) is Sealed
    assert encoded == b"".join(
        binascii.b2a_base64(content[start : min(start + 57, size)], newline=False) + b"\r\n"
        for start in range(0, size, 57)
    )


def test_joined_pieces_are_sealed_where_all_are() -> None:
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
def test_shared_text_seals_no_more_than_seal(static: list[bytes], data: st.DataObject) -> None:
    count = len(static) - 1
    values = data.draw(st.lists(pieces_of_text, min_size=count, max_size=count))
    pieces = [b""] * (2 * count + 1)
    pieces[0::2], pieces[1::2] = static, values
    filled = SharedText(static).filled(pieces)
    assert b"".join(filled) == b"".join(pieces)
    if type(filled[0]) is Sealed:
        assert type(seal(b"".join(pieces))) is Sealed


def test_shared_text_seals_values_of_one_or_more_lines() -> None:
    shared = SharedText([b"<p>Dear=\r\n", b"=\r\n,</p>\r\n", b"\r\n"])
    pieces = [b"<p>Dear=\r\n", b"Ann", b"=\r\n,</p>\r\n", b"long=\r\nwords", b"\r\n"]
    (filled,) = shared.filled(pieces)
    assert type(filled) is Sealed
    assert filled == b"".join(pieces)


@pytest.mark.parametrize("value", [b".", b"a\nb", b"a\r", b"a\r\n.b", b"\xc3\xa9", b"x" * 999])
def test_shared_text_with_an_unsafe_value_is_not_sealed(value: bytes) -> None:
    static = [b"a=\r\n", b"\r\n"]
    pieces = [static[0], value, static[1]]
    assert SharedText(static).filled(pieces) == pieces


@pytest.mark.parametrize(("length", "sealed"), [(496, True), (497, False)])
def test_gaps_of_one_line_share_its_room(length: int, sealed: bool) -> None:
    """Each value would fit alone; a line of 998 bytes has to hold both of them."""
    static = [b"ab", b"cd", b"ef\r\n"]
    pieces = [static[0], b"x" * length, static[1], b"y" * length, static[2]]
    (first, *rest) = SharedText(static).filled(pieces)
    assert (type(first) is Sealed, rest == []) == (sealed, sealed)


@pytest.mark.parametrize(
    ("static", "values"),
    [
        ([b"x=\r\n", b"\r\n", b"\r\n"], [b"a", b".b"]),
        ([b"a\r\n", b""], [b"b"]),
        ([b"a=", b".b\r\n"], [b"x\r\n"]),
        ([b"a\r", b"\nb\r\n"], [b"x"]),
    ],
)
def test_a_value_cannot_complete_a_dangerous_line(static: list[bytes], values: list[bytes]) -> None:
    pieces = [b""] * (2 * len(static) - 1)
    pieces[0::2], pieces[1::2] = static, values
    assert type(seal(b"".join(pieces))) is bytes
    assert SharedText(static).filled(pieces) == pieces
