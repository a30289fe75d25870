from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailmerge.mime import base64_body
from mailmerge.mime.base64_body import Base64
from mailmerge.octets import Sealed
from mailmerge.rendering.structure import interleave
from tests.listening import first_arguments
from tests.mime.reading import CHINESE, assert_canonical, decoded_text, structures

# An encoder of lines is given texts whose line ends are LF.
LINES = structures().map(
    lambda drawn: tuple(tuple(text.replace("\r", "") for text in texts) for texts in drawn)
)


@given(LINES)
@example((("\n",), ()))
@example(((CHINESE, CHINESE, ""), ("a", "bc")))
def test_text_in_base64_is_read_as_it_was(
    structure: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    static, values = structure
    content = b"".join(Base64([*static[:-1], static[-1] + "\n"]).encode(values))
    assert decoded_text(content) == (interleave(static, values) + "\n").replace("\n", "\r\n")
    assert_canonical(content, longest=76)


@given(st.lists(st.integers(0, 120), min_size=1, max_size=8), st.integers(0, 60))
def test_every_alignment_is_read_as_it_was(lengths: list[int], size: int) -> None:
    static = ["s" * length for length in [*lengths, 3]]
    values = ["v" * ((size + index) % 7) for index in range(len(lengths))]
    content = b"".join(Base64(static).encode(values))
    assert decoded_text(content) == interleave(static, values)


def test_static_text_is_encoded_once_for_each_alignment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded = first_arguments(monkeypatch, base64_body, "base64_lines")
    encoder = Base64([CHINESE, CHINESE + "\n"])
    for value in ("x", "y", "xy", "yx", "xyz", "zyx"):
        encoder.encode([value])
    assert sum(len(content) > 100 for content in encoded) == 4


def test_many_short_texts_are_encoded_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = first_arguments(monkeypatch, base64_body, "base64_lines")
    Base64(["中"] * 2000 + ["\n"]).encode(["x"] * 2000)
    assert len(encoded) > 2
    assert sum(map(len, encoded)) == 2000 * 4 + 2


def test_text_in_base64_is_always_sealed() -> None:
    for values in (["x", "\n.\n"], ["李", "é" * 400]):
        assert [type(piece) for piece in Base64([CHINESE, CHINESE, "\n"]).encode(values)] == [
            Sealed
        ]
