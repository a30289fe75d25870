"""Merged cells, formulas, hidden rows and lost digits are told with their cell."""

from __future__ import annotations

from mailmerge.errors import Problem
from mailmerge.recipients.columns import Header
from mailmerge.recipients.formats.markup import Range, SeenCell
from mailmerge.recipients.formats.sheet import Sheet
from mailmerge.recipients.formats.sheet_problems import row_problems, sheet_notices
from mailmerge.settings import RecipientsSection

HEADER = Header(1, ("email", "n"))
ALL = RecipientsSection()


def sheet(**noticed: object) -> Sheet:
    columns = [["email", "a@x.org", "b@x.org"], ["n", "1", "2"]]
    return Sheet("r.xlsx", columns, **noticed)  # type: ignore[arg-type]  # passed on


def brief(problems: list[Problem]) -> list[tuple[str, str, int | None, str]]:
    return [(one.severity, one.code, one.row, one.column) for one in problems]


def test_a_valid_sheet_has_no_problems() -> None:
    assert row_problems(sheet(), HEADER, ALL) == []
    assert list(sheet_notices(sheet(), HEADER, ALL)) == []


def test_faults_are_errors_of_their_rows_in_order() -> None:
    faults = [SeenCell(2, 1, "#N/A", fault="error"), SeenCell(1, 0, "", fault="formula")]
    found = row_problems(sheet(faults=faults), HEADER, ALL)
    assert brief(found) == [
        ("error", "formula-not-calculated", 2, "email"),
        ("error", "cell-error", 3, "n"),
    ]
    assert found[0].message == "the formula in A2 is not calculated"
    assert found[1].message == "B3 shows the error #N/A"


def test_faults_outside_the_table_do_not_matter() -> None:
    faults = [SeenCell(0, 0, "", fault="formula"), SeenCell(1, 2, "", fault="formula")]
    assert row_problems(sheet(faults=faults), HEADER, ALL) == []
    hidden = sheet(faults=[SeenCell(1, 0, "", fault="formula")], hidden=[1])
    assert row_problems(hidden, HEADER, RecipientsSection(hidden_rows=False)) == []
    assert len(row_problems(hidden, HEADER, ALL)) == 1


def test_merged_cells_are_an_error_unless_they_are_filled() -> None:
    merged = sheet(merged=[Range(1, 1, 2, 1)])
    (problem,) = row_problems(merged, HEADER, ALL)
    assert brief([problem]) == [("error", "cells-merged", 2, "n")]
    assert problem.message == "the cells B2:B3 are merged: only the first one has a text"
    assert row_problems(merged, HEADER, RecipientsSection(fill_merged=True)) == []


def test_merged_cells_without_text_do_not_matter() -> None:
    empty = sheet(merged=[Range(1, 5, 2, 5), Range(7, 0, 8, 0)])
    assert row_problems(empty, HEADER, ALL) == []
    above = sheet(merged=[Range(0, 0, 0, 1)])
    assert row_problems(above, Header(2, ("email", "n")), ALL) == []


def test_hidden_rows_are_counted_and_listed() -> None:
    hidden = sheet(hidden=[0, 1, 2, 9])
    (problem,) = sheet_notices(hidden, HEADER, ALL)
    assert problem.message == "hidden rows are included: 2 (2, 3)"
    assert problem.hint == "to change that, set hidden_rows = false under [recipients]"
    (problem,) = sheet_notices(hidden, HEADER, RecipientsSection(hidden_rows=False))
    assert problem.message == "hidden rows are skipped: 2 (2, 3)"


def test_hidden_columns_are_named() -> None:
    hidden = Sheet("r.xlsx", [["email"], ["phone"], ["note"]], hidden_columns=[(1, 1), (2, 16383)])
    header = Header(1, ("email", "phone", "note"))
    (problem,) = sheet_notices(hidden, header, ALL)
    assert (problem.severity, problem.code) == ("warning", "columns-hidden")
    assert problem.message == "hidden columns are read: phone, note"


def test_a_value_without_a_saved_text_is_told() -> None:
    seen = SeenCell(1, 0, "12.5%", certain=False, fault="textless")
    (problem,) = sheet_notices(sheet(uncertain={0: seen}), HEADER, ALL)
    assert (problem.code, problem.row) == ("number-format", 2)
    assert problem.message.startswith('A2 is read as "12.5%": the file has the value')


def test_many_hidden_rows_are_not_all_listed() -> None:
    long = Sheet("r.xlsx", [["email"] + ["x"] * 30], hidden=list(range(1, 20)))
    (problem,) = sheet_notices(long, Header(1, ("email",)), ALL)
    assert problem.message == "hidden rows are included: 19 (2, 3, 4, 5, 6, 7, 8, 9, 10, 11 ...)"


def test_uncertain_cells_and_plain_columns_are_warnings() -> None:
    uncertain = {1: SeenCell(1, 1, "2026-01-02", certain=False), 5: SeenCell(1, 5, "x")}
    found = list(sheet_notices(sheet(uncertain=uncertain, plain=[0, 7]), HEADER, ALL))
    assert brief(found) == [
        ("warning", "number-format", 2, "n"),
        ("warning", "number-format", None, ""),
    ]
    assert found[0].message == 'B2 is read as "2026-01-02", and may look different in the sheet'
    assert found[1].message == "numbers and dates are read without their format, in email"


def test_lost_digits_are_a_warning() -> None:
    lost = {1: SeenCell(1, 1, "9007199254740990", fault="digits")}
    (problem,) = sheet_notices(sheet(uncertain=lost), HEADER, ALL)
    assert (problem.code, problem.row) == ("digits-lost", 2)
