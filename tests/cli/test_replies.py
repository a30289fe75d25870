"""`mailmerge replies`: counts as JSON, a list for the user, and what is named as mails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mailmerge.cli.exit_status import ExitStatus
from tests.cli.conftest import Call
from tests.mailbox.sending import SentCampaign, mail, report, send_campaign


@pytest.fixture
def sent(tmp_path: Path) -> SentCampaign:
    return send_campaign(tmp_path / "spring")


@pytest.fixture
def mails(sent: SentCampaign, tmp_path: Path) -> Path:
    """A folder with a bounce, an answer and a mail that is not ours."""
    folder = tmp_path / "mails"
    folder.mkdir()
    (folder / "1.eml").write_bytes(report(sent.header(1), "u1@example.org"))
    answer = f"From: u2@example.org\nSubject: Re: Hello\nIn-Reply-To: <{sent.message_id(2)}>"
    (folder / "2.eml").write_bytes(mail(answer))
    (folder / "3.eml").write_bytes(mail("From: shop@shop.example\nSubject: Sale"))
    return folder


def test_document_has_exactly_the_counts(call: Call, sent: SentCampaign, mails: Path) -> None:
    done = call("replies", sent.settings.folder, mails, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "read": 3,
        "matched": 2,
        "bounced": 1,
        "complained": 0,
        "unsubscribed": 0,
        "answered": 1,
        "auto_replied": 0,
        "delivered": 0,
        "not_ours": 1,
        "suppressed": 1,
    }
    again = json.loads(call("replies", sent.settings.folder, "--from", mails, "--json").stdout)
    assert again == dict.fromkeys(again, 0) | {"read": 3}


def test_list_names_recipients_and_reasons(call: Call, sent: SentCampaign, mails: Path) -> None:
    shown = call("replies", sent.settings.folder, mails)
    assert "2  about messages of this campaign folder" in shown.stdout
    assert "u1@example.org  bounced (hard)  5.1.1 the address does not exist" in shown.stdout
    assert "Nothing new." in call("replies", sent.settings.folder, mails).stdout


def test_status_and_export_show_what_came_back(
    call: Call, sent: SentCampaign, mails: Path, tmp_path: Path
) -> None:
    folder = sent.settings.folder
    call("replies", folder, mails)
    assert "4 sent: 1 bounced, 1 answered" in call("status", folder).stdout
    document = json.loads(call("status", folder, "--json").stdout)
    assert document["after"] == {
        "bounced": 1,
        "complained": 0,
        "unsubscribed": 0,
        "answered": 1,
        "auto_replied": 0,
    }
    call("status", folder, "--export", tmp_path / "out.csv")
    assert ",bounced," in (tmp_path / "out.csv").read_text("utf-8-sig")


def test_mails_may_stand_in_place_of_the_campaign(
    call: Call, sent: SentCampaign, mails: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(sent.settings.folder)
    assert json.loads(call("replies", mails, "--json").stdout)["read"] == 3


def test_options_of_the_mailbox_need_no_files(call: Call, sent: SentCampaign, mails: Path) -> None:
    done = call("replies", sent.settings.folder, mails, "--watch")
    assert done.exit_code == ExitStatus.USAGE
    assert "are for the mailbox of [imap]" in done.stderr


def test_missing_mailbox_and_wrong_day_are_named(call: Call, campaign: Path) -> None:
    done = call("replies", campaign)
    assert done.exit_code == ExitStatus.USAGE
    assert "no IMAP server is named" in done.stderr
    file = campaign / "campaign.toml"
    file.write_text(
        file.read_text() + '[imap]\nhost = "127.0.0.1"\nport = 1\n'
        'username = "a"\npassword_command = "echo x"\n'
    )
    assert "is not a day" in call("replies", campaign, "--since", "yesterday").stderr
    assert "port 1: Connection refused" in call("replies", campaign).stderr
