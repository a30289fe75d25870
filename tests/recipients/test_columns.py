"""The first row names the columns, or the error says what it is instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.recipients.columns import (
    Header,
    HeadRow,
    column_letters,
    find_column,
    read_header,
)
from mailmerge.settings import RecipientsSection


def header(*rows: list[str], **recipients: object) -> Header:
    section = RecipientsSection.model_validate(recipients)
    head = [HeadRow(number, cells) for number, cells in enumerate(rows, 1)]
    return read_header(head, section, "r.csv")


def refused(*rows: list[str], **recipients: object) -> Problem:
    with pytest.raises(SpreadsheetError) as caught:
        header(*rows, **recipients)
    assert caught.value.problem.file == "r.csv"
    return caught.value.problem


def test_a_header_has_tidy_names_and_a_number() -> None:
    found = header([" email", "first \u00a0 name", "cafe\u0301"])
    assert (found.number, found.columns) == (1, ("email", "first name", "café"))
    assert [(notice.code, notice.column) for notice in found.notices] == [
        ("column-tidied", "email"),
        ("column-tidied", "first name"),
        ("column-tidied", "café"),
    ]


def test_names_without_a_row_have_no_row_in_their_notices() -> None:
    found = read_header([HeadRow(0, ["email "])], RecipientsSection(), "r.jsonl")
    assert found.number == 0
    assert found.notices[0].place == "r.jsonl, column email"


def test_no_row_at_all_is_an_empty_file() -> None:
    assert refused().code == "file-empty"


@pytest.mark.parametrize("cell", ["a@x.org", " a@x.org ", "a＠x。org"])
def test_a_recipient_in_the_first_row_is_no_header(cell: str) -> None:
    problem = refused(["Ann", cell])
    assert (problem.code, problem.row) == ("no-header", 1)
    assert problem.hint == "add a row with the names of the columns above it"


def test_a_title_is_told_from_a_header() -> None:
    problem = refused(["Our guests", ""], ["", ""], ["email", "name"])
    assert (problem.code, problem.row) == ("title-row", 1)
    assert problem.message == 'the first row is a title, not a header: "Our guests"'
    assert problem.hint.startswith("set skip_rows = 2 under [recipients]")
    problem = refused(["Our guests", ""], ["mail", "name"])
    assert (problem.code, problem.hint[:13]) == ("title-row", "set skip_rows")


@pytest.mark.parametrize(
    ("cells", "code", "message"),
    [
        (["email", " "], "column-unnamed", "column B has no name"),
        (["email", "Email"], "column-twice", 'columns A and B are both called "Email"'),
        (
            ["email", "loop"],
            "column-reserved",
            'column B cannot be called "loop": templates use that name',
        ),
    ],
)
def test_names_that_cannot_be_used_are_refused(cells: list[str], code: str, message: str) -> None:
    problem = refused(cells)
    assert (problem.code, problem.row, problem.message) == (code, 1, message)
    assert problem.hint


def test_a_missing_column_is_named_with_its_key() -> None:
    assert refused(["e-mail", "name"]).hint == 'did you mean address = "e-mail"?'
    assert (
        refused(["email"], key="id").hint == 'its columns are "email"; set key under [recipients]'
    )
    assert refused(["email", "nom"], required=["name"]).hint == 'did you mean required = "nom"?'


def test_an_exact_name_goes_before_another_case() -> None:
    assert find_column(["Name", "name"], "name") == "name"
    assert find_column(["Name", "city"], " NAME ") == "Name"
    assert find_column(["Name"], "nam") == ""


@pytest.mark.parametrize(
    ("index", "letters"), [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA")]
)
def test_columns_have_letters(index: int, letters: str) -> None:
    assert column_letters(index) == letters


@given(st.integers(0, 20_000), st.integers(0, 20_000))
def test_letters_sort_like_numbers(one: int, other: int) -> None:
    def key(index: int) -> tuple[int, str]:
        return len(column_letters(index)), column_letters(index)

    assert (key(one) < key(other)) == (one < other)


def test_filled_cells_are_those_with_text() -> None:
    assert HeadRow(1, ["a", " ", "", "b"]).filled == 2
