"""Bytes of the server -> replies (RFC 5321, section 4.2). Sans-IO.

Nothing is trusted: lines and replies have maximum lengths, and the text of a reply contains neither
control characters nor a secret of the log-in (secrets.py).
"""

from __future__ import annotations

import re
from collections import deque
from functools import lru_cache
from typing import Final

from mailmerge.smtp.errors import RemoteProtocolError
from mailmerge.smtp.reply import Reply
from mailmerge.smtp.secrets import Secrets

_MAX_LINE: Final = 12_288 + 6
"""The maximum bytes of one line. RFC 5321, section 4.5.3.1, says 512 and advises against limits; a
challenge of AUTH may have 12,288 bytes (RFC 4954, section 4)."""

_MAX_LINES: Final = 512
"""The maximum lines of one reply; an EHLO reply has about twenty."""

_MAX_REPLY: Final = 65_536
"""The maximum bytes of one reply, which bounds many long lines."""

_MOST_SHOWN: Final = 80
"""The maximum characters of a malformed line that an error shows."""

# Reply-line = Reply-code [ SP textstring ] CRLF, with "-" on all lines but the last. A bare code
# is accepted (RFC 5321, 4.2), and so is a line that ends in LF alone: it is unambiguous in a reply.
_LINE = re.compile(rb"([2-5][0-9][0-9])(?:([ -])(.*))?", re.DOTALL)

# status-code = class "." subject "." detail (RFC 2034, 3)
_ENHANCED_STATUS = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)")

# Control characters, line separators, and characters that change the direction of text (UAX 9).
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]+")


class _Malformed(Exception):
    """A line that is not part of a reply, and what is wrong with it."""

    def __init__(self, what: str, line: bytes) -> None:
        super().__init__(what)
        self.what = what
        self.line = line


class ReplyReader:
    """Turns received bytes into complete replies.

    Attributes:
        secrets: what is cut out of every reply and every error.
    """

    __slots__ = ("_code", "_lines", "_mixed", "_partial", "_size", "_texts", "secrets")

    def __init__(self) -> None:
        self.secrets = Secrets()
        self._partial = b""
        self._lines: deque[bytes] = deque()
        self._texts: list[bytes] = []
        self._code = b""
        self._mixed = False
        self._size = 0

    @property
    def empty(self) -> bool:
        """Whether every received byte belongs to a reply that was returned."""
        return not (self._lines or self._partial or self._texts)

    def feed(self, received: bytes) -> None:
        """Add bytes from the server."""
        *lines, self._partial = (self._partial + received).split(b"\n")
        self._lines.extend(lines)

    def next_reply(self) -> Reply | None:
        """Return the next complete reply, or None if there is none yet.

        Raises:
            RemoteProtocolError: the bytes are not a reply, or exceed a limit.
        """
        try:
            reply = self._next_reply()
        except _Malformed as error:
            raise self._protocol_error(error) from None
        secrets = self.secrets
        return secrets.cut_reply(reply) if reply is not None and secrets.known else reply

    def _next_reply(self) -> Reply | None:
        lines = self._lines
        while lines:
            line = lines.popleft()
            if not self._texts and line[3:4] == b" ":
                return _single_line_reply(line)  # the same few replies recur
            reply = self._line(line)
            if reply is not None:
                return reply
        if len(self._partial) > _MAX_LINE:
            raise _Malformed("a line that never ends", self._partial)
        return None

    def _line(self, line: bytes) -> Reply | None:
        match = _LINE.fullmatch(_bounded(line))
        if match is None:
            raise _Malformed("a line that is not an SMTP reply", line)
        code, separator, text = match.groups()
        if self._texts and not _may_follow(self._code, code):
            raise _Malformed("a reply whose lines have different codes", line)
        self._mixed = bool(self._texts) and (self._mixed or code != self._code)
        self._code = code  # servers contradict themselves: the last line decides
        self._texts.append(text or b"")
        self._size += len(line)
        if separator == b"-":
            self._check_bounds(line)
            return None
        texts, self._texts, self._size = tuple(self._texts), [], 0
        return _reply(code, texts, mixed=self._mixed)

    def _check_bounds(self, line: bytes) -> None:
        if len(self._texts) >= _MAX_LINES or self._size > _MAX_REPLY:
            raise _Malformed("a reply that never ends", line)

    def _protocol_error(self, error: _Malformed) -> RemoteProtocolError:
        line = error.line
        known = (code for start, code in _OTHER_PROTOCOLS.items() if line.startswith(start))
        text = self.secrets.cut(printable(line[:_MAX_LINE]))
        shown = text[:_MOST_SHOWN] + ("..." if len(text) > _MOST_SHOWN else "")
        return RemoteProtocolError(
            f'the server sent {error.what}: "{shown}"', code=next(known, "malformed-reply")
        )


@lru_cache(maxsize=256)
def _single_line_reply(line: bytes) -> Reply:
    match = _LINE.fullmatch(_bounded(line))
    if match is None:
        raise _Malformed("a line that is not an SMTP reply", line)
    return _reply(match[1], (match[3],))


def _bounded(line: bytes) -> bytes:
    if len(line) > _MAX_LINE:
        raise _Malformed("a line that is too long", line)
    return line.removesuffix(b"\r")


def _may_follow(before: bytes, code: bytes) -> bool:
    """Whether a line of a reply may have another code than the line before it.

    RFC 5321, 4.2.1, requires the same code, but servers join the replies of two checks. If one of
    the lines refuses, the last one decides. Other lines are those of two replies, and so is a 3yz,
    which is never final.
    """
    digits = {before[:1], code[:1]}
    return before == code or (b"3" not in digits and bool(digits & {b"4", b"5"}))


def _reply(code: bytes, texts: tuple[bytes, ...], *, mixed: bool = False) -> Reply:
    """The reply of these lines; `mixed` says that their codes differ."""
    encoding = _encoding_of(b"\n".join(texts))
    lines = tuple(printable(text, encoding) for text in texts)
    status = _ENHANCED_STATUS.match(lines[-1 if mixed else 0])
    return Reply(int(code), lines, status[1] if status else None)


def _encoding_of(received: bytes) -> str:
    """The encoding of a reply: UTF-8 (RFC 6531, 3.7.4.2), else what old servers write.

    The whole reply is judged at once: two bytes of GBK may be UTF-8 by chance. Chinese servers
    write GBK, in which each letter outside of ASCII has two high bytes; European ones write
    Windows-1252.
    """
    candidates = ["utf-8"]
    if _GBK.fullmatch(received) and _COMMON_HAN.search(received):
        candidates.append("gb18030")
    if not _UTF_8.search(received):  # else it is UTF-8 with a few bytes that are damaged
        candidates.append("cp1252")
    fallback = "utf-8" if _UTF_8.search(received) else "latin-1"
    return next((one for one in candidates if _decodes(received, one)), fallback)


def _decodes(received: bytes, encoding: str) -> bool:
    try:
        received.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


_GBK = re.compile(rb"(?:[\x00-\x7f]|[\xa1-\xf7][\xa1-\xfe])*")
_UTF_8 = re.compile(rb"[\xe0-\xef][\x80-\xbf]{2}")
_COMMON_HAN = re.compile(rb"[\xb0-\xd7][\xa1-\xfe]")


def printable(received: bytes, encoding: str = "") -> str:
    """Decode bytes, and replace control characters, which a terminal might obey."""
    text = received.decode(encoding or _encoding_of(received), "backslashreplace")
    return _UNPRINTABLE.sub(" ", text)


_OTHER_PROTOCOLS = {
    b"HTTP/": "web-server",
    b"* OK": "imap-server",
    b"+OK": "pop3-server",
    b"SSH-": "ssh-server",
    b"\x15\x03": "tls-server",
}
"""The beginning of another protocol's first line -> the error code that names the protocol."""
