"""The sandbox catches exactly what was sent, and keeps it."""

from __future__ import annotations

import smtplib
import stat
from email import message_from_bytes
from pathlib import Path

from mailmerge.sandbox import Sandbox

MESSAGE = (
    b"From: a@example.org\r\nTo: b@example.org\r\nSubject: caught\r\n\r\n"
    b"first\r\n.leading dot\r\n..two\r\nlast\r\n"
)


def caught_in(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((folder / "new").iterdir())]


def deliver_one(sandbox: Sandbox) -> None:
    with smtplib.SMTP(sandbox.server.host, sandbox.server.port) as client:
        client.sendmail("a@example.org", ["b@example.org"], MESSAGE)


def test_what_was_sent_is_kept_octet_by_octet_behind_its_envelope(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "state" / "sandbox") as sandbox:
        with smtplib.SMTP(sandbox.server.host, sandbox.server.port) as client:
            client.sendmail("bounce@example.org", ["b@example.org", "c@example.org"], MESSAGE)
            client.sendmail("bounce@example.org", ["d@example.org"], MESSAGE)
        assert sandbox.caught == 2
    first, second = caught_in(sandbox.maildir)
    assert first.endswith(b"\r\n" + MESSAGE)
    parsed = message_from_bytes(first)
    assert parsed.get_all("X-MailFrom") == ["bounce@example.org"]
    assert parsed.get_all("X-RcptTo") == ["b@example.org", "c@example.org"]
    assert message_from_bytes(second)["X-RcptTo"] == "d@example.org"


def test_what_it_keeps_is_for_nobody_else(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "sandbox") as sandbox:
        deliver_one(sandbox)
    assert stat.S_IMODE(sandbox.maildir.stat().st_mode) == 0o700
    [path] = (sandbox.maildir / "new").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_listens_on_loopback_only_and_offers_what_messages_need(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "sandbox") as sandbox:
        assert sandbox.server.host == "127.0.0.1"
        assert sandbox.server.security == "none"
        with smtplib.SMTP(sandbox.server.host, sandbox.server.port) as client:
            client.ehlo()
            for extension in ("pipelining", "smtputf8", "8bitmime", "size"):
                assert client.has_extn(extension)


def test_it_ends_while_a_connection_is_still_open(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "sandbox") as sandbox:
        client = smtplib.SMTP(sandbox.server.host, sandbox.server.port)
        client.ehlo()
    client.close()
    assert sandbox.caught == 0


def test_a_second_sandbox_keeps_the_mail_of_the_first(tmp_path: Path) -> None:
    for expected in (1, 2):
        with Sandbox(tmp_path / "sandbox") as sandbox:
            deliver_one(sandbox)
        assert len(caught_in(sandbox.maildir)) == expected
