"""Workbooks of several writers are read as a person sees them."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path

import openpyxl
import pytest

from mailmerge.errors import Problem
from mailmerge.recipients.audience import Recipient
from mailmerge.recipients.formats import workbook as workbook_module
from mailmerge.recipients.formats.workbook import plain_text
from mailmerge.recipients.table import SheetRow
from tests.recipients.conftest import Convert, Desk, problems_of

SEEN = [
    {"email": "a@x.org", "id": "00123", "price": "34.30", "day": "02.01.2026", "share": "12.5%"},
    {
        "email": "b@x.org",
        "id": "00007",
        "price": "1,234.50",
        "day": "03.01.2026",
        "share": "100.0%",
    },
    {"email": "c@x.org", "id": "", "price": "", "day": "", "share": ""},
]


def guests(folder: Path) -> Path:
    """A workbook with formats, a formula, a hidden row and a title above the header."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Guests"
    sheet.append(["Our guests"])
    sheet.append([])
    sheet.append(["email", "id", "price", "day", "share", "ok", "twice", "name"])
    sheet.append(["a@x.org", 123, 34.3, dt.date(2026, 1, 2), 0.125, True, "=B4*2", "Zoë"])
    sheet.append(["b@x.org", 7, 1234.5, dt.date(2026, 1, 3), 1, False, "=B5*2", " 王 小明 "])
    sheet.append(["c@x.org"])
    for row in (4, 5):
        formats = {"B": "00000", "C": "#,##0.00", "D": "dd.mm.yyyy", "E": "0.0%"}
        for column, code in formats.items():
            sheet[f"{column}{row}"].number_format = code
    sheet.row_dimensions[5].hidden = True
    path = folder / "guests.xlsx"
    book.save(path)
    return path


@pytest.mark.real
@pytest.mark.parametrize("extension", ["xlsx", "ods"])
def test_libreoffice_and_we_see_the_same(desk: Desk, convert: Convert, extension: str) -> None:
    original = guests(desk.folder)
    (desk.folder / "out").mkdir()
    moved = original.rename(desk.folder / "out" / "guests0.xlsx")
    path = convert(moved, "ods")
    if extension == "xlsx":
        moved.unlink()
        path = convert(path, "xlsx")
    path.rename(desk.folder / "recipients.csv")
    people = [p for p in desk.audience(skip_rows=2) if isinstance(p, Recipient)]
    assert [{name: p.cells[name] for name in SEEN[0]} for p in people] == SEEN
    assert [(p.row, p.cells["ok"], p.cells["twice"], p.cells["name"]) for p in people] == [
        (4, "TRUE", "246", "Zoë"),
        (5, "FALSE", "14", " 王 小明 "),
        (6, "", "", ""),
    ]
    (problem,) = desk.problems(skip_rows=2)
    assert problem.message == "hidden rows are included: 1 (5)"


@pytest.mark.real
def test_an_xls_file_is_read_with_a_warning(desk: Desk, convert: Convert) -> None:
    path = convert(guests(desk.folder), "xls")
    path.rename(desk.folder / "recipients.csv")
    assert (
        desk.problem().hint
        == "set skip_rows = 2 under [recipients], or delete what stands above the header"
    )
    (problem,) = desk.problems(skip_rows=2)
    assert (problem.severity, problem.code) == ("warning", "number-format")
    assert "id, price, day, share, ok, twice" in problem.message
    first = next(iter(desk.audience(skip_rows=2)))
    assert isinstance(first, Recipient)
    assert (first.row, list(first.cells.values())) == (
        4,
        ["a@x.org", "123", "34.3", "2026-01-02", "0.125", "TRUE", "246", "Zoë"],
    )


@pytest.mark.real
@pytest.mark.parametrize("extension", ["xls", "ods", "xlsx"])
def test_merged_cells_are_found_in_every_format(
    desk: Desk, convert: Convert, extension: str
) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["email", "city"], ["a@x.org", "Rome"], ["b@x.org"], ["c@x.org"]):
        sheet.append(row)
    sheet.merge_cells("B2:B4")
    sheet.merge_cells("D2:D4")  # without a text: nobody misses it
    (desk.folder / "out").mkdir()
    path = desk.folder / "out" / "merged.xlsx"
    book.save(path)
    path = convert(path, "ods") if extension != "xls" else convert(path, "xls")
    path = convert(path, "xlsx") if extension == "xlsx" else path
    path.rename(desk.folder / "recipients.csv")
    problem = desk.problem()
    assert (problem.code, problem.row, problem.column) == ("cells-merged", 2, "city")
    assert "B2:B4" in problem.message
    assert [p.cells["city"] for p in desk.people(fill_merged=True)] == ["Rome"] * 3


def test_formats_of_openpyxl(desk: Desk) -> None:
    guests(desk.folder)
    file = "guests.xlsx"
    found = list(desk.audience(file=file, skip_rows=2))
    problems = list(problems_of(desk.audience(file=file, skip_rows=2)))
    assert [(p.code, p.row, p.column) for p in problems] == [
        ("formula-not-calculated", 4, "twice"),
        ("formula-not-calculated", 5, "twice"),
    ]
    assert [p.row for p in found if isinstance(p, Recipient)] == [6]
    assert [p.row for p in desk.audience(file=file, skip_rows=2, hidden_rows=False)] == [4, 6]


def test_batches_of_any_size_give_the_same_rows(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    guests(desk.folder)
    spreadsheet = desk.open(file="guests.xlsx", skip_rows=2)
    whole = list(spreadsheet.records())
    for size in (1, 2):
        monkeypatch.setattr(workbook_module, "_BATCH", size)
        assert list(spreadsheet.records()) == whole


def book_of(desk: Desk, *rows: list[object]) -> Desk:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(desk.folder / "recipients.csv")
    return desk


def test_a_workbook_without_any_text_is_empty(desk: Desk) -> None:
    assert book_of(desk).problem().code == "file-empty"
    assert book_of(desk, ["email"]).problem().code == "no-recipients"


def test_blank_rows_of_a_single_column_keep_the_numbers(desk: Desk) -> None:
    rows = book_of(desk, ["email"], [], ["a@x.org"], [], [], ["b@x.org"]).people()
    assert [row.row for row in rows] == [3, 6]


def test_empty_columns_at_the_edge_are_no_columns(desk: Desk) -> None:
    assert book_of(desk, ["email", "", " "], ["a@x.org", "", " "]).open().columns == ("email",)
    problem = book_of(desk, ["email", "", ""], ["a@x.org", "x", ""]).problem()
    assert problem.code == "column-unnamed"
    assert "column B" in problem.message


def patched(path: Path, part: str, *changes: tuple[str, str]) -> None:
    """Change the text of one part of a workbook."""
    source = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name == part:
                text = content.decode()
                for old, new in changes:
                    assert old in text
                    text = text.replace(old, new)
                content = text.encode()
            target.writestr(name, content)


SHEET = "xl/worksheets/sheet1.xml"


def test_an_error_in_a_cell_is_an_error(desk: Desk) -> None:
    book_of(desk, ["email", "n"], ["a@x.org", 5], ["b@x.org", 6])
    patched(
        desk.folder / "recipients.csv",
        SHEET,
        ('<c r="B2" t="n"><v>5</v>', '<c r="B2" t="e"><v>#N/A</v>'),
    )
    problem = desk.problem()
    assert (problem.code, problem.row, problem.column) == ("cell-error", 2, "n")
    assert problem.message == "B2 shows the error #N/A"


def test_cells_without_names_count_on(desk: Desk) -> None:
    book_of(desk, ["email", "n"], ["a@x.org", 5], ["b@x.org", 6])
    changes = [(f' r="{name}"', "") for name in ("A1", "B1", "A2", "B2", "A3", "B3", "1", "2", "3")]
    patched(desk.folder / "recipients.csv", SHEET, *changes)
    assert [p.cells["n"] for p in desk.people()] == ["5", "6"]


def test_dates_of_the_iso_kind_and_of_1904(desk: Desk) -> None:
    book_of(desk, ["email", "day"], ["a@x.org", 5], ["b@x.org", dt.date(2026, 1, 2)])
    path = desk.folder / "recipients.csv"
    patched(path, SHEET, ('<c r="B2" t="n"><v>5</v>', '<c r="B2" t="d"><v>2026-01-01T00:00:00</v>'))
    patched(path, "xl/workbook.xml", ("<workbookPr/>", '<workbookPr date1904="1"/>'))
    assert [p.cells["day"] for p in desk.people()] == ["2026-01-01", "2030-01-03"]


def test_a_document_type_is_refused(desk: Desk) -> None:
    book_of(desk, ["email"], ["a@x.org"])
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet'
    patched(desk.folder / "recipients.csv", SHEET, ("<worksheet", bomb))
    assert desk.problem().code == "file-damaged"


@pytest.mark.parametrize("part", ["_rels/.rels", "xl/_rels/workbook.xml.rels", "xl/workbook.xml"])
def test_a_part_that_is_missing_is_damage(desk: Desk, part: str) -> None:
    book_of(desk, ["email"], ["a@x.org"])
    path = desk.folder / "recipients.csv"
    source = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            if name != part:
                target.writestr(name, source.read(name))
    assert desk.problem().code in {"file-damaged", "format-unknown"}


def test_a_part_that_is_broken_is_damage(desk: Desk) -> None:
    book_of(desk, ["email"], ["a@x.org"])
    patched(desk.folder / "recipients.csv", SHEET, ("</sheetData>", ""))
    assert desk.problem().code == "file-damaged"


def test_an_ole_file_that_is_no_workbook_is_damage(desk: Desk) -> None:
    desk.put(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3 << 20))
    assert desk.problem().code == "file-damaged"


def test_the_mark_of_protection_is_found_anywhere(desk: Desk) -> None:
    mark = "EncryptedPackage".encode("utf-16-le")
    for offset in ((1 << 20) - 8 - 5, 1 << 20, 2000):
        desk.put(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(offset) + mark + bytes(2000))
        assert desk.problem().code == "file-protected"


def zipped(desk: Desk, **parts: str) -> Desk:
    with zipfile.ZipFile(desk.folder / "recipients.csv", "w") as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return desk


def test_other_zip_files_are_called_by_their_name(desk: Desk) -> None:
    assert "Numbers" in zipped(desk, Index__Document_iwa="x").problem().message
    assert "Word" in zipped(desk, word__document_xml="x").problem().message
    assert "ZIP file" in zipped(desk, a_txt="x").problem().message
    assert "ZIP file" in zipped(desk, content_xml="x").problem().message
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = "<manifest:encryption-data/>"
    parts = {"mimetype": kind, "content_xml": "x", "META-INF__manifest_xml": manifest}
    assert zipped(desk, **parts).problem().code == "file-protected"
    assert zipped(desk, xl__workbook_bin="x").problem().code == "file-damaged"


DOCUMENT = """<office:document-content
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"
><office:body><office:spreadsheet><table:table table:name="A">{rows}</table:table>
<table:table table:name="B"/></office:spreadsheet></office:body></office:document-content>"""


def test_an_opendocument_of_another_writer(desk: Desk) -> None:
    def cell(text: str, more: str = 'office:value-type="string"') -> str:
        return f"<table:table-cell {more}><text:p>{text}</text:p></table:table-cell>"

    number = 'office:value-type="float" office:value="5" table:number-columns-repeated="2"'
    formula = 'table:formula="of:=1" calcext:value-type="error" office:value-type="string"'
    bare = '<table:table-cell table:formula="of:=1"/>'
    kind = "application/vnd.oasis.opendocument.spreadsheet"

    def put(last: str) -> None:
        rows = [
            "".join(map(cell, ["email", "n", "m", "f"])),
            cell("a@x.org") + cell('5<text:s text:c="2"/><text:span>pcs</text:span>', number),
            cell("b@x.org") + cell("") + cell("") + cell("#REF!", formula),
            cell("c@x.org") + cell("") + cell("") + bare + last,
        ]
        text = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
        document = DOCUMENT.format(rows=text)
        parts = {"content_xml": document, "META-INF__manifest_xml": "<manifest/>"}
        zipped(desk, mimetype=kind, **parts)

    put(cell("z"))
    assert desk.problem().code == "column-unnamed"
    put("")
    records = list(desk.open().records())
    rows = [list(row.cells.values())[1:3] for row in records if isinstance(row, SheetRow)]
    assert rows == [["5  pcs", "5  pcs"]]
    problems = [(p.code, p.row) for p in records if isinstance(p, Problem)]
    assert problems == [("cell-error", 3), ("formula-not-calculated", 4)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "TRUE"),
        (5, "5"),
        (34.3, "34.3"),
        (1e20, "100000000000000000000"),
        (dt.datetime.fromisoformat("2026-01-02"), "2026-01-02"),
        (dt.datetime.fromisoformat("2026-01-02T03:04"), "2026-01-02 03:04:00"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.time(3, 4), "03:04:00"),
    ],
)
def test_a_value_without_a_look_is_plain(value: object, text: str) -> None:
    assert plain_text(value) == text
