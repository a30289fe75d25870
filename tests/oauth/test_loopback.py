"""The listener takes the one right answer, and refuses all other requests."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading

import pytest

from mailmerge.oauth.loopback import Listener, open_listener


def ask(listener: Listener, path: str, host: str = "", method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", listener.port, timeout=10)
    headers = {"Host": host} if host else {}
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def waiting(listener: Listener, found: list[str | None]) -> threading.Thread:
    def wait() -> None:
        found.append(listener.wait(lambda query: query == "right", 10))

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("path", "host", "method", "status"),
    [
        ("/?wrong", "", "GET", 400),
        ("/favicon.ico", "", "GET", 404),
        ("/other?right", "", "GET", 404),
        ("/?right", "attacker.example", "GET", 404),
        ("/?right", "127.0.0.1", "GET", 404),
        ("/?right", "", "POST", 501),
        ("/?<script>alert(1)</script>", "", "GET", 400),
    ],
)
def test_other_requests_do_not_end_the_log_in(
    path: str, host: str, method: str, status: int
) -> None:
    found: list[str | None] = []
    with open_listener() as listener:
        thread = waiting(listener, found)
        answered, text = ask(listener, path, host, method)
        assert answered == status
        assert "<script>" not in text
        assert found == []
        while ask(listener, "/?right", f"localhost:{listener.port}")[0] != 200:
            pass
        thread.join(10)
    assert found == ["right"]


def test_second_answer_is_refused() -> None:
    found: list[str | None] = []
    with open_listener() as listener:
        thread = waiting(listener, found)
        while ask(listener, "/?right")[0] != 200:
            pass
        assert ask(listener, "/?right")[0] == 400
        thread.join(10)


def test_silent_connection_does_not_block_the_browser() -> None:
    import socket

    with open_listener() as listener, socket.create_connection(("127.0.0.1", listener.port)):
        found: list[str | None] = []
        thread = waiting(listener, found)
        while ask(listener, "/?right")[0] != 200:
            pass
        thread.join(10)
        assert found == ["right"]


def test_wait_ends_after_its_time() -> None:
    with open_listener() as listener:
        assert listener.wait(lambda _: True, 0.05) is None


def test_port_is_closed_after_the_log_in() -> None:
    with open_listener() as listener:
        pass
    with pytest.raises(OSError):
        ask(listener, "/")


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit of open files")
def test_machine_without_a_port_is_told_to_paste() -> None:
    """A process that may open no more files can open no port."""
    code = (
        "import resource\n"
        "from mailmerge.errors import CampaignError\n"
        "from mailmerge.oauth.loopback import open_listener\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))\n"
        "try:\n    with open_listener(): pass\n"
        "except CampaignError as error: print(error)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "no port on 127.0.0.1 can be opened" in done.stdout, done.stderr
    assert "mailmerge login --paste" in done.stdout
