"""The sandbox keeps messages unchanged, and the same seed gives the same faults."""

from __future__ import annotations

import gc
import smtplib
import socket
from collections.abc import Callable, Iterator
from email import message_from_bytes
from itertools import count
from pathlib import Path

import pytest

from mailmerge.sandbox import AcceleratedClock, Fault, Faults, Sandbox
from tests.platforms import assert_private

MESSAGE = (
    b"From: a@example.org\r\nTo: b@example.org\r\nSubject: kept\r\n\r\n"
    b"first\r\n.leading dot\r\n..two\r\nlast\r\n"
)


def kept_in(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((folder / "new").iterdir())]


def deliver(sandbox: Sandbox, *to: str, content: bytes = MESSAGE) -> None:
    with smtplib.SMTP(sandbox.server.host, sandbox.server.port) as client:
        client.sendmail("bounce@example.org", to or ["b@example.org"], content)


def test_messages_are_kept_byte_for_byte_with_their_envelope(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "state" / "sandbox") as sandbox:
        deliver(sandbox, "b@example.org", "c@example.org")
        deliver(sandbox, "d@example.org")
    first, second = kept_in(sandbox.folder)
    assert first.endswith(b"\r\n" + MESSAGE)
    parsed = message_from_bytes(first)
    assert parsed.get_all("X-MailFrom") == ["bounce@example.org"]
    assert parsed.get_all("X-RcptTo") == ["b@example.org", "c@example.org"]
    assert message_from_bytes(second)["X-RcptTo"] == "d@example.org"


def test_messages_are_listed_in_order_of_arrival(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "sandbox") as sandbox:
        assert list(sandbox.messages) == []
        for number in range(12):
            deliver(sandbox, content=b"Subject: number %d\r\n\r\nx\r\n" % number)
        subjects = [message["Subject"] for message in sandbox.messages]
        assert subjects == [f"number {number}" for number in range(12)]
        assert sandbox.messages[-1].get_content().strip() == "x"
        assert [one["Subject"] for one in sandbox.messages[2:4]] == ["number 2", "number 3"]
        with pytest.raises(IndexError):
            sandbox.messages[12]


def test_a_temporary_folder_lasts_as_long_as_the_sandbox() -> None:
    with Sandbox() as sandbox:
        deliver(sandbox)
    folder = sandbox.folder
    assert sandbox.messages[0]["Subject"] == "kept"
    assert folder.is_dir()
    del sandbox
    gc.collect()
    assert not folder.exists()


def test_the_folder_is_private(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "sandbox") as sandbox:
        deliver(sandbox)
    assert_private(sandbox.folder)
    [path] = (sandbox.folder / "new").iterdir()
    assert_private(path)


def test_sandbox_listens_on_loopback_with_its_extensions(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "sandbox") as sandbox:
        assert sandbox.server.host == "127.0.0.1"
        assert sandbox.server.security == "none"
        with smtplib.SMTP(sandbox.server.host, sandbox.server.port) as client:
            client.ehlo()
            for extension in ("pipelining", "smtputf8", "8bitmime", "size"):
                assert client.has_extn(extension)


def test_sandbox_ends_while_a_connection_is_open(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "sandbox") as sandbox:
        client = smtplib.SMTP(sandbox.server.host, sandbox.server.port)
        client.ehlo()
    client.close()
    assert len(sandbox.messages) == 0


def test_a_second_sandbox_keeps_the_mail_of_the_first(tmp_path: Path) -> None:
    for expected in (1, 2):
        with Sandbox(tmp_path / "sandbox") as sandbox:
            deliver(sandbox)
        assert len(kept_in(sandbox.folder)) == expected
        assert len(sandbox.messages) == 1


def test_message_ids_are_counted_folded_or_not(tmp_path: Path) -> None:
    folded = b"Subject: x\r\nMessage-ID:\r\n <a@x>\r\n\r\nMessage-ID: <b@x>\r\n"
    with Sandbox(tmp_path / "sandbox") as sandbox:
        for _ in range(2):
            deliver(sandbox, content=folded)
        assert dict(sandbox.message_ids) == {"<a@x>": 2}


def test_sandbox_may_end_at_once(tmp_path: Path) -> None:
    for _ in range(50):
        with Sandbox(tmp_path / "sandbox") as sandbox:
            pass
        assert len(sandbox.messages) == 0


# -- faults ---------------------------------------------------------------------------------------


def outcome_of(sandbox: Sandbox, recipient: str) -> str:
    """Return the result of one attempt: the code of the refusal, `taken` or `lost`."""
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


def recipients_who(meet: Callable[[str], bool]) -> Iterator[str]:
    """Return addresses whose draws are as a test needs them."""
    return (path for number in count() if meet(path := f"u{number}@x.org"))


MEETS = {
    Fault.GREYLISTED: ("450", 0),
    Fault.NO_SUCH_USER: ("550", 0),
    Fault.LEAVING: ("421", 0),
    Fault.DROPPED: ("lost", 0),
    Fault.NOT_NOW: ("451", 0),
    Fault.LEAVING_LATE: ("421", 0),
    Fault.DROPPED_BEFORE_TAKING: ("lost", 0),
    Fault.DROPPED_AFTER_TAKING: ("lost", 1),
    None: ("taken", 1),
}


@pytest.mark.parametrize("fault", MEETS)
def test_each_fault_does_what_its_name_says(tmp_path: Path, fault: Fault | None) -> None:
    faults = Faults(seed=1, rate=0.6)
    recipient = next(recipients_who(lambda path: faults.draw(path, 1) is fault))
    with Sandbox(tmp_path / "sandbox", faults) as sandbox:
        assert (outcome_of(sandbox, recipient), len(sandbox.messages)) == MEETS[fault]
        assert dict(sandbox.message_ids) == ({f"<{recipient}>": 1} if MEETS[fault][1] else {})


def test_a_seed_draws_the_same_faults_at_about_the_rate() -> None:
    def draws(seed: int) -> list[Fault | None]:
        return [Faults(seed, 0.1).draw(f"u{number}@x.org", 1) for number in range(2000)]

    assert draws(1) == draws(1) != draws(2)
    met = [fault for fault in draws(1) if fault]
    assert 150 < len(met) < 250
    assert set(met) == set(Fault)
    assert not any(Faults(1, 0.0).draw(f"u{number}@x.org", 1) for number in range(99))


def test_a_second_attempt_may_meet_another_fault(tmp_path: Path) -> None:
    faults = Faults(seed=1, rate=0.5)
    recipient = next(
        recipients_who(
            lambda path: faults.draw(path, 1) is Fault.GREYLISTED and faults.draw(path, 2) is None
        )
    )
    with Sandbox(tmp_path / "sandbox", faults) as sandbox:
        assert [outcome_of(sandbox, recipient) for _ in range(2)] == ["450", "taken"]


def converse(sandbox: Sandbox, *groups: bytes) -> bytes:
    """Send each group of commands at once, after the reply to the last; all that came back.

    The client does not close before the server has: nothing is lost on this side.
    """
    with socket.create_connection((sandbox.server.host, sandbox.server.port), timeout=30) as wire:
        received = wire.recv(1024)
        for group in groups:
            wire.sendall(group)
            received += wire.recv(4096)
        while received_more := wire.recv(4096):
            received += received_more
    return received


@pytest.mark.parametrize("fault", [Fault.LEAVING_LATE, Fault.DROPPED_BEFORE_TAKING])
def test_commands_after_a_fault_are_not_counted(tmp_path: Path, fault: Fault) -> None:
    """The next recipient's commands arrive together with the end of data that meets the fault."""
    faults = Faults(seed=1, rate=0.5)
    first = next(recipients_who(lambda path: faults.draw(path, 1) is fault))
    second = next(
        recipients_who(
            lambda path: faults.draw(path, 1) is Fault.NO_SUCH_USER and faults.draw(path, 2) is None
        )
    )
    commands = "MAIL FROM:<a@x.org>\r\nRCPT TO:<{}>\r\nDATA\r\n"
    with Sandbox(tmp_path / "sandbox", faults) as sandbox:
        received = converse(
            sandbox,
            b"EHLO me\r\n",
            commands.format(first).encode(),
            b"x\r\n.\r\n" + commands.format(second).encode(),
        )
        assert b"550" not in received
        assert received.count(b"\r\n421 ") == (fault is Fault.LEAVING_LATE)
        assert outcome_of(sandbox, second) == "550", "it is the first attempt still"


def test_an_abandoned_attempt_is_repeated(tmp_path: Path) -> None:
    """The client disconnects between RCPT and the end of data, as after another fault."""
    faults = Faults(seed=1, rate=0.5)
    recipient = next(
        recipients_who(
            lambda path: faults.draw(path, 1) is Fault.NOT_NOW and faults.draw(path, 2) is None
        )
    )
    with Sandbox(tmp_path / "sandbox", faults) as sandbox:
        for _ in range(2):
            with smtplib.SMTP(sandbox.server.host, sandbox.server.port) as client:
                client.ehlo()
                client.mail("a@x.org")
                assert client.rcpt(recipient)[0] == 250
        assert [outcome_of(sandbox, recipient) for _ in range(2)] == ["451", "taken"]


def test_the_clock_is_accelerated_and_can_be_skipped() -> None:
    now = [5.0]
    clock = AcceleratedClock(lambda: now[0])
    began = clock()
    now[0] += 2
    assert clock() - began == pytest.approx(2_000)
    clock.skip(100.0)
    assert clock() - began == pytest.approx(2_100)
    assert clock.real_seconds == 2
