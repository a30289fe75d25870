"""The markup of XLSX gives the text that Excel shows in each cell."""

from __future__ import annotations

import datetime as dt
import io
import zipfile

import openpyxl
import pytest

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.recipients.bounds import Bounds, Budget
from mailmerge.recipients.formats.markup import Range, SeenCell
from mailmerge.recipients.formats.office_open import OfficeOpenBook
from mailmerge.recipients.formats.sheet import Sheet
from tests.recipients.conftest import Folder
from tests.recipients.workbooks import SHEET, book_of, guests, patched


def sheet_of(folder: Folder, name: str = "recipients.csv", sheet: str = "Sheet") -> Sheet:
    with zipfile.ZipFile(folder.path / name) as archive:
        return OfficeOpenBook(archive, Budget(Bounds.of(0), name)).read(sheet)


def refused(folder: Folder) -> Problem:
    with pytest.raises(SpreadsheetError) as caught:
        sheet_of(folder)
    return caught.value.problem


def test_each_cell_has_the_text_that_its_format_shows(folder: Folder) -> None:
    guests(folder.path)
    sheet = sheet_of(folder, "guests.xlsx", "Guests")
    assert sheet.row(3) == [
        "a@x.org", "00123", "34.30", "02.01.2026", "12.5%", "TRUE", "", "Zoë",
    ]  # fmt: skip
    assert sheet.faults == [
        SeenCell(3, 6, "", fault="formula"),
        SeenCell(4, 6, "", fault="formula"),
    ]
    assert sheet.hidden == [4]
    assert list(sheet.rows_from(0)) == [0, 2, 3, 4, 5]


def test_merged_areas_are_found(folder: Folder) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["B2"] = "Rome"
    sheet.merge_cells("B2:B3")
    book.save(folder.path / "recipients.csv")
    assert sheet_of(folder).merged == [Range(1, 1, 2, 1)]


def test_a_large_number_has_lost_digits(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 9007199254740993])
    cell = sheet_of(folder).uncertain[1]
    assert (cell.row, cell.column, cell.fault) == (1, 1, "digits")


def test_a_broken_part_is_an_error(folder: Folder) -> None:
    book_of(folder, ["email"], ["a@x.org"])
    patched(folder.path / "recipients.csv", SHEET, ("</sheetData>", ""))
    assert refused(folder).code == "file-damaged"


@pytest.mark.parametrize("style", ["99", "", "-1", "x", "9" * 5000])
def test_a_style_that_is_missing_is_general(folder: Folder, style: str) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 34.3])
    changed = f'<c r="B2" t="n" s="{style}">'
    patched(folder.path / "recipients.csv", SHEET, ('<c r="B2" t="n">', changed))
    sheet = sheet_of(folder)
    assert (sheet.cell(1, 1), sheet.uncertain) == ("34.3", {})


def test_an_error_in_a_cell_is_an_error(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 5], ["b@x.org", 6])
    patched(
        folder.path / "recipients.csv",
        SHEET,
        ('<c r="B2" t="n"><v>5</v>', '<c r="B2" t="e"><v>#N/A</v>'),
    )
    problem = folder.problem()
    assert (problem.code, problem.row, problem.column) == ("cell-error", 2, "n")
    assert problem.message == "B2 shows the error #N/A"


@pytest.mark.parametrize(
    "number", ["1e999999999", "1e309", "-1e400", "NaN", "INF", "-Infinity", "1_000", "٣", "x"]
)
def test_a_number_that_no_sheet_can_hold_is_an_error(folder: Folder, number: str) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 5], ["b@x.org", 6])
    cell = f'<c r="B2" t="n"><v>{number}</v>'
    patched(folder.path / "recipients.csv", SHEET, ('<c r="B2" t="n"><v>5</v>', cell))
    problem = folder.problem()
    assert (problem.code, problem.row, problem.column) == ("number-invalid", 2, "n")
    assert problem.message == f'B2 has the number "{number}", which no sheet can hold'


@pytest.mark.parametrize(
    ("raw", "shown"), [("1e-999999999", "0"), ("-0.0", "0"), ("1E2", "100"), ("1" * 300, "1" * 300)]
)
def test_unusual_numbers_have_a_text(folder: Folder, raw: str, shown: str) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 5])
    cell = f'<c r="B2" t="n"><v>{raw}</v>'
    patched(folder.path / "recipients.csv", SHEET, ('<c r="B2" t="n"><v>5</v>', cell))
    assert sheet_of(folder).cell(1, 1) == shown


def test_a_text_without_its_type_is_a_text(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 5])
    changed = ('<c r="B2" t="n"><v>5</v>', '<c r="B2"><v>12 pcs</v>')
    patched(folder.path / "recipients.csv", SHEET, changed)
    assert sheet_of(folder).cell(1, 1) == "12 pcs"


@pytest.mark.parametrize(
    "place", ["B4000000000", "XFE2", "B0", "B-2", "B", "2", "", "R2C2", "ZZZZZZZZZ2", "B2B", "B²"]
)
def test_a_cell_outside_of_the_sheet_is_refused(folder: Folder, place: str) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 5])
    patched(folder.path / "recipients.csv", SHEET, ('<c r="B2"', f'<c r="{place}"'))
    problem = refused(folder)
    assert (problem.code, problem.file) == ("cell-outside", "recipients.csv, sheet Sheet")
    assert problem.row is not None


@pytest.mark.parametrize("row", ["4000000000", "0", "-1", "", "x", "1.5", "1048577"])
def test_a_row_outside_of_the_sheet_is_refused(folder: Folder, row: str) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 5])
    patched(folder.path / "recipients.csv", SHEET, ('<row r="2"', f'<row r="{row}"'))
    problem = refused(folder)
    assert (problem.code, problem.row) == ("cell-outside", 2)


def test_rich_text_is_one_text_without_its_reading(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 5])
    runs = (
        "<r><t> A</t></r><r><rPr><b/></rPr><t xml:space='preserve'> b_x000D_ </t></r>"
        "<rPh sb='0' eb='1'><t>reading</t></rPh>"
    )
    cell = f'<c r="B2" t="inlineStr"><is>{runs}</is>'
    patched(folder.path / "recipients.csv", SHEET, ('<c r="B2" t="n"><v>5</v>', cell))
    assert sheet_of(folder).cell(1, 1) == "A b\r "


def test_a_text_that_the_workbook_lacks_is_damage(folder: Folder) -> None:
    for index in ("99", "-1", "x"):
        book_of(folder, ["email", "n"], ["a@x.org", 5])
        cell = f'<c r="B2" t="s"><v>{index}</v>'
        patched(folder.path / "recipients.csv", SHEET, ('<c r="B2" t="n"><v>5</v>', cell))
        problem = refused(folder)
        assert problem.code == "file-damaged"
        assert "B2 refers to the text" in problem.message


def test_rows_and_cells_in_any_order_are_read(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 5], ["b@x.org", 6])
    swapped = ('r="2"', 'r="9"'), ('r="A2"', 'r="A9"'), ('r="B2"', 'r="B9"')
    patched(folder.path / "recipients.csv", SHEET, *swapped)
    sheet = sheet_of(folder)
    assert sheet.row(8) == ["a@x.org", "5"]
    assert list(sheet.rows_from(0)) == [0, 2, 8]


def test_cells_without_names_follow_the_last_one(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 5], ["b@x.org", 6])
    changes = [(f' r="{name}"', "") for name in ("A1", "B1", "A2", "B2", "A3", "B3", "1", "2", "3")]
    patched(folder.path / "recipients.csv", SHEET, *changes)
    assert [p.cells["n"] for p in folder.recipients()] == ["5", "6"]


def test_dates_may_be_iso_or_from_1904(folder: Folder) -> None:
    book_of(folder, ["email", "day"], ["a@x.org", 5], ["b@x.org", dt.date(2026, 1, 2)])
    path = folder.path / "recipients.csv"
    patched(path, SHEET, ('<c r="B2" t="n"><v>5</v>', '<c r="B2" t="d"><v>2026-01-01T00:00:00</v>'))
    patched(path, "xl/workbook.xml", ("<workbookPr/>", '<workbookPr date1904="1"/>'))
    assert [p.cells["day"] for p in folder.recipients()] == ["2026-01-01", "2030-01-03"]


def test_an_extension_does_not_reset_the_first_day(folder: Folder) -> None:
    """Excel 2016 and later write an element of the same name into the list of extensions."""
    book_of(folder, ["email", "day"], ["a@x.org", dt.date(2026, 1, 2)])
    extension = (
        '<extLst><ext><x15:workbookPr xmlns:x15="urn:x" chartTrackingRefBase="1"/></ext></extLst>'
    )
    patched(
        folder.path / "recipients.csv",
        "xl/workbook.xml",
        ("<workbookPr/>", '<workbookPr date1904="1"/>'),
        ("</workbook>", f"{extension}</workbook>"),
    )
    assert [p.cells["day"] for p in folder.recipients()] == ["2030-01-03"]


def test_dates_in_iso_8601_have_the_format_of_their_cell(folder: Folder) -> None:
    book_of(folder, ["email", "day"], ["a@x.org", dt.date(2026, 1, 2)])
    path = folder.path / "recipients.csv"
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read(SHEET).decode()
    start = sheet.index('<c r="B2"')
    cell = sheet[start : sheet.index("</c>", start)]
    style = cell.split('s="')[1].split('"')[0]
    patched(path, SHEET, (cell, f'<c r="B2" s="{style}" t="d"><v>2026-11-30</v>'))
    assert sheet_of(folder).cell(1, 1) == "2026-11-30"


def relabelled(folder: Folder, part: str, text: str) -> None:
    """Replace a part of the workbook, or add it."""
    path = folder.path / "recipients.csv"
    source = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            if name != part:
                target.writestr(name, source.read(name))
        target.writestr(part, text)


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ("docProps/core.xml", "<p><dc:language>de-DE</dc:language></p>"),
        ("docProps/app.xml", "<p><vt:lpstr>Arbeitsblätter</vt:lpstr></p>"),
    ],
)
def test_the_language_of_a_workbook_is_that_of_its_numbers(
    folder: Folder, part: str, text: str
) -> None:
    book_of(folder, ["email", "n", "ok"], ["a@x.org", 34.3, True])
    relabelled(folder, part, text)
    sheet = sheet_of(folder)
    assert (sheet.row(1)[1:], sheet.locale, sheet.guessed) == (["34,3", "WAHR"], "de-DE", None)


def test_broken_properties_say_nothing(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 34.3])
    relabelled(folder, "docProps/core.xml", "<p>")
    guessed = sheet_of(folder).guessed
    assert guessed is not None
    assert (guessed.row, guessed.column, guessed.text) == (1, 1, "34.3")


def test_a_guessed_locale_is_a_warning_and_a_given_one_is_not(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 34.3])
    problem = folder.problem()
    assert (problem.code, problem.row, problem.column) == ("locale-guessed", 2, "n")
    assert 'B2 is read as "34.3"' in problem.message
    assert folder.problems(locale="en-US") == []
    (recipient,) = folder.recipients(locale="fr")
    assert recipient.cells["n"] == "34,3"
    assert folder.problem(locale="xx").code == "wrong-value"


CELL = '<c r="B2" t="n"><v>5</v>'


def with_cell(folder: Folder, cell: str) -> Folder:
    """A workbook whose cell B2 is written in this way."""
    book_of(folder, ["email", "n"], ["a@x.org", 5], ["b@x.org", 6])
    patched(folder.path / "recipients.csv", SHEET, (CELL, cell))
    return folder


def test_a_text_that_a_formula_gave_is_read(folder: Folder) -> None:
    with_cell(folder, '<c r="B2" t="str"><f>A2</f><v>Zoë</v>')
    assert sheet_of(folder).cell(1, 1) == "Zoë"


def test_a_cell_of_an_unknown_type_is_damage(folder: Folder) -> None:
    problem = refused(with_cell(folder, '<c r="B2" t="video"><v>5</v>'))
    assert (problem.code, problem.file) == ("file-damaged", "recipients.csv, sheet Sheet")
    assert 'B2 has the unknown type "video"' in problem.message


@pytest.mark.parametrize("size", [140_000, 70_000])
def test_a_cell_with_too_long_a_text_is_named(folder: Folder, size: int) -> None:
    runs = f"<r><t>{'x' * size}</t></r>" * (140_000 // size)
    problem = refused(with_cell(folder, f'<c r="B2" t="inlineStr"><is>{runs}</is>'))
    assert (problem.code, problem.row) == ("cell-too-long", 2)
    assert problem.message.startswith("B2 ")


def shared(folder: Folder, *items: str) -> Folder:
    """A workbook with these shared texts, of which B2 shows the first one."""
    path = with_cell(folder, '<c r="B2" t="s"><v>0</v>').path / "recipients.csv"
    target = 'Target="sharedStrings.xml" Id="shared"/></Relationships>'
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    last = ("</Relationships>", f'<Relationship Type="{kind}" {target}')
    patched(path, "xl/_rels/workbook.xml.rels", last)
    if items:
        relabelled(folder, "xl/sharedStrings.xml", f"<sst>{''.join(items)}</sst>")
    return folder


def test_a_shared_text_has_no_reading(folder: Folder) -> None:
    reading = "<si><r><t>王</t></r><rPh sb='0' eb='1'><t>Wang</t></rPh></si>"
    shared(folder, reading, "<si><t>other</t></si>")
    assert sheet_of(folder).cell(1, 1) == "王"


def test_a_shared_text_that_is_too_long_is_refused(folder: Folder) -> None:
    runs = f"<r><t>{'x' * 70_000}</t></r>" * 2
    problem = refused(shared(folder, f"<si>{runs}</si>"))
    assert "a text has more than 131,072 characters" in problem.message


def test_shared_texts_that_are_missing_are_damage(folder: Folder) -> None:
    problem = refused(shared(folder))
    assert problem.code == "file-damaged"
    assert "the part with its texts is missing" in problem.message


def test_names_of_elements_may_have_a_prefix(folder: Folder) -> None:
    with_cell(folder, '<x:c r="B2" t="n"><x:v>7</x:v></x:c><c r="C2" t="n"><v>8</v>')
    path = folder.path / "recipients.csv"
    patched(path, SHEET, ("<worksheet ", '<worksheet xmlns:x="urn:x" '))
    assert sheet_of(folder).row(1) == ["a@x.org", "7", "8"]


def test_hidden_columns_are_found(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 5])
    columns = '<cols><col min="2" max="3" hidden="1"/><col min="5" max="5"/></cols><sheetData>'
    patched(folder.path / "recipients.csv", SHEET, ("<sheetData>", columns))
    assert sheet_of(folder).hidden_columns == [(1, 2)]


def test_a_chart_is_no_sheet(folder: Folder) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["email"])
    book.create_chartsheet("Chart")
    book.save(folder.path / "recipients.csv")
    with zipfile.ZipFile(folder.path / "recipients.csv") as archive:
        found = OfficeOpenBook(archive, Budget(Bounds.of(0), "r.xlsx"))
        assert [one.name for one in found.sheets] == ["Sheet"]


def test_rows_and_cells_after_the_last_place_are_refused(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 5], ["b@x.org", 6])
    path = folder.path / "recipients.csv"
    changes = ('<row r="2"', '<row r="1048576"'), ('r="A2"', 'r="A1048576"'), ('r="B2"', "")
    patched(path, SHEET, *changes, ('<row r="3"', "<row"))
    problem = refused(folder)
    assert (problem.code, "row 1048577" in problem.message) == ("cell-outside", True)
    book_of(folder, ["email", "n"], ["a@x.org", 5])
    patched(path, SHEET, ('r="A2"', 'r="XFD2"'), ('<c r="B2"', "<c"))
    problem = refused(folder)
    assert (problem.code, problem.row) == ("cell-outside", 2)
    assert "column 16,385" in problem.message


def test_a_cell_may_name_another_row_than_its_own(folder: Folder) -> None:
    book_of(folder, ["email", "n"], ["a@x.org", 5])
    patched(folder.path / "recipients.csv", SHEET, ('r="B2"', 'r="B4"'))
    sheet = sheet_of(folder)
    assert (sheet.row(1), sheet.row(3)) == (["a@x.org", ""], ["", "5"])


def test_a_format_of_another_country_is_a_warning(folder: Folder) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["email", "n"])
    sheet.append(["a@x.org", 1234])
    sheet.cell(2, 2).number_format = "[$-407]#,##0"
    book.save(folder.path / "recipients.csv")
    problem = folder.problem(locale="en-US")
    assert (problem.code, problem.row, problem.column) == ("number-country", 2, "n")
    assert 'B2 is read as "1.234"' in problem.message
    assert folder.problems(locale="de") == []


def test_a_sheet_without_its_part_is_empty(folder: Folder) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["email"])
    book.create_sheet("Other")
    book.save(folder.path / "recipients.csv")
    rels = "xl/_rels/workbook.xml.rels"
    patched(folder.path / "recipients.csv", rels, ("sheet2.xml", "gone.xml"))
    with zipfile.ZipFile(folder.path / "recipients.csv") as archive:
        found = OfficeOpenBook(archive, Budget(Bounds.of(0), "r.xlsx"))
        assert [found.has_cells(one.name) for one in found.sheets] == [True, False]


def test_styles_and_sheets_are_found_by_relations(folder: Folder) -> None:
    guests(folder.path)
    path = folder.path / "guests.xlsx"
    source = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            text = source.read(name)
            if name.endswith("workbook.xml.rels"):
                text = text.replace(b'"styles.xml"', b'"../looks/Cell%20styles.xml"')
            new = "LOOKS\\cell styles.xml" if name == "xl/styles.xml" else name.replace("/", "\\")
            target.writestr(new, text)
    assert sheet_of(folder, "guests.xlsx", "Guests").row(3)[1:3] == ["00123", "34.30"]
    assert len(list(folder.audience(file="guests.xlsx", skip_rows=2))) == 3
