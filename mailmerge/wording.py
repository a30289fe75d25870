"""Values -> words for users: counts, sizes, durations, and text that is safe on a terminal.

This module writes every number with a noun, every size and every duration that users see, so that
they look the same everywhere. The functions print nothing.

Text from outside (a cell, a file name, a server's reply) can contain terminal escapes, line breaks
that forge a message of mailmerge, and controls that reverse the direction of text. `printable` and
`one_line` replace them. `columns_of` measures text as a terminal shows it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from mailmerge.language import tr, trn

_CONTROLS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 except tab and line feed, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # UAX 9, and deprecated format controls
    "\u2028\u2029"  # some programs break the line at these
    "\ud800-\udfff"  # half a character, which no output can encode
)
_NOT_PRINTABLE = re.compile(f"[{_CONTROLS}]")
_NOT_IN_A_LINE = re.compile(f"[{_CONTROLS}\t\n]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Text of these scripts has no spaces; a line may end between any two of the characters ...
_BREAKABLE = re.compile("[\u2e80-\ua4cf\uf900-\ufaff\ufe30-\uffef\U00020000-\U0003ffff]")
# ... but no line begins with one of the first set, and none ends with one of the second.
_NEVER_FIRST = frozenset("。，、；：？！）》」』】〉”’…ー々")
_NEVER_LAST = frozenset("（《「『【〈“‘")

_COUNTED: Final[Mapping[str, Callable[[int], str]]] = {
    "byte": lambda number: trn("{count:,} byte", "{count:,} bytes", number),
    "campaign": lambda number: trn("{count:,} campaign", "{count:,} campaigns", number),
    "connection": lambda number: trn("{count:,} connection", "{count:,} connections", number),
    "day": lambda number: trn("{count:,} day", "{count:,} days", number),
    "error": lambda number: trn("{count:,} error", "{count:,} errors", number),
    "hour": lambda number: trn("{count:,} hour", "{count:,} hours", number),
    "message": lambda number: trn("{count:,} message", "{count:,} messages", number),
    "minute": lambda number: trn("{count:,} minute", "{count:,} minutes", number),
    "part": lambda number: trn("{count:,} part", "{count:,} parts", number),
    "recipient": lambda number: trn("{count:,} recipient", "{count:,} recipients", number),
    "row": lambda number: trn("{count:,} row", "{count:,} rows", number),
    "run": lambda number: trn("{count:,} run", "{count:,} runs", number),
    "second": lambda number: trn("{count:,} second", "{count:,} seconds", number),
    "sent recipient": lambda number: trn(
        "{count:,} sent recipient", "{count:,} sent recipients", number
    ),
    "try": lambda number: trn("{count:,} try", "{count:,} tries", number),
    "warning": lambda number: trn("{count:,} warning", "{count:,} warnings", number),
}
"""Each noun that `counted` has in all languages; any other is English."""

_SIZES = ((1 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB"))
_DURATIONS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun: `1 error`, `2 errors`, `1,000 recipients`.

    `plural` is for nouns whose plural is not the noun with an s. The nouns of `_COUNTED` are
    translated.
    """
    if noun in _COUNTED:
        return _COUNTED[noun](number)
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def prefixed(name: str, message: str) -> str:
    """Return a message about something that has a name: `message.subject: there is ...`."""
    return tr("{name}: {message}", name=name, message=message)


def size_in_words(size: int) -> str:
    """Return a number of bytes in words: `900 bytes`, `2.0 KB`, `25.0 MB`.

    One KB is 1,024 bytes, because mail services publish and announce (RFC 1870) their limits in
    powers of two.
    """
    for unit, name in _SIZES:
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return counted(size, "byte")


def duration_in_words(seconds: float) -> str:
    """Return a duration in the largest unit that gives at least two: `90 seconds`, `3 hours`."""
    for unit, name in _DURATIONS:
        if seconds >= 2 * unit:
            return counted(round(seconds / unit), name)
    return counted(round(seconds), "second")


def printable(text: str) -> str:
    """Return the text with U+FFFD for control characters; tabs and line feeds stay."""
    return _NOT_PRINTABLE.sub(_REPLACEMENT, text)


def one_line(text: str) -> str:
    """Return the text with U+FFFD for control characters, tabs and line breaks."""
    return _NOT_IN_A_LINE.sub(_REPLACEMENT, text)


def columns_of(text: str) -> int:
    """Return the number of terminal columns of a text (UAX 11 and 29).

    A wide character or an emoji sequence has two columns, a combining mark has none.
    """
    if text.isascii():
        return len(text)
    import wcwidth

    return wcwidth.width(text, control_codes="ignore")


def padded(text: str, width: int) -> str:
    """Return the text, filled with spaces to `width` columns; at least one space is added."""
    return text + " " * max(1, width - columns_of(text))


def wrapped(text: str, width: int, *, first: str = "", rest: str = "") -> list[str]:
    """Return the text as lines of at most `width` columns.

    `first` is put before the first line, `rest` before the others. A line ends at a space, or
    between two characters of a script without spaces. A word that is longer than a line is broken
    anywhere. Runs of white space become one space.
    """
    lines, line, empty = [], first, True
    for space, piece in _pieces(text):
        gap = " " if space and not empty else ""
        if columns_of(line + gap + piece) <= width:
            line, empty = line + gap + piece, False
            continue
        if not empty or columns_of(rest + piece) <= width:
            lines.append(line)
            line = rest
        *full, last = _broken(piece, width, line, rest)
        lines += full
        line, empty = last, False
    return [*lines, line]


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the pieces that must not be broken, each with whether a space precedes it."""
    for word in text.split():
        if word.isascii():
            yield True, word
            continue
        space, piece = True, ""
        for cluster in _clusters(word):
            if piece and _may_break(piece[-1], cluster[0]):
                yield space, piece
                space, piece = False, ""
            piece += cluster
        yield space, piece


def _may_break(before: str, after: str) -> bool:
    if after in _NEVER_FIRST or before in _NEVER_LAST:
        return False
    return bool(_BREAKABLE.match(before) or _BREAKABLE.match(after))


def _broken(word: str, width: int, first: str, rest: str) -> list[str]:
    """Break a word into full lines; a cluster is broken only if it is wider than a line."""
    lines, begun = [first], False
    for cluster in _clusters(word):
        fits = columns_of(rest + cluster) <= width
        for piece in (cluster,) if fits else cluster:
            if begun and columns_of(lines[-1] + piece) > width:
                lines.append(rest)
            lines[-1] += piece
            begun = True
    return lines


def _clusters(word: str) -> Iterator[str]:
    """Return the grapheme clusters of a word, the characters that readers see (UAX 29)."""
    if word.isascii():
        return iter(word)
    import wcwidth

    return wcwidth.iter_graphemes(word)
