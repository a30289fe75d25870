"""[smtp] and the providers: which server, whose log-in, which limits, and where the password is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backend
import keyring.errors
import pytest

from mailmerge.campaign import Campaign, Rate, load_campaign
from mailmerge.credentials import (
    PASSWORD_VARIABLE,
    Account,
    find_account,
    is_loopback,
    read_credentials,
    require_account,
)
from mailmerge.errors import AuthenticationRefused, CampaignError
from mailmerge.smtp.client import Server


class Drawer(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1.0

    def __init__(self, passwords: dict[tuple[str, str], str], *, locked: bool = False) -> None:
        self.passwords = passwords
        self.locked = locked

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.passwords[service, username] = password


@pytest.fixture(autouse=True)
def drawer() -> Iterator[Drawer]:
    """The keyring of this machine is left alone."""
    before = keyring.get_keyring()
    drawer = Drawer({})
    keyring.set_keyring(drawer)
    yield drawer
    keyring.set_keyring(before)


def campaign(folder: Path, smtp: str = "", delivery: str = "") -> Campaign:
    (folder / "campaign.toml").write_text(
        '[message]\nfrom = "news@x-firma.de"\nsubject = "Hello"\ntext = "body.txt"\n'
        f"[smtp]\n{smtp}\n[delivery]\n{delivery}\n",
        encoding="utf-8",
    )
    return load_campaign(folder)


def account(folder: Path, smtp: str, delivery: str = "") -> Account:
    found = find_account(campaign(folder, smtp, delivery))
    assert found is not None
    return found


# -- which server ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("smtp", "port", "security"),
    [
        ('host = "mail.x.org"', 587, "starttls"),
        ('host = "mail.x.org"\nport = 465', 465, "tls"),
        ('host = "mail.x.org"\nsecurity = "tls"', 465, "tls"),
        ('host = "mail.x.org"\nsecurity = "none"', 25, "none"),
        ('host = "mail.x.org"\nport = 2525', 2525, "starttls"),
        ('host = "localhost"', 25, "none"),
        ('host = "127.0.0.1"\nport = 1025', 1025, "none"),
        ('host = "127.0.0.1"\nprotocol = "lmtp"', 24, "none"),
        ('host = "127.0.0.1"\nsecurity = "starttls"', 587, "starttls"),
    ],
)
def test_a_server_is_encrypted_unless_it_is_this_machine(
    tmp_path: Path, smtp: str, port: int, security: str
) -> None:
    server = account(tmp_path, smtp).server
    assert (server.port, server.security) == (port, security)


def test_a_provider_fills_in_what_is_left_out(tmp_path: Path) -> None:
    found = account(tmp_path, 'provider = "gmail"\nusername = "a@gmail.com"')
    assert (found.server.host, found.server.port, found.server.security) == (
        "smtp.gmail.com",
        465,
        "tls",
    )
    assert found.login_must_equal_from
    assert found.rates
    assert found.size_limit
    assert found.name == "a@gmail.com@smtp.gmail.com:465"


def test_campaign_toml_overrules_the_provider(tmp_path: Path) -> None:
    found = account(
        tmp_path,
        'provider = "gmail"\nhost = "proxy.x.org"\nsecurity = "starttls"',
        'rate = "7/minute"\nconnections = 50\nmessages_per_connection = 3',
    )
    assert (found.server.host, found.server.port) == ("proxy.x.org", 587)
    assert found.rates == (Rate(7, 60),)
    assert found.messages_per_connection == 3
    assert found.provider is not None
    assert found.connections == (found.provider.max_connections or 50)


def test_a_socket_is_a_server_of_this_machine(tmp_path: Path) -> None:
    found = account(tmp_path, 'socket = "/run/lmtp"\nprotocol = "lmtp"')
    assert found.is_loopback
    assert found.server_name == found.name == "/run/lmtp"
    assert found.server.security == "none"
    assert not found.login_must_equal_from


def test_paths_begin_at_the_campaign_folder(tmp_path: Path) -> None:
    found = account(tmp_path, 'host = "mail.x.org"\nca_file = "ca.pem"')
    assert found.server.ca_file == str(tmp_path / "ca.pem")
    assert account(tmp_path, 'host = "mail.x.org"').server.ca_file == ""


def test_an_ipv6_address_stands_in_brackets_and_is_used_without(tmp_path: Path) -> None:
    for written in ("[::1]", "::1"):
        found = account(tmp_path, f'host = "{written}"\nport = 25')
        assert found.server.host == "::1"
        assert found.server_name == "[::1]:25"
        assert str(found.server) == "[::1] port 25"
        assert found.is_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("10.0.0.1", False),
        ("localhost.x.org", False),
        ("", False),
    ],
)
def test_loopback_is_known_by_its_names(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_no_server_is_no_account_and_an_error_where_one_is_needed(tmp_path: Path) -> None:
    nowhere = campaign(tmp_path)
    assert find_account(nowhere) is None
    with pytest.raises(CampaignError) as caught:
        require_account(nowhere)
    assert caught.value.problem.code == "no-server"
    assert "--sandbox" in str(caught.value)
    assert require_account(campaign(tmp_path, 'host = "x.org"')).server.host == "x.org"


def test_an_unknown_provider_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(CampaignError) as caught:
        find_account(campaign(tmp_path, 'provider = "gmale"'))
    assert "gmail" in str(caught.value)


def test_a_provider_without_one_host_asks_for_it(tmp_path: Path) -> None:
    with pytest.raises(CampaignError) as caught:
        find_account(campaign(tmp_path, 'provider = "ses"'))
    assert caught.value.problem.code == "no-host"
    assert "amazonaws.com" in caught.value.problem.hint


# -- whose log-in ---------------------------------------------------------------------------------

LOGIN = 'host = "mail.x.org"\nusername = "ann"\n'
COMMAND = 'password_command = "echo from-command"\n'
KEY = ("smtp://mail.x.org", "ann")


def password(folder: Path, smtp: str, environ: dict[str, str], typed: str | None = None) -> str:
    """Where the password comes from; `typed` is what a person types, None where nobody is there."""
    made = campaign(folder, smtp)
    ask = None if typed is None else lambda _: typed
    credentials = read_credentials(made, require_account(made), ask=ask, environ=environ)
    assert credentials is not None
    assert credentials.password not in repr(credentials)
    return credentials.password


def test_the_password_is_looked_for_in_order(tmp_path: Path, drawer: Drawer) -> None:
    environ = {PASSWORD_VARIABLE: "from-environment"}
    assert password(tmp_path, LOGIN, {}, "typed") == "typed"
    assert password(tmp_path, LOGIN, environ, "typed") == "from-environment"
    assert password(tmp_path, LOGIN + COMMAND, environ, "typed") == "from-command"
    drawer.passwords[KEY] = "from-keyring"
    assert password(tmp_path, LOGIN + COMMAND, environ, "typed") == "from-keyring"


def test_a_locked_keyring_is_passed_over(tmp_path: Path, drawer: Drawer) -> None:
    drawer.passwords[KEY] = "from-keyring"
    drawer.locked = True
    assert password(tmp_path, LOGIN, {PASSWORD_VARIABLE: "from-environment"}) == "from-environment"


def test_the_prompt_says_whose_password_is_wanted(tmp_path: Path) -> None:
    made = campaign(tmp_path, LOGIN)
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "x"

    read_credentials(made, require_account(made), ask=ask, environ={})
    assert asked == ["Password of ann at mail.x.org:587: "]


@pytest.mark.parametrize("typed", [None, ""])
def test_no_password_is_an_error_that_says_where_to_put_one(
    tmp_path: Path, typed: str | None
) -> None:
    with pytest.raises(AuthenticationRefused) as caught:
        password(tmp_path, LOGIN, {}, typed)
    assert caught.value.problem.code == "no-password"
    assert PASSWORD_VARIABLE in str(caught.value)


def test_no_username_is_no_log_in(tmp_path: Path) -> None:
    made = campaign(tmp_path, 'host = "mail.x.org"')
    assert read_credentials(made, require_account(made), environ={}) is None


def test_a_token_needs_no_password(tmp_path: Path) -> None:
    made = campaign(tmp_path, LOGIN + 'token_command = "echo abc"\nauth = "xoauth2"')
    credentials = read_credentials(made, require_account(made), environ={})
    assert credentials is not None
    assert (credentials.token, credentials.password, credentials.mechanism) == (
        "abc",
        "",
        "xoauth2",
    )
    assert "abc" not in repr(credentials)


def test_only_the_first_line_of_a_command_counts(tmp_path: Path) -> None:
    script = tmp_path / "command.py"
    script.write_text("print('first ')\nprint('second')\n")
    command = f"password_command = '{sys.executable} {script}'"
    assert password(tmp_path, LOGIN + command, {}) == "first "


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("false", "exit status 1"),
        ("no-such-program-here", "No such file"),
        ('echo \\"open', "No closing quotation"),
    ],
)
def test_a_command_that_fails_is_named_without_its_output(
    tmp_path: Path, command: str, says: str
) -> None:
    with pytest.raises(CampaignError) as caught:
        password(tmp_path, LOGIN + f'password_command = "{command}"', {})
    assert caught.value.problem.column == "smtp.password_command"
    assert says in caught.value.problem.message


def test_a_command_that_never_ends_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailmerge.credentials.COMMAND_SECONDS", 0.05)
    with pytest.raises(CampaignError, match="no answer within"):
        password(tmp_path, LOGIN + 'password_command = "sleep 5"', {})


def test_a_command_sees_no_shell(tmp_path: Path) -> None:
    assert password(tmp_path, LOGIN + 'password_command = "echo a; echo $HOME"', {}) == (
        "a; echo $HOME"
    )


def test_the_account_of_a_bare_server_allows_everything() -> None:
    bare = Account(Server("mail.x.org", 587, "starttls"))
    assert not bare.login_must_equal_from
    assert not bare.is_loopback
    assert bare.name == bare.server_name == "mail.x.org:587"
