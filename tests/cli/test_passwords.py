"""The question for a password: tried at once, three times, and only if the host exists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from mailmerge.cli.passwords import TRIES
from tests import servers
from tests.cli.on_terminal import run_on_terminal

SERVER = """
[smtp]
host = "{host}"
port = {port}
security = "none"
username = "news"
plain_text_login = true
"""


QUESTIONS = ("Password of news", "2 tries left.\nPassword", "1 try left.\nPassword")


class _Taking:
    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return "250 2.0.0 OK"


@pytest.fixture
def port() -> Iterator[int]:
    """A server whose only password is `right`."""

    def check(
        server: object, session: object, envelope: object, how: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=data.password == b"right", handled=False)

    port = servers.free_port()
    controller = Controller(
        _Taking(), hostname="127.0.0.1", port=port, authenticator=check, auth_require_tls=False
    )
    controller.start()
    yield port
    controller.stop()


def connect(campaign: Path, host: str, port: int, *passwords: str) -> tuple[int, str]:
    with (campaign / "campaign.toml").open("a") as file:
        file.write(SERVER.format(host=host, port=port))
    done = run_on_terminal(
        ["-m", "mailmerge", "connect", campaign],
        stdin=None,
        answers=dict(zip(QUESTIONS, passwords, strict=False)),
        environment={"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"},
    )
    return done.status, done.stderr


def test_an_accepted_password_is_asked_once(campaign: Path, port: int) -> None:
    status, told = connect(campaign, "127.0.0.1", port, "right")
    assert status == 0
    assert told.count("Password of news") == 1
    assert "keyring" not in told, "there is none that stores anything"


def test_a_refused_password_is_asked_three_times(campaign: Path, port: int) -> None:
    status, told = connect(campaign, "127.0.0.1", port, *["wrong"] * TRIES)
    assert status == 4
    assert told.count("Password of news") == TRIES
    assert told.count(" left.") == TRIES - 1


def test_a_host_without_an_address_is_named_before_the_question(campaign: Path) -> None:
    status, told = connect(campaign, "nowhere.invalid", 25, "right")
    assert status != 0
    assert "Password of" not in told
    assert "nowhere.invalid" in told
