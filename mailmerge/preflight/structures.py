"""A structure of the bodies -> the facts that rules need, found once for many messages.

A structure is the part that a body shares with those of other recipients: its static texts, with a
value between each two of them. Ten thousand messages have one structure, or a few.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

from mailmerge.preflight.links import UrlPattern, url_patterns
from mailmerge.preflight.urls import is_settled
from mailmerge.rendering.content import Structure

VALUE = "\ue000"
"""Marks the place of a value in joined static texts."""

_TAGS = re.compile(r"<!--.*?(?:-->|\Z)|<[^<>]*>", re.DOTALL)
_HIDDEN = re.compile(
    r"<(style|script|head)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)|<[^<>]*>",
    re.DOTALL | re.IGNORECASE,
)
_SPACE = re.compile(r"(?:\s|&nbsp;|&#160;|\u200b|\u00ad)+")
_BEFORE_GAP = re.compile(r"(?:^|[\s，。：、的])\Z")
_AFTER_GAP = re.compile(r"[,.!?:;，。！？：；、](?!\w)")


@dataclass(frozen=True, slots=True)
class StructureFacts:
    """Facts about a structure that hold for each recipient with it.

    Attributes:
        size: the bytes of the static texts.
        is_blank: whether no static text is visible.
        urls: the URLs that a value can make invalid.
        gaps: the values whose absence is visible, as in `Dear {{ name }},`: the index of the value,
            and the text around it.
    """

    size: int
    is_blank: bool
    urls: tuple[UrlPattern, ...] = ()
    gaps: tuple[tuple[int, str], ...] = ()


class KnownStructures:
    """The facts of each structure; they are dropped together with it."""

    def __init__(self) -> None:
        self._facts: WeakKeyDictionary[Structure, StructureFacts] = WeakKeyDictionary()

    def __len__(self) -> int:
        return len(self._facts)

    def __contains__(self, structure: Structure) -> bool:
        return structure in self._facts

    def html(self, structure: Structure) -> StructureFacts:
        """The facts of a structure of the HTML."""
        return self._known(structure, _html_facts)

    def text(self, structure: Structure) -> StructureFacts:
        """The facts of a structure of the text."""
        return self._known(structure, _text_facts)

    def _known(
        self, structure: Structure, learn: Callable[[tuple[str, ...]], StructureFacts]
    ) -> StructureFacts:
        facts = self._facts.get(structure)
        if facts is None:
            facts = self._facts[structure] = learn(structure.static)
        return facts


def _html_facts(static: tuple[str, ...]) -> StructureFacts:
    """The facts of static texts of HTML."""
    shown = visible(_HIDDEN.sub("", VALUE.join(static)).replace(VALUE, ""))
    # A URL that begins with a good host is good, with any value behind it.
    open_urls = tuple(one for one in url_patterns(static) if not is_settled(one.pieces[0]))
    return StructureFacts(sum(map(byte_length, static)), not shown, open_urls, _gaps(static))


def _text_facts(static: tuple[str, ...]) -> StructureFacts:
    """The facts of static texts of the plain text."""
    blank = not "".join(static).strip()
    return StructureFacts(sum(map(byte_length, static)), blank, (), _gaps(static))


def byte_length(text: str) -> int:
    """How many bytes of UTF-8 a text has."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def visible(text: str) -> str:
    """HTML text without white space."""
    return _SPACE.sub("", text)


def _gaps(static: tuple[str, ...]) -> tuple[tuple[int, str], ...]:
    """The values between a space and a punctuation mark: an empty one leaves a visible gap."""
    found = []
    for index, (before, after) in enumerate(pairwise(static)):
        ends = _TAGS.sub(" ", before[-200:].rpartition(">")[2] or " ")
        begins = re.sub(r"\A(?:<[^>]*>)+", "", after[:200])
        if "<" in ends or not _BEFORE_GAP.search(ends) or not _AFTER_GAP.match(begins):
            continue
        around = f"{ends.lstrip()[-24:]}{_TAGS.sub('', begins)[:1]}"
        found.append((index, " ".join(around.split()) if around.strip() else around))
    return tuple(found)
