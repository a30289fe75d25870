"""One test message at once: the same message as that of a job to TestTo."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailmerge.campaign import Campaign
from mailmerge.errors import AddressError, CampaignError, RunStopped, ServerRefused
from mailmerge.jobs.targets import RealServer, TestTo
from mailmerge.jobs.test_message import send_test_message
from mailmerge.recipients.recipient import Recipient
from mailmerge.sandbox import Sandbox
from tests.jobs.campaigns import make, send
from tests.scripted_server import Reply, Rule, Stage, When, serve

ME = "me@example.net"


def send_to_me(campaign: Campaign, address: str = ME) -> str:
    first: Recipient = campaign.recipients()[0]
    return send_test_message(campaign.settings, campaign.messages, first, address)


def test_reply_of_the_server_is_returned(campaign: Campaign, server: Sandbox) -> None:
    assert send_to_me(campaign).startswith("250 2.0.0 kept as ")
    [message] = server.messages
    assert (message["To"], message["Subject"]) == (ME, "[test for u0@example.org] Hello U0")


def without_identity(text: str) -> str:
    return re.sub(r"^(Message-ID|Date): .*\n", "", text, flags=re.MULTILINE)


def test_job_to_test_to_sends_the_same(campaign: Campaign, server: Sandbox) -> None:
    send_to_me(campaign)
    send(campaign, TestTo(ME, RealServer.of_settings(campaign.settings), 1))
    alone, of_a_job = server.messages
    assert without_identity(alone.as_string()) == without_identity(of_a_job.as_string())
    assert alone["Message-ID"] != of_a_job["Message-ID"]


def test_both_kinds_share_the_quota(tmp_path: Path, server: Sandbox) -> None:
    campaign = make(tmp_path / "spring", server, '[delivery]\nrate = "2/day"\n')
    send_to_me(campaign)
    send(campaign, TestTo(ME, RealServer.of_settings(campaign.settings), 1))
    with pytest.raises(RunStopped) as raised:
        send_to_me(campaign)
    assert raised.value.problem.code == "quota"
    assert len(server.messages) == 2


def test_refusal_is_an_error_with_the_reply(tmp_path: Path) -> None:
    refusing = Rule(When(Stage.RCPT), (Reply(550, "5.1.1 No such mailbox"),))
    with serve(refusing) as server, pytest.raises(ServerRefused, match="No such mailbox"):
        send_to_me(make(tmp_path / "spring", server))


def test_own_address_of_the_row_is_refused(campaign: Campaign, server: Sandbox) -> None:
    with pytest.raises(AddressError, match="row itself"):
        send_to_me(campaign, "U0@example.org")
    assert len(server.messages) == 0


def test_campaign_without_a_server_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CampaignError) as raised:
        send_to_me(make(tmp_path / "spring"))
    assert raised.value.problem.code == "no-server"
