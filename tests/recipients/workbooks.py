"""Workbooks that the tests read: made by openpyxl, and changed part by part."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import openpyxl

from tests.recipients.conftest import Folder

SHEET = "xl/worksheets/sheet1.xml"

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


def book_of(folder: Folder, *rows: Sequence[object]) -> Folder:
    """Write the recipients as a workbook with these rows."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(folder.path / "recipients.csv")
    return folder


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


def zipped(folder: Folder, **parts: str) -> Folder:
    """Write the recipients as a ZIP file; in the names of the parts `__` is / and `_` is a dot."""
    with zipfile.ZipFile(folder.path / "recipients.csv", "w") as archive:
        for name, text in parts.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return folder
