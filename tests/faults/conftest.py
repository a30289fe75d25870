"""Servers for whole runs, and processes that may be killed as in the tests of the engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailmerge.sandbox import Sandbox
from tests.engine.conftest import start_job
from tests.scripted_server import ScriptedServer, serve

__all__ = ["start_job"]


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """The built-in server."""
    with Sandbox(tmp_path / "received") as server:
        yield server


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that accepts everything."""
    with serve() as running:
        yield running
