"""Log-ins with OAuth at a real Dovecot, which asks the authorization server about each token."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mailmerge.cli import app
from mailmerge.oauth.servers import OAuthClient
from mailmerge.oauth.storage import LoginStore
from tests import servers
from tests.oauth.conftest import logged_in
from tests.scripted_server import ScriptedServer, serve
from tests.servers.authorization import Provider

pytestmark = pytest.mark.real

CAMPAIGN = """\
[message]
from = "Ann <ann@example.org>"
subject = "Hello {{{{ name }}}}"
text = "body.txt"
[smtp]
host = "localhost"
port = {port}
security = "{security}"
{auth}
{login}
[delivery]
rate = "20/second"
messages_per_connection = 10
"""


@pytest.fixture
def relay() -> Iterator[ScriptedServer]:
    """The server behind Dovecot, which takes every message."""
    with serve() as running:
        yield running


@pytest.fixture
def dovecot(
    provider: Provider, relay: ScriptedServer, certificates: servers.Certificates
) -> Iterator[servers.Submission]:
    url = provider.introspection_url
    with servers.dovecot_submission(url, relay.port, certificates) as running:
        yield running


def campaign(folder: Path, port: int, security: str, login: str, auth: str = "") -> Path:
    values = {"port": port, "security": security, "login": login}
    line = f'auth = "{auth}"' if auth else ""
    (folder / "campaign.toml").write_text(CAMPAIGN.format(auth=line, **values))
    rows = "".join(f"r{number}@example.org,R{number}\n" for number in range(60))
    (folder / "recipients.csv").write_text(f"email,name\n{rows}")
    (folder / "body.txt").write_text("Dear {{ name }}\n")
    return folder


@pytest.mark.parametrize("lives", [3, 20])
def test_run_outlives_many_access_tokens(
    provider: Provider,
    client: OAuthClient,
    dovecot: servers.Submission,
    relay: ScriptedServer,
    tmp_path: Path,
    lives: int,
) -> None:
    """60 messages in three seconds or more, ten on each connection, each with a token of its own.

    A token that lives for three seconds has expired before the run ends. A shorter life would end
    on a busy machine before the server has asked about it.
    """
    provider.lives = lives
    logged_in(provider, client)
    folder = campaign(tmp_path, dovecot.port, "starttls", provider.toml())
    log = tmp_path / "log.jsonl"
    result = CliRunner().invoke(app, ["send", str(folder), "--yes", "--log-json", str(log)])
    assert result.exit_code == 0, result.output + dovecot.log
    assert len(relay.messages) == 60
    assert len({one.forward_paths for one in relay.messages}) == 60
    assert len(provider.renewals) >= 6
    assert provider.asked >= 6
    assert "auth failed" not in dovecot.log
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"r59@example.org" in written
    for token in [*provider.access, *provider.refresh, *provider.renewals]:
        assert token not in result.output
        assert token == "first" or token.encode() not in written
    stored = LoginStore(client).load()
    assert stored is not None
    assert stored.refresh in provider.refresh


@pytest.mark.parametrize("mechanism", ["xoauth2", "oauthbearer"])
def test_both_mechanisms_log_in_over_tls(
    provider: Provider,
    client: OAuthClient,
    dovecot: servers.Submission,
    tmp_path: Path,
    mechanism: str,
) -> None:
    logged_in(provider, client)
    folder = campaign(tmp_path, dovecot.tls_port, "tls", provider.toml(), mechanism)
    result = CliRunner().invoke(app, ["connect", str(folder)])
    assert result.exit_code == 0, result.output + dovecot.log
    assert f"C: AUTH {mechanism.upper()}" in result.output
    for token in provider.access:
        assert token not in result.output


def test_token_that_the_server_does_not_know_is_refused(
    provider: Provider, client: OAuthClient, dovecot: servers.Submission, tmp_path: Path
) -> None:
    """Dovecot reports it after a challenge (RFC 7628, 3.2.3), which must be answered."""
    provider.lives = -1  # over before it is used
    logged_in(provider, client)
    folder = campaign(tmp_path, dovecot.port, "starttls", provider.toml())
    result = CliRunner().invoke(app, ["send", str(folder), "--yes"])
    assert result.exit_code == 4, result.output
    assert "refused" in result.output
