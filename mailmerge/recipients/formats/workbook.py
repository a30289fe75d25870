"""XLSX, XLSB and OpenDocument spreadsheets -> a table: workbooks that are ZIP files.

The markup of XLSX and OpenDocument has the format of each number and date. XLSB keeps it in a
binary form, which is not read: its numbers come without their formats, and a notice says so.
"""

from __future__ import annotations

import zipfile

from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.formats import Format
from mailmerge.recipients.formats.archive import check_archive
from mailmerge.recipients.formats.office_open import OfficeOpenMarkup
from mailmerge.recipients.formats.open_document import OpenDocumentMarkup
from mailmerge.recipients.formats.sheet import Markup, protected
from mailmerge.recipients.formats.sheet_table import open_sheet
from mailmerge.recipients.input_file import InputFile, damaged
from mailmerge.recipients.table import Table
from mailmerge.settings import RecipientsSection

_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
_MIMETYPE = "application/vnd.oasis.opendocument.spreadsheet"


def _open_workbook(source: InputFile, section: RecipientsSection) -> Table:
    """Open an XLSX, XLSB or OpenDocument workbook.

    Raises:
        SpreadsheetError: it is protected, damaged, a bomb or not a spreadsheet, or its sheet or its
            header is not clear.
    """
    names = check_archive(source)
    with source.open() as stream, zipfile.ZipFile(stream) as archive:
        markup: Markup | None
        if "xl/workbook.xml" in names:
            markup = _office_open(archive, source.file)
        elif "xl/workbook.bin" in names:
            markup = None
        elif "content.xml" in names and _is_spreadsheet(archive):
            _refuse_protected_document(archive, source.file)
            markup = OpenDocumentMarkup(archive, source.file)
        else:
            raise _no_spreadsheet(source.file, names)
        return open_sheet(source, section, markup)


def _office_open(archive: zipfile.ZipFile, file: str) -> OfficeOpenMarkup:
    try:
        return OfficeOpenMarkup(archive, file)
    except (KeyError, StopIteration, ValueError) as error:
        raise damaged(file, f"a part is missing ({error})") from error


def _is_spreadsheet(archive: zipfile.ZipFile) -> bool:
    if "mimetype" not in archive.namelist():
        return False
    return archive.read("mimetype").decode("ascii", "replace").strip().startswith(_MIMETYPE)


def _refuse_protected_document(archive: zipfile.ZipFile, file: str) -> None:
    manifest = "META-INF/manifest.xml"
    if manifest in archive.namelist() and b":encryption-data" in archive.read(manifest):
        raise protected(file)


def _no_spreadsheet(file: str, names: frozenset[str]) -> SpreadsheetError:
    if any(name.endswith(".iwa") for name in names):
        what, hint = "this is a Numbers document", "export it from Numbers as Excel or CSV"
    elif "word/document.xml" in names:
        what, hint = "this is a Word document", "save its table as a spreadsheet"
    else:
        what, hint = "this is a ZIP file without a spreadsheet's parts", "unpack it first"
    return SpreadsheetError(what, file=file, hint=hint, code="format-unknown")


FORMAT = Format("workbook", lambda head: head.startswith(_SIGNATURES), _open_workbook)
