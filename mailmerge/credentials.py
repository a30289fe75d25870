"""[smtp] and the provider's rules -> Account: the server, the log-in, and what the account allows.

`read_credentials` reads secrets only just before a connection, and nothing writes them anywhere. A
password comes from the first of: the keyring, password_command, the environment variable
MAILMERGE_SMTP_PASSWORD, a prompt. A password stays the same during a run. An access token expires
within an hour or so, therefore `credential_source` is a function that each connection asks.
"""

from __future__ import annotations

import ipaddress
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from mailmerge.errors import AuthenticationRefused, CampaignError
from mailmerge.language import tr
from mailmerge.oauth.servers import OAuthClient, find_client
from mailmerge.providers.lookup import Provider, Security, find_provider
from mailmerge.secret_commands import output_of_command
from mailmerge.settings import (
    CAMPAIGN_FILE,
    DeliverySection,
    Rate,
    SmtpSection,
    explained,
    parse_rate,
    strictest,
)
from mailmerge.smtp import Credentials, CredentialSource
from mailmerge.smtp import Server as Address

if TYPE_CHECKING:
    from mailmerge.oauth.tokens import AccessTokens

_PASSWORD_VARIABLE = "MAILMERGE_SMTP_PASSWORD"  # noqa: S105 - the variable's name, not a password
_COMMAND_SECONDS = 60.0
"""The time limit of password_command, in seconds: the user may have to unlock a key."""


_PORTS: dict[Security, int] = {"tls": 465, "starttls": 587, "none": 25}
_LMTP_PORT = 24

_PRIMED_SECONDS = 60.0
"""How long the token that was read before a run may wait for the first connection."""

_Mechanism = Literal["", "plain", "login", "cram-md5", "xoauth2", "oauthbearer"]


@dataclass(frozen=True, slots=True)
class Allowance:
    """The limits of an account; None and () mean that no limit is known.

    Attributes:
        rates: all of them hold at once.
        connections: connections at the same time.
        messages_per_connection: messages before the server requires a new connection.
        message_size: bytes of one message.
    """

    rates: tuple[Rate, ...] = ()
    connections: int | None = None
    messages_per_connection: int | None = None
    message_size: int | None = None

    def within(self, delivery: DeliverySection) -> Allowance:
        """The limits of [delivery] combined with these: all of them hold, the stricter governs."""
        wanted = delivery.connections or 1
        per_connection = [self.messages_per_connection, delivery.messages_per_connection]
        return replace(
            self,
            rates=strictest(delivery.rate, self.rates),
            connections=min(wanted, self.connections or wanted),
            messages_per_connection=min(filter(None, per_connection), default=None),
        )


@dataclass(frozen=True, slots=True)
class Account:
    """A server, the log-in to it, and the limits of both.

    Attributes:
        server: where to connect, and how.
        username: the log-in; "" for no log-in.
        mechanism: the SASL mechanism; "" leaves the choice to the client.
        allow_plain_text: whether the password may cross an unencrypted connection.
        password_command: a command that prints the password; may be empty.
        token_command: a command that prints an OAuth access token; may be empty.
        oauth: the application whose stored log-in gives access tokens; None for other log-ins.
        provider: the service; None if [smtp] names none.
        allows: the limits of the provider.
    """

    server: Address
    username: str = ""
    mechanism: str = ""
    allow_plain_text: bool = False
    password_command: str = ""
    token_command: str = ""
    oauth: OAuthClient | None = None
    provider: Provider | None = None
    allows: Allowance = field(default_factory=Allowance)

    @property
    def server_name(self) -> str:
        """The server as users know it: `HOST:PORT`, or the path of a Unix socket."""
        return self.server.socket or f"{self.server.host_in_brackets}:{self.server.port}"

    @property
    def name(self) -> str:
        """The name under which daily limits are counted; they apply to a log-in."""
        return f"{self.username}@{self.server_name}" if self.username else self.server_name

    @property
    def login_must_equal_from(self) -> bool:
        """Whether the provider refuses a From that is not the log-in."""
        return self.provider is not None and self.provider.login_must_equal_from

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine, such as a test server or a local relay."""
        return bool(self.server.socket) or _is_loopback(self.server.host)


class Server:
    """A server to send through: a host or a provider, and the log-in.

        Server("smtp.example.org", username="news", password=...)
        Server(provider="gmail", username="ann@gmail.com", password=...)

    Arguments that are left out come from the provider, or from the defaults of campaign.toml: port
    587 with STARTTLS, no encryption on this machine. Without `password` and `token`, the password
    of `username` comes from the keyring or from MAILMERGE_SMTP_PASSWORD.

    Args:
        host: a name or an IP address; may be left out if the provider has one host.
        provider: a name of `mailmerge providers`, such as "gmail".
        port: 1 to 65535.
        security: "tls", "starttls" or "none".
        username: the log-in.
        password: its password, or what the provider calls an app password.
        token: an OAuth access token instead of a password (RFC 7628, XOAUTH2), or a function that
            returns one and is called before each connection.
        auth: the SASL mechanism, such as "login"; the best one that the server offers by default.
        plain_text_login: whether the password may cross an unencrypted connection.
        protocol: "smtp" or "lmtp" (RFC 2033).
        socket: the path of a Unix socket instead of a host.
        ca_file: a PEM file with certificates to trust.
        local_name: the name in EHLO; by default the full name of this machine.

    Attributes:
        account: the server, the log-in and the limits of both; it holds no password.

    Raises:
        CampaignError: an unknown provider, no host, or a value of a wrong type.
    """

    __slots__ = ("_password", "_token", "account")

    def __init__(
        self,
        host: str = "",
        *,
        provider: str = "",
        port: int | None = None,
        security: Security | None = None,
        username: str = "",
        password: str = "",
        token: str | Callable[[], str] = "",
        auth: _Mechanism = "",
        plain_text_login: bool = False,
        protocol: Literal["smtp", "lmtp"] = "smtp",
        socket: str | Path = "",
        ca_file: str | Path = "",
        local_name: str = "",
    ) -> None:
        given = {
            "host": host, "provider": provider, "port": port, "security": security,
            "username": username, "auth": auth, "plain_text_login": plain_text_login,
            "protocol": protocol, "socket": str(socket), "ca_file": str(ca_file),
            "local_name": local_name,
        }  # fmt: skip
        try:
            section = SmtpSection.model_validate(given)
        except ValidationError as error:
            raise explained(error, given, "") from error
        self.account = _account_in_code(section)
        self._password = password
        self._token = token

    def __repr__(self) -> str:
        return f"Server({self.account.name!r})"

    def credentials(self) -> Credentials | None:
        """The log-in with its secret; None where there is no username.

        Raises:
            AuthenticationRefused: there is a username, and no password or token is found.
        """
        source = self.credential_source()
        return source() if callable(source) else source

    def credential_source(self) -> CredentialSource:
        """The log-in of a run: the same, or a function that gives each connection its token.

        Raises: as `credentials`.
        """
        if not self.account.username or not (self._password or self._token):
            return credential_source(self.account)
        token = self._token
        if callable(token):
            return lambda: _credentials(self.account, token=token())
        return _credentials(self.account, password=self._password, token=token)


def _account_in_code(section: SmtpSection) -> Account:
    try:
        account = find_account(section, Path())
    except CampaignError as error:
        error.problem = replace(error.problem, file="", column="")
        raise
    if account is None:
        raise CampaignError(
            tr("the server has no host"), hint=tr("pass host or provider"), code="no-server"
        )
    return account


def find_account(smtp: SmtpSection, folder: Path) -> Account | None:
    """The account that [smtp] describes; None if it names no server.

    The path `ca_file` is relative to `folder`.

    Raises:
        CampaignError: an unknown provider, or keys that contradict each other.
    """
    if not (smtp.provider or smtp.host or smtp.socket):
        return None
    provider = find_provider(smtp.provider) if smtp.provider else None
    return Account(
        server=_address(smtp, folder, provider),
        username=smtp.username,
        mechanism="" if smtp.auth == "oauth" else smtp.auth,
        allow_plain_text=smtp.plain_text_login,
        password_command=smtp.password_command,
        token_command=smtp.token_command,
        oauth=find_client(smtp, provider),
        provider=provider,
        allows=_allowance(provider) if provider else Allowance(),
    )


def require_account(smtp: SmtpSection, folder: Path) -> Account:
    """The account that [smtp] describes.

    Raises:
        CampaignError: it names no server; or as `find_account`.
    """
    account = find_account(smtp, folder)
    if account is None:
        raise CampaignError(
            tr("no server is configured"), file=CAMPAIGN_FILE, column="smtp",
            hint=tr('add [smtp] with provider = "..." or host = "...", or send with --sandbox'),
            code="no-server",
        )  # fmt: skip
    return account


def read_credentials(
    account: Account,
    *,
    ask: Callable[[str], str] | None = None,
    environ: Mapping[str, str] = os.environ,
    command_seconds: float = _COMMAND_SECONDS,
) -> Credentials | None:
    """The log-in of the account with its secret; None if the account has no username.

    `ask` shows its argument to the user and returns the typed text; it is None without a terminal.
    `command_seconds` is the time limit of a command.

    Raises:
        CampaignError: a command failed.
        AuthenticationRefused: no password is found.
    """
    if not account.username:
        return None
    if account.token_command:
        token = output_of_command(account.token_command, "smtp.token_command", command_seconds)
        return _credentials(account, token=token)
    if account.oauth:
        return _credentials(account, token=_open_tokens(account.oauth).current())
    password = _from_keyring(account)
    if not password and account.password_command:
        password = output_of_command(
            account.password_command, "smtp.password_command", command_seconds
        )
    if not password:
        password = environ.get(_PASSWORD_VARIABLE, "")
    if not password and ask is not None:
        password = ask(password_question(account))
    if not password:
        raise AuthenticationRefused(
            tr(
                "there is no password for {username} at {server_name}",
                username=account.username,
                server_name=account.server_name,
            ),
            hint=tr(
                "set smtp.password_command or {variable}, or run `mailmerge "
                "login`, which puts it into the keyring",
                variable=_PASSWORD_VARIABLE,
            ),
            code="no-password",
        )
    return _credentials(account, password=password)


def credential_source(
    account: Account, *, ask: Callable[[str], str] | None = None
) -> CredentialSource:
    """The log-in of a run: a password once, or a function that gives each connection its token.

    A token is read at once, so that a log-in that cannot work ends the run before it begins.

    Raises: as `read_credentials`.
    """
    if account.username and account.token_command:
        tokens = _CommandTokens(account.token_command)
        tokens.prime()
        return lambda: _credentials(account, token=tokens.current())
    if account.username and account.oauth:
        renewed = _open_tokens(account.oauth)
        renewed.current()
        return lambda: _credentials(account, token=renewed.current())
    return read_credentials(account, ask=ask)


class _CommandTokens:
    """The tokens that a command prints; it runs for each connection, since it knows their end."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._mutex = threading.Lock()
        self._primed: tuple[str, float] | None = None

    def prime(self) -> None:
        """Read the token of the first connection."""
        self._primed = (self._read(), time.monotonic())

    def current(self) -> str:
        """A token for one connection."""
        with self._mutex:
            primed, self._primed = self._primed, None
            if primed is not None and time.monotonic() - primed[1] < _PRIMED_SECONDS:
                return primed[0]
            return self._read()

    def _read(self) -> str:
        return output_of_command(self._command, "smtp.token_command", _COMMAND_SECONDS)


def _open_tokens(client: OAuthClient) -> AccessTokens:
    """The access tokens of a stored log-in."""
    from mailmerge.oauth.storage import LoginStore
    from mailmerge.oauth.tokens import AccessTokens

    return AccessTokens(client, LoginStore(client), secret=lambda: client_secret(client))


def client_secret(client: OAuthClient) -> str:
    """What client_secret_command prints; "" without a command.

    Raises:
        CampaignError: the command failed.
    """
    if not client.secret_command:
        return ""
    return output_of_command(client.secret_command, "smtp.client_secret_command", _COMMAND_SECONDS)


def _keyring_service(account: Account) -> str:
    """The name under which the keyring has the password of an account."""
    return f"smtp://{account.server.host}"


def with_token(account: Account, token: str) -> Credentials:
    """The log-in of the account with this access token."""
    return _credentials(account, token=token)


def with_password(account: Account, password: str) -> Credentials:
    """The log-in of the account with this password."""
    return _credentials(account, password=password)


def password_question(account: Account) -> str:
    """The prompt for the password of an account."""
    return tr(
        "Password of {username} at {server_name}: ",
        username=account.username,
        server_name=account.server_name,
    )


def has_keyring() -> bool:
    """Whether the system has a keyring that stores passwords."""
    import keyring

    try:
        return float(keyring.get_keyring().priority) >= 1
    except Exception:  # noqa: BLE001 - the errors of a keyring are those of its platform
        return False


def store_password(account: Account, password: str) -> None:
    """Put the password into the keyring, where `read_credentials` finds it.

    Raises:
        CampaignError: there is no keyring, or it does not keep the password.
    """
    import keyring

    try:
        keyring.set_password(_keyring_service(account), account.username, password)
        kept = keyring.get_password(_keyring_service(account), account.username) == password
    except Exception:  # noqa: BLE001 - the errors of a keyring are those of its platform
        kept = False
    if not kept:
        raise CampaignError(
            tr("the keyring of the system does not store the password"),
            hint=tr(
                "set password_command or {variable}; docs/login.md has examples",
                variable=_PASSWORD_VARIABLE,
            ),
            code="no-keyring",
        )


def forget_password(account: Account) -> bool:
    """Remove the password from the keyring. Returns whether there was one.

    Raises:
        CampaignError: the keyring does not remove it.
    """
    import keyring

    if not account.username or not _from_keyring(account):
        return False
    try:
        keyring.delete_password(_keyring_service(account), account.username)
    except Exception as error:  # as above
        raise CampaignError(
            tr("the password cannot be removed from the keyring of the system"),
            hint=tr("unlock the keyring and try again, or remove the password there"),
            code="no-keyring",
        ) from error
    return True


def _credentials(account: Account, *, password: str = "", token: str = "") -> Credentials:
    return Credentials(
        username=account.username,
        password=password,
        token=token,
        mechanism=account.mechanism,
        allow_plain_text=account.allow_plain_text,
    )


def _is_loopback(host: str) -> bool:
    """Whether `host` names this machine (RFC 6761, 6.3; RFC 1122, 3.2.1.3)."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _address(smtp: SmtpSection, folder: Path, provider: Provider | None) -> Address:
    security = smtp.security or _default_security(smtp, provider)
    standard = _LMTP_PORT if smtp.protocol == "lmtp" else _PORTS[security]
    preset = provider.port if provider and security == provider.security else None
    return Address(
        host=_without_brackets(smtp.host) or _preset_host(provider),
        port=smtp.port or preset or standard,
        security=security,
        protocol=smtp.protocol,
        socket=smtp.socket,
        ca_file=str(folder / smtp.ca_file) if smtp.ca_file else "",
        local_name=smtp.local_name,
        pipelining=smtp.pipelining,
        chunking=smtp.chunking,
    )


def _without_brackets(host: str) -> str:
    """An IPv6 address may be written as in a URL (RFC 3986, 3.2.2)."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _preset_host(provider: Provider | None) -> str:
    if provider is None:
        return ""
    if not provider.host:
        raise CampaignError(
            tr("the host of {title} depends on the account", title=provider.title),
            file=CAMPAIGN_FILE,
            column="smtp.host",
            hint=tr("add host = {host!r}", host=provider.host_hint),
            code="no-host",
        )
    return provider.host


def _default_security(smtp: SmtpSection, provider: Provider | None) -> Security:
    """Encrypted unless the server is on this machine; 465 is implicit TLS (RFC 8314, 3.3)."""
    if provider is not None:
        return provider.security
    if smtp.socket or _is_loopback(smtp.host):
        return "none"
    return "tls" if smtp.port == _PORTS["tls"] else "starttls"


def _allowance(provider: Provider) -> Allowance:
    return Allowance(
        tuple(parse_rate(text) for text in provider.rates),
        provider.max_connections,
        provider.messages_per_connection,
        provider.max_size,
    )


def _from_keyring(account: Account) -> str:
    """The password under service `smtp://HOST`; "" if there is none, or no keyring."""
    import keyring

    try:
        return keyring.get_password(_keyring_service(account), account.username) or ""
    except Exception:  # noqa: BLE001 - the errors of a keyring are those of its platform
        return ""
