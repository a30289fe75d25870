"""`send --to-drafts` and `save_sent` at the terminal, with a real Dovecot."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailmerge.cli.exit_status import ExitStatus
from mailmerge.sandbox import Sandbox
from tests import servers
from tests.cli.conftest import Call
from tests.jobs import campaigns

pytestmark = pytest.mark.real


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def spring(
    tmp_path: Path, server: Sandbox, dovecot: servers.Imap, certificates: servers.Certificates
) -> Path:
    """A campaign with a mailbox, which saves copies."""
    folder = tmp_path / "spring"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(certificates.ca_file.read_bytes())
    more = (
        f'[imap]\nhost = "127.0.0.1"\nport = {dovecot.port}\nusername = "news"\n'
        'password_command = "echo secret"\nca_file = "ca.pem"\n[delivery]\nsave_sent = true\n'
    )
    campaigns.make(folder, server, more)
    return folder


def test_drafts_are_made_once_and_count_as_pending(
    call: Call, spring: Path, dovecot: servers.Imap, server: Sandbox, tmp_path: Path
) -> None:
    shown = call("send", spring, "--to-drafts", "--yes", "--limit", "3")
    assert shown.exit_code == 0
    assert "the drafts of news at 127.0.0.1" in shown.stderr
    assert "Put 3 messages into your drafts" in shown.stdout
    document = json.loads(call("send", spring, "--to-drafts", "--yes", "--json").stdout)
    assert (document["drafted"], document["states"]["pending"]) == (1, 4)
    assert "copies" not in document
    assert len(dovecot.messages("news", "Drafts")) == 4
    again = call("send", spring, "--to-drafts", "--yes")
    assert "Nothing to send: the messages of 4 recipients are in your drafts" in again.stdout
    assert json.loads(call("status", spring, "--json").stdout)["drafted"] == 4
    assert "4  of them in your drafts" in call("status", spring).stdout
    call("status", spring, "--export", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text("utf-8-sig").count(",pending,") == 4
    assert not server.messages


def test_drafted_recipients_are_sent_on_request(
    call: Call, spring: Path, server: Sandbox, dovecot: servers.Imap
) -> None:
    call("send", spring, "--to-drafts", "--yes")
    assert "Nothing to send" in call("send", spring, "--yes").stdout
    sent = call("send", spring, "--yes", "--retry", "drafted")
    assert sent.exit_code == 0
    assert "  again      4 drafted\n" in sent.stderr
    assert "Copies in the Sent folder: 4." in sent.stdout
    assert len(server.messages) == len(dovecot.messages("news", "Sent")) == 4


def test_copies_that_fail_are_named_and_cost_no_recipient(call: Call, spring: Path) -> None:
    file = spring / "campaign.toml"
    text = file.read_text()
    file.write_text(text.replace("echo secret", "echo wrong"))
    sent = call("send", spring, "--yes")
    assert sent.exit_code == 0
    assert "4 messages without a copy in the Sent folder" in sent.stdout
    assert "refused the log-in" in sent.stdout
    file.write_text(text)
    document = json.loads(call("send", spring, "--yes", "--json").stdout)
    assert document["copies"] == {"saved": 4, "left": 0, "reason": ""}
    assert document["states"]["sent"] == 4


@pytest.mark.parametrize("other", [["--sandbox"], ["--test-to", "me@example.org"]])
def test_drafts_exclude_other_targets(call: Call, spring: Path, other: list[str]) -> None:
    refused = call("send", spring, "--to-drafts", *other)
    assert refused.exit_code == ExitStatus.USAGE
    assert "--to-drafts sends nothing" in refused.stderr


def test_drafts_need_a_confirmation(call: Call, spring: Path, dovecot: servers.Imap) -> None:
    declined = call("send", spring, "--to-drafts")
    assert declined.exit_code == ExitStatus.USAGE
    assert "there is no terminal to ask" in declined.stderr
    assert dovecot.messages("news", "Drafts") == []


def test_service_that_fills_the_folder_itself_is_named(call: Call, spring: Path) -> None:
    for name in ("campaign.toml", "recipients.csv"):
        path = spring / name
        path.write_text(path.read_text().replace("example.org", "x-firma.de"))
    assert call("send", spring, "--yes").exit_code == 0
    file = spring / "campaign.toml"
    smtp = '[smtp]\nprovider = "gmail"\nusername = "news@x-firma.de"\n[imap]'
    file.write_text(re.sub(r"\[smtp\].*\[imap\]", smtp, file.read_text(), flags=re.DOTALL))
    shown = call("send", spring, "--yes", "--accept-changes")
    assert "Gmail fills the Sent folder itself: save_sent is not needed." in shown.stdout
