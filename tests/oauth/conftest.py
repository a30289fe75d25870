"""The authorization server that the tests of log-ins share, and a client for it."""

from __future__ import annotations

from collections.abc import Iterator

import keyring
import keyring.backends.fail
import pytest

from mailmerge.oauth.servers import AuthorizationServer, OAuthClient
from mailmerge.oauth.storage import LoginStore
from tests import servers
from tests.servers.authorization import (
    CLIENT_ID,
    SCOPE,
    USER,
    Provider,
    Refresh,
    authorization_server,
)


def logged_in(provider: Provider, client: OAuthClient) -> LoginStore:
    """A store with a valid refresh token."""
    provider.refresh["first"] = Refresh(SCOPE)
    store = LoginStore(client)
    store.save("first")
    return store


@pytest.fixture(autouse=True)
def no_keyring() -> Iterator[None]:
    """A system without a keyring; a test sets one with `keyring.set_keyring`."""
    before = keyring.get_keyring()
    keyring.set_keyring(keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]
    yield
    keyring.set_keyring(before)


@pytest.fixture
def provider(
    certificates: servers.Certificates, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Provider]:
    """A running authorization server that this process trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))
    with authorization_server(certificates) as running:
        yield running


@pytest.fixture
def client(provider: Provider) -> OAuthClient:
    """The registered application."""
    server = AuthorizationServer(
        "Example",
        f"{provider.url}/authorize",
        f"{provider.url}/token",
        f"{provider.url}/device",
        scopes=(SCOPE,),
    )
    return OAuthClient(server, CLIENT_ID, USER)
