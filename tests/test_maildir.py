"""Maildirs: mailmerge and the standard library read the same messages back."""

from __future__ import annotations

import mailbox
import os
import threading
from pathlib import Path

import pytest

from mailmerge.errors import LedgerError
from mailmerge.maildir import Maildir, split_envelope, unique_name, with_envelope
from tests.platforms import assert_private

MESSAGE = b"Subject: one\r\n\r\nFrom here\r\nlast\r\n"


def test_message_is_read_back_by_the_standard_library(tmp_path: Path) -> None:
    maildir = Maildir(tmp_path / "sent").make()
    names = {maildir.add(MESSAGE, at=0.0) for _ in range(2)}
    assert len(names) == 2
    read = mailbox.Maildir(tmp_path / "sent", create=False)
    assert [message["Subject"] for message in read] == ["one", "one"]
    assert not list((tmp_path / "sent" / "tmp").iterdir())


def test_bytes_stay_as_they_are_and_are_private(tmp_path: Path) -> None:
    maildir = Maildir(tmp_path / "sent").make()
    path = maildir.find(maildir.add(MESSAGE, at=0.0))
    assert path is not None
    assert path.read_bytes() == MESSAGE
    assert_private(path, path.parent)


def test_newest_message_comes_first(tmp_path: Path) -> None:
    maildir = Maildir(tmp_path).make()
    for at, name in enumerate(("new/1.x", "cur/2.x:2,S", "new/3.x", "tmp/9.x", "new/.hidden")):
        (tmp_path / name).write_bytes(MESSAGE)
        os.utime(tmp_path / name, (1000 + at, 1000 + at))
    assert [unique_name(path) for path in maildir.paths()] == ["3.x", "2.x", "1.x"]
    assert maildir.find("2.x") == tmp_path / "cur" / "2.x:2,S"


def test_missing_folder_is_empty_and_is_not_made(tmp_path: Path) -> None:
    maildir = Maildir(tmp_path / "none")
    assert maildir.paths() == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("name", ["", "..", "../../secret", "new/1.x", "9.x", ".hidden", "1.x\0"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    maildir = Maildir(tmp_path / "box").make()
    for path in ("box/new/1.x", "box/tmp/9.x", "box/new/.hidden", "secret"):
        (tmp_path / path).write_bytes(MESSAGE)
    assert maildir.find("1.x") is not None
    assert maildir.find(name) is None


def test_several_threads_write_different_files(tmp_path: Path) -> None:
    maildir = Maildir(tmp_path).make()
    threads = [
        threading.Thread(target=lambda: [maildir.add(MESSAGE, at=0.0) for _ in range(25)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(maildir.paths()) == 100


def test_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match="folder cannot be made"):
        Maildir(tmp_path / "file" / "sent").make()


def test_envelope_is_taken_off_again() -> None:
    kept = with_envelope(MESSAGE, "bounces@example.org", ["a@example.org", "b@example.org"])
    assert kept.startswith(b"X-MailFrom: bounces@example.org\r\nX-RcptTo: a@example.org\r\n")
    message = split_envelope(kept)
    assert message.content == MESSAGE
    assert (message.reverse_path, message.forward_path) == ("bounces@example.org", "b@example.org")


def test_internationalised_address_survives_in_the_envelope() -> None:
    message = split_envelope(with_envelope(MESSAGE, "", ["jörg@example.org"]))
    assert (message.reverse_path, message.forward_path) == ("", "jörg@example.org")


@pytest.mark.parametrize("content", [MESSAGE, b""])
def test_message_without_an_envelope_stays_as_it_is(content: bytes) -> None:
    message = split_envelope(content)
    assert (message.content, message.reverse_path, message.forward_path) == (content, "", "")
