"""Copies of sent messages."""

from __future__ import annotations

import mailbox
from pathlib import Path
from typing import Literal

import pytest

from mailmerge.engine.copies import keep_none, open_copies
from mailmerge.errors import RunStopped
from mailmerge.ledger.states import State
from mailmerge.smtp import Envelope, Transaction
from tests.engine.driver import make_campaign
from tests.engine.test_run import send
from tests.scripted_server import serve

CHUNKS = (b"Subject: one\r\n\r\nFrom here\r\n", b">From there\r\nlast\r\n")


def transaction(reverse_path: str = "a@example.org") -> Transaction:
    return Transaction(1, Envelope(reverse_path, ("b@example.org",)), CHUNKS)


def test_mbox_is_read_back_by_the_standard_library(tmp_path: Path) -> None:
    keep = open_copies("mbox", tmp_path / "own")
    keep(transaction(), 0.0)
    keep(transaction(reverse_path=""), 0.0)
    content = (tmp_path / "own" / "sent.mbox").read_bytes()
    assert content.startswith(b"From a@example.org Thu Jan  1 00:00:00 1970\nSubject: one\n")
    assert b"\nFrom MAILER-DAEMON Thu" in content
    assert b"\n>From here\n>>From there\n" in content
    read = mailbox.mbox(tmp_path / "own" / "sent.mbox")
    assert [message["Subject"] for message in read] == ["one", "one"]
    read.close()


def test_maildir_keeps_the_bytes_as_they_were_sent(tmp_path: Path) -> None:
    keep = open_copies("maildir", tmp_path)
    keep(transaction(), 0.0)
    [kept] = (tmp_path / "sent" / "new").iterdir()
    assert kept.read_bytes() == b"".join(CHUNKS)


def test_no_copies_leave_no_folder(tmp_path: Path) -> None:
    keep = open_copies("", tmp_path / "own")
    assert keep is keep_none
    keep(transaction(), 0.0)
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
def test_run_keeps_a_copy_of_every_sent_message(tmp_path: Path, kind: str) -> None:
    campaign = make_campaign(tmp_path / kind, f'[delivery]\nkeep_copy = "{kind}"\n')
    with serve() as server:
        send(campaign, server, 3)
        sent = {message.message_id for message in server.messages}
    folder = campaign.state_folder
    kept: mailbox.Mailbox[mailbox.Message] = (
        mailbox.mbox(folder / "sent.mbox") if kind == "mbox" else mailbox.Maildir(folder / "sent")
    )
    assert {message["Message-ID"] for message in kept} == sent
    kept.close()


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
def test_copy_that_cannot_be_written_is_one_line(
    tmp_path: Path, kind: Literal["mbox", "maildir"]
) -> None:
    keep = open_copies(kind, tmp_path)
    if kind == "mbox":
        (tmp_path / "sent.mbox").mkdir()
    else:
        (tmp_path / "sent" / "tmp").rmdir()
    with pytest.raises(RunStopped, match="keep_copy") as stopped:
        keep(transaction(), 0.0)
    assert stopped.value.problem.code == "no-copy"


def test_copy_that_cannot_be_written_stops_the_run(tmp_path: Path) -> None:
    """What is sent is recorded as sent before the copy is made."""
    campaign = make_campaign(tmp_path / "full", '[delivery]\nkeep_copy = "mbox"\n')
    (campaign.state_folder / "sent.mbox").mkdir(parents=True)
    with serve() as server:
        summary = send(campaign, server, 3)
    assert isinstance(summary.error, RunStopped)
    assert "keep_copy" in str(summary.error)
    assert summary.states[State.SENT] == len(server.taken) > 0


def test_copy_that_cannot_be_written_leaves_nothing_in_doubt(tmp_path: Path) -> None:
    """Several replies may have been read when the first copy fails."""
    campaign = make_campaign(tmp_path / "full", '[delivery]\nkeep_copy = "mbox"\n')
    (campaign.state_folder / "sent.mbox").mkdir(parents=True)
    with serve() as server:
        summary = send(campaign, server, 60, window=16)
    assert "keep_copy" in str(summary.error)
    assert summary.states[State.IN_DOUBT] == 0
    assert summary.states[State.SENT] == len(server.taken) > 0
