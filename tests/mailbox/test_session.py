"""A connection to an IMAP server: what goes wrong is said with the fix."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mailmerge.errors import AuthenticationRefused, ConnectionLost, ServerRefused, ServerUnreachable
from mailmerge.mailbox.account import ImapAccount
from mailmerge.mailbox.session import close_session, explained, open_session, reason_in_words
from mailmerge.smtp import Credentials

PASSWORD = Credentials("a", "b")


@contextmanager
def server(answers: dict[bytes, bytes], greeting: bytes = b"* OK ready") -> Iterator[int]:
    """A server that answers each command in its words, and others with OK."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(greeting + b"\r\n")
            for line in lines:
                tag, _, rest = line.partition(b" ")
                command = rest.split()[0].upper() if rest.split() else b""
                said = answers.get(command, b"OK done")
                if command == b"CAPABILITY":
                    connection.sendall(b"* CAPABILITY " + answers[b""] + b"\r\n")
                connection.sendall((said if said[:1] in b"+*" else tag + b" " + said) + b"\r\n")
                if said.startswith(b"* BYE"):
                    return

    threading.Thread(target=serve, daemon=True).start()
    with listening:
        yield int(listening.getsockname()[1])


def account(port: int, credentials: Credentials = PASSWORD) -> ImapAccount:
    return ImapAccount("127.0.0.1", port, "none", None, "INBOX", "a", lambda: credentials)


def test_program_says_its_name_where_that_is_asked_for() -> None:
    with server({b"": b"IMAP4rev1 ID"}) as port:
        client = open_session(account(port))
        close_session(client, in_order=True)


@pytest.mark.parametrize(
    ("credentials", "capabilities", "command", "hint"),
    [
        (PASSWORD, b"IMAP4rev1", b"LOGIN", "many services want IMAP switched on"),
        (PASSWORD, b"IMAP4rev1 AUTH=PLAIN SASL-IR", b"AUTHENTICATE", "many services want IMAP"),
        (
            Credentials("a", token="t"),
            b"IMAP4rev1 AUTH=XOAUTH2",
            b"AUTHENTICATE",
            "needs IMAP.AccessAsUser.All",
        ),
    ],
)
def test_refused_log_in_says_what_to_do(
    credentials: Credentials, capabilities: bytes, command: bytes, hint: str
) -> None:
    answers = {b"": capabilities, command: b"NO [AUTHENTICATIONFAILED] no"}
    with server(answers) as port, pytest.raises(AuthenticationRefused) as caught:
        open_session(account(port, credentials))
    assert caught.value.problem.code == "imap-login"
    assert hint in caught.value.problem.hint


def test_server_that_ends_the_connection_is_named() -> None:
    answers = {b"": b"IMAP4rev1", b"LOGIN": b"* BYE overloaded"}
    with server(answers) as port, pytest.raises((ConnectionLost, AuthenticationRefused)):
        open_session(account(port))


def test_no_server_is_named() -> None:
    with pytest.raises(ServerUnreachable, match=r"no connection to 127\.0\.0\.1 port 1"):
        open_session(account(1))


def test_silent_server_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        with pytest.raises(ServerUnreachable):
            open_session(account(int(silent.getsockname()[1])), read_seconds=0.5)
        assert time.monotonic() - begun < 10


def test_refused_command_is_an_error_of_the_server() -> None:
    from imapclient.exceptions import IMAPClientError

    with pytest.raises(ServerRefused) as caught, explained(account(1)):
        raise IMAPClientError("select failed: [NOPERM] no (0.001 + 0.000 secs).")
    assert caught.value.problem.code == "imap-refused"
    assert caught.value.problem.message == "127.0.0.1 refuses: select failed: [NOPERM] no"


def test_time_of_a_command_is_no_reason() -> None:
    assert reason_in_words(OSError("b'full (0.1 + 0.2 + 0.3 secs).'")) == "full"
