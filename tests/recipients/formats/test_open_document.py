"""The markup of OpenDocument gives the text that the program showed."""

from __future__ import annotations

import zipfile

from mailmerge.errors import Problem
from mailmerge.recipients.formats.markup import Range, SeenCell
from mailmerge.recipients.formats.open_document import OpenDocumentMarkup
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


def cells_of(
    folder: Folder, *rows: str, sheet: str = "A"
) -> tuple[list[SeenCell], list[Range], list[int]]:
    zipped(folder, content_xml=DOCUMENT.format(rows="".join(rows)))
    with zipfile.ZipFile(folder.path / "recipients.csv") as archive:
        layout = OpenDocumentMarkup(archive, "recipients.csv").layout(sheet)
        return list(layout.cells), layout.merged, layout.hidden


NUMBER = (
    '<table:table-cell office:value-type="float" office:value="5"{more}>'
    "<text:p>5.00</text:p></table:table-cell>"
)


def row_of(cell: str, more: str = "") -> str:
    return f"<table:table-row {more}>{cell}</table:table-row>"


def test_repeated_rows_and_cells_are_counted(folder: Folder) -> None:
    twice = row_of(NUMBER.format(more=""), 'table:number-rows-repeated="2"')
    wide = row_of(NUMBER.format(more=' table:number-columns-repeated="2"'))
    cells, _, _ = cells_of(folder, twice, wide)
    assert [(cell.row, cell.column, cell.text) for cell in cells] == [
        (0, 0, "5.00"),
        (1, 0, "5.00"),
        (2, 0, "5.00"),
        (2, 1, "5.00"),
    ]


def test_the_empty_rest_of_a_sheet_is_no_row(folder: Folder) -> None:
    rest = row_of("<table:table-cell/>", 'table:number-rows-repeated="1048000"')
    cells, _, hidden = cells_of(folder, rest, row_of(NUMBER.format(more="")))
    assert [cell.row for cell in cells] == [0]
    assert hidden == []


def test_hidden_rows_and_merged_cells_are_found(folder: Folder) -> None:
    area = ' table:number-rows-spanned="2" table:number-columns-spanned="3"'
    hidden_row = row_of("<table:table-cell/>", 'table:visibility="collapse"')
    _, merged, hidden = cells_of(folder, hidden_row, row_of(NUMBER.format(more=area)))
    assert merged == [Range(1, 0, 2, 2)]
    assert hidden == [0]


def test_only_the_sheet_that_is_asked_for_is_read(folder: Folder) -> None:
    cells, _, _ = cells_of(folder, row_of(NUMBER.format(more="")), sheet="B")
    assert cells == []
