"""Rows of text -> an XLSX file, as a stream: one sheet whose cells are strings (ECMA-376, part 1).

Programs never run a string cell as a formula. A string that begins like a formula is also marked as
quoted, so that it stays a string after editing.

XML cannot express control characters, and its parsers turn CR into LF. Workbooks write such a
character as `_x000D_`, and a text that looks like that as `_x005F_x000D_` (ECMA-376, 22.9.2.19).
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import BinaryIO, Final
from xml.sax.saxutils import escape, quoteattr

_LONGEST_CELL: Final = 32_767
"""The maximum characters of a cell in spreadsheet programs."""

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
        f'<styleSheet xmlns="{_MAIN}"><fonts count="1"><font/></fonts>'
        '<fills count="1"><fill><patternFill patternType="none"/></fill></fills>'
        '<borders count="1"><border/></borders>'
        '<cellStyleXfs count="1"><xf/></cellStyleXfs>'
        '<cellXfs count="2"><xf numFmtId="49" xfId="0"/>'
        '<xf numFmtId="49" xfId="0" quotePrefix="1"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
        "</styleSheet>"
    ),
}


def write_workbook(
    file: BinaryIO,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    sheet: str = "recipients",
    skip: int = 0,
) -> None:
    """Write the column names and the rows, without keeping them in memory.

    `sheet` is the name of the sheet; `skip` is the number of empty rows above the column names.
    """
    name_of_sheet = quoteattr(sheet)[1:-1].replace('"', "&quot;")
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        for name, content in _PARTS.items():
            package.writestr(name, _XML + content.replace('"NAME"', f'"{name_of_sheet}"'))
        with package.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as part:
            part.write(f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            part.write(b"<row/>" * skip)
            part.write(_row(columns))
            for row in rows:
                part.write(_row(row))
            part.write(b"</sheetData></worksheet>")


def _row(cells: Sequence[str]) -> bytes:
    return f"<row>{''.join(map(_cell, cells))}</row>".encode()


def _cell(text: str) -> str:
    style = ' s="1"' if text.startswith(_FORMULA) else ""
    coded = _ESCAPED.sub(_as_code, text[:_LONGEST_CELL])
    shown = escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", coded))
    return f'<c t="inlineStr"{style}><is><t xml:space="preserve">{shown}</t></is></c>'


def _as_code(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"
