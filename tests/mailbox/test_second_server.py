"""A second IMAP server, pymap: with STARTTLS, without special uses, with its own replies."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailmerge.errors import AuthenticationRefused
from mailmerge.mailbox.account import ImapAccount
from mailmerge.mailbox.appending import DRAFT, DRAFTS, SENT, SENT_COPY, Appended, ImapWriter
from mailmerge.mailbox.imap import ImapFolder, Position
from mailmerge.smtp import Credentials
from tests import servers

pytestmark = pytest.mark.real
NOW = 1_795_400_000.0


@pytest.fixture(scope="module")
def port(certificates: servers.Certificates) -> Iterator[int]:
    with servers.pymap(certificates) as running:
        yield running


@pytest.fixture
def account(port: int, certificates: servers.Certificates) -> ImapAccount:
    return account_of(port, certificates, *servers.PYMAP_USER)


def account_of(
    port: int, certificates: servers.Certificates, user: str, password: str
) -> ImapAccount:
    def credentials() -> Credentials:
        return Credentials(user, password)

    host, file = servers.LOOPBACK, certificates.ca_file
    return ImapAccount(host, port, "starttls", file, "INBOX", user, credentials)


def test_mails_are_read_once(account: ImapAccount) -> None:
    with ImapFolder(account) as folder:
        [(position, mails)] = folder.new_mails(Position())
        assert len(mails) == 4
        assert all(b"\nSubject:" in one.raw for one in mails)
        assert list(folder.new_mails(position)) == []
        assert not folder.wait(0.2)


def test_messages_are_appended_to_the_folder_of_their_use(account: ImapAccount) -> None:
    for use, flags, name in ((SENT, SENT_COPY, "Sent"), (DRAFTS, DRAFT, "Drafts")):
        messages = [
            Appended(n, f"<{n}@a>", f"Message-ID: <{n}@a>\r\n\r\nx\r\n".encode(), NOW)
            for n in range(1, 4)
        ]
        with ImapWriter(account, use) as writer:
            assert writer.folder == name
            known = writer.known_ids()
            assert writer.append(messages, flags) == ([1, 2, 3], None)
            assert writer.known_ids() - known == {one.message_id for one in messages}


def test_wrong_password_is_named(port: int, certificates: servers.Certificates) -> None:
    with pytest.raises(AuthenticationRefused, match="refused the log-in"):
        ImapFolder(account_of(port, certificates, "news", "wrong"))
