from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailmerge.preview.sandbox_messages import SandboxMailbox, SandboxMessage

MESSAGE = (
    b"From: a@example.org\r\nTo: b@example.org\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nx\r\n"
)
NOTED = b"X-MailFrom: bounces@example.org\r\nX-RcptTo: b@example.org\r\n" + MESSAGE


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / "sandbox" / name).mkdir(parents=True)
    for at, (folder, name) in enumerate([("new", "1.x"), ("cur", "2.x:2,S"), ("new", "3.x")]):
        path = tmp_path / "sandbox" / folder / name
        path.write_bytes(NOTED.replace(b"x\r\n", b"x%d\r\n" % at))
        os.utime(path, (1000 + at, 1000 + at))
    (tmp_path / "sandbox" / "tmp" / "9.x").write_bytes(NOTED)
    (tmp_path / "sandbox" / "new" / ".hidden").write_bytes(NOTED)
    return tmp_path


def test_the_newest_message_comes_first(maildir: Path) -> None:
    mailbox = SandboxMailbox(maildir)
    entries, total = mailbox.page(0, 50)
    assert [entry.name for entry in entries] == ["3.x", "2.x", "1.x"]
    assert total == len(mailbox) == 3
    assert (entries[0].to, entries[0].subject) == ("b@example.org", "Grüße")
    assert [entry.name for entry in mailbox.page(1, 1)[0]] == ["2.x"]


def test_a_search_reads_recipient_and_subject(maildir: Path) -> None:
    mailbox = SandboxMailbox(maildir)
    assert mailbox.page(0, 50, "GRÜSSE b@example")[1] == 3
    assert mailbox.page(0, 50, "nothing") == ([], 0)


def test_the_noted_envelope_is_not_part_of_the_bytes(maildir: Path) -> None:
    message = SandboxMailbox(maildir).read("2.x")
    assert message is not None
    assert message.data == MESSAGE.replace(b"x\r\n", b"x1\r\n")
    assert (message.reverse_path, message.forward_path) == ("bounces@example.org", "b@example.org")


def test_a_message_without_a_noted_envelope_is_unchanged() -> None:
    assert SandboxMessage.from_file(MESSAGE) == SandboxMessage(MESSAGE, "", "")
    assert SandboxMessage.from_file(b"") == SandboxMessage(b"", "", "")


@pytest.mark.parametrize("name", ["", "..", "../../secret", "new/1.x", "9.x", ".hidden", "1.x\0"])
def test_no_name_leads_out_of_the_folder(maildir: Path, name: str) -> None:
    (maildir / "secret").write_text("secret")
    assert SandboxMailbox(maildir).read(name) is None


def test_neighbours_follow_the_order_of_the_list(maildir: Path) -> None:
    mailbox = SandboxMailbox(maildir)
    assert mailbox.neighbours("3.x") == (None, "2.x")
    assert mailbox.neighbours("1.x") == ("2.x", None)
    assert mailbox.neighbours("gone") == (None, None)


def test_a_missing_sandbox_is_empty(tmp_path: Path) -> None:
    assert len(SandboxMailbox(tmp_path)) == 0
    assert SandboxMailbox(tmp_path).page(0, 50) == ([], 0)
