from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from mailmerge.preview.access import FRAME_POLICY, PAGE_POLICY, Access

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


def status(asked: Request) -> int:
    response = ACCESS.refusal(asked)
    return 200 if response is None else response.status_code


@pytest.mark.parametrize("host", [GOOD_HOST, "localhost:8765", "LOCALHOST:8765"])
def test_loopback_names_with_the_port_are_accepted(host: str) -> None:
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
def test_other_hosts_are_refused(hosts: tuple[str, ...]) -> None:
    assert status(request(hosts=hosts)) == 421


@given(st.text(max_size=40))
def test_only_listed_hosts_are_accepted(host: str) -> None:
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
def test_other_origins_are_refused_for_every_method(method: str, origin: str) -> None:
    assert status(request(method=method, origins=(origin,))) == 403


def test_a_post_needs_an_origin() -> None:
    assert status(request(method="POST")) == 403
    assert status(request(method="POST", origins=(f"http://{GOOD_HOST}",))) == 200


@pytest.mark.parametrize("token", ["", TOKEN[:-1], TOKEN + "t", TOKEN.upper(), "ü" * 32])
def test_a_wrong_token_is_not_found(token: str) -> None:
    assert status(request(token=token)) == 404


def test_the_policies_allow_no_script_of_a_message() -> None:
    assert "allow-scripts" not in FRAME_POLICY
    assert "script-src" not in FRAME_POLICY
    assert "default-src 'none'" in FRAME_POLICY
    assert "unsafe" not in PAGE_POLICY
