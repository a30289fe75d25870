"""[smtp] and the providers: the server, the log-in, the limits, and the source of the password."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backend
import keyring.errors
import pytest

from mailmerge.credentials import (
    Account,
    Allowance,
    Server,
    find_account,
    forget_password,
    read_credentials,
    require_account,
    store_password,
)
from mailmerge.errors import AuthenticationRefused, CampaignError
from mailmerge.settings import DeliverySection, Rate, SmtpSection
from mailmerge.smtp import Server as Address

VARIABLE = "MAILMERGE_SMTP_PASSWORD"


class MemoryKeyring(keyring.backend.KeyringBackend):
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
def memory_keyring() -> Iterator[MemoryKeyring]:
    """A keyring for the test, so that the one of this machine stays as it is."""
    before = keyring.get_keyring()
    memory = MemoryKeyring({})
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


def section(**keys: object) -> SmtpSection:
    return SmtpSection.model_validate(keys)


def account(**keys: object) -> Account:
    return require_account(section(**keys), Path())


# -- the server -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "port", "security"),
    [
        ({"host": "mail.x.org"}, 587, "starttls"),
        ({"host": "mail.x.org", "port": 465}, 465, "tls"),
        ({"host": "mail.x.org", "security": "tls"}, 465, "tls"),
        ({"host": "mail.x.org", "security": "none"}, 25, "none"),
        ({"host": "mail.x.org", "port": 2525}, 2525, "starttls"),
        ({"host": "localhost"}, 25, "none"),
        ({"host": "127.0.0.1", "port": 1025}, 1025, "none"),
        ({"host": "127.0.0.1", "protocol": "lmtp"}, 24, "none"),
        ({"host": "127.0.0.1", "security": "starttls"}, 587, "starttls"),
    ],
)
def test_connections_are_encrypted_except_to_this_machine(
    keys: dict[str, object], port: int, security: str
) -> None:
    server = account(**keys).server
    assert (server.port, server.security) == (port, security)


def test_provider_fills_in_what_is_left_out() -> None:
    found = account(provider="gmail", username="a@gmail.com")
    assert (found.server.host, found.server.port, found.server.security) == (
        "smtp.gmail.com",
        465,
        "tls",
    )
    assert found.login_must_equal_from
    assert found.allows.rates
    assert found.allows.message_size
    assert found.name == "a@gmail.com@smtp.gmail.com:465"


def test_own_keys_win_over_the_provider() -> None:
    found = account(provider="gmail", host="proxy.x.org", security="starttls")
    assert (found.server.host, found.server.port) == ("proxy.x.org", 587)


def test_unix_socket_is_this_machine() -> None:
    found = account(socket="/run/lmtp", protocol="lmtp")
    assert found.is_loopback
    assert found.server_name == found.name == "/run/lmtp"
    assert found.server.security == "none"
    assert not found.login_must_equal_from


def test_ca_file_is_relative_to_the_campaign_folder(tmp_path: Path) -> None:
    found = find_account(section(host="mail.x.org", ca_file="ca.pem"), tmp_path)
    assert found is not None
    assert found.server.ca_file == str(tmp_path / "ca.pem")
    assert account(host="mail.x.org").server.ca_file == ""


@pytest.mark.parametrize("written", ["[::1]", "::1"])
def test_ipv6_address_may_be_in_brackets(written: str) -> None:
    found = account(host=written, port=25)
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
def test_loopback_is_recognised(host: str, expected: bool) -> None:
    assert Account(Address(host)).is_loopback is expected


def test_no_server_is_an_error_only_where_one_is_needed() -> None:
    assert find_account(SmtpSection(), Path()) is None
    with pytest.raises(CampaignError) as caught:
        require_account(SmtpSection(), Path())
    assert caught.value.problem.code == "no-server"
    assert "--sandbox" in str(caught.value)
    assert account(host="x.org").server.host == "x.org"


def test_unknown_provider_suggests_the_nearest() -> None:
    with pytest.raises(CampaignError, match="gmail"):
        account(provider="gmale")


def test_provider_without_a_host_asks_for_one() -> None:
    with pytest.raises(CampaignError) as caught:
        account(provider="ses")
    assert caught.value.problem.code == "no-host"
    assert caught.value.problem.file == "campaign.toml"
    assert "amazonaws.com" in caught.value.problem.hint


def test_bare_server_has_no_limits() -> None:
    bare = Account(Address("mail.x.org", 587, "starttls"))
    assert not bare.login_must_equal_from
    assert not bare.is_loopback
    assert bare.allows == Allowance()
    assert bare.name == bare.server_name == "mail.x.org:587"


# -- limits ---------------------------------------------------------------------------------------

ALLOWED = Allowance((Rate(500, 86_400),), 5, 100, 25_000_000)


def test_limits_of_the_provider_hold_by_default() -> None:
    assert ALLOWED.within(DeliverySection()) == Allowance((Rate(500, 86_400),), 1, 100, 25_000_000)


def test_own_limits_and_those_of_the_provider_all_hold() -> None:
    delivery = DeliverySection.model_validate({"rate": "7/minute", "messages_per_connection": 3})
    found = ALLOWED.within(delivery)
    assert found.rates == (Rate(7, 60), Rate(500, 86_400))
    assert found.messages_per_connection == 3
    looser = DeliverySection.model_validate({"rate": "900/day", "messages_per_connection": 300})
    assert ALLOWED.within(looser).rates == (Rate(500, 86_400),)
    assert ALLOWED.within(looser).messages_per_connection == 100


@pytest.mark.parametrize(
    ("wanted", "allowed", "expected"), [(50, 5, 5), (3, 5, 3), (50, None, 50), (None, 5, 1)]
)
def test_connections_stay_within_the_provider(
    wanted: int | None, allowed: int | None, expected: int
) -> None:
    found = Allowance(connections=allowed).within(DeliverySection(connections=wanted))
    assert found.connections == expected


# -- the password ---------------------------------------------------------------------------------

LOGIN = {"host": "mail.x.org", "username": "ann"}
COMMAND = {"password_command": "echo from-command"}
KEY = ("smtp://mail.x.org", "ann")


def password(environ: dict[str, str], typed: str | None = None, **keys: object) -> str:
    """The password that is found; `typed` is what the user types, None without a terminal."""
    ask = None if typed is None else lambda _: typed
    credentials = read_credentials(account(**LOGIN, **keys), ask=ask, environ=environ)
    assert credentials is not None
    assert credentials.password not in repr(credentials)
    return credentials.password


def test_password_sources_have_an_order(memory_keyring: MemoryKeyring) -> None:
    environ = {VARIABLE: "from-environment"}
    assert password({}, "typed") == "typed"
    assert password(environ, "typed") == "from-environment"
    assert password(environ, "typed", **COMMAND) == "from-command"
    memory_keyring.passwords[KEY] = "from-keyring"
    assert password(environ, "typed", **COMMAND) == "from-keyring"


def test_locked_keyring_is_passed_over(memory_keyring: MemoryKeyring) -> None:
    memory_keyring.passwords[KEY] = "from-keyring"
    memory_keyring.locked = True
    assert password({VARIABLE: "from-environment"}) == "from-environment"


def test_broken_keyring_is_passed_over(
    memory_keyring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: str) -> str:
        raise OSError(1312, "A specified logon session does not exist")

    monkeypatch.setattr(memory_keyring, "get_password", fail)
    assert password({"MAILMERGE_SMTP_PASSWORD": "environment"}) == "environment"


def test_password_that_cannot_be_removed_is_an_error(
    memory_keyring: MemoryKeyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: str) -> None:
        raise OSError(5, "locked")

    mine = account(host="mail.example.org", username="ann")
    store_password(mine, "secret")
    monkeypatch.setattr(memory_keyring, "delete_password", fail)
    with pytest.raises(CampaignError, match="cannot be removed"):
        forget_password(mine)


def test_prompt_names_the_log_in_and_the_server() -> None:
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "x"

    read_credentials(account(**LOGIN), ask=ask, environ={})
    assert asked == ["Password of ann at mail.x.org:587: "]


@pytest.mark.parametrize("typed", [None, ""])
def test_missing_password_says_where_to_put_one(typed: str | None) -> None:
    with pytest.raises(AuthenticationRefused) as caught:
        password({}, typed)
    assert caught.value.problem.code == "no-password"
    assert VARIABLE in str(caught.value)


def test_no_username_means_no_log_in() -> None:
    assert read_credentials(account(host="mail.x.org"), environ={}) is None


def test_token_needs_no_password() -> None:
    found = account(**LOGIN, token_command="echo abc", auth="xoauth2")
    credentials = read_credentials(found, environ={})
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
    assert password({}, password_command=f"{sys.executable} {script}") == "first "


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("false", "exit status 1"),
        ("no-such-program-here", "No such file"),
        ('echo "open', "No closing quotation"),
    ],
)
def test_failed_command_is_reported_without_its_output(command: str, says: str) -> None:
    with pytest.raises(CampaignError) as caught:
        password({}, password_command=command)
    assert caught.value.problem.column == "smtp.password_command"
    assert says in caught.value.problem.message


def test_command_has_a_time_limit() -> None:
    slow = account(**LOGIN, password_command="sleep 5")
    with pytest.raises(CampaignError, match=r"no answer within 0\.05 seconds"):
        read_credentials(slow, environ={}, command_seconds=0.05)


def test_command_runs_without_a_shell() -> None:
    assert password({}, password_command="echo a; echo $HOME") == "a; echo $HOME"


# -- a server in code -----------------------------------------------------------------------------


def test_server_in_code_has_the_defaults_of_campaign_toml() -> None:
    server = Server("smtp.example.org", username="news", password="secret")
    assert server.account == account(host="smtp.example.org", username="news")
    credentials = server.credentials()
    assert credentials is not None
    assert (credentials.username, credentials.password) == ("news", "secret")
    assert "secret" not in repr(server)


def test_server_in_code_may_be_a_provider() -> None:
    server = Server(provider="gmail", username="a@gmail.com", token="abc", auth="oauthbearer")
    assert server.account.server.host == "smtp.gmail.com"
    credentials = server.credentials()
    assert credentials is not None
    assert (credentials.token, credentials.mechanism) == ("abc", "oauthbearer")


def test_server_without_username_has_no_credentials() -> None:
    assert Server("localhost", port=1025).credentials() is None


def test_server_without_password_looks_into_the_keyring(memory_keyring: MemoryKeyring) -> None:
    memory_keyring.passwords[KEY] = "from-keyring"
    credentials = Server("mail.x.org", username="ann").credentials()
    assert credentials is not None
    assert credentials.password == "from-keyring"


def test_wrong_values_of_a_server_are_errors_without_a_file() -> None:
    with pytest.raises(CampaignError, match="port: expected less than or equal to 65535"):
        Server("mail.x.org", port=70_000)
    with pytest.raises(CampaignError, match="pass host or provider"):
        Server()
    with pytest.raises(CampaignError) as caught:
        Server(provider="ses")
    assert caught.value.problem.file == ""


def test_command_that_prints_endlessly_is_stopped() -> None:
    with pytest.raises(CampaignError, match="prints more than 16,384 bytes") as caught:
        password({}, password_command="yes")
    assert caught.value.problem.code == "command-failed"


def test_function_in_code_gives_each_connection_a_token() -> None:
    tokens = iter(["first", "second"])
    server = Server("mail.x.org", username="ann", token=lambda: next(tokens))
    source = server.credential_source()
    assert callable(source)
    assert [source().token, source().token] == ["first", "second"]


def test_registered_application_needs_a_stored_log_in() -> None:
    found = account(**LOGIN, provider="gmail", client_id="x")
    assert found.oauth is not None
    with pytest.raises(AuthenticationRefused, match="mailmerge login"):
        read_credentials(found, environ={"MAILMERGE_SMTP_PASSWORD": "unused"})
