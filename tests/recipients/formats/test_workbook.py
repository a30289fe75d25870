"""Workbooks of several programs are read as these programs show them."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pytest

from mailmerge.recipients.audience import Recipient
from mailmerge.recipients.formats.workbook import FORMAT
from tests.recipients.conftest import Convert, Folder, problems_of
from tests.recipients.workbooks import SEEN, SHEET, book_of, guests, patched, zipped


@pytest.mark.real
@pytest.mark.parametrize("extension", ["xlsx", "ods"])
def test_libreoffice_shows_the_same_texts(folder: Folder, convert: Convert, extension: str) -> None:
    original = guests(folder.path)
    (folder.path / "out").mkdir()
    moved = original.rename(folder.path / "out" / "guests0.xlsx")
    path = convert(moved, "ods")
    if extension == "xlsx":
        moved.unlink()
        path = convert(path, "xlsx")
    path.rename(folder.path / "recipients.csv")
    people = [p for p in folder.audience(skip_rows=2) if isinstance(p, Recipient)]
    assert [{name: p.cells[name] for name in SEEN[0]} for p in people] == SEEN
    assert [(p.row, p.cells["ok"], p.cells["twice"], p.cells["name"]) for p in people] == [
        (4, "TRUE", "246", "Zoë"),
        (5, "FALSE", "14", " 王 小明 "),
        (6, "", "", ""),
    ]
    (problem,) = folder.problems(skip_rows=2)
    assert problem.message == "hidden rows are included: 1 (5)"


@pytest.mark.real
@pytest.mark.parametrize("extension", ["xls", "ods", "xlsx"])
def test_merged_cells_are_found_in_every_format(
    folder: Folder, convert: Convert, extension: str
) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["email", "city"], ["a@x.org", "Rome"], ["b@x.org"], ["c@x.org"]):
        sheet.append(row)
    sheet.merge_cells("B2:B4")
    sheet.merge_cells("D2:D4")  # without a text: nothing is lost
    (folder.path / "out").mkdir()
    path = folder.path / "out" / "merged.xlsx"
    book.save(path)
    path = convert(path, "ods") if extension != "xls" else convert(path, "xls")
    path = convert(path, "xlsx") if extension == "xlsx" else path
    path.rename(folder.path / "recipients.csv")
    problem = folder.problem()
    assert (problem.code, problem.row, problem.column) == ("cells-merged", 2, "city")
    assert "B2:B4" in problem.message
    assert [p.cells["city"] for p in folder.recipients(fill_merged=True)] == ["Rome"] * 3


def test_formulas_of_openpyxl_are_not_calculated(folder: Folder) -> None:
    guests(folder.path)
    file = "guests.xlsx"
    found = list(folder.audience(file=file, skip_rows=2))
    problems = list(problems_of(folder.audience(file=file, skip_rows=2)))
    assert [(p.code, p.row, p.column) for p in problems] == [
        ("formula-not-calculated", 4, "twice"),
        ("formula-not-calculated", 5, "twice"),
    ]
    assert [p.row for p in found if isinstance(p, Recipient)] == [6]


def test_a_workbook_without_text_is_empty(folder: Folder) -> None:
    assert book_of(folder).problem().code == "file-empty"
    assert book_of(folder, ["email"]).problem().code == "no-recipients"


def test_blank_rows_of_a_single_column_keep_the_numbers(folder: Folder) -> None:
    rows = book_of(folder, ["email"], [], ["a@x.org"], [], [], ["b@x.org"]).recipients()
    assert [row.row for row in rows] == [3, 6]


def test_a_document_type_is_refused(folder: Folder) -> None:
    book_of(folder, ["email"], ["a@x.org"])
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet'
    patched(folder.path / "recipients.csv", SHEET, ("<worksheet", bomb))
    assert folder.problem().code == "file-damaged"


@pytest.mark.parametrize("part", ["_rels/.rels", "xl/_rels/workbook.xml.rels", "xl/workbook.xml"])
def test_a_part_that_is_missing_is_damage(folder: Folder, part: str) -> None:
    book_of(folder, ["email"], ["a@x.org"])
    path = folder.path / "recipients.csv"
    source = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            if name != part:
                target.writestr(name, source.read(name))
    assert folder.problem().code in {"file-damaged", "format-unknown"}


def test_a_part_that_is_broken_is_damage(folder: Folder) -> None:
    book_of(folder, ["email"], ["a@x.org"])
    patched(folder.path / "recipients.csv", SHEET, ("</sheetData>", ""))
    assert folder.problem().code == "file-damaged"


def test_other_zip_files_are_named(folder: Folder) -> None:
    assert "Numbers" in zipped(folder, Index__Document_iwa="x").problem().message
    assert "Word" in zipped(folder, word__document_xml="x").problem().message
    assert "ZIP file" in zipped(folder, a_txt="x").problem().message
    assert "ZIP file" in zipped(folder, content_xml="x").problem().message
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = "<manifest:encryption-data/>"
    parts = {"mimetype": kind, "content_xml": "x", "META-INF__manifest_xml": manifest}
    assert zipped(folder, **parts).problem().code == "file-protected"
    assert zipped(folder, xl__workbook_bin="x").problem().code == "file-damaged"


def test_a_zip_file_is_recognized_by_its_signature() -> None:
    assert FORMAT.recognizes(b"PK\x03\x04rest")
    assert FORMAT.recognizes(b"PK\x05\x06")
    assert not FORMAT.recognizes(b"PK")
