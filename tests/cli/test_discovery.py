"""connect and login suggest a server where none is configured; a real DNS server knows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mailmerge.cli.exit_status import ExitStatus
from tests.cli.conftest import Call
from tests.servers.nsd import nsd

CAMPAIGN = '[message]\nfrom = "Ann <ann@firma.example>"\nsubject = "x"\ntext = "body.txt"\n'


@pytest.fixture
def dns() -> Iterator[dict[str, str]]:
    """The environment in which a DNS server knows firma.example."""
    with nsd({"firma.example": "@ MX 0 firma-example.mail.protection.outlook.com."}) as port:
        yield {"MAILMERGE_DNS_SERVER": f"127.0.0.1:{port}"}


@pytest.mark.real
@pytest.mark.parametrize("command", ["connect", "login"])
@pytest.mark.parametrize("address", ["ann@firma.example", "bob@firma.example"])
def test_campaign_without_a_server_gets_a_suggestion(
    tmp_path: Path, call: Call, dns: dict[str, str], command: str, address: str
) -> None:
    """For the log-in, if there is one; otherwise for the sender."""
    login = "" if address.startswith("ann") else f'[smtp]\nusername = "{address}"\n'
    (tmp_path / "campaign.toml").write_text(CAMPAIGN + login, encoding="utf-8")
    result = call(command, tmp_path, env=dns)
    assert result.exit_code == ExitStatus.USAGE
    lines = f'add provider = "office365", username = "{address}", auth = "oauth"'
    assert lines in result.stderr
    assert "firma.example: Microsoft 365 (Exchange Online), found by its MX record" in result.stderr


@pytest.mark.real
@pytest.mark.parametrize("command", ["connect", "login"])
def test_without_dns_nothing_is_suggested(
    tmp_path: Path, call: Call, dns: dict[str, str], command: str
) -> None:
    (tmp_path / "campaign.toml").write_text(CAMPAIGN, encoding="utf-8")
    result = call(command, tmp_path, "--no-dns", env=dns)
    assert result.exit_code == ExitStatus.USAGE
    assert "office365" not in result.stderr
    assert "no server is configured" in result.stderr


def test_silent_dns_is_no_statement_about_the_domain(tmp_path: Path, call: Call) -> None:
    (tmp_path / "campaign.toml").write_text(CAMPAIGN, encoding="utf-8")
    silent = {"MAILMERGE_DNS_SERVER": "127.0.0.1:1"}
    options = ["--username", "ann@firma.example"]
    for result in (call("connect", tmp_path, env=silent), call("connect", *options, env=silent)):
        assert result.exit_code == ExitStatus.USAGE
        assert "the server for firma.example is not known, because DNS" in result.stderr
        assert "try again" in result.stderr


def test_without_dns_an_unknown_domain_has_no_server(call: Call) -> None:
    result = call("connect", "--username", "ann@firma.example", "--no-dns")
    assert result.exit_code == ExitStatus.USAGE
    assert "no server is known for firma.example" in result.stderr


def test_sender_of_a_template_has_no_domain(tmp_path: Path, call: Call) -> None:
    """The domain is not known before a row is."""
    template = CAMPAIGN.replace("Ann <ann@firma.example>", "{{ adviser }}")
    (tmp_path / "campaign.toml").write_text(template, encoding="utf-8")
    result = call("connect", tmp_path, env={"MAILMERGE_DNS_SERVER": "127.0.0.1:1"})
    assert result.exit_code == ExitStatus.USAGE
