from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.errors import InputError
from mailmerge.preview.draft import (
    Draft,
    problem_of,
    read_draft,
)
from mailmerge.preview.people import Mark
from tests.preview.campaigns import CAMPAIGN, PEOPLE, write_campaign


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_campaign(tmp_path / "campaign")


def test_every_row_is_listed_with_what_becomes_of_it(folder: Path) -> None:
    people = read_draft(folder, Draft()).people
    assert [(one.row, one.mark, one.name) for one in people] == [
        (2, Mark.MEANT, "Anna Schmidt"),
        (3, Mark.MEANT, "Bernard Dupont"),
        (4, Mark.UNREADABLE, "Chris Nobody"),
        (5, Mark.DUPLICATE, "Anna Again"),
        (6, Mark.MEANT, "Eve Long-Name-Indeed"),
        (7, Mark.LEFT_OUT, "Fred"),
        (8, Mark.SUPPRESSED, "Gina Rossi"),
        (9, Mark.MEANT, "王小明"),
    ]


def test_a_row_that_gets_no_message_has_a_key_of_its_own(folder: Path) -> None:
    draft = read_draft(folder, Draft())
    assert len({one.key for one in draft.people}) == len(draft.people)
    again = next(one for one in draft.people if one.mark is Mark.DUPLICATE)
    assert draft.recipient(again) is None
    assert "row 2" in again.note


def test_a_record_that_cannot_be_read_is_a_person_all_the_same(folder: Path) -> None:
    broken = PEOPLE.replace("DE,1004,1,", "DE,1004,1,,,,one too many")
    (folder / "people.csv").write_text(broken, encoding="utf-8")
    people = list(read_draft(folder, Draft()).people)
    assert [one.mark for one in people if one.row == 5] == [Mark.UNREADABLE]


def test_loose_duplicates_and_suppressions_are_marked_as_the_audience_judges_them(
    folder: Path,
) -> None:
    (folder / "campaign.toml").write_text(
        CAMPAIGN.replace("[message]", 'dedupe = "loose"\n[message]'), encoding="utf-8"
    )
    (folder / "people.csv").write_text(
        "email,name,country,invoice,things\n"
        "anna@example.org,A,DE,1,1\nanna+x@example.org,B,DE,1,1\ngina+y@example.org,C,DE,1,1\n"
        "nothing,D,ZZ,1,1\n"
    )
    marks = [one.mark for one in read_draft(folder, Draft()).people]
    assert marks == [Mark.MEANT, Mark.DUPLICATE, Mark.SUPPRESSED, Mark.LEFT_OUT]


def test_cells_of_a_person_are_found_by_column(folder: Path) -> None:
    draft = read_draft(folder, Draft())
    person = draft.people.find("anna@example.org")
    assert person is not None
    assert dict(draft.cells(person))["invoice"] == "1001"


def test_people_are_read_again_only_if_their_files_have_changed(folder: Path) -> None:
    first = read_draft(folder, Draft())
    (folder / "body.html").write_text("<p>new {{ name }}</p>")
    second = read_draft(folder, first)
    assert second.audit is first.audit
    assert second.messages is not first.messages
    assert second.generation == first.generation + 1
    (folder / "suppressed.csv").unlink()
    assert read_draft(folder, second).audit is not first.audit


@pytest.mark.parametrize(
    ("name", "content", "file", "line"),
    [
        ("body.html", "<p>\n{% if %}", "body.html", 2),
        ("campaign.toml", "[message", "campaign.toml", None),
        ("people.csv", "", "people.csv", None),
    ],
)
def test_a_broken_file_is_told_and_the_people_stay(
    folder: Path, name: str, content: str, file: str, line: int | None
) -> None:
    before = read_draft(folder, Draft())
    whole = (folder / name).read_text(encoding="utf-8")
    (folder / name).write_text(content)
    broken = read_draft(folder, before)
    assert broken.broken is not None
    assert (broken.broken.file, broken.broken.line) == (file, line)
    assert len(broken.people) == len(before.people)
    assert broken.messages is None
    (folder / name).write_text(whole, encoding="utf-8")
    assert read_draft(folder, broken).broken is None


def test_nothing_can_be_shown_before_anything_was_read(tmp_path: Path) -> None:
    draft = read_draft(tmp_path, Draft())
    assert draft.broken is not None
    assert draft.broken.code == "no-campaign"
    assert len(draft.people) == 0


def test_an_error_of_one_message_names_the_row(folder: Path) -> None:
    draft = read_draft(folder, Draft())
    person = draft.people.find("anna@example.org")
    assert person is not None
    recipient = draft.recipient(person)
    assert recipient is not None
    assert problem_of(InputError("x"), recipient).row == 2
    assert problem_of(InputError("x", row=7), recipient).row == 7
