"""Octets from the server -> replies (RFC 5321, 4.2): read line by line, bounded, never trusted.

A reply is decided by its code alone, and an unknown code by its first digit. The text is for
people: it comes out without control characters, whatever the server sent.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from mailmerge.errors import RemoteProtocolError

MAX_REPLY_LINE: Final = 12_288 + 6
"""Octets of one line. RFC 5321 says 512 and asks for no limit where possible; a challenge of AUTH
may be 12288 octets long (RFC 4954, 4)."""

MAX_REPLY_LINES: Final = 512
"""Lines of one reply; an EHLO reply has some twenty."""

MAX_REPLY_OCTETS: Final = 65_536
"""Octets of one whole reply, so that many long lines are bounded too."""

# Reply-line = Reply-code [ SP textstring ] CRLF, with "-" on all lines but the last. A bare code
# is accepted (RFC 5321, 4.2), and so is a line that ends in LF alone: it is unambiguous in a reply.
_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)

# status-code = class "." subject "." detail (RFC 2034, 3)
_ENHANCED_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)")

# Control characters, line separators, and what turns the direction of the text that follows it.
_NOT_FOR_PEOPLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply of the server: `lines` are its texts, without the codes.

    `enhanced_status` is the X.Y.Z of RFC 2034, such as `5.1.1`, or None; it stays in the text.
    """

    code: int
    lines: tuple[str, ...]
    enhanced_status: str | None = None

    @property
    def text(self) -> str:
        """All lines as one."""
        if len(self.lines) == 1:
            return self.lines[0]
        return " ".join(line for line in self.lines if line)

    @property
    def positive(self) -> bool:
        """2yz: done."""
        return 200 <= self.code < 300

    @property
    def intermediate(self) -> bool:
        """3yz: go on."""
        return 300 <= self.code < 400

    @property
    def transient(self) -> bool:
        """4yz: not now."""
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        """5yz: not like this."""
        return 500 <= self.code < 600

    @property
    def closing(self) -> bool:
        """421: the server closes the connection, whatever it was asked (RFC 5321, 3.8)."""
        return self.code == 421

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()


class ReplyReader:
    """Takes octets as they come and gives whole replies."""

    __slots__ = ("_code", "_lines", "_octets", "_partial", "_texts")

    def __init__(self) -> None:
        self._partial = b""
        self._lines: deque[bytes] = deque()
        self._texts: list[bytes] = []
        self._code = b""
        self._octets = 0

    @property
    def empty(self) -> bool:
        """Whether no octet waits to be read, or for the rest of its reply."""
        return not (self._lines or self._partial or self._texts)

    def feed(self, octets: bytes) -> None:
        """Take what the server sent."""
        *lines, self._partial = (self._partial + octets).split(b"\n")
        self._lines.extend(lines)

    def next_reply(self) -> Reply | None:
        """The next whole reply, or None while there is none.

        Raises:
            RemoteProtocolError: what was sent is no reply, or is over a bound.
        """
        lines = self._lines
        while lines:
            line = lines.popleft()
            if not self._texts and line[3:4] == b" ":
                return _single_line_reply(line)  # most replies are old acquaintances
            reply = self._line(line)
            if reply is not None:
                return reply
        if len(self._partial) > MAX_REPLY_LINE:
            raise _malformed("a line without an end", self._partial)
        return None

    def _line(self, line: bytes) -> Reply | None:
        match = _LINE.fullmatch(_bounded(line))
        if match is None:
            raise _malformed("no SMTP reply", line)
        code, separator, text = match.groups()
        if self._texts and code != self._code:
            raise _malformed("another code in the middle of a reply", line)
        self._code = code
        self._texts.append(text or b"")
        self._octets += len(line)
        if separator == b"-":
            self._check_bounds(line)
            return None
        texts, self._texts, self._octets = tuple(self._texts), [], 0
        return _reply(code, texts)

    def _check_bounds(self, line: bytes) -> None:
        if len(self._texts) >= MAX_REPLY_LINES or self._octets > MAX_REPLY_OCTETS:
            raise _malformed("a reply without an end", line)


@lru_cache(maxsize=256)
def _single_line_reply(line: bytes) -> Reply:
    match = _LINE.fullmatch(_bounded(line))
    if match is None:
        raise _malformed("no SMTP reply", line)
    return _reply(match[1], (match[3],))


def _bounded(line: bytes) -> bytes:
    if len(line) > MAX_REPLY_LINE:
        raise _malformed("a line that is too long", line)
    return line.removesuffix(b"\r")


def _reply(code: bytes, texts: tuple[bytes, ...]) -> Reply:
    lines = tuple(for_people(text) for text in texts)
    status = _ENHANCED_STATUS.match(lines[0])
    return Reply(int(code), lines, status[1] if status else None)


def for_people(octets: bytes) -> str:
    """Octets as text without control characters, so that no terminal and no eye obeys them."""
    return _NOT_FOR_PEOPLE.sub(" ", octets.decode("utf-8", "backslashreplace"))


_OTHER_PROTOCOLS = {
    b"HTTP/": "this is a web server: check host and port",
    b"* OK": "this is an IMAP server: the port for sending is another one, such as 465 or 587",
    b"+OK": "this is a POP3 server: the port for sending is another one, such as 465 or 587",
    b"SSH-": "this is an SSH server: check host and port",
    b"\x15\x03": 'this port speaks TLS from the start: set security = "tls"',
}


def _malformed(what: str, line: bytes) -> RemoteProtocolError:
    hint = next((hint for start, hint in _OTHER_PROTOCOLS.items() if line.startswith(start)), "")
    shown = for_people(line[:80]) + ("..." if len(line) > 80 else "")
    return RemoteProtocolError(
        f'the server sent {what}: "{shown}"', hint=hint, code="malformed-reply"
    )
