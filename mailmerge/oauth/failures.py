"""The error of an authorization server -> one error with its fix. Pure.

Services report many situations as the same `error` (RFC 6749, 4.1.2.1 and 5.2). Microsoft's
`AADSTS` numbers and Google's words in the description tell them apart, so the description is looked
at first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mailmerge.errors import AuthenticationRefused, ServerUnreachable
from mailmerge.language import marked, tr
from mailmerge.wording import one_line

_SHOWN: Final = 300
"""The characters of a description that are shown."""


@dataclass(frozen=True, slots=True)
class _Meaning:
    """A situation: how it is recognised, its code, its sentence, and its fix.

    It is recognised by `errors`, values of `error`, or by `text` in the description. `renewal`
    limits the entry to the renewal of a token (True) or to a first log-in (False).
    """

    code: str
    message: str
    hint: str
    errors: tuple[str, ...] = ()
    text: str = ""
    renewal: bool | None = None

    def fits(self, error: str, description: str, *, renewal: bool) -> bool:
        if self.renewal not in (None, renewal):
            return False
        said = bool(self.text) and re.search(self.text, description, re.IGNORECASE) is not None
        return said or error in self.errors


_MEANINGS: Final = (
    _Meaning(
        "oauth-admin-consent",
        marked("an administrator must allow this application first"),
        marked(
            "ask the administrator to grant consent to the client_id; docs/login.md has the steps"
        ),
        text=r"AADSTS(65001|90094|90008|900941|50105)\b|admin(istrator)? (consent|approval)"
        r"|admin_policy_enforced",
        errors=("admin_policy_enforced", "consent_required", "org_internal"),
    ),
    _Meaning(
        "oauth-policy",
        marked("a policy of the organisation blocks this way to log in"),
        marked(
            "run `mailmerge login` without --device, or ask the administrator about Conditional "
            "Access"
        ),
        text=r"AADSTS53\d{3,4}\b|conditional access",
    ),
    _Meaning(
        "oauth-client",
        marked("the service does not accept this application without a secret"),
        marked("allow public client flows in the registration, or set client_secret_command"),
        text=r"AADSTS7000218\b|client_secret is missing|client_secret.*required",
    ),
    _Meaning(
        "oauth-client",
        marked("the service refuses the client secret"),
        marked("make a new secret in the registration; check what client_secret_command prints"),
        text=r"AADSTS7000(215|222)\b",
    ),
    _Meaning(
        "oauth-redirect",
        marked(
            "the registration of client_id does not allow the address that the browser returns to"
        ),
        marked(
            'register a desktop application; at Microsoft add the redirect URI "http://localhost"'
        ),
        text=r"AADSTS(50011|500113)\b|redirect_uri_mismatch|redirect[ _]uri",
        errors=("redirect_uri_mismatch",),
    ),
    _Meaning(
        "oauth-tenant",
        marked("the account does not belong to the tenant of this application"),
        marked("check username, and set tenant to the directory of the account"),
        text=r"AADSTS(50020|50194|90002|50128|700016|9002346|9002331)\b",
    ),
    _Meaning(
        "oauth-scope",
        marked("the application may not ask for the permission to send over SMTP"),
        marked(
            "add the permissions to the registration: SMTP.Send and IMAP.AccessAsUser.All at "
            "Microsoft, the Gmail API and https://mail.google.com/ at Google; or set scopes in "
            "[smtp.oauth]"
        ),
        text=r"AADSTS(70011|650053|28000|650057)\b|invalid (device flow )?scope",
        errors=("invalid_scope",),
    ),
    _Meaning(
        "oauth-expired",
        marked("the stored log-in has expired or was withdrawn"),
        marked(
            "run `mailmerge login` again; a Google project in status Testing ends it after seven "
            "days, so publish it or make it Internal"
        ),
        errors=("invalid_grant", "interaction_required", "login_required"),
        renewal=True,
    ),
    _Meaning(
        "oauth-code",
        marked("the code is no longer valid"),
        marked(
            "run `mailmerge login` again; each code can be used once, and only for a few minutes"
        ),
        errors=("invalid_grant", "expired_token", "bad_verification_code"),
    ),
    _Meaning(
        "oauth-denied",
        marked("the log-in was declined in the browser"),
        marked("run `mailmerge login` again and accept, with the account in username"),
        errors=("access_denied", "authorization_declined"),
    ),
    _Meaning(
        "oauth-client",
        marked("the service does not accept this client_id"),
        marked("check client_id and client_secret_command; docs/login.md shows the registration"),
        errors=("invalid_client", "unauthorized_client"),
    ),
)
"""The first that fits is used."""


def refusal(
    error: str, description: str, *, title: str, renewal: bool, clock_error: float = 0.0
) -> AuthenticationRefused | ServerUnreachable:
    """The error for an answer of the authorization server.

    `renewal` says whether a stored token was to be renewed. `clock_error` is the number of seconds
    that this machine's clock is ahead of the server's.
    """
    said = one_line(f"{error}: {description}" if description else error)[:_SHOWN]
    if error in ("temporarily_unavailable", "server_error"):
        return ServerUnreachable(
            tr('{title} cannot give a token now: "{said}"', title=title, said=said),
            hint=tr("try again later"),
            code="oauth-server",
        )
    if abs(clock_error) > _CLOCK_ERROR and error in ("invalid_grant", "invalid_request"):
        return _wrong_clock(clock_error)
    for meaning in _MEANINGS:
        if meaning.fits(error, description, renewal=renewal):
            message = tr(
                '{title}: {meaning}: "{said}"', title=title, meaning=tr(meaning.message), said=said
            )
            return AuthenticationRefused(message, hint=tr(meaning.hint), code=meaning.code)
    return AuthenticationRefused(
        tr('{title} refused the log-in: "{said}"', title=title, said=said),
        hint=tr("run `mailmerge login` again"),
        code="oauth-refused",
    )


_CLOCK_ERROR: Final = 300.0
"""The difference of clocks, in seconds, from which on it explains a refusal."""


def _wrong_clock(clock_error: float) -> AuthenticationRefused:
    """The error for a clock that differs from the server's by `clock_error` seconds."""
    minutes = abs(clock_error) / 60
    if clock_error > 0:
        message = tr("the clock of this machine is {minutes:,.0f} minutes ahead", minutes=minutes)
    else:
        message = tr("the clock of this machine is {minutes:,.0f} minutes behind", minutes=minutes)
    return AuthenticationRefused(
        message,
        hint=tr("set the clock and try again"),
        code="oauth-clock",
    )
