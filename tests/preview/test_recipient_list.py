from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.preview.people import PAGE_LENGTH, Mark, People, Person, name_columns
from mailmerge.recipients.address import Mailbox


def person(row: int, *cells: str, mark: Mark = Mark.MEANT) -> Person:
    address = f"p{row}@example.org"
    return Person(f"key-{row}", row, f"P {row}", cells, Mailbox(address, address, address), mark)


def crowd(count: int) -> People:
    return People(("a", "b"), [person(row, f"cell {row}", "Ünique") for row in range(2, count + 2)])


def rows(people: People, search: str = "", **options: object) -> list[int]:
    return [one.row for one in people.page(search, **options).people]  # type: ignore[arg-type]  # passed on


def test_a_page_holds_so_many_and_says_how_many_there_are() -> None:
    page = crowd(120).page(offset=50)
    assert (len(page.people), page.offset, page.total) == (PAGE_LENGTH, 50, 120)
    assert page.people[0].row == 52


@pytest.mark.parametrize(("asked", "given_offset"), [(-5, 0), (49, 0), (119, 100), (5000, 100)])
def test_an_offset_out_of_bounds_is_the_nearest_page(asked: int, given_offset: int) -> None:
    assert crowd(120).page(offset=asked).offset == given_offset


def test_every_word_is_looked_for_in_every_column_whatever_its_case() -> None:
    people = crowd(30)
    assert rows(people, "CELL üNIQUE 17") == [17]
    assert rows(people, "p9@example.org") == [9]
    assert rows(people, "nowhere") == []
    assert people.page("nowhere").total == 0


@given(st.lists(st.text(max_size=6), max_size=40), st.text(max_size=4))
def test_a_search_finds_exactly_those_that_hold_all_its_words(
    cells: list[str], search: str
) -> None:
    people = People(
        ("a",), [Person(str(at), at, "", (cell,), None) for at, cell in enumerate(cells)]
    )
    wanted = [
        at
        for at, cell in enumerate(cells)
        if all(word in f"{cell}\n".casefold() for word in search.casefold().split())
    ]
    assert rows(people, search) == wanted[:PAGE_LENGTH]
    assert people.page(search).total == len(wanted)


def test_a_page_can_be_asked_for_by_who_stands_on_it() -> None:
    people = crowd(120)
    assert people.page(around="key-75").offset == 50
    assert people.page("cell 75", around="key-75").offset == 0
    assert people.page("cell 75", around="key-3", offset=0).offset == 0
    assert people.page(around="nobody", offset=60).offset == 50


def test_a_row_that_is_not_there_leads_to_the_next_one() -> None:
    people = People((), [person(2), person(5), person(9)])
    found = [people.at_row(row) for row in (1, 2, 3, 6, 99)]
    assert [one.row for one in found if one] == [2, 2, 5, 9, 9]
    assert People((), []).at_row(3) is None


def test_a_mark_or_some_rows_narrow_the_list() -> None:
    people = People((), [person(2), person(3, mark=Mark.DUPLICATE), person(4)])
    assert rows(people, mark=Mark.DUPLICATE) == [3]
    assert rows(people, among=[2, 4, 7]) == [2, 4]
    assert people.counts[Mark.DUPLICATE] == 1
    assert len(people) == len(list(people)) == 3


def test_neighbours_are_those_of_the_search() -> None:
    people = crowd(40)
    before, after = people.neighbours("key-13", "cell 1")
    assert before is not None
    assert after is not None
    assert (before.row, after.row) == (12, 14)
    assert people.neighbours("key-2") == (None, people.find("key-3"))
    assert people.neighbours("key-41") == (people.find("key-40"), None)


def test_who_is_not_found_by_the_search_has_neighbours_all_the_same() -> None:
    people = crowd(40)
    before, after = people.neighbours("key-5", "cell 1")
    assert before is None
    assert after is not None
    assert after.row == 10


def test_the_first_of_a_key_is_found() -> None:
    people = People((), [Person("k", 2, "one", (), None), Person("k", 3, "two", (), None)])
    found = people.find("k")
    assert found is not None
    assert found.row == 2
    assert people.find("other") is None
    assert found.address == ""


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        (("email", "Name"), (1,)),
        (("Last name", "First name"), (1, 0)),
        (("first_name", "x"), (0,)),
        (("Nachname",), (0,)),
        (("姓名", "邮箱"), (0,)),
        (("email", "x"), ()),
    ],
)
def test_the_columns_of_a_name_are_known_by_their_usual_names(
    columns: tuple[str, ...], chosen: tuple[int, ...]
) -> None:
    assert name_columns(columns) == chosen
