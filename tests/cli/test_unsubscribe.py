"""mailmerge unsubscribe-key, and the options of unsubscribe-server."""

from __future__ import annotations

import http.client
import signal
import socket
import threading
import time
from pathlib import Path

from mailmerge.unsubscribe_links import read_key_file
from tests.cli.conftest import Call

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
SECTION = '\n[message.unsubscribe]\nurl = "https://news.x-firma.de/u"\n'


def _with_links(campaign: Path, more: str = "") -> Path:
    settings = campaign / "campaign.toml"
    settings.write_text(settings.read_text("utf-8") + SECTION + more, "utf-8")
    return campaign


def test_key_is_made_and_a_second_one_is_added(call: Call, campaign: Path) -> None:
    _with_links(campaign)
    assert "Added a key to unsubscribe.key" in call("unsubscribe-key", campaign).stderr
    first = (campaign / "unsubscribe.key").read_text("ascii").split()
    assert call("unsubscribe-key", campaign).exit_code == 0
    both = (campaign / "unsubscribe.key").read_text("ascii").split()
    assert (len(first), len(both)) == (1, 2)
    assert set(first) < set(both)


def test_campaign_without_links_has_no_key(call: Call, campaign: Path) -> None:
    done = call("unsubscribe-key", campaign)
    assert done.exit_code == 2
    assert "the campaign uses no key file (add [message.unsubscribe]" in done.stderr
    _with_links(campaign, 'secret_command = "echo secret"\n')
    assert call("unsubscribe-key", campaign).exit_code == 2


class _Click(threading.Thread):
    """Clicks a link of the server of this process, then stops the server as Ctrl-C does.

    Elsewhere SIGINT is ignored until `end`, so that it stops nothing but the server.
    """

    def __init__(self, path: str) -> None:
        super().__init__(daemon=True)
        self.port, self._path = _free_port(), path
        self.status = 0
        self._ended = threading.Event()
        self._before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.start()

    def run(self) -> None:
        for _ in range(1200):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            try:
                connection.request("POST", self._path, b"List-Unsubscribe=One-Click", _FORM)
                self.status = connection.getresponse().status
                break
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
            finally:
                connection.close()
        while not self._ended.is_set():
            signal.raise_signal(signal.SIGINT)
            self._ended.wait(0.5)

    def end(self) -> None:
        self._ended.set()
        self.join(20)
        signal.signal(signal.SIGINT, self._before)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_server_of_a_campaign_writes_its_list(call: Call, campaign: Path) -> None:
    _with_links(campaign)
    call("unsubscribe-key", campaign)
    keys = read_key_file(campaign / "unsubscribe.key")
    click = _Click(f"/u/{keys.token('spring', 'ann@x-firma.de', 'ann@x-firma.de')}")
    done = call("unsubscribe-server", campaign, "--port", click.port)
    click.end()
    assert (
        click.status,
        f"Unsubscribe server at http://127.0.0.1:{click.port}" in done.stderr,
    ) == (200, True)
    assert "ann@x-firma.de" in (campaign / "suppressed.csv").read_text("utf-8")


def test_server_with_a_copied_key_needs_no_campaign(call: Call, tmp_path: Path) -> None:
    key, listed = tmp_path / "copied.key", tmp_path / "others.csv"
    key.write_text("k" * 40, "ascii")
    keys = read_key_file(key)
    click = _Click(f"/u/{keys.token('spring', 'ann@x-firma.de', 'ann@x-firma.de')}")
    call("unsubscribe-server", "--key-file", key, "--list", listed, "--port", click.port)
    click.end()
    assert click.status == 200
    assert "ann@x-firma.de" in listed.read_text("utf-8")


def test_port_that_is_taken_is_named(call: Call, tmp_path: Path) -> None:
    key = tmp_path / "copied.key"
    key.write_text("k" * 40, "ascii")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        done = call("unsubscribe-server", "--key-file", key, "--port", port)
    assert done.exit_code != 0
    assert f"127.0.0.1 port {port} cannot be used" in done.stderr


def test_list_belongs_to_a_key_file(call: Call, campaign: Path) -> None:
    done = call("unsubscribe-server", campaign, "--list", "suppressed.csv")
    assert (done.exit_code, "--list needs --key-file" in done.stderr) == (2, True)
