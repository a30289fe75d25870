"""Any spreadsheet opens as columns, notices and rows."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pytest

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.recipients.spreadsheet import SheetLocale, open_spreadsheet, read_spreadsheet
from mailmerge.recipients.table import SheetRow
from mailmerge.settings import RecipientsSection
from tests.recipients.conftest import Folder


def test_a_campaign_names_its_spreadsheet(folder: Folder) -> None:
    folder.put("email;name\na@x.org;Ann\n", "guests.csv")
    spreadsheet = open_spreadsheet(folder.campaign(file="guests.csv"))
    assert spreadsheet.file == "guests.csv"
    assert spreadsheet.columns == ("email", "name")
    assert spreadsheet.header.number == 1
    assert [notice.code for notice in spreadsheet.notices] == ["delimiter-chosen"]
    assert list(spreadsheet.rows()) == [SheetRow(2, {"email": "a@x.org", "name": "Ann"})]


def test_any_path_may_be_read(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("mail\na@x.org\n")
    section = RecipientsSection(address="mail")
    assert read_spreadsheet(path, section).file == "x.csv"
    assert read_spreadsheet(path, section, "list").file == "list"


def test_a_column_is_found_in_any_case(folder: Folder) -> None:
    folder.put("Email,Name\na@x.org,Ann\n")
    spreadsheet = folder.open()
    assert spreadsheet.column("NAME") == "Name"
    with pytest.raises(SpreadsheetError) as caught:
        spreadsheet.column("city")
    assert str(caught.value) == 'recipients.csv: there is no column "city"'


def test_records_are_rows_and_problems(folder: Folder) -> None:
    folder.put("email,n\na@x.org,1\n\nb@x.org\nc@x.org,3,3\n")
    spreadsheet = folder.open()
    found = list(spreadsheet.records())
    assert [one.number if isinstance(one, SheetRow) else one.code for one in found] == [
        2,
        "row-too-short",
        4,
        "row-too-long",
    ]
    assert spreadsheet.blank_rows == 1
    assert all(one.file == "recipients.csv" for one in found if isinstance(one, Problem))


def test_rows_raise_the_first_error_and_ignore_warnings(folder: Folder) -> None:
    folder.put("email,n\na@x.org\nb@x.org,1,2\n")
    rows = folder.open().rows()
    assert next(rows).number == 2
    with pytest.raises(SpreadsheetError) as caught:
        next(rows)
    assert (caught.value.problem.code, caught.value.problem.row) == ("row-too-long", 3)


def test_a_file_without_rows_raises_at_its_end(folder: Folder) -> None:
    folder.put("email\n\n")
    with pytest.raises(SpreadsheetError) as caught:
        list(folder.open().records())
    assert caught.value.problem.code == "no-recipients"


def german_workbook(folder: Folder) -> None:
    """A workbook whose properties name German, with the number 1234 shown as 1.234."""
    book = openpyxl.Workbook()
    book.properties.language = "de-DE"
    sheet = book.active
    assert sheet is not None
    sheet.append(["email", "seats"])
    sheet.append(["a@x.org", 1234])
    sheet["B2"].number_format = "#,##0"
    book.save(folder.path / "guests.xlsx")


def test_the_language_of_a_workbook_is_found_without_its_cells(folder: Folder) -> None:
    german_workbook(folder)
    campaign = folder.campaign(file="guests.xlsx")
    assert open_spreadsheet(campaign).locale == "de-DE"
    assert SheetLocale(campaign)() == "de-DE"
    assert SheetLocale(folder.campaign(file="guests.xlsx", locale="fr"))() == "fr"


@pytest.mark.parametrize("name", ["guests.csv", "missing.xlsx"])
def test_other_files_have_no_language(folder: Folder, name: str) -> None:
    folder.put("email\na@x.org\n", "guests.csv")
    assert SheetLocale(folder.campaign(file=name))() == ""


def test_conditions_read_numbers_in_the_language_of_the_workbook(folder: Folder) -> None:
    german_workbook(folder)
    audience = folder.audience(file="guests.xlsx", where="seats|int == 1234")
    assert [one.cells["seats"] for one in audience.recipients()] == ["1.234"]
