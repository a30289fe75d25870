"""The first bytes of a file -> its format. The name of the file does not matter."""

from __future__ import annotations

from collections.abc import Sequence

from mailmerge.errors import SpreadsheetError
from mailmerge.language import marked, tr
from mailmerge.recipients.formats import Format, json_lines, old_workbook, parquet, workbook
from mailmerge.recipients.formats.delimited import open_delimited
from mailmerge.recipients.input_file import InputFile
from mailmerge.recipients.table import Table
from mailmerge.settings import RecipientsSection

FORMATS: Sequence[Format] = (
    workbook.FORMAT,
    old_workbook.FORMAT,
    parquet.FORMAT,
    json_lines.FORMAT,
)
"""The formats that are recognized by a file's first bytes. All other text is delimited."""

_HEAD_BYTES = 1024
_FOREIGN = {
    b"%PDF": (marked("a PDF document"), marked("export the table as CSV or .xlsx")),
    b"\x1f\x8b": (marked("a compressed file (gzip)"), marked("unpack it first")),
    b"7z\xbc\xaf": (marked("a compressed file (7z)"), marked("unpack it first")),
    b"Rar!": (marked("a compressed file (RAR)"), marked("unpack it first")),
    b"\x89PNG": (marked("a picture"), marked("set file under [recipients] to the spreadsheet")),
    b"\xff\xd8\xff": (
        marked("a picture"),
        marked("set file under [recipients] to the spreadsheet"),
    ),
    b"SQLite f": (marked("a database"), marked("export the table as CSV")),
    b"{\\rtf": (marked("a text document (RTF)"), marked("save its table as CSV or .xlsx")),
}
_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<table")


def open_table(
    source: InputFile, section: RecipientsSection, formats: Sequence[Format] = FORMATS
) -> Table:
    """Open a spreadsheet of any of the formats, or of delimited text.

    Raises:
        SpreadsheetError: the format is not known, or the file is damaged, protected or empty.
    """
    with source.open() as stream:
        head = stream.read(_HEAD_BYTES)
    for known in formats:
        if known.recognizes(head):
            return known.open(source, section)
    _refuse_foreign(head, source.file)
    return open_delimited(source, section)


def _refuse_foreign(head: bytes, file: str) -> None:
    for beginning, (what, hint) in _FOREIGN.items():
        if head.startswith(beginning):
            raise _unknown(tr(what), tr(hint), file)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(_MARKUP):
        raise _unknown(tr("a web page or XML"), tr("open it in Excel and save it as .xlsx"), file)


def _unknown(what: str, hint: str, file: str) -> SpreadsheetError:
    return SpreadsheetError(
        tr("this is {what}, not a spreadsheet", what=what),
        file=file,
        hint=hint,
        code="format-unknown",
    )
