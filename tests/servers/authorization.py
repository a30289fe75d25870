"""An authorization server on loopback: authlib's own, over TLS, with a page that always agrees."""

from __future__ import annotations

import http.client
import json
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import (
    DeviceAuthorizationEndpoint,
    DeviceCodeGrant,
    DeviceCredentialDict,
)

from tests.servers.certificates import Certificates

CLIENT_ID = "app-1"
SCOPE = "smtp.send"
USER = "ann@example.org"


class Client(ClientMixin):  # type: ignore[misc]
    """The registered application: public, on any port of this machine."""

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return ""

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(one for one in (scope or "").split() if one == SCOPE)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return urlsplit(redirect_uri).hostname in ("127.0.0.1", "localhost")

    def check_client_secret(self, client_secret: str) -> bool:
        return False

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "none"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return True


@dataclass
class Code:
    """An authorization code; the names are those that authlib asks for."""

    code: str
    redirect_uri: str
    scope: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return ""

    def get_auth_time(self) -> int:
        return 0


@dataclass
class Refresh:
    """A refresh token; it can be used once."""

    scope: str

    def check_client(self, client: Client) -> bool:
        return True

    def get_scope(self) -> str:
        return self.scope

    def get_expires_in(self) -> int:
        return 86_400

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return False


@dataclass
class Provider:
    """What the server knows, and what a test may change or look at.

    Attributes:
        url: its address, which begins with https.
        introspection_url: where servers ask about tokens (RFC 7662), without TLS.
        asked: the number of such questions.
        lives: the seconds that an access token lives.
        denies: whether the user declines.
        approved: whether the user has typed the code of the device.
        account: the address in an ID token; "" for no ID token.
        in_forms: whether answers are forms and not JSON.
        names_life: whether answers say how long an access token lives.
        rotates: whether a renewal replaces the refresh token.
        clock_ahead: the seconds that the server's clock is ahead of this machine's.
        outages: the numbers of the forms, from 1, that are not answered: the server is down.
        posts: the number of forms so far.
        slow_downs: how often a device is asked to wait longer.
        broken: an answer to each token request instead of the real one: (status, type, body).
        access: the end of each access token, in monotonic seconds.
        refresh: the refresh tokens that are valid.
        renewals: the refresh tokens that were used.
    """

    url: str = ""
    introspection_url: str = ""
    lives: int = 3600
    denies: bool = False
    approved: bool = False
    account: str = ""
    in_forms: bool = False
    names_life: bool = True
    rotates: bool = True
    clock_ahead: float = 0.0
    outages: frozenset[int] = frozenset()
    posts: int = 0
    slow_downs: int = 0
    broken: tuple[int, str, str] | None = None
    access: dict[str, float] = field(default_factory=dict)
    refresh: dict[str, Refresh] = field(default_factory=dict)
    renewals: list[str] = field(default_factory=list)
    asked: int = 0
    codes: dict[str, Code] = field(default_factory=dict)
    devices: dict[str, Any] = field(default_factory=dict)

    def accepts(self, token: str) -> bool:
        """Whether an access token is valid now."""
        return self.access.get(token, 0) > time.monotonic()

    def toml(self) -> str:
        """The part of campaign.toml that names this server."""
        return (
            f'client_id = "{CLIENT_ID}"\nusername = "{USER}"\n[smtp.oauth]\n'
            f'authorization_url = "{self.url}/authorize"\ntoken_url = "{self.url}/token"\n'
            f'device_authorization_url = "{self.url}/device"\nscopes = ["{SCOPE}"]\n'
        )


class _FormRequest(OAuth2Request):  # type: ignore[misc]
    """A request whose form was read already."""

    def __init__(self, method: str, uri: str, form: dict[str, str], headers: Any) -> None:
        super().__init__(method, uri, headers=headers)
        self.payload = BasicOAuth2Payload(form)
        self._fields = form

    @property
    def form(self) -> dict[str, str]:
        return self._fields


class _Grants(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self.provider = provider
        self.register_token_generator(
            "default",
            BearerTokenGenerator(
                lambda *_, **__: secrets.token_urlsafe(500),  # aiosmtpd reads 1,000 bytes a line
                lambda *_, **__: secrets.token_urlsafe(1200),
                lambda *_, **__: provider.lives,
            ),
        )
        self.register_grant(_CodeGrant, [CodeChallenge(required=True)])
        self.register_grant(_RefreshGrant)
        self.register_grant(_DeviceGrant)
        self.register_endpoint(_DeviceEndpoint)

    def query_client(self, client_id: str) -> Client | None:
        return Client() if client_id == CLIENT_ID else None

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        known = self.provider
        known.access[token["access_token"]] = time.monotonic() + token.get("expires_in", 60)
        if "refresh_token" in token:
            known.refresh[token["refresh_token"]] = Refresh(token["scope"])

    def create_oauth2_request(self, request: Any) -> OAuth2Request:
        if isinstance(request, OAuth2Request):
            return request
        method, uri, form, headers = request
        return _FormRequest(method, uri, form, headers)

    def handle_response(self, status: int, body: Any, headers: Any) -> tuple[int, Any, Any]:
        return status, body, headers

    def send_signal(self, *_: Any, **__: Any) -> None:
        pass


class _CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)
    INCLUDE_REFRESH_TOKEN = True

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        data = request.payload.data
        self.server.provider.codes[code] = Code(
            code,
            request.payload.redirect_uri,
            request.payload.scope,
            data.get("code_challenge"),
            data.get("code_challenge_method"),
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        found: Code | None = self.server.provider.codes.get(code)
        return found

    def delete_authorization_code(self, code: Code) -> None:
        del self.server.provider.codes[code.code]

    def authenticate_user(self, code: Code) -> str:
        return USER


class _RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Refresh | None:
        provider: Provider = self.server.provider
        provider.renewals.append(refresh_token)
        if not provider.rotates:
            return provider.refresh.get(refresh_token)
        return provider.refresh.pop(refresh_token, None)  # a token can be used once

    def authenticate_user(self, refresh_token: Refresh) -> str:
        return USER

    def revoke_old_credential(self, refresh_token: Refresh) -> None:
        pass


class _DeviceGrant(DeviceCodeGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

    def query_device_credential(self, device_code: str) -> Any:
        return self.server.provider.devices.get(device_code)

    def query_user_grant(self, user_code: str) -> tuple[str, bool] | None:
        provider: Provider = self.server.provider
        if provider.denies:
            return USER, False
        return (USER, True) if provider.approved else None

    def should_slow_down(self, credential: Any) -> bool:
        provider: Provider = self.server.provider
        provider.slow_downs -= 1
        return provider.slow_downs >= 0


class _DeviceEndpoint(DeviceAuthorizationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = ("none",)
    INTERVAL = 1

    def get_verification_uri(self) -> str:
        return f"{self.server.provider.url}/activate"

    def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
        self.server.provider.devices[data["device_code"]] = DeviceCredentialDict(
            client_id=client_id, scope=scope, expires_at=time.time() + 600, **data
        )


def _id_token(account: str) -> str:
    """An ID token without a signature; it comes over TLS from its issuer."""
    parts = ({"alg": "none"}, {"preferred_username": account, "sub": "1"})
    return ".".join(urlsafe_b64encode(json.dumps(one).encode()).decode() for one in parts) + "."


def _as_asked(
    provider: Provider, form: dict[str, str], status: int, body: Any, headers: Any
) -> tuple[int, Any, Any]:
    """The answer of authlib, as another server would write it."""
    if status == 200:
        body = dict(body)
        if not provider.names_life:
            body.pop("expires_in", None)
        if not provider.rotates and form["grant_type"] == "refresh_token":
            del provider.refresh[body.pop("refresh_token")]
        if provider.account:
            body["id_token"] = _id_token(provider.account)
    if provider.in_forms:
        return status, urlencode(body), [("Content-Type", "text/plain")]
    return status, body, headers


def _introspected(provider: Provider, token: str) -> dict[str, Any]:
    """What a server learns about a token (RFC 7662, 2.2)."""
    provider.asked += 1
    if not provider.accepts(token):
        return {"active": False}
    return {"active": True, "username": USER, "scope": SCOPE}


def _posted(server: _Grants, path: str, form: dict[str, str], headers: Any) -> tuple[int, Any, Any]:
    """The answer to a form: status, body, headers."""
    provider = server.provider
    provider.posts += 1
    if provider.posts in provider.outages:
        return 503, "<html>down</html>", [("Content-Type", "text/html")]
    if provider.broken is not None:
        status, kind, text = provider.broken
        return status, text, [("Content-Type", kind)]
    if path == "/introspect":
        found = _introspected(provider, form.get("token", ""))
        return 200, found, [("Content-Type", "application/json")]
    request = ("POST", provider.url + path, form, headers)
    answer: tuple[int, Any, Any]
    if path == "/device":
        name = DeviceAuthorizationEndpoint.ENDPOINT_NAME
        answer = server.create_endpoint_response(name, request)
        return answer
    return _as_asked(provider, form, *server.create_token_response(request))


def _handler(server: _Grants) -> type[BaseHTTPRequestHandler]:
    provider = server.provider

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            form = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if provider.denies:
                back = {"error": "access_denied", "state": form.get("state", "")}
                uri = f"{form['redirect_uri']}?{urlencode(back)}"
                self._send(302, "", [("Location", uri)])
                return
            request = server.create_oauth2_request(("GET", provider.url + self.path, form, {}))
            grant = server.get_authorization_grant(request)
            self._send(*server.create_authorization_response(request, USER, grant))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._send(*_posted(server, self.path, form, self.headers))

        def _send(self, status: int, body: Any, headers: Any) -> None:
            data = (body if isinstance(body, str) else json.dumps(body)).encode()
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string((timestamp or time.time()) + provider.clock_ahead)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@contextmanager
def authorization_server(certificates: Certificates) -> Iterator[Provider]:
    """Run the server on a free port; a client must trust `certificates.ca_file`."""
    provider = Provider()
    handler = _handler(_Grants(provider))
    with _serving(handler) as plain, _serving(handler, certificates) as port:
        provider.url = f"https://127.0.0.1:{port}"
        provider.introspection_url = f"http://127.0.0.1:{plain}/introspect"
        yield provider


@contextmanager
def _serving(
    handler: type[BaseHTTPRequestHandler], certificates: Certificates | None = None
) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if certificates is not None:
        server.socket = certificates.server_context().wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def visit(url: str, certificates: Certificates) -> tuple[int, str]:
    """Open a page as a browser does, follow its redirects; returns the status and the text."""
    import urllib.error
    import urllib.request

    handler = urllib.request.HTTPSHandler(context=certificates.client_context())
    opener = urllib.request.build_opener(handler, urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def address_bar(page: str, certificates: Certificates) -> str:
    """The address at which a browser on another machine ends."""
    parts = urlsplit(page)
    assert parts.hostname is not None
    connection = http.client.HTTPSConnection(
        parts.hostname, parts.port, context=certificates.client_context(), timeout=10
    )
    connection.request("GET", f"{parts.path}?{parts.query}")
    address = connection.getresponse().headers["Location"]
    connection.close()
    return str(address)
