from __future__ import annotations

import binascii

import pytest
from hypothesis import example, given

from mailmerge.mime.quoted_text import quoted_printable
from tests.mime.reading import texts


@given(texts())
@example("word " * 15 + "\n")
@example("word " * 15 + "\t\n")
@example("x" * 75 + " \n")
def test_text_can_be_followed_by_a_soft_line_break(text: str) -> None:
    content = quoted_printable(text.replace("\r", "")) + b"=\r\n"
    assert max(map(len, content.split(b"\r\n"))) <= 76
    assert binascii.a2b_qp(content) == text.replace("\r", "").replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    "text", ["." * 200, "From " * 60, ".é" * 90, "." + "=" * 90, "." * 76, "x" * 73 + "  \n"]
)
def test_no_quoted_line_begins_with_a_dot_or_from(text: str) -> None:
    lines = quoted_printable(text).split(b"\r\n")
    assert not any(line.startswith((b".", b"From ")) for line in lines)
    assert max(map(len, lines)) <= 76
    assert binascii.a2b_qp(b"\n".join(lines)) == text.encode()
