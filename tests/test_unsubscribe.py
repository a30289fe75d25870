"""The unsubscribe server: a real process on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import date
from http.client import HTTPException
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmerge.errors import CampaignError
from mailmerge.recipients.suppression import SuppressionList
from mailmerge.recipients.suppression_writer import SuppressionWriter
from mailmerge.unsubscribe import UnsubscribeApp, open_app
from mailmerge.unsubscribe_links import UnsubscribeKeys
from tests.unsubscribe_server import ONE_CLICK, RunningServer, running_server

KEY = "k" * 40
KEYS = UnsubscribeKeys(KEY)


def token(address: str = "ann@example.org") -> str:
    return KEYS.token("spring", address, address)


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server") / "suppressed.csv"


@pytest.fixture(scope="module")
def server(listed: Path) -> Iterator[RunningServer]:
    key = listed.with_name("copied.key")
    key.write_text(KEY)
    with running_server(key, listed, "--rate", "0") as running:
        yield running


def test_get_and_head_never_unsubscribe(server: RunningServer, listed: Path) -> None:
    status, page, fields = server.ask("GET", token("get@example.org"))
    assert (status, "<button" in page, 'method="post"' in page) == (200, True, True)
    assert fields["Set-Cookie"] is None
    assert fields["Cache-Control"] == "no-store"
    assert "example.org" not in page
    assert server.ask("HEAD", token("get@example.org"))[0] == 200
    assert server.ask("POST", token("get@example.org"), b"x=y")[0] == 200
    assert "get@example.org" not in SuppressionList(listed).identities()


def test_post_unsubscribes_once(server: RunningServer, listed: Path) -> None:
    for _ in range(3):
        status, page, _ = server.ask("POST", token(), ONE_CLICK)
        assert (status, "<h1>Unsubscribed</h1>" in page) == (200, True)
        assert listed.read_text().count("ann@example.org") == 1


def test_post_takes_a_multipart_form(server: RunningServer, listed: Path) -> None:
    body = (
        b'--xyz\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n'
        b"--xyz--\r\n"
    )
    kind = {"Content_Type": "multipart/form-data; boundary=xyz"}
    assert server.ask("POST", token("multi@example.org"), body, **kind)[0] == 200
    assert "multi@example.org" in SuppressionList(listed).identities()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("wrong", ["", "x", "a.b", token()[:-5], token() + "A", "%00%ff/../x"])
def test_wrong_token_gets_a_page(server: RunningServer, method: str, wrong: str) -> None:
    status, page, _ = server.ask(method, wrong, ONE_CLICK if method == "POST" else b"")
    assert (status, "not valid" in page) == (200, True)


def test_page_is_in_the_language_of_the_reader(server: RunningServer) -> None:
    for accepted, word in (
        ("zh-CN,zh;q=0.9,en;q=0.8", "退订"),
        ("en-GB, zh;q=0.1", "Unsubscribe"),
        ("fr, zh;q=0.5, en;q=0.2", "退订"),
        ("q=;;,,", "Unsubscribe"),
    ):
        page = server.ask("GET", token(), Accept_Language=accepted)[1]
        assert f"<h1>{word}</h1>" in page


def test_other_methods_are_refused(server: RunningServer) -> None:
    assert server.ask("PUT", token(), ONE_CLICK)[0] == 405


def test_client_that_asks_too_often_has_to_wait(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    with running_server(key, tmp_path / "list.csv", "--rate", "1") as server:
        found = [server.ask("GET", token())[0] for _ in range(6)]
        status, _, fields = server.ask("GET", token(), X_Forwarded_For="192.0.2.7")
    assert found[:2] == [200, 200]
    assert 429 in found
    assert (status, fields["Retry-After"]) == (200, None)


@pytest.mark.parametrize("after", [5, 60, 150])
def test_nothing_is_lost_at_kill_9(tmp_path: Path, after: int) -> None:
    key, listed, confirmed = tmp_path / "key", tmp_path / "list.csv", list[str]()
    key.write_text(KEY)
    with running_server(key, listed, "--rate", "0") as server:

        def click(worker: int) -> None:
            for number in range(200):
                address = f"r{worker}-{number}@example.org"
                try:
                    status = server.ask("POST", token(address), ONE_CLICK)[0]
                except (OSError, HTTPException):  # killed before or in an answer
                    return
                if status == 200:
                    confirmed.append(address)
                if len(confirmed) >= after:
                    server.process.kill()

        workers = [threading.Thread(target=click, args=(one,)) for one in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert len(confirmed) >= after
    assert set(confirmed) <= SuppressionList(listed).identities()


class _Recording:
    """A writer that notes the addresses."""

    def __init__(self) -> None:
        self.added: list[str] = []

    def add(self, address: str, *, reason: str = "", today: date | None = None) -> Future[bool]:
        self.added.append(address)
        done: Future[bool] = Future()
        done.set_result(True)
        return done

    def close(self) -> None:
        pass


def answered(
    method: str, path: str, headers: list[tuple[bytes, bytes]], body: list[bytes]
) -> tuple[int, bytes, list[str]]:
    """The status and the page for one request, and what was written."""
    recording = _Recording()
    app = UnsubscribeApp(KEYS, cast("SuppressionWriter", recording), rate=0)
    sent: list[Any] = []
    waiting = [*body, b""]

    async def receive() -> dict[str, object]:
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    async def send(event: Any) -> None:
        sent.append(event)

    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode("utf-8", "replace"),
        "query_string": b"", "headers": headers, "client": ("192.0.2.1", 1), "server": ("x", 80),
        "scheme": "http", "root_path": "", "http_version": "1.1",
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    page = b"".join(event.get("body", b"") for event in sent)
    return sent[0]["status"], page, recording.added


METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS", "get", ""])
TOKENS = st.one_of(
    st.just(token()),
    st.text(max_size=40),
    st.builds(lambda cut: token()[:cut], st.integers(0, 100)),
    st.builds(lambda at: token()[:at] + "A" + token()[at + 1 :], st.integers(0, 90)),
)
HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"accept-language", b"content-type", b"content-length", b"cookie"]),
        st.binary(max_size=300),
    ),
    max_size=3,
)
BODIES = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from([b"List-Unsubscribe=", b"One-Click", ONE_CLICK, b"x" * 5000, b"&"]),
    ),
    max_size=4,
)


@given(METHODS, TOKENS, HEADERS, BODIES)
def test_no_request_fails_and_only_a_click_unsubscribes(
    method: str, path: str, headers: list[tuple[bytes, bytes]], body: list[bytes]
) -> None:
    status, _, added = answered(method, f"/u/{path}", headers, body)
    assert status in (200, 405)
    clicked = method == "POST" and b"List-Unsubscribe=One-Click" in b"".join(body)
    if not clicked:
        assert added == []
    assert added in ([], ["ann@example.org"])
    if added:
        assert KEYS.read(path.rstrip("/").rpartition("/")[2]) is not None


def test_a_click_in_pieces_unsubscribes() -> None:
    pieces = [ONE_CLICK[:5], ONE_CLICK[5:]]
    status, page, added = answered("POST", f"/a/b/{token()}/", [], pieces)
    assert (status, added) == (200, ["ann@example.org"])
    assert b"Unsubscribed" in page


def test_page_of_the_campaign_replaces_the_other(tmp_path: Path) -> None:
    key, page = tmp_path / "key", tmp_path / "page.html"
    key.write_text(KEY)
    set_up = {"MAILMERGE_UNSUBSCRIBE_KEY": str(key), "MAILMERGE_UNSUBSCRIBE_PAGE": str(page)}
    page.write_text("<p>{{ text }}</p>")
    with pytest.raises(CampaignError, match="has no button"):
        open_app(set_up)
    page.write_text("{{ text")
    with pytest.raises(CampaignError, match="cannot be made"):
        open_app(set_up)
    page.write_text("<b>Our club</b>{{ form }}")
    open_app(set_up)
