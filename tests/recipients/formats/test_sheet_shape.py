"""Rows that are no recipients are named for what they are."""

from __future__ import annotations

import pytest

from tests.recipients.conftest import Folder
from tests.recipients.workbooks import book_of


def codes(folder: Folder) -> list[tuple[str, int | None]]:
    return [(problem.code, problem.row) for problem in folder.problems()]


def test_a_second_line_of_the_header_is_named(folder: Folder) -> None:
    book_of(folder, ["email", "name"], ["", "(first name)"], ["a@x.org", "Ann"])
    assert codes(folder) == [("header-second", 2), ("address-empty", 2)]


@pytest.mark.parametrize("word", ["Total", "Summe:", "Итого", "合计", "Sum of all"])
def test_a_row_of_totals_is_named(folder: Folder, word: str) -> None:
    book_of(folder, ["email", "n", "what"], ["a@x.org", 5, ""], ["", 5, word])
    assert ("row-of-totals", 3) in codes(folder)


def test_rows_of_a_csv_file_are_named_too(folder: Folder) -> None:
    folder.put("email,name\n,(first name)\na@x.org,Ann\n,Total: 1\n")
    assert sorted(codes(folder)) == [
        ("address-empty", 2), ("address-empty", 4), ("header-second", 2), ("row-of-totals", 4),
    ]  # fmt: skip
    folder.put("email,name\na@x.org,Total\nb@x.org,Total\n")
    assert codes(folder) == []


def test_other_rows_are_not_named(folder: Folder) -> None:
    book_of(folder, ["email", "name"], ["a@x.org", "Total"], ["b@x.org", "Total"])
    assert codes(folder) == []
    book_of(folder, ["email", "name"], ["", "Ann 5"], ["b@x.org", "Bob"])
    assert codes(folder) == [("address-empty", 2)]
    book_of(folder, ["email", "name"], ["", "Ann"])
    assert codes(folder) == [("address-empty", 2)]
