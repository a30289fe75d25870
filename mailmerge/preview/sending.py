"""Send a test message: one recipient's message to an address that the user typed."""

from __future__ import annotations

from mailmerge.jobs import test_message
from mailmerge.preview.snapshot import CampaignSnapshot
from mailmerge.recipients.audience import Recipient


def send_test_message(
    snapshot: CampaignSnapshot, recipient: Recipient, address: str, password: str = ""
) -> str:
    """Send the recipient's message to `address` and return the server's reply.

    `password` is used if none is stored.

    Raises:
        MailmergeError: as `mailmerge.jobs.test_message.send_test_message`.
    """
    assert snapshot.campaign is not None
    assert snapshot.messages is not None
    return test_message.send_test_message(
        snapshot.campaign, snapshot.messages.factory, recipient, address, password=password
    )
