"""Parts of a package are found by relations, whatever they are called."""

from __future__ import annotations

import io
import zipfile

import pytest

from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.bounds import Bounds, Budget
from mailmerge.recipients.formats.package import Package

OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def package(**parts: str) -> Package:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return Package(zipfile.ZipFile(stream), Budget(Bounds.of(0), "r.xlsx"))


def relations(*targets: str, more: str = "") -> str:
    listed = (
        f'<Relationship Id="r{n}" Type="{OFFICE}/officeDocument" Target="{one}" {more}/>'
        for n, one in enumerate(targets)
    )
    return f"<Relationships>{''.join(listed)}</Relationships>"


@pytest.mark.parametrize("target", ["/Book/Main.xml", "book\\main.xml", "./x/../book/main.xml"])
def test_names_have_slashes_and_any_case(target: str) -> None:
    found = package(**{"_rels\\.RELS": relations(target), "Book\\main.xml": "x"})
    main = found.main_part()
    assert found.has(main)
    with found.open(main) as part:
        assert part.read() == b"x"


def test_a_target_may_be_encoded() -> None:
    found = package(**{"_rels/.rels": relations("my%20book.xml"), "my book.xml": "x"})
    assert found.main_part() == "my book.xml"


def test_relations_outside_are_left_out() -> None:
    found = package(**{"_rels/.rels": relations("a.xml", more='TargetMode="External"')})
    assert found.main_part() == ""
    assert found.relations("a/b.xml") == []


def test_relations_of_a_part_belong_to_its_folder() -> None:
    found = package(**{"a/_rels/b.xml.rels": relations("c.xml")})
    (one,) = found.relations("a/b.xml")
    assert (one.id, one.kind, one.target) == ("r0", "officeDocument", "a/c.xml")


def test_a_missing_part_is_damage() -> None:
    with pytest.raises(SpreadsheetError, match="the part x is missing"):
        package(a="").open("x")


def test_the_type_of_a_part_is_listed() -> None:
    types = '<Types><Override PartName="/A/b.xml" ContentType="text/x"/></Types>'
    found = package(**{"[Content_Types].xml": types})
    assert (found.content_type("a/b.xml"), found.content_type("c")) == ("text/x", "")
    assert package(a="").content_type("a") == ""
