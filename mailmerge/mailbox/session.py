"""A connection to an IMAP server, encrypted and logged in, and its errors in words."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from mailmerge.errors import (
    AuthenticationRefused,
    CampaignError,
    ConnectionLost,
    ServerRefused,
    ServerUnreachable,
)
from mailmerge.language import tr
from mailmerge.mailbox.account import ImapAccount
from mailmerge.smtp import Credentials

if TYPE_CHECKING:
    from imapclient import IMAPClient

_TIMES: Final = re.compile(r" \([\d.]+(?: \+ [\d.]+)+ secs\)\.?$")
"""How long a command took, which Dovecot adds to each reply."""

READ_SECONDS: Final = 60.0
"""How long one read from the server may take, in seconds."""

_CONNECT_SECONDS: Final = 20.0
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


def open_session(account: ImapAccount, read_seconds: float = READ_SECONDS) -> IMAPClient:
    """Connect and log in; each read from the server may take some seconds.

    Raises:
        ServerUnreachable: there is no connection.
        AuthenticationRefused: the log-in was refused, or there is no password.
        CampaignError: the log-in would not be encrypted.
        ConnectionLost: the connection ended.
    """
    client = _connect(account, read_seconds)
    try:
        with explained(account):
            _log_in(client, account)
    except BaseException:
        close_session(client, in_order=False)
        raise
    return client


def close_session(client: IMAPClient, *, in_order: bool) -> None:
    """Close the connection, and log out before that if no command was interrupted.

    Within IDLE, for example, a server does not answer LOGOUT.
    """
    with suppress(Exception):
        if in_order:
            client.logout()
    with suppress(Exception):
        client.shutdown()


def _connect(account: ImapAccount, read_seconds: float) -> IMAPClient:
    from imapclient import IMAPClient
    from imapclient.imapclient import SocketTimeout

    context = None
    if account.security == "none":
        if account.host not in _LOOPBACK:
            raise CampaignError(
                tr("the log-in at {host} would not be encrypted", host=account.host),
                hint=tr('remove security = "none" under [imap]'),
                code="imap-plain",
            )
    else:
        context = ssl.create_default_context(cafile=account.ca_file)
    try:
        client = IMAPClient(
            account.host,
            account.port,
            ssl=account.security == "tls",
            ssl_context=context,
            timeout=SocketTimeout(min(_CONNECT_SECONDS, read_seconds), read_seconds),
        )
        if account.security == "starttls":
            client.starttls(context)
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise ServerUnreachable(
            tr(
                "no connection to {host} port {port}: {reason}",
                host=account.host,
                port=account.port,
                reason=reason,
            ),
            hint=tr("check host, port and security under [imap]"),
            code="imap-unreachable",
        ) from error
    return client


def _log_in(client: IMAPClient, account: ImapAccount) -> None:
    from imapclient.exceptions import LoginError

    credentials = account.credentials()
    try:
        if credentials.token:
            client.oauth2_login(credentials.username, credentials.token)
        elif client.has_capability("AUTH=PLAIN"):
            client.plain_login(credentials.username, credentials.password)
        else:
            client.login(credentials.username, credentials.password)
    except LoginError as error:
        raise AuthenticationRefused(
            tr(
                "{host} refused the log-in: {reason}",
                host=account.host,
                reason=reason_in_words(error),
            ),
            hint=_hint_for_log_in(credentials),
            code="imap-login",
        ) from error
    if client.has_capability("ID"):
        # Some services open no folder for a program that has not said its name (RFC 2971).
        client.id_({"name": "mailmerge"})


def _hint_for_log_in(credentials: Credentials) -> str:
    if credentials.token:
        return tr(
            "run `mailmerge login` again, because a log-in of earlier versions was for sending "
            "alone; at Microsoft, the application needs IMAP.AccessAsUser.All"
        )
    return tr("check user name and password; many services want IMAP switched on first")


def reason_in_words(error: Exception) -> str:
    """Return the reply of a server in an error, in one line; it comes from outside."""
    words = " ".join(str(error).replace("b'", "").strip("'").split())
    return _TIMES.sub("", words)[:300]


@contextmanager
def explained(account: ImapAccount) -> Iterator[None]:
    """Turn errors of the connection into errors for the user.

    Raises:
        ConnectionLost: the connection ended.
        ServerRefused: the server refused a command.
    """
    from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

    try:
        yield
    except (OSError, IMAPClientAbortError, EOFError) as error:
        raise ConnectionLost(
            tr("the connection to {host} ended: {reason}", host=account.host, reason=error),
            hint=tr("run the command again; it goes on where it was"),
            code="imap-lost",
        ) from error
    except IMAPClientError as error:
        raise ServerRefused(
            tr("{host} refuses: {reason}", host=account.host, reason=reason_in_words(error)),
            hint=tr("check the rights of the account"),
            code="imap-refused",
        ) from error
