"""Names in a folder -> the files that a path or a pattern means.

Two programs that write the same name do not always write the same characters. A Mac puts `ü` into
an archive as two characters, and a cell has one; a clerk writes `Invoice.PDF`, and the disk has
`invoice.pdf`. So names are compared in three steps, and the first step that finds a file decides:
the same characters, the same letters in Unicode form NFC (UAX 15), the same letters in any case. If
two files differ in case only, and the path has a third spelling, it means neither of them.

A spreadsheet with a hundred thousand rows asks a hundred thousand times about the same folder.
Therefore a folder is listed once and its names are sorted: a pattern looks only at the names that
begin with its fixed beginning. A folder is listed again as soon as its modification time changes.
"""

from __future__ import annotations

import os
import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from threading import Lock
from typing import Final

WILDCARD: Final = "\0"
"""What stands before `*` and `?` in a pattern that is no literal character; no path has a NUL."""

_WILD: Final = re.compile(f"{WILDCARD}([*?])")
_DIGITS: Final = re.compile(r"(\d+)")
_MOST_FOLDERS: Final = 64
_MOST_FOUND: Final = 1_000
"""Files that one pattern may mean; more are a mistake, and no server takes such a message."""


class TooManyFiles(Exception):
    """A pattern means more files than any message can have."""


@dataclass(frozen=True, slots=True)
class _Names:
    """The names in one folder: pairs of the compared form and the name, sorted."""

    changed: int
    normal: list[tuple[str, str]]
    folded: list[tuple[str, str]]


class FolderNames:
    """The names in the folders of a campaign. Several threads may use it."""

    def __init__(self) -> None:
        self._known: dict[str, _Names] = {}
        self._lock = Lock()

    def in_other_case(self, folder: str, path: str) -> str | None:
        """The path of the one entry that differs from `path` in case only; None without one.

        `path` is in normal form and relative to `folder`.
        """
        found: list[str] = []
        for part in path.split("/"):
            names = self._names(os.path.join(folder, *found))  # noqa: PTH118 (for speed)
            same = _equal(names.normal, _normal(part)) or _equal(names.folded, _folded(part))
            if len(same) != 1 and part not in same:
                return None
            found.append(part if part in same else same[0])
        return "/".join(found)

    def matching(self, folder: str, pattern: str) -> list[str]:
        """The paths below `folder` that a pattern means, in natural order; hidden ones are none.

        In a pattern, `\\0*` is any text and `\\0?` any character, both within one name; everything
        else is literal.

        Raises:
            TooManyFiles: there are more than a thousand.
        """
        bases = [""]
        for part in _parts(pattern):
            bases = [
                f"{base}/{name}" if base else name
                for base in bases
                for name in self._matching_names(os.path.join(folder, base), part)  # noqa: PTH118
            ]
            if len(bases) > _MOST_FOUND:
                raise TooManyFiles
        return sorted(bases, key=_natural)

    def _matching_names(self, folder: str, part: str) -> list[str]:
        names = self._names(folder)
        for known, form in ((names.normal, _normal), (names.folded, _folded)):
            found = _wild(known, form(part)) if WILDCARD in part else _equal(known, form(part))
            if found:
                return found
        return []

    def _names(self, folder: str) -> _Names:
        try:
            changed = os.stat(folder).st_mtime_ns  # noqa: PTH116 (for speed)
            known = self._known.get(folder)
            if known is not None and known.changed == changed:
                return known
            listed = os.listdir(folder)  # noqa: PTH208 - strings, as above
        except OSError:
            return _Names(0, [], [])
        names = _Names(
            changed,
            sorted((_normal(name), name) for name in listed),
            sorted((_folded(name), name) for name in listed),
        )
        with self._lock:
            if len(self._known) >= _MOST_FOLDERS:
                self._known.clear()
            self._known[folder] = names
        return names


def shown_pattern(pattern: str) -> str:
    """A pattern as the user writes it."""
    return pattern.replace(WILDCARD, "")


def all_wild(shown: str) -> str:
    """The pattern in which each `*` and `?` of a text is a wildcard."""
    return re.sub(r"([*?])", WILDCARD + r"\1", shown)


def _parts(pattern: str) -> list[str]:
    return [part for part in pattern.replace("\\", "/").split("/") if part not in ("", ".")]


def _equal(known: list[tuple[str, str]], wanted: str) -> list[str]:
    at = bisect_left(known, (wanted, ""))
    found = []
    while at < len(known) and known[at][0] == wanted:
        found.append(known[at][1])
        at += 1
    return found


def _wild(known: list[tuple[str, str]], pattern: str) -> list[str]:
    """The names that a part of a pattern means, without the hidden ones."""
    beginning = pattern.partition(WILDCARD)[0]
    expression = _expression(pattern)
    found = []
    for at in range(bisect_left(known, (beginning, "")), len(known)):
        form, name = known[at]
        if not form.startswith(beginning):
            break
        if not name.startswith(".") and expression.fullmatch(form):
            found.append(name)
    return found


def _expression(pattern: str) -> re.Pattern[str]:
    """A pattern as a regular expression whose time is linear: each `*` takes what is needed."""
    pieces = _WILD.split(pattern)
    written = [
        re.escape(piece) if at % 2 == 0 else {"*": ".*?", "?": "."}[piece]
        for at, piece in enumerate(pieces)
    ]
    joined = "".join(written)
    # Two stars in a row are one. After a star, the text up to the next one need only be found once.
    joined = re.sub(r"(?:\.\*\?)+", ".*?", joined)
    first, *others = joined.split(".*?")
    if not others:
        return re.compile(first, re.DOTALL)
    *middle, last = others
    atoms = "".join(f"(?>.*?{one})" for one in middle)
    return re.compile(f"{first}{atoms}.*{last}", re.DOTALL)


def _normal(name: str) -> str:
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    return _normal(_normal(name).casefold())


def _natural(path: str) -> list[tuple[int, int, str]]:
    """The key of natural order: `scan-2.pdf` is before `scan-10.pdf`."""
    return [
        (0, int(piece), piece) if piece.isdecimal() else (1, 0, piece)
        for piece in _DIGITS.split(path)
        if piece
    ]
