"""Real errors of authorization servers are told apart, each with its fix."""

from __future__ import annotations

import pytest

from mailmerge.errors import AuthenticationRefused, ServerUnreachable
from mailmerge.oauth.failures import refusal

REAL = [
    ("invalid_grant", "AADSTS65001: The user or administrator has not consented", True,
     "oauth-admin-consent", "administrator"),
    ("access_denied", "AADSTS90094: An administrator of Contoso has set a policy", False,
     "oauth-admin-consent", "administrator"),
    ("admin_policy_enforced", "", False, "oauth-admin-consent", "administrator"),
    ("invalid_grant", "AADSTS530036: Device code flow is blocked by Conditional Access", False,
     "oauth-policy", "--device"),
    ("invalid_grant", "AADSTS53003: Access has been blocked", False, "oauth-policy", "--device"),
    ("invalid_client", "AADSTS7000218: The request body must contain client_assertion", False,
     "oauth-client", "public client flows"),
    ("invalid_request", "client_secret is missing.", False, "oauth-client",
     "client_secret_command"),
    ("invalid_client", "The OAuth client was not found.", False, "oauth-client", "client_id"),
    ("invalid_request", "AADSTS50011: The redirect URI does not match", False,
     "oauth-redirect", "http://localhost"),
    ("unauthorized_client", "AADSTS700016: Application was not found in the directory", False,
     "oauth-tenant", "tenant"),
    ("invalid_scope", "Invalid device flow scope: https://mail.google.com/", False,
     "oauth-scope", "SMTP.Send"),
    ("invalid_grant", "Token has been expired or revoked.", True, "oauth-expired", "seven days"),
    ("invalid_grant", "AADSTS700082: The refresh token has expired due to inactivity", True,
     "oauth-expired", "mailmerge login"),
    ("invalid_grant", "Bad Request", False, "oauth-code", "used once"),
    ("expired_token", "", False, "oauth-code", "mailmerge login"),
    ("access_denied", "The user declined", False, "oauth-denied", "accept"),
    ("something_new", "", False, "oauth-refused", "mailmerge login"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "text", "renewal", "code", "fix"), REAL)
def test_real_error_has_its_own_fix(
    error: str, text: str, renewal: bool, code: str, fix: str
) -> None:
    found = refusal(error, text, title="Example", renewal=renewal)
    assert isinstance(found, AuthenticationRefused)
    assert found.problem.code == code
    assert fix in found.problem.hint


def test_wrong_clock_is_named() -> None:
    found = refusal("invalid_grant", "", title="Example", renewal=True, clock_error=7200)
    assert found.problem.code == "oauth-clock"
    assert "120 minutes ahead" in str(found)


def test_small_difference_of_clocks_explains_nothing() -> None:
    found = refusal("invalid_grant", "", title="Example", renewal=True, clock_error=-200)
    assert found.problem.code == "oauth-expired"


def test_busy_server_is_no_refusal() -> None:
    found = refusal("temporarily_unavailable", "", title="Example", renewal=True)
    assert isinstance(found, ServerUnreachable)


def test_control_characters_of_the_server_are_not_shown() -> None:
    found = refusal("odd", "red \x1b[31m\r\ntext" + "x" * 999, title="Example", renewal=False)
    assert "\x1b" not in str(found)
    assert len(str(found)) < 500
