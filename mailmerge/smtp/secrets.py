"""Cuts the secrets of a log-in out of what the server says. Sans-IO.

Some servers repeat the command that they refuse: `501 AUTH PLAIN AG5ld3MAc2VjcmV0 is wrong`. Their
replies are shown, logged and kept, so a secret must not be in them in any form: as it is, in base64
(RFC 4954) at any alignment, percent-encoded (RFC 3986), in hexadecimal, with escapes, in another
case, cut short, or folded over several lines. There are too many forms to list. So besides the
usual forms, each word of a refusal is decoded, and the word is cut out if the secret appears.

The reader of replies is the only place that calls this, before anybody else sees a reply.
"""

from __future__ import annotations

import binascii
import html
import json
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, quote_plus, unquote_to_bytes

from mailmerge.smtp.reply import Reply

_CUT: Final = "****"
"""Replaces a secret."""

_SHORTEST: Final = 4
"""A secret with fewer characters is looked for as a whole word only, and not decoded."""

_SHORTEST_PART: Final = 8
"""The characters of a response from which on a part of it is cut out as well."""

_REMEMBERED: Final = 64
"""The maximum number of harmless replies that are remembered."""

_WORD = re.compile(r"[^\s\"'<>(),;]+")
_RUN = re.compile(r"[A-Za-z0-9+/_-]{4,}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){4,}")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|([0-7]{3})|u00([0-9A-Fa-f]{2}))")
_STATUS = re.compile(r"^[245]\.\d{1,3}\.\d{1,3}\b")
_URL_SAFE = str.maketrans("-_", "+/")


class Secrets:
    """The secrets of one connection.

    Attributes:
        known: whether there is anything to cut out.
    """

    __slots__ = ("_clean", "_forms", "_looked_for", "_pattern", "_secrets", "_sent", "known")

    def __init__(self) -> None:
        self._secrets: list[bytes] = []
        self._sent: list[str] = []
        self._forms: tuple[str, ...] = ()
        self._looked_for: tuple[str, ...] = ()
        self._clean: dict[int, Reply] = {}
        self._pattern: re.Pattern[str] | None = None
        self.known = False

    def add(self, secret: str) -> None:
        """Cut out a password or a token from now on; an empty one is ignored."""
        if secret:
            self._secrets.append(secret.encode("utf-8", "surrogateescape"))
            self._know(_forms_of(secret))

    def add_sent(self, response: str) -> None:
        """Cut out a response of the log-in, in base64, from now on."""
        if len(response) >= _SHORTEST_PART:
            self._sent.append(response.rstrip("="))
            self._know({response, response.rstrip("=")})

    def _know(self, forms: set[str]) -> None:
        self._forms = tuple({*self._forms, *(form for form in forms if form)})
        # A form that contains another one need not be looked for.
        folded = {form.casefold() for form in self._forms}
        self._looked_for = tuple(
            one for one in folded if not any(other in one for other in folded - {one})
        )
        self._clean.clear()
        self.known = bool(self._forms)
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_expression, longest_first)), re.IGNORECASE)

    def cut_reply(self, reply: Reply) -> Reply:
        """Return the reply without secrets.

        A positive reply is searched for the usual forms only, because there is one for each
        command of each message. The reader returns the same few of them again and again.
        """
        if self._clean.get(id(reply)) is reply:
            return reply
        if reply.code < 400 and reply.code != 334 and not self._found(reply):
            if len(self._clean) > _REMEMBERED:
                self._clean.clear()
            self._clean[id(reply)] = reply
            return reply
        lines = tuple(self.cut(line) for line in reply.lines)
        if len(lines) > 1:
            together = "".join(_STATUS.sub("", line) for line in reply.lines)
            lines = (_CUT,) if self._reveals("".join(together.split())) else lines
        if lines == reply.lines:
            return reply
        return Reply(reply.code, lines, reply.enhanced_status)

    def _found(self, reply: Reply) -> bool:
        text = reply.text.casefold()
        for form in self._looked_for:  # noqa: SIM110 - a generator takes longer
            if form in text:
                return True
        return False

    def cut(self, text: str) -> str:
        """Return the text without secrets."""
        if self._pattern is None:
            return text
        text = _WORD.sub(lambda word: _CUT if self._reveals(word[0]) else word[0], text)
        text = self._pattern.sub(_CUT, text)
        return _CUT if self._reveals("".join(text.split())) else text

    def _reveals(self, word: str) -> bool:
        """Whether the word is a secret in some encoding, or a part of a response."""
        for run in _RUN.findall(word):
            if len(run) >= _SHORTEST_PART and any(run in sent for sent in self._sent):
                return True
        secrets = [one for one in self._secrets if len(one) >= _SHORTEST]
        if not secrets:
            return False
        if any(one in decoded for decoded in _decoded(word) for one in secrets):
            return True
        runs = (decoded for run in _RUN.findall(word) for decoded in _base64(run))
        return any(_ends_with_part(decoded, one) for decoded in runs for one in secrets)


def _forms_of(secret: str) -> set[str]:
    """Return the usual forms of a secret in a text."""
    plain = secret.encode("utf-8", "surrogateescape")
    encoded = binascii.b2a_base64(plain, newline=False).decode()
    return {
        secret,
        " ".join(secret.split()),
        encoded,
        encoded.rstrip("="),
        quote(plain, safe=""),
        quote_plus(plain, safe=""),
        "".join(f"%{byte:02x}" for byte in plain),
        plain.hex(),
        html.escape(secret),
        json.dumps(secret)[1:-1],
        secret.replace("\\", "\\\\").replace('"', '\\"'),
    }


def _expression(form: str) -> str:
    """Return a regular expression; a short form must not be cut out of the middle of a word."""
    escaped = re.escape(form)
    return escaped if len(form) >= _SHORTEST else rf"(?<!\w){escaped}(?!\w)"


def _decoded(word: str) -> Iterator[bytes]:
    """Yield what the word may mean in the encodings that servers use, one inside another."""
    percent = unquote_to_bytes(word)
    texts = {word, percent.decode("latin-1"), html.unescape(word), _unescaped(word)}
    for text in texts:
        yield text.encode("utf-8", "surrogateescape")
        yield text.encode("latin-1", "ignore")
        for digits in _HEX.findall(text):
            yield bytes.fromhex(digits)
        for run in _RUN.findall(text):
            yield from _base64(run)


def _base64(run: str) -> Iterator[bytes]:
    """Yield the bytes of base64 that may begin at any of the first four characters."""
    run = run.translate(_URL_SAFE)
    for start in range(4):
        digits = run[start:]
        digits = digits[: len(digits) - (len(digits) % 4 == 1)]
        yield binascii.a2b_base64(digits + "=" * (-len(digits) % 4))


def _ends_with_part(decoded: bytes, secret: bytes) -> bool:
    """Whether base64 was cut short within the secret."""
    return any(decoded.endswith(secret[:size]) for size in range(_SHORTEST, len(secret)))


def _unescaped(word: str) -> str:
    """Return the word with `\\x00`, `\\000` and `\\u0000` replaced by their characters."""
    return _ESCAPE.sub(
        lambda found: chr(int(found[1] or found[3], 16) if found[2] is None else int(found[2], 8)),
        word,
    )
