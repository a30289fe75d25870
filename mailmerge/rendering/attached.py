"""One entry of `attachments` -> the files that one recipient gets, and their names.

An entry is a template for a path. Its value can mean several files:

* A wildcard, `*` or `?`, in the entry itself: `scans/{{ id }}-*.pdf`. In a cell the same characters
  are literal, or a cell `*` would send the scans of all recipients to one of them. Only where the
  entry is nothing but a cell (`{{ files }}`), the cell writes the whole path, and its wildcards
  count.
* A list in a cell: `a.pdf; b.pdf`. What stands before and after the cell in the entry belongs to
  each item, so `invoices/{{ nr }}.pdf` with `17; 18` means two invoices. An entry with several
  cells has no such list.

A file whose name is exactly the value wins, so a file may be called `a;b.pdf`. How the template
distinguishes its own `*` from that of a cell: before it is compiled, a mark is put in front of the
wildcards in its static text, which no cell can know.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

import jinja2
from jinja2 import nodes

from mailmerge.content_files import ContentFiles
from mailmerge.errors import AssetError
from mailmerge.file_names import WILDCARD, TooManyFiles, all_wild
from mailmerge.language import tr
from mailmerge.paths import RefusedPath, inside
from mailmerge.rendering.environment import CampaignEnvironment

_MARK: Final = f"\ufdd0{secrets.token_hex(8)}\ufdd1"
_MARKED: Final = re.compile(f"{_MARK}([*?])")
_WILD: Final = re.compile("[*?]")
_SEPARATORS: Final = re.compile("[;；]")
_COLUMN: Final = "message.attachments"
_SLASHES: Final = str.maketrans("/\\", "--")


@dataclass(frozen=True, slots=True)
class EntryShape:
    """What is known of an entry before any row is.

    Attributes:
        source: the template, with marks before its own wildcards.
        around: the static text before and after the only cell; None if there is not one cell.
    """

    source: str
    around: tuple[str, str] | None

    @property
    def alone(self) -> bool:
        """Whether the entry is nothing but a cell."""
        return self.around == ("", "")


def entry_shape(environment: CampaignEnvironment, source: str) -> EntryShape:
    """Read an entry; one that does not compile has no marks, and its error is found later."""
    try:
        if _WILD.search(source):
            tokens = environment.lex(source)
            source = "".join(
                _WILD.sub(rf"{_MARK}\g<0>", text) if kind == "data" else text
                for _, kind, text in tokens
            )
        body = environment.parse(source).body
    except jinja2.TemplateError:
        return EntryShape(source, None)
    return EntryShape(source, _around(body))


def _around(body: list[nodes.Node]) -> tuple[str, str] | None:
    if len(body) != 1 or not isinstance(body[0], nodes.Output):
        return None
    texts: list[str] = ["", ""]
    cells = 0
    for node in body[0].nodes:
        if isinstance(node, nodes.TemplateData):
            texts[min(cells, 1)] += node.data
        else:
            cells += 1
    return (texts[0].lstrip(" "), texts[1].rstrip(" ")) if cells == 1 else None


class AttachedFiles:
    """Finds the files that the value of one entry means, in the folder of `files`."""

    def __init__(self, files: ContentFiles, shape: EntryShape, refuse: _Refusal) -> None:
        self._files = files
        self._shape = shape
        self._refuse = refuse

    def of(self, value: str, row: int | None) -> list[str]:
        """The paths of the files, in normal form.

        Raises:
            AssetError: a path leads out of the campaign folder, or no file matches a pattern.
        """
        return [path for item in self._items(value) for path in self._paths(item, row)]

    def _items(self, value: str) -> Iterable[str]:
        around = self._shape.around
        if around is None or not _SEPARATORS.search(value) or self._exists(value):
            return (value,)
        before, after = around
        cell = value[len(before) : len(value) - len(after)]
        items = [item.strip() for item in _SEPARATORS.split(cell)]
        return [f"{before}{item}{after}" for item in items if item]

    def _paths(self, item: str, row: int | None) -> list[str]:
        wild = _MARK in item or (self._shape.alone and _WILD.search(item) is not None)
        shown = item.replace(_MARK, "")
        path = inside(shown)
        if path is None:
            raise self._refuse(_outside(shown), row)
        if not wild or self._exists(item):
            return [path]
        pattern = all_wild(item) if self._shape.alone else _MARKED.sub(rf"{WILDCARD}\1", item)
        try:
            found = self._files.matching(pattern)
        except TooManyFiles as error:
            raise self._refuse(_too_many(shown), row) from error
        if not found:
            raise self._refuse(_no_match(shown), row)
        return found

    def _exists(self, value: str) -> bool:
        try:
            return self._files.is_file(value.replace(_MARK, ""))
        except RefusedPath:  # the composer names the reason
            return False


_Refusal = Callable[[AssetError, int | None], AssetError]
"""Adds the place to an error: the file of the settings, and the row."""


def _outside(path: str) -> AssetError:
    what = tr("the attachment {path} is outside of the campaign folder", path=path)
    return AssetError(what, hint=tr("copy it into the campaign folder"), code="asset-outside")


def _no_match(pattern: str) -> AssetError:
    what = tr('the attachment "{pattern}": no file has such a name', pattern=pattern)
    hint = tr("copy the files there, or correct the pattern")
    return AssetError(what, hint=hint, code="asset-no-match", column=_COLUMN)


def _too_many(pattern: str) -> AssetError:
    what = tr('the attachment "{pattern}": more than 1,000 files have such a name', pattern=pattern)
    hint = tr("write a longer pattern")
    return AssetError(what, hint=hint, code="asset-too-many", column=_COLUMN)


def names_for(paths: list[str], name: str) -> Iterator[tuple[str, str]]:
    """Pairs of path and name for the files of one entry; a second file gets ` (2)`, and so on.

    A slash in the name becomes `-`, since many invoice numbers have one. A name without an ending
    gets that of its file.
    """
    name = name.translate(_SLASHES)
    for number, path in enumerate(paths, start=1):
        ending = PurePosixPath(name).suffix or PurePosixPath(path).suffix
        stem = name.removesuffix(ending)
        yield path, f"{stem} ({number}){ending}" if number > 1 else f"{stem}{ending}"
