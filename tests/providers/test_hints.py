"""Errors of the SMTP library as users see them: the same words, with the fix in campaign.toml."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailmerge import errors as user
from mailmerge import smtp as library
from mailmerge.errors import ServerError
from mailmerge.providers.hints import as_user_error
from mailmerge.smtp import Reply, Stage, errors
from mailmerge.smtp.errors import AuthenticationRefused, SmtpError

LIBRARY = Path(library.__file__).parent


def codes_of_the_library() -> set[str]:
    """Every code that the library's source text gives to an error."""
    source = "".join(path.read_text("utf-8") for path in sorted(LIBRARY.glob("*.py")))
    named = re.findall(r'code=f?"([^"]+)"', source) + re.findall(r'code = "([^"]+)"', source)
    return {
        *named,
        "web-server",
        "imap-server",
        "pop3-server",
        "ssh-server",
        "tls-server",
        "needs-password",
        "needs-token",
        "no-mechanism",
        "no-login-offered",
        "refused",
    }


@pytest.mark.parametrize("kind", [SmtpError, *SmtpError.__subclasses__()])
def test_every_kind_of_error_has_its_counterpart(kind: type[SmtpError]) -> None:
    shown = as_user_error(kind("it broke"))
    wanted = ServerError if kind is SmtpError else getattr(user, kind.__name__)
    assert type(shown) is wanted
    assert issubclass(wanted, ServerError)
    assert shown.problem.message == "it broke"
    assert shown.problem.code == wanted.default_code


@pytest.mark.parametrize(
    ("code", "shown_as", "hint"),
    [
        ("web-server", "malformed-reply", "web server"),
        ("imap-server", "malformed-reply", "587"),
        ("tls-server", "malformed-reply", 'security = "tls"'),
        ("no-unix-connection", "no-connection", "check socket in [smtp]"),
        ("no-unix-sockets", "no-unix-sockets", "host and port"),
        ("no-connection", "no-connection", "465 or 587"),
        ("no-login-offered", "no-mechanism", "leave out username"),
        ("no-mechanism", "no-mechanism", "password_command"),
        ("needs-token", "no-mechanism", "set token_command"),
        ("needs-password", "no-mechanism", "set password_command"),
        ("local-name", "local-name", "set local_name to"),
        ("certificate", "certificate", "ca_file"),
        ("refused-for-now", "refused-for-now", "`send` resumes"),
        ("tls-port", "tls-port", "465"),
        ("miscount", "miscount", ""),
    ],
)
def test_a_code_has_its_fix(code: str, shown_as: str, hint: str) -> None:
    shown = as_user_error(SmtpError("it broke", code=code))
    assert shown.problem.code == shown_as
    assert hint in shown.problem.hint
    assert bool(shown.problem.hint) is bool(hint)


def test_the_codes_of_the_library_have_their_fixes() -> None:
    """A code that is renamed in the library alone loses its fix, and is missed here."""
    fixes = {
        code
        for code in codes_of_the_library()
        if as_user_error(SmtpError("", code=code)).problem.hint
    }
    assert len(fixes) == 24
    assert as_user_error(SmtpError("it broke", code="no-such-code")).problem.hint == ""


@pytest.mark.parametrize(
    ("host", "code", "reply", "words"),
    [
        ("smtp.gmail.com", "", "5.7.8 no", "2-step verification"),
        ("mail.example.org", "", "5.7.8 no", "password"),
        ("mail.example.org", "token-refused", "5.7.8 no", "token_command"),
    ],
)
def test_a_refused_log_in_has_the_fix_of_its_reply(
    host: str, code: str, reply: str, words: str
) -> None:
    refused = AuthenticationRefused(
        "the log-in as me was refused", code=code, reply=Reply(535, (reply,)), stage=Stage.AUTH
    )
    shown = as_user_error(refused, host=host)
    assert words in shown.problem.hint
    assert shown.problem.code == "login-refused"


def test_a_log_in_that_was_never_sent_has_no_reply_to_explain() -> None:
    shown = as_user_error(errors.AuthenticationRefused("no TLS", code="plain-text-login"))
    assert "plain_text_login" in shown.problem.hint


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        ("no-connection", "check --host and --port; many networks block port 25"),
        ("not-tls", "use --security starttls, or --port 465"),
        ("unknown-host", "check --host, and the network"),
        ("no-login-offered", "leave out --username"),
        ("refused-for-now", "try again later"),
    ],
)
def test_a_server_of_options_has_the_fix_for_options(code: str, hint: str) -> None:
    shown = as_user_error(SmtpError("it broke", code=code), by_options=True)
    assert shown.problem.hint.startswith(hint)


def test_fixes_for_options_name_no_keys() -> None:
    for code in codes_of_the_library():
        hint = as_user_error(SmtpError("it broke", code=code), by_options=True).problem.hint
        usual = as_user_error(SmtpError("it broke", code=code)).problem.hint
        if hint != usual:
            assert "[smtp]" not in hint
            assert "security =" not in hint
