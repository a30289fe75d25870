"""An error of the SMTP library -> the error that a user sees, with the fix for campaign.toml.

The library reports facts; this module adds the fix. One table has the fix for each code. If the
server refused a log-in, the fix comes from the explanation of its reply.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from mailmerge import errors as user
from mailmerge.language import marked, tr
from mailmerge.library_messages import smtp_message
from mailmerge.providers.explanations import explain
from mailmerge.providers.lookup import provider_of_host
from mailmerge.smtp import errors as smtp

_HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ca-file": marked("ca_file in [smtp] must be a PEM file"),
        "certificate": marked(
            "check host; for a server with its own authority set ca_file in [smtp]"
        ),
        "imap-server": marked("this is an IMAP server: use a port for sending, such as 465 or 587"),
        "local-name": marked(
            'set local_name to this machine\'s full name, such as "mail.example.org"'
        ),
        "needs-password": marked(
            "set password_command instead of token_command, or leave out auth"
        ),
        "needs-token": marked(
            "set token_command or client_id instead of password_command, or leave out auth"
        ),
        "no-connection": marked(
            "check host and port in [smtp]; many networks block port 25, use 465 or 587 there"
        ),
        "no-login-offered": marked("leave out username if this server needs no log-in"),
        "no-mechanism": marked(
            "use token_command for an OAuth 2 token, and password_command for a password"
        ),
        "no-starttls": marked('check host and port; on port 465 set security = "tls"'),
        "no-unix-connection": marked("check socket in [smtp]"),
        "no-unix-sockets": marked("set host and port in [smtp] instead of socket"),
        "not-tls": marked('set security = "starttls", or use port 465'),
        "plain-text-login": marked(
            'set security = "tls" or "starttls"; plain_text_login is for a server on this machine'
        ),
        "pop3-server": marked("this is a POP3 server: use a port for sending, such as 465 or 587"),
        "refused": marked("check [smtp]; the server's reply has the reason"),
        "refused-for-now": marked("try again later; `send` resumes"),
        "ssh-server": marked("this is an SSH server: check host and port"),
        "starttls-injection": marked(
            "something between this machine and the server may alter the connection"
        ),
        "tls-handshake": marked("check port and security in [smtp]"),
        "tls-port": marked('set security = "tls" for port 465'),
        "tls-server": marked('this port uses TLS from the start: set security = "tls"'),
        "unknown-host": marked("check host in [smtp], and the network"),
        "unsendable-secret": marked(
            "store it as UTF-8 in its source: the keyring, the command or the environment"
        ),
        "web-server": marked("this is a web server: check host and port"),
    }
)
"""The library's code -> the fix."""

_OPTION_HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ca-file": marked("name a PEM file in SSL_CERT_FILE"),
        "certificate": marked(
            "check --host; for a server with its own authority set SSL_CERT_FILE to its certificate"
        ),
        "no-connection": marked(
            "check --host and --port; many networks block port 25, use 465 or 587 there"
        ),
        "no-login-offered": marked("leave out --username if this server needs no log-in"),
        "no-starttls": marked("check --host and --port; on port 465 use --security tls"),
        "not-tls": marked("use --security starttls, or --port 465"),
        "plain-text-login": marked(
            "use --security tls or starttls; only this machine gets a password without encryption"
        ),
        "refused": marked("check the options; the server's reply has the reason"),
        "ssh-server": marked("this is an SSH server: check --host and --port"),
        "tls-handshake": marked("check --port and --security"),
        "tls-port": marked("use --security tls for port 465"),
        "tls-server": marked("this port uses TLS from the start: use --security tls"),
        "unknown-host": marked("check --host, and the network"),
        "web-server": marked("this is a web server: check --host and --port"),
    }
)
"""The same for a server that options of `mailmerge connect` name, where the fix is another."""

_CODES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "imap-server": "malformed-reply",
        "needs-password": "no-mechanism",
        "needs-token": "no-mechanism",
        "no-login-offered": "no-mechanism",
        "no-unix-connection": "no-connection",
        "pop3-server": "malformed-reply",
        "ssh-server": "malformed-reply",
        "tls-server": "malformed-reply",
        "token-refused": "login-refused",
        "web-server": "malformed-reply",
    }
)
"""Codes of the library -> the more general code that users see."""

_KINDS: Final[Mapping[type[smtp.SmtpError], type[user.ServerError]]] = MappingProxyType(
    {
        smtp.LocalProtocolError: user.LocalProtocolError,
        smtp.RemoteProtocolError: user.RemoteProtocolError,
        smtp.ServerUnreachable: user.ServerUnreachable,
        smtp.ServerRefused: user.ServerRefused,
        smtp.AuthenticationRefused: user.AuthenticationRefused,
        smtp.ConnectionLost: user.ConnectionLost,
    }
)


def as_user_error(
    error: smtp.SmtpError, *, host: str = "", by_options: bool = False
) -> user.ServerError:
    """The error for the user, with its fix; raise it `from` that of the library.

    `host` is the server's name; the explanation of a reply may depend on the service. `by_options`
    says that options and not campaign.toml name the server.
    """
    kind = _KINDS.get(type(error), user.ServerError)
    code = _CODES.get(error.code, error.code)
    return kind(
        smtp_message(error.message), hint=_hint(error, host, by_options=by_options), code=code
    )


_OUT_OF_DATE: Final = marked(
    "its certificate is out of date: tell the operator of the server, and check this clock"
)
_OTHER_NAME: Final = marked("check the name of the host: the certificate is for another one")
_OLD_TLS: Final = marked(
    "the server knows only TLS 1.0 or 1.1, which are not safe: ask its operator for TLS 1.2"
)
_SPECIAL: Final = (
    ("certificate", "expired", _OUT_OF_DATE),
    ("certificate", "not yet valid", marked("check the clock of this computer")),
    ("certificate", "mismatch", _OTHER_NAME),
    ("certificate", "Hostname", _OTHER_NAME),
    ("tls-handshake", "PROTOCOL_VERSION", _OLD_TLS),
    ("tls-handshake", "UNSUPPORTED_PROTOCOL", _OLD_TLS),
)
"""Code, words of the message, and the fix of this special case."""


def _special_hint(error: smtp.SmtpError) -> str:
    """The fix of a special case; it is the same for options."""
    return next(
        (hint for code, words, hint in _SPECIAL if code == error.code and words in error.message),
        "",
    )


def _hint(error: smtp.SmtpError, host: str, *, by_options: bool) -> str:
    refused = isinstance(error, smtp.AuthenticationRefused)
    if not refused or error.reply is None:
        usual = _HINTS.get(error.code, "")
        hint = _OPTION_HINTS.get(error.code, usual) if by_options else usual
        return tr(_special_hint(error) or hint)
    service = provider_of_host(host)
    return explain(
        error.reply.code,
        error.reply.text,
        provider=service.name if service else "",
        step="token" if error.code == "token-refused" else "login",
    ).action
