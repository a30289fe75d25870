"""Bytes from a client -> the rules of the wire that they break (RFC 5321, 4.5.3.1 and 2.3.8)."""

from __future__ import annotations

import re
from collections.abc import Iterator

TEXT_LINE_LIMIT = 1000
COMMAND_LIMIT = 512
# What extensions add to the 512 bytes of a command line.
_ALLOWANCES = {
    b"MAIL": 26 + 16 + 10 + 115 + 500,  # RFC 1870, 3030, 6531, 3461, 4954
    b"RCPT": 528,  # RFC 3461, 5
    b"AUTH": 12_288 - 512,  # RFC 4954, 4
}
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_UNSTUFFED = re.compile(rb"(?:\A|\r\n)\.[^.]")
_DOMAIN = re.compile(
    r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*", re.IGNORECASE
)
_LITERAL = re.compile(r"\[(\d{1,3}(\.\d{1,3}){3}|[A-Za-z0-9-]+:[!-Z^-~]+)\]")

Breach = tuple[str, str]
"""The kind of the violation, and what shows it."""


def command_breaches(line: bytes, *, smtputf8: bool) -> Iterator[Breach]:
    """What is wrong with one command line (with its CRLF)."""
    if not line.endswith(b"\r\n"):
        yield "command-without-crlf", repr(line[:80])
    if len(line) > COMMAND_LIMIT + _ALLOWANCES.get(line[:4].upper(), 0):
        yield "command-too-long", f"{len(line)} bytes: {line[:40]!r}"
    text = line.removesuffix(b"\r\n")
    if re.search(rb"[\x00-\x1f\x7f]", text):
        yield "control-in-command", repr(line[:80])
    if not text.isascii() and not smtputf8:
        yield "non-ascii-command", repr(line[:80])


def content_breaches(content: bytes, *, stuffed: bool, eightbit: bool) -> Iterator[Breach]:
    """What is wrong with content as it came, before the stuffed dots are taken away."""
    ends = content.count(b"\r\n")
    if content.count(b"\r") != ends or content.count(b"\n") != ends:
        bare = _BARE.search(content)
        place = bare.start() if bare else 0
        yield "bare-cr-or-lf", repr(content[max(0, place - 20) : place + 20])
    if b"\0" in content:
        yield "nul-in-content", ""
    if not eightbit and not content.isascii():
        yield "eight-bit-content", "no BODY=8BITMIME was given"
    dotted = content.startswith(b".") or b"\r\n." in content
    if stuffed and dotted and (lost := _UNSTUFFED.search(content)):
        yield "dot-not-stuffed", repr(content[lost.start() : lost.start() + 20])
    yield from _long_lines(content, stuffed=stuffed)


def _long_lines(content: bytes, *, stuffed: bool) -> Iterator[Breach]:
    lines = content.split(b"\r\n")
    if max(map(len, lines)) + 2 <= TEXT_LINE_LIMIT:
        return
    for line in lines:
        length = len(line) + 2 - (stuffed and line.startswith(b"."))
        if length > TEXT_LINE_LIMIT:
            yield "line-too-long", f"{length} bytes"
            return


def unstuffed(content: bytes) -> bytes:
    """Content without the dots that the client added (RFC 5321, 4.5.2)."""
    if b"\r\n." not in content and content[:1] != b".":
        return content
    return re.sub(rb"(\A|\r\n)\.", rb"\1", content)


def is_name(argument: str) -> bool:
    """Whether EHLO may say this: a domain or an address literal (RFC 5321, 4.1.4)."""
    return bool(_DOMAIN.fullmatch(argument) or _LITERAL.fullmatch(argument))


def field_body(content: bytes, name: bytes) -> str:
    """The first field of that name, unfolded; empty where there is none."""
    header = content.partition(b"\r\n\r\n")[0] + b"\r\n"
    found = re.search(rb"(?im)^" + name + rb":[ \t]*((?:.*\r\n)(?:[ \t].*\r\n)*)", header)
    return re.sub(r"\r\n[ \t]", " ", found[1].decode("utf-8", "replace")).strip() if found else ""
