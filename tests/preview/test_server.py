from __future__ import annotations

import socket
import threading
from pathlib import Path
from urllib.request import urlopen

import pytest

from mailmerge.errors import CampaignError
from mailmerge.preview.saved_address import load_address
from mailmerge.preview.server import open_server
from mailmerge.preview.session import PreviewSession, SessionEvent
from tests.preview.campaigns import until, write_campaign


def test_the_same_port_and_token_are_used_the_next_time(tmp_path: Path) -> None:
    session = PreviewSession(write_campaign(tmp_path))
    with open_server(session) as server:
        first = server.access
        assert load_address(tmp_path / ".mailmerge") == (first.port, first.token)
    with open_server(session) as server:
        assert server.access == first


def test_a_second_preview_gets_another_port(tmp_path: Path) -> None:
    session = PreviewSession(write_campaign(tmp_path))
    with open_server(session) as first, open_server(session) as second:
        assert first.access.port != second.access.port


def test_a_port_in_use_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(CampaignError, match=f"port {port} is in use"),
            open_server(PreviewSession(tmp_path), port),
        ):
            pass


def test_the_server_listens_on_loopback_only(tmp_path: Path) -> None:
    with open_server(PreviewSession(write_campaign(tmp_path))) as server:
        port = server.access.port
        assert server.access.address.startswith(f"http://127.0.0.1:{port}/")
        with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=2):
            pass
        with socket.create_connection(("127.0.0.1", port), timeout=60):
            pass


def test_stopping_ends_open_event_streams(tmp_path: Path) -> None:
    session = PreviewSession(write_campaign(tmp_path))
    events: list[SessionEvent] = []
    session.subscribe(events.append)
    with open_server(session, watch=False) as server:
        thread = threading.Thread(target=server.serve_until_stopped)
        thread.start()
        until(lambda: server.started)
        with urlopen(f"{server.access.address}events") as stream:
            assert stream.readline() == b": connected\n"
            server.should_exit = True
            assert b"event" not in stream.read()
        thread.join(60)
        assert not thread.is_alive()
    assert events == ["closed"]
