"""The mailbox of a campaign: from [imap], else from [smtp] and the provider."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.errors import CampaignError
from mailmerge.mailbox.account import ImapAccount, imap_account
from mailmerge.settings import load_settings

CAMPAIGN = '[message]\nfrom = "a@example.org"\nsubject = "x"\ntext = "body.txt"\n'


def account_of(folder: Path, more: str) -> ImapAccount:
    (folder / "campaign.toml").write_text(CAMPAIGN + more)
    return imap_account(load_settings(folder))


@pytest.mark.parametrize(
    ("smtp", "host"),
    [
        ('provider = "gmail"', "imap.gmail.com"),
        ('provider = "163"', "imap.163.com"),
        ('host = "smtp.example.org"', "imap.example.org"),
    ],
)
def test_host_comes_from_the_smtp_server(tmp_path: Path, smtp: str, host: str) -> None:
    account = account_of(tmp_path, f'[smtp]\n{smtp}\nusername = "a@example.org"\n')
    assert (account.host, account.port, account.security) == (host, 993, "tls")
    assert (account.username, account.folder) == ("a@example.org", "INBOX")
    assert account.name == f"a@example.org@{host}:993/INBOX"


def test_own_section_comes_first(tmp_path: Path) -> None:
    account = account_of(
        tmp_path,
        '[smtp]\nprovider = "gmail"\nusername = "a@example.org"\n'
        '[imap]\nhost = "imap.example.net"\nport = 1993\nusername = "box"\nfolder = "Bounces"\n'
        'password_command = "echo secret"\nca_file = "ca.pem"\n',
    )
    assert (account.host, account.port, account.username) == ("imap.example.net", 1993, "box")
    assert (account.folder, account.ca_file) == ("Bounces", tmp_path / "ca.pem")
    assert account.credentials().password == "secret"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("", "no-imap-server"),
        ('[smtp]\nhost = "mail.example.org"\nusername = "a"\n', "no-imap-server"),
        ('[imap]\nhost = "imap.example.org"\n', "no-imap-user"),
    ],
)
def test_missing_parts_are_named(tmp_path: Path, more: str, code: str) -> None:
    with pytest.raises(CampaignError) as caught:
        account_of(tmp_path, more)
    assert caught.value.problem.code == code
