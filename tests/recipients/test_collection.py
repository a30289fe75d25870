"""A spreadsheet as a collection: read again by every pass, kept only where it is indexed."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from mailmerge.errors import CampaignError, MailmergeError, SpreadsheetError
from mailmerge.recipients.audience import Selection
from mailmerge.recipients.collection import Recipients, read_recipients
from mailmerge.recipients.recipient import Recipient, SkipReason
from tests.recipients.conftest import Folder

GUESTS = """email,name,country
ann@example.org,Ann,FR
bob@example.org,Bob,DE
bad,Chris,FR
ann@example.org,Ann again,FR
dan@example.org,Dan,FR
eve@example.org,Eve,FR
"""


@pytest.fixture
def guests(tmp_path: Path) -> Path:
    path = tmp_path / "guests.csv"
    path.write_text(GUESTS)
    (tmp_path / "never.csv").write_text("email\nEVE@example.org\n")
    return path


@pytest.fixture
def people(guests: Path) -> Recipients:
    return read_recipients(guests, where="country == 'FR'", suppress=guests.with_name("never.csv"))


def names(people: Recipients) -> list[str]:
    return [recipient.cells["name"] for recipient in people]


def test_iterating_yields_recipients_as_often_as_wanted(people: Recipients) -> None:
    for _ in range(2):
        assert names(people) == ["Ann", "Dan"]
    assert len(people) == 2
    assert people
    assert (people.file, people.columns) == ("guests.csv", ("email", "name", "country"))


def test_indexing_gives_one_recipient_or_a_list(people: Recipients) -> None:
    assert people[0].mailbox.address == "ann@example.org"
    assert people[1].row == 6
    assert people[-1] is people[1]
    assert [one.row for one in people[:5]] == [2, 6]
    assert people.index(people[1]) == 1
    for index in (2, -3):
        with pytest.raises(IndexError):
            people[index]


def test_skipped_rows_have_number_and_reason(people: Recipients) -> None:
    assert people.skipped
    for _ in range(2):
        assert [(row.number, str(row.reason)) for row in people.skipped] == [
            (3, "filtered"),
            (4, "invalid"),
            (5, "duplicate"),
            (7, "suppressed"),
        ]


def test_problems_name_the_row_and_the_fix(people: Recipients) -> None:
    found = [(problem.code, problem.row, bool(problem.hint)) for problem in people.problems]
    assert found == [("address-no-at", 4, True), ("duplicate", 5, True)]


def test_notices_of_the_file_are_problems_too(tmp_path: Path) -> None:
    path = tmp_path / "guests.csv"
    path.write_text("email;name\nann@example.org;Ann\n")
    people = read_recipients(path)
    assert [problem.code for problem in people.problems] == ["delimiter-chosen"]
    assert not people.skipped


def test_two_passes_do_not_disturb_each_other(people: Recipients) -> None:
    first = iter(people)
    assert next(first).row == 2
    assert [row.number for row in people.skipped] == [3, 4, 5, 7]
    assert people[1].row == 6
    assert next(first).row == 6


def test_a_file_without_recipients_is_an_empty_collection(guests: Path) -> None:
    people = read_recipients(guests, where="country == 'IT'")
    assert not people
    assert len(people) == 0
    assert [problem.code for problem in people.problems] == ["none-selected"]


@pytest.mark.parametrize("read", [list, len, lambda people: people[1]])
def test_a_file_that_breaks_off_raises(
    tmp_path: Path, read: Callable[[Recipients], object]
) -> None:
    path = tmp_path / "guests.csv"
    path.write_text('email,name\nann@example.org,Ann\nbob@example.org,"Bob"x\n')
    people = read_recipients(path)
    assert people[0].row == 2
    assert [problem.code for problem in people.problems] == ["quote-stray"]
    with pytest.raises(SpreadsheetError) as caught:
        read(people)
    assert str(caught.value).startswith("guests.csv, row 3: ")


def test_a_file_that_changes_meanwhile_raises(guests: Path, people: Recipients) -> None:
    assert len(people) == 2
    guests.write_text(GUESTS + "zoe@example.org,Zoe,FR\n")
    with pytest.raises(SpreadsheetError) as caught:
        names(people)
    assert caught.value.problem.code == "file-changed"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"where": "nam == 'x'"}, "where-column"),
        ({"where": "name =="}, "where-syntax"),
        ({"address": "mail"}, "no-column"),
        ({"delimiter": "--"}, "wrong-value"),
        ({"dedupe": "some"}, "wrong-value"),
        ({"skip_rows": -1}, "wrong-value"),
    ],
)
def test_invalid_rules_are_refused_at_once(
    guests: Path, options: dict[str, object], code: str
) -> None:
    with pytest.raises(MailmergeError) as caught:
        read_recipients(guests, **options)  # type: ignore[call-overload]  # wrong on purpose
    assert caught.value.problem.code == code
    assert str(caught.value).isprintable()


def test_a_wrong_keyword_is_named(guests: Path) -> None:
    with pytest.raises(CampaignError, match=r"^skip_rows: .*-1"):
        read_recipients(guests, skip_rows=-1)


def test_a_missing_file_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(SpreadsheetError, match="there is no such file"):
        read_recipients(tmp_path / "none.csv")


def test_every_keyword_reaches_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "guests.xlsx"
    import pandas as pd

    with pd.ExcelWriter(path) as book:
        pd.DataFrame({"x": [1]}).to_excel(book, sheet_name="One", index=False)
        frame = pd.DataFrame({"mail": ["Ann <a@x.org>", "A@x.org"], "id": ["1", "2"]})
        frame.to_excel(book, sheet_name="Two", index=False, startrow=1)
    people = read_recipients(
        path, address="mail", key="id", sheet="two", skip_rows=1, parse_names=True, required=["id"]
    )
    assert [(one.key, one.mailbox.display_name) for one in people] == [("1", "Ann"), ("2", "")]
    path = tmp_path / "guests.csv"
    path.write_bytes("email|name\na@x.org|Zoé\na+b@x.org|Zoë\n".encode("cp1252"))
    people = read_recipients(path, encoding="cp1252", delimiter="|", dedupe="loose")
    assert names(people) == ["Zoé"]
    assert [row.reason for row in people.skipped] == [SkipReason.DUPLICATE]


def test_a_selection_narrows_the_collection(guests: Path, people: Recipients) -> None:
    from mailmerge.recipients.spreadsheet import read_spreadsheet
    from mailmerge.settings import RecipientsSection

    section = RecipientsSection()
    spreadsheet = read_spreadsheet(guests, section)
    narrowed = Recipients(section, spreadsheet, Selection(limit=1))
    assert names(narrowed) == ["Ann"]
    assert all(isinstance(one, Recipient) for one in narrowed.audience())


def test_iterating_keeps_no_rows_in_memory(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.csv"
        path.write_text(
            "email,name\n" + "".join(f"p{n}@example.org,{'N' * 200}\n" for n in range(rows))
        )
        people = read_recipients(path)
        gc.collect()
        tracemalloc.start()
        assert sum(1 for _ in people) == rows
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    few, many = peak(20_000), peak(60_000)
    # Only the digests of the keys may grow: some 100 bytes a recipient here, where a row takes 500.
    assert many - few < 40_000 * 200


def test_a_campaign_has_a_collection_of_its_own(folder: Folder) -> None:
    folder.put(GUESTS)
    folder.put("email\nann@example.org\n", "suppressed.csv")
    people = Recipients.of(folder.campaign(where="country == 'FR'"), Selection(limit=1))
    assert names(people) == ["Dan"]
    people[:]
    assert len(people) == 1
    reasons = [row.reason for row in Recipients.of(folder.campaign()).skipped]
    assert reasons.count(SkipReason.SUPPRESSED) == 2
