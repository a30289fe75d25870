"""What the tests of the ledger share: a campaign to keep a ledger of."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailmerge.campaign import Campaign
from tests.engine.driver import make_campaign


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    """A campaign of one text."""
    return make_campaign(tmp_path / "campaign")
