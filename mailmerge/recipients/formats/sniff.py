"""The first octets of a file -> its format -> the module that opens it. Names are not looked at."""

from __future__ import annotations

from mailmerge.campaign import RecipientsSection
from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.formats.delimited import open_delimited
from mailmerge.recipients.formats.json_lines import looks_like_json_lines, open_json_lines
from mailmerge.recipients.formats.parquet import open_parquet
from mailmerge.recipients.formats.workbook import open_old_workbook, open_workbook
from mailmerge.recipients.input_file import InputFile
from mailmerge.recipients.table import Table

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PARQUET = b"PAR1"
_FOREIGN = {
    b"%PDF": ("a PDF document", "export the table as CSV or .xlsx"),
    b"\x1f\x8b": ("a packed file (gzip)", "unpack it first"),
    b"7z\xbc\xaf": ("a packed file (7z)", "unpack it first"),
    b"Rar!": ("a packed file (RAR)", "unpack it first"),
    b"\x89PNG": ("a picture", "name the spreadsheet in file under [recipients]"),
    b"\xff\xd8\xff": ("a picture", "name the spreadsheet in file under [recipients]"),
    b"SQLite f": ("a database", "export the table as CSV"),
    b"{\\rtf": ("a text document (RTF)", "save its table as CSV or .xlsx"),
}
_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<table")


def open_table(source: InputFile, section: RecipientsSection) -> Table:
    """Open a spreadsheet of any known format.

    Raises:
        SpreadsheetError: the format is not known, or the file is damaged, protected or empty.
    """
    with source.open() as stream:
        head = stream.read(1024)
    if head.startswith(_ZIP):
        return open_workbook(source, section)
    if head.startswith(_OLE):
        return open_old_workbook(source, section)
    if head.startswith(_PARQUET):
        return open_parquet(source, section)
    _refuse_foreign(head, source.file)
    if looks_like_json_lines(head.decode("utf-8", "ignore")):
        return open_json_lines(source, section)
    return open_delimited(source, section)


def _refuse_foreign(head: bytes, file: str) -> None:
    for beginning, (what, hint) in _FOREIGN.items():
        if head.startswith(beginning):
            raise _unknown(what, hint, file)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_MARKUP):
        raise _unknown("a web page or XML", "open it in Excel and save it as .xlsx", file)


def _unknown(what: str, hint: str, file: str) -> SpreadsheetError:
    return SpreadsheetError(
        f"this is {what}, not a spreadsheet", file=file, hint=hint, code="format-unknown"
    )
