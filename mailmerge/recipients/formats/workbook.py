"""XLSX, XLSB and OpenDocument spreadsheets -> a table: workbooks that are ZIP files.

The markup of XLSX and OpenDocument is read here, because it has the format of each number and
date, and because a compiled reader cannot be bounded. XLSB is binary: python-calamine reads it, in
another process, without formats, and a notice says so.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import PurePosixPath

from mailmerge.errors import SpreadsheetError
from mailmerge.language import tr
from mailmerge.recipients.bounds import Bounds, Budget
from mailmerge.recipients.formats import Format
from mailmerge.recipients.formats.archive import check_archive, open_archive
from mailmerge.recipients.formats.binary_book import BinaryBook
from mailmerge.recipients.formats.office_open import OfficeOpenBook
from mailmerge.recipients.formats.open_document import OpenDocumentBook
from mailmerge.recipients.formats.package import Package
from mailmerge.recipients.formats.sheet import Book, protected
from mailmerge.recipients.formats.sheet_table import open_sheet
from mailmerge.recipients.input_file import InputFile
from mailmerge.recipients.table import Table
from mailmerge.settings import RecipientsSection

_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
_SMALL_PART = 1 << 20
_MIMETYPE = "application/vnd.oasis.opendocument.spreadsheet"


def _open_workbook(source: InputFile, section: RecipientsSection) -> Table:
    """Open an XLSX, XLSB or OpenDocument workbook.

    Raises:
        SpreadsheetError: it is protected, damaged, a bomb or not a spreadsheet, or its sheet or its
            header is not clear.
    """
    bounds = Bounds.of(source.size)
    check_archive(source, bounds)
    budget = Budget(bounds, source.file)
    with source.open() as stream, open_archive(stream) as archive:
        book: Book
        package = Package(archive, budget)
        main, binary = _main_part(package)
        if binary:
            book = BinaryBook(source, budget, section.locale)
        elif main:
            book = OfficeOpenBook(archive, budget, section.locale)
        elif package.has("content.xml") and _is_spreadsheet(archive):
            _refuse_protected_document(archive, source.file)
            book = OpenDocumentBook(archive, budget)
        else:
            raise _no_spreadsheet(source.file, archive.namelist())
        return open_sheet(source, section, book, bounds)


def language_of_workbook(source: InputFile, section: RecipientsSection) -> str:
    """The language of the numbers in an XLSX workbook, without reading its sheets; else "".

    Raises:
        SpreadsheetError: it is damaged or a bomb.
        CampaignError: `locale` of the section is not known.
    """
    with source.open() as stream:
        if not FORMAT.recognizes(stream.read(len(_SIGNATURES[0]))):
            return ""
    bounds = Bounds.of(source.size)
    check_archive(source, bounds)
    budget = Budget(bounds, source.file)
    with source.open() as stream, open_archive(stream) as archive:
        main, binary = _main_part(Package(archive, budget))
        if binary or not main:
            return ""
        return OfficeOpenBook(archive, budget, section.locale).locale


def _main_part(package: Package) -> tuple[str, bool]:
    """The part that lists the sheets, and whether it is binary; "" if this is no Excel workbook."""
    main = package.main_part()
    kind = package.content_type(main).casefold() if main else ""
    if package.has(main) and ("spreadsheetml" in kind or "ms-excel" in kind):
        return main, "binary" in kind
    if package.has(main) and PurePosixPath(main).stem.casefold() == "workbook":
        return main, main.endswith(".bin")
    return ("xl/workbook.bin", True) if package.has("xl/workbook.bin") else ("", False)


def _is_spreadsheet(archive: zipfile.ZipFile) -> bool:
    if "mimetype" not in archive.namelist():
        return False
    return _beginning(archive, "mimetype").decode("ascii", "replace").strip().startswith(_MIMETYPE)


def _beginning(archive: zipfile.ZipFile, part: str) -> bytes:
    with archive.open(part) as stream:
        return stream.read(_SMALL_PART)


def _refuse_protected_document(archive: zipfile.ZipFile, file: str) -> None:
    manifest = "META-INF/manifest.xml"
    if manifest in archive.namelist() and b":encryption-data" in _beginning(archive, manifest):
        raise protected(file)


def _no_spreadsheet(file: str, names: Sequence[str]) -> SpreadsheetError:
    if any(name.endswith(".iwa") for name in names):
        what, hint = tr("this is a Numbers document"), tr("export it from Numbers as Excel or CSV")
    elif "word/document.xml" in names:
        what, hint = tr("this is a Word document"), tr("save its table as a spreadsheet")
    else:
        what, hint = tr("this is a ZIP file without a spreadsheet's parts"), tr("unpack it first")
    return SpreadsheetError(what, file=file, hint=hint, code="format-unknown")


FORMAT = Format("workbook", lambda head: head.startswith(_SIGNATURES), _open_workbook)
