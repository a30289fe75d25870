from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mailmerge.mime.encoding import compile_text
from mailmerge.mime.identity_encodings import EightBit, SevenBit
from mailmerge.rendering.structure import interleave
from tests.mime.reading import CHINESE, encoded_text, encoding_of


@pytest.mark.parametrize(
    ("static", "values", "expected"),
    [
        (("Grüße, ", "\n"), ("Zoë",), "8bit"),
        (("Dear ", ",\nhello.\n"), ("李",), "8bit"),
        (("x" * 998 + "\n", "\n"), ("李",), "8bit"),
        (("x" * 999 + "\n", "\n"), ("李",), "quoted-printable"),
        (("Dear ", "\n"), ("é" * 499,), "quoted-printable"),
        (("Dear ", "\n"), ("a\x1bb",), "quoted-printable"),
        (("Dear ", "\n"), ("\n.\n",), "quoted-printable"),
        ((CHINESE * 10, "\n"), ("Ann",), "base64"),
    ],
)
def test_8bit_is_for_lines_that_may_leave_as_they_are(
    static: tuple[str, ...], values: tuple[str, ...], expected: str
) -> None:
    encoder = compile_text(static, eightbit=True)
    assert encoding_of(b"".join(encoder.encode(values))) == expected


def test_line_never_begins_like_a_boundary() -> None:
    static = ("Look:\n--", "\n")
    assert encoding_of(encoded_text(static, ("=_mixed_ABC",))) == "quoted-printable"
    assert encoding_of(encoded_text(("--=_mixed_ABC\n",))) == "quoted-printable"


@pytest.mark.parametrize("text", ["é\n", ".\n", "From x\n", "x" * 79 + "\n", "--=_a\n", "a\x1b\n"])
def test_static_text_that_is_not_plain_has_no_7bit_encoder(text: str) -> None:
    assert SevenBit.of([text]) is None
    assert SevenBit.of(["a", f"\n{text}"]) is None


def test_static_text_of_short_ascii_lines_has_a_7bit_encoder() -> None:
    assert SevenBit.of(["a", "b\n"]) is not None
    assert SevenBit.of(["x" * 78 + "\n"]) is not None


WORDS = st.text("ab \t", max_size=12)


@given(st.lists(WORDS, min_size=2, max_size=6), st.data())
def test_lines_leave_as_they_are(static: list[str], data: st.DataObject) -> None:
    lines = [text.replace("\t", "\n") for text in static[:-1]] + [static[-1] + "\n"]
    values = data.draw(st.lists(WORDS, min_size=len(lines) - 1, max_size=len(lines) - 1))
    encoder = SevenBit.of(lines)
    assert encoder is not None
    text = interleave(lines, values)
    assume(max(map(len, text.split("\n"))) <= 78)
    content = b"".join(encoder.encode(values)).decode()
    body = text.replace("\n", "\r\n")
    assert content == f"Content-Transfer-Encoding: 7bit\r\n\r\n{body}"


def test_one_recipient_may_need_another_encoding() -> None:
    encoder = SevenBit.of(["Dear ", ",\n"])
    assert encoder is not None
    found = [encoding_of(b"".join(encoder.encode([name]))) for name in ("Ann", "Zoë", "Ann")]
    assert found == ["7bit", "quoted-printable", "7bit"]


def test_8bit_lines_are_counted_in_bytes() -> None:
    assert EightBit.of(["é" * 499 + "\n"]) is not None
    assert EightBit.of(["é" * 500 + "\n"]) is None
