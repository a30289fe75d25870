"""mailmerge login: stores a log-in that works, explains one that does not, and forgets it."""

from __future__ import annotations

import os
import stat
import sys
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import keyring
import keyring.backend
import keyring.backends.fail
import pytest

from mailmerge.private_files import user_state_folder
from tests import servers
from tests.cli.conftest import Call
from tests.scripted_server import serve
from tests.servers.authorization import (
    USER,
    Provider,
    address_bar,
    authorization_server,
    visit,
)
from tests.servers.token_server import token_server


@pytest.fixture(autouse=True)
def no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


@pytest.fixture
def provider(
    certificates: servers.Certificates, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Provider]:
    """An authorization server, and a browser that visits it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))
    with authorization_server(certificates) as running:
        monkeypatch.setattr(webbrowser, "open", lambda url: _browse(url, certificates))
        yield running


def _browse(url: str, certificates: servers.Certificates) -> bool:
    Thread(target=visit, args=(url, certificates), daemon=True).start()
    return True


def configure(campaign: Path, port: int, login: str) -> Path:
    file = campaign / "campaign.toml"
    smtp = f'[smtp]\nhost = "127.0.0.1"\nport = {port}\nplain_text_login = true\n'
    file.write_text(f"{file.read_text()}{smtp}{login}")
    return campaign


def test_login_with_the_browser_works_and_is_used(
    campaign: Path, call: Call, provider: Provider
) -> None:
    with token_server(provider.accepts) as server:
        configure(campaign, server.port, provider.toml())
        result = call("login", campaign)
        assert result.exit_code == 0, result.output
        assert f"accepts the log-in as {USER}" in result.stderr
        assert call("connect", campaign).exit_code == 0
    assert len(server.logins) == 2
    for token in [*provider.access, *provider.refresh]:
        assert token not in result.output


def test_login_that_the_server_refuses_is_an_error(
    campaign: Path, call: Call, provider: Provider
) -> None:
    with token_server(lambda _: False) as server:
        configure(campaign, server.port, provider.toml())
        result = call("login", campaign)
    assert result.exit_code == 4
    assert "refused" in result.stderr


def test_device_login_prints_the_code(campaign: Path, call: Call, provider: Provider) -> None:
    provider.approved = True
    with token_server(provider.accepts) as server:
        configure(campaign, server.port, provider.toml())
        result = call("login", campaign, "--device")
    assert result.exit_code == 0, result.output
    assert f"Open {provider.url}/activate" in result.stderr


def test_browser_with_another_account_is_named(
    campaign: Path, call: Call, provider: Provider
) -> None:
    provider.account = "bob@example.org"
    with token_server(lambda _: False) as server:
        configure(campaign, server.port, provider.toml())
        result = call("login", campaign)
    assert result.exit_code == 4
    assert f"the browser logged in as bob@example.org, and username is {USER}" in result.stderr
    assert "log out in the browser" in result.stderr


def test_token_of_the_right_account_that_is_refused_is_no_mix_up(
    campaign: Path, call: Call, provider: Provider
) -> None:
    provider.account = USER.upper()
    with token_server(lambda _: False) as server:
        configure(campaign, server.port, provider.toml())
        result = call("login", campaign)
    assert result.exit_code == 4
    assert "the browser logged in as" not in result.stderr


def test_log_in_that_the_user_declines_says_so(
    campaign: Path, call: Call, provider: Provider
) -> None:
    provider.denies = True
    configure(campaign, 9, provider.toml())
    for options in ([], ["--device"]):
        result = call("login", campaign, *options)
        assert result.exit_code == 4
        assert "declined" in result.stderr
    assert "no stored log-in" in call("login", campaign, "--forget").stderr


@pytest.mark.parametrize("options", [[], ["--device"]])
def test_web_page_in_place_of_a_token_is_an_error_of_the_server(
    campaign: Path, call: Call, provider: Provider, options: list[str]
) -> None:
    provider.broken = (200, "text/html", "<html><h1>Hotel network</h1></html>")
    configure(campaign, 9, provider.toml())
    result = call("login", campaign, *options)
    assert result.exit_code != 0
    assert "without the JSON of a token" in result.stderr
    assert "Hotel" not in result.output


def test_pasted_address_logs_in(
    campaign: Path,
    call: Call,
    provider: Provider,
    certificates: servers.Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The user opens the printed page elsewhere, and types the address at which it ends."""
    command = sys.modules["mailmerge.cli.login"]
    shown: list[str] = []
    monkeypatch.setattr(command, "say", shown.append)
    monkeypatch.setattr(command, "ask_line", lambda _: address_bar(shown[1], certificates))
    with token_server(provider.accepts) as server:
        configure(campaign, server.port, provider.toml())
        result = call("login", campaign, "--paste")
    assert result.exit_code == 0, result.output
    assert f"accepts the log-in as {USER}" in shown[-1]


def test_no_browser_prints_the_page_only(
    campaign: Path, call: Call, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit_printed = webbrowser.open
    monkeypatch.setattr(webbrowser, "open", lambda _: pytest.fail("a browser was opened"))
    command = sys.modules["mailmerge.cli.login"]
    monkeypatch.setattr(
        command, "say", lambda text: text.startswith("https") and visit_printed(text)
    )
    with token_server(provider.accepts) as server:
        configure(campaign, server.port, provider.toml())
        result = call("login", campaign, "--no-browser")
    assert result.exit_code == 0, result.output


def test_keyring_that_is_too_small_leaves_it_to_a_private_file(
    campaign: Path, call: Call, provider: Provider
) -> None:
    """Windows PasswordVault takes 512 characters."""
    small = MemoryKeyring(longest=512)
    keyring.set_keyring(small)
    with token_server(provider.accepts) as server:
        configure(campaign, server.port, provider.toml())
        result = call("login", campaign)
        assert result.exit_code == 0, result.output
        [file] = (user_state_folder() / "logins").glob("*.json")
        assert f"stored in {file}" in result.stderr
        if os.name == "posix":
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
        assert call("connect", campaign).exit_code == 0
    assert "is removed" in call("login", campaign, "--forget").stderr
    assert not file.exists()
    assert not small.entries


def test_keyring_of_windows_takes_a_long_token_in_parts(
    campaign: Path, call: Call, provider: Provider
) -> None:
    """Its entries have 2,560 bytes, which are 1,280 characters."""
    vault = MemoryKeyring(longest=1280)
    keyring.set_keyring(vault)
    with token_server(provider.accepts) as server:
        configure(campaign, server.port, provider.toml())
        assert "the keyring" in call("login", campaign).stderr
        assert call("connect", campaign).exit_code == 0
    assert len(vault.entries) > 2
    assert not list((user_state_folder() / "logins").glob("*.json"))


def test_paste_refuses_a_foreign_answer(campaign: Path, call: Call, provider: Provider) -> None:
    configure(campaign, 9, provider.toml())
    foreign = "http://127.0.0.1:61234/?code=a&state=b\n"
    result = call("login", campaign, "--paste", input=foreign)
    assert result.exit_code == 4
    assert "another log-in" in result.stderr


def test_forget_removes_the_log_in(campaign: Path, call: Call, provider: Provider) -> None:
    with token_server(provider.accepts) as server:
        configure(campaign, server.port, provider.toml())
        call("login", campaign)
        assert "is removed" in call("login", campaign, "--forget").stderr
        result = call("connect", campaign)
    assert result.exit_code == 4
    assert "mailmerge login" in result.stderr
    assert "no stored log-in" in call("login", campaign, "--forget").stderr


@pytest.mark.parametrize(
    ("options", "login", "words"),
    [
        (["--device", "--paste"], "", "exclude each other"),
        ([], "", "needs no log-in"),
        (["--device"], 'username = "ann"\n', "uses a password"),
        ([], 'username = "ann"\ntoken_command = "t"\n', "nothing is stored"),
        ([], 'username = "ann"\nauth = "oauth"\n', "not known"),
    ],
)
def test_login_without_sense_is_a_usage_error(
    campaign: Path, call: Call, options: list[str], login: str, words: str
) -> None:
    configure(campaign, 9, login)
    result = call("login", campaign, *options)
    assert result.exit_code == 2
    assert words in result.stderr


def test_google_refuses_a_device_with_the_reason(campaign: Path, call: Call) -> None:
    file = campaign / "campaign.toml"
    google = '[smtp]\nprovider = "gmail"\nusername = "ann@gmail.com"\nclient_id = "x"\n'
    file.write_text(file.read_text() + google)
    result = call("login", campaign, "--device")
    assert result.exit_code == 2
    assert "Google does not allow" in result.stderr


def test_password_needs_a_terminal(campaign: Path, call: Call) -> None:
    configure(campaign, 9, 'username = "ann"\n')
    result = call("login", campaign)
    assert result.exit_code == 4
    assert "no terminal" in result.stderr


class MemoryKeyring(keyring.backend.KeyringBackend):
    """A keyring that works."""

    priority = 1

    def __init__(self, longest: int = 100_000) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: dict[tuple[str, str], str] = {}
        self.longest = longest

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if len(password) > self.longest:
            raise OSError(1783, "The stub received bad data")
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


def _type(monkeypatch: pytest.MonkeyPatch, password: str) -> None:
    """A user at a terminal types this password."""
    command = sys.modules["mailmerge.cli.login"]
    monkeypatch.setattr(command, "ask_password", lambda: lambda _: password)


@pytest.mark.parametrize(
    ("typed", "status", "kept"), [("right", 0, True), ("wrong", 4, False), ("", 4, False)]
)
def test_password_is_stored_only_if_it_works(
    campaign: Path, call: Call, monkeypatch: pytest.MonkeyPatch, typed: str, status: int, kept: bool
) -> None:
    _type(monkeypatch, typed)
    memory = MemoryKeyring()
    keyring.set_keyring(memory)
    with serve(users={"me": "right"}, auth_in_clear=True) as server:
        configure(campaign, server.port, 'username = "me"\n')
        result = call("login", campaign)
        assert result.exit_code == status, result.output
        assert call("connect", campaign).exit_code == (0 if kept else 4)
    assert memory.entries == ({("smtp://127.0.0.1", "me"): "right"} if kept else {})
    forgotten = call("login", campaign, "--forget").stderr
    assert ("is removed" in forgotten) == kept
    assert not memory.entries


def test_password_without_a_keyring_names_the_other_places(
    campaign: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys.modules["mailmerge.cli.login"], "ask_password", lambda: lambda _: "right"
    )
    with serve(users={"me": "right"}, auth_in_clear=True) as server:
        configure(campaign, server.port, 'username = "me"\n')
        result = call("login", campaign)
    assert result.exit_code == 2
    assert "password_command" in result.stderr
