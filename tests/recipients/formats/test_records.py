"""Records with named fields become rows with columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.recipients.formats.records import Record, open_records
from mailmerge.recipients.input_file import InputFile, open_input_file
from mailmerge.recipients.spreadsheet import Spreadsheet
from mailmerge.recipients.table import BATCH_ROWS, SheetRow
from mailmerge.settings import RecipientsSection


@pytest.fixture
def source(tmp_path: Path) -> InputFile:
    path = tmp_path / "r.txt"
    path.write_text("x")
    return open_input_file(path, "r.txt")


def spreadsheet(source: InputFile, *records: Record | Problem) -> Spreadsheet:
    return Spreadsheet(open_records(source, RecipientsSection(), lambda: iter(records)))


def test_the_columns_are_all_names_in_their_order(source: InputFile) -> None:
    found = spreadsheet(
        source, (1, {"email": "a@x.org", "n": "1"}), (4, {"city": "Rome", "email": "b@x.org"})
    )
    assert found.columns == ("email", "n", "city")
    for _ in range(2):
        assert [(row.number, tuple(row.cells.values())) for row in found.rows()] == [
            (1, ("a@x.org", "1", "")),
            (4, ("b@x.org", "", "Rome")),
        ]


def test_a_field_with_several_values_refuses_its_row(source: InputFile) -> None:
    found = list(spreadsheet(source, (1, {"email": None}), (2, {"email": "a@x.org"})).records())
    assert isinstance(found[0], Problem)
    assert (found[0].code, found[0].row, found[0].column) == ("cell-nested", 1, "email")
    assert isinstance(found[1], SheetRow)


def test_a_problem_refuses_its_row_and_the_others_are_read(source: InputFile) -> None:
    wrong = Problem("error", "mine", "no name", "r.txt", 4)
    found = spreadsheet(source, (1, {"email": "a@x.org"}), wrong, (9, {"email": "b@x.org"}))
    assert found.columns == ("email",)
    for _ in range(2):
        first, problem, last = found.records()
        assert isinstance(first, SheetRow)
        assert isinstance(last, SheetRow)
        assert (first.number, problem, last.number) == (1, wrong, 9)


def test_only_problems_are_an_empty_file(source: InputFile) -> None:
    with pytest.raises(SpreadsheetError) as caught:
        spreadsheet(source, Problem("error", "mine", "no name", "r.txt", 1))
    assert caught.value.problem.code == "file-empty"


def test_too_many_names_are_an_error(source: InputFile) -> None:
    names = {f"c{n}": "" for n in range(16_384)}
    with pytest.raises(SpreadsheetError, match="more than 16,384 names") as caught:
        spreadsheet(source, (1, {"email": "a@x.org"}), (7, names))
    assert (caught.value.problem.code, caught.value.problem.row) == ("columns-too-many", 7)


def test_names_that_few_records_share_are_an_error(source: InputFile) -> None:
    names = {f"c{n}": "" for n in range(15_000)}
    records: list[Record] = [(n, {"email": "a@x.org"}) for n in range(1, 1000)]
    with pytest.raises(SpreadsheetError, match="has 1,000 records, and 15,001 names") as caught:
        spreadsheet(source, *records, (1000, names))
    assert caught.value.problem.code == "sheet-too-large"


def test_a_text_that_is_too_long_refuses_its_row(source: InputFile) -> None:
    long = {"email": "a@x.org", "n": "x" * 131_073}
    found = list(spreadsheet(source, (3, long), (4, {"email": "b@x.org", "n": "y"})).records())
    assert isinstance(found[0], Problem)
    assert (found[0].code, found[0].row, found[0].column) == ("cell-too-long", 3, "n")
    assert isinstance(found[1], SheetRow)


def test_no_record_and_a_missing_column_are_errors(source: InputFile) -> None:
    for records, code in (((), "file-empty"), (((1, {"mail": "a"}),), "no-column")):
        with pytest.raises(SpreadsheetError) as caught:
            spreadsheet(source, *records)
        assert caught.value.problem.code == code


@pytest.mark.parametrize("count", [BATCH_ROWS - 1, BATCH_ROWS, BATCH_ROWS + 1])
def test_batches_lose_no_record(source: InputFile, count: int) -> None:
    records: list[Record] = [(n, {"email": f"p{n}@x.org"}) for n in range(1, count + 1)]
    rows = list(spreadsheet(source, *records).rows())
    assert [(row.number, row.cells["email"]) for row in rows] == [
        (n, f"p{n}@x.org") for n in range(1, count + 1)
    ]
    table = open_records(source, RecipientsSection(), lambda: iter(records))
    assert [len(batch.numbers) for batch in table.batches()] == [
        min(count, BATCH_ROWS),
        *([count - BATCH_ROWS] if count >= BATCH_ROWS else []),
    ]


def test_notices_come_before_those_of_the_header(source: InputFile) -> None:
    notice = Problem("warning", "mine", "mine")
    records: list[Record] = [(1, {" email": "a@x.org"})]
    table = open_records(source, RecipientsSection(), lambda: iter(records), (notice,))
    assert [one.code for one in table.notices] == ["mine", "column-tidied"]


def test_an_error_of_the_reader_is_passed_on(source: InputFile) -> None:
    def read() -> Iterator[Record]:
        yield 1, {"email": "a@x.org"}
        raise SpreadsheetError("broken", row=2)

    with pytest.raises(SpreadsheetError, match="broken"):
        open_records(source, RecipientsSection(), read)


def test_a_change_of_the_file_is_noticed(source: InputFile) -> None:
    found = spreadsheet(source, (1, {"email": "a@x.org"}))
    source.path.write_text("changed")
    with pytest.raises(SpreadsheetError) as caught:
        next(found.rows())
    assert caught.value.problem.code == "file-changed"
