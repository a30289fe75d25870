"""Commands as values -> the lines to write. Every command passes through `command_line`.

Paths and parameters may come from any file, so nothing is trusted. A line that is not exactly one
command of a permitted length is refused before a byte of it is written.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from mailmerge.smtp.capabilities import Capabilities
from mailmerge.smtp.errors import LocalProtocolError
from mailmerge.smtp.state import Awaited
from mailmerge.smtp.transaction import Envelope

# The maximum lengths with CRLF (RFC 5321, 4.5.3.1), and the bytes that each extension adds.
MAX_COMMAND_LINE: Final = 512
_MAX_LOCAL_PART: Final = 64
_MAX_DOMAIN: Final = 255
_MAX_PATH: Final = 256 - len("<>")
MAX_AUTH_LINE: Final = 12_288  # RFC 4954, 4
_MAX_ENVID: Final = 100  # RFC 3461, 4.4
_MAIL_INCREMENTS: Final = (
    26  # " SIZE=" and 20 digits (RFC 1870, 3)
    + 17  # " BODY=8BITMIME" (RFC 6152, 2)
    + 10  # " SMTPUTF8" (RFC 6531, 3.1)
    + len(" RET=FULL")
    + len(" ENVID=")
    + _MAX_ENVID
)
_RCPT_INCREMENTS: Final = 10 + len(" NOTIFY=SUCCESS,FAILURE,DELAY")

_FORBIDDEN = re.compile(rb"[\x00-\x1f\x7f]")

# Mailbox = Local-part "@" ( Domain / address-literal ) (RFC 5321, 4.1.2). An atom may hold more
# than RFC 5321 allows: the server decides which mailboxes exist; this only ensures that the text is
# one path.
_NEVER = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
_ATOMS = rf'[^{_NEVER} "(),:;<>@\[\]\\]+'
_QUOTED = rf'"(?:[^{_NEVER}"\\]|\\[\x20-\x7e])*"'
_MAILBOX = re.compile(rf"({_ATOMS}|{_QUOTED})@({_ATOMS}|\[[\x21-\x5a\x5e-\x7e]+\])")

# Domain = sub-domain *("." sub-domain). No top-level domain is a number (RFC 1123, 2.1), so an IP
# address without its brackets is not a domain.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)*(?![0-9]+\Z){_LABEL}")
_ADDRESS_LITERAL = re.compile(r"\[(?:IPv6:[0-9A-Fa-f:.]+|[0-9.]+)\]")

_NOTIFY = re.compile(r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY)){0,2}")


def command_line(text: str, limit: int = MAX_COMMAND_LINE) -> bytes:
    """Return one command as bytes with CRLF; `limit` is in bytes and includes the CRLF.

    Raises:
        LocalProtocolError: the text has a control character, or is longer than the limit.
    """
    try:
        line = text.encode()
    except UnicodeEncodeError as error:
        raise LocalProtocolError(
            "a command holds half of a surrogate pair", code="not-a-command"
        ) from error
    if _FORBIDDEN.search(line):
        raise LocalProtocolError("a command holds a control character", code="not-a-command")
    if len(line) > limit - 2:
        raise LocalProtocolError(
            f"a command of {len(line) + 2} bytes; the limit is {limit}", code="not-a-command"
        )
    return line + b"\r\n"


def is_domain(name: str) -> bool:
    """Whether the name is a domain that EHLO may use (RFC 5321, 4.1.2 and 4.5.3.1.2)."""
    return len(name) <= _MAX_DOMAIN and _DOMAIN.fullmatch(name) is not None


def hello_line(verb: str, local_name: str) -> bytes:
    """Return EHLO, HELO or LHLO with a domain or an address literal (RFC 5321, 4.1.4).

    Raises:
        LocalProtocolError: the name is neither of the two, or it is "localhost".
    """
    known = is_domain(local_name) or _ADDRESS_LITERAL.fullmatch(local_name)
    if not known or local_name.lower() == "localhost":
        raise LocalProtocolError(
            f"{verb} needs a full domain or an address literal, and {local_name!r} is neither",
            code="local-name",
        )
    return command_line(f"{verb} {local_name}")


def _mail_line(envelope: Envelope, size: int, capabilities: Capabilities) -> bytes:
    """Return MAIL with the parameters that the server offers and the message needs.

    `size` is in bytes, and 0 if there is no message yet.

    Raises:
        LocalProtocolError: the reverse-path or a parameter is malformed.
    """
    path = envelope.reverse_path
    line = f"MAIL FROM:<{path and _known_reverse_path(path, utf8=envelope.smtputf8)}>"
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
    """Return RCPT for one of the envelope's forward-paths.

    Raises:
        LocalProtocolError: the forward-path or NOTIFY is malformed.
    """
    line = f"RCPT TO:<{_checked_path(forward_path, utf8=envelope.smtputf8)}>"
    if envelope.notify and capabilities.dsn:
        if not _NOTIFY.fullmatch(envelope.notify):
            raise LocalProtocolError(f"NOTIFY={envelope.notify!r} is not a value of NOTIFY")
        line += f" NOTIFY={envelope.notify}"
    return command_line(line, MAX_COMMAND_LINE + _RCPT_INCREMENTS)


def envelope_lines(
    envelope: Envelope, size: int, offered: Capabilities
) -> list[tuple[Awaited, bytes]]:
    """Return MAIL and each RCPT of an envelope, each with the reply that it awaits.

    `size` is in bytes, and 0 if there is no message yet.

    Raises:
        LocalProtocolError: a path or a parameter is malformed.
    """
    paths = envelope.forward_paths
    if envelope.copies:
        paths += envelope.copies
    recipients = [(Awaited.RCPT, rcpt_line(envelope, path, offered)) for path in paths]
    return [(Awaited.MAIL, _mail_line(envelope, size, offered)), *recipients]


def _checked_path(path: str, *, utf8: bool = False) -> str:
    """Return the path if it is exactly one mailbox within its limits.

    Raises:
        LocalProtocolError: it is not, or it is not ASCII although `utf8` is False.
    """
    match = _MAILBOX.fullmatch(path)
    if match is None:
        if path.lower() == "postmaster":  # the only mailbox without a domain (RFC 5321, 4.5.1)
            return path
        raise _bad_path(path, "is not one mailbox")
    if not path.isascii():
        if not utf8:
            raise _bad_path(path, "is not ASCII, and the envelope does not ask for SMTPUTF8")
        if not match[2].isascii():
            raise _bad_path(path, "has a domain that is not written as A-labels")
    if len(path) * 4 > _MAX_LOCAL_PART and _too_long(match):
        raise _bad_path(path, "is too long")
    return path


_known_reverse_path = lru_cache(maxsize=64)(_checked_path)  # many messages have the same one


def _too_long(match: re.Match[str]) -> bool:
    path, local_part, domain = match.group(0, 1, 2)
    if path.isascii():
        long_path = len(path) > _MAX_PATH
        return long_path or len(local_part) > _MAX_LOCAL_PART or len(domain) > _MAX_DOMAIN
    return (
        len(match[1].encode()) > _MAX_LOCAL_PART
        or len(match[2]) > _MAX_DOMAIN
        or len(match[0].encode()) > _MAX_PATH
    )


def _bad_path(path: str, what: str) -> LocalProtocolError:
    return LocalProtocolError(f"the path {path!r} {what}", code="not-a-path")


def _notification_parameters(envelope: Envelope) -> str:
    if envelope.ret not in {"", "FULL", "HDRS"}:
        raise LocalProtocolError(f"RET={envelope.ret!r} is not a value of RET")
    envid = _xtext(envelope.envid)
    if len(envid) > _MAX_ENVID:
        raise LocalProtocolError(f"ENVID of {len(envid)} characters; the limit is {_MAX_ENVID}")
    return (f" RET={envelope.ret}" if envelope.ret else "") + (f" ENVID={envid}" if envid else "")


def _xtext(text: str) -> str:
    """Encode printable ASCII as the value of a parameter (RFC 3461, section 4).

    Raises:
        LocalProtocolError: a character is not printable ASCII.
    """
    if not text.isascii() or not text.isprintable():
        raise LocalProtocolError(f"{text!r} is not printable ASCII, and xtext holds nothing else")
    return "".join(
        character if "!" <= character <= "~" and character not in "+=" else f"+{ord(character):02X}"
        for character in text
    )
