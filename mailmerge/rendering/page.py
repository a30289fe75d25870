"""The output of an HTML template -> the page of one recipient: styles inlined, images related.

`PageRenderer` is the structure cache; structure.py has its theory.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

from markupsafe import escape

from mailmerge.errors import AssetError
from mailmerge.language import marked, tr
from mailmerge.rendering.cache import BoundedCache
from mailmerge.rendering.compiled_page import (
    CompiledPage,
    PageResult,
    Slots,
    StructuralValues,
    ValueRule,
    ends_comment,
    ends_with_space,
    is_blank,
    may_be_file,
    starts_with_space,
)
from mailmerge.rendering.derived_text import DerivedText
from mailmerge.rendering.document import Document, EmptyPage, attribute, elements_of, parse
from mailmerge.rendering.escaping import PAGE_ESCAPING, TEMPLATE_ESCAPING, HtmlContext
from mailmerge.rendering.folder import is_local
from mailmerge.rendering.images import ImageStore
from mailmerge.rendering.inlining import inline_rules
from mailmerge.rendering.links import with_ascii_urls
from mailmerge.rendering.locations import ValueLocations, locate_values
from mailmerge.rendering.placeholders import Placeholders
from mailmerge.rendering.probe import BLANKS, HOSTILE, Probe
from mailmerge.rendering.settings import DEFAULT_LIMITS, RenderLimits, Templates
from mailmerge.rendering.structure import Body, RelatedImage, RenderedPieces, Structure
from mailmerge.rendering.styles import (
    attributes_read_by_selectors,
    include_style_sheets,
    is_style_sheet_link,
)

# More structures than this are reported, if there is more than one per 20 pages.
_FEW = 32
_PAGES_TO_A_STRUCTURE = 20
_IN_REFERENCE = re.compile(r"&[#\w]*\Z")
_BEGINS_MARKUP = re.compile(r"<[!?]\Z")

_Locate: TypeAlias = Callable[[str], tuple[str, int | None]]
_Structural: TypeAlias = tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class CacheStatistics:
    """How well the structure cache works.

    Attributes:
        made: structures made so far.
        kept: structures that are kept now.
    """

    made: int = 0
    kept: int = 0


class PageRenderer:
    """Makes the pages of one HTML template, each structure once. Thread-safe."""

    def __init__(
        self,
        templates: Templates,
        file: str,
        sentinel: str,
        locate: _Locate,
        limits: RenderLimits = DEFAULT_LIMITS,
    ) -> None:
        """Prepare to make pages of what a template yields.

        Args:
            templates: its settings: folder, images, and whether styles are inlined. Without a text
                template, the text is made from the page.
            file: the template, for errors.
            sentinel: marks the places of values in the key of `RenderedPieces`.
            locate: finds the template and line that contain a text, for errors.
            limits: how many structures are kept.
        """
        self._templates = templates
        self._file = file
        self._sentinel = sentinel
        self._locate = locate
        self._limits = limits
        self._images = ImageStore(templates.files, templates.images)
        self._placeholders = Placeholders()
        self._results: BoundedCache[tuple[tuple[str, ...], _Structural], PageResult]
        self._results = BoundedCache(limits.structures)
        self._lock = threading.Lock()
        self._reasons: dict[str, None] = {}
        self._pages = 0

    @property
    def reasons(self) -> list[str]:
        """Why styles are inlined, or the text is laid out, for each row; usually empty."""
        many = self._results.made > max(_FEW, self._pages // _PAGES_TO_A_STRUCTURE)
        with self._lock:
            reasons = list(self._reasons)
        return [*reasons, *([tr("the structure of the page differs in many rows")] if many else ())]

    @property
    def cached(self) -> CacheStatistics:
        """How many structures have been made, and how many are kept."""
        return CacheStatistics(self._results.made, len(self._results))

    def render(self, pieces: RenderedPieces, row: int) -> tuple[Body, Body | None]:
        """The page of one recipient, and the text made from it; None if a template makes the text.

        Raises:
            AssetError: an image or a style sheet that cannot be used; with file, line and row.
        """
        compiled = self._compiled(pieces, row)
        with self._lock:
            self._pages += 1
        page = compiled.fill(pieces.values)
        if compiled.text is None:
            return page, None
        text = compiled.text.fill(pieces.values, page)
        if compiled.text.reason:
            self._note(compiled.text.reason)
        return page, text

    def finish(self, html: str) -> tuple[str, tuple[RelatedImage, ...]]:
        """Make a page from HTML without the cache, and return it with its images.

        Raises:
            AssetError: an image or a style sheet that cannot be used. It names no template.
        """
        try:
            document = parse(html)
        except EmptyPage:
            return html, ()
        document = include_style_sheets(document, self._templates.files)
        if self._templates.styles.inline:
            inlined = inline_rules(document, attributes=self._templates.styles.to_attributes)
            document = parse(inlined.html)
        html, images = self._images.relate(document, self._is_local)
        return with_ascii_urls(document if html == document.source else parse(html)), images

    def _is_local(self, url: str) -> bool:
        """Whether a URL means a file; a value that begins a URL must be remote (`may_be_file`)."""
        return is_local(url) and not self._placeholders.pattern.match(url)

    def _compiled(self, pieces: RenderedPieces, row: int) -> CompiledPage:
        """The compiled page that the values fit into.

        The loop ends, because each turn makes more values structural, and a page without
        placeholders fits all values.
        """
        structural: _Structural = ()
        while True:
            make = partial(self._make, pieces, structural, row)
            result = self._results.get((pieces.key, structural), make)
            if isinstance(result, CompiledPage):
                more = result.unfit(pieces.values)
                if not more:
                    return result
            else:
                more = result.indices
            added = {index: pieces.values[index] for index in more}
            structural = tuple(sorted({**dict(structural), **added}.items()))

    def _make(self, pieces: RenderedPieces, structural: _Structural, row: int) -> PageResult:
        try:
            return self._compile(pieces, dict(structural))
        except AssetError as error:
            # If no value is part of the structure, the fault is in the template alone.
            raise self._located(error, row if structural else None) from error

    def _located(self, error: AssetError, row: int | None) -> AssetError:
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

    def _compile(self, pieces: RenderedPieces, structural: Mapping[int, str]) -> PageResult:
        words = [
            str(escape(structural[index]))
            if index in structural
            else self._placeholders.word(index)
            for index in range(len(pieces.values))
        ]
        html = pieces.joined(self._sentinel, words)
        open_values = set(range(len(pieces.values))) - set(structural)
        if not open_values:
            static, images = self.finish(html)
            return CompiledPage(Structure((static,), images), text=self._text((static,), Slots()))
        if len(open_values) > _MANY_VALUES:
            return self._structural(
                dict.fromkeys(
                    open_values,
                    tr("the page has more than {count:,} values", count=_MANY_VALUES),
                )
            )
        locations = self._located_values(html, open_values)
        if locations.structural:
            return self._structural(locations.structural)
        return self._finish_with_placeholders(html, locations)

    def _structural(self, structural: Mapping[int, str]) -> StructuralValues:
        for reason in structural.values():
            self._note(reason)
        return StructuralValues(tuple(sorted(structural)))

    def _note(self, reason: str) -> None:
        with self._lock:
            self._reasons[reason] = None

    def _located_values(self, html: str, open_values: set[int]) -> ValueLocations:
        """The places of the values in the page before inlining, by tests that are cheap."""
        try:
            document = parse(html)
        except EmptyPage:
            return ValueLocations.nowhere(open_values, tr("there is no element in the page"))
        in_links = self._values_in_links(document)
        if in_links:
            return ValueLocations.nowhere(in_links, tr("the style sheet depends on the row"))
        document = include_style_sheets(document, self._templates.files)
        styles_depend_on = attributes_read_by_selectors(document)
        locations = locate_values(document, self._placeholders, open_values, styles_depend_on)
        structural = {**locations.structural, **self._values_in_syntax(html)}
        if not structural:
            probe = Probe(self._placeholders, html, locations.contexts, TEMPLATE_ESCAPING)
            structural = dict.fromkeys(probe.changed_by(HOSTILE), tr(_CHANGES_ELEMENTS))
        return replace(locations, structural=structural)

    def _values_in_links(self, document: Document) -> set[int]:
        links = filter(is_style_sheet_link, elements_of(document, "link"))
        return {
            index
            for link in links
            for index in self._placeholders.within(attribute(link, "href") or "")
        }

    def _values_in_syntax(self, html: str) -> dict[int, str]:
        """The values that complete a character reference or a markup declaration."""
        found: dict[int, str] = {}
        for index, before in _texts_before(self._placeholders, html):
            if _IN_REFERENCE.search(before):
                found[index] = tr("a value stands in a character reference")
            elif _BEGINS_MARKUP.search(before):
                found[index] = tr(_CHANGES_ELEMENTS)
        return found

    def _finish_with_placeholders(self, html: str, locations: ValueLocations) -> PageResult:
        static, images = self.finish(html)
        contexts = locations.contexts
        changing = Probe(self._placeholders, static, contexts, PAGE_ESCAPING).changed_by(HOSTILE)
        if changing:
            return self._structural(
                dict.fromkeys(changing, tr("a value changes how the page is written"))
            )
        texts, indices = self._placeholders.split(static)
        slots = Slots.of(indices, tuple(contexts[index] for index in indices))
        return CompiledPage(
            Structure(texts, images),
            slots,
            self._rules(html, locations),
            self._text(texts, slots),
        )

    def _rules(self, html: str, locations: ValueLocations) -> tuple[ValueRule, ...]:
        contexts = locations.contexts
        blank_may_matter = {
            index: context for index, context in contexts.items() if context in _BLANK_MATTERS
        }
        probe = Probe(self._placeholders, html, blank_may_matter, TEMPLATE_ESCAPING)
        page_ends = dict(self._placeholders.last(html))
        not_blank = {index for blank in BLANKS for index in probe.changed_by(blank)}
        at_an_edge = [*locations.url_starts.items(), *locations.url_ends.items()]
        at_an_edge += page_ends.items()
        if ":empty" in html.lower():
            not_blank |= {i for i, context in contexts.items() if context is HtmlContext.TEXT}
        not_blank |= {index for index, next_to_space in at_an_edge if next_to_space}
        in_comments = (i for i, context in contexts.items() if context is HtmlContext.COMMENT)
        rules = (
            ValueRule(is_blank, tuple(sorted(not_blank))),
            ValueRule(starts_with_space, tuple(sorted(locations.url_starts))),
            ValueRule(ends_with_space, tuple(sorted({*page_ends, *locations.url_ends}))),
            ValueRule(may_be_file, tuple(sorted(locations.image_url_starts))),
            ValueRule(ends_comment, tuple(in_comments)),
        )
        return tuple(rule for rule in rules if rule.indices)

    def _text(self, static: tuple[str, ...], slots: Slots) -> DerivedText | None:
        if self._templates.text is not None:
            return None
        return DerivedText(
            static, slots.indices, slots.escapers, self._placeholders, self._limits.texts
        )


_MANY_VALUES = 10_000
"""Values of a page that takes less memory without placeholders."""

_CHANGES_ELEMENTS = marked("a value can change the elements around it")
_BLANK_MATTERS = frozenset((HtmlContext.TEXT, HtmlContext.COMMENT))


def _texts_before(placeholders: Placeholders, html: str) -> list[tuple[int, str]]:
    """The index of each value, with the few characters before it."""
    return [
        (int(found[1]), html[max(found.start() - 40, 0) : found.start()])
        for found in placeholders.pattern.finditer(html)
    ]
