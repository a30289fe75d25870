from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.errors import Problem
from mailmerge.mailbox.replies import collect_replies
from mailmerge.preview.messages import ShownMessage
from mailmerge.preview.recipient_list import RecipientRow, RowStatus
from mailmerge.preview.snapshot import CampaignSnapshot, take_snapshot
from tests.mailbox.sending import as_received, mail, report, send_campaign
from tests.preview.campaigns import BODY, CAMPAIGN, RECIPIENTS, write_campaign


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_campaign(tmp_path / "campaign")


def first_snapshot(folder: Path) -> CampaignSnapshot:
    return take_snapshot(folder, CampaignSnapshot())


def row_of(snapshot: CampaignSnapshot, number: int) -> RecipientRow:
    row = snapshot.rows.at_row(number)
    assert row is not None
    assert row.number == number
    return row


def test_every_row_has_a_status(folder: Path) -> None:
    rows = first_snapshot(folder).rows
    assert [(row.number, row.status, row.name) for row in rows] == [
        (2, RowStatus.RECIPIENT, "Anna Schmidt"),
        (3, RowStatus.RECIPIENT, "Bernard Dupont"),
        (4, RowStatus.UNREADABLE, "Chris Miller"),
        (5, RowStatus.DUPLICATE, "Anna Again"),
        (6, RowStatus.RECIPIENT, "Eve Long-Name-Indeed"),
        (7, RowStatus.LEFT_OUT, "Fred"),
        (8, RowStatus.SUPPRESSED, "Gina Rossi"),
        (9, RowStatus.RECIPIENT, "王小明"),
    ]


def test_a_skipped_row_has_its_own_key_and_a_note(folder: Path) -> None:
    snapshot = first_snapshot(folder)
    assert len({row.key for row in snapshot.rows}) == len(snapshot.rows)
    duplicate = row_of(snapshot, 5)
    assert "row 2" in duplicate.note
    assert snapshot.recipient(duplicate) is None
    assert snapshot.message(duplicate) is None


def test_a_row_that_cannot_be_read_is_listed(folder: Path) -> None:
    broken = RECIPIENTS.replace("DE,1004,1,", "DE,1004,1,,,,one too many")
    (folder / "recipients.csv").write_text(broken, encoding="utf-8")
    row = row_of(first_snapshot(folder), 5)
    assert row.status is RowStatus.UNREADABLE
    assert row.cells == ()


def test_loose_duplicates_and_suppressions_are_recognised(folder: Path) -> None:
    (folder / "campaign.toml").write_text(
        CAMPAIGN.replace("[message]", 'dedupe = "loose"\n[message]'), encoding="utf-8"
    )
    (folder / "recipients.csv").write_text(
        "email,name,country,invoice,things\n"
        "anna@example.org,A,DE,1,1\nanna+x@example.org,B,DE,1,1\ngina+y@example.org,C,DE,1,1\n"
        "nothing,D,ZZ,1,1\n"
    )
    assert [row.status for row in first_snapshot(folder).rows] == [
        RowStatus.RECIPIENT,
        RowStatus.DUPLICATE,
        RowStatus.SUPPRESSED,
        RowStatus.LEFT_OUT,
    ]


def test_a_recipient_has_the_cells_of_its_row(folder: Path) -> None:
    snapshot = first_snapshot(folder)
    row = row_of(snapshot, 2)
    recipient = snapshot.recipient(row)
    assert recipient is not None
    assert recipient.row == 2
    assert recipient.cells == snapshot.cells(row)
    assert recipient.cells["invoice"] == "1001"
    assert recipient.mailbox.address == "anna@example.org"


def test_a_message_is_made_once(folder: Path) -> None:
    snapshot = first_snapshot(folder)
    made = snapshot.message(row_of(snapshot, 2))
    assert isinstance(made, ShownMessage)
    assert b"Dear Anna Schmidt," in bytes(made)
    assert snapshot.message(row_of(snapshot, 2)) is made


def test_only_the_last_messages_are_kept(folder: Path) -> None:
    rows = "".join(f"p{at}@example.org,P,DE,1,0\n" for at in range(70))
    (folder / "recipients.csv").write_text("email,name,country,invoice,things\n" + rows)
    snapshot = first_snapshot(folder)
    made = [snapshot.message(row) for row in snapshot.rows]
    assert snapshot.message(row_of(snapshot, 71)) is made[-1]
    assert snapshot.message(row_of(snapshot, 2)) is not made[0]


def test_a_message_that_cannot_be_made_is_a_problem_of_its_row(folder: Path) -> None:
    (folder / "body.html").write_text(BODY.replace("{{ name }}", "{{ 1 // (things|int) }}"))
    snapshot = first_snapshot(folder)
    problem = snapshot.message(row_of(snapshot, 3))
    assert isinstance(problem, Problem)
    assert (problem.file, problem.row) == ("body.html", 3)
    assert isinstance(snapshot.message(row_of(snapshot, 2)), ShownMessage)


def test_rows_are_read_again_only_if_their_files_have_changed(folder: Path) -> None:
    first = first_snapshot(folder)
    (folder / "body.html").write_text("<p>new {{ name }}</p>")
    second = take_snapshot(folder, first)
    assert second.rows is first.rows
    assert second.messages is not first.messages
    assert second.generation == first.generation + 1
    (folder / "suppressed.csv").unlink()
    third = take_snapshot(folder, second)
    assert third.rows is not first.rows
    assert row_of(third, 8).status is RowStatus.RECIPIENT


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("body.html", "<p>\n{% if %}", 2),
        ("campaign.toml", "[message", 1),
        ("recipients.csv", "", None),
    ],
)
def test_a_broken_file_leaves_the_rows(
    folder: Path, name: str, content: str, line: int | None
) -> None:
    before = first_snapshot(folder)
    whole = (folder / name).read_text(encoding="utf-8")
    (folder / name).write_text(content)
    broken = take_snapshot(folder, before)
    assert broken.broken is not None
    assert (broken.broken.file, broken.broken.line) == (name, line)
    assert len(broken.rows) == len(before.rows)
    assert broken.message(row_of(broken, 2)) == broken.broken
    (folder / name).write_text(whole, encoding="utf-8")
    fixed = take_snapshot(folder, broken)
    assert fixed.broken is None
    assert isinstance(fixed.message(row_of(fixed, 2)), ShownMessage)


def test_a_folder_without_a_campaign_is_broken_and_empty(tmp_path: Path) -> None:
    snapshot = first_snapshot(tmp_path)
    assert snapshot.broken is not None
    assert snapshot.broken.code == "no-campaign"
    assert len(snapshot.rows) == 0


def test_rows_say_what_came_back(tmp_path: Path) -> None:
    sent = send_campaign(tmp_path / "spring")
    collect_replies(sent.settings, as_received(report(sent.header(1), "u1@example.org")))
    before = first_snapshot(sent.settings.folder)
    assert [(row.after, row.status) for row in before.rows] == [
        ("", RowStatus.RECIPIENT),
        ("bounced", RowStatus.SUPPRESSED),
        ("", RowStatus.RECIPIENT),
        ("", RowStatus.RECIPIENT),
    ]
    assert before.rows.after_counts == {"bounced": 1}
    answer = f"From: u2@example.org\nSubject: Re: x\nIn-Reply-To: <{sent.message_id(2)}>"
    collect_replies(sent.settings, as_received(mail(answer)))
    after = take_snapshot(sent.settings.folder, before)
    assert [row.after for row in after.rows] == ["", "bounced", "answered", ""]


def test_unreadable_ledger_hides_nothing_else(tmp_path: Path) -> None:
    sent = send_campaign(tmp_path / "spring")
    (sent.settings.state_folder / "ledger.sqlite").write_bytes(b"no database at all")
    assert len(first_snapshot(sent.settings.folder).rows) == 4
