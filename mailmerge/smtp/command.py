"""Commands as values, and as the octets that leave: one choke point for all of them.

Paths and parameters come from a spreadsheet in the end, so nothing is trusted here: whatever is
not exactly one command of a permitted length is refused before an octet is written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from mailmerge.errors import LocalProtocolError
from mailmerge.smtp.capabilities import Capabilities

# Greatest lengths with CRLF (RFC 5321, 4.5.3.1), and what each extension adds to them.
MAX_COMMAND_LINE: Final = 512
MAX_LOCAL_PART: Final = 64
MAX_DOMAIN: Final = 255
MAX_PATH: Final = 256 - len("<>")
MAX_AUTH_LINE: Final = 12_288  # RFC 4954, 4
MAX_ENVID: Final = 100  # RFC 3461, 4.4
_MAIL_INCREMENTS: Final = (
    26  # " SIZE=" and 20 digits (RFC 1870, 3)
    + 17  # " BODY=8BITMIME" (RFC 6152, 2)
    + 10  # " SMTPUTF8" (RFC 6531, 3.1)
    + len(" RET=FULL")
    + len(" ENVID=")
    + MAX_ENVID
)
_RCPT_INCREMENTS: Final = 10 + len(" NOTIFY=SUCCESS,FAILURE,DELAY")

_FORBIDDEN = re.compile(rb"[\x00-\x1f\x7f]")

# Mailbox = Local-part "@" ( Domain / address-literal ) (RFC 5321, 4.1.2). What is inside an atom is
# read liberally: the server is the judge of a mailbox, this is the judge of what is one path.
_NEVER = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_ATOMS = rf'[^{_NEVER} "(),:;<>@\[\]\\]+'
_QUOTED = rf'"(?:[^{_NEVER}"\\]|\\[\x20-\x7e])*"'
_MAILBOX = re.compile(rf"({_ATOMS}|{_QUOTED})@({_ATOMS}|\[[\x21-\x5a\x5e-\x7e]+\])")

# Domain = sub-domain *("." sub-domain); no top-level domain is a number (RFC 1123, 2.1), so that
# an address without its brackets is none.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)*(?![0-9]+\Z){_LABEL}")
_ADDRESS_LITERAL = re.compile(r"\[(?:IPv6:[0-9A-Fa-f:.]+|[0-9.]+)\]")

_NOTIFY = re.compile(r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY)){0,2}")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who a message is from and for, and what MAIL and RCPT say about it.

    Paths come without angle brackets, their domains as A-labels; an empty `reverse_path` is the
    null path. `smtputf8` and `eightbit` say what the message needs. `envid`, `ret` ("FULL" or
    "HDRS") and `notify` (such as "FAILURE,DELAY") are for delivery status notifications
    (RFC 3461) and are left out where the server does not offer them.
    """

    reverse_path: str
    forward_paths: tuple[str, ...]
    smtputf8: bool = False
    eightbit: bool = False
    envid: str = ""
    ret: str = ""
    notify: str = ""


def command_line(text: str, limit: int = MAX_COMMAND_LINE) -> bytes:
    """The octets of one command: the only way for a command to leave.

    Raises:
        LocalProtocolError: a control character, or a line over its limit.
    """
    try:
        octets = text.encode()
    except UnicodeEncodeError as error:
        raise LocalProtocolError(
            "a command holds half of a surrogate pair", code="not-a-command"
        ) from error
    if _FORBIDDEN.search(octets):
        raise LocalProtocolError("a command holds a control character", code="not-a-command")
    if len(octets) > limit - 2:
        raise LocalProtocolError(
            f"a command of {len(octets) + 2} octets; {limit} are the limit", code="not-a-command"
        )
    return octets + b"\r\n"


def is_domain(name: str) -> bool:
    """Whether EHLO may say this name (RFC 5321, 4.1.2 and 4.5.3.1.2)."""
    return len(name) <= MAX_DOMAIN and _DOMAIN.fullmatch(name) is not None


def hello_line(verb: str, local_name: str) -> bytes:
    """EHLO, HELO or LHLO with a domain or an address literal (RFC 5321, 4.1.4).

    Raises:
        LocalProtocolError: the name is neither, or it is "localhost".
    """
    known = is_domain(local_name) or _ADDRESS_LITERAL.fullmatch(local_name)
    if not known or local_name.lower() == "localhost":
        raise LocalProtocolError(
            f"{local_name!r} is no name to greet a server with",
            hint='set local_name to this machine\'s full name, such as "mail.example.org"',
            code="local-name",
        )
    return command_line(f"{verb} {local_name}")


def mail_line(envelope: Envelope, size: int, capabilities: Capabilities) -> bytes:
    """MAIL with the parameters that the server offers and the message needs.

    `size` is 0 where there is no message yet.

    Raises:
        LocalProtocolError: the reverse-path or a parameter is malformed.
    """
    path = envelope.reverse_path
    line = f"MAIL FROM:<{path and _checked_reverse_path(path, utf8=envelope.smtputf8)}>"
    if size and "SIZE" in capabilities.keywords:
        line += f" SIZE={size}"
    if envelope.eightbit:
        line += " BODY=8BITMIME"
    if envelope.smtputf8:
        line += " SMTPUTF8"
    if (envelope.ret or envelope.envid) and capabilities.dsn:
        line += _notification_parameters(envelope)
    return command_line(line, MAX_COMMAND_LINE + _MAIL_INCREMENTS)


def rcpt_line(envelope: Envelope, forward_path: str, capabilities: Capabilities) -> bytes:
    """RCPT for one of the envelope's forward-paths.

    Raises:
        LocalProtocolError: the forward-path or NOTIFY is malformed.
    """
    line = f"RCPT TO:<{checked_path(forward_path, utf8=envelope.smtputf8)}>"
    if envelope.notify and capabilities.dsn:
        if not _NOTIFY.fullmatch(envelope.notify):
            raise LocalProtocolError(f"NOTIFY={envelope.notify!r} is no value of NOTIFY")
        line += f" NOTIFY={envelope.notify}"
    return command_line(line, MAX_COMMAND_LINE + _RCPT_INCREMENTS)


def checked_path(path: str, *, utf8: bool = False) -> str:
    """The path itself, where it is exactly one mailbox within its limits.

    Raises:
        LocalProtocolError: it is not; or it is not ASCII, and `utf8` is not set.
    """
    match = _MAILBOX.fullmatch(path)
    if match is None:
        if path.lower() == "postmaster":  # the one mailbox without a domain (RFC 5321, 4.5.1)
            return path
        raise _bad_path(path, "is not one mailbox")
    if not path.isascii():
        if not utf8:
            raise _bad_path(path, "is not ASCII, and the envelope does not ask for SMTPUTF8")
        if not match[2].isascii():
            raise _bad_path(path, "has a domain that is not written as A-labels")
    if len(path) * 4 > MAX_LOCAL_PART and _too_long(match):
        raise _bad_path(path, "is too long")
    return path


_checked_reverse_path = lru_cache(maxsize=64)(checked_path)  # it is the same for a whole campaign


def _too_long(match: re.Match[str]) -> bool:
    path, local_part, domain = match.group(0, 1, 2)
    if path.isascii():
        long_path = len(path) > MAX_PATH
        return long_path or len(local_part) > MAX_LOCAL_PART or len(domain) > MAX_DOMAIN
    return (
        len(match[1].encode()) > MAX_LOCAL_PART
        or len(match[2]) > MAX_DOMAIN
        or len(match[0].encode()) > MAX_PATH
    )


def _bad_path(path: str, what: str) -> LocalProtocolError:
    return LocalProtocolError(f"the path {path!r} {what}", code="not-a-path")


def _notification_parameters(envelope: Envelope) -> str:
    if envelope.ret not in {"", "FULL", "HDRS"}:
        raise LocalProtocolError(f"RET={envelope.ret!r} is no value of RET")
    envid = xtext(envelope.envid)
    if len(envid) > MAX_ENVID:
        raise LocalProtocolError(f"ENVID of {len(envid)} characters; {MAX_ENVID} are the limit")
    return (f" RET={envelope.ret}" if envelope.ret else "") + (f" ENVID={envid}" if envid else "")


def xtext(text: str) -> str:
    """Encode printable ASCII as a parameter's value (RFC 3461, 4).

    Raises:
        LocalProtocolError: a character that is not printable ASCII.
    """
    if not text.isascii() or not text.isprintable():
        raise LocalProtocolError(f"{text!r} is not printable ASCII, so no xtext can hold it")
    return "".join(
        character if "!" <= character <= "~" and character not in "+=" else f"+{ord(character):02X}"
        for character in text
    )
