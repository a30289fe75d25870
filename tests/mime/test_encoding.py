from __future__ import annotations

import binascii

import pytest
from hypothesis import example, given

from mailmerge.mime import encoding
from mailmerge.mime.encoding import (
    Base64,
    QuotedPrintable,
    SevenBit,
    compile_text,
    quoted_printable,
    weave,
)
from mailmerge.smtp.content import Sealed
from tests.listening import first_arguments
from tests.mime.reading import assert_canonical, built, canonical, parse, structures, texts

CHINESE = "您好，欢迎阅读本期通讯。" * 20


def encoded(static: tuple[str, ...], values: tuple[str, ...] = ()) -> bytes:
    return b"".join(compile_text(static).encode(values))


def transfer_encoding(octets: bytes) -> str:
    return octets.partition(b"\r\n")[0].removeprefix(b"Content-Transfer-Encoding: ").decode()


def decoded(octets: bytes) -> str:
    part = parse(b'Content-Type: text/plain; charset="utf-8"\r\n' + octets)
    text = part.get_content()
    assert isinstance(text, str)
    return text


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
def test_a_text_is_read_as_email_message_means_it(
    structure: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    static, values = structure
    text = weave(static, values)
    octets = encoded(static, values)
    assert decoded(octets) == canonical(text) == built(text).get_content()
    assert octets.isascii()
    assert_canonical(octets, longest=78)
    if transfer_encoding(octets) != "7bit":
        assert_canonical(octets, longest=76)
        assert b"=_" not in octets
        assert b" \r\n" not in octets, "relays may drop white space at the end of a line"
        assert b"\t\r\n" not in octets


@given(structures())
@example((("Grüße, ", "\n"), ("Zoë",)))
@example((("Grüße, ", "\n"), ("é" * 500,)))
@example((("Grüße, ", "\n.\n"), ("\x1b",)))
@example((("a\r", "é"), ("\n",)))
@example((("é" * 490 + "\n", "é" * 490 + "\n"), ("é" * 20,)))
def test_a_text_in_8bit_is_read_as_email_message_means_it(
    structure: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    static, values = structure
    octets = b"".join(compile_text(static, eightbit=True).encode(values))
    text = weave(static, values)
    assert decoded(octets) == canonical(text) == built(text).get_content()
    assert_canonical(octets)
    if transfer_encoding(octets) == "8bit":
        assert b"\n--=_" not in octets
    else:
        assert octets.isascii()


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
    assert transfer_encoding(b"".join(encoder.encode(values))) == expected


@given(structures())
def test_a_text_in_base64_is_read_as_it_was(
    structure: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    static, values = structure
    if not any("\r" in text for text in (*static, *values)):
        octets = b"".join(Base64([*static[:-1], static[-1] + "\n"]).encode(values))
        assert decoded(octets) == (weave(static, values) + "\n").replace("\n", "\r\n")
        assert_canonical(octets, longest=76)


@given(structures())
def test_encoding_twice_gives_the_same_octets(
    structure: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    static, values = structure
    encoder = compile_text(static)
    assert encoder.encode(values) == encoder.encode(values)


def test_a_line_never_begins_with_what_could_be_a_boundary() -> None:
    static = ("Look:\n--", "\n")
    assert transfer_encoding(encoded(static, ("=_mixed_ABC",))) == "quoted-printable"
    assert transfer_encoding(encoded(("--=_mixed_ABC\n",))) == "quoted-printable"


def test_a_static_text_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = first_arguments(monkeypatch, encoding, "quoted_printable")
    encoder = QuotedPrintable(["<p>" * 2000, "</p>\n"])
    for name in ("Ann", "Zoë", "x" * 100):
        encoder.encode([name])
    assert encoded.count("<p>" * 2000) == encoded.count("</p>\n") == 1


def test_a_static_text_is_encoded_once_for_each_alignment_in_base64(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    encoded = first_arguments(monkeypatch, encoding, "base64_lines")
    encoder = Base64([CHINESE, CHINESE + "\n"])
    for value in ("x", "y", "xy", "yx", "xyz", "zyx"):
        encoder.encode([value])
    assert sum(len(octets) > 100 for octets in encoded) == 4


def test_many_short_texts_are_encoded_as_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = first_arguments(monkeypatch, encoding, "base64_lines")
    Base64(["中"] * 2000 + ["\n"]).encode(["x"] * 2000)
    assert len(encoded) > 2
    assert sum(map(len, encoded)) == 2000 * 4 + 2


def test_a_text_in_base64_is_sealed_whatever_its_values_hold() -> None:
    for values in (["x", "\n.\n"], ["李", "é" * 400]):
        assert [type(piece) for piece in Base64([CHINESE, CHINESE, "\n"]).encode(values)] == [
            Sealed
        ]


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
def test_the_transfer_encoding_is_chosen_by_the_text(
    static: tuple[str, ...], values: tuple[str, ...], expected: str
) -> None:
    assert transfer_encoding(encoded(static, values)) == expected


def test_white_space_is_never_left_at_the_end_of_a_quoted_line() -> None:
    after = "\nthe rest of the text\n"
    for static, value in [("é ", ""), ("é\t", ""), ("é", "b "), ("é", "b\t"), ("é", "ü ")]:
        lines = encoded((static, after), (value,)).split(b"\r\n")
        assert b"quoted-printable" in lines[0]
        assert not any(line.endswith((b" ", b"\t")) for line in lines)


def test_a_value_stands_in_the_line_where_it_fits() -> None:
    body = encoded(("é Dear ", ", hello\n"), ("Ann",)).partition(b"\r\n\r\n")[2]
    assert body == b"=C3=A9 Dear Ann=\r\n, hello\r\n"


def test_a_long_value_stands_on_lines_of_its_own() -> None:
    body = encoded(("é Dear ", ", hello\n"), ("A" * 74,)).partition(b"\r\n\r\n")[2]
    assert body == b"=C3=A9 Dear =\r\n" + b"A" * 74 + b"=\r\n, hello\r\n"


@given(texts())
@example("word " * 15 + "\n")
@example("word " * 15 + "\t\n")
@example("x" * 75 + " \n")
def test_quoted_printable_can_be_followed_by_a_soft_line_break(text: str) -> None:
    octets = quoted_printable(text.replace("\r", "")) + b"=\r\n"
    assert max(map(len, octets.split(b"\r\n"))) <= 76
    assert binascii.a2b_qp(octets) == text.replace("\r", "").replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    "text", ["." * 200, "From " * 60, ".é" * 90, "." + "=" * 90, "." * 76, "x" * 73 + "  \n"]
)
def test_no_quoted_line_begins_with_a_dot_or_with_from(text: str) -> None:
    lines = quoted_printable(text).split(b"\r\n")
    assert not any(line.startswith((b".", b"From ")) for line in lines)
    assert max(map(len, lines)) <= 76
    assert binascii.a2b_qp(b"\n".join(lines)) == text.encode()


def test_half_a_surrogate_pair_is_no_text() -> None:
    for static, values in [
        (("\ud800",), ()),
        (("é", "\n"), ("\udfff",)),
        (("a", "\n"), ("\ud800",)),
    ]:
        with pytest.raises(UnicodeEncodeError):
            encoded(static, values)


def test_seven_bit_declines_what_is_no_plain_text() -> None:
    assert SevenBit.of(["é\n"]) is None
    assert SevenBit.of([".\n"]) is None
    assert SevenBit.of(["a", "b\n"]) is not None
