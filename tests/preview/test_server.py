from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import pytest

from mailmerge.errors import CampaignError
from mailmerge.preview.access import FRAME_POLICY, SHELL_POLICY, remembered_door
from mailmerge.preview.server import listening
from mailmerge.preview.session import Session
from mailmerge.sandbox import Sandbox
from tests.preview.campaigns import CAMPAIGN, Running, running, write_campaign

EVERY_GET = (
    "",
    "page/main.js",
    "page/style.css",
    "frame?person=anna%40example.org",
    "part?person=anna%40example.org&number=2",
    "eml?person=anna%40example.org",
    "events",
    "api/campaign",
    "api/people",
    "api/message?person=anna%40example.org",
    "no/such/thing",
)


@pytest.fixture(scope="module")
def preview(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("campaign")
    with Sandbox(folder / ".mailmerge" / "sandbox") as sandbox:
        smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {sandbox.server.port}\nsecurity = "none"\n'
        write_campaign(folder, campaign=CAMPAIGN + smtp)
        with running(folder, follow=False) as preview:
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
def test_without_the_token_there_is_nothing(preview: Running, path: str, token: str) -> None:
    response, content = preview.ask(path, token=token)
    assert response.status == 404
    assert content == b"not found\n"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_no_method_passes_the_door(preview: Running, method: str) -> None:
    for path in ("", "api/test", "api/campaign", "nothing"):
        assert preview.ask(path, method=method)[0].status == 403
        forged = {"Host": "evil.example", "Origin": "http://evil.example"}
        assert preview.ask(path, method=method, headers=forged)[0].status == 421


def test_a_percent_encoded_path_meets_the_same_door(preview: Running) -> None:
    for path in ("%61pi/test", "api%2Ftest", "//api/test", "api/%74est"):
        response, _ = preview.ask(
            path, method="POST", headers={**own(preview), "Origin": "http://evil.example"}
        )
        assert response.status == 403


@pytest.mark.parametrize("path", EVERY_GET)
def test_every_answer_is_held_in_its_place(preview: Running, path: str) -> None:
    if path == "events":
        return
    response, _ = preview.ask(path)
    assert response.getheader("X-Content-Type-Options") == "nosniff"
    assert response.getheader("Referrer-Policy") == "no-referrer"
    assert response.getheader("Cache-Control") == "no-store"
    assert "default-src 'none'" in (response.getheader("Content-Security-Policy") or "")


def test_the_page_and_its_files_are_ours_alone(preview: Running) -> None:
    response, content = preview.ask("")
    assert response.getheader("Content-Security-Policy") == SHELL_POLICY
    assert b"http" not in content.replace(b"http-equiv", b"")
    for name in ("main.js", "style.css", "icon.svg", "texts.js"):
        assert preview.ask(f"page/{name}")[0].status == 200
    for name in ("..%2fserver.py", "%2e%2e/server.py", "nothing.js", "__init__.py"):
        assert preview.ask(f"page/{name}")[0].status == 404


def test_no_file_of_the_page_names_the_network(preview: Running) -> None:
    for path in (Path(__file__).parents[2] / "mailmerge" / "preview" / "page").iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text
        assert "https://" not in text


def test_the_frame_has_a_policy_of_its_own(preview: Running) -> None:
    response, content = preview.ask("frame?person=anna%40example.org&scheme=dark")
    assert response.getheader("Content-Security-Policy") == FRAME_POLICY
    assert b"Dear Anna Schmidt" in content
    assert b"data:image/png;base64," in content
    off = preview.ask("frame?person=anna%40example.org&images=0&styles=0")[1]
    assert b"data:image" not in off


def test_the_octets_are_downloaded_as_they_would_be_sent(preview: Running) -> None:
    response, content = preview.ask("eml?person=anna%40example.org")
    person = preview.session.draft.people.find("anna@example.org")
    assert person is not None
    recipient = preview.session.draft.recipient(person)
    assert recipient is not None
    assert preview.session.draft.messages is not None
    assert content == bytes(preview.session.draft.messages.find(recipient))
    assert (response.getheader("Content-Disposition") or "").startswith("attachment")


def test_parts_open_in_place_only_where_they_cannot_run(preview: Running) -> None:
    told = json.loads(preview.ask("api/message?person=anna%40example.org")[1])
    for part in told["message"]["parts"]:
        response, content = preview.ask(f"part?person=anna%40example.org&number={part['number']}")
        if part["contentType"].startswith("multipart/"):
            assert response.status == 404
            continue
        assert len(content) == part["size"]
        way = (response.getheader("Content-Disposition") or "").partition(";")[0]
        in_place = part["contentType"] in {"text/plain", "image/png"}
        assert way == ("inline" if in_place else "attachment")
        assert "sandbox" in (response.getheader("Content-Security-Policy") or "")


def test_what_is_not_there_is_not_found(preview: Running) -> None:
    for path in (
        "api/message?person=nobody",
        "api/message?caught=nothing",
        "frame?person=nobody",
        "frame?caught=..%2f..%2fcampaign.toml",
        f"frame?person={quote('row' + chr(0xA0) + '5')}",
        "eml",
        "part?person=anna%40example.org&number=99",
    ):
        assert preview.ask(path)[0].status == 404


@pytest.mark.parametrize(
    "path",
    [
        "api/people?offset=x",
        "api/people?row=1.5",
        "frame?person=anna%40example.org&scheme=purple",
        "part?person=anna%40example.org&number=x",
    ],
)
def test_what_makes_no_sense_is_refused(preview: Running, path: str) -> None:
    assert preview.ask(path)[0].status == 400


def test_the_list_is_paged_and_searched_by_the_server(preview: Running) -> None:
    told = json.loads(preview.ask("api/people?search=bernard&among=all&offset=0")[1])
    assert [one["key"] for one in told["people"]] == ["bernard@example.org"]
    assert json.loads(preview.ask("api/people?row=3")[1]) == {"found": "bernard@example.org"}
    assert json.loads(preview.ask("api/campaign")[1])["counts"]["all"] == 8


RIGHT = {"person": "anna@example.org", "address": "me@example.net"}


def trial(preview: Running, body: object, **headers: str) -> tuple[int, bytes]:
    sent = body if isinstance(body, (str, bytes)) else json.dumps(body)
    response, content = preview.ask(
        "api/test", method="POST", headers={**own(preview), **headers}, body=sent
    )
    return response.status, content


def test_a_test_is_sent_by_post_to_the_address_that_was_typed(preview: Running) -> None:
    before = len(preview.session.sandbox)
    status, content = trial(preview, {"person": "anna@example.org", "address": "me@example.net"})
    assert status == 200, content
    assert json.loads(content)["reply"].startswith("250")
    caught = preview.session.sandbox.page(0, 10)[0]
    assert len(caught) == before + 1
    kept = preview.session.sandbox.open(caught[0].name)
    assert kept is not None
    assert kept.forward_path == "me@example.net"
    response, frame = preview.ask(f"frame?caught={caught[0].name}")
    assert response.status == 200
    assert b"Dear Anna" in frame
    told = json.loads(preview.ask(f"api/message?caught={caught[0].name}")[1])
    assert told["message"]["envelope"]["forwardPath"] == "me@example.net"


def test_nothing_is_ever_sent_over_get(preview: Running) -> None:
    before = len(preview.session.sandbox)
    path = "api/test?person=anna%40example.org&address=me%40example.net"
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
        ({"person": "anna@example.org"}, {}, 400),
        ({"person": "anna@example.org", "address": 7}, {}, 400),
        ("[]", {}, 400),
        ("not json", {}, 400),
        (b"\xff\xfe", {}, 400),
        ("x" * 100_000, {}, 400),
        ({"person": "nobody", "address": "me@example.net"}, {}, 404),
        ({"person": "anna@example.org", "address": "anna@example.org"}, {}, 422),
        ({"person": "anna@example.org", "address": "no address"}, {}, 422),
    ],
)  # fmt: skip
def test_nothing_is_sent_unless_everything_is_right(
    preview: Running, body: object, headers: dict[str, str], status: int
) -> None:
    before = len(preview.session.sandbox)
    assert trial(preview, body, **headers)[0] == status
    assert len(preview.session.sandbox) == before


def test_news_go_over_the_live_channel(preview: Running) -> None:
    connection = HTTPConnection("127.0.0.1", preview.access.port, timeout=20)
    connection.request("GET", f"/{preview.access.token}/events")
    response = connection.getresponse()
    assert response.getheader("Content-Type", "").startswith("text/event-stream")
    assert response.readline() == b": here\n"
    response.readline()
    preview.session.tell("changed")
    assert response.readline() == b"event: changed\n"
    connection.close()


def test_the_same_port_and_token_come_back_the_next_time(tmp_path: Path) -> None:
    session = Session(write_campaign(tmp_path))
    with listening(session, 0) as (_, first):
        assert remembered_door(tmp_path / ".mailmerge") == (first.port, first.token)
    with listening(session, 0) as (_, second):
        assert second == first
        with listening(session, 0) as (_, third):
            assert third.port != second.port


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CampaignError, match="taken"), listening(Session(tmp_path), port):
            pass


def test_the_preview_listens_on_loopback_only(tmp_path: Path) -> None:
    with listening(Session(write_campaign(tmp_path)), 0) as (listener, _):
        assert listener.getsockname()[0] == "127.0.0.1"
