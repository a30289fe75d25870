"""The texts of requests, and the meaning of answers."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest

from mailmerge.errors import AuthenticationRefused
from mailmerge.oauth.grants import (
    begin_authorization,
    code_of,
    code_request,
    query_of_pasted,
    read_tokens,
    refresh_request,
)
from mailmerge.oauth.servers import AuthorizationServer, OAuthClient
from mailmerge.oauth.web import Answer

SERVER = AuthorizationServer(
    "Example",
    "http://127.0.0.1:8/auth?theme=dark",
    "http://127.0.0.1:8/token",
    scopes=("https://mail.example/", "offline_access"),
    parameters=(("prompt", "consent"),),
)
CLIENT = OAuthClient(SERVER, "app", "ann+news@example.org")
GOOD = {"access_token": "a", "token_type": "Bearer", "expires_in": 20}


def fields(text: str) -> dict[str, list[str]]:
    return parse_qs(text, keep_blank_values=True)


def test_page_has_every_parameter_and_keeps_its_own() -> None:
    begun = begin_authorization(CLIENT, "http://127.0.0.1:9/")
    assert begun.url.startswith("http://127.0.0.1:8/auth?")
    asked = fields(urlsplit(begun.url).query)
    assert asked["theme"] == ["dark"]
    assert asked["scope"] == ["https://mail.example/ offline_access"]
    assert asked["login_hint"] == ["ann+news@example.org"]
    assert asked["prompt"] == ["consent"]
    assert begun.verifier not in begun.url
    assert begun.verifier not in repr(begun)


def test_each_log_in_has_its_own_secrets() -> None:
    first, second = (begin_authorization(CLIENT, "http://127.0.0.1:9/") for _ in range(2))
    assert first.state != second.state
    assert first.verifier != second.verifier


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("state={0}", "oauth-code"),
        ("state={0}&code=", "oauth-code"),
        ("state={0}&code=a&code=b", "oauth-code"),
        ("state={0}&state={0}&code=a", "oauth-state"),
        ("state=&code=a", "oauth-state"),
        ("state=%ff&code=a", "oauth-state"),
        ("state={0}&error=access_denied&code=a", "oauth-denied"),
    ],
)
def test_answer_with_something_wrong_is_refused(query: str, code: str) -> None:
    begun = begin_authorization(CLIENT, "http://127.0.0.1:9/")
    with pytest.raises(AuthenticationRefused) as error:
        code_of(begun, query.format(begun.state), "Example")
    assert error.value.problem.code == code


def test_code_is_exchanged_with_the_verifier() -> None:
    begun = begin_authorization(CLIENT, "http://127.0.0.1:9/")
    assert code_of(begun, f"code=c&state={begun.state}", "Example") == "c"
    sent = fields(code_request(CLIENT, begun, "c", "s3cret"))
    assert sent["code_verifier"] == [begun.verifier]
    assert sent["redirect_uri"] == ["http://127.0.0.1:9/"]
    assert sent["client_secret"] == ["s3cret"]


def test_public_client_sends_no_secret() -> None:
    sent = fields(refresh_request(CLIENT, "r", ""))
    assert sent["grant_type"] == ["refresh_token"]
    assert sent["client_id"] == ["app"]
    assert "client_secret" not in sent
    assert "scope" not in sent


def test_pasted_address_may_be_broken_over_lines() -> None:
    assert query_of_pasted(" http://127.0.0.1:9/?code=a\n&state=b ") == "code=a&state=b"


@pytest.mark.parametrize(
    ("granted", "works"),
    [
        ("", True),
        ("https://mail.example", True),
        ("HTTPS://mail.example/ openid", True),
        ("openid", False),
    ],
)
def test_missing_permission_is_noticed(granted: str, works: bool) -> None:
    answer = Answer(200, {**GOOD, "scope": granted})
    if works:
        assert read_tokens(answer, CLIENT, renewal=False).seconds == 20
        return
    with pytest.raises(AuthenticationRefused) as error:
        read_tokens(answer, CLIENT, renewal=False)
    assert error.value.problem.code == "oauth-scope"


@pytest.mark.parametrize("answer", [{}, {"access_token": ""}, {"access_token": 5}])
def test_answer_without_a_token_is_refused(answer: dict[str, object]) -> None:
    with pytest.raises(AuthenticationRefused):
        read_tokens(Answer(200, answer), CLIENT, renewal=True)


def id_token(claims: object) -> str:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{part}.x"


@pytest.mark.parametrize(
    ("token", "account"),
    [
        (id_token({"email": "bob@example.org"}), "bob@example.org"),
        (id_token({"upn": "bob@x.org", "email": "other@x.org"}), "bob@x.org"),
        (
            id_token({"preferred_username": "ann@corp.local", "email": CLIENT.username}),
            CLIENT.username,
        ),
        (id_token({"preferred_username": "", "email": "bob@example.org"}), "bob@example.org"),
        (id_token({"email": 5}), ""),
        (id_token([]), ""),
        ("a.b.c", ""),
        ("no", ""),
        ("", ""),
    ],
)
def test_account_of_the_token_is_read(token: str, account: str) -> None:
    answer = Answer(200, {**GOOD, "id_token": token})
    assert read_tokens(answer, CLIENT, renewal=False).account == account


def test_tokens_are_never_shown() -> None:
    tokens = read_tokens(Answer(200, {**GOOD, "access_token": "s3cret"}), CLIENT, renewal=False)
    assert "s3cret" not in repr(tokens)
    assert "s3cret" not in repr(replace(tokens, refresh="s3cret"))
