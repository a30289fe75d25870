"""Files that are no text are recognised by their content."""

from __future__ import annotations

import pytest

from mailmerge.rendering.file_kinds import kind_of


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"{\\rtf1 x}", "an RTF document"),
        (b"%PDF-1.4", "a PDF document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a Word document (.doc)"),
        (b"PK\x03\x04broken", "a damaged document of an office program"),
        (b"GIF89a", "an image"),
        (b"<?xml version='1.0'?><office:document/>", "an XML document of a word processor"),
    ],
)
def test_a_document_has_a_name_and_a_fix(content: bytes, name: str) -> None:
    kind = kind_of(content)
    assert kind is not None
    assert kind.name == name
    assert kind.hint


@pytest.mark.parametrize(
    "content", [b"", b"Dear {{ name }}", b"<p>x</p>", "\u59d3".encode(), b"\xff\xfe"]
)
def test_text_has_no_kind(content: bytes) -> None:
    assert kind_of(content) is None
