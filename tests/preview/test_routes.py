from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import quote

import pytest

from mailmerge.preview.access import FRAME_POLICY, PAGE_POLICY
from mailmerge.preview.messages import ShownMessage
from mailmerge.sandbox import Sandbox
from tests.preview.campaigns import CAMPAIGN, Running, running, write_campaign

EVERY_GET = (
    "",
    "page/main.js",
    "page/style.css",
    "frame?recipient=anna%40example.org",
    "part?recipient=anna%40example.org&number=2",
    "eml?recipient=anna%40example.org",
    "events",
    "api/campaign",
    "api/recipients",
    "api/message?recipient=anna%40example.org",
    "no/such/thing",
)


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("campaign")
    with Sandbox(folder / ".mailmerge" / "sandbox") as sandbox:
        smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {sandbox.server.port}\nsecurity = "none"\n'
        write_campaign(folder, campaign=CAMPAIGN + smtp)
        with running(folder, watch=False) as preview:
            yield preview


def own(preview: Running) -> dict[str, str]:
    return {"Origin": f"http://127.0.0.1:{preview.access.port}", "Content-Type": "application/json"}


@pytest.mark.parametrize("path", EVERY_GET)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "localhost.evil.example:80"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_a_forged_host_or_origin_is_refused_on_every_route(
    preview: Running, path: str, headers: dict[str, str], status: int
) -> None:
    response, content = preview.ask(path, headers=headers)
    assert response.status == status
    assert b"anna" not in content


@pytest.mark.parametrize("path", EVERY_GET)
@pytest.mark.parametrize("token", ["x" * 32, "", "%2e%2e", "..%2f"])
def test_a_wrong_token_is_not_found_on_every_route(preview: Running, path: str, token: str) -> None:
    response, content = preview.ask(path, token=token)
    assert response.status == 404
    assert content == b"Not found.\n"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_access_is_checked_for_every_method(preview: Running, method: str) -> None:
    for path in ("", "api/test", "api/campaign", "nothing"):
        assert preview.ask(path, method=method)[0].status == 403
        forged = {"Host": "evil.example", "Origin": "http://evil.example"}
        assert preview.ask(path, method=method, headers=forged)[0].status == 421


def test_a_percent_encoded_path_is_checked_too(preview: Running) -> None:
    for path in ("%61pi/test", "api%2Ftest", "//api/test", "api/%74est"):
        response, _ = preview.ask(
            path, method="POST", headers={**own(preview), "Origin": "http://evil.example"}
        )
        assert response.status == 403


@pytest.mark.parametrize("path", EVERY_GET)
def test_every_response_has_the_security_headers(preview: Running, path: str) -> None:
    if path == "events":
        return
    response, _ = preview.ask(path)
    assert response.getheader("X-Content-Type-Options") == "nosniff"
    assert response.getheader("Referrer-Policy") == "no-referrer"
    assert response.getheader("Cache-Control") == "no-store"
    assert response.getheader("Server") is None
    assert "default-src 'none'" in (response.getheader("Content-Security-Policy") or "")


def test_the_page_and_its_files_are_served(preview: Running) -> None:
    response, content = preview.ask("")
    assert response.getheader("Content-Security-Policy") == PAGE_POLICY
    assert b"http" not in content.replace(b"http-equiv", b"")
    for name in ("main.js", "style.css", "icon.svg", "texts.js"):
        assert preview.ask(f"page/{name}")[0].status == 200
    for name in ("..%2fserver.py", "%2e%2e/server.py", "nothing.js", "__init__.py"):
        assert preview.ask(f"page/{name}")[0].status == 404


def test_the_frame_has_its_own_policy(preview: Running) -> None:
    response, content = preview.ask("frame?recipient=anna%40example.org&scheme=dark")
    assert response.getheader("Content-Security-Policy") == FRAME_POLICY
    assert b"Dear Anna Schmidt" in content
    assert b"data:image/png;base64," in content


def test_the_frame_follows_the_view(preview: Running) -> None:
    frame = "frame?recipient=anna%40example.org"
    whole = preview.ask(frame)[1]
    assert b"data:image/png" in whole
    assert b"background: #101010" in whole
    without_images = preview.ask(f"{frame}&images=0")[1]
    assert b"data:image/png" not in without_images
    assert b"background: #101010" in without_images
    without_styles = preview.ask(f"{frame}&styles=0")[1]
    assert b"data:image/png" in without_styles
    assert b"background: #101010" not in without_styles


def test_the_download_is_what_would_be_sent(preview: Running) -> None:
    response, content = preview.ask("eml?recipient=anna%40example.org")
    row = preview.session.snapshot.rows.find("anna@example.org")
    assert row is not None
    made = preview.session.snapshot.message(row)
    assert isinstance(made, ShownMessage)
    assert content == bytes(made)
    assert (response.getheader("Content-Disposition") or "").startswith("attachment")


def test_only_harmless_parts_open_inline(preview: Running) -> None:
    document = json.loads(preview.ask("api/message?recipient=anna%40example.org")[1])
    for part in document["message"]["parts"]:
        response, content = preview.ask(
            f"part?recipient=anna%40example.org&number={part['number']}"
        )
        if part["contentType"].startswith("multipart/"):
            assert response.status == 404
            continue
        assert len(content) == part["size"]
        disposition = (response.getheader("Content-Disposition") or "").partition(";")[0]
        inline = part["contentType"] in {"text/plain", "image/png"}
        assert disposition == ("inline" if inline else "attachment")
        assert "sandbox" in (response.getheader("Content-Security-Policy") or "")


def test_unknown_names_are_not_found(preview: Running) -> None:
    for path in (
        "api/message?recipient=unknown",
        "api/message?sandbox=nothing",
        "frame?recipient=unknown",
        "frame?sandbox=..%2f..%2fcampaign.toml",
        f"frame?recipient={quote('row' + chr(0xA0) + '5')}",
        "eml",
        "part?recipient=anna%40example.org&number=99",
    ):
        assert preview.ask(path)[0].status == 404


@pytest.mark.parametrize(
    "path",
    [
        "api/recipients?offset=x",
        "api/recipients?row=1.5",
        "frame?recipient=anna%40example.org&scheme=purple",
        "part?recipient=anna%40example.org&number=x",
    ],
)
def test_malformed_queries_are_refused(preview: Running, path: str) -> None:
    assert preview.ask(path)[0].status == 400


def test_the_list_is_searched_by_the_server(preview: Running) -> None:
    document = json.loads(preview.ask("api/recipients?search=bernard&among=all&offset=0")[1])
    assert [one["key"] for one in document["recipients"]] == ["bernard@example.org"]
    assert json.loads(preview.ask("api/recipients?row=3")[1]) == {"found": "bernard@example.org"}
    assert json.loads(preview.ask("api/campaign")[1])["counts"]["all"] == 8


RIGHT = {"recipient": "anna@example.org", "address": "me@example.net"}


def send_test(preview: Running, body: object, **headers: str) -> tuple[int, bytes]:
    sent = body if isinstance(body, (str, bytes)) else json.dumps(body)
    response, content = preview.ask(
        "api/test", method="POST", headers={**own(preview), **headers}, body=sent
    )
    return response.status, content


def test_a_test_message_is_sent_by_post(preview: Running) -> None:
    before = len(preview.session.sandbox)
    status, content = send_test(
        preview, {"recipient": "anna@example.org", "address": "me@example.net"}
    )
    assert status == 200, content
    assert json.loads(content)["reply"].startswith("250")
    entries = preview.session.sandbox.page(0, 10)[0]
    assert len(entries) == before + 1
    message = preview.session.sandbox.read(entries[0].name)
    assert message is not None
    assert message.forward_path == "me@example.net"
    response, frame = preview.ask(f"frame?sandbox={entries[0].name}")
    assert response.status == 200
    assert b"Dear Anna" in frame
    document = json.loads(preview.ask(f"api/message?sandbox={entries[0].name}")[1])
    assert document["message"]["envelope"]["forwardPath"] == "me@example.net"


def test_nothing_is_sent_by_other_methods(preview: Running) -> None:
    before = len(preview.session.sandbox)
    path = "api/test?recipient=anna%40example.org&address=me%40example.net"
    assert preview.ask(path)[0].status == 405
    assert preview.ask(path, method="HEAD")[0].status == 405
    assert preview.ask(path, method="PUT", headers=own(preview))[0].status == 405
    assert len(preview.session.sandbox) == before


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (RIGHT, {"Origin": "http://evil.example"}, 403),
        (RIGHT, {"Content-Type": "text/plain"}, 415),
        (RIGHT, {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"recipient": "anna@example.org"}, {}, 400),
        ({"recipient": "anna@example.org", "address": 7}, {}, 400),
        ("[]", {}, 400),
        ("not json", {}, 400),
        (b"\xff\xfe", {}, 400),
        ("x" * 100_000, {}, 400),
        ({"recipient": "unknown", "address": "me@example.net"}, {}, 404),
        ({"recipient": "anna@example.org", "address": "anna@example.org"}, {}, 422),
        ({"recipient": "anna@example.org", "address": "no address"}, {}, 422),
    ],
)  # fmt: skip
def test_nothing_is_sent_for_a_wrong_request(
    preview: Running, body: object, headers: dict[str, str], status: int
) -> None:
    before = len(preview.session.sandbox)
    assert send_test(preview, body, **headers)[0] == status
    assert len(preview.session.sandbox) == before


def test_events_are_streamed(preview: Running) -> None:
    connection = HTTPConnection("127.0.0.1", preview.access.port, timeout=20)
    connection.request("GET", f"/{preview.access.token}/events")
    response = connection.getresponse()
    assert response.getheader("Content-Type", "").startswith("text/event-stream")
    assert response.readline() == b": connected\n"
    response.readline()
    preview.session.notify("changed")
    assert response.readline() == b"event: changed\n"
    connection.close()
