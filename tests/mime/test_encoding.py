"""A text is read as EmailMessage means it, in each transfer encoding."""

from __future__ import annotations

import pytest
from hypothesis import example, given

from mailmerge.mime.encoding import compile_text
from mailmerge.rendering.structure import interleave
from tests.mime.reading import (
    CHINESE,
    assert_canonical,
    built,
    canonical,
    decoded_text,
    encoded_text,
    encoding_of,
    structures,
)


@given(structures())
@example((("abc\n", ""), ("",)))
@example((("abc \n", ""), ("\n",)))
@example((("", ""), ("",)))
@example((("", "", ""), ("a\n", "")))
@example((("a\r", "b"), ("\n",)))
@example((("a", "\nb"), ("\r",)))
@example((("a", "\nb"), ("x\r\ny\rz",)))
@example((("a", "b"), ("\rz",)))
@example((("a ", "\nb"), ("",)))
@example((("a", "\nb"), ("b ",)))
@example((("\nF", "rom x"), ("",)))
@example((("\nF", ""), ("rom x",)))
@example((("\n", "x"), (".",)))
@example((("é" * 100 + "x" * 15, "\n"), ("",)))
@example((("Dear é ", "\n"), ("Zoë",)))
@example((("Hello, é\n", "\n", "\n"), ("x", ".y")))
@example((("Hello, é\n", "\n", "\n"), ("x", "From y")))
@example((("Hello, é\n", "\n", "\n"), ("x ", "y")))
@example((("Hello, é ", "\n"), ("a\x00b",)))
def test_text_is_read_as_in_email_message(
    structure: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    static, values = structure
    text = interleave(static, values)
    content = encoded_text(static, values)
    assert decoded_text(content) == canonical(text) == built(text).get_content()
    assert content.isascii()
    assert_canonical(content, longest=78)
    if encoding_of(content) != "7bit":
        assert_canonical(content, longest=76)
        assert b"=_" not in content
        assert b" \r\n" not in content, "relays may drop white space at the end of a line"
        assert b"\t\r\n" not in content


@given(structures())
@example((("Grüße, ", "\n"), ("Zoë",)))
@example((("Grüße, ", "\n"), ("é" * 500,)))
@example((("Grüße, ", "\n.\n"), ("\x1b",)))
@example((("a\r", "é"), ("\n",)))
@example((("é" * 490 + "\n", "é" * 490 + "\n"), ("é" * 20,)))
def test_text_in_8bit_is_read_as_in_email_message(
    structure: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    static, values = structure
    content = b"".join(compile_text(static, eightbit=True).encode(values))
    text = interleave(static, values)
    assert decoded_text(content) == canonical(text) == built(text).get_content()
    assert_canonical(content)
    if encoding_of(content) == "8bit":
        assert b"\n--=_" not in content
    else:
        assert content.isascii()


@given(structures())
def test_encoding_twice_gives_the_same_bytes(
    structure: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    static, values = structure
    encoder = compile_text(static)
    assert encoder.encode(values) == encoder.encode(values)


@pytest.mark.parametrize(
    ("static", "values", "expected"),
    [
        (("Dear ", ",\nhello.\n"), ("Ann",), "7bit"),
        (("Dear ", ",\nhello.\n"), ("Zoë",), "quoted-printable"),
        (("Dear ", ",\nhello.\n"), ("Ann\nBob",), "quoted-printable"),
        (("Dear ", ",\nhello.\n"), ("A" * 80,), "quoted-printable"),
        (("Dear ", ",\nhello.\n"), ("A\x1b",), "quoted-printable"),
        (("Die Größe der Jacke: ", "\n"), ("1",), "quoted-printable"),
        (("x" * 79, "\n"), ("1",), "quoted-printable"),
        ((CHINESE, "\n"), ("Ann",), "base64"),
        (("Дорогой ", ", добрый день!\n"), ("Ann",), "base64"),
        (("Dear ", ",\n\n", "\n\nYours\n"), ("李", CHINESE * 2), "base64"),
        (("Dear ", ",\n\n", "\n\nYours\n"), ("Zoë", "Rue de l'Église\n" * 20), "quoted-printable"),
        (("Dear ", ",\n\n", "\n\nYours, é\n"), ("李", CHINESE * 2), "base64"),
        (("<p>" * 2000, ",\n"), (CHINESE,), "quoted-printable"),
        (("Dear ", "\n"), ("=" * 60 + ("\n" + "=" * 60) * 5,), "quoted-printable"),
        (('<p style="color: #123; margin: 0">您好，', "</p>\n"), ("李",), "quoted-printable"),
    ],
)
def test_encoding_is_chosen_by_the_text(
    static: tuple[str, ...], values: tuple[str, ...], expected: str
) -> None:
    assert encoding_of(encoded_text(static, values)) == expected


def test_half_a_surrogate_pair_is_refused() -> None:
    for static, values in [
        (("\ud800",), ()),
        (("é", "\n"), ("\udfff",)),
        (("a", "\n"), ("\ud800",)),
    ]:
        with pytest.raises(UnicodeEncodeError):
            encoded_text(static, values)
