"""A sent campaign for the tests of received mails, and a real mailbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailmerge.mailbox.account import ImapAccount
from tests import servers
from tests.mailbox.mailboxes import account_of
from tests.mailbox.sending import UNSUBSCRIBE, SentCampaign, send_campaign


@pytest.fixture
def sent(tmp_path: Path) -> SentCampaign:
    """A campaign with unsubscribe links that was sent to u0, u1, u2 and u3 at example.org."""
    return send_campaign(tmp_path / "spring", UNSUBSCRIBE)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> servers.Certificates:
    """Certificates of a server on this machine."""
    return servers.make_certificates(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def dovecot(certificates: servers.Certificates) -> Iterator[servers.Imap]:
    """A running Dovecot."""
    with servers.dovecot_imap({"news": "secret", "other": "secret"}, certificates) as server:
        yield server


@pytest.fixture
def account(dovecot: servers.Imap, certificates: servers.Certificates) -> ImapAccount:
    """The account `news` of that Dovecot."""
    return account_of(dovecot, certificates.ca_file)
