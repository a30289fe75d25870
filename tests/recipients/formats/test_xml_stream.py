"""XML is read as a stream, within bounds."""

from __future__ import annotations

import io

import pytest

from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.bounds import Bounds, Budget
from mailmerge.recipients.formats.xml_stream import ElementReader, read_attributes


class Texts(ElementReader):
    """Collects the text of each `t`."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self.found: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.enter()
        if name == "t":
            self.collect()

    def end(self, name: str) -> None:
        self.leave()
        if name == "t":
            self.pause()
            self.found.append(self.collected())


def texts(xml: str) -> list[str]:
    reader = Texts(Budget(Bounds.of(0), "r.xlsx"))
    reader.read(io.BytesIO(xml.encode()))
    return reader.found


def message(xml: str) -> str:
    with pytest.raises(SpreadsheetError) as caught:
        texts(xml)
    return caught.value.problem.message


def test_texts_are_collected_where_they_are_asked_for() -> None:
    assert texts("<r>no<t>a&amp;b<![CDATA[<c>]]></t>no<t/></r>") == ["a&b<c>", ""]


def test_broken_xml_is_damage() -> None:
    assert "its XML is broken" in message("<r><t></r>")
    assert "its XML is broken" in message("<r>&unknown;</r>")


def test_a_document_type_is_refused() -> None:
    assert "a document type" in message('<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>')


def test_depth_tags_and_texts_are_bounded() -> None:
    assert texts("<r>" * 100 + "</r>" * 100) == []
    assert "100 elements in another" in message("<r>" * 101)
    assert "1 MB" in message(f'<r a="{"x" * (2 << 20)}"/>')
    assert "131,072 characters" in message(f"<t>{'x' * 131_073}</t>")
    assert texts(f"<t>{'x' * 131_072}</t>") == ["x" * 131_072]


def test_the_number_of_tags_is_bounded() -> None:
    reader = Texts(Budget(Bounds(0, 10, 0, 0), "r.xlsx"))
    with pytest.raises(SpreadsheetError) as caught:
        reader.read(io.BytesIO(b"<r>" + b"<a/>" * 10))
    assert caught.value.problem.code == "sheet-too-large"


def test_attributes_are_found_without_prefixes() -> None:
    xml = b'<x:r xmlns:x="u"><x:a n="1"><b n="2"/></x:a></x:r>'
    found = read_attributes(io.BytesIO(xml), Budget(Bounds.of(0), "r.xlsx"), "a")
    assert found == [("a", {"n": "1"}), ("/a", {})]


def test_attributes_that_are_kept_are_bounded() -> None:
    xml = b"<r>" + b'<a n="x"/>' * 200_000 + b"</r>"
    with pytest.raises(SpreadsheetError) as caught:
        read_attributes(io.BytesIO(xml), Budget(Bounds.of(0), "r.xlsx"), "a")
    assert caught.value.problem.code == "sheet-too-large"
