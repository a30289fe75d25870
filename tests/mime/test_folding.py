from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailmerge.errors import MessageError
from mailmerge.mime.folding import LONGEST_LINE, fits_lines, fold, split_by_size
from mailmerge.mime.headers import unstructured_field
from tests.mime.reading import header_texts


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


def test_references_are_folded_between_identifiers() -> None:
    identifiers = [f"<{number:040}@example.org>" for number in range(30)]
    field = unstructured_field("References", " ".join(identifiers))
    assert field == ("References: " + "\r\n ".join(identifiers) + "\r\n").encode()


def test_line_has_at_most_998_bytes() -> None:
    long = "<" + "x" * 985 + ">"
    with pytest.raises(MessageError) as caught:
        unstructured_field("List-Unsubscribe", long)
    assert str(caught.value) == (
        "List-Unsubscribe is too long: with its name the line has 1005 bytes, the limit is"
        " 998 (shorten it)"
    )
    with pytest.raises(MessageError, match=r"too long: a line of it has 1001 bytes"):
        unstructured_field("List-Unsubscribe", "a " + "x" * 1000)
    with pytest.raises(MessageError, match="too long"):
        fold("To", "é" * 600)


def test_first_word_stays_behind_the_name() -> None:
    assert fold("X-Note", "x" * 80 + " y") == b"X-Note: " + b"x" * 80 + b"\r\n y\r\n"


@pytest.mark.parametrize(
    ("text", "used", "fits"),
    [
        ("x" * 998, 0, True),
        ("x" * 998, 1, False),
        ("x" * 999, 0, False),
        ("x " * 800, 900, True),
        ("x" + " " * 1000 + "y", 0, False),
    ],
)
def test_text_fits_where_each_piece_fits_a_line(text: str, used: int, fits: bool) -> None:
    assert fits_lines(text, used) is fits


@given(
    st.lists(st.from_regex(r"[a-z]{1,400}", fullmatch=True), min_size=1, max_size=8).map(" ".join)
)
def test_text_that_fits_is_folded_into_lines_that_fit(text: str) -> None:
    assert fits_lines(text, len("X: "))
    assert max(map(len, fold("X", text).split(b"\r\n"))) <= LONGEST_LINE


@given(st.text(max_size=60), st.integers(4, 12), st.integers(4, 12))
def test_text_is_split_between_characters(text: str, first: int, further: int) -> None:
    parts = list(split_by_size(text, first, further, lambda c: len(c.encode(errors="replace"))))
    assert "".join(parts) == text
    assert all(parts[1:])
    for part, size in zip(parts, [first, *[further] * len(parts)], strict=False):
        assert len(part.encode(errors="replace")) <= size
