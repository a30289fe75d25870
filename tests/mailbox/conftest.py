"""A sent campaign for the tests of received mails."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mailbox.sending import UNSUBSCRIBE, SentCampaign, send_campaign


@pytest.fixture
def sent(tmp_path: Path) -> SentCampaign:
    """A campaign with unsubscribe links that was sent to u0, u1, u2 and u3 at example.org."""
    return send_campaign(tmp_path / "spring", UNSUBSCRIBE)
