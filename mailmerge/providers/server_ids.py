"""The reply to an accepted message -> the id that the server gave it.

With this id an administrator finds the message in the server's log. Outlook.com and Microsoft 365
replace the Message-ID, and their reply has the new one ("OK <...> [Hostname=...]"; git-send-email
reads it, too). Amazon SES replaces it as well: its id is the left side of the new Message-ID.

What can go wrong. There is no standard: RFC 5321 (4.2) leaves the text to the server. So each known
form has a pattern of its own, and a word counts as an id only where such a form says so. A reply
can also be the same for every message, or have no id. Then looking into each reply would cost time
in the hot path for nothing. `ServerIds` therefore decides for its server: two equal replies in a
row have no id, and after some replies without an id it does not look again.
"""

from __future__ import annotations

import re
from typing import Final

_LONGEST_ID: Final = 200
"""The characters of the longest id that is kept."""

_LOOKED_AT: Final = 500
"""The characters of a reply that are looked at."""

_FRUITLESS: Final = 16
"""Replies without an id in a row after which a server is known to give none."""

_ID: Final = r"([!#-;=?-\[\]-~]{1,200})(?![^\s<>\"\\])"
"""An id: printable ASCII without quotes, backslashes and angle brackets, to the next such sign."""

_PATTERNS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # Postfix and most services; 163.com's ids contain commas
        rf"\bqueued(?: mail)? as:?\s+{_ID}",
        # Outlook.com, Microsoft 365, Exchange: the Message-ID of the delivered message
        r"^\d{3}(?: 2\.\d+\.\d+)?(?: OK:?)? (<[!#-;=?-\[\]-~]+@[!#-;=?-\[\]-~]+>) \[\w+=",
        # Brevo and others: a Message-ID
        r"\bqueued as:?\s+(<[!#-;=?-\[\]-~]+@[!#-;=?-\[\]-~]+>)",
        # Exim, Mail.ru, ionos, GMX, web.de; Aliyun
        rf"(?:\s|^)(?:id|envid|message-?id)[=:]\s*<?{_ID}",
        rf"#envid={_ID}",
        rf"\bwith id {_ID}",
        # Amazon SES, SparkPost
        rf"^\d{{3}}(?: 2\.\d+\.\d+)? OK:? (?=[!-~]*\d){_ID}$",
        # Google
        rf"\s{_ID} - g?smtp$",
        # Sendmail, OpenSMTPD, Kerio, CommuniGate
        rf"^\d{{3}}(?: 2\.\d+\.\d+)? (?=\S*\d){_ID} message accepted for delivery",
        # Yandex
        rf"\bqueued on \S+ (?:as )?{_ID}",
        # qmail
        r"\bok (\d+ qp \d+)$",
        # Haraka
        r"\bqueued \(([0-9A-F]{8}-[0-9A-F-]+(?:\.\d+)?)\)",
        # Dovecot (LMTP and submission)
        rf"^\d{{3}} 2\.0\.0 <[^<>]*> {_ID} saved",
    )
)
"""The known forms of a reply, as `CODE TEXT`; the first that fits is used."""

_ENDS: Final = ".,;)]"
_HAS_DIGIT: Final = re.compile(r"[0-9]")


def server_id_of(reply: str) -> str:
    """The server's id of a message, from its reply `CODE TEXT`; "" if the reply has none."""
    return _find(reply)[0]


def _find(reply: str) -> tuple[str, re.Pattern[str] | None]:
    shown = _beginning(reply)
    for pattern in _PATTERNS:
        if found := _id_by(pattern, shown):
            return found, pattern
    return "", None


def _beginning(reply: str) -> str:
    """The words of a reply that are looked at."""
    return reply if len(reply) <= _LOOKED_AT else reply[:_LOOKED_AT].rpartition(" ")[0]


def _id_by(pattern: re.Pattern[str], reply: str) -> str:
    match = pattern.search(reply)
    if match is None:
        return ""
    found = match[1] if match[1].endswith(">") else match[1].rstrip(_ENDS)
    return found if len(found) <= _LONGEST_ID and _HAS_DIGIT.search(found) else ""


class ServerIds:
    """Reads the ids out of the replies of one server. Safe from any thread.

    Threads share hints only: which form fitted last, and how many replies had no id.
    """

    __slots__ = ("_fruitless", "_pattern", "_previous")

    def __init__(self) -> None:
        self._pattern: re.Pattern[str] | None = None
        self._previous = ""
        self._fruitless = 0

    def __call__(self, reply: str) -> str:
        """The id in the reply (`CODE TEXT`) to an accepted message; "" if it has none."""
        if self._fruitless >= _FRUITLESS or reply == self._previous:
            return ""
        pattern = self._pattern
        if pattern is not None and (found := _id_by(pattern, _beginning(reply))):
            return found
        found, self._pattern = _find(reply)
        if found:
            self._fruitless = 0
        else:
            self._previous = reply
            self._fruitless += 1
        return found
