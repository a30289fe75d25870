"""A ZIP file that claims to be a workbook -> one that is safe to unpack, or a refusal.

Workbooks are ZIP files of XML. A few kilobytes can unpack to gigabytes, and XML can declare
entities that grow without end. Both are refused before any reader of workbooks opens the file.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from lxml import etree

from mailmerge.errors import SpreadsheetError
from mailmerge.recipients.input_file import InputFile, damaged
from mailmerge.wording import counted, size_in_words

_ENTRIES = 10_000
_BYTES = 1 << 30
# A worksheet of one repeated row packs to a hundredth; deflate's own limit is a thousandth.
_RATIO = 250
_SMALL = 1 << 24


def check_archive(source: InputFile) -> frozenset[str]:
    """Check size, number and checksum of all entries; returns their names.

    Raises:
        SpreadsheetError: it is not a ZIP file, it is damaged, or it would unpack to too much.
    """
    try:
        with source.open() as stream, zipfile.ZipFile(stream) as archive:
            _check_sizes(archive.infolist(), source.file)
            # Reads every entry once, no further than its declared size, and compares checksums.
            broken = archive.testzip()
            names = frozenset(archive.namelist())
    except (
        zipfile.BadZipFile,
        EOFError,
        NotImplementedError,
        RuntimeError,
        zlib.error,
    ) as error:
        raise damaged(source.file, str(error)) from error
    if broken is not None:
        raise damaged(source.file, f"the checksum of {broken} is wrong")
    return names


def _check_sizes(entries: list[zipfile.ZipInfo], file: str) -> None:
    total = sum(entry.file_size for entry in entries)
    bomb = any(
        entry.file_size > _SMALL and entry.file_size > _RATIO * max(entry.compress_size, 1)
        for entry in entries
    )
    if len(entries) > _ENTRIES or total > _BYTES or bomb:
        parts, size = counted(len(entries), "part"), size_in_words(total)
        raise SpreadsheetError(
            f"{parts} would unpack to {size}: refused as a possible archive bomb",
            file=file,
            hint="open it in Excel or LibreOffice and save it as CSV (UTF-8)",
            code="archive-bomb",
        )


def read_elements(part: IO[bytes], file: str, *tags: str) -> Iterator[etree._Element]:
    """Yield the elements with these tags as they are parsed, and free each one afterwards.

    Raises:
        SpreadsheetError: it is not XML, or it declares entities.
    """
    checked = False
    try:
        for _, element in etree.iterparse(
            part, tag=tags, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        ):
            if not checked and element.getroottree().docinfo.doctype:
                raise damaged(file, "its XML has a document type")
            checked = True
            yield element
            element.clear()
            parent = element.getparent()
            while parent is not None and element.getprevious() is not None:
                del parent[0]
    except etree.XMLSyntaxError as error:
        raise damaged(file, f"its XML is broken ({error.msg})") from error
