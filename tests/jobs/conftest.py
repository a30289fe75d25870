"""A server, and a campaign that uses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailmerge.campaign import Campaign
from mailmerge.sandbox import Sandbox
from tests.jobs.campaigns import make


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sandbox]:
    """The server of the account."""
    with Sandbox(tmp_path / "real") as running:
        yield running


@pytest.fixture
def campaign(tmp_path: Path, server: Sandbox) -> Campaign:
    """Four recipients and a server."""
    return make(tmp_path / "spring", server)
