"""A file of recipients -> rows: any spreadsheet that a person has, every cell with its coordinate.

The format is recognised by content, never by name. The rows stream out in the order of the sheet,
with the numbers that its reader sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mailmerge.campaign import Campaign, RecipientsSection
from mailmerge.errors import CampaignError, Problem, SpreadsheetError
from mailmerge.recipients.columns import Header, find_column
from mailmerge.recipients.formats.sniff import open_table
from mailmerge.recipients.source import Source, file_source, spooled_source
from mailmerge.recipients.table import Row, RowReader, Table, no_recipients

__all__ = ["Row", "Spreadsheet", "open_spreadsheet", "read_spreadsheet"]


class Spreadsheet:
    """An open spreadsheet: the names of its columns, what was noticed, and its rows.

    Attributes:
        file: its name for messages, with the sheet where the workbook has several.
        columns: the names of the columns, tidied, in their order.
        notices: warnings about the whole file: an encoding that was chosen, hidden rows.
        blank_rows: how many empty rows the last pass went over.
    """

    def __init__(self, table: Table) -> None:
        self.file = table.file
        self.columns = table.header.columns
        self.notices = table.notices
        self.blank_rows = 0
        self._table = table

    @property
    def header(self) -> Header:
        """The header, and where it stands."""
        return self._table.header

    def column(self, wanted: str) -> str:
        """The column that campaign.toml calls `wanted`; case does not matter where it is clear.

        Raises:
            SpreadsheetError: there is none.
        """
        found = find_column(self.columns, wanted)
        if not found:
            what = f'there is no column "{wanted}"'
            raise SpreadsheetError(what, file=self.file, code="no-column")
        return found

    def records(self) -> Iterator[Row | Problem]:
        """Every row, and in its place every problem; a row with an error is a problem only.

        Raises:
            SpreadsheetError: nothing below some row can be read, or there is no row at all.
        """
        reader = RowReader(self._table)
        anything = False
        for record in reader:
            anything = True
            yield record
        self.blank_rows = reader.blank
        if not anything:
            raise no_recipients(self.file, self.header)

    def rows(self) -> Iterator[Row]:
        """Every row; warnings are left to `records`.

        Raises:
            SpreadsheetError: at the first row that has an error.
        """
        for record in self.records():
            if isinstance(record, Row):
                yield record
            elif record.severity == "error":
                raise SpreadsheetError.from_problem(record)


def open_spreadsheet(campaign: Campaign, *, standard_input: BinaryIO | None = None) -> Spreadsheet:
    """Open the spreadsheet of a campaign; `file = "-"` reads `standard_input`.

    Raises:
        SpreadsheetError: the file is missing, unreadable, of no known format, or has no header.
        CampaignError: the campaign wants standard input, and there is none.
    """
    section = campaign.recipients
    if section.file != "-":
        return read_spreadsheet(campaign.folder / section.file, section, section.file)
    if standard_input is None:
        raise CampaignError(
            'file = "-" reads the recipients from standard input, and there is none here',
            hint="pipe the spreadsheet into the command, or set file under [recipients]",
            code="no-standard-input",
        )
    return _open(spooled_source(standard_input), section)


def read_spreadsheet(path: Path, section: RecipientsSection, file: str = "") -> Spreadsheet:
    """Open any spreadsheet as `section` says, whatever file that names.

    Raises:
        SpreadsheetError: as for `open_spreadsheet`.
    """
    return _open(file_source(path, file or path.name), section)


def _open(source: Source, section: RecipientsSection) -> Spreadsheet:
    return Spreadsheet(open_table(source, section))
