"""The messages that the preview shows: made once, and the oldest forgotten."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.preview.draft import Draft, read_draft
from mailmerge.preview.messages import ShownMessages
from mailmerge.recipients.audience import Recipient
from tests.preview.campaigns import write_campaign


@pytest.fixture
def recipients(tmp_path: Path) -> tuple[ShownMessages, list[Recipient]]:
    """The messages of a campaign, of which two are kept, and its recipients."""
    draft = read_draft(write_campaign(tmp_path / "campaign"), Draft())
    assert draft.messages is not None
    found = [recipient for one in draft.people if (recipient := draft.recipient(one))]
    return ShownMessages(draft.messages.factory, kept=2), found


def test_message_is_made_once(recipients: tuple[ShownMessages, list[Recipient]]) -> None:
    messages, [anna, *_] = recipients
    shown = messages.find(anna)
    assert shown.recipient is anna
    assert b"Dear Anna Schmidt," in bytes(shown)
    assert messages.find(anna) is shown
    assert bytes(messages.factory.sample(anna)) == bytes(shown)


def test_oldest_message_is_forgotten(recipients: tuple[ShownMessages, list[Recipient]]) -> None:
    messages, [first, second, third, *_] = recipients
    oldest, newer = messages.find(first), messages.find(second)
    messages.find(third)
    assert messages.find(second) is newer
    assert messages.find(first) is not oldest
