"""A sent campaign for the tests of received mails, and a real mailbox."""

from __future__ import annotations

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


@pytest.fixture
def account(dovecot: servers.Imap, certificates: servers.Certificates) -> ImapAccount:
    """The account `news` of that Dovecot."""
    return account_of(dovecot, certificates.ca_file)
