"""The question for a password: tried at once, three times, and only if the host exists."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from keyring.backend import KeyringBackend

from mailmerge.cli.passwords import TRIES, password_prompt
from mailmerge.credentials import find_account
from mailmerge.settings import load_settings
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


class Ring(KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kept: list[str] = []

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept[-1] if self.kept else None

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept.append(password)


@pytest.mark.parametrize(("answer", "kept"), [("y\n", ["right"]), ("\n", []), ("no\n", [])])
def test_an_accepted_password_is_kept_if_the_user_agrees(
    campaign: Path,
    port: int,
    answer: str,
    kept: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with (campaign / "campaign.toml").open("a") as file:
        file.write(SERVER.format(host="127.0.0.1", port=port))
    account = find_account(load_settings(campaign).smtp, campaign)
    assert account is not None
    before = keyring.get_keyring()
    keyring.set_keyring(ring := Ring())
    typed = iter(["wrong", "right"])
    monkeypatch.setattr("mailmerge.cli.passwords.ask_password", lambda: lambda _: next(typed))
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    try:
        ask = password_prompt(account, offers_to_keep=True)
        assert ask is not None
        assert ask("Password: ") == "right"
    finally:
        keyring.set_keyring(before)
    told = capsys.readouterr().err
    assert "The server refused this password; 2 tries left." in told
    assert "Keep the password of news in the keyring? [y/N]" in told
    assert ring.kept == kept


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
