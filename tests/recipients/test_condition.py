"""A condition says yes or no about a row, or says what is wrong with it."""

from __future__ import annotations

import pytest

from mailmerge.errors import CampaignError, SpreadsheetError
from mailmerge.recipients.condition import Condition

CELLS = {"country": "FR", "age": "17", "first name": "Ann", "姓名": "王"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("country == 'FR'", True),
        ("country in ['DE', 'AT']", False),
        ("age|int >= 18", False),
        ("row['first name'] == 'Ann' and 姓名", True),
        ("country|lower == 'fr' or row.nothing is defined", True),
        ("range(3)|length == 3", True),
    ],
)
def test_a_condition_reads_the_cells(text: str, holds: bool) -> None:
    assert Condition(text, tuple(CELLS)).holds(CELLS) is holds


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("contry == 'FR'", "where-column", 'did you mean "country"?'),
        ("zzz == 'FR'", "where-column", "the columns are country, age, first name, 姓名"),
        ("country = 'FR'", "where-syntax", "a condition looks like"),
        ("country ==", "where-syntax", "a condition looks like"),
        ("country|nofilter", "where-syntax", "nofilter"),
        ("country == 'FR' }} {{ age", "where-syntax", "a condition looks like"),
    ],
)
def test_an_invalid_condition_is_refused_before_any_row(text: str, code: str, words: str) -> None:
    with pytest.raises(CampaignError) as caught:
        Condition(text, tuple(CELLS))
    assert caught.value.problem.code == code
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "age > 18",
        "row['nothing'] == 'x'",
        "country.__class__.__mro__",
        "1 // (age|int - 17)",
        "age.pop()",
        "''.join(range(3))",
    ],
)
def test_a_failing_condition_is_an_error_of_the_row(text: str) -> None:
    with pytest.raises(SpreadsheetError) as caught:
        Condition(text, tuple(CELLS)).holds(CELLS)
    assert caught.value.problem.code == "where-failed"


def test_a_condition_cannot_change_a_row() -> None:
    cells = dict(CELLS)
    with pytest.raises(SpreadsheetError):
        Condition("row.update({'age': '99'})", tuple(cells)).holds(cells)
    assert cells == CELLS


def test_a_condition_computes_with_decimal_numbers() -> None:
    condition = Condition("net|float * 1.19 == 1469.055", ("net",))
    assert condition.holds({"net": "1,234.50"})


def test_sum_reads_the_numbers_of_cells() -> None:
    cells = {"a": "1,5", "b": "2"}
    assert Condition("[a, b, 1]|sum == 4.5", ("a", "b"), "de-DE").holds(cells)
    with pytest.raises(SpreadsheetError, match="is no number"):
        Condition("[a, b]|sum > 1", ("a", "b")).holds({"a": "x", "b": "2"})


def test_errors_name_the_setting() -> None:
    with pytest.raises(CampaignError, match="group_where = "):
        Condition("a =", ("a",), setting="group_where")
