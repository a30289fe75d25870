"""A text with one or several mailboxes, as Reply-To has them (RFC 5322, 3.4 and 3.6.2).

RFC 5322 separates mailboxes by commas; Outlook and many sheets use semicolons, and cells have line
breaks. None of these separates inside quotation marks, angle brackets or comments. A name with a
comma needs quotation marks there, but hardly any sheet has them: `Doe, Ann <ann@example.org>` is
one mailbox here, because `Doe` alone is none.

A group (`Team: ann@example.org, bob@example.org;`) is refused: programs that answer do not agree on
what it means.
"""

from __future__ import annotations

import re

from mailmerge.errors import AddressError
from mailmerge.language import tr
from mailmerge.recipients.address import Mailbox, parse_mailbox

_PIECE = re.compile(
    r'"(?:\\.|[^"\\])*"|<[^<>]*>|\([^()]*\)|(?P<mark>[,;\n])|[^",;<(\n]+|.', re.DOTALL
)
_LONGEST = 4_000
"""Characters of a list; a longer text is no address, and costs no time."""

_LONGEST_OF_COPIES = 50_000

_GROUP = re.compile(r'^\s*+(?!mailto:)(?:"[^"]*"|[^"@<>:])*+:', re.IGNORECASE)


def parse_mailboxes(text: str, longest: int = _LONGEST) -> tuple[Mailbox, ...]:
    """Read all mailboxes of a text, with their names; a repeated one is left out.

    A text of more characters than `longest` is no list.

    Raises:
        AddressError: one of them is not an address, there is none, or the text has a group. The
            error has the reason and the fix, but no place.
    """
    if _GROUP.match(text):
        raise AddressError(
            tr('"{text}" is a group of addresses, which cannot be used here', text=text[:80]),
            hint=tr("write the addresses themselves, separated by commas"),
            code="address-group",
        )
    parts = _joined(_split(text)) if len(text) <= longest else []
    if len(parts) < 2:
        return (parse_mailbox(text, names=True),)
    found = (parse_mailbox(part, names=True) for part in parts)
    return tuple({one.identity: one for one in found}.values())


def parse_list(text: str) -> tuple[Mailbox, ...]:
    """Read all mailboxes of a text that may have none, or separators without a mailbox.

    Raises:
        AddressError: as `parse_mailboxes`.
    """
    text = text.strip(" \t\r\n,;")
    return parse_mailboxes(text, _LONGEST_OF_COPIES) if text else ()


def _split(text: str) -> list[str]:
    """The parts of a text between commas, semicolons and line breaks."""
    parts = [""]
    for found in _PIECE.finditer(text):
        if found["mark"]:
            parts.append("")
        else:
            parts[-1] += found[0]
    return [part.strip() for part in parts if part.strip()]


def _joined(parts: list[str]) -> list[str]:
    """Parts with an address; one without is the beginning of the name in the next part."""
    joined: list[str] = []
    waiting = ""
    for part in parts:
        whole = f"{waiting}, {part}" if waiting else part
        if "@" in part or not part:
            joined.append(whole)
            waiting = ""
        else:
            waiting = whole
    return [*joined, waiting] if waiting else joined
