from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from mailmerge.preview.access import (
    DOOR_FILE,
    FRAME_POLICY,
    SHELL_POLICY,
    Access,
    remember_door,
    remembered_door,
)

TOKEN = "t" * 32
ACCESS = Access(8765, TOKEN)
GOOD_HOST = "127.0.0.1:8765"


def request(
    *,
    method: str = "GET",
    hosts: tuple[str, ...] = (GOOD_HOST,),
    origins: tuple[str, ...] = (),
    token: str = TOKEN,
) -> Request:
    headers = [(b"host", host.encode("latin-1", "replace")) for host in hosts]
    headers += [(b"origin", origin.encode("latin-1", "replace")) for origin in origins]
    return Request(
        {
            "type": "http",
            "method": method,
            "path": "/",
            "query_string": b"",
            "headers": headers,
            "path_params": {"token": token},
        }
    )


def status(refused: Request) -> int:
    response = ACCESS.refusal(refused)
    return 200 if response is None else response.status_code


@pytest.mark.parametrize("host", [GOOD_HOST, "localhost:8765", "LOCALHOST:8765"])
def test_our_own_names_are_let_in(host: str) -> None:
    assert status(request(hosts=(host,))) == 200
    assert status(request(hosts=(host,), origins=(f"http://{host.lower()}",))) == 200


@pytest.mark.parametrize(
    "hosts",
    [
        (),
        ("evil.example",),
        ("evil.example:8765",),
        ("127.0.0.1",),
        ("127.0.0.1:8766",),
        ("127.0.0.1:8765.evil.example",),
        ("127.0.0.1.evil.example:8765",),
        ("[::1]:8765",),
        (GOOD_HOST, GOOD_HOST),
        (GOOD_HOST, "evil.example"),
    ],
)
def test_any_other_host_is_refused(hosts: tuple[str, ...]) -> None:
    assert status(request(hosts=hosts)) == 421


@given(st.text(max_size=40))
def test_no_host_but_the_listed_is_let_in(host: str) -> None:
    sent = host.encode("latin-1", "replace").decode("latin-1")
    assert (status(request(hosts=(host,))) == 200) == (sent.lower() in ACCESS.hosts)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "http://evil.example",
        "https://127.0.0.1:8765",
        "http://127.0.0.1",
        "",
        "http://localhost:8765",
    ],
)
def test_another_origin_is_refused_whatever_the_method(method: str, origin: str) -> None:
    assert status(request(method=method, origins=(origin,))) == 403


def test_a_request_that_changes_something_needs_an_origin() -> None:
    assert status(request(method="POST")) == 403
    assert status(request(method="POST", origins=(f"http://{GOOD_HOST}",))) == 200


@pytest.mark.parametrize("token", ["", TOKEN[:-1], TOKEN + "t", TOKEN.upper(), "ü" * 32])
def test_without_the_token_there_is_nothing(token: str) -> None:
    assert status(request(token=token)) == 404


def test_the_door_is_remembered_for_the_next_time_and_for_nobody_else(tmp_path: Path) -> None:
    remember_door(tmp_path / "state", ACCESS)
    path = tmp_path / "state" / DOOR_FILE
    assert remembered_door(tmp_path / "state") == (8765, TOKEN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "stored",
    ["", "{}", "[]", '{"port": "x", "token": "y"}', f'{{"port": 80, "token": "{TOKEN}"}}',
     '{"port": 8000, "token": "short"}', '{"port": 8000, "token": 7}'],
)  # fmt: skip
def test_a_door_that_cannot_be_read_is_made_anew(tmp_path: Path, stored: str) -> None:
    (tmp_path / DOOR_FILE).write_text(stored)
    port, token = remembered_door(tmp_path)
    assert port == 0
    assert len(token) >= 32
    assert remembered_door(tmp_path)[1] != token


def test_a_folder_that_cannot_be_written_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the way")
    remember_door(tmp_path / "state", ACCESS)
    assert remembered_door(tmp_path / "state")[0] == 0


def test_what_is_stored_is_port_and_token_only(tmp_path: Path) -> None:
    remember_door(tmp_path, ACCESS)
    assert json.loads((tmp_path / DOOR_FILE).read_text()) == {"port": 8765, "token": TOKEN}


def test_the_policies_let_no_script_of_a_message_run() -> None:
    assert "allow-scripts" not in FRAME_POLICY
    assert "script-src" not in FRAME_POLICY
    assert "default-src 'none'" in FRAME_POLICY
    assert "unsafe" not in SHELL_POLICY
