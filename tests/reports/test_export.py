"""The user's own spreadsheet back, and nothing in it that runs."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.errors import CampaignError
from mailmerge.ledger.states import After, State
from mailmerge.reports.export import export, export_failed
from mailmerge.reports.xlsx import RED
from tests.platforms import assert_private, held, on_windows
from tests.reports.deliveries import FOUR, Ledger, delivery


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


OUTCOME = [
    "status", "time", "reply", "message-id", "server_id", "after", "after_at", "after_reason",
]  # fmt: skip


def test_a_csv_is_the_spreadsheet_with_eight_more_columns(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    assert export(FOUR, path) == 4
    header, first, second, third, fourth = rows_of(path)
    assert header == ["email", "name", "note", *OUTCOME]
    assert first[:4] == ["u0@example.org", "Person 0", "'=HYPERLINK(1)", "sent"]
    assert first[4].startswith("2026-11-2")
    assert first[5:] == ["250 2.0.0 OK <1@x>", "<0@example.org>", "<1@x>", "", "", ""]
    assert second[2] == '张伟, "quoted"\nand more'
    assert second[5] == "550 5.1.1 \N{REPLACEMENT CHARACTER}[31mNo"
    assert third[2:4] == ["007", "pending"]
    assert fourth[2] == "'+1"
    assert_private(path)


def test_what_came_back_is_in_three_columns(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    after = After("bounced", 1_795_400_000.0, "5.1.1 =unknown", hard=True)
    export(Ledger(replace(delivery(0, State.SENT), after=after)), path)
    [_, row] = rows_of(path)
    assert row[-3] == "bounced"
    assert row[-2].startswith("2026-11-2")
    assert row[-1] == "5.1.1 =unknown"


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("x" * 100_000)
    export(FOUR, path)
    assert len(rows_of(path)) == 5


def test_a_workbook_has_the_same_rows(tmp_path: Path) -> None:
    path = tmp_path / "out.XLSX"
    assert export(FOUR, path) == 4
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    cells = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert cells[0][-8:] == OUTCOME
    assert cells[3][2:4] == ["007", "pending"]
    assert cells[1][4] == datetime.fromtimestamp(1_795_400_000)  # noqa: DTZ006 - local time
    assert sheet.freeze_panes == "A2"
    assert sheet["A3"].fill.fgColor.rgb == RED
    assert sheet["A2"].fill.fill_type is None
    assert_private(path)


@given(st.text())
def test_no_cell_of_a_csv_is_a_formula(cell: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out.csv"
        export(Ledger(delivery(0, State.SENT, note=cell.replace("\r", " "))), path)
        [_, row] = rows_of(path)
    assert not row[2].startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
    assert len(row[2].lstrip("'")) >= len(cell.lstrip("'")) - 1


def test_columns_of_the_user_keep_their_names(tmp_path: Path) -> None:
    export(Ledger(delivery(0, State.SENT, Status="mine")), tmp_path / "a.csv")
    header, row = rows_of(tmp_path / "a.csv")
    assert header[2:4] == ["Status", "mailmerge status"]
    assert row[2:4] == ["mine", "sent"]


def test_an_export_of_nothing_is_a_header(tmp_path: Path) -> None:
    assert export(Ledger(), tmp_path / "a.csv") == 0
    assert rows_of(tmp_path / "a.csv") == [OUTCOME]


def test_failed_rows_are_a_spreadsheet_for_another_send(tmp_path: Path) -> None:
    assert export_failed(FOUR, tmp_path / "failed.csv") == 1
    header, row = rows_of(tmp_path / "failed.csv")
    assert header == ["email", "name", "note", "mailmerge reason"]
    assert row[0] == "u1@example.org"
    assert row[3] == "550 5.1.1 \N{REPLACEMENT CHARACTER}[31mNo"
    assert export_failed(Ledger(), tmp_path / "failed.csv") == 0


def test_another_file_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=r"neither \.csv nor \.xlsx"):
        export(FOUR, tmp_path / "a.pdf")


def test_a_folder_that_is_missing_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=r"cannot be written: .*(directory|found)"):
        export(FOUR, tmp_path / "nowhere" / "a.csv")


@on_windows
def test_a_file_that_excel_holds_is_left_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_bytes(b"mine")
    with held(path), pytest.raises(CampaignError, match="close it in the program"):
        export(FOUR, path)
    assert path.read_bytes() == b"mine"
