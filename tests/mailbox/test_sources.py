"""Mails come from files, mbox files, Maildirs and folders, each with the same digest."""

from __future__ import annotations

import mailbox
from pathlib import Path

import pytest

from mailmerge.errors import CampaignError
from mailmerge.mailbox.incoming import MOST_BYTES
from mailmerge.mailbox.sources import read_mails, received

ONE = b"From: a@example.org\nSubject: one\n\nFrom here on\nthe text.\n"
TWO = b"From: b@example.org\nSubject: two\n\nSecond.\n"


def subjects(*paths: Path) -> list[str]:
    return [
        one.raw.partition(b"Subject: ")[2].partition(b"\n")[0].decode() for one in read_mails(paths)
    ]


@pytest.fixture
def mbox(tmp_path: Path) -> Path:
    box = mailbox.mbox(tmp_path / "box.mbox")
    for raw in (ONE, TWO):
        box.add(raw)
    box.close()
    return tmp_path / "box.mbox"


def test_mbox_gives_its_mails_unescaped(mbox: Path) -> None:
    first, second = read_mails([mbox])
    assert b"\nFrom here on\n" in first.raw
    assert (first.name, second.name) == ("box.mbox, 1", "box.mbox, 2")


def test_digest_is_the_same_in_every_kind_of_mailbox(mbox: Path, tmp_path: Path) -> None:
    folder = tmp_path / "Maildir"
    box = mailbox.Maildir(folder)
    box.add(ONE)
    (tmp_path / "one.eml").write_bytes(ONE.replace(b"\n", b"\r\n"))
    everywhere = [
        next(iter(read_mails([path]))).digest for path in (mbox, folder, tmp_path / "one.eml")
    ]
    assert set(everywhere) == {received(ONE).digest}
    assert received(TWO).digest != received(ONE).digest


def test_folder_is_read_with_the_folders_in_it(tmp_path: Path, mbox: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "2.eml").write_bytes(TWO)
    (tmp_path / "1.eml").write_bytes(ONE)
    (tmp_path / ".hidden").write_bytes(ONE)
    (tmp_path / "empty.eml").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    assert subjects(tmp_path) == ["one", "one", "two", "two"]


def test_beginning_of_a_huge_mail_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "huge.eml"
    path.write_bytes(ONE + b"x" * 3_000_000 + b"\n")
    [mail] = read_mails([path])
    assert len(mail.raw) < 2 * MOST_BYTES
    path.write_bytes(ONE + b"x" * 3_000_000 + b"y\n")
    [other] = read_mails([path])
    assert other.digest != mail.digest


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match=r"missing\.mbox cannot be read") as caught:
        list(read_mails([tmp_path / "missing.mbox"]))
    assert caught.value.problem.code == "mails-unreadable"
