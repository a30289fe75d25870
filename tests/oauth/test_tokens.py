"""Access tokens are renewed in time, by one process at a time, and rotation is never lost."""

from __future__ import annotations

import multiprocessing
import sys
import threading
import traceback
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mailmerge.cli import app
from mailmerge.errors import AuthenticationRefused, MailmergeError, ServerUnreachable
from mailmerge.oauth.servers import OAuthClient
from mailmerge.oauth.storage import LoginStore
from mailmerge.oauth.tokens import AccessTokens
from mailmerge.oauth.web import Answer, post
from tests.oauth.conftest import logged_in
from tests.servers.authorization import SCOPE, Provider, Refresh
from tests.servers.token_server import token_server


def test_token_is_kept_until_five_minutes_before_its_end(
    provider: Provider, client: OAuthClient
) -> None:
    now = [0.0]
    tokens = AccessTokens(client, logged_in(provider, client), clock=lambda: now[0])
    first = tokens.current()
    now[0] = 3299.0
    assert tokens.current() == first
    now[0] = 3301.0
    assert tokens.current() != first
    assert len(provider.renewals) == 2


def test_new_refresh_token_is_stored_before_use(provider: Provider, client: OAuthClient) -> None:
    store = logged_in(provider, client)
    AccessTokens(client, store).current()
    stored = store.load()
    assert stored is not None
    assert stored.refresh in provider.refresh
    assert provider.renewals == ["first"]


def test_refresh_token_that_stays_is_kept(client: OAuthClient) -> None:
    store = LoginStore(client)
    store.save("stays")
    answer = Answer(200, {"access_token": "a", "token_type": "Bearer"})
    assert AccessTokens(client, store, post=lambda *_: answer).current() == "a"
    stored = store.load()
    assert stored is not None
    assert stored.refresh == "stays"


def test_without_a_stored_log_in_the_fix_is_login(client: OAuthClient) -> None:
    with pytest.raises(AuthenticationRefused, match="mailmerge login") as error:
        AccessTokens(client, LoginStore(client)).current()
    assert error.value.problem.code == "oauth-no-login"


def test_expired_log_in_is_told_apart(provider: Provider, client: OAuthClient) -> None:
    store = LoginStore(client)
    store.save("withdrawn")
    with pytest.raises(AuthenticationRefused, match="seven days") as error:
        AccessTokens(client, store).current()
    assert error.value.problem.code == "oauth-expired"


def test_threads_share_one_renewal(provider: Provider, client: OAuthClient) -> None:
    tokens = AccessTokens(client, logged_in(provider, client))
    threads = [threading.Thread(target=tokens.current) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(provider.renewals) == 1


def _renew(client: OAuthClient, count: int, failed: multiprocessing.Queue[str]) -> None:
    """In a process of its own: renew several times, as runs with short tokens do."""
    try:
        for _ in range(count):
            AccessTokens(client, LoginStore(client)).current()
    except Exception as error:  # noqa: BLE001 - the test shows it
        failed.put(str(error))


def test_processes_never_overwrite_each_other(provider: Provider, client: OAuthClient) -> None:
    logged_in(provider, client)
    context = multiprocessing.get_context("spawn")
    failed: multiprocessing.Queue[str] = context.Queue()
    running = [context.Process(target=_renew, args=(client, 10, failed)) for _ in range(3)]
    for process in running:
        process.start()
    for process in running:
        process.join(60)
    assert failed.empty(), failed.get()
    assert len(provider.renewals) == len(set(provider.renewals)) == 30


CAMPAIGN = """
[campaign]
name = "spring"
[message]
from = "Ann <ann@example.org>"
subject = "Hello {{{{ name }}}}"
text = "body.txt"
[delivery]
messages_per_connection = 10
connections = {connections}
[smtp]
host = "127.0.0.1"
port = {port}
plain_text_login = true
{login}
"""


def campaign(folder: Path, port: int, login: str, *, rows: int, connections: int = 1) -> Path:
    folder.joinpath("campaign.toml").write_text(
        CAMPAIGN.format(port=port, login=login, connections=connections)
    )
    lines = "".join(f"r{number}@example.org,R{number}\n" for number in range(rows))
    folder.joinpath("recipients.csv").write_text(f"email,name\n{lines}")
    folder.joinpath("body.txt").write_text("Dear {{ name }}\n")
    return folder


@pytest.mark.parametrize("connections", [1, 3])
def test_run_finishes_although_each_token_expires(
    provider: Provider, client: OAuthClient, tmp_path: Path, connections: int
) -> None:
    provider.lives = 20
    logged_in(provider, client)
    used: set[str] = set()

    def accepts(token: str) -> bool:
        """A token is valid once: the strictest form of a token that soon expires."""
        fresh = provider.accepts(token) and token not in used
        used.add(token)
        return fresh

    with token_server(accepts) as server:
        folder = campaign(tmp_path, server.port, provider.toml(), rows=60, connections=connections)
        result = CliRunner().invoke(app, ["send", str(folder), "--yes"])
    assert result.exit_code == 0, result.output
    assert len(server.recipients) == 60
    assert server.refused == 0
    assert len(server.logins) >= 6
    stored = LoginStore(client).load()
    assert stored is not None
    assert stored.refresh in provider.refresh


def test_token_command_is_asked_for_each_connection(tmp_path: Path) -> None:
    script = tmp_path / "token.py"
    count = tmp_path / "count"
    script.write_text(
        "import pathlib\n"
        f"file = pathlib.Path({str(count)!r})\n"
        "number = int(file.read_text()) + 1 if file.exists() else 1\n"
        "file.write_text(str(number))\n"
        "print(f'token-{number}')\n"
    )
    login = f'username = "ann@example.org"\ntoken_command = "{sys.executable} {script}"'
    with token_server(lambda _: True) as server:
        folder = campaign(tmp_path, server.port, login, rows=30)
        result = CliRunner().invoke(app, ["send", str(folder), "--yes"])
    assert result.exit_code == 0, result.output
    assert [token for _, token in server.logins] == ["token-1", "token-2", "token-3"]
    assert int(count.read_text()) == 3


@pytest.mark.parametrize(
    "broken",
    [
        (400, '{"error": "invalid_grant", "error_description": "no token s3cret-refresh"}'),
        (400, '{"error": "s3cret-client", "error_description": "x"}'),
        (200, '{"access_token": 5, "refresh_token": "s3cret-next"}'),
        (500, "<html>s3cret-refresh</html>"),
        (200, '{"access_token": "s3cret-access"'),
    ],
)
def test_traceback_of_a_renewal_has_no_secret(
    provider: Provider, client: OAuthClient, broken: tuple[int, str]
) -> None:
    provider.broken = (broken[0], "application/json", broken[1])
    store = LoginStore(client)
    store.save("s3cret-refresh")
    tokens = AccessTokens(client, store, secret=lambda: "s3cret-client")
    with pytest.raises(MailmergeError) as error:
        tokens.current()  # a traceback quotes this line
    assert "s3cret" not in "".join(traceback.format_exception(error.value))


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs the /proc of Linux")
def test_secrets_are_in_no_argument_of_a_process(provider: Provider, client: OAuthClient) -> None:
    seen: list[bytes] = []

    def watched(url: str, body: str) -> Answer:
        for file in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.append(file.read_bytes())
            except OSError:
                continue  # it has ended, or belongs to another user
        return post(url, body)

    provider.refresh["s3cret-refresh"] = Refresh(SCOPE)
    store = LoginStore(client)
    store.save("s3cret-refresh")
    AccessTokens(client, store, post=watched).current()
    assert any(b"python" in line for line in seen)
    assert not any(b"s3cret-refresh" in line for line in seen)


@pytest.mark.parametrize("in_forms", [False, True])
@pytest.mark.parametrize("rotates", [False, True])
def test_tokens_of_other_servers_are_renewed(
    provider: Provider, client: OAuthClient, rotates: bool, in_forms: bool
) -> None:
    """Servers that keep the refresh token, and servers that write forms."""
    provider.rotates, provider.in_forms = rotates, in_forms
    provider.lives = 20
    store = logged_in(provider, client)
    tokens = AccessTokens(client, store)
    used = [tokens.current() for _ in range(3)]
    assert len(set(used)) == 3
    assert all(provider.accepts(token) for token in used)
    stored = store.load()
    assert stored is not None
    assert (stored.refresh == "first") is not rotates
    assert stored.refresh in provider.refresh


def test_token_of_an_unknown_life_is_not_used_again(
    provider: Provider, client: OAuthClient
) -> None:
    provider.names_life = False
    tokens = AccessTokens(client, logged_in(provider, client))
    assert tokens.current() != tokens.current()


@pytest.mark.parametrize(
    ("ahead", "words"), [(3600.0, "60 minutes behind"), (-7200.0, "120 minutes ahead")]
)
def test_wrong_clock_explains_a_refusal(
    provider: Provider, client: OAuthClient, ahead: float, words: str
) -> None:
    """The Date of the answer shows it; a token that is renewed in time does not need the clock."""
    store = logged_in(provider, client)
    provider.clock_ahead = ahead
    assert provider.accepts(AccessTokens(client, store).current())
    provider.refresh.clear()
    with pytest.raises(AuthenticationRefused, match=words) as error:
        AccessTokens(client, store).current()
    assert error.value.problem.code == "oauth-clock"


def test_valid_token_is_used_while_the_server_is_down(
    provider: Provider, client: OAuthClient
) -> None:
    now = [0.0]
    tokens = AccessTokens(client, logged_in(provider, client), clock=lambda: now[0])
    first = tokens.current()
    provider.broken = (503, "text/html", "down")
    now[0] = 3400.0
    assert tokens.current() == first
    now[0] = 3580.0
    with pytest.raises(ServerUnreachable):
        tokens.current()
    provider.broken = None
    assert tokens.current() != first


def test_run_waits_for_an_authorization_server_that_is_down(
    provider: Provider, client: OAuthClient, tmp_path: Path
) -> None:
    provider.lives, provider.outages = 20, frozenset({4})
    logged_in(provider, client)
    with token_server(provider.accepts) as server:
        folder = campaign(tmp_path, server.port, provider.toml(), rows=40)
        result = CliRunner().invoke(app, ["send", str(folder), "--yes"])
    assert result.exit_code == 0, result.output
    assert provider.posts > 4
    assert len(server.recipients) == len(set(server.recipients)) == 40
    assert server.refused == 0
