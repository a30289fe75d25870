"""A real Dovecot over TLS: new mails are read once, none is changed, and faults are named."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from mailmerge.cli.exit_status import ExitStatus
from mailmerge.errors import (
    AuthenticationRefused,
    CampaignError,
    ConnectionLost,
    ServerUnreachable,
)
from mailmerge.ledger.ledger import Ledger
from mailmerge.mailbox.account import ImapAccount
from mailmerge.mailbox.imap import ImapFolder, Position
from mailmerge.mailbox.replies import collect_mailbox
from mailmerge.smtp import Credentials
from tests import servers
from tests.mailbox.mailboxes import account_of, capable
from tests.mailbox.sending import SentCampaign, mail, report

pytestmark = pytest.mark.real


def read_all(account: ImapAccount, position: Position) -> tuple[Position, list[bytes]]:
    found = []
    with ImapFolder(account) as folder:
        for reached, mails in folder.new_mails(position):
            position = reached
            found += [one.raw for one in mails]
    return position, found


def letters(count: int) -> list[bytes]:
    return [mail(f"From: a@b.example\nSubject: {n}", f"text {n}\n") for n in range(count)]


def test_new_mails_are_read_once_and_stay_unread(
    dovecot: servers.Imap, account: ImapAccount
) -> None:
    for raw in letters(120):
        dovecot.deliver("news", raw)
    position, found = read_all(account, Position())
    assert sorted(found) == sorted(letters(120))
    assert read_all(account, position) == (position, [])
    dovecot.deliver("news", mail("From: a@b.example\nSubject: late"))
    _, found = read_all(account, position)
    assert [b"Subject: late" in one for one in found] == [True]
    assert "S" not in dovecot.flags("news")


def test_changed_uidvalidity_means_reading_all_again(
    dovecot: servers.Imap, account: ImapAccount
) -> None:
    dovecot.deliver("news", letters(1)[0])
    position, _ = read_all(account, Position())
    again, found = read_all(account, replace(position, validity=position.validity + 1))
    assert found == letters(1)
    assert again == position


def test_mailbox_is_recorded_once_in_the_ledger(
    dovecot: servers.Imap, account: ImapAccount, sent: SentCampaign
) -> None:
    dovecot.deliver("news", report(sent.header(1), "u1@example.org"))
    dovecot.deliver("news", letters(1)[0])
    counts = []
    for _ in range(2):
        with ImapFolder(account) as folder:
            counts.append(collect_mailbox(sent.settings, folder, account.name).document())
    assert (counts[0]["read"], counts[0]["bounced"], counts[0]["not_ours"]) == (2, 1, 1)
    assert not any(counts[1].values())
    with Ledger.of(sent.settings) as ledger:
        assert ledger.after.position(account.name)[1] == 2
    assert "S" not in dovecot.flags("news")


def test_mails_about_us_are_marked_as_read_on_request(
    dovecot: servers.Imap, account: ImapAccount, sent: SentCampaign
) -> None:
    dovecot.deliver("news", report(sent.header(1), "u1@example.org"))
    with ImapFolder(account) as folder:
        collect_mailbox(sent.settings, folder, account.name, mark_read=True)
    assert dovecot.flags("news") == {"S"}


def test_waiting_ends_when_a_mail_arrives(dovecot: servers.Imap, account: ImapAccount) -> None:
    with ImapFolder(account) as folder:
        assert list(folder.new_mails(Position())) == []
        assert not folder.wait(0.2)
        threading.Timer(0.5, dovecot.deliver, ("news", letters(1)[0])).start()
        assert folder.wait(30)
        assert len(list(folder.new_mails(Position()))) == 1


def test_server_without_idle_is_asked_again(account: ImapAccount) -> None:
    with capable("IMAP4rev1 AUTH=PLAIN", account) as plain, ImapFolder(plain) as folder:
        assert list(folder.new_mails(Position())) == []
        assert folder.wait(0.1)


def test_huge_mail_is_read_in_part(dovecot: servers.Imap, account: ImapAccount) -> None:
    dovecot.deliver("news", letters(1)[0] + b"x" * 5_000_000 + b"\n")
    _, [raw] = read_all(account, Position())
    assert 500_000 < len(raw) < 2_200_000


def test_wrong_password_is_named(dovecot: servers.Imap, certificates: servers.Certificates) -> None:
    with pytest.raises(AuthenticationRefused, match="refused the log-in") as caught:
        ImapFolder(account_of(dovecot, certificates.ca_file, "wrong"))
    assert caught.value.problem.code == "imap-login"


def test_missing_folder_is_named_with_those_that_exist(account: ImapAccount) -> None:
    with ImapFolder(replace(account, folder="Nowhere")) as folder:
        with pytest.raises(CampaignError, match=r"Nowhere cannot be opened") as caught:
            list(folder.new_mails(Position()))
        assert "INBOX" in caught.value.problem.hint


def test_folder_without_permission_is_an_error(dovecot: servers.Imap, account: ImapAccount) -> None:
    dovecot.deliver("news", letters(1)[0])
    box = dovecot.box("news")
    box.chmod(0)
    try:
        with pytest.raises((CampaignError, AuthenticationRefused, ConnectionLost)):
            read_all(account, Position())
    finally:
        box.chmod(0o700)


def test_untrusted_certificate_is_refused(account: ImapAccount) -> None:
    with pytest.raises(ServerUnreachable, match="certificate"):
        ImapFolder(replace(account, ca_file=None))


def test_unencrypted_log_in_is_refused(account: ImapAccount) -> None:
    with pytest.raises(CampaignError, match="would not be encrypted"):
        ImapFolder(replace(account, security="none", host="imap.example.org"))


def scripted(answer: bytes) -> int:
    """The port of a server that greets, says yes to a log-in, answers one more time, and waits."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = int(listening.getsockname()[1])

    def serve() -> None:
        connection, _ = listening.accept()
        with listening, connection:
            connection.sendall(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
            while line := connection.recv(4096):
                tag, command = line.split()[:2]
                if command in (b"LOGIN", b"CAPABILITY"):
                    connection.sendall(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" OK done\r\n")
                elif command == b"LOGOUT":
                    break
                else:
                    connection.sendall(answer)
                    if not answer:
                        break

    threading.Thread(target=serve, daemon=True).start()
    return port


@pytest.mark.parametrize(
    "answer", [b"", b"* 1 EXISTS\r\n* OK [UIDVALI", b"* 1 FETCH (BODY[] {1000000}\r\nslow"]
)
def test_cut_and_slow_connections_end_in_time(answer: bytes) -> None:
    account = ImapAccount(
        "127.0.0.1", scripted(answer), "none", None, "INBOX", "a", lambda: Credentials("a", "b")
    )
    begun = time.monotonic()
    with (
        ImapFolder(account, read_seconds=1.0) as folder,
        pytest.raises(ConnectionLost, match="ended") as caught,
    ):
        list(folder.new_mails(Position()))
    assert caught.value.problem.code == "imap-lost"
    assert time.monotonic() - begun < 20


def test_watching_records_mails_as_they_arrive(
    dovecot: servers.Imap, certificates: servers.Certificates, sent: SentCampaign
) -> None:
    folder = sent.settings.folder
    (folder / "ca.pem").write_bytes(certificates.ca_file.read_bytes())
    file = folder / "campaign.toml"
    file.write_text(
        f'{file.read_text()}[imap]\nhost = "127.0.0.1"\nport = {dovecot.port}\n'
        'username = "news"\npassword_command = "echo secret"\nca_file = "ca.pem"\n'
    )
    command = [sys.executable, "-m", "mailmerge", "replies", str(folder), "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "Nothing new." in process.stdout.readline()
        dovecot.deliver("news", report(sent.header(2), "u2@example.org"))
        lines = [process.stdout.readline() for _ in range(4)]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == ExitStatus.INTERRUPTED
    assert "u2@example.org  bounced (hard)" in lines[-1]
    assert set(sent.suppressed) == {"u2@example.org"}
