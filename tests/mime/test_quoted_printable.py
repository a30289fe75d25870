from __future__ import annotations

import pytest
from hypothesis import example, given

from mailmerge.mime import quoted_printable as module
from mailmerge.mime.quoted_printable import QuotedPrintable
from mailmerge.rendering.structure import interleave
from tests.listening import first_arguments
from tests.mime.reading import (
    assert_canonical,
    decoded_text,
    encoded_text,
    structures,
)

# An encoder of lines is given texts whose line ends are LF.
LINES = structures().map(
    lambda drawn: tuple(tuple(text.replace("\r", "") for text in texts) for texts in drawn)
)


@given(LINES)
@example((("a ", "\n"), ("",)))
@example((("F", "\n"), ("rom x",)))
def test_text_in_quoted_printable_is_read_as_it_was(
    structure: tuple[tuple[str, ...], tuple[str, ...]],
) -> None:
    static, values = structure
    content = b"".join(QuotedPrintable([*static[:-1], static[-1] + "\n"]).encode(values))
    assert decoded_text(content) == (interleave(static, values) + "\n").replace("\n", "\r\n")
    assert_canonical(content, longest=76)


def test_static_text_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = first_arguments(monkeypatch, module, "quoted_printable")
    encoder = QuotedPrintable(["<p>" * 2000, "</p>\n"])
    for name in ("Ann", "Zoë", "x" * 100):
        encoder.encode([name])
    assert calls.count("<p>" * 2000) == calls.count("</p>\n") == 1


def test_white_space_never_ends_a_quoted_line() -> None:
    after = "\nthe rest of the text\n"
    for static, value in [("é ", ""), ("é\t", ""), ("é", "b "), ("é", "b\t"), ("é", "ü ")]:
        lines = encoded_text((static, after), (value,)).split(b"\r\n")
        assert b"quoted-printable" in lines[0]
        assert not any(line.endswith((b" ", b"\t")) for line in lines)


def test_value_stands_in_the_line_where_it_fits() -> None:
    body = encoded_text(("é Dear ", ", hello\n"), ("Ann",)).partition(b"\r\n\r\n")[2]
    assert body == b"=C3=A9 Dear Ann=\r\n, hello\r\n"


def test_long_value_stands_on_lines_of_its_own() -> None:
    body = encoded_text(("é Dear ", ", hello\n"), ("A" * 74,)).partition(b"\r\n\r\n")[2]
    assert body == b"=C3=A9 Dear =\r\n" + b"A" * 74 + b"=\r\n, hello\r\n"


def test_only_short_values_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = first_arguments(monkeypatch, module, "quoted_printable")
    encoder = QuotedPrintable(["é ", "\n"])
    short, long = "Zürich, for this test only", "ä" * 600
    for value in (short, long, short, long):
        encoder.encode([value])
    assert calls.count(short) == 1
    assert calls.count(long) == 2
