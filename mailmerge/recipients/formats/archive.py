"""A ZIP file that claims to be a workbook -> one that is safe to unpack, or a refusal.

Workbooks are ZIP files of XML, and a few kilobytes can unpack to gigabytes. That is refused before
any reader of workbooks opens the file.
"""

from __future__ import annotations

import zipfile
import zlib
from typing import BinaryIO

from mailmerge.errors import SpreadsheetError
from mailmerge.language import tr
from mailmerge.library_messages import reader_message
from mailmerge.recipients.bounds import Bounds
from mailmerge.recipients.input_file import InputFile, damaged
from mailmerge.wording import counted, size_in_words

_ENTRIES = 10_000
# A worksheet of one repeated row packs to a hundredth; deflate's own limit is a thousandth.
_RATIO = 250
_SMALL = 1 << 24


def check_archive(source: InputFile, bounds: Bounds) -> frozenset[str]:
    """Check size, number and checksum of all entries; returns their names.

    Raises:
        SpreadsheetError: it is not a ZIP file, it is damaged, or it would unpack to too much.
    """
    try:
        with source.open() as stream, open_archive(stream) as archive:
            _check_sizes(archive.infolist(), source.file, bounds.unpacked)
            # Reads every entry once, no further than its declared size, and compares checksums.
            broken = archive.testzip()
            names = frozenset(archive.namelist())
    except (zipfile.BadZipFile, EOFError, RuntimeError, zlib.error) as error:
        # A compression that Python does not know is a NotImplementedError, a RuntimeError.
        raise damaged(source.file, reader_message(str(error))) from error
    if broken is not None:
        raise damaged(source.file, tr("the checksum of {broken} is wrong", broken=broken))
    return names


def open_archive(stream: BinaryIO) -> zipfile.ZipFile:
    """Open a ZIP file; backslashes in the names of its entries become slashes.

    The ZIP format knows slashes only (APPNOTE 4.4.17.1). Some libraries for Windows write
    backslashes, and every spreadsheet program opens such workbooks.
    """
    archive = zipfile.ZipFile(stream)
    if any("\\" in name for name in archive.NameToInfo):
        for entry in archive.filelist:
            entry.filename = entry.filename.replace("\\", "/")
        archive.NameToInfo = {entry.filename: entry for entry in archive.filelist}
    return archive


def _check_sizes(entries: list[zipfile.ZipInfo], file: str, most: int) -> None:
    total = sum(entry.file_size for entry in entries)
    bomb = any(
        entry.file_size > _SMALL and entry.file_size > _RATIO * max(entry.compress_size, 1)
        for entry in entries
    )
    if len(entries) > _ENTRIES or total > most or bomb:
        parts, size = counted(len(entries), "part"), size_in_words(total)
        raise SpreadsheetError(
            tr(
                "{parts} would unpack to {size}: refused as a possible archive bomb",
                parts=parts,
                size=size,
            ),
            file=file,
            hint=tr("open it in Excel or LibreOffice and save it as CSV (UTF-8)"),
            code="archive-bomb",
        )
