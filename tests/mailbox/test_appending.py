"""A real Dovecot over TLS: messages are appended to the folder of their use, once and whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailmerge.errors import CampaignError, ConnectionLost, ServerRefused
from mailmerge.mailbox.account import ImapAccount
from mailmerge.mailbox.appending import DRAFT, DRAFTS, SENT, SENT_COPY, Appended, ImapWriter
from mailmerge.smtp import Credentials
from tests import servers
from tests.mailbox.mailboxes import account_of, capable

pytestmark = pytest.mark.real
NOW = 1_795_400_000.0


def message(number: int, size: int = 10) -> Appended:
    identity = f"<{number:032x}@example.org>"
    raw = f"Message-ID: {identity}\r\nSubject: {number}\r\n\r\n".encode() + b"x" * size + b"\r\n"
    return Appended(number, identity, raw, NOW + number)


def test_batch_is_appended_whole_with_flags(dovecot: servers.Imap, account: ImapAccount) -> None:
    messages = [message(number) for number in range(1, 6)]
    with ImapWriter(account, SENT) as writer:
        assert writer.folder == "INBOX.Sent"
        assert writer.append(messages, SENT_COPY) == ([1, 2, 3, 4, 5], None)
        assert writer.known_ids(NOW) == {one.message_id for one in messages}
        assert writer.known_ids() == writer.known_ids(NOW)
        assert writer.known_ids(NOW + 10 * 86_400) == set()
    found = dovecot.messages("news", "Sent")
    assert sorted(raw for _, raw in found) == sorted(
        one.raw.replace(b"\r\n", b"\n") for one in messages
    )
    assert {flags for flags, _ in found} == {"S"}


def test_draft_has_its_flag(dovecot: servers.Imap, account: ImapAccount) -> None:
    with ImapWriter(account, DRAFTS) as writer:
        writer.append([message(1)], DRAFT)
    assert dovecot.messages("news", "Drafts")[0][0] == "DS"


@pytest.mark.parametrize("capabilities", ["", "LITERAL+", "MULTIAPPEND", "LITERAL+ MULTIAPPEND"])
def test_each_set_of_capabilities_appends_all(
    dovecot: servers.Imap, account: ImapAccount, capabilities: str
) -> None:
    del dovecot
    with (
        capable(f"IMAP4rev1 AUTH=PLAIN {capabilities}", account) as limited,
        ImapWriter(limited, SENT, "INBOX.Sent") as writer,
    ):
        messages = [message(number) for number in range(1, 4)]
        assert writer.append(messages, SENT_COPY) == ([1, 2, 3], None)
        assert len(writer.known_ids()) == 3


def test_named_folder_is_made(dovecot: servers.Imap, account: ImapAccount) -> None:
    with ImapWriter(account, SENT, "INBOX.Mailings") as writer:
        writer.append([message(1)], SENT_COPY)
    assert len(dovecot.messages("news", "Mailings")) == 1
    with ImapWriter(account, SENT, "INBOX.Mailings") as writer:
        assert len(writer.known_ids()) == 1


@pytest.mark.parametrize("name", ["Sent", "Gesendet", "已发送", "Sent Items"])
def test_folder_without_special_use_is_found_by_its_name(
    certificates: servers.Certificates, name: str
) -> None:
    users = {"news": "secret"}
    with servers.dovecot_imap(users, certificates, special_use=False) as server:
        account = account_of(server, certificates.ca_file)
        with ImapWriter(account, SENT, f"INBOX.{name}") as writer:
            writer.append([message(1)], SENT_COPY)
        with ImapWriter(account, SENT) as writer:
            assert writer.folder == f"INBOX.{name}"
            assert len(writer.known_ids()) == 1


def test_missing_folder_is_made_in_the_own_namespace(certificates: servers.Certificates) -> None:
    users = {"news": "secret", "other": "secret"}
    with servers.dovecot_imap(users, certificates, special_use=False, shared=True) as server:
        account = account_of(server, certificates.ca_file)
        with ImapWriter(account, SENT, "Shared.Sent"):
            pass
        with ImapWriter(account, SENT) as writer:
            assert writer.folder == "INBOX.Sent"


def test_full_mailbox_is_named_and_what_fits_is_kept(certificates: servers.Certificates) -> None:
    with (
        servers.dovecot_imap({"news": "secret"}, certificates, quota="20k") as server,
        ImapWriter(account_of(server, certificates.ca_file), SENT) as writer,
    ):
        messages = [message(number, 9_000) for number in range(1, 5)]
        done, refused = writer.append(messages, SENT_COPY)
        assert done == [1, 2]
        assert refused is not None
        assert refused.problem.code == "imap-full"
        assert writer.known_ids() == {one.message_id for one in messages[:2]}


def test_folder_without_permission_is_refused(dovecot: servers.Imap, account: ImapAccount) -> None:
    with ImapWriter(account, SENT) as writer:
        writer.append([message(3)], SENT_COPY)
        box = dovecot.box("news") / ".Sent"
        for name in ("tmp", "new", "cur"):
            (box / name).chmod(0o500)
        try:
            done, refused = writer.append([message(1), message(2)], SENT_COPY)
        finally:
            for name in ("tmp", "new", "cur"):
                (box / name).chmod(0o700)
        assert done == []
        assert isinstance(refused, ServerRefused)
        assert refused.problem.code == "imap-refused"


@pytest.mark.parametrize("capabilities", ["", "MULTIAPPEND"])
def test_cut_connection_is_named(account: ImapAccount, capabilities: str) -> None:
    with (
        capable(f"IMAP4rev1 AUTH=PLAIN {capabilities}", account, cut_at=b"APPEND") as cut,
        ImapWriter(cut, SENT, "INBOX.Sent", read_seconds=5.0) as writer,
        pytest.raises(ConnectionLost, match="ended"),
    ):
        writer.append([message(1), message(2)], SENT_COPY)


def test_folder_that_cannot_be_made_is_named(account: ImapAccount) -> None:
    with pytest.raises(ServerRefused) as caught:
        ImapWriter(account, SENT, "Nowhere.Sent")
    assert caught.value.problem.code == "imap-refused"


def test_plain_log_in_elsewhere_is_refused(account: ImapAccount) -> None:
    plain = replace(
        account,
        host="imap.example.org",
        security="none",
        credentials=lambda: Credentials("a", "b"),
    )
    with pytest.raises(CampaignError, match="not be encrypted"):
        ImapWriter(plain, SENT)
