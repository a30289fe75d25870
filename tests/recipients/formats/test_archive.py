"""A ZIP file is unpacked only if it stays small."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest

from tests.recipients.conftest import Folder


def test_a_part_that_grows_a_thousandfold_is_not_read(folder: Folder) -> None:
    path = folder.path / "recipients.csv"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(20 << 20))
    assert path.stat().st_size < 1 << 16
    problem = folder.problem()
    assert problem.code == "archive-bomb"
    assert "1 part would unpack to 20.0 MB" in problem.message


@pytest.mark.parametrize(("count", "code"), [(10_000, "format-unknown"), (10_001, "archive-bomb")])
def test_too_many_parts_are_not_read(folder: Folder, count: int, code: str) -> None:
    with zipfile.ZipFile(folder.path / "recipients.csv", "w") as archive:
        for number in range(count):
            archive.writestr(f"{number}.xml", "x")
    assert folder.problem().code == code


def test_a_wrong_size_is_damage(folder: Folder) -> None:
    path = folder.path / "recipients.csv"
    openpyxl.Workbook().save(path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/picture", b"<x>" + bytes(1 << 20))
    size = (3 + (1 << 20)).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (100).to_bytes(4, "little")))
    assert folder.problem().code == "file-damaged"


def test_an_archive_that_was_cut_off_is_damage(folder: Folder) -> None:
    path = folder.path / "recipients.csv"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "x" * 5000)
    path.write_bytes(path.read_bytes()[:3000])
    assert folder.problem().code == "file-damaged"


def test_backslashes_in_names_of_parts_are_slashes(folder: Folder) -> None:
    content, written = io.BytesIO(), io.BytesIO()
    book = openpyxl.Workbook()
    book.active.append(["email", "n"])
    book.active.append(["a@x.de", "1"])
    book.save(content)
    with zipfile.ZipFile(content) as old, zipfile.ZipFile(written, "w") as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo("x")
            entry.filename = name.replace("/", "\\")
            new.writestr(entry, old.read(name))
    folder.put(written.getvalue(), "recipients.xlsx")
    rows = folder.open(file="recipients.xlsx").rows()
    assert [dict(row.cells) for row in rows] == [{"email": "a@x.de", "n": "1"}]
