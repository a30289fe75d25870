"""Answers of an authorization server, and what stands in its place."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate

import pytest

from mailmerge.errors import ServerUnreachable
from mailmerge.oauth.web import Answer, post
from tests import servers
from tests.servers.authorization import Provider


def test_error_in_json_is_an_answer(provider: Provider) -> None:
    provider.broken = (400, "application/json", '{"error": "invalid_grant"}')
    answer = post(f"{provider.url}/token", "a=b")
    assert (answer.status, answer.text("error")) == (400, "invalid_grant")
    assert abs(answer.clock_error) < 5


def test_form_is_an_answer(provider: Provider) -> None:
    provider.broken = (200, "text/plain", "access_token=a%2Bb&expires_in=20&scope=\n")
    answer = post(f"{provider.url}/token", "")
    assert (answer.text("access_token"), answer.number("expires_in", 7.0)) == ("a+b", 20.0)
    provider.broken = (400, "application/x-www-form-urlencoded", "error=invalid_grant")
    assert post(f"{provider.url}/token", "").text("error") == "invalid_grant"


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, "<html>"),
        (200, "a=b"),
        (200, '<p>error=1&b="c'),
        (200, "error=1&" + "&".join("a=b" for _ in range(100))),
        (200, ""),
        (200, "[]"),
        (200, "null"),
        (200, "[" * 100_000),
        (200, '{"a": "' + "x" * 300_000 + '"}'),
        (502, '{"message": "bad gateway"}'),
        (302, "moved"),
    ],
)
def test_other_answers_are_errors_of_the_server(provider: Provider, status: int, text: str) -> None:
    provider.broken = (status, "text/html", text)
    with pytest.raises(ServerUnreachable, match=r"127\.0\.0\.1 answered") as error:
        post(f"{provider.url}/token", "secret=s3cret")
    assert error.value.problem.code == "oauth-server"
    assert "s3cret" not in str(error.value)


def test_server_of_an_unknown_authority_is_not_trusted(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ServerUnreachable, match="certificate") as error:
        post(f"{provider.url}/token", "")
    assert "SSL_CERT_FILE" in error.value.problem.hint


def test_closed_port_is_unreachable() -> None:
    with pytest.raises(ServerUnreachable, match="cannot be reached"):
        post(f"http://127.0.0.1:{servers.free_port()}/token", "")


@pytest.mark.parametrize(
    ("value", "number"),
    [(20, 20.0), ("3600", 3600.0), ("soon", 7.0), (-1, 7.0), (None, 7.0), (float("nan"), 7.0)],
)
def test_number_that_makes_no_sense_is_replaced(value: object, number: float) -> None:
    assert Answer(200, {"expires_in": value}).number("expires_in", 7.0) == number


def test_answer_hides_its_tokens() -> None:
    assert "s3cret" not in repr(Answer(200, {"access_token": "s3cret"}))


def test_dates_of_servers_are_read() -> None:
    from mailmerge.oauth.web import clock_error

    assert 3500 < clock_error(formatdate(time.time() - 3600, usegmt=True)) < 3700
    assert clock_error(None) == 0.0
    assert clock_error("yesterday") == 0.0


@contextlib.contextmanager
def dripping_server(beginning: bytes) -> Iterator[str]:
    """A server that sends a beginning, and then one byte every 50 ms for ever; its address."""
    stop = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(beginning)
            while not stop.wait(0.05):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/token"
        finally:
            stop.set()
            thread.join(5)


@pytest.mark.parametrize(
    "beginning",
    [b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{", b"HTTP/1.1 200 OK\r\nX-A: "],
    ids=["body", "header"],
)
def test_dripping_server_ends_at_the_deadline(beginning: bytes) -> None:
    with dripping_server(beginning) as url:
        begun = time.monotonic()
        with pytest.raises(ServerUnreachable, match=r"127\.0\.0\.1 did not complete"):
            post(url, "secret=s3cret", deadline=0.5)
        assert time.monotonic() - begun < 3
