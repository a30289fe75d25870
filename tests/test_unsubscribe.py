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

from mailmerge import unsubscribe
from mailmerge.errors import AddressError, CampaignError
from mailmerge.recipients.suppression import SuppressionList
from mailmerge.recipients.suppression_writer import SuppressionWriter
from mailmerge.unsubscribe import UnsubscribeApp, open_app
from mailmerge.unsubscribe_links import UnsubscribeKeys, add_key, read_key_file
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


def of_client(app: UnsubscribeApp, client: str, path: str = "/u/x") -> list[Any]:
    """What the application sends to a client for a request without a body."""
    return of_clients(app, [client], path)


def of_clients(app: UnsubscribeApp, clients: list[str], path: str = "/u/x") -> list[Any]:
    """What it sends to all of these clients."""
    sent: list[Any] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event: Any) -> None:
        sent.append(event)

    async def ask_all() -> None:
        for client in clients:
            scope = {
                "type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
                "query_string": b"", "headers": [], "client": (client, 1), "server": ("x", 80),
                "scheme": "http", "root_path": "", "http_version": "1.1",
            }  # fmt: skip
            await app(scope, receive, send)

    asyncio.run(ask_all())
    return sent


def app_with(writer: object, **options: Any) -> UnsubscribeApp:
    return UnsubscribeApp(KEYS, cast("SuppressionWriter", writer), **options)


def test_each_client_has_a_rate_that_grows_back() -> None:
    now = [100.0]
    app = app_with(_Recording(), rate=1, clock=lambda: now[0])

    def status(client: str) -> int:
        return int(of_client(app, client)[0]["status"])

    first = [status("192.0.2.1") for _ in range(20)]
    burst = first.index(429)
    assert first == [200] * burst + [429] * (20 - burst)
    assert status("192.0.2.2") == 200
    now[0] += 1
    assert [status("192.0.2.1") for _ in range(2)] == [200, 429]


def test_addresses_of_one_ipv6_network_are_one_client() -> None:
    app = app_with(_Recording(), rate=1, clock=lambda: 0.0)
    while of_client(app, "2001:db8::1")[0]["status"] == 200:
        pass
    assert of_client(app, "2001:db8::2%eth0")[0]["status"] == 429
    assert of_client(app, "2001:db8:0:1::1")[0]["status"] == 200
    assert of_client(app, "no:address")[0]["status"] == 200


def test_client_that_was_not_seen_for_long_is_forgotten() -> None:
    app = app_with(_Recording(), rate=1, clock=lambda: 0.0)
    while of_client(app, "192.0.2.1")[0]["status"] == 200:
        pass
    first = of_client(app, "192.0.2.1")[0]
    headers = dict(first["headers"])
    assert (first["status"], headers[b"retry-after"]) == (429, b"60")
    clients = [f"198.51.{number // 250}.{number % 250}" for number in range(10_000)]
    of_clients(app, clients)
    assert of_client(app, "192.0.2.1")[0]["status"] == 200


@pytest.mark.parametrize(
    ("accepted", "word"), [("zh;q=1.2.3, en;q=0.1", "Unsubscribe"), ("zh," * 70, "Unsubscribe")]
)
def test_unreadable_languages_give_the_english_page(accepted: str, word: str) -> None:
    _, page, _ = answered("GET", f"/u/{token()}", [(b"accept-language", accepted.encode())], [])
    assert f"<h1>{word}</h1>" in page.decode()


def test_multipart_click_unsubscribes_and_a_long_body_does_not() -> None:
    part = (
        b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--'
    )
    assert answered("POST", f"/u/{token()}", [], [part])[2] == ["ann@example.org"]
    assert answered("POST", f"/u/{token()}", [], [ONE_CLICK, b"&" * 100_000])[2] == []


def test_server_closes_the_list_when_it_ends() -> None:
    events = ["lifespan.startup", "lifespan.shutdown"]
    sent: list[str] = []

    class Closing(_Recording):
        def close(self) -> None:
            sent.append("closed")

    async def receive() -> dict[str, object]:
        return {"type": events.pop(0)}

    async def send(event: Any) -> None:
        sent.append(event["type"])

    asyncio.run(app_with(Closing())({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "closed", "lifespan.shutdown.complete"]


def test_click_of_a_client_that_went_away_is_not_answered() -> None:
    sent: list[Any] = []
    recording = _Recording()

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    async def send(event: Any) -> None:
        sent.append(event)

    scope = {
        "type": "http", "method": "POST", "path": f"/u/{token()}", "headers": [],
        "query_string": b"", "server": ("x", 80), "scheme": "http", "root_path": "",
    }  # fmt: skip
    asyncio.run(app_with(recording)(scope, receive, send))
    assert (sent, recording.added) == ([], [])


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (AddressError("wrong"), 200, "not valid"),
        (CampaignError("the disk is full"), 503, "later"),
    ],
)
def test_click_that_is_not_recorded_is_not_confirmed(
    error: Exception, status: int, words: str
) -> None:
    class Failing(_Recording):
        def add(self, address: str, *, reason: str = "", today: date | None = None) -> Future[bool]:
            failed: Future[bool] = Future()
            failed.set_exception(error)
            return failed

    sent: list[Any] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": ONE_CLICK, "more_body": False}

    async def send(event: Any) -> None:
        sent.append(event)

    scope = {
        "type": "http", "method": "POST", "path": f"/u/{token()}", "headers": [],
        "query_string": b"", "server": ("x", 80), "scheme": "http", "root_path": "",
    }  # fmt: skip
    asyncio.run(app_with(Failing())(scope, receive, send))
    page = b"".join(event.get("body", b"") for event in sent).decode()
    assert sent[0]["status"] == status
    assert words in page
    assert "Unsubscribed" not in page


def of_campaign(folder: Path, section: str) -> dict[str, str]:
    """The environment of a campaign with this section [message]."""
    (folder / "recipients.csv").write_text("email\na@example.org\n", "utf-8")
    (folder / "body.txt").write_text("Hello", "utf-8")
    (folder / "campaign.toml").write_text(
        '[message]\nfrom = "a@example.org"\nsubject = "Hello"\ntext = "body.txt"\n'
        f'[recipients]\nfile = "recipients.csv"\n{section}',
        "utf-8",
    )
    return {"MAILMERGE_CAMPAIGN": str(folder)}


def test_campaign_names_its_key_its_list_and_its_page(tmp_path: Path) -> None:
    section = '[message.unsubscribe]\nurl = "https://x.example/u"\npage = "page.html"\n'
    set_up = of_campaign(tmp_path, section)
    with pytest.raises(CampaignError, match="key"):
        open_app(set_up)
    add_key(tmp_path / "unsubscribe.key")
    with pytest.raises(CampaignError, match="the page cannot be read") as missing:
        open_app(set_up)
    assert missing.value.problem.file == "page.html"
    (tmp_path / "page.html").write_bytes(b"\xff{{ form }}")
    with pytest.raises(CampaignError, match="it is not UTF-8"):
        open_app(set_up)
    (tmp_path / "page.html").write_text("<i>Our own</i>{{ form }}", "utf-8")
    keys = read_key_file(tmp_path / "unsubscribe.key")
    made = keys.token("spring", "ann@example.org", "ann@example.org")
    sent = of_client(open_app(set_up), "192.0.2.1", f"/u/{made}")
    assert b"<i>Our own</i><form" in b"".join(event.get("body", b"") for event in sent)


def test_campaign_without_links_has_no_server(tmp_path: Path) -> None:
    with pytest.raises(CampaignError, match="the campaign has no unsubscribe links") as caught:
        open_app(of_campaign(tmp_path, ""))
    assert caught.value.problem.code == "unsubscribe-settings"


def test_rate_of_the_environment_has_to_be_a_number(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    set_up = {"MAILMERGE_UNSUBSCRIBE_KEY": str(key), "MAILMERGE_UNSUBSCRIBE_RATE": "fast"}
    with pytest.raises(CampaignError, match="'fast' is not a number"):
        open_app(set_up)
    open_app({**set_up, "MAILMERGE_UNSUBSCRIBE_RATE": "2.5"})


def test_any_asgi_server_finds_the_application(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key"
    key.write_text(KEY)
    monkeypatch.setenv("MAILMERGE_UNSUBSCRIBE_KEY", str(key))
    sent = of_client(cast("UnsubscribeApp", unsubscribe.app), "192.0.2.1", f"/u/{token()}")
    assert sent[0]["status"] == 200
    assert b'method="post"' in b"".join(event.get("body", b"") for event in sent)


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
