"""The three ways to log in, against a real authorization server over TLS."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit

import pytest

from mailmerge.errors import AuthenticationRefused, CampaignError, MailmergeError, ServerUnreachable
from mailmerge.oauth.flows import (
    Dialogue,
    log_in_on_device,
    log_in_with_browser,
    log_in_with_paste,
)
from mailmerge.oauth.servers import OAuthClient
from mailmerge.oauth.web import Answer
from tests import servers
from tests.servers.authorization import Provider, address_bar, visit


@dataclass
class Browser:
    """A browser that opens each page at once, in a thread of its own."""

    certificates: servers.Certificates
    pages: list[tuple[int, str]] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def open(self, url: str) -> bool:
        self.opened.append(url)
        visits = threading.Thread(target=self._visit, args=(url,))
        self.threads.append(visits)
        visits.start()
        return True

    def _visit(self, url: str) -> None:
        self.pages.append(visit(url, self.certificates))

    def close(self) -> None:
        for thread in self.threads:
            thread.join(10)


@pytest.fixture
def browser(certificates: servers.Certificates) -> Browser:
    return Browser(certificates)


def dialogue(browser: Browser, **changes: object) -> Dialogue:
    made = Dialogue(lambda _: None, open_browser=browser.open, wait_seconds=10.0)
    return replace(made, **changes)  # type: ignore[arg-type]


def code_of(error: pytest.ExceptionInfo[MailmergeError]) -> str:
    return error.value.problem.code


def test_browser_flow_gives_valid_tokens(
    provider: Provider, client: OAuthClient, browser: Browser
) -> None:
    tokens = log_in_with_browser(client, dialogue(browser))
    browser.close()
    assert provider.accepts(tokens.access)
    assert tokens.refresh in provider.refresh
    assert browser.pages[0][0] == 200
    assert "close this page" in browser.pages[0][1]
    asked = parse_qs(urlsplit(browser.opened[0]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"][0].startswith("http://127.0.0.1:")


def test_denied_log_in_says_so(provider: Provider, client: OAuthClient, browser: Browser) -> None:
    provider.denies = True
    with pytest.raises(AuthenticationRefused) as error:
        log_in_with_browser(client, dialogue(browser))
    browser.close()
    assert code_of(error) == "oauth-denied"


def test_closed_browser_ends_after_the_time_limit(client: OAuthClient, browser: Browser) -> None:
    never = dialogue(browser, open_browser=lambda _: True, wait_seconds=0.1)
    with pytest.raises(AuthenticationRefused) as error:
        log_in_with_browser(client, never)
    assert code_of(error) == "oauth-timeout"


def test_token_endpoint_with_html_is_an_error_of_the_server(
    provider: Provider, client: OAuthClient, browser: Browser
) -> None:
    provider.broken = (200, "text/html", "<html>Welcome to the hotel</html>")
    with pytest.raises(ServerUnreachable) as error:
        log_in_with_browser(client, dialogue(browser))
    browser.close()
    assert code_of(error) == "oauth-server"


def test_token_endpoint_that_redirects_gets_no_second_request(
    provider: Provider, client: OAuthClient, browser: Browser
) -> None:
    provider.broken = (307, "text/html", "moved")
    with pytest.raises(ServerUnreachable) as error:
        log_in_with_browser(client, dialogue(browser))
    browser.close()
    assert "answered 307" in str(error.value)


def test_pasted_address_gives_valid_tokens(
    provider: Provider, client: OAuthClient, certificates: servers.Certificates
) -> None:
    shown: list[str] = []

    def ask(_: str) -> str:
        address = address_bar(shown[1], certificates)
        return f"{address[:40]}\n{address[40:]}\n"  # as a terminal breaks it

    tokens = log_in_with_paste(client, Dialogue(shown.append), ask)
    assert provider.accepts(tokens.access)


def test_code_cannot_be_used_twice(
    provider: Provider, client: OAuthClient, certificates: servers.Certificates
) -> None:
    shown: list[str] = []
    pasted: list[str] = []

    def ask(_: str) -> str:
        pasted.append(address_bar(shown[1], certificates))
        return pasted[-1]

    def post_twice(url: str, body: str) -> object:
        from mailmerge.oauth.web import post

        post(url, body)
        return post(url, body)

    twice = replace(Dialogue(shown.append), post=post_twice)  # type: ignore[arg-type]
    with pytest.raises(AuthenticationRefused) as error:
        log_in_with_paste(client, twice, ask)
    assert code_of(error) == "oauth-code"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "oauth-pasted"),
        ("4/0AbCd", "oauth-pasted"),
        ("http://127.0.0.1:61234/?code=stolen&state=other", "oauth-state"),
        ("http://127.0.0.1:61234/?code=stolen", "oauth-state"),
        ("http://[::1", "oauth-pasted"),
    ],
)
def test_wrong_paste_is_refused_before_a_request(
    provider: Provider, client: OAuthClient, typed: str, code: str
) -> None:
    with pytest.raises(AuthenticationRefused) as error:
        log_in_with_paste(client, Dialogue(lambda _: None), lambda _: typed)
    assert code_of(error) == code
    assert not provider.access


def test_device_flow_waits_for_the_user(provider: Provider, client: OAuthClient) -> None:
    shown: list[str] = []
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        provider.approved = len(waits) == 2

    tokens = log_in_on_device(client, Dialogue(shown.append, sleep=sleep))
    assert provider.accepts(tokens.access)
    assert waits == [1.0, 1.0]
    assert f"{provider.url}/activate" in shown[0]


def test_device_flow_waits_longer_if_it_is_asked_to(
    provider: Provider, client: OAuthClient
) -> None:
    """RFC 8628, 3.5: each slow_down adds five seconds, for all later questions."""
    provider.slow_downs, provider.in_forms = 2, True
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        provider.approved = len(waits) == 4

    tokens = log_in_on_device(client, Dialogue(lambda _: None, sleep=sleep))
    assert provider.accepts(tokens.access)
    assert waits == [1.0, 6.0, 11.0, 11.0]


def test_device_flow_that_is_denied_ends(provider: Provider, client: OAuthClient) -> None:
    provider.denies = True
    with pytest.raises(AuthenticationRefused) as error:
        log_in_on_device(client, Dialogue(lambda _: None, sleep=lambda _: None))
    assert code_of(error) == "oauth-denied"


def test_device_code_that_expires_ends_the_wait(client: OAuthClient) -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += 400

    with pytest.raises(AuthenticationRefused) as error:
        log_in_on_device(client, Dialogue(lambda _: None, sleep=sleep, clock=lambda: now[0]))
    assert code_of(error) == "oauth-timeout"


def answering(post: Callable[[str, str], Answer], now: list[float]) -> Dialogue:
    """A dialogue whose server answers in this way, and whose clock moves while it sleeps."""

    def sleep(seconds: float) -> None:
        now[0] += seconds

    return replace(Dialogue(lambda _: None), post=post, clock=lambda: now[0], sleep=sleep)


DEVICE = {"device_code": "d", "user_code": "u", "verification_uri": "https://a.example/d"}


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        ({"error": "invalid_client", "error_description": "no"}, AuthenticationRefused, ""),
        ({**DEVICE, "user_code": ""}, ServerUnreachable, "oauth-server"),
        ({**DEVICE, "verification_uri": "javascript:1"}, ServerUnreachable, "oauth-server"),
    ],
)
def test_device_flow_without_a_usable_code_ends(
    client: OAuthClient, answer: dict[str, object], kind: type[MailmergeError], code: str
) -> None:
    with pytest.raises(kind) as error:
        log_in_on_device(client, answering(lambda *_: Answer(200, answer), [0.0]))
    assert code in code_of(error)


def test_device_flow_asks_less_often_after_a_time_out(client: OAuthClient) -> None:
    now, asked = [0.0], list[float]()

    def post(url: str, body: str) -> Answer:
        if url == client.server.device_url:
            return Answer(200, {**DEVICE, "interval": 5, "expires_in": 100})
        asked.append(now[0])
        raise ServerUnreachable("no answer")

    with pytest.raises(AuthenticationRefused) as error:
        log_in_on_device(client, answering(post, now))
    assert code_of(error) == "oauth-timeout"
    assert asked == [5, 15, 35, 75, 155]


@pytest.mark.parametrize("flow", [log_in_with_browser, log_in_with_paste])
def test_server_without_a_page_has_only_the_device_flow(
    client: OAuthClient, browser: Browser, flow: Callable[..., object]
) -> None:
    without = replace(client, server=replace(client.server, authorization_url=""))
    more = (lambda _: "",) if flow is log_in_with_paste else ()
    with pytest.raises(CampaignError, match="has no page for the browser") as error:
        flow(without, dialogue(browser), *more)
    assert "--device" in error.value.problem.hint


def test_device_flow_is_refused_with_the_reason(client: OAuthClient) -> None:
    google = replace(client, server=replace(client.server, no_device="Google does not allow it"))
    with pytest.raises(CampaignError, match="Google does not allow it"):
        log_in_on_device(google, Dialogue(lambda _: None))
