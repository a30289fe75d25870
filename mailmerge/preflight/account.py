"""Rules on the account and its server: what providers refuse, and what is not safe."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from mailmerge.credentials import Account
from mailmerge.errors import Problem
from mailmerge.language import marked, tr
from mailmerge.preflight.rules import Setup
from mailmerge.preflight.sender import sender_of
from mailmerge.recipients.address import Mailbox
from mailmerge.settings import CAMPAIGN_FILE

_GOOGLE = ("gmail.com", "google.com")
_MICROSOFT = ("outlook.com", "office365.com")
_APPLE = ("me.com", "icloud.com")
_YAHOO = ("yahoo.com", "yahoo.co.jp", "yahoodns.net", "aol.com")
_YANDEX = ("yandex.ru", "yandex.com", "yandex.net")

_PUBLIC_MAIL_DOMAINS = {
    "gmail.com": _GOOGLE,
    "googlemail.com": _GOOGLE,
    "yahoo.com": _YAHOO,
    "yahoo.co.uk": _YAHOO,
    "yahoo.de": _YAHOO,
    "yahoo.fr": _YAHOO,
    "ymail.com": _YAHOO,
    "rocketmail.com": _YAHOO,
    "aol.com": _YAHOO,
    "outlook.com": _MICROSOFT,
    "outlook.fr": _MICROSOFT,
    "hotmail.com": _MICROSOFT,
    "hotmail.co.uk": _MICROSOFT,
    "hotmail.fr": _MICROSOFT,
    "live.com": _MICROSOFT,
    "msn.com": _MICROSOFT,
    "icloud.com": _APPLE,
    "me.com": _APPLE,
    "mac.com": _APPLE,
    "qq.com": ("qq.com",),
    "foxmail.com": ("qq.com",),
    "163.com": ("163.com",),
    "126.com": ("126.com",),
    "gmx.de": ("gmx.net", "gmx.de"),
    "gmx.net": ("gmx.net", "gmx.de"),
    "web.de": ("web.de",),
    "yandex.ru": _YANDEX,
    "yandex.com": _YANDEX,
    "ya.ru": _YANDEX,
    "mail.ru": ("mail.ru",),
    "protonmail.com": ("protonmail.ch", "proton.me"),
    "proton.me": ("protonmail.ch", "proton.me"),
}
"""Public mail domains -> the only servers whose mail from them is widely accepted."""

_EXPECTED_SECURITY = {
    465: ("tls", marked("TLS from the first byte")),
    587: ("starttls", "STARTTLS"),
}

_error = partial(Problem, "error", file=CAMPAIGN_FILE)
_warning = partial(Problem, "warning", file=CAMPAIGN_FILE)


def check_sender_may_use_account(setup: Setup) -> Iterator[Problem]:
    """The server and the recipients' servers accept this sender from this account."""
    sender, account = sender_of(setup), setup.account
    if sender is None or account is None:
        return
    if account.login_must_equal_from and account.username:
        yield from _check_login(sender, account)
        return
    own = _PUBLIC_MAIL_DOMAINS.get(sender.domain)
    if own and not account.is_loopback and not account.server.host.lower().endswith(own):
        host = account.server.host
        yield _error(
            "foreign-from",
            tr(
                "mail from {domain} through {host} is refused by most receivers",
                domain=sender.domain,
                host=host,
            ),
            column="message.from",
            hint=tr(
                "use an address of your own domain, or the server of {domain}", domain=sender.domain
            ),
        )


def _check_login(sender: Mailbox, account: Account) -> Iterator[Problem]:
    """Report a From that is not the log-in; a log-in may omit the domain of the provider."""
    address, login = sender.address.lower(), account.username.lower()
    if login in {address, address.partition("@")[0]}:
        return
    same_domain = login.partition("@")[2] == sender.domain
    title = account.provider.title if account.provider else account.server_name
    message = (
        tr(
            "{title} refuses a From ({address}) that is not the log-in, nor an alias of it",
            title=title,
            address=sender.address,
        )
        if same_domain
        else tr(
            "{title} refuses a From ({address}) that is not the log-in",
            title=title,
            address=sender.address,
        )
    )
    yield Problem(
        "warning" if same_domain else "error",
        "from-differs-from-login",
        message,
        CAMPAIGN_FILE,
        column="message.from",
        hint=tr(
            "use {username}; for a confirmed alias, set host instead of provider",
            username=account.username,
        ),
    )


def check_ca_file(setup: Setup) -> Iterator[Problem]:
    """The file of certificates exists."""
    server = setup.account.server if setup.account is not None else None
    if server is not None and server.ca_file and not Path(server.ca_file).is_file():
        hint = tr("write its path relative to the campaign folder")
        yield _error("ca-file", tr("there is no such file"), column="smtp.ca_file", hint=hint)


def check_port(setup: Setup) -> Iterator[Problem]:
    """`security` is right for a well-known port (RFC 8314)."""
    server = setup.account.server if setup.account is not None else None
    if server is None or server.socket or setup.is_local:
        return
    expected = _EXPECTED_SECURITY.get(server.port)
    if expected is not None and server.security != expected[0]:
        message = tr(
            "port {port} expects {expected}, but security is {security!r}",
            port=server.port,
            expected=tr(expected[1]),
            security=server.security,
        )
        hint = tr('set security = "{expected}", or leave it out', expected=expected[0])
        yield _warning("port-security", message, column="smtp.security", hint=hint)


def check_password_is_encrypted(setup: Setup) -> Iterator[Problem]:
    """No password leaves this machine without TLS."""
    account = setup.account
    if account is None or account.server.socket or account.is_loopback:
        return
    if account.username and account.server.security == "none":
        message = tr("the password would go to {host} without TLS", host=account.server.host)
        hint = tr('set security = "starttls" or "tls"')
        yield _error("plain-text-login", message, column="smtp.security", hint=hint)
