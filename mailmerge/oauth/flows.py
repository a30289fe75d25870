"""The ways to log in: the browser on this machine, a pasted address, or another device.

Each returns the tokens, and stores nothing. Whatever must be shown goes through `show`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from mailmerge.errors import AuthenticationRefused, CampaignError, ServerUnreachable
from mailmerge.language import tr
from mailmerge.oauth.failures import refusal
from mailmerge.oauth.grants import (
    Authorization,
    Tokens,
    begin_authorization,
    code_of,
    code_request,
    device_request,
    device_token_request,
    query_of_pasted,
    read_tokens,
)
from mailmerge.oauth.loopback import open_listener
from mailmerge.oauth.servers import OAuthClient
from mailmerge.oauth.web import Post, post

_WAIT_SECONDS: Final = 600.0
"""Seconds that the user has in the browser: services end their pages after ten minutes."""

_PASTE_PORT: Final = 61_234
"""The port of the redirect URI of a pasted address; nothing listens there."""

_SLOWER: Final = 5.0
"""Seconds that `slow_down` adds to the interval (RFC 8628, 3.5)."""

_SHORTEST_INTERVAL: Final = 0.1


@dataclass(frozen=True, slots=True)
class Dialogue:
    """How a flow talks to the user and the network.

    Attributes:
        show: shows a line.
        secret: returns the client secret; "" for none.
        open_browser: opens a page; returns False if there is no browser.
        post: posts a form.
        sleep: waits for seconds.
        clock: monotonic seconds.
        wait_seconds: how long the user may take in the browser.
    """

    show: Callable[[str], None]
    secret: Callable[[], str] = str
    open_browser: Callable[[str], bool] = lambda _: False
    post: Post = post
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    wait_seconds: float = _WAIT_SECONDS


def log_in_with_browser(client: OAuthClient, dialogue: Dialogue) -> Tokens:
    """Open the page of the service, and wait for the browser to return (RFC 8252).

    Raises:
        AuthenticationRefused: declined, refused, or no answer in time.
        ServerUnreachable: the service cannot be reached.
        CampaignError: the service has no such page, or no port can be opened.
    """
    _require_page(client)
    with open_listener() as listener:
        redirect_uri = f"http://{client.server.redirect_host}:{listener.port}/"
        authorization = begin_authorization(client, redirect_uri)
        if dialogue.open_browser(authorization.url):
            dialogue.show(tr("The browser opens a page of the service. If it does not, open:"))
        else:
            dialogue.show(tr("Open this page in a browser on this machine:"))
        dialogue.show(authorization.url)
        query = listener.wait(authorization.answers, dialogue.wait_seconds)
    if query is None:
        raise AuthenticationRefused(
            tr(
                "no answer came from the browser within {minutes:.0f} minutes",
                minutes=dialogue.wait_seconds / 60,
            ),
            hint=tr("run `mailmerge login` again; with a browser on another machine add --paste"),
            code="oauth-timeout",
        )
    return _exchange(client, authorization, query, dialogue)


def log_in_with_paste(client: OAuthClient, dialogue: Dialogue, ask: Callable[[str], str]) -> Tokens:
    """Show the page, and ask for the address at which the browser ends.

    Raises: as `log_in_with_browser`.
    """
    _require_page(client)
    redirect_uri = f"http://{client.server.redirect_host}:{_PASTE_PORT}/"
    authorization = begin_authorization(client, redirect_uri)
    dialogue.show(tr("Open this page in a browser on any machine:"))
    dialogue.show(authorization.url)
    dialogue.show(
        tr(
            "At the end the browser shows an error, because {redirect_uri} does "
            "not exist. Copy the complete address from its address bar.",
            redirect_uri=redirect_uri,
        )
    )
    query = query_of_pasted(ask(tr("Address: ")))
    return _exchange(client, authorization, query, dialogue)


def _require_page(client: OAuthClient) -> None:
    if not client.server.authorization_url:
        raise CampaignError(
            tr("{title} has no page for the browser", title=client.server.title),
            hint=tr("run `mailmerge login --device`"),
            code="oauth-settings",
        )


def _exchange(
    client: OAuthClient, authorization: Authorization, query: str, dialogue: Dialogue
) -> Tokens:
    code = code_of(authorization, query, client.server.title)
    body = code_request(client, authorization, code, dialogue.secret())
    return read_tokens(dialogue.post(client.server.token_url, body), client, renewal=False)


def log_in_on_device(client: OAuthClient, dialogue: Dialogue) -> Tokens:
    """Show a code to type in a browser on any device, and ask until it was typed (RFC 8628).

    Raises: as `log_in_with_browser`.
    """
    server = client.server
    if server.no_device:
        raise CampaignError(
            tr("--device is not possible: {reason}", reason=tr(server.no_device)),
            hint=tr("run `mailmerge login`, or `mailmerge login --paste` without a browser here"),
            code="oauth-no-device",
        )
    answer = dialogue.post(server.device_url, device_request(client))
    if error := answer.text("error"):
        description = answer.text("error_description")
        raise refusal(error, description, title=server.title, renewal=False)
    device_code, user_code = answer.text("device_code"), answer.text("user_code")
    page = answer.text("verification_uri") or answer.text("verification_url")
    if not (device_code and user_code and urlsplit(page).scheme in ("https", "http")):
        raise ServerUnreachable(
            tr("{title} answered without a code", title=server.title),
            hint=tr("check device_authorization_url in [smtp.oauth]"),
            code="oauth-server",
        )
    dialogue.show(
        tr(
            "Open {page} in a browser on any device, and type the code {user_code}",
            page=page,
            user_code=user_code,
        )
    )
    ends = dialogue.clock() + answer.number("expires_in", _WAIT_SECONDS)
    interval = max(answer.number("interval", 5.0), _SHORTEST_INTERVAL)
    return _poll(client, dialogue, device_code, interval=interval, ends=ends)


def _poll(
    client: OAuthClient, dialogue: Dialogue, device_code: str, *, interval: float, ends: float
) -> Tokens:
    """Ask until the user has agreed or refused, or the code has expired (RFC 8628, 3.5)."""
    secret = dialogue.secret()
    body = device_token_request(client, device_code, secret)
    while dialogue.clock() < ends:
        dialogue.sleep(interval)
        try:
            answer = dialogue.post(client.server.token_url, body)
        except ServerUnreachable:
            interval *= 2  # RFC 8628, 3.5: a timeout means to ask less often
            continue
        error = answer.text("error")
        if error == "slow_down":
            interval += _SLOWER
        elif error != "authorization_pending":
            return read_tokens(answer, client, renewal=False)
    raise AuthenticationRefused(
        tr("the code expired before it was used"),
        hint=tr("run `mailmerge login --device` again"),
        code="oauth-timeout",
    )
