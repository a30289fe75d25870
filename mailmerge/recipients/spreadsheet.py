"""A file of recipients -> rows: any spreadsheet, each row with its number.

The format is recognised by content, never by name. The rows stream out in the order of the sheet,
with the numbers that a spreadsheet program shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mailmerge.errors import MailmergeError, Problem, SpreadsheetError
from mailmerge.language import tr
from mailmerge.recipients.columns import Header, find_column
from mailmerge.recipients.formats.sniff import open_table
from mailmerge.recipients.formats.workbook import language_of_workbook
from mailmerge.recipients.input_file import InputFile, find_campaign_file, open_input_file
from mailmerge.recipients.standard_input import STANDARD_INPUT, standard_input
from mailmerge.recipients.table import RowReader, SheetRow, Table, no_recipients
from mailmerge.settings import RecipientsSection, Settings


class Spreadsheet:
    """An open spreadsheet: the names of its columns, the notices about it, and its rows.

    Attributes:
        file: its name for messages, with the sheet where the workbook has several.
        columns: the names of the columns, tidied, in their order.
        notices: warnings about the whole file: an encoding that was chosen, hidden rows.
        locale: the language of the numbers in a workbook, such as "de-DE"; "" for other files.
        blank_rows: how many empty rows the last pass ignored.
    """

    def __init__(self, table: Table) -> None:
        self.file = table.file
        self.columns = table.header.columns
        self.notices = table.notices
        self.locale = table.locale
        self.blank_rows = 0
        self._table = table

    @property
    def header(self) -> Header:
        """The header with the number of its row."""
        return self._table.header

    def column(self, wanted: str) -> str:
        """The column that campaign.toml calls `wanted`: exact match first, then any case.

        Raises:
            SpreadsheetError: there is none.
        """
        found = find_column(self.columns, wanted)
        if not found:
            what = tr('there is no column "{wanted}"', wanted=wanted)
            raise SpreadsheetError(what, file=self.file, code="no-column")
        return found

    def records(self) -> Iterator[SheetRow | Problem]:
        """Every row and every problem, in the order of the rows; a row with an error is left out.

        Raises:
            SpreadsheetError: the file cannot be read beyond some row, or there is no row at all.
        """
        reader = RowReader(self._table)
        anything = False
        for record in reader:
            anything = True
            yield record
        self.blank_rows = reader.blank
        if not anything:
            raise no_recipients(self.file, self.header)

    def rows(self) -> Iterator[SheetRow]:
        """Every row; warnings are left to `records`.

        Raises:
            SpreadsheetError: at the first row that has an error.
        """
        for record in self.records():
            if isinstance(record, SheetRow):
                yield record
            elif record.severity == "error":
                raise SpreadsheetError.from_problem(record)


class SheetLocale:
    """The language of the numbers in a campaign's spreadsheet, looked up when it is first needed.

    Calling it gives a tag such as "de-DE": `locale` under [recipients], else that of the workbook;
    "" if there is none, or if the spreadsheet cannot be read, which the check reports.
    """

    def __init__(self, campaign: Settings) -> None:
        self._campaign = campaign
        self._found = campaign.recipients.locale or None

    def __call__(self) -> str:
        if self._found is None:
            self._found = self._look_up()
        return self._found

    def _look_up(self) -> str:
        section = self._campaign.recipients
        try:
            source = _source_of(self._campaign)
            return language_of_workbook(source, section) or open_table(source, section).locale
        except MailmergeError:
            return ""


def _source_of(campaign: Settings) -> InputFile:
    """The spreadsheet of a campaign, or standard input."""
    section = campaign.recipients
    if section.file == STANDARD_INPUT:
        return standard_input.file()
    return open_input_file(find_campaign_file(campaign.folder, section.file), section.file)


def open_spreadsheet(campaign: Settings) -> Spreadsheet:
    """Open the spreadsheet of a campaign; `file = "-"` reads standard input.

    Raises:
        SpreadsheetError: the file is missing, unreadable, of no known format, or has no header.
        CampaignError: the campaign reads standard input, and there is none.
    """
    return Spreadsheet(open_table(_source_of(campaign), campaign.recipients))


def read_spreadsheet(path: Path, section: RecipientsSection, file: str = "") -> Spreadsheet:
    """Open any spreadsheet as `section` says, except for the file that `section` names.

    `file` is its name in messages; the name of the path unless given.

    Raises:
        SpreadsheetError: as for `open_spreadsheet`.
    """
    return Spreadsheet(open_table(open_input_file(path, file or path.name), section))
