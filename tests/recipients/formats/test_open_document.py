"""The markup of OpenDocument gives the text that the program showed."""

from __future__ import annotations

import zipfile

import pytest

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.recipients.bounds import Bounds, Budget
from mailmerge.recipients.formats.markup import Range
from mailmerge.recipients.formats.open_document import OpenDocumentBook
from mailmerge.recipients.formats.sheet import Sheet
from mailmerge.recipients.table import SheetRow
from tests.recipients.conftest import Folder
from tests.recipients.workbooks import zipped

KIND = "application/vnd.oasis.opendocument.spreadsheet"
DOCUMENT = """<office:document-content
 xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"
 xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"
><office:body><office:spreadsheet><table:table table:name="A">{rows}</table:table>
<table:table table:name="B"/></office:spreadsheet></office:body></office:document-content>"""


def test_a_document_of_another_program_is_read(folder: Folder) -> None:
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
        zipped(folder, mimetype=kind, **parts)

    put(cell("z"))
    assert folder.problem().code == "column-unnamed"
    put("")
    records = list(folder.open().records())
    rows = [list(row.cells.values())[1:3] for row in records if isinstance(row, SheetRow)]
    assert rows == [["5  pcs", "5  pcs"]]
    problems = [(p.code, p.row) for p in records if isinstance(p, Problem)]
    assert problems == [("cell-error", 3), ("formula-not-calculated", 4)]


def sheet_of(folder: Folder, *rows: str, sheet: str = "A") -> Sheet:
    zipped(folder, content_xml=DOCUMENT.format(rows="".join(rows)))
    with zipfile.ZipFile(folder.path / "recipients.csv") as archive:
        book = OpenDocumentBook(archive, Budget(Bounds.of(0), "recipients.csv"))
        return book.read(sheet)


def refused(folder: Folder, *rows: str) -> Problem:
    with pytest.raises(SpreadsheetError) as caught:
        sheet_of(folder, *rows)
    return caught.value.problem


NUMBER = (
    '<table:table-cell office:value-type="float" office:value="5"{more}>'
    "<text:p>5.00</text:p></table:table-cell>"
)


def row_of(cell: str, more: str = "") -> str:
    return f"<table:table-row {more}>{cell}</table:table-row>"


def test_repeated_rows_and_cells_are_counted(folder: Folder) -> None:
    twice = row_of(NUMBER.format(more=""), 'table:number-rows-repeated="2"')
    wide = row_of(NUMBER.format(more=' table:number-columns-repeated="2"'))
    sheet = sheet_of(folder, twice, wide)
    assert sheet.columns == [["5.00", "5.00", "5.00"], ["", "", "5.00"]]
    assert list(sheet.rows_from(0)) == [0, 1, 2]


def test_empty_repetitions_only_move_the_place(folder: Folder) -> None:
    rest = row_of("<table:table-cell/>", 'table:number-rows-repeated="1048000"')
    number = NUMBER.format(more="")
    sheet = sheet_of(folder, rest, row_of(number))
    assert (sheet.cell(1_048_000, 0), list(sheet.rows_from(0))) == ("5.00", [1_048_000])
    endless = row_of("<table:table-cell/>", f'table:number-rows-repeated="{10**30}"')
    far = '<table:table-cell table:number-columns-repeated="4000000000"/>'
    sheet = sheet_of(folder, row_of(number + far), endless, endless)
    assert sheet.columns == [["5.00"]]


@pytest.mark.parametrize("count", ["1048577", "2000000000", "9" * 5000])
def test_a_row_repeated_beyond_the_sheet_is_refused(folder: Folder, count: str) -> None:
    more = f'table:number-rows-repeated="{count}"'
    problem = refused(folder, row_of(NUMBER.format(more="")), row_of(NUMBER.format(more=""), more))
    assert (problem.code, problem.file, problem.row) == (
        "cell-outside",
        "recipients.csv, sheet A",
        2,
    )
    assert problem.message.startswith('"row 2, repeated ')


@pytest.mark.parametrize("count", ["16385", "1000000000"])
def test_a_cell_repeated_beyond_the_sheet_is_refused(folder: Folder, count: str) -> None:
    more = f' table:number-columns-repeated="{count}"'
    problem = refused(folder, row_of(NUMBER.format(more=more)))
    assert (problem.code, problem.row) == ("cell-outside", 1)
    assert problem.message.startswith('"A1, repeated ')


def test_a_full_sheet_of_repetitions_is_refused(folder: Folder) -> None:
    wide = NUMBER.format(more=' table:number-columns-repeated="16384"')
    problem = refused(folder, row_of(wide, 'table:number-rows-repeated="1048576"'))
    assert (problem.code, problem.file) == ("sheet-too-large", "recipients.csv, sheet A")


@pytest.mark.parametrize("count", ["0", "-1", "x", "1.5", ""])
def test_a_count_that_is_none_is_damage(folder: Folder, count: str) -> None:
    more = f' table:number-columns-repeated="{count}"'
    problem = refused(folder, row_of(NUMBER.format(more=more)))
    assert problem.code == "file-damaged"
    assert "A1 says number-columns-repeated=" in problem.message


@pytest.mark.parametrize("count", ["131073", "1000000000", "x"])
def test_a_run_of_too_many_spaces_is_refused(folder: Folder, count: str) -> None:
    text = f'<text:p>a<text:s text:c="{count}"/></text:p>'
    cell = f'<table:table-cell office:value-type="string">{text}</table:table-cell>'
    problem = refused(folder, row_of("<table:table-cell/>" + cell))
    assert (problem.code, problem.row) == ("cell-too-long", 1)
    assert problem.message == "B1 has more than 131,072 characters"


def test_notes_and_tables_in_a_cell_are_not_its_text(folder: Folder) -> None:
    note = "<office:annotation><text:p>a note</text:p></office:annotation>"
    table = f'<table:table table:name="inner">{row_of(NUMBER.format(more=""))}</table:table>'
    text = "<text:p>one<text:tab/>two<text:line-break/>three</text:p><text:p>four</text:p>"
    kind = 'office:value-type="string"'
    cell = f"<table:table-cell {kind}>{note}{table}{text}</table:table-cell>"
    assert sheet_of(folder, row_of(cell)).columns == [["one\ttwo\nthree\nfour"]]


def test_a_value_without_a_text_is_shown_plainly(folder: Folder) -> None:
    cells = (
        '<table:table-cell office:value-type="float" office:value="5.5"/>'
        '<table:table-cell office:value-type="date" office:date-value="2026-01-02T00:00:00"/>'
        '<table:table-cell office:value-type="boolean" office:boolean-value="true"/>'
        '<table:table-cell office:value-type="string" office:string-value="text"/>'
    )
    assert sheet_of(folder, row_of(cells)).row(0) == ["5.5", "2026-01-02", "TRUE", "text"]


def test_hidden_rows_and_merged_cells_are_found(folder: Folder) -> None:
    area = ' table:number-rows-spanned="2" table:number-columns-spanned="3"'
    hidden_row = row_of("<table:table-cell/>", 'table:visibility="collapse"')
    sheet = sheet_of(folder, hidden_row, row_of(NUMBER.format(more=area)))
    assert sheet.merged == [Range(1, 0, 2, 2)]
    assert sheet.hidden == [0]


def test_hidden_columns_are_found_by_their_repetitions(folder: Folder) -> None:
    shown = '<table:table-column table:number-columns-repeated="2"/>'
    hidden = '<table:table-column table:visibility="collapse" table:number-columns-repeated="3"/>'
    sheet = sheet_of(folder, shown + hidden, row_of(NUMBER.format(more="")))
    assert sheet.hidden_columns == [(2, 4)]


def test_a_text_without_a_type_is_read(folder: Folder) -> None:
    sheet = cells_of(folder, "<table:table-cell><text:p>Ann</text:p></table:table-cell>")
    assert sheet.cell(0, 0) == "Ann"


def test_only_the_sheet_that_is_asked_for_is_read(folder: Folder) -> None:
    assert sheet_of(folder, row_of(NUMBER.format(more="")), sheet="B").columns == []


def cells_of(folder: Folder, *cells: str) -> Sheet:
    """The sheet A with these cells in its first row."""
    row = f"<table:table-row>{''.join(cells)}</table:table-row>"
    zipped(folder, mimetype=KIND, content_xml=DOCUMENT.format(rows=row))
    with zipfile.ZipFile(folder.path / "recipients.csv") as archive:
        return OpenDocumentBook(archive, Budget(Bounds.of(0), "r.ods")).read("A")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('office:value-type="date" office:date-value="2026-11-30T00:00:00"', "2026-11-30"),
        ('office:value-type="float" office:value="0.30000000000000004"', "0.3"),
        ('office:value-type="time" office:time-value="PT255H10M09.5S"', "255:10:09"),
        ('office:value-type="time" office:time-value="-PT90M"', "-00:90:00"),
        ('office:value-type="percentage" office:value="0.125"', "12.5%"),
        ('office:value-type="boolean" office:boolean-value="true"', "TRUE"),
    ],
)
def test_hashes_of_a_narrow_column_are_the_value_and_a_warning(
    folder: Folder, value: str, text: str
) -> None:
    bare = cells_of(folder, f"<table:table-cell {value}/>")
    assert bare.cell(0, 0) == text
    assert [seen.fault for seen in bare.uncertain.values()] == (
        [] if "boolean" in value else ["textless"]
    )
    sheet = cells_of(folder, f"<table:table-cell {value}><text:p>#####</text:p></table:table-cell>")
    assert sheet.cell(0, 0) == text
    assert sheet.uncertain[0].fault == "width"


def test_hashes_that_are_a_text_stay(folder: Folder) -> None:
    cell = '<table:table-cell office:value-type="string"><text:p>###</text:p></table:table-cell>'
    sheet = cells_of(folder, cell)
    assert (sheet.cell(0, 0), sheet.uncertain) == ("###", {})


def test_general_has_the_digits_of_the_value(folder: Folder) -> None:
    """A message has no columns. Other formats keep the text that was saved."""

    def cell(style: str = "") -> str:
        value = 'office:value-type="float" office:value="3.3333333333333335"'
        return f"<table:table-cell {value}{style}><text:p>3,33</text:p></table:table-cell>"

    styles = """<office:automatic-styles xmlns:style="s" xmlns:number="n">
<number:number-style style:name="N2"><number:number number:decimal-places="2"/>
</number:number-style><style:style style:name="two" style:family="table-cell"
 style:data-style-name="N2"/></office:automatic-styles><office:body>"""
    column = '<table:table-column table:default-cell-style-name="two"/>'
    rows = (
        f"<table:table-row>{cell()}{cell()}{cell(named)}</table:table-row>"
        f'<table:table-row table:default-cell-style-name="two">{cell()}</table:table-row>'
        for named in (' table:style-name="two"',)
    )
    text = DOCUMENT.format(rows=f"<table:table-column/>{column}{''.join(rows)}")
    zipped(folder, content_xml=text.replace("<office:body>", styles), styles_xml="<styles/>")
    with zipfile.ZipFile(folder.path / "recipients.csv") as archive:
        sheet = OpenDocumentBook(archive, Budget(Bounds.of(0), "recipients.csv")).read("A")
    assert sheet.row(0) == ["3,33333333333333", "3,33", "3,33"]
    assert sheet.cell(1, 0) == "3,33"
