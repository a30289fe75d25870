"""The authorization servers of known services, and [smtp] -> `OAuthClient`. Pure.

None of these was tried with an account of the service. The values are those that other programs
and the services' documentation name, looked up on 2026-11-27:

* Microsoft: the endpoints and SMTP.Send as in Thunderbird's table; `preferred_username` in an ID
  token needs `profile` (Microsoft Q&A 848547). SMTP.Send comes first, because the order of scopes
  has decided for which service a token is (PHPMailer's wiki, "Microsoft OAuth2 SMTP issues").
  IMAP.AccessAsUser.All is for `replies`, copies and drafts; both permissions are of one service.
* Google: Thunderbird's table for the scope. It has the older addresses of the same endpoints. The
  device flow has a list of allowed scopes (Google Identity, "limited-input device").
* Fastmail, Yahoo, Yandex and Mail.ru: Thunderbird's table OAuth2Providers.
  It has no `offline_access` at Fastmail. Yahoo is said to refuse redirect URIs without https;
  an app password works there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from mailmerge.errors import CampaignError
from mailmerge.language import marked, tr
from mailmerge.providers.lookup import Provider
from mailmerge.settings import CAMPAIGN_FILE, SmtpSection

_MICROSOFT: Final = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0"
_MICROSOFT_IMAP: Final = "https://outlook.office.com/IMAP.AccessAsUser.All"
_FASTMAIL_IMAP: Final = "https://www.fastmail.com/dev/protocol-imap"
_YANDEX_IMAP: Final = "mail:imap_full"


@dataclass(frozen=True, slots=True)
class AuthorizationServer:
    """Where and how a service gives tokens.

    Attributes:
        title: the service, for users.
        authorization_url: where the user agrees (RFC 6749, 3.1); "" if there is no such page.
        token_url: where codes and refresh tokens are exchanged (RFC 6749, 3.2).
        device_url: the device authorization endpoint (RFC 8628, 3.1); "" if there is none.
        scopes: what is asked for; with what `replies` and copies need, unless that is denied.
        imap_scopes: those of `scopes` that only reading the mailbox needs.
        parameters: further parameters of the authorization request.
        redirect_host: the name of this machine in the redirect URI: services differ in which one
            they compare without the port (RFC 8252, 7.3 and 8.3).
        no_device: why the device flow is impossible; "" if it is possible.
    """

    title: str
    authorization_url: str
    token_url: str
    device_url: str = ""
    scopes: tuple[str, ...] = ()
    imap_scopes: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    redirect_host: str = "127.0.0.1"
    no_device: str = ""


_MICROSOFT_SERVER: Final = AuthorizationServer(
    "Microsoft",
    f"{_MICROSOFT}/authorize",
    f"{_MICROSOFT}/token",
    f"{_MICROSOFT}/devicecode",
    # Not graph.microsoft.com, and not SMTP.Send alone: Exchange refuses such tokens.
    scopes=(
        "https://outlook.office.com/SMTP.Send",
        _MICROSOFT_IMAP,
        "offline_access",
        "openid",  # with these three the answer names the account
        "profile",
        "email",
    ),
    imap_scopes=(_MICROSOFT_IMAP,),
    redirect_host="localhost",
)
_GOOGLE_SERVER: Final = AuthorizationServer(
    "Google",
    "https://accounts.google.com/o/oauth2/v2/auth",
    "https://oauth2.googleapis.com/token",
    # gmail.send does not allow SMTP, and this allows IMAP as well. With the other two the answer
    # names the account.
    scopes=("https://mail.google.com/", "openid", "email"),
    # Google gives a refresh token only if both are set.
    parameters=(("access_type", "offline"), ("prompt", "consent")),
    no_device=marked("Google does not allow the scope for mail in the device flow"),
)
_SERVERS: Final[Mapping[str, AuthorizationServer]] = MappingProxyType(
    {
        "office365": _MICROSOFT_SERVER,
        "outlook": _MICROSOFT_SERVER,
        "gmail": _GOOGLE_SERVER,
        "workspace": _GOOGLE_SERVER,
        "workspace-relay": _GOOGLE_SERVER,
        "fastmail": AuthorizationServer(
            "Fastmail",
            "https://api.fastmail.com/oauth/authorize",
            "https://api.fastmail.com/oauth/refresh",
            scopes=(
                "https://www.fastmail.com/dev/protocol-smtp",
                _FASTMAIL_IMAP,
                "offline_access",
            ),
            imap_scopes=(_FASTMAIL_IMAP,),
        ),
        "yahoo": AuthorizationServer(
            "Yahoo",
            "https://api.login.yahoo.com/oauth2/request_auth",
            "https://api.login.yahoo.com/oauth2/get_token",
            scopes=("mail-w",),  # for IMAP, too
        ),
        "yandex": AuthorizationServer(
            "Yandex",
            "https://oauth.yandex.com/authorize",
            "https://oauth.yandex.com/token",
            scopes=("mail:smtp", _YANDEX_IMAP),
            imap_scopes=(_YANDEX_IMAP,),
        ),
        "mail.ru": AuthorizationServer(
            "Mail.ru",
            "https://o2.mail.ru/login",
            "https://o2.mail.ru/token",
            scopes=("mail.imap",),  # the same for SMTP
        ),
    }
)
"""The server of each service by its name in providers.toml."""


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """What a log-in needs: the authorization server, the registered client, and the account.

    Attributes:
        server: the authorization server.
        client_id: the identifier of the registered application.
        secret_command: a command that prints the client secret; may be empty.
        username: the account.
    """

    server: AuthorizationServer
    client_id: str
    username: str
    secret_command: str = field(default="", repr=False)


def find_client(smtp: SmtpSection, provider: Provider | None) -> OAuthClient | None:
    """The client that [smtp] describes; None if it does not log in with a stored OAuth token.

    It does with auth = "oauth", with client_id, and with [smtp.oauth].

    Raises:
        CampaignError: a key is missing, or two contradict each other.
    """
    own = bool(smtp.oauth.token_url or smtp.oauth.authorization_url or smtp.oauth.scopes)
    if not (smtp.auth == "oauth" or smtp.client_id or own):
        return None
    if smtp.token_command:
        if smtp.auth == "oauth":
            return None  # the command replaces the stored token
        raise _wrong(
            "client_id", tr("client_id and token_command exclude each other"), tr("remove one")
        )
    server = _server(smtp, provider)
    if not smtp.client_id:
        raise _wrong(
            "client_id",
            tr("no client_id for {title}", title=server.title),
            tr("register an application and add its client_id; docs/login.md has the steps"),
        )
    if not smtp.username:
        raise _wrong("username", tr("log-in with OAuth needs a username"), tr("add the address"))
    return OAuthClient(server, smtp.client_id, smtp.username, smtp.client_secret_command)


def _server(smtp: SmtpSection, provider: Provider | None) -> AuthorizationServer:
    """The server of the service, with what [smtp.oauth] and tenant say instead."""
    own = smtp.oauth
    known = _SERVERS.get(provider.name) if provider else None
    if known is None:
        if not (own.token_url and (own.authorization_url or own.device_authorization_url)):
            raise _wrong(
                "oauth",
                tr("the authorization server of this service is not known"),
                tr(
                    "add [smtp.oauth] with authorization_url, token_url and scopes, or a "
                    "token_command"
                ),
            )
        known = AuthorizationServer(provider.title if provider else tr("the service"), "", "")
    tenant = smtp.tenant or "common"
    page = own.authorization_url or known.authorization_url
    device = own.device_authorization_url or known.device_url
    return replace(
        known,
        authorization_url=page.replace("{tenant}", tenant),
        token_url=(own.token_url or known.token_url).replace("{tenant}", tenant),
        device_url=device.replace("{tenant}", tenant),
        scopes=own.scopes or known.scopes,
        no_device="" if device else known.no_device or marked("the service has no such log-in"),
    )


def _wrong(key: str, message: str, hint: str) -> CampaignError:
    return CampaignError(
        message, file=CAMPAIGN_FILE, column=f"smtp.{key}", hint=hint, code="oauth-settings"
    )
