"""A campaign that was really sent, and the mails that come back about it."""

from __future__ import annotations

import email
import email.policy
from dataclasses import dataclass
from pathlib import Path

from mailmerge.campaign import Campaign
from mailmerge.ledger.ledger import Ledger
from mailmerge.ledger.states import Delivery
from mailmerge.mailbox.sources import ReceivedMail, received
from mailmerge.sandbox import Sandbox
from mailmerge.settings import Settings
from tests.jobs import campaigns

UNSUBSCRIBE = '[message.unsubscribe]\nmailto = "unsubscribe@example.org"\n'
_AS_IT_IS = email.policy.default.clone(refold_source="none")
NOT_OURS = "0123456789abcdef0123456789abcdef@example.org"


@dataclass(frozen=True)
class SentCampaign:
    """A campaign folder whose four recipients u0 to u3 were sent their message."""

    settings: Settings
    messages: dict[str, bytes]

    def deliveries(self) -> dict[str, Delivery]:
        """The deliveries by address, as a report reads them."""
        reader = Ledger.read(self.settings)
        assert reader is not None
        return {one.address: one for one in reader.iterate()}

    def message_id(self, number: int) -> str:
        """The Message-ID of a recipient, without angle brackets."""
        return self.deliveries()[f"u{number}@example.org"].message_id.strip("<>")

    def header(self, number: int) -> bytes:
        """The header of the message of a recipient, with LF."""
        raw = self.messages[f"u{number}@example.org"].replace(b"\r\n", b"\n")
        return raw.partition(b"\n\n")[0] + b"\n"

    @property
    def suppressed(self) -> dict[str, str]:
        """The addresses on the suppression list, with their reasons."""
        from mailmerge.recipients.suppression import SuppressionList

        return {
            one.address: one.cells["reason"] for one in SuppressionList.of(self.settings).entries()
        }


def send_campaign(folder: Path, more: str = "", message: str = "") -> SentCampaign:
    """Send a campaign of four to a server on this machine; `message` are keys of [message]."""
    with Sandbox() as sandbox:
        campaign = campaigns.make(folder, sandbox, more)
        if message:
            file = folder / "campaign.toml"
            file.write_text(file.read_text().replace("[message]\n", f"[message]\n{message}"))
            campaign = Campaign.load(folder)
        if "unsubscribe" in more:
            from mailmerge.unsubscribe_links import add_key

            add_key(folder / "unsubscribe.key")
        campaigns.send(campaign)
        messages = {
            str(email.message_from_bytes(raw)["To"]): raw
            for raw in (one.as_bytes(policy=_AS_IT_IS) for one in sandbox.messages)
        }
    return SentCampaign(Campaign.load(folder).settings, messages)


def report(
    returned: bytes,
    recipient: str,
    *,
    status: str = "5.1.1",
    action: str = "failed",
    said: str = "550 5.1.1 <user>: Recipient address rejected: User unknown",
    more: str = "",
) -> bytes:
    """A delivery report as RFC 3464 has it, with the header of the message that came back."""
    head = f"""\
Return-Path: <>
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: news@example.org
Subject: Undelivered Mail Returned to Sender
Date: {NOW_FIELD}
Auto-Submitted: auto-replied
Message-Id: <20261127090000.ABCDEF@mx.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

This is the mail system at host mx.example.net.

<{recipient}>: host 192.0.2.1 said: {said} (in reply to RCPT TO command)

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
{more}
Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {said}

--b1
Content-Type: text/rfc822-headers

"""
    return head.encode() + returned + b"\n--b1--\n"


NOW_FIELD = email.utils.formatdate()


def mail(header: str, body: str = "Hello.\n") -> bytes:
    """A plain mail with these fields."""
    return f"{header.strip()}\nDate: {NOW_FIELD}\n\n{body}".encode()


def as_received(*raws: bytes) -> list[ReceivedMail]:
    """Received mails of some bytes."""
    return [received(raw) for raw in raws]
