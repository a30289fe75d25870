"""A renamed folder was "another content", and a new `campaign.name` did not begin a new mailing."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.sandbox import Sandbox
from tests.campaign_folder import CampaignFolder, Finished, make_campaign_folder

NOTHING = "Nothing to send: all recipients are done."


@pytest.fixture
def folder(tmp_path: Path, sandbox: Sandbox) -> CampaignFolder:
    return make_campaign_folder(tmp_path / "november", port=sandbox.server.port)


def send(folder: CampaignFolder, *options: str) -> Finished:
    return folder.run("send", "--yes", *options)


def renamed(folder: CampaignFolder, name: str) -> CampaignFolder:
    return CampaignFolder(folder.path.rename(folder.path.with_name(name)), folder.sections)


def received(sandbox: Sandbox) -> list[str]:
    return sorted(str(message["To"]) for message in sandbox.messages)


def test_a_renamed_folder_goes_on(folder: CampaignFolder, sandbox: Sandbox) -> None:
    assert send(folder, "--limit", "1").status == 0
    folder = renamed(folder, "spring mailing")
    done = send(folder)
    assert (done.status, len(sandbox.messages)) == (0, 2)
    folder = renamed(folder, "archive")
    again = send(folder)
    assert (again.status, NOTHING in again.out, len(sandbox.messages)) == (0, True, 2)
    assert "2  sent" in folder.run("status").out


@pytest.mark.long
def test_a_renamed_folder_is_noticed_if_messages_show_its_name(
    folder: CampaignFolder, sandbox: Sandbox
) -> None:
    folder.configure(message={"subject": '"{{ campaign.name }}: hello"'})
    assert send(folder, "--limit", "1").status == 0
    folder = renamed(folder, "december")
    again = send(folder)
    assert (again.status, "content changed: campaign.toml (1 already" in again.err) == (2, True)
    assert send(folder, "--accept-changes").status == 0
    assert [str(one["Subject"]) for one in sandbox.messages] == [
        "november: hello",
        "december: hello",
    ]


def test_another_name_is_another_mailing_after_a_question(
    folder: CampaignFolder, sandbox: Sandbox
) -> None:
    folder.configure(campaign={"name": '"november"'})
    assert send(folder).status == 0
    folder.configure(campaign={"name": '"december"'})
    refused = send(folder)
    assert refused.status == 2
    assert 'campaign.name is now "december", but this folder has sent "november"' in refused.err
    assert 'use --accept-changes to begin "december", or write name = "november"' in refused.err
    assert len(sandbox.messages) == 2
    assert "Nothing has been sent yet." in folder.run("status").out

    assert send(folder, "--accept-changes").status == 0
    assert received(sandbox) == [
        "ann@x-firma.de",
        "ann@x-firma.de",
        "bob@x-firma.de",
        "bob@x-firma.de",
    ]
    assert len({str(one["Message-ID"]) for one in sandbox.messages}) == 4
    assert "2  sent" in folder.run("status").out
    assert NOTHING in send(folder).out


@pytest.mark.long
def test_an_earlier_name_goes_on_with_its_mailing(folder: CampaignFolder, sandbox: Sandbox) -> None:
    folder.configure(campaign={"name": '"november"'})
    assert send(folder, "--limit", "1").status == 0
    folder.configure(campaign={"name": '"december"'})
    assert send(folder, "--accept-changes", "--limit", "1").status == 0
    folder.configure(campaign={"name": '"november"'})
    assert send(folder).status == 0
    assert len(sandbox.messages) == 3
    folder.configure(campaign={"name": ""})
    assert send(folder).status == 0, "without a name, the folder goes on with its last mailing"
    assert len(sandbox.messages) == 4
    assert NOTHING in send(folder).out


@pytest.mark.long
def test_a_name_for_an_unnamed_campaign_is_asked_for(
    folder: CampaignFolder, sandbox: Sandbox
) -> None:
    assert send(folder).status == 0
    folder.configure(campaign={"name": '"news"'})
    refused = send(folder)
    assert (refused.status, 'has sent "november"' in refused.err) == (2, True)
    folder.configure(campaign={"name": '"november"'})
    assert NOTHING in send(folder).out
    assert len(sandbox.messages) == 2


@pytest.mark.long
def test_a_campaign_that_sent_nothing_takes_any_name(
    tmp_path: Path, folder: CampaignFolder, sandbox: Sandbox
) -> None:
    folder.configure(smtp={"port": "9"})
    assert send(folder).status != 0
    folder.configure(campaign={"name": '"december"'}, smtp={"port": str(sandbox.server.port)})
    assert send(folder).status == 0
    assert len(sandbox.messages) == 2
