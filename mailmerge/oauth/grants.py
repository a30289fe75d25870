"""The texts of requests and the meaning of answers (RFC 6749, 7636, 8628). Pure; uses oauthlib."""

from __future__ import annotations

import binascii
import hmac
import json
import secrets
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from mailmerge.errors import AuthenticationRefused
from mailmerge.language import tr
from mailmerge.oauth.failures import refusal
from mailmerge.oauth.servers import OAuthClient
from mailmerge.oauth.web import Answer

_UNKNOWN_LIFE: Final = 0.0
"""Seconds that a token is assumed to live if the server does not say it (RFC 6749, 5.1).

The next connection then asks for another token: a renewal costs less than a refused log-in."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """An answer of the token endpoint.

    Attributes:
        access: the access token.
        refresh: the refresh token; "" if the server keeps the old one, or gives none.
        seconds: for how many seconds the access token is valid.
        account: the account that the server names; "" if it names none.
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    seconds: float
    account: str = ""


@dataclass(frozen=True, slots=True)
class Authorization:
    """A log-in in the browser that has begun.

    Attributes:
        url: the page on which the user agrees.
        redirect_uri: where the browser returns to.
        state: what the browser must bring back (RFC 6749, 10.12).
        verifier: the secret of PKCE (RFC 7636, 4.1).
    """

    url: str
    redirect_uri: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)

    def answers(self, query: str) -> bool:
        """Whether the query of an address that a browser asks for belongs to this log-in."""
        states = parse_qs(query).get("state", [])
        return len(states) == 1 and hmac.compare_digest(states[0].encode(), self.state.encode())


def begin_authorization(client: OAuthClient, redirect_uri: str) -> Authorization:
    """The page to open, with a fresh state and a fresh verifier."""
    from oauthlib.oauth2 import WebApplicationClient

    library = WebApplicationClient(client.client_id)
    verifier = library.create_code_verifier(64)
    state = secrets.token_urlsafe(32)
    server = client.server
    # oauthlib refuses http; settings allow it on this machine only.
    scheme, _, rest = server.authorization_url.partition("://")
    url = library.prepare_request_uri(
        f"https://{rest}",
        redirect_uri=redirect_uri,
        scope=list(server.scopes),
        state=state,
        code_challenge=library.create_code_challenge(verifier, "S256"),
        code_challenge_method="S256",
        login_hint=client.username,
        **dict(server.parameters),
    )
    return Authorization(f"{scheme}://{url.partition('://')[2]}", redirect_uri, state, verifier)


def code_of(authorization: Authorization, query: str, title: str) -> str:
    """The code in the query of the address that the browser returned to.

    Raises:
        AuthenticationRefused: the query is of another log-in, reports an error, or has no code.
    """
    if not authorization.answers(query):
        raise AuthenticationRefused(
            tr("this answer belongs to another log-in: its state is wrong"),
            hint=tr("run `mailmerge login` again and use the newest page only"),
            code="oauth-state",
        )
    fields = parse_qs(query)
    if error := fields.get("error", [""])[0]:
        raise refusal(error, fields.get("error_description", [""])[0], title=title, renewal=False)
    codes = fields.get("code", [])
    if len(codes) != 1 or not codes[0]:
        raise AuthenticationRefused(
            tr("the answer has no code"), hint=tr("run `mailmerge login` again"), code="oauth-code"
        )
    return codes[0]


def query_of_pasted(text: str) -> str:
    """The query of an address that the user pasted.

    Raises:
        AuthenticationRefused: it is not the address of a page with an answer.
    """
    joined = "".join(text.split())  # terminals break long lines
    try:
        query = urlsplit(joined).query
    except ValueError:
        query = ""
    if "=" not in query:
        raise AuthenticationRefused(
            tr("this is not the complete address of the page"),
            hint=tr("copy everything in the address bar, from http to the end"),
            code="oauth-pasted",
        )
    return query


def code_request(client: OAuthClient, authorization: Authorization, code: str, secret: str) -> str:
    """The form that exchanges a code for tokens (RFC 6749, 4.1.3; RFC 7636, 4.5)."""
    from oauthlib.oauth2 import WebApplicationClient

    return str(
        WebApplicationClient(client.client_id).prepare_request_body(
            code=code,
            redirect_uri=authorization.redirect_uri,
            code_verifier=authorization.verifier,
            **_secret(secret),
        )
    )


def refresh_request(client: OAuthClient, token: str, secret: str) -> str:
    """The form that renews a token (RFC 6749, 6); without scopes, the granted ones stay."""
    from oauthlib.oauth2 import WebApplicationClient

    return str(
        WebApplicationClient(client.client_id).prepare_refresh_body(
            refresh_token=token, client_id=client.client_id, **_secret(secret)
        )
    )


def device_request(client: OAuthClient) -> str:
    """The form that asks for a code to type on another device (RFC 8628, 3.1)."""
    from oauthlib.oauth2 import DeviceClient

    library = DeviceClient(client.client_id)
    scopes = list(client.server.scopes)
    uri: str = library.prepare_request_uri("https://localhost/", scope=scopes)
    return urlsplit(uri).query


def device_token_request(client: OAuthClient, device_code: str, secret: str) -> str:
    """The form that asks whether the user has agreed (RFC 8628, 3.4)."""
    from oauthlib.oauth2 import DeviceClient

    library = DeviceClient(client.client_id)
    return str(library.prepare_request_body(device_code, include_client_id=True, **_secret(secret)))


def _secret(secret: str) -> dict[str, str]:
    return {"client_secret": secret} if secret else {}


def read_tokens(answer: Answer, client: OAuthClient, *, renewal: bool) -> Tokens:
    """The tokens of an answer.

    Raises:
        AuthenticationRefused: the server refused, or the token does not allow SMTP.
        ServerUnreachable: the server cannot answer now.
    """
    title = client.server.title
    if error := answer.text("error"):
        description = answer.text("error_description")
        raise refusal(
            error, description, title=title, renewal=renewal, clock_error=answer.clock_error
        )
    access = answer.text("access_token")
    if answer.status >= 300 or not access:
        raise refusal(
            tr("no token"),
            tr("status {status}", status=answer.status),
            title=title,
            renewal=renewal,
        )
    missing = _missing_scopes(client, answer.text("scope"))
    if missing and not renewal:
        raise AuthenticationRefused(
            tr("{title} did not grant the permission {missing}", title=title, missing=missing[0]),
            hint=tr("run `mailmerge login` again and leave every box on the page ticked"),
            code="oauth-scope",
        )
    return Tokens(
        access,
        answer.text("refresh_token"),
        answer.number("expires_in", _UNKNOWN_LIFE),
        _account(answer.text("id_token"), client.username),
    )


def _missing_scopes(client: OAuthClient, granted: str) -> list[str]:
    """The scopes that were asked for and not granted; a server that lists none granted all.

    `offline_access` and those of OpenID Connect are often left out of the list. Those for reading
    the mailbox are not needed to send.
    """
    if not granted.strip():
        return []
    known = {scope.lower().rstrip("/") for scope in granted.split()}
    quiet = ("offline_access", "openid", "email", "profile", *client.server.imap_scopes)
    return [
        scope
        for scope in client.server.scopes
        if scope not in quiet and scope.lower().rstrip("/") not in known
    ]


def _account(id_token: str, username: str) -> str:
    """The address in an ID token; it came over TLS from its issuer (OpenID Connect, 3.1.3.7).

    An account can have several names, such as a log-in and an address: any may be the username.
    """
    try:
        payload = id_token.split(".")[1]
        claims = json.loads(binascii.a2b_base64(payload.translate(_URL_SAFE) + "=="))
    except (IndexError, ValueError, RecursionError):
        return ""
    if not isinstance(claims, dict):
        return ""
    found = [claims.get(name) for name in ("preferred_username", "upn", "email")]
    names = [name for name in found if isinstance(name, str) and name]
    if any(name.lower() == username.lower() for name in names):
        return username
    return names[0] if names else ""


_URL_SAFE: Final = str.maketrans("-_", "+/")
