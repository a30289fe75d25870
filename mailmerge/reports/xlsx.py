"""Rows -> an XLSX file, as a stream: one sheet of strings and times (ECMA-376, part 1).

The row of the column names is bold, stays in view and has filters. Rows may be coloured.


Programs never run a string cell as a formula. A string that begins like a formula is also marked as
quoted, so that it stays a string after editing.

XML cannot express control characters, and its parsers turn CR into LF. Workbooks write such a
character as `_x000D_`, and a text that looks like that as `_x005F_x000D_` (ECMA-376, 22.9.2.19).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import BinaryIO, Final
from xml.sax.saxutils import escape, quoteattr

_LONGEST_CELL: Final = 32_767
"""The maximum characters of a cell in spreadsheet programs."""

RED: Final = "FFF8CBCB"
"""The colour of the row of a rejected recipient (ARGB)."""

Cell = str | datetime
"""A text, or a moment, which is shown in local time."""

_PLAIN, _QUOTED, _MOMENT, _COLOURED, _HEADER = 0, 1, 2, 3, 6
"""Styles of cells; those of coloured rows are _COLOURED further."""

_EPOCH: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - day 0 of workbooks, which know no zone
_WIDTH_OF_MOMENT = 20

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPED = re.compile("[\x01-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPE}.styles+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        "</Types>"
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
        '<sheet name="NAME" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
    ),
    "xl/styles.xml": (
        f'<styleSheet xmlns="{_MAIN}"><numFmts count="1">'
        '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
        '<fonts count="2"><font/><font><b/></font></fonts>'
        '<fills count="3"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill>'
        f'<fill><patternFill patternType="solid"><fgColor rgb="{RED}"/></patternFill></fill>'
        "</fills>"
        '<borders count="1"><border/></borders>'
        '<cellStyleXfs count="1"><xf/></cellStyleXfs>'
        '<cellXfs count="7"><xf numFmtId="49" xfId="0"/>'
        '<xf numFmtId="49" xfId="0" quotePrefix="1"/><xf numFmtId="164" xfId="0"/>'
        '<xf numFmtId="49" fillId="2" xfId="0" applyFill="1"/>'
        '<xf numFmtId="49" fillId="2" xfId="0" quotePrefix="1" applyFill="1"/>'
        '<xf numFmtId="164" fillId="2" xfId="0" applyFill="1"/>'
        '<xf numFmtId="49" fontId="1" xfId="0" applyFont="1"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
        "</styleSheet>"
    ),
}


def write_workbook(
    file: BinaryIO,
    columns: Sequence[str],
    rows: Iterable[Sequence[Cell]],
    *,
    sheet: str = "recipients",
    skip: int = 0,
    coloured: Callable[[Sequence[Cell]], bool] = lambda _: False,
) -> None:
    """Write the column names and the rows, without keeping them in memory.

    `sheet` is the name of the sheet; `skip` is the number of empty rows above the column names.
    `coloured` says whether a row gets a red background.
    """
    name_of_sheet = quoteattr(sheet)[1:-1].replace('"', "&quot;")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        for name, content in _PARTS.items():
            package.writestr(name, _XML + content.replace('"NAME"', f'"{name_of_sheet}"'))
        with package.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            part.write(f'{_XML}<worksheet xmlns="{_MAIN}">{_frozen(skip + 1)}'.encode())
            part.write(b"<sheetData>" + b"<row/>" * skip)
            part.write(_row(columns, header=True))
            last = skip + 1
            for row in rows:
                part.write(_row(row, _COLOURED if coloured(row) else 0))
                last += 1
            part.write(b"</sheetData>")
            if columns:
                area = f"A{skip + 1}:{_letters(len(columns))}{last}"
                part.write(f'<autoFilter ref="{area}"/>'.encode())
            part.write(b"</worksheet>")


def _frozen(rows: int) -> str:
    """Return the view in which these rows stay in place, and the width of the columns."""
    pane = (
        f'<pane ySplit="{rows}" topLeftCell="A{rows + 1}" activePane="bottomLeft" state="frozen"/>'
    )
    view = f'<sheetViews><sheetView workbookViewId="0">{pane}</sheetView></sheetViews>'
    return f'{view}<sheetFormatPr defaultColWidth="{_WIDTH_OF_MOMENT}" defaultRowHeight="15"/>'


def _letters(column: int) -> str:
    """Return the name of a column from 1: A, Z, AA."""
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _row(cells: Sequence[Cell], offset: int = 0, *, header: bool = False) -> bytes:
    return f"<row>{''.join(_cell(one, offset, header) for one in cells)}</row>".encode()


def _cell(value: Cell, offset: int, header: bool) -> str:
    if isinstance(value, datetime):
        days = (value.astimezone().replace(tzinfo=None) - _EPOCH).total_seconds() / 86_400
        return f'<c s="{_MOMENT + offset}"><v>{days!r}</v></c>'
    style = (_QUOTED if value.startswith(_FORMULA) else _PLAIN) + offset
    style = _HEADER if header and not style else style
    coded = _ESCAPED.sub(_as_code, value[:_LONGEST_CELL])
    shown = escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", coded))
    styled = f' s="{style}"' if style else ""
    return f'<c t="inlineStr"{styled}><is><t xml:space="preserve">{shown}</t></is></c>'


def _as_code(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"
