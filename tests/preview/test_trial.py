from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from mailmerge.campaign import Campaign
from mailmerge.errors import (
    AddressError,
    CampaignError,
    LocalProtocolError,
    ServerRefused,
    ServerUnreachable,
)
from mailmerge.preview import caught
from mailmerge.preview.draft import Draft, read_draft
from mailmerge.preview.messages import ShownMessage
from mailmerge.preview.trial import send_trial
from mailmerge.sandbox import Sandbox
from tests.preview.campaigns import CAMPAIGN, write_campaign

ROW = "anna@example.org"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "state" / "sandbox") as running:
        yield running


def made_and_campaign(folder: Path, port: int) -> tuple[ShownMessage, Campaign]:
    smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
    draft = read_draft(write_campaign(folder, campaign=CAMPAIGN + smtp), Draft())
    person = draft.people.find(ROW)
    assert person is not None
    recipient = draft.recipient(person)
    assert recipient is not None
    assert draft.messages is not None
    assert draft.campaign is not None
    return draft.messages.find(recipient), draft.campaign


def test_exactly_these_octets_go_to_the_address_that_was_typed(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    made, campaign = made_and_campaign(tmp_path / "campaign", sandbox.server.port)
    reply = send_trial(campaign, made, "bounces@example.org", " me@example.net ")
    assert reply.startswith("250 ")
    maildir = caught.Sandbox(tmp_path / "state")
    (only,), total = maildir.page(0, 10)
    assert total == 1
    kept = maildir.open(only.name)
    assert kept is not None
    assert kept.forward_path == "me@example.net"
    assert kept.reverse_path == "bounces@example.org"
    assert kept.octets == bytes(made)


@pytest.mark.parametrize("address", [ROW, "Anna@EXAMPLE.org", f"  {ROW}"])
def test_never_to_the_address_of_the_row(tmp_path: Path, sandbox: Sandbox, address: str) -> None:
    made, campaign = made_and_campaign(tmp_path / "campaign", sandbox.server.port)
    with pytest.raises(AddressError, match="row itself"):
        send_trial(campaign, made, "bounces@example.org", address)
    assert len(sandbox.messages) == 0


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@example.org, b@example.org", "a@b\r\nRCPT TO:<x@y.z>"]
)
def test_what_is_not_one_mailbox_is_refused(tmp_path: Path, sandbox: Sandbox, address: str) -> None:
    made, campaign = made_and_campaign(tmp_path / "campaign", sandbox.server.port)
    with pytest.raises(AddressError):
        send_trial(campaign, made, "bounces@example.org", address)
    assert len(sandbox.messages) == 0


class Refusing:
    """A server that wants nobody, or nothing."""

    def __init__(self, *, recipient: str = "", content: str = "") -> None:
        self.recipient, self.content = recipient, content

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not self.recipient:
            envelope.rcpt_tos.append(address)
        return self.recipient or "250 2.1.5 fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return self.content


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (Refusing(recipient="550 5.1.1 no such person"), r"550 .*no such person"),
        (Refusing(content="451 4.3.0 not now"), r"451 .*not now"),
    ],
)
def test_what_the_server_says_against_it_is_told(
    tmp_path: Path, handler: Refusing, words: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        made, campaign = made_and_campaign(tmp_path / "campaign", port)
        with pytest.raises(ServerRefused, match=words):
            send_trial(campaign, made, "bounces@example.org", "me@example.net")
    finally:
        controller.stop()


def test_our_own_slip_leaves_no_connection_open(tmp_path: Path, sandbox: Sandbox) -> None:
    made, campaign = made_and_campaign(tmp_path / "campaign", sandbox.server.port)
    with pytest.raises(LocalProtocolError):
        send_trial(campaign, made, "not a reverse path", "me@example.net")
    assert len(sandbox.messages) == 0


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    made, campaign = made_and_campaign(tmp_path, 1)
    with pytest.raises(ServerUnreachable):
        send_trial(campaign, made, "bounces@example.org", "me@example.net")


def test_a_campaign_without_a_server_says_what_to_write(tmp_path: Path) -> None:
    made, campaign = made_and_campaign(tmp_path, 1)
    nameless = replace(campaign, smtp=campaign.smtp.model_copy(update={"host": ""}))
    with pytest.raises(CampaignError, match="no server"):
        send_trial(nameless, made, "bounces@example.org", "me@example.net")
