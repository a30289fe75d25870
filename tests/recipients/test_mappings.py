"""Mappings in code as recipients: the same collection as a file with the same cells."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

import pytest
from markupsafe import Markup

import mailmerge as mm
from mailmerge.errors import CampaignError, SpreadsheetError
from mailmerge.recipients.collection import Recipients, read_recipients
from mailmerge.recipients.table import BATCH_ROWS

GUESTS = [
    {"email": "ann@example.org", "name": "Ann", "country": "FR"},
    {"email": "bob@example.org", "name": "Bob", "country": "DE"},
    {"email": "bad", "name": "Chris", "country": "FR"},
    {"email": "ann@example.org", "name": "Ann again", "country": "FR"},
    {"email": "dan@example.org", "name": "Dan", "country": "FR"},
    {"email": "eve@example.org", "name": "Eve", "country": "FR"},
]


MIDNIGHT = dt.datetime.combine(dt.date(2026, 11, 26), dt.time())


class Colour(StrEnum):
    RED = "red"


def cell_of(value: object) -> str:
    """The text of one value."""
    (one,) = read_recipients([{"email": "ann@example.org", "x": value}])
    return one.cells["x"]


def test_a_list_gives_what_a_file_gives(tmp_path: Path) -> None:
    lines = [",".join(row.values()) for row in GUESTS]
    (tmp_path / "guests.csv").write_text("\n".join(["email,name,country", *lines]))
    (tmp_path / "never.csv").write_text("email\nEVE@example.org\n")

    def seen(people: Recipients, header: int) -> list[object]:
        return [
            people.columns,
            len(people),
            [(one.row - header, one.key, one.mailbox, dict(one.cells)) for one in people],
            [(row.number - header, row.reason, row.mailbox) for row in people.skipped],
            [(found.code, (found.row or 0) - header, found.column) for found in people.problems],
        ]

    never = tmp_path / "never.csv"
    file = read_recipients(tmp_path / "guests.csv", where="country == 'FR'", suppress=never)
    code = read_recipients(GUESTS, where="country == 'FR'", suppress=never)
    assert seen(code, 0) == seen(file, 1)
    assert [row.number for row in code.skipped] == [2, 3, 4, 6]
    assert {found.file for found in code.problems} == {"recipients"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("007", "007"),
        (7, "7"),
        (10**20, "100000000000000000000"),
        (34.5, "34.5"),
        (2.0, "2"),
        (Decimal("34.30"), "34.30"),
        (Decimal("1E+3"), "1000"),
        (True, "TRUE"),
        (False, "FALSE"),
        (None, ""),
        (float("nan"), ""),
        (Decimal("NaN"), ""),
        (dt.date(2026, 11, 26), "2026-11-26"),
        (MIDNIGHT, "2026-11-26"),
        (MIDNIGHT + dt.timedelta(hours=8.5), "2026-11-26 08:30:00"),
        (dt.time(8, 30), "08:30:00"),
        (Colour.RED, "red"),
    ],
)
def test_a_value_becomes_the_text_of_a_cell(value: object, text: str) -> None:
    found = cell_of(value)
    assert found == text
    assert type(found) is str


def test_values_of_pandas_become_cells() -> None:
    import pandas as pd

    frame = pd.DataFrame(
        {
            "email": ["ann@example.org", "bob@example.org"],
            "n": pd.array([1, None], dtype="Int64"),
            "day": [pd.Timestamp("2026-11-26"), pd.NaT],
        }
    )
    rows = [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]
    cells = [(one.cells["n"], one.cells["day"]) for one in read_recipients(rows)]
    assert cells == [("1", "2026-11-26"), ("", "")]


def test_markup_in_a_cell_is_escaped() -> None:
    campaign = mm.Campaign(name="x", sender="a@x.org", subject="Hi", html="<p>{{ name }}</p>")
    (one,) = read_recipients([{"email": "ann@x.org", "name": Markup("<b>Ann</b>")}])
    assert "&lt;b&gt;Ann" in (campaign.message(one).html or "")


def test_columns_are_all_names_in_their_order() -> None:
    people = read_recipients([{"email": "a@x.org", "n": "1"}, {"city": "Rome", "email": "b@x.org"}])
    assert people.columns == ("email", "n", "city")
    assert [tuple(one.cells.values()) for one in people] == [
        ("a@x.org", "1", ""),
        ("b@x.org", "", "Rome"),
    ]


def test_a_generator_may_be_read_again_and_again() -> None:
    def rows() -> Iterator[MappingProxyType[str, object]]:
        for number in range(1, 4):
            yield MappingProxyType({"email": f"p{number}@x.org", "n": number})

    people = read_recipients(rows())
    for _ in range(2):
        assert [(one.row, one.cells["n"]) for one in people] == [(1, "1"), (2, "2"), (3, "3")]
    assert (len(people), people[2].row, people.columns) == (3, 3, ("email", "n"))


def test_a_later_change_of_a_row_changes_nothing() -> None:
    rows = [{"email": "ann@x.org"}]
    people = read_recipients(rows)
    rows[0]["email"] = "bob@x.org"
    rows.append({"email": "cleo@x.org"})
    assert [one.key for one in people] == ["ann@x.org"]


@pytest.mark.parametrize("count", [BATCH_ROWS, BATCH_ROWS + 1])
def test_batches_lose_no_row(count: int) -> None:
    people = read_recipients({"email": f"p{number}@x.org"} for number in range(1, count + 1))
    assert [one.row for one in people] == list(range(1, count + 1))
    assert people[count - 1].key == f"p{count}@x.org"


def test_rows_without_text_are_ignored() -> None:
    people = read_recipients([{"email": "a@x.org"}, {"email": None}, {}, {"email": "b@x.org"}])
    assert [one.row for one in people] == [1, 4]
    assert not people.skipped


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (7, "recipients: a path or an iterable of mappings is needed, found int"),
        (None, "recipients: a path or an iterable of mappings is needed, found NoneType"),
        (b"guests.csv", "recipients: a path or an iterable of mappings is needed, found bytes"),
        (
            {"email": "a@x.org"},
            "recipients: a path or an iterable of mappings is needed, found dict",
        ),
        (["a@x.org"], "recipients, row 1: a row is a mapping, found str"),
        (
            [{"email": "a@x.org"}, ("b@x.org",)],
            "recipients, row 2: a row is a mapping, found tuple",
        ),
        ([{1: "a@x.org"}], "recipients, row 1: the name of a column is a text, found 1"),
        (
            [{"email": "a@x.org", "tags": ["x"]}],
            "recipients, row 1, column tags: a cell is a text, a number, a date or None, found",
        ),
        (
            [{"email": "a@x.org", "raw": b"x"}],
            "recipients, row 1, column raw: a cell is a text, a number, a date or None, found",
        ),
    ],
)
def test_a_wrong_type_is_one_clear_error(wrong: object, message: str) -> None:
    with pytest.raises(CampaignError) as caught:
        read_recipients(wrong)  # type: ignore[call-overload]  # wrong on purpose
    assert str(caught.value).startswith(message)
    assert caught.value.problem.code == "wrong-value"
    assert caught.value.problem.hint


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([], "no-recipients"),
        ([{}], "no-recipients"),
        ([{"mail": "a@x.org"}], "no-column"),
        ([{"email": "a@x.org", "row": "1"}], "column-reserved"),
        ([{"email": "a@x.org", "Email": "b@x.org"}], "column-twice"),
    ],
)
def test_rows_that_cannot_be_a_table_are_refused(rows: list[dict[str, str]], code: str) -> None:
    with pytest.raises(SpreadsheetError) as caught:
        read_recipients(rows)
    assert caught.value.problem.code == code
    assert caught.value.problem.file == "recipients"


@pytest.mark.parametrize("option", [{"sheet": "One"}, {"skip_rows": 1}, {"hidden_rows": False}])
def test_an_option_of_files_is_refused(option: dict[str, object]) -> None:
    (name,) = option
    with pytest.raises(CampaignError, match=f"^{name}: only a file has this"):
        read_recipients([{"email": "a@x.org"}], **option)  # type: ignore[call-overload]


def test_the_options_of_rows_apply() -> None:
    people = read_recipients(
        [
            {"id": 1, "mail": "Ann <ann@x.org>", "name": "Ann"},
            {"id": 2, "mail": "a.n.n+1@gmail.com", "name": "Ann"},
            {"id": 3, "mail": "ann@gmail.com", "name": None},
        ],
        address="MAIL", key="id", parse_names=True, required=["name"], dedupe="off",
    )  # fmt: skip
    assert [(one.key, one.mailbox.display_name) for one in people] == [("1", "Ann"), ("2", "")]
    assert [(row.number, row.reason) for row in people.skipped] == [(3, "empty")]
    loose = read_recipients(
        [{"email": "a.n.n+1@gmail.com"}, {"email": "ann@gmail.com"}], dedupe="loose"
    )
    assert [(row.number, row.reason) for row in loose.skipped] == [(2, "duplicate")]


def test_a_job_sends_and_resumes_by_the_same_ledger(tmp_path: Path) -> None:
    campaign = mm.Campaign(
        name="spring", sender="news@example.org", subject="Hello {{ name }}", text="{{ since }}"
    )

    def people() -> Recipients:
        return read_recipients(
            {"email": f"p{n}@example.org", "name": f"P{n}", "since": dt.date(2026, 1, n)}
            for n in range(1, 4)
        )

    url = f"sqlite:///{tmp_path}/spring.db"
    with mm.Sandbox() as sandbox:
        for limit, sent in ((1, 1), (None, 2), (None, 0)):
            with mm.Ledger.open(url) as ledger:
                job = mm.Job(campaign, people(), sandbox.server, ledger, limit=limit)
                assert job.run_all().sent == sent
        assert sorted(one["Subject"] for one in sandbox.messages) == [
            "Hello P1",
            "Hello P2",
            "Hello P3",
        ]
        assert sandbox.messages[0].get_content().strip() == "2026-01-01"
        assert set(sandbox.message_ids.values()) == {1}
        changed = read_recipients([{"email": "p1@example.org", "name": "P1", "since": "now"}])
        with mm.Ledger.open(url) as ledger, pytest.raises(mm.MailmergeError) as caught:
            mm.Job(campaign, changed, sandbox.server, ledger).run_all()
        assert caught.value.problem.code == "changed"
