"""What an HTML template yielded -> the page as it is sent: styles on elements, images related.

`PagePress` is the structure cache (docs/architecture.md): premailer runs once for each structure,
with placeholders, and each person's values are written into the result. Its law: parsed, the page
is what premailer makes of the plain rendering. A value that could break the law becomes part of
the structure, and then the work is done anew for each different one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from markupsafe import escape

from mailmerge.campaign import Campaign
from mailmerge.errors import AssetError
from mailmerge.rendering.document import (
    Document,
    EmptyPage,
    attributes_of,
    is_element,
    parse,
    serialise,
)
from mailmerge.rendering.folder import is_local
from mailmerge.rendering.images import ImageShelf
from mailmerge.rendering.placeholders import (
    BY_TEMPLATE,
    BY_US,
    WRITERS,
    Place,
    Placeholders,
    Survey,
    Writing,
    is_plain,
    is_remote,
    may_stand_in_url,
    percent_escaped,
    survey,
    write_attribute,
)
from mailmerge.rendering.plaintext import TextPattern
from mailmerge.rendering.structure import (
    Body,
    Cut,
    Literals,
    RelatedImage,
    Structure,
    StructureCache,
    woven,
)
from mailmerge.rendering.styles import (
    attributes_read_by_selectors,
    include_style_sheets,
    inline_styles,
    is_style_sheet_link,
)

STRUCTURES = 128
"""How many structures of one campaign are kept; the least recently used one goes first."""

# The number of structures is said where it is more than this, and more than one page in so many.
_FEW = 32
_PAGES_TO_A_STRUCTURE = 20
# The parser of HTML drops or changes these, each in its own way.
_ODD = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]|[\U0001fffe\U0001ffff]"
)
_IN_REFERENCE = re.compile(r"&[#\w]*\Z")
_BEGINS_MARKUP = re.compile(r"<[!?]\Z")
_NASTY = " \"x<'& y> "
_END = "."  # keeps the parser from dropping spaces at the very end of a page
_BLANKS = ("", " ")

Locate = Callable[[str], tuple[str, int | None]]


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """What is known of one structure: how to write values into it, or which are stubborn.

    `indices` are the values in the order of the page and `writers` how each is written;
    `in_attributes`, and of them `in_urls`, are the places in that order at which one stands within
    an attribute. The others are values again: `fragile` must not be blank; `leading`, which begin a
    URL, and `last`, which end the page, must not have a space at that end; `remote`, which begin
    the URL of an image, must not make it that of a file.
    """

    structure: Structure
    indices: tuple[int, ...] = ()
    writers: tuple[Callable[[str], str], ...] = ()
    in_attributes: tuple[int, ...] = ()
    in_urls: tuple[int, ...] = ()
    stubborn: tuple[int, ...] = ()
    fragile: tuple[int, ...] = ()
    leading: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    remote: tuple[int, ...] = ()
    in_comments: tuple[int, ...] = ()
    text: TextPattern | None = None

    def refused(self, values: tuple[str, ...]) -> tuple[int, ...]:
        """The values that cannot be written into this structure, for it would not be the same."""
        if self.stubborn:
            return self.stubborn
        refused = [index for index in self.fragile if not values[index].strip()]
        refused += [index for index in self.leading if values[index][:1].isspace()]
        refused += [index for index in self.last if values[index][-1:].isspace()]
        refused += [index for index in self.remote if not is_remote(values[index])]
        refused += [index for index in self.in_comments if _ends_comment(values[index])]
        together = "".join(values)
        if not together.isprintable():
            if "\r" in together:  # it may be half of a line end
                return tuple(sorted(set(self.indices)))
            refused += [index for index in self.indices if _ODD.search(values[index])]
        return tuple(sorted(set(refused))) if refused else ()

    def fill(self, values: tuple[str, ...]) -> Body:
        """One person's page."""
        return Body(self.structure, tuple(self._written(values)))

    def _written(self, values: tuple[str, ...]) -> list[str]:
        together = "".join(values)
        if self.in_comments or not is_plain(together):
            return [write(values[index]) for write, index in zip(self.writers, self.indices)]  # noqa: B905 - they are of one length, and this is the inner loop
        written = [values[index] for index in self.indices]
        if "'" in together:
            for place in self.in_attributes:
                written[place] = write_attribute(written[place])
        if not may_stand_in_url("".join([written[place] for place in self.in_urls])):
            for place in self.in_urls:
                written[place] = percent_escaped(written[place])
        return written


def _ends_comment(value: str) -> bool:
    return "--" in value or value.startswith("-") or value.endswith("-")


class PagePress:
    """Makes pages of what the templates of one campaign yield, each structure once."""

    def __init__(self, campaign: Campaign, mark: str, locate: Locate, *, with_text: bool) -> None:
        self._folder: Path = campaign.folder
        self._file = campaign.message.html or ""
        self._inline = campaign.message.inline_css
        self._images = ImageShelf(campaign)
        self._mark = mark
        self._locate = locate
        self._with_text = with_text
        self._placeholders = Placeholders()
        self.forms: StructureCache[Form] = StructureCache(STRUCTURES)
        self._reasons: dict[str, None] = {}
        self._pages_made = 0

    @property
    def reasons(self) -> list[str]:
        """Why premailer runs, or the text is laid out, for each different row; none as a rule."""
        many = self.forms.made > max(_FEW, self._pages_made // _PAGES_TO_A_STRUCTURE)
        return [*self._reasons, *(["the page is another one in many rows"] if many else ())]

    def page(self, html: str) -> tuple[str, tuple[RelatedImage, ...]]:
        """The page made of one rendering, with nothing remembered.

        Raises:
            AssetError: without a place: an image or a style sheet that cannot be used.
        """
        try:
            document = parse(html)
        except EmptyPage:
            return html, ()
        return self._dressed(document)

    def _dressed(self, document: Document) -> tuple[str, tuple[RelatedImage, ...]]:
        include_style_sheets(document.tree, self._folder)
        if self._inline:
            inline_styles(document)
        images = self._images.relate(document, self._is_local)
        return serialise(document), images

    def _is_local(self, url: str) -> bool:
        """Whether a URL means a file; one that begins with a value is kept from it (`remote`)."""
        return is_local(url) and not self._placeholders.pattern.match(url)

    def _at_its_line(self, error: AssetError, row: int | None) -> AssetError:
        problem = error.problem
        words = (word for word in problem.message.split() if "." in word or "/" in word)
        file, line = self._locate(next(words, problem.message))
        return AssetError(
            problem.message,
            hint=problem.hint,
            code=problem.code,
            file=file or self._file,
            row=row,
            line=line,
        )

    def press(self, cut: Cut, row: int) -> tuple[Body, Body | None]:
        """One person's page, and the text that is made from it where that is wanted.

        Raises:
            AssetError: an image or a style sheet that cannot be used.
        """
        form = self._fitting(cut, row)
        self._pages_made += 1
        page = form.fill(cut.values)
        if form.text is None:
            return page, None
        text = form.text.fill(cut.values, page)
        if form.text.reason:
            self._reasons[form.text.reason] = None
        return page, text

    def _fitting(self, cut: Cut, row: int) -> Form:
        literals: Literals = ()
        while True:
            make = partial(self._made, cut, dict(literals), row)
            form = self.forms.get(cut.key, literals, make)
            refused = form.refused(cut.values)
            if not refused:
                return form
            more = {index: cut.values[index] for index in refused}
            literals = tuple(sorted({**dict(literals), **more}.items()))

    def _made(self, cut: Cut, literals: Mapping[int, str], row: int) -> Form:
        try:
            return self._form(cut, literals)
        except AssetError as error:
            # Where no value is part of the structure, the trouble is in the template alone.
            raise self._at_its_line(error, row if literals else None) from error

    def _form(self, cut: Cut, literals: Mapping[int, str]) -> Form:
        words = {
            index: str(escape(literals[index]))
            if index in literals
            else self._placeholders.word(index)
            for index in range(len(cut.values))
        }
        html = woven(cut.key, self._mark, [words[index] for index in range(len(cut.values))])
        open_ = set(words) - set(literals)
        if not open_:
            static, images = self.page(html)
            return Form(Structure((static,), images), text=self._text((static,), (), ()))
        found = self._surveyed(html, open_)
        return self._stubborn(found.stubborn) if found.stubborn else self._pressed(html, found)

    def _stubborn(self, reasons: Mapping[int, str]) -> Form:
        self._reasons |= dict.fromkeys(reasons.values())
        return Form(Structure(("",)), stubborn=tuple(sorted(reasons)))

    def _surveyed(self, html: str, open_: set[int]) -> Survey:
        try:
            document = parse(html)
        except EmptyPage:
            return _without_places(open_, "there is no element in the page")
        linked = self._in_links(document)
        if linked:
            return _without_places(linked, "the style sheet depends on the row")
        include_style_sheets(document.tree, self._folder)
        depends = attributes_read_by_selectors(document.tree)
        found = survey(document, self._placeholders, open_, depends)
        stubborn = dict(found.stubborn)
        for index, before in _texts_before(self._placeholders, html):
            if _IN_REFERENCE.search(before):
                stubborn[index] = "a value stands in a character reference"
            elif _BEGINS_MARKUP.search(before):
                stubborn[index] = "a value can change the elements around it"
        if not stubborn:
            changing = self._probe(html, found.places, BY_TEMPLATE).changed_by(_NASTY)
            stubborn = dict.fromkeys(changing, "a value can change the elements around it")
        return replace(found, stubborn=stubborn)

    def _in_links(self, document: Document) -> set[int]:
        links = filter(is_style_sheet_link, document.tree.iter("link"))
        return {
            index for link in links for index in self._placeholders.within(link.get("href") or "")
        }

    def _pressed(self, html: str, found: Survey) -> Form:
        static, images = self.page(html)
        places = found.places
        changing = self._probe(static, places, BY_US).changed_by(_NASTY)
        if changing:
            return self._stubborn(
                dict.fromkeys(changing, "a value changes how the page is written")
            )
        pieces, indices = self._placeholders.split(static)
        may_be_fragile = {i: place for i, place in places.items() if place in _BLANK_MATTERS}
        probe = self._probe(html, may_be_fragile, BY_TEMPLATE)
        last = dict(self._placeholders.last(html))
        fragile = {index for blank in _BLANKS for index in probe.changed_by(blank)}
        fragile |= {index for index, beside_space in (found.leading | last).items() if beside_space}
        standing = [(at, places[index]) for at, index in enumerate(indices)]
        writers = tuple(WRITERS[place] for _, place in standing)
        return Form(
            Structure(pieces, images),
            indices,
            writers,
            in_attributes=tuple(at for at, place in standing if place in _ATTRIBUTES),
            in_urls=tuple(at for at, place in standing if place is Place.URL),
            fragile=tuple(sorted(fragile)),
            leading=tuple(sorted(found.leading)),
            last=tuple(sorted(last)),
            remote=tuple(sorted(found.remote)),
            in_comments=tuple(index for index in places if places[index] is Place.COMMENT),
            text=self._text(pieces, indices, writers),
        )

    def _probe(self, html: str, places: Mapping[int, Place], writing: Writing) -> _Probe:
        return _Probe(self._placeholders, html, places, writing)

    def _text(
        self,
        static: tuple[str, ...],
        indices: tuple[int, ...],
        writers: tuple[Callable[[str], str], ...],
    ) -> TextPattern | None:
        if not self._with_text:
            return None
        return TextPattern(static, indices, writers, self._placeholders)


def _texts_before(placeholders: Placeholders, html: str) -> list[tuple[int, str]]:
    """Each value with the few characters before it."""
    return [
        (int(found[1]), html[max(found.start() - 40, 0) : found.start()])
        for found in placeholders.pattern.finditer(html)
    ]


_ATTRIBUTES = frozenset((Place.ATTRIBUTE, Place.URL))
_BLANK_MATTERS = frozenset((Place.TEXT, Place.COMMENT))


def _without_places(indices: set[int], reason: str) -> Survey:
    return Survey({}, {}, frozenset(), dict.fromkeys(indices, reason))


class _Probe:
    """Tries whether values of some kind leave the tree of a page as it is with placeholders."""

    def __init__(
        self,
        placeholders: Placeholders,
        html: str,
        places: Mapping[int, Place],
        writing: Writing,
    ) -> None:
        self._placeholders = placeholders
        self._html = html.rstrip() + _END
        self._places = places
        self._writing = writing
        self._tree = _flat(parse(self._html))

    def changed_by(self, value: str) -> list[int]:
        """The values that change the tree when they are `value`; all where none does so alone."""
        together = list(self._places)
        if self._keeps_tree(together, value):
            return []
        return self._among(together, value) or together

    def _among(self, indices: list[int], value: str) -> list[int]:
        """Those of a group that does change the tree which do so alone, found by halves."""
        if len(indices) == 1:
            return indices
        middle = len(indices) // 2
        return [
            index
            for half in (indices[:middle], indices[middle:])
            if not self._keeps_tree(half, value)
            for index in self._among(half, value)
        ]

    def _keeps_tree(self, indices: list[int], value: str) -> bool:
        write, read = self._writing
        written = {index: write(self._places[index], value) for index in indices}
        shown = {index: read(self._places[index], value) for index in indices}
        probed = _flat(parse(self._placeholders.replace(self._html, written)))
        return probed == [self._placeholders.replace(text, shown) for text in self._tree]


def _flat(document: Document) -> list[str]:
    """Everything of a tree as texts in their order; where two differ, their trees do."""
    flat: list[str] = []
    root = document.tree.getroot()
    for node in [*root.itersiblings(preceding=True), *root.iter(), *root.itersiblings()]:
        depth = sum(1 for _ in node.iterancestors())
        flat += [f"{depth} {node.tag}", node.text or "", node.tail or ""]
        if is_element(node):
            flat += [text for pair in attributes_of(node) for text in pair]
    return flat
