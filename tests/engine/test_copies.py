"""Copies of what was sent."""

from __future__ import annotations

import mailbox
from pathlib import Path

import pytest

from mailmerge.engine.copies import Maildir, Mbox, open_copies
from mailmerge.errors import RunStopped
from tests.engine.driver import make_campaign
from tests.engine.test_run import send
from tests.scripted_server import serve

MESSAGE = b"Subject: one\r\n\r\nFrom here\r\n>From there\r\nlast\r\n"


def test_an_mbox_is_read_back_by_others(tmp_path: Path) -> None:
    copies = Mbox(tmp_path / "own" / "sent.mbox")
    copies.keep(MESSAGE, at=0.0, reverse_path="a@example.org")
    copies.keep(MESSAGE, at=0.0)
    octets = (tmp_path / "own" / "sent.mbox").read_bytes()
    assert octets.startswith(b"From a@example.org Thu Jan  1 00:00:00 1970\nSubject: one\n")
    assert b"\n>From here\n>>From there\n" in octets
    read = mailbox.mbox(tmp_path / "own" / "sent.mbox")
    assert [message["Subject"] for message in read] == ["one", "one"]
    read.close()


def test_a_maildir_is_read_back_by_others(tmp_path: Path) -> None:
    copies = Maildir(tmp_path / "sent")
    assert copies.keep(MESSAGE, at=0.0) != copies.keep(MESSAGE, at=0.0)
    assert [message["Subject"] for message in mailbox.Maildir(tmp_path / "sent")] == ["one", "one"]
    assert not list((tmp_path / "sent" / "tmp").iterdir())
    assert open_copies("", tmp_path) is None


@pytest.mark.parametrize("kind", ["mbox", "maildir"])
def test_a_run_keeps_a_copy_of_everything_it_has_sent(tmp_path: Path, kind: str) -> None:
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


def test_a_copy_that_cannot_be_kept_stops_the_run_after_what_is_sent_is_recorded(
    tmp_path: Path,
) -> None:
    campaign = make_campaign(tmp_path / "full", '[delivery]\nkeep_copy = "mbox"\n')
    (campaign.state_folder / "sent.mbox").mkdir(parents=True)
    with serve() as server:
        summary = send(campaign, server, 3)
    assert isinstance(summary.error, RunStopped)
    assert "keep_copy" in str(summary.error)
