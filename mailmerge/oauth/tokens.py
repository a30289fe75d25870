"""Access tokens that are renewed before they expire.

The theory is in the docstring of the package: one process renews at a time, and the new refresh
token is on disk before the access token is used.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

from mailmerge.errors import AuthenticationRefused, ServerUnreachable
from mailmerge.language import tr
from mailmerge.oauth.grants import Tokens, read_tokens, refresh_request
from mailmerge.oauth.servers import OAuthClient
from mailmerge.oauth.storage import LoginStore
from mailmerge.oauth.web import Post, post

_RENEW_BEFORE: Final = 300.0
"""A token with fewer seconds left is renewed before a connection."""

_ENOUGH: Final = 30.0
"""A token with more seconds left is used once more if the authorization server is down."""


class AccessTokens:
    """The access tokens of one stored log-in. Safe from any thread.

    `secret` returns the client secret. `clock` is monotonic seconds: a token that has just come is
    valid for its number of seconds, whatever the clock on the wall says.
    """

    def __init__(
        self,
        client: OAuthClient,
        store: LoginStore,
        *,
        secret: Callable[[], str] = str,
        post: Post = post,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._store = store
        self._secret = secret
        self._post = post
        self._clock = clock
        self._mutex = threading.Lock()
        self._token = ""
        self._ends = 0.0

    def current(self) -> str:
        """An access token with at least five minutes left, or a new one.

        If the authorization server cannot be reached, an older one that is still valid.

        Raises:
            AuthenticationRefused: there is no stored log-in, or it has expired.
            ServerUnreachable: the authorization server cannot be reached.
        """
        with self._mutex:
            if not self._token or self._ends - self._clock() < _RENEW_BEFORE:
                asked_at = self._clock()
                try:
                    tokens = self._renew()
                except ServerUnreachable:
                    if not self._token or self._ends - self._clock() < _ENOUGH:
                        raise
                else:
                    self._token, self._ends = tokens.access, asked_at + tokens.seconds
            return self._token

    def _renew(self) -> Tokens:
        client = self._client
        with self._store.lock():
            stored = self._store.load()
            if stored is None:
                raise AuthenticationRefused(
                    tr(
                        "there is no stored log-in for {username} at {title}",
                        username=client.username,
                        title=client.server.title,
                    ),
                    hint=tr("run `mailmerge login`"),
                    code="oauth-no-login",
                )
            body = refresh_request(client, stored.refresh, self._secret())
            tokens = read_tokens(self._post(client.server.token_url, body), client, renewal=True)
            if tokens.refresh and tokens.refresh != stored.refresh:
                self._store.save(tokens.refresh)
        return tokens
