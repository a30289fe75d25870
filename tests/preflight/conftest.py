"""A campaign folder that a test spoils, and a server on loopback that counts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from tests import servers
from tests.campaign_folder import make_campaign_folder
from tests.preflight.checked import CountingServer, Folder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    """A campaign in which nothing is wrong."""
    server = CountingServer()
    port = servers.free_port()
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    made = make_campaign_folder(tmp_path / "campaign", port=port)
    yield Folder(made.path, made.sections, server, port)
    controller.stop()
