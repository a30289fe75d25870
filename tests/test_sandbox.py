"""The sandbox catches exactly what was sent, and keeps it."""

from __future__ import annotations

import smtplib
import stat
from email import message_from_bytes
from pathlib import Path

import pytest

from mailmerge.sandbox import Fault, Faults, Sandbox

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


def outcome_of(sandbox: Sandbox, recipient: str) -> str:
    """What one attempt meets: the first word of the refusal, `taken` or `lost`."""
    try:
        with smtplib.SMTP(sandbox.server.host, sandbox.server.port) as client:
            client.sendmail("a@example.org", [recipient], f"Message-ID: <{recipient}>\r\n\r\nx\r\n")
    except smtplib.SMTPRecipientsRefused as error:
        return str(error.recipients[recipient][0])
    except smtplib.SMTPResponseException as error:
        return str(error.smtp_code)
    except (smtplib.SMTPServerDisconnected, ConnectionError):
        return "lost"
    return "taken"


MEETS = {
    Fault.GREYLISTED: ("450", 0),
    Fault.NO_SUCH_PERSON: ("550", 0),
    Fault.LEAVING: ("421", 0),
    Fault.DROPPED: ("lost", 0),
    Fault.NOT_NOW: ("451", 0),
    Fault.LEAVING_LATE: ("421", 0),
    Fault.DROPPED_BEFORE_TAKING: ("lost", 0),
    Fault.DROPPED_AFTER_TAKING: ("lost", 1),
    None: ("taken", 1),
}


@pytest.mark.parametrize("fault", MEETS)
def test_each_fault_is_what_its_name_says(tmp_path: Path, fault: Fault | None) -> None:
    faults = Faults(seed=1, rate=0.6)
    numbers = (number for number in range(999) if faults.draw(f"u{number}@x.org", 1) is fault)
    recipient = f"u{next(numbers)}@x.org"
    with Sandbox(tmp_path / "sandbox", faults) as sandbox:
        assert (outcome_of(sandbox, recipient), sandbox.caught) == MEETS[fault]
        assert dict(sandbox.taken) == ({f"<{recipient}>": 1} if MEETS[fault][1] else {})


def test_the_same_seed_draws_the_same_faults_at_about_the_rate() -> None:
    def draws(seed: int) -> list[Fault | None]:
        return [Faults(seed, 0.1).draw(f"u{number}@x.org", 1) for number in range(2000)]

    assert draws(1) == draws(1) != draws(2)
    met = [fault for fault in draws(1) if fault]
    assert 150 < len(met) < 250
    assert set(met) == set(Fault)
    assert not any(Faults(1, 0.0).draw(f"u{number}@x.org", 1) for number in range(99))


def test_a_second_attempt_may_meet_something_else(tmp_path: Path) -> None:
    faults = Faults(seed=1, rate=0.5)
    recipient = next(
        path
        for path in (f"u{number}@x.org" for number in range(999))
        if faults.draw(path, 1) is Fault.GREYLISTED and faults.draw(path, 2) is None
    )
    with Sandbox(tmp_path / "sandbox", faults) as sandbox:
        assert [outcome_of(sandbox, recipient) for _ in range(2)] == ["450", "taken"]


def test_message_ids_are_counted_folded_or_not(tmp_path: Path) -> None:
    folded = b"Subject: x\r\nMessage-ID:\r\n <a@x>\r\n\r\nMessage-ID: <b@x>\r\n"
    with Sandbox(tmp_path / "sandbox") as sandbox:
        for _ in range(2):
            with smtplib.SMTP(sandbox.server.host, sandbox.server.port) as client:
                client.sendmail("a@example.org", ["b@example.org"], folded)
        assert dict(sandbox.taken) == {"<a@x>": 2}


def test_it_may_end_as_soon_as_it_has_begun(tmp_path: Path) -> None:
    for _ in range(50):
        with Sandbox(tmp_path / "sandbox") as sandbox:
            pass
        assert sandbox.caught == 0
