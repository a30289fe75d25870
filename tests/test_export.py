"""Messages as files: names, modes, and what the formats hold."""

from __future__ import annotations

import mailbox
from contextlib import closing
from pathlib import Path

import pytest

from mailmerge.errors import CampaignError, MessageError, Problem
from mailmerge.export import Format, export_messages, message_bytes, sample_messages
from mailmerge.messages import MessageFactory, message_factory
from mailmerge.mime.message import Message
from mailmerge.recipients.address import parse_mailbox
from mailmerge.recipients.audience import Recipient, Skipped, SkipReason
from mailmerge.settings import load_settings

CAMPAIGN = """
[message]
from = "news@example.org"
subject = "Hello {{ name }}"
text = "body.txt"
"""
TWO_ATS = Problem("error", "address-at", "two at signs", "recipients.csv", 4, "email")
BROKEN = Skipped(4, SkipReason.INVALID, problem=TWO_ATS)


def recipient(row: int, address: str, name: str) -> Recipient:
    mailbox_ = parse_mailbox(address)
    return Recipient(row, {"email": address, "name": name}, mailbox_, mailbox_.identity)


ANN = recipient(2, "ann@example.org", "Ann")
BOB = recipient(3, "o'bob+x/y@example.org", "Bob")


def factory(folder: Path, more: str = "") -> MessageFactory:
    (folder / "campaign.toml").write_text(CAMPAIGN + more)
    (folder / "body.txt").write_text("Dear {{ name }},\n")
    (folder / "body.html").write_text("<p>Dear {{ name }}</p>")
    return message_factory(load_settings(folder))


@pytest.fixture
def messages(tmp_path: Path) -> list[tuple[Recipient, Message]]:
    return list(sample_messages([ANN, BOB], factory(tmp_path, 'html = "body.html"')))


def test_messages_come_in_the_order_of_the_rows(
    messages: list[tuple[Recipient, Message]],
) -> None:
    assert [(one.row, message.subject) for one, message in messages] == [
        (2, "Hello Ann"),
        (3, "Hello Bob"),
    ]


def test_one_row_can_be_chosen(tmp_path: Path) -> None:
    [(chosen, _)] = sample_messages([ANN, BOB, BROKEN], factory(tmp_path), row=3)
    assert chosen is BOB


def test_wrong_row_ends_the_messages_with_its_error(tmp_path: Path) -> None:
    messages = sample_messages([ANN, BROKEN, BOB], factory(tmp_path))
    assert next(messages)[0] is ANN
    with pytest.raises(CampaignError, match="two at signs") as caught:
        next(messages)
    assert (caught.value.problem.row, caught.value.problem.code) == (4, "address-at")


def test_skipped_rows_and_warnings_are_passed_over(tmp_path: Path) -> None:
    warning = Problem("warning", "column-unnamed", "column 3 has no name", "recipients.csv")
    again = Problem("warning", "duplicate-case", "again", "recipients.csv", 3)
    results: list[Recipient | Skipped | Problem] = [
        warning,
        Skipped(3, SkipReason.DUPLICATE, problem=again),
        Skipped(4, SkipReason.SUPPRESSED),
        ANN,
    ]
    [(chosen, _)] = sample_messages(results, factory(tmp_path))
    assert chosen is ANN


def test_broken_file_ends_the_messages(tmp_path: Path) -> None:
    broken = Problem("error", "xlsx-damaged", "the file is damaged", "guests.xlsx")
    with pytest.raises(CampaignError, match="damaged"):
        list(sample_messages([ANN, broken], factory(tmp_path)))


@pytest.mark.parametrize("row", [None, 9])
def test_no_recipient_is_an_error(tmp_path: Path, row: int | None) -> None:
    results = [] if row is None else [ANN]
    with pytest.raises(CampaignError) as caught:
        list(sample_messages(results, factory(tmp_path), row=row))
    assert caught.value.problem.code == "no-recipients"


def test_message_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    bell = recipient(5, "eve@example.org", "\x07")
    with pytest.raises(MessageError):
        list(sample_messages([bell], factory(tmp_path)))


def test_forms_of_one_message(messages: list[tuple[Recipient, Message]]) -> None:
    _, message = messages[0]
    assert message_bytes(message, "eml") == bytes(message)
    assert message_bytes(message, "text") == b"Dear Ann,\n"
    assert b"<p>Dear Ann</p>" in message_bytes(message, "html")


def test_html_of_a_text_message_is_refused(tmp_path: Path) -> None:
    [(_, message)] = sample_messages([ANN], factory(tmp_path))
    with pytest.raises(CampaignError) as caught:
        message_bytes(message, "html")
    assert caught.value.problem.code == "no-html"


@pytest.mark.parametrize(("wanted", "suffix"), [("eml", "eml"), ("html", "html"), ("text", "txt")])
def test_files_are_private_and_named_by_row_and_address(
    messages: list[tuple[Recipient, Message]], tmp_path: Path, wanted: Format, suffix: str
) -> None:
    out = tmp_path / "deep" / "out"
    assert export_messages(messages, out, wanted) == 2
    written = {path.name: path for path in out.iterdir()}
    assert sorted(written) == [
        f"000002-ann@example.org.{suffix}",
        f"000003-o_bob+x_y@example.org.{suffix}",
    ]
    assert {path.stat().st_mode & 0o777 for path in written.values()} == {0o600}
    first = written[f"000002-ann@example.org.{suffix}"]
    assert first.read_bytes() == message_bytes(messages[0][1], wanted)


def test_mailboxes_hold_every_message(
    messages: list[tuple[Recipient, Message]], tmp_path: Path
) -> None:
    assert export_messages(messages, tmp_path, "mbox") == 2
    with closing(mailbox.mbox(tmp_path / "messages.mbox", create=False)) as box:
        assert [message["Subject"] for message in box] == ["Hello Ann", "Hello Bob"]
    assert b"\r\n" not in (tmp_path / "messages.mbox").read_bytes()
    assert export_messages(messages, tmp_path, "maildir") == 2
    with closing(mailbox.Maildir(tmp_path / "Maildir", create=False)) as maildir:
        assert {message["Subject"] for message in maildir} == {"Hello Ann", "Hello Bob"}
