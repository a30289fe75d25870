"""[smtp] -> the authorization server and the application."""

from __future__ import annotations

import pytest

from mailmerge.errors import CampaignError
from mailmerge.oauth.servers import OAuthClient, find_client
from mailmerge.providers.lookup import find_provider, load_providers
from mailmerge.settings import SmtpSection

OWN = {
    "authorization_url": "http://127.0.0.1:9/auth",
    "token_url": "http://127.0.0.1:9/token",
    "scopes": ["smtp"],
}


def client(provider: str = "", **keys: object) -> OAuthClient | None:
    section = SmtpSection.model_validate({"username": "ann@example.org", **keys})
    return find_client(section, find_provider(provider) if provider else None)


def test_password_log_in_has_no_client() -> None:
    assert client("gmail") is None
    assert client("office365") is None  # a password still works where SMTP AUTH is allowed


def test_microsoft_uses_the_tenant() -> None:
    found = client("office365", client_id="x", tenant="contoso.com")
    assert found is not None
    assert found.server.token_url.startswith("https://login.microsoftonline.com/contoso.com/")
    assert found.server.device_url.endswith("/devicecode")
    assert "https://outlook.office.com/SMTP.Send" in found.server.scopes
    assert not found.server.no_device


def test_microsoft_without_a_tenant_uses_common() -> None:
    found = client("outlook", client_id="x")
    assert found is not None
    assert "/common/oauth2/v2.0/authorize" in found.server.authorization_url


def test_google_has_no_device_flow() -> None:
    found = client("gmail", auth="oauth", client_id="x")
    assert found is not None
    assert "Google" in found.server.no_device
    assert dict(found.server.parameters)["access_type"] == "offline"


def test_own_server_needs_no_known_provider() -> None:
    found = client(client_id="x", oauth=OWN)
    assert found is not None
    assert found.server.token_url == OWN["token_url"]
    assert found.server.no_device


def test_own_scopes_replace_those_of_the_provider() -> None:
    found = client("gmail", client_id="x", oauth={"scopes": ["other"]})
    assert found is not None
    assert found.server.scopes == ("other",)
    assert "google" in found.server.token_url


def test_token_command_replaces_the_stored_log_in() -> None:
    assert client("gmail", auth="oauth", token_command="oama access ann") is None


@pytest.mark.parametrize(
    ("keys", "word"),
    [
        ({"provider": "gmail", "auth": "oauth"}, "client_id"),
        ({"provider": "ses", "auth": "oauth", "client_id": "x"}, "not known"),
        ({"provider": "gmail", "client_id": "x", "username": ""}, "username"),
        ({"provider": "gmail", "client_id": "x", "token_command": "t"}, "exclude"),
    ],
)
def test_keys_that_cannot_work_are_named(keys: dict[str, str], word: str) -> None:
    rest = dict(keys)
    with pytest.raises(CampaignError, match=word) as error:
        client(rest.pop("provider"), **rest)
    assert error.value.problem.code == "oauth-settings"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/token",
        "http://localhost.example.org/t",
        "ftp://127.0.0.1/t",
        "https://user:secret@example.org/t",
        "https:///t",
        "token",
        "http://127.0.0.1:port/t",
        "https://example.org/t#part",
    ],
)
def test_address_that_would_show_secrets_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="https address"):
        SmtpSection.model_validate({"oauth": {"token_url": url}})


def test_every_server_of_the_table_is_a_known_provider() -> None:
    names = ("gmail", "workspace", "office365", "outlook", "fastmail", "yahoo", "yandex")
    assert set(names) <= set(load_providers())
    for name in names:
        found = client(name, client_id="x")
        assert found is not None
        assert found.server.token_url.startswith("https://")
        assert found.server.scopes


@pytest.mark.parametrize("provider", ["office365", "outlook", "gmail", "workspace"])
def test_log_in_asks_for_the_name_of_the_account(provider: str) -> None:
    found = client(provider, auth="oauth", client_id="x")
    assert found is not None
    assert {"openid", "email"} <= set(found.server.scopes)
    assert found.server.scopes[0].startswith("https://")  # the mail server's scope is the first
