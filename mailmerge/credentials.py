"""[smtp] and the provider's rules -> Account: which server, whose log-in, which limits.

Secrets are read by `read_credentials` only when a connection is about to be made, and are never
written anywhere: keyring, then password_command, then MAILMERGE_SMTP_PASSWORD, then a prompt.
"""

from __future__ import annotations

import ipaddress
import os
import shlex
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mailmerge.campaign import CAMPAIGN_FILE, Campaign, Rate, SmtpSection, parse_rate
from mailmerge.errors import AuthenticationRefused, CampaignError
from mailmerge.providers.lookup import Provider, Security, find_provider
from mailmerge.smtp.client import Credentials, Server

PASSWORD_VARIABLE = "MAILMERGE_SMTP_PASSWORD"  # noqa: S105 - the variable's name, not a password
COMMAND_SECONDS = 60
"""How long password_command may take: a person may have to unlock a key."""

_PORTS: dict[Security, int] = {"tls": 465, "starttls": 587, "none": 25}
_LMTP_PORT = 24


@dataclass(frozen=True, slots=True)
class Account:
    """The server that takes the messages, the log-in there, and what both allow.

    `rates` are the campaign's own, or else the provider's; `size_limit` is in octets.
    """

    server: Server
    username: str = ""
    mechanism: str = ""
    allow_plain_text: bool = False
    provider: Provider | None = None
    rates: tuple[Rate, ...] = ()
    size_limit: int | None = None

    @property
    def server_name(self) -> str:
        """The server as a person knows it."""
        return self.server.socket or f"{self.server.host_in_brackets}:{self.server.port}"

    @property
    def name(self) -> str:
        """Daily limits are counted under this name: they belong to the log-in."""
        return f"{self.username}@{self.server_name}" if self.username else self.server_name

    @property
    def login_must_equal_from(self) -> bool:
        """Whether the provider refuses a From that is not the log-in."""
        return self.provider is not None and self.provider.login_must_equal_from

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine: a sink, a test server, or a local relay."""
        return bool(self.server.socket) or is_loopback(self.server.host)


def is_loopback(host: str) -> bool:
    """Whether `host` names this machine (RFC 6761, 6.3; RFC 1122, 3.2.1.3)."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def find_account(campaign: Campaign) -> Account | None:
    """The account of the campaign; None where campaign.toml names no server.

    Raises:
        CampaignError: an unknown provider, or keys that contradict each other.
    """
    smtp = campaign.smtp
    if not (smtp.provider or smtp.host or smtp.socket):
        return None
    provider = find_provider(smtp.provider) if smtp.provider else None
    return Account(
        server=_server(campaign, provider),
        username=smtp.username,
        mechanism=smtp.auth,
        allow_plain_text=smtp.plain_text_login,
        provider=provider,
        rates=campaign.delivery.rate or _rates(provider),
        size_limit=provider.max_size if provider else None,
    )


def require_account(campaign: Campaign) -> Account:
    """The account of the campaign.

    Raises:
        CampaignError: campaign.toml names no server.
    """
    account = find_account(campaign)
    if account is None:
        raise CampaignError(
            "no server is named", file=CAMPAIGN_FILE, column="smtp",
            hint='add [smtp] with provider = "..." or host = "...", or send with --sandbox',
            code="no-server",
        )  # fmt: skip
    return account


def read_credentials(
    campaign: Campaign,
    account: Account,
    *,
    ask: Callable[[str], str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Credentials | None:
    """The log-in of the account; None where it has none.

    `ask` shows its argument to a person and returns what they typed; None where nobody is there.

    Raises:
        CampaignError: a command failed.
        AuthenticationRefused: no password is to be had.
    """
    if not account.username:
        return None
    token = password = ""
    if campaign.smtp.token_command:
        token = _output_of(campaign.smtp.token_command, "smtp.token_command")
    else:
        password = _password(campaign, account, ask, environ)
    return Credentials(
        username=account.username,
        password=password,
        token=token,
        mechanism=account.mechanism,
        allow_plain_text=account.allow_plain_text,
    )


def _server(campaign: Campaign, provider: Provider | None) -> Server:
    smtp = campaign.smtp
    security = smtp.security or _default_security(smtp, provider)
    standard = _LMTP_PORT if smtp.protocol == "lmtp" else _PORTS[security]
    preset = provider.port if provider and security == provider.security else None
    return Server(
        host=_without_brackets(smtp.host) or _preset_host(provider),
        port=smtp.port or preset or standard,
        security=security,
        protocol=smtp.protocol,
        socket=smtp.socket,
        ca_file=str(campaign.folder / smtp.ca_file) if smtp.ca_file else "",
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
            f"the host of {provider.title} depends on the account", file=CAMPAIGN_FILE,
            column="smtp.host", hint=f"add host = {provider.host_hint!r}", code="no-host",
        )  # fmt: skip
    return provider.host


def _default_security(smtp: SmtpSection, provider: Provider | None) -> Security:
    """Encrypted unless the server is on this machine; 465 is implicit TLS (RFC 8314, 3.3)."""
    if provider is not None:
        return provider.security
    if smtp.socket or is_loopback(smtp.host):
        return "none"
    return "tls" if smtp.port == _PORTS["tls"] else "starttls"


def _rates(provider: Provider | None) -> tuple[Rate, ...]:
    return tuple(parse_rate(text) for text in provider.rates) if provider else ()


def _password(
    campaign: Campaign,
    account: Account,
    ask: Callable[[str], str] | None,
    environ: Mapping[str, str],
) -> str:
    password = _from_keyring(account)
    if not password and campaign.smtp.password_command:
        password = _output_of(campaign.smtp.password_command, "smtp.password_command")
    if not password:
        password = environ.get(PASSWORD_VARIABLE, "")
    if not password and ask is not None:
        password = ask(f"Password of {account.username} at {account.server_name}: ")
    if not password:
        raise AuthenticationRefused(
            f"there is no password for {account.username} at {account.server_name}",
            hint=f"set smtp.password_command, {PASSWORD_VARIABLE}, or use keyring",
            code="no-password",
        )
    return password


def _from_keyring(account: Account) -> str:
    """The password under service `smtp://HOST`; empty where there is no keyring."""
    import keyring
    import keyring.errors

    try:
        found = keyring.get_password(f"smtp://{account.server.host}", account.username)
    except keyring.errors.KeyringError:
        return ""
    return found or ""


def _output_of(command: str, key: str) -> str:
    """The first line that a command prints; it is run without a shell."""
    try:
        done = subprocess.run(  # noqa: S603 - the person's own command, from their own campaign.toml
            shlex.split(command),
            stdout=subprocess.PIPE,
            timeout=COMMAND_SECONDS,
            check=True,
            text=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        reason = _reason(error)
        raise CampaignError(
            f"{key} failed: {reason}", file=CAMPAIGN_FILE, column=key,
            hint="run it by hand to see what it says", code="command-failed",
        ) from error  # fmt: skip
    return done.stdout.partition("\n")[0]


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"exit status {error.returncode}"
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no answer within {COMMAND_SECONDS} seconds"
    return getattr(error, "strerror", None) or str(error)
