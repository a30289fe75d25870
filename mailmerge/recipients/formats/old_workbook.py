"""XLS -> a table: workbooks of Excel 5 to 2003, which are OLE2 files.

Office also wraps every file with a password, of any format, into an OLE2 file. Excel 2 to 4 wrote
the bare records; such a file is recognized by its first one, and refused by its name.
"""

from __future__ import annotations

from mailmerge.recipients.bounds import Bounds, Budget
from mailmerge.recipients.formats import Format
from mailmerge.recipients.formats.binary_book import BinaryBook
from mailmerge.recipients.formats.sheet import protected
from mailmerge.recipients.formats.sheet_table import open_sheet
from mailmerge.recipients.input_file import InputFile
from mailmerge.recipients.table import Table
from mailmerge.settings import RecipientsSection

_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
# The first record of a workbook without an OLE2 file: its kind, and the size of its body.
_BARE = tuple(bytes([9, version, size, 0]) for version in (0, 2, 4, 8) for size in (4, 6, 8, 16))
_BLOCK = 1 << 20
# The name of the part that holds a protected file, as an OLE2 directory writes it.
_PROTECTED = "EncryptedPackage".encode("utf-16-le")


def _open_old_workbook(source: InputFile, section: RecipientsSection) -> Table:
    """Open an XLS workbook.

    Raises:
        SpreadsheetError: it is protected or damaged, or its sheet or its header is not clear.
    """
    with source.open() as stream:
        while block := stream.read(_BLOCK):
            if _PROTECTED in block:
                raise protected(source.file)
            if len(block) == _BLOCK:
                # The name may lie across the edge of two blocks.
                stream.seek(-len(_PROTECTED), 1)
    budget = Budget(Bounds.of(source.size), source.file)
    return open_sheet(source, section, BinaryBook(source, budget, section.locale), budget.bounds)


def _recognizes(head: bytes) -> bool:
    return head.startswith(_SIGNATURE) or any(map(head.startswith, _BARE))


FORMAT = Format("XLS workbook", _recognizes, _open_old_workbook)
