"""Copies in the Sent folder of a real Dovecot: each sent message has one, whatever fails."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mailmerge.campaign import Campaign
from mailmerge.engine.events import Sent
from mailmerge.engine.summary import Summary
from mailmerge.errors import CampaignError
from mailmerge.jobs.job import Job
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import State
from mailmerge.mailbox.account import ImapAccount, files_sent
from mailmerge.mailbox.copies import CopiesSaved
from mailmerge.sandbox import Sandbox
from mailmerge.settings import Settings
from tests import servers
from tests.jobs import campaigns
from tests.mailbox.mailboxes import capable
from tests.scripted_server import serve

pytestmark = pytest.mark.real
SAVE = "[delivery]\nsave_sent = true\n"


def imap_section(port: int, ca_file: Path | None, more: str = "") -> str:
    security = f'ca_file = "{ca_file}"' if ca_file else 'security = "none"'
    return (
        f'[imap]\nhost = "127.0.0.1"\nport = {port}\nusername = "news"\n'
        f'password_command = "echo secret"\n{security}\n{more}'
    )


@pytest.fixture
def section(dovecot: servers.Imap, certificates: servers.Certificates, tmp_path: Path) -> str:
    """[imap] for the Dovecot."""
    folder = tmp_path / "spring"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(certificates.ca_file.read_bytes())
    return imap_section(dovecot.port, Path("ca.pem"))


def send(
    folder: Path, sandbox: Sandbox, more: str, **options: Any
) -> tuple[Summary, CopiesSaved | None, Job]:
    campaign = campaigns.make(folder, sandbox, more, recipients=options.pop("recipients", 4))
    with campaigns.job_of(campaign, **options) as job:
        summary = job.run_all()
        return summary, job.copied, job


def copies(dovecot: servers.Imap) -> list[bytes]:
    return sorted(raw for _, raw in dovecot.messages("news", "Sent"))


def kept(folder: Path) -> list[bytes]:
    """The messages as they were sent."""
    files = (folder / ".mailmerge" / "sent").rglob("*")
    return sorted(path.read_bytes().replace(b"\r\n", b"\n") for path in files if path.is_file())


def test_each_sent_message_has_one_copy(
    dovecot: servers.Imap, section: str, tmp_path: Path
) -> None:
    with Sandbox() as sandbox:
        folder = tmp_path / "spring"
        more = section + SAVE + 'keep_copy = "maildir"\n'
        summary, copied, job = send(folder, sandbox, more, recipients=120)
        assert summary.error is None
        assert copied == CopiesSaved(120, 0, "")
        assert job.document(summary)["copies"] == {"saved": 120, "left": 0, "reason": ""}
        assert len(set(copies(dovecot))) == 120
        assert copies(dovecot) == kept(folder)
        assert {flags for flags, _ in dovecot.messages("news", "Sent")} == {"S"}
        _, again, _ = send(folder, sandbox, more, recipients=120)
        assert again is None
        assert len(copies(dovecot)) == 120


def test_mailbox_that_is_away_changes_no_state_and_is_filled_by_the_next_run(
    dovecot: servers.Imap, section: str, tmp_path: Path
) -> None:
    folder = tmp_path / "spring"
    away = section.replace(str(dovecot.port), "1")
    with Sandbox() as sandbox:
        summary, copied, _ = send(folder, sandbox, away + SAVE)
        assert summary.error is None
        assert summary.states[State.SENT] == 4
        assert copied is not None
        assert (copied.saved, copied.left) == (0, 4)
        assert "no connection" in copied.reason
        _, copied, _ = send(folder, sandbox, section + SAVE)
        assert copied == CopiesSaved(4, 0, "")
        assert len(sandbox.messages) == 4
    assert len(copies(dovecot)) == 4


def test_cut_connection_leaves_each_message_with_one_copy(
    dovecot: servers.Imap,
    section: str,
    account: ImapAccount,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "spring"
    with (
        Sandbox() as sandbox,
        capable("IMAP4rev1 AUTH=PLAIN", account, cut_at=b"APPEND") as cut,
    ):
        more = imap_section(cut.port, None, 'sent = "INBOX.Sent"\n')
        _, copied, _ = send(folder, sandbox, more + SAVE)
        assert copied == CopiesSaved(4, 0, "")
    assert len(set(copies(dovecot))) == 4


def test_copies_that_the_ledger_does_not_know_are_found_in_the_folder(
    dovecot: servers.Imap, section: str, tmp_path: Path
) -> None:
    folder = tmp_path / "spring"
    with Sandbox() as sandbox:
        send(folder, sandbox, section + SAVE)
        settings = Campaign.load(folder).settings
        with Ledger.of(settings) as ledger:
            assert ledger.copies(settings.name).owed() == 0
        forget(settings)
        with Ledger.of(settings) as ledger:
            assert ledger.copies(settings.name).owed() == 4
        _, copied, _ = send(folder, sandbox, section + SAVE)
        assert copied == CopiesSaved(0, 0, "")
    assert len(copies(dovecot)) == 4


def forget(settings: Settings) -> None:
    """Remove the record of all copies, as if the process had ended before it."""
    with closing(sqlite3.connect(settings.state_folder / "ledger.sqlite")) as database, database:
        database.execute("DELETE FROM saved_copy")


def test_full_mailbox_is_named_and_costs_no_recipient(
    certificates: servers.Certificates, tmp_path: Path
) -> None:
    folder = tmp_path / "spring"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(certificates.ca_file.read_bytes())
    with (
        servers.dovecot_imap({"news": "secret"}, certificates, quota="1k") as full,
        Sandbox() as sandbox,
    ):
        more = imap_section(full.port, Path("ca.pem"))
        summary, copied, _ = send(folder, sandbox, more + SAVE)
        assert summary.error is None
        assert summary.states[State.SENT] == 4
        assert copied is not None
        assert copied.saved + copied.left == 4
        assert copied.left
        assert "the mailbox is full" in copied.reason


def test_messages_that_were_sent_without_the_setting_get_no_copy(
    dovecot: servers.Imap, section: str, tmp_path: Path
) -> None:
    folder = tmp_path / "spring"
    with Sandbox() as sandbox:
        send(folder, sandbox, section)
        assert send(folder, sandbox, section + SAVE)[1] is None
    assert copies(dovecot) == []


def test_service_that_fills_the_folder_itself_needs_no_copies(tmp_path: Path) -> None:
    campaign = campaigns.make(
        tmp_path, more='[smtp]\nprovider = "gmail"\nusername = "a@b.example"\n'
    )
    assert files_sent(campaign.settings) == "Gmail"


def test_stopped_run_leaves_the_copies_of_earlier_runs(
    dovecot: servers.Imap, section: str, tmp_path: Path
) -> None:
    folder = tmp_path / "spring"
    away = section.replace(str(dovecot.port), "1")
    with Sandbox() as sandbox:
        send(folder, sandbox, away + SAVE)
        campaign = campaigns.make(folder, sandbox, section + SAVE, recipients=5)
        with campaigns.job_of(campaign, accept_changes=True) as job:
            for event in job.run():
                if type(event).__name__ == "Began":
                    job.stop()
            assert job.copied is not None
            assert job.copied.left >= 4
    assert len(copies(dovecot)) <= 1


def test_mailbox_that_is_not_known_is_an_error_before_anything_is_sent(tmp_path: Path) -> None:
    with Sandbox() as sandbox, pytest.raises(CampaignError) as caught:
        send(tmp_path / "spring", sandbox, SAVE)
    assert caught.value.problem.code == "no-imap-server"
    assert not sandbox.messages


def test_abandoned_copies_are_left_to_the_next_run(
    dovecot: servers.Imap, section: str, tmp_path: Path
) -> None:
    folder = tmp_path / "spring"
    with Sandbox() as sandbox:
        campaign = campaigns.make(folder, sandbox, section + SAVE)
        with campaigns.job_of(campaign) as job:
            for event in job.run():
                if isinstance(event, Sent):
                    job.stop()
                    job.stop()
            assert job.copied is not None
        _, copied, _ = send(folder, sandbox, section + SAVE, in_doubt="assume-sent")
        assert copied is None or copied.left == 0
    assert len(set(copies(dovecot))) == len(copies(dovecot)) == 4


def test_log_in_of_the_server_is_that_of_the_mailbox(
    dovecot: servers.Imap, certificates: servers.Certificates, tmp_path: Path
) -> None:
    folder = tmp_path / "spring"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(certificates.ca_file.read_bytes())
    imap = f'[imap]\nhost = "127.0.0.1"\nport = {dovecot.port}\nca_file = "ca.pem"\n'
    with serve(chain_file=str(certificates.chain_file), users={"news": "secret"}) as server:
        campaign = campaigns.make(folder, server, imap + SAVE)
        login = 'username = "news"\npassword_command = "echo secret"\n'
        smtp = f'security = "starttls"\nca_file = "ca.pem"\n{login}'
        file = folder / "campaign.toml"
        file.write_text(file.read_text().replace('security = "none"\n', smtp, 1))
        with campaigns.job_of(Campaign.load(folder)) as job:
            assert job.run_all().sent == 4
            assert job.copied == CopiesSaved(4, 0, "")
    assert campaign.name == "spring"
