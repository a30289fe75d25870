"""The formats of spreadsheets: one module for each, with a `FORMAT` that `sniff` lists.

CONTRIBUTING.md, "Add a file format", shows a complete one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mailmerge.recipients.input_file import InputFile
from mailmerge.recipients.table import Table
from mailmerge.settings import RecipientsSection


@dataclass(frozen=True, slots=True)
class Format:
    """One format of spreadsheets.

    Attributes:
        name: what users call it.
        recognizes: whether a file is of this format, by its first 1,024 bytes. Two formats must not
            recognize the same file.
        open: (file, [recipients] of campaign.toml) -> the table of the file. It raises
            SpreadsheetError if the file is damaged, protected or empty, or has no valid header. It
            imports its libraries itself, so that commands that do not need them start fast.
    """

    name: str
    recognizes: Callable[[bytes], bool]
    open: Callable[[InputFile, RecipientsSection], Table]
