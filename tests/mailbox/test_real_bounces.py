"""Postfix, Exim and OpenSMTPD bounce real messages of ours, and each bounce is understood.

The server under test takes the campaign and relays it to a server that refuses each recipient in
another way. It writes the bounces in its own words, and relays them to the same place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from mailmerge.campaign import Campaign
from mailmerge.mailbox.reasons import Reason
from mailmerge.mailbox.replies import collect_replies
from mailmerge.mailbox.sources import received
from tests import servers
from tests.jobs import campaigns
from tests.mailbox.sending import SentCampaign

pytestmark = pytest.mark.real

REFUSALS = {
    "unknown": "550 5.1.1 <unknown@example.org>: Recipient address rejected: User unknown",
    "full": "552 5.2.2 <full@example.org>: mailbox full",
    "big": "552 5.3.4 Message size exceeds fixed limit",
    "relay": "554 5.7.1 <relay@example.org>: Relay access denied",
    "late": "450 4.2.0 <late@example.org>: please try again later",
}
SENDER = "news@example.org"
REASONS = {
    "unknown": "no-such-address",
    "full": "mailbox-full",
    "big": "too-big",
    "relay": "relay-denied",
}


class Destination:
    """Refuses the recipients of the campaign, and keeps what comes for the sender."""

    def __init__(self) -> None:
        self.bounces: list[bytes] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = REFUSALS.get(address.partition("@")[0])
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if envelope.rcpt_tos == [SENDER]:
            content = envelope.content
            assert isinstance(content, bytes)
            self.bounces.append(content)
        return "250 2.0.0 Ok"


@pytest.fixture
def destination() -> Iterator[tuple[Destination, int]]:
    handler = Destination()
    controller = Controller(handler, hostname="127.0.0.1", port=servers.free_port())
    controller.start()
    yield handler, controller.port
    controller.stop()


def postfix(port: int) -> AbstractContextManager[Any]:
    settings = servers.Settings(
        keep=False,
        extra={
            "default_transport": "smtp",
            "relayhost": f"[127.0.0.1]:{port}",
            "smtp_host_lookup": "native",
            "maximal_queue_lifetime": "0",
            "bounce_queue_lifetime": "1h",
        },
    )
    return servers.postfix(settings)


def exim(port: int) -> AbstractContextManager[Any]:
    return servers.exim(relay_port=port)


def opensmtpd(port: int) -> AbstractContextManager[Any]:
    return servers.opensmtpd(port, lifetime="3s")


@pytest.mark.parametrize("start", [postfix, exim, opensmtpd])
def test_every_bounce_of_a_real_server_is_understood(
    start: Callable[[int], AbstractContextManager[Any]],
    destination: tuple[Destination, int],
    tmp_path: Path,
) -> None:
    handler, port = destination
    with start(port) as server:
        sent = send(tmp_path / "spring", server.port)
        servers.wait_until(
            lambda: len(handler.bounces) >= len(REFUSALS),
            "the bounces",
            log=lambda: f"{server.log}\n{handler.bounces}",
        )
    found = collect_replies(sent.settings, [received(raw) for raw in handler.bounces])
    assert found.counts["matched"] == len(handler.bounces)
    assert found.counts["not_ours"] == 0
    after = {address.partition("@")[0]: one.after for address, one in sent.deliveries().items()}
    for name in REFUSALS:
        fact = after[name]
        assert fact is not None, name
        assert (fact.kind, fact.hard) == ("bounced", name == "unknown"), (name, fact)
    assert set(sent.suppressed) == {"unknown@example.org"}
    shown = {one.address.partition("@")[0]: one for one in found.replies}
    for name, reason in REASONS.items():
        assert Reason(reason).words in shown[name].reason


def send(folder: Path, port: int) -> SentCampaign:
    """Send the campaign to the server under test."""
    folder.mkdir()
    (folder / "campaign.toml").write_text(
        campaigns.CAMPAIGN + f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
    )
    rows = "".join(f"{name}@example.org,{name}\n" for name in REFUSALS)
    (folder / "recipients.csv").write_text("email,name\n" + rows)
    (folder / "body.txt").write_text("Dear {{ name }},\n\nspring is here.\n")
    campaign = Campaign.load(folder)
    campaigns.send(campaign)
    return SentCampaign(campaign.settings, {})
