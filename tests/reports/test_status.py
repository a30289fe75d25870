"""Reports: the person's own spreadsheet back, and nothing in it that runs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.campaign import Campaign
from mailmerge.errors import CampaignError
from mailmerge.ledger.states import Delivery, Standing, State, reported
from mailmerge.reports.status import (
    export,
    export_failed,
    neutral,
    table,
    to_json,
    unfinished,
)
from mailmerge.reports.xlsx import write_workbook
from tests.engine.driver import make_recipient


class Book:
    """A record of people of our own."""

    holder = None

    def __init__(self, *people: Delivery) -> None:
        self._people = people

    def iterate(self) -> Iterator[Delivery]:
        return iter(self._people)

    def counts(self) -> dict[State, int]:
        return reported({})

    def standing(self) -> Standing:
        return Standing(reported({}))


def person(number: int, state: State, reply: str = "", **cells: str) -> Delivery:
    one = make_recipient(number, **cells)
    return Delivery(
        number, one.key, one.row, one.mailbox, one.cells, state,
        f"<{number}@example.org>", 1.0, 1_795_400_000.0, reply=reply,
    )  # fmt: skip


BOOK = Book(
    person(0, State.SENT, "250 2.0.0 Ok", note="=HYPERLINK(1)"),
    person(1, State.REJECTED, "550 5.1.1 \x1b[31mNo", note='张伟, "quoted"\nand more'),
    person(2, State.PENDING, note="007"),
    person(3, State.IN_DOUBT, "lost", note="+1"),
)


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_a_csv_is_the_own_spreadsheet_with_four_columns_more(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    assert export(BOOK, path) == 4
    header, first, second, third, fourth = rows_of(path)
    assert header == ["email", "name", "note", "status", "time", "reply", "message-id"]
    assert first[:4] == ["u0@example.org", "Person 0", "'=HYPERLINK(1)", "sent"]
    assert first[4].startswith("2026-11-2")
    assert first[5:] == ["250 2.0.0 Ok", "<0@example.org>"]
    assert second[2] == '张伟, "quoted"\nand more'
    assert second[5] == "550 5.1.1 \N{REPLACEMENT CHARACTER}[31mNo"
    assert third[2:4] == ["007", "pending"]
    assert fourth[2] == "'+1"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_workbook_holds_strings_and_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "out.xlsx"
    assert export(BOOK, path) == 4
    sheet = openpyxl.load_workbook(path).active
    assert sheet is not None
    cells = [list(row) for row in sheet.iter_rows()]
    assert [cell.value for cell in cells[0]][-4:] == ["status", "time", "reply", "message-id"]
    assert cells[1][2].value == "=HYPERLINK(1)"
    assert cells[1][2].data_type == "s" or cells[1][2].data_type == "inlineStr"
    assert cells[1][2].quotePrefix
    assert cells[3][2].value == "007"
    assert cells[2][2].value == '张伟, "quoted"\nand more'


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_any_text_makes_a_workbook_that_can_be_read(cells: list[str]) -> None:
    import io

    file = io.BytesIO()
    write_workbook(file, ["column"] * len(cells), [cells])
    sheet = openpyxl.load_workbook(io.BytesIO(file.getvalue())).active
    assert sheet is not None
    assert sheet.max_row == 2
    assert all(cell.data_type != "f" for row in sheet.iter_rows() for cell in row)


@given(st.text())
def test_no_text_is_a_formula_afterwards(text: str) -> None:
    assert not neutral(text).startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
    assert neutral(text).endswith(text)


def test_columns_that_are_there_already_stay_the_persons_own(tmp_path: Path) -> None:
    export(Book(person(0, State.SENT, Status="mine")), tmp_path / "a.csv")
    header, row = rows_of(tmp_path / "a.csv")
    assert header[2:4] == ["Status", "mailmerge status"]
    assert row[2:4] == ["mine", "sent"]


def test_a_report_of_nobody_is_a_header(tmp_path: Path) -> None:
    assert export(Book(), tmp_path / "a.csv") == 0
    assert rows_of(tmp_path / "a.csv") == [["status", "time", "reply", "message-id"]]


def test_who_failed_is_a_spreadsheet_that_can_be_sent_to_again(tmp_path: Path) -> None:
    assert export_failed(BOOK, tmp_path / "failed.csv") == 1
    header, row = rows_of(tmp_path / "failed.csv")
    assert header == ["email", "name", "note"]
    assert row[0] == "u1@example.org"
    assert export_failed(Book(), tmp_path / "failed.csv") == 0


def test_another_ending_or_a_missing_folder_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=r"neither \.csv nor \.xlsx"):
        export(BOOK, tmp_path / "a.pdf")
    with pytest.raises(CampaignError, match="cannot be written"):
        export(BOOK, tmp_path / "nowhere" / "a.csv")


def test_the_table_names_what_there_is_and_what_it_means() -> None:
    counts = reported({State.CLAIMED: 2, State.PENDING: 1, State.IN_DOUBT: 1000})
    shown = table(counts)
    assert "    3  pending" in shown
    assert "    0  sent" in shown
    assert "1,000  in_doubt" in shown
    assert "rejected" not in shown
    assert shown.endswith("1,003  in all")


def test_the_json_document_has_every_state(campaign: Campaign) -> None:
    standing = Standing(reported({State.SENT: 2}), seconds=1.23456, check_seconds=0.5)
    document = to_json(campaign, standing, holder="process 1")
    assert document["campaign"] == "kept"
    assert document["total"] == 2
    assert list(document["states"]) == [
        "pending", "sent", "rejected", "deferred", "in_doubt", "skipped",
    ]  # fmt: skip
    assert document["sending"] == "process 1"
    assert (document["seconds"], document["check_seconds"]) == (1.235, 0.5)


def test_those_not_reached_are_listed_up_to_a_point() -> None:
    lines = list(unfinished(BOOK.iterate()))
    assert lines == [
        "row 3  u1@example.org  rejected  550 5.1.1 \N{REPLACEMENT CHARACTER}[31mNo",
        "row 5  u3@example.org  in_doubt  lost",
    ]
    assert list(unfinished(BOOK.iterate(), most=1))[-1].startswith("... and more")
