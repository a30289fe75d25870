"""Bytes from the server -> replies (RFC 5321, 4.2): read line by line, bounded, never trusted.

The text of a reply never holds control characters.
"""

from __future__ import annotations

import re
from collections import deque
from functools import lru_cache
from typing import Final

from mailmerge.smtp.errors import RemoteProtocolError
from mailmerge.smtp.reply import Reply

_MAX_LINE: Final = 12_288 + 6
"""Bytes of one line. RFC 5321 says 512 and asks for no limit where possible; a challenge of AUTH
may be 12288 bytes long (RFC 4954, 4)."""

_MAX_LINES: Final = 512
"""Lines of one reply; an EHLO reply has some twenty."""

_MAX_REPLY: Final = 65_536
"""Bytes of one whole reply, so that many long lines are bounded too."""

# Reply-line = Reply-code [ SP textstring ] CRLF, with "-" on all lines but the last. A bare code
# is accepted (RFC 5321, 4.2), and so is a line that ends in LF alone: it is unambiguous in a reply.
_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)

# status-code = class "." subject "." detail (RFC 2034, 3)
_ENHANCED_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)")

# Control characters, line separators, and what changes the direction of the text that follows it.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")


class ReplyReader:
    """Takes bytes as they come and gives whole replies."""

    __slots__ = ("_code", "_lines", "_partial", "_size", "_texts")

    def __init__(self) -> None:
        self._partial = b""
        self._lines: deque[bytes] = deque()
        self._texts: list[bytes] = []
        self._code = b""
        self._size = 0

    @property
    def empty(self) -> bool:
        """Whether no byte waits to be read, or for the rest of its reply."""
        return not (self._lines or self._partial or self._texts)

    def feed(self, received: bytes) -> None:
        """Take what the server sent."""
        *lines, self._partial = (self._partial + received).split(b"\n")
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
                return _single_line_reply(line)  # the same few replies come again and again
            reply = self._line(line)
            if reply is not None:
                return reply
        if len(self._partial) > _MAX_LINE:
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
        self._size += len(line)
        if separator == b"-":
            self._check_bounds(line)
            return None
        texts, self._texts, self._size = tuple(self._texts), [], 0
        return _reply(code, texts)

    def _check_bounds(self, line: bytes) -> None:
        if len(self._texts) >= _MAX_LINES or self._size > _MAX_REPLY:
            raise _malformed("a reply without an end", line)


@lru_cache(maxsize=256)
def _single_line_reply(line: bytes) -> Reply:
    match = _LINE.fullmatch(_bounded(line))
    if match is None:
        raise _malformed("no SMTP reply", line)
    return _reply(match[1], (match[3],))


def _bounded(line: bytes) -> bytes:
    if len(line) > _MAX_LINE:
        raise _malformed("a line that is too long", line)
    return line.removesuffix(b"\r")


def _reply(code: bytes, texts: tuple[bytes, ...]) -> Reply:
    lines = tuple(printable(text) for text in texts)
    status = _ENHANCED_STATUS.match(lines[0])
    return Reply(int(code), lines, status[1] if status else None)


def printable(received: bytes) -> str:
    """Bytes as text without control characters, so that no terminal obeys them."""
    return _UNPRINTABLE.sub(" ", received.decode("utf-8", "backslashreplace"))


_OTHER_PROTOCOLS = {
    b"HTTP/": "web-server",
    b"* OK": "imap-server",
    b"+OK": "pop3-server",
    b"SSH-": "ssh-server",
    b"\x15\x03": "tls-server",
}
"""How the first line of another protocol begins -> the error code that names it."""


def _malformed(what: str, line: bytes) -> RemoteProtocolError:
    known = (code for start, code in _OTHER_PROTOCOLS.items() if line.startswith(start))
    shown = printable(line[:80]) + ("..." if len(line) > 80 else "")
    return RemoteProtocolError(
        f'the server sent {what}: "{shown}"', code=next(known, "malformed-reply")
    )
