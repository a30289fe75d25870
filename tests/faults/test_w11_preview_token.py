"""The preview's secret token is on the browser's command line, and stays the same for ever."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import sys
import threading
from pathlib import Path
from urllib.request import urlopen

import pytest

from mailmerge.preview.saved_address import load_address
from mailmerge.preview.serve import serve_preview
from mailmerge.preview.server import open_server
from mailmerge.preview.session import PreviewSession
from tests.preview.campaigns import until, write_campaign


def answers(folder: Path) -> bool:
    """Whether the preview of a folder serves, and so handles signals."""
    port, _ = load_address(folder / ".mailmerge")
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as probe:
            probe.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return bool(probe.recv(1))
    except OSError:
        return False


@pytest.mark.skipif(sys.platform == "win32", reason="the browser is a shell script")
def test_browser_gets_a_private_file_and_not_the_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {seen}.part && mv {seen}.part {seen}\n')
    browser.chmod(0o700)
    monkeypatch.setenv("BROWSER", str(browser))
    folder, said = write_campaign(tmp_path / "c"), list[str]()
    pages: list[tuple[int, str]] = []

    def look() -> None:
        until(seen.exists)
        path = Path(seen.read_text().strip().removeprefix("file://"))
        pages.append((stat.S_IMODE(path.stat().st_mode), path.read_text()))
        until(lambda: answers(folder))
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=look).start()
    serve_preview(folder, open_browser=True, say=said.append)
    (arguments,) = seen.read_text().split()
    token = load_address(folder / ".mailmerge")[1]
    assert arguments.startswith("file://")
    assert token not in arguments
    [(mode, page)] = pages
    assert mode == 0o600
    address = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
    assert address is not None
    assert address[1] in said[-1]
    assert token in address[1]
    assert not list((folder / ".mailmerge").glob("open-*"))


def test_stranger_on_the_port_gets_no_valid_token(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path)
    with open_server(PreviewSession(folder)) as server:
        first = server.access
    with socket.create_server(("127.0.0.1", first.port)):
        with open_server(PreviewSession(folder)) as server:
            second = server.access
        assert second.port != first.port
        assert second.token != first.token
    with open_server(PreviewSession(folder), first.port) as server:
        assert server.access.token not in (first.token, second.token)


def test_deeply_nested_request_is_a_bad_request(tmp_path: Path) -> None:
    from urllib.error import HTTPError
    from urllib.request import Request

    with open_server(PreviewSession(write_campaign(tmp_path)), watch=False) as server:
        thread = threading.Thread(target=server.serve_until_stopped)
        thread.start()
        until(lambda: server.started)
        origin = f"http://127.0.0.1:{server.access.port}"
        request = Request(
            f"{server.access.address}api/test",
            data=b"[" * 30_000 + b"]" * 30_000,
            headers={"Content-Type": "application/json", "Origin": origin},
        )
        with pytest.raises(HTTPError) as caught:
            urlopen(request)
        server.should_exit = True
        thread.join(60)
    assert caught.value.code == 400
    caught.value.close()
