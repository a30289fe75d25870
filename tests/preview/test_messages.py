"""The messages that the preview shows: each is made once, and the oldest are forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.preview.messages import ShownMessages
from mailmerge.preview.snapshot import CampaignSnapshot, take_snapshot
from mailmerge.recipients.audience import Recipient
from tests.preview.campaigns import write_campaign

Case = tuple[ShownMessages, list[Recipient]]


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """The messages of a campaign, of which two are kept, and its recipients."""
    snapshot = take_snapshot(write_campaign(tmp_path / "campaign"), CampaignSnapshot())
    assert snapshot.messages is not None
    recipients = [one for row in snapshot.rows if (one := snapshot.recipient(row))]
    return ShownMessages(snapshot.messages.factory, kept=2), recipients


def test_a_message_is_made_once(case: Case) -> None:
    messages, [anna, *_] = case
    shown = messages.find(anna)
    assert shown.recipient is anna
    assert b"Dear Anna Schmidt," in bytes(shown)
    assert messages.find(anna) is shown
    assert bytes(messages.factory.sample(anna)) == bytes(shown)


def test_the_oldest_message_is_forgotten(case: Case) -> None:
    messages, [first, second, third, *_] = case
    oldest, newer = messages.find(first), messages.find(second)
    messages.find(third)
    assert messages.find(second) is newer
    assert messages.find(first) is not oldest
