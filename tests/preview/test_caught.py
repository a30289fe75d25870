from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailmerge.preview.caught import Sandbox, opened

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
    sandbox = Sandbox(maildir)
    caught, total = sandbox.page(0, 50)
    assert [one.name for one in caught] == ["3.x", "2.x", "1.x"]
    assert total == len(sandbox) == 3
    assert (caught[0].to, caught[0].subject) == ("b@example.org", "Grüße")
    assert [one.name for one in sandbox.page(1, 1)[0]] == ["2.x"]


def test_a_search_reads_recipient_and_subject(maildir: Path) -> None:
    sandbox = Sandbox(maildir)
    assert sandbox.page(0, 50, "GRÜSSE b@example")[1] == 3
    assert sandbox.page(0, 50, "nothing") == ([], 0)


def test_the_octets_are_those_that_were_sent_without_what_the_sandbox_noted(maildir: Path) -> None:
    caught = Sandbox(maildir).open("2.x")
    assert caught is not None
    assert caught.octets == MESSAGE.replace(b"x\r\n", b"x1\r\n")
    assert (caught.reverse_path, caught.forward_path) == ("bounces@example.org", "b@example.org")


def test_a_message_that_notes_nothing_is_taken_as_it_is() -> None:
    assert opened(MESSAGE).octets == MESSAGE
    assert opened(MESSAGE).forward_path == ""
    assert opened(b"").octets == b""


@pytest.mark.parametrize("name", ["", "..", "../../secret", "new/1.x", "9.x", ".hidden", "1.x\0"])
def test_no_name_leads_anywhere_else(maildir: Path, name: str) -> None:
    (maildir / "secret").write_text("secret")
    assert Sandbox(maildir).open(name) is None


def test_neighbours_are_those_of_the_list(maildir: Path) -> None:
    sandbox = Sandbox(maildir)
    assert sandbox.neighbours("3.x") == (None, "2.x")
    assert sandbox.neighbours("1.x") == ("2.x", None)
    assert sandbox.neighbours("gone") == (None, None)


def test_no_sandbox_is_an_empty_sandbox(tmp_path: Path) -> None:
    assert len(Sandbox(tmp_path)) == 0
    assert Sandbox(tmp_path).page(0, 50) == ([], 0)
