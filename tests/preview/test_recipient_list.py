from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.preview.recipient_list import (
    PAGE_LENGTH,
    RecipientList,
    RecipientRow,
    RowFilter,
    RowStatus,
    name_columns,
)
from mailmerge.recipients.address import Mailbox


def a_row(number: int, *cells: str, status: RowStatus = RowStatus.RECIPIENT) -> RecipientRow:
    address = f"p{number}@example.org"
    mailbox = Mailbox(address, address, address)
    return RecipientRow(f"key-{number}", number, f"P {number}", cells, mailbox, status)


def many(count: int) -> RecipientList:
    rows = (a_row(number, f"cell {number}", "Ünique") for number in range(2, count + 2))
    return RecipientList(("a", "b"), rows)


def numbers(rows: RecipientList, search: str = "", among: RowFilter = None) -> list[int]:
    return [row.number for row in rows.page(search, among=among).rows]


def test_a_page_has_its_offset_and_the_total() -> None:
    page = many(120).page(offset=50)
    assert (len(page.rows), page.offset, page.total) == (PAGE_LENGTH, 50, 120)
    assert page.rows[0].number == 52


@pytest.mark.parametrize(("asked", "given_offset"), [(-5, 0), (49, 0), (119, 100), (5000, 100)])
def test_an_offset_out_of_bounds_gives_the_nearest_page(asked: int, given_offset: int) -> None:
    assert many(120).page(offset=asked).offset == given_offset


def test_a_search_finds_words_in_any_column_and_case() -> None:
    rows = many(30)
    assert numbers(rows, "CELL üNIQUE 17") == [17]
    assert numbers(rows, "p9@example.org") == [9]
    assert numbers(rows, "nowhere") == []
    assert rows.page("nowhere").total == 0


@given(st.lists(st.text(max_size=6), max_size=40), st.text(max_size=4))
def test_a_search_finds_exactly_the_rows_with_all_words(cells: list[str], search: str) -> None:
    rows = RecipientList(
        ("a",), [RecipientRow(str(at), at, "", (cell,), None) for at, cell in enumerate(cells)]
    )
    wanted = [
        at
        for at, cell in enumerate(cells)
        if all(word in f"{cell}\n".casefold() for word in search.casefold().split())
    ]
    assert numbers(rows, search) == wanted[:PAGE_LENGTH]
    assert rows.page(search).total == len(wanted)


def processing_seconds(work: Callable[[], object]) -> float:
    """The least processor time of five calls."""

    def once() -> float:
        begun = time.process_time()
        work()
        return time.process_time() - begun

    return min(once() for _ in range(5))


def test_the_time_of_a_search_is_linear_in_the_rows() -> None:
    few, lots = many(2_000), many(40_000)
    short = processing_seconds(lambda: few.page("17 ü"))
    long = processing_seconds(lambda: lots.page("17 ü"))
    assert long < 20 * 4 * short


def test_the_time_to_find_a_row_does_not_depend_on_the_rows() -> None:
    few, lots = many(2_000), many(40_000)

    def look_up(rows: RecipientList) -> None:
        for number in range(2, 1_000):
            rows.find(f"key-{number}")
            rows.at_row(number)

    short = processing_seconds(lambda: look_up(few))
    long = processing_seconds(lambda: look_up(lots))
    assert long < 4 * short


def test_a_page_can_be_asked_for_around_a_row() -> None:
    rows = many(120)
    assert rows.page(around="key-75").offset == 50
    assert rows.page("cell 75", around="key-75").offset == 0
    assert rows.page("cell 75", around="key-3", offset=0).offset == 0
    assert rows.page(around="unknown", offset=60).offset == 50


@pytest.mark.parametrize("missed", [3, 151, 201])
def test_a_row_that_the_search_misses_does_not_choose_the_page(missed: int) -> None:
    even = list(range(2, 201, 2))
    page = many(200).page(among=even, around=f"key-{missed}", offset=50)
    assert (page.total, page.offset) == (100, 50)
    assert many(200).page(among=even, around="key-198", offset=0).offset == 50


def test_a_missing_row_number_gives_the_next_row() -> None:
    rows = RecipientList((), [a_row(2), a_row(5), a_row(9)])
    found = [rows.at_row(number) for number in (1, 2, 3, 6, 99)]
    assert [row.number for row in found if row] == [2, 2, 5, 9, 9]
    assert RecipientList().at_row(3) is None


def test_a_status_or_row_numbers_filter_the_list() -> None:
    rows = RecipientList((), [a_row(2), a_row(3, status=RowStatus.DUPLICATE), a_row(4)])
    assert numbers(rows, among=RowStatus.DUPLICATE) == [3]
    assert numbers(rows, among=RowStatus.RECIPIENT) == [2, 4]
    assert numbers(rows, among=[2, 4, 7]) == [2, 4]
    assert numbers(rows, among=[]) == []
    assert rows.counts[RowStatus.DUPLICATE] == 1
    assert len(rows) == len(list(rows)) == 3


def test_neighbours_are_those_of_the_search() -> None:
    rows = many(40)
    before, after = rows.neighbours("key-13", "cell 1")
    assert before is not None
    assert after is not None
    assert (before.number, after.number) == (12, 14)
    assert rows.neighbours("key-2") == (None, rows.find("key-3"))
    assert rows.neighbours("key-41") == (rows.find("key-40"), None)


def test_a_row_that_the_search_misses_has_neighbours() -> None:
    before, after = many(40).neighbours("key-5", "cell 1")
    assert before is None
    assert after is not None
    assert after.number == 10


def test_find_gives_the_first_row_of_a_key() -> None:
    rows = RecipientList(
        (), [RecipientRow("k", 2, "one", (), None), RecipientRow("k", 3, "two", (), None)]
    )
    found = rows.find("k")
    assert found is not None
    assert found.number == 2
    assert found.address == ""
    assert rows.find("other") is None


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        (("email", "Name"), (1,)),
        (("Last name", "First name"), (1, 0)),
        (("Last name", "First name", "Name"), (1, 0)),
        (("first_name", "x"), (0,)),
        (("first_name", "name"), (1,)),
        (("Nachname",), (0,)),
        (("姓名", "邮箱"), (0,)),
        (("email", "x"), ()),
    ],
)
def test_name_columns_are_recognised_by_their_titles(
    columns: tuple[str, ...], chosen: tuple[int, ...]
) -> None:
    assert name_columns(columns) == chosen
