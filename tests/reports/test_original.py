"""The user's own workbook comes back as it was, with the outcomes at its right."""

from __future__ import annotations

import datetime as dt
import io
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.styles import Font, PatternFill

from mailmerge.ledger.states import Delivery, State
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.spreadsheet import read_spreadsheet
from mailmerge.reports.export import export
from mailmerge.reports.original import open_original
from mailmerge.reports.xlsx import RED
from mailmerge.settings import RecipientsSection, Settings, load_settings
from tests.platforms import assert_private
from tests.reports.deliveries import Ledger

CAMPAIGN = """
[recipients]
file = "members.xlsx"
sheet = "Members"
skip_rows = 1
[message]
from = "news@example.org"
subject = "Hello"
text = "body.txt"
"""
YELLOW = "FFFFFF00"
NOW = 1_795_400_000.0


@pytest.fixture
def campaign(tmp_path: Path) -> Settings:
    """A workbook with a title, formats, colours, widths, a date, a formula and another sheet."""
    (tmp_path / "campaign.toml").write_text(CAMPAIGN)
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Members"
    sheet.append(["Members of 2026"])
    sheet.append(["email", "due", "since"])
    sheet.append(["a@x.org", 12.5, dt.date(2020, 1, 31)])
    sheet.append(["b@x.org", 7, dt.date(2021, 2, 1)])
    sheet.append(["a@x.org", 1, dt.date(2021, 2, 1)])
    for row in (3, 4, 5):
        sheet.cell(row, 2).number_format = "0.00"
        sheet.cell(row, 3).number_format = "dd/mm/yyyy"
    sheet["A2"].font = sheet["C2"].font = Font(bold=True)
    sheet["B4"].fill = PatternFill("solid", fgColor=YELLOW)
    sheet.column_dimensions["A"].width = 33
    sheet.freeze_panes = "A3"
    other = book.create_sheet("Accounts")
    other["A1"] = "=1+1"
    book.save(tmp_path / "members.xlsx")
    return load_settings(tmp_path)


def ledger_of(campaign: Settings, reply: str = "550 5.1.1 No") -> Ledger:
    read = read_spreadsheet(campaign.folder / "members.xlsx", campaign.recipients)
    rows = list(read.rows())[:2]  # the third is a duplicate
    states = (State.SENT, State.REJECTED)
    return Ledger(
        *(
            Delivery(
                row.number, row.cells["email"], row.number, parse_mailbox(row.cells["email"]),
                row.cells, state, "<1@x.org>", 1.0, NOW, reply=reply,
            )
            for row, state in zip(rows, states, strict=True)
        )
    )  # fmt: skip


def exported(campaign: Settings, ledger: Ledger) -> Any:
    path = campaign.folder / "done.xlsx"
    assert export(ledger, path, campaign) == 2
    assert_private(path)
    return openpyxl.load_workbook(path)


def test_the_sheet_is_as_it_was(campaign: Settings) -> None:
    book = exported(campaign, ledger_of(campaign))
    assert book.sheetnames == ["Members", "Accounts"]
    assert book["Accounts"]["A1"].value == "=1+1"
    sheet = book["Members"]
    assert sheet["A1"].value == "Members of 2026"
    assert (sheet["B3"].value, sheet["B3"].number_format) == (12.5, "0.00")
    assert sheet["C3"].number_format == "dd/mm/yyyy"
    assert sheet["C3"].value == dt.datetime(2020, 1, 31)  # noqa: DTZ001 - a cell has no zone
    assert sheet.column_dimensions["A"].width == 33
    assert sheet.freeze_panes == "A3"
    assert sheet["A2"].font.bold


def test_a_file_that_no_program_reads_has_no_original(campaign: Settings) -> None:
    path = campaign.folder / "members.xlsx"
    section = campaign.recipients
    assert open_original(path, section, {}) is not None
    content = path.read_bytes()
    source = zipfile.ZipFile(io.BytesIO(content))
    with zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            part = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                part = part.replace(b"</sheetData>", b'</sheetData><pageMargins left="wide"/>')
            target.writestr(name, part)
    assert open_original(path, section, {}) is None
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("notes.txt", "no workbook")
    assert open_original(path, section, {}) is None
    assert open_original(campaign.folder / "missing.xlsx", section, {}) is None


def test_outcomes_are_new_columns_at_the_right(campaign: Settings) -> None:
    sheet = exported(campaign, ledger_of(campaign))["Members"]
    assert [cell.value for cell in sheet[2]][3:] == [
        "status", "time", "reply", "message-id", "server_id", "after", "after_at", "after_reason",
    ]  # fmt: skip
    assert sheet["D2"].font.bold
    assert [sheet.cell(row, 4).value for row in (3, 4, 5)] == ["sent", "rejected", None]
    assert sheet["E3"].value == dt.datetime.fromtimestamp(NOW)  # noqa: DTZ006 - local time
    assert sheet["E3"].is_date


def test_a_rejected_row_is_red_but_for_coloured_cells(campaign: Settings) -> None:
    sheet = exported(campaign, ledger_of(campaign))["Members"]
    assert [cell.fill.fgColor.rgb for cell in sheet[4]] == [RED, YELLOW, *[RED] * 9]
    assert sheet["A3"].fill.fill_type is None


def test_a_reply_is_never_a_formula(campaign: Settings) -> None:
    sheet = exported(campaign, ledger_of(campaign, "=HYPERLINK(1)\x1b"))["Members"]
    assert sheet["F3"].data_type == "s"
    assert sheet["F3"].value == "=HYPERLINK(1)\N{REPLACEMENT CHARACTER}"


def test_a_workbook_that_has_changed_is_not_used(campaign: Settings) -> None:
    ledger = ledger_of(campaign)
    book = openpyxl.load_workbook(campaign.folder / "members.xlsx")
    book["Members"].insert_rows(3)
    book.save(campaign.folder / "members.xlsx")
    sheet = exported(campaign, ledger).active
    rows = [[cell.value for cell in row][:4] for row in sheet.iter_rows()]
    assert [row[0] for row in rows if row[3] in {"sent", "rejected"}] == ["a@x.org", "b@x.org"]
    assert "Members of 2026" not in [row[0] for row in rows]


@pytest.mark.parametrize("content", [b"", b"email\na@x.org\n", b"PK\x03\x04rest"])
def test_another_file_is_no_workbook(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "members.xlsx"
    path.write_bytes(content)
    cells = {2: {"email": "a@x.org"}}
    assert open_original(path, RecipientsSection(), cells) is None
    assert open_original(tmp_path / "missing", RecipientsSection(), cells) is None


def test_outcomes_go_into_the_sheet_that_was_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for title in ("Old", "Members"):
        sheet = book.create_sheet(title)
        sheet.append(["email"])
        sheet.append([f"{title.lower()}@x.org"])
    del book["Sheet"]
    book["Old"].sheet_state = "hidden"
    path = tmp_path / "members.xlsx"
    book.save(path)
    original = open_original(path, RecipientsSection(), {2: {"email": "members@x.org"}})
    assert original is not None
    original.add(["status"], {2: ["sent"]}, set())
    with path.open("wb") as file:
        original.save(file)
    sheets = openpyxl.load_workbook(path)
    assert (sheets["Old"]["B2"].value, sheets["Members"]["B2"].value) == (None, "sent")
