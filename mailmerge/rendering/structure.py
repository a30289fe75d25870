"""The structure cache: the common part of many recipients' messages is made only once.

The problem. Putting the styles of a page on its elements takes some 10 ms; running a template takes
0.03 ms. Two recipients who take the same branches of a template get the same page except for a few
words. So that page should be processed once, and the words should be written into the result. The
result must be the same as if the page of each recipient had been processed. This is the law of the
cache; test_page_law.py checks it with random templates and rows:

    parsed, a page from the cache is the tree that is made of the plain rendering alone.

The terms. A template that is run yields pieces: constants of its source, and outputs, which are
written `{{ ... }}`. The constants, in the order in which they were yielded, are the *structure*
of the page; the outputs are its *values*. Each stage has its module:

    marking       a Jinja2 environment that tells outputs from constants
    structure     pieces -> the key of the structure, and the values       (this module)
    part          one body template and a row -> key and values
    placeholders  key -> a page with a placeholder word in place of each value
    locations     that page -> where each value stands: text, attribute, URL, comment
    probe         that page -> whether a hostile value would change more than its own place
    page          that page -> styles, images -> a compiled page, kept under its key
    compiled_page the compiled page and the values of one recipient -> the page of that recipient

What can go wrong, and the answer to each case:

1. A template inspects captured text (a macro's result, a `{% set %}` block), in which outputs
   are marked by a sentinel: `{{ m(x)|length }}` would count the sentinels. Templates that do
   more with captured text than write it out are found when they are compiled (templates.py).
   They are run twice, with and without sentinels, and the run with them counts only where both
   agree (part.py).
2. A value decides how styles apply: it stands in `class`, in `style`, in an attribute that a
   selector reads, in a style sheet. Then it gets no placeholder. It becomes *structural*: it is
   part of the key, and each different value has a structure of its own.
3. A value changes the elements around it: it stands in the name of an element, in an unquoted
   attribute, in a character reference, or is markup (`|safe`). The tree with placeholders is
   compared with the tree with a hostile value (quotes, brackets, an ampersand, spaces). A value
   that changes more than its own place is structural.
4. Only some texts do harm where others do none: a blank text where white space collapses, a
   space at the start of a URL, `--` in a comment, a control character that the parser drops. The
   compiled page lists the values for which this matters. A recipient whose values are of that
   kind gets them as structural values, all others share the page.
5. An image depends on a value. A remote one (`https://...`) is a URL like any other. A local one
   has to be attached, so that its value is structural.
6. The placeholder or the sentinel stands in a template or a cell already. The sentinel is looked
   for before each run (part.py), and the text is then structural as a whole. The placeholder has
   ten random letters, chosen for each renderer.

Why this order. Cheap questions come first: reasons that can be read from the template, then
those that the parsed page shows, then the probes, which parse the page again, and only then
the inliner. Each answer can only add structural values, so that the search for a fitting page
ends: at the latest when all values are structural, which is the plain rendering itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import unescape
from typing import TypeAlias

from markupsafe import escape

from mailmerge.rendering.marking import OutputValue


@dataclass(frozen=True, slots=True)
class RelatedImage:
    """A local image that the HTML shows (RFC 2387).

    Attributes:
        path: relative to the campaign folder.
        reference: its Content-ID without angle brackets (RFC 2392), or its Content-Location
            (RFC 2557).
    """

    path: str
    reference: str


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Structure:
    """The common part of all texts that took the same branches of a template.

    Structures are compared by identity, so that later stages compile each of them once.

    Attributes:
        static: one text more than there are values: static[0] value[0] static[1] ...
        images: the local images that an HTML text shows.
    """

    static: tuple[str, ...]
    images: tuple[RelatedImage, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """The text of one recipient: a structure, and its values, each escaped for its place."""

    structure: Structure
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        return interleave(self.structure.static, self.values)


def interleave(static: Sequence[str], values: Sequence[str]) -> str:
    """static[0] + values[0] + static[1] + ...; there is one value fewer than static texts."""
    pieces = [""] * (len(static) + len(values))
    pieces[0::2] = static
    pieces[1::2] = values
    return "".join(pieces)


_Key: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RenderedPieces:
    """The output of one run of a template.

    Attributes:
        key: the constants, with the sentinel in place of every value. It identifies the structure.
        values: the outputs, not escaped.
    """

    key: _Key
    values: tuple[str, ...]

    def static(self, sentinel: str) -> tuple[str, ...]:
        """The texts before, between and after the values."""
        static: list[list[str]] = [[]]
        for piece in self.key:
            if piece == sentinel:
                static.append([])
            else:
                static[-1].append(piece)
        return tuple(map("".join, static))

    def joined(self, sentinel: str, values: Sequence[str]) -> str:
        """The text, with `values` in place of the sentinels."""
        following = iter(values)
        return "".join(
            [
                next(following) if piece is sentinel or piece == sentinel else piece
                for piece in self.key
            ]
        )

    def as_written(self, sentinel: str, *, escaped: bool) -> str:
        """The text as the template wrote it; `escaped` says whether it escapes its values."""
        values = [str(escape(str(value))) if escaped else value for value in self.values]
        return self.joined(sentinel, values)


def split_pieces(pieces: Iterable[str], sentinel: str, *, escaped: bool) -> RenderedPieces:
    """Separate the constants and the values among the pieces that a marking template yields.

    The constants are the same objects in each run, and Python keeps the hash of a string: so a
    structure is found by its key without reading its text. `escaped` says whether text between
    sentinels is HTML.
    """
    key: list[str] = []
    values: list[str] = []
    for piece in pieces:
        if type(piece) is OutputValue:
            key.append(sentinel)
            values.append(piece)
        elif sentinel in piece:
            _split_captured(piece, sentinel, key, values, escaped=escaped)
        else:
            key.append(piece)
    return RenderedPieces(tuple(key), tuple(values))


def _split_captured(
    piece: str, sentinel: str, key: list[str], values: list[str], *, escaped: bool
) -> None:
    for index, part in enumerate(str(piece).split(sentinel)):
        if index % 2 == 0:
            key.append(part)
            continue
        value = unescape(part) if escaped else part
        if escaped and str(escape(value)) != part:
            # A filter has worked on the escaped text: it is markup now, and part of the structure.
            key.append(part)
        else:
            key.append(sentinel)
            values.append(value)
