"""A page with placeholders -> the place of each value, or the reason why it must be structural.

This module reads the parsed page (structure.py, cases 2, 3 and 5). probe.py has the tests that need
an experiment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mailmerge.language import tr
from mailmerge.rendering.document import (
    RAW_TEXT_ELEMENTS,
    Document,
    Element,
    attributes_of,
    is_comment,
    is_text,
    nodes_of,
)
from mailmerge.rendering.escaping import URL_ATTRIBUTES, HtmlContext
from mailmerge.rendering.folder import is_local
from mailmerge.rendering.images import IMAGE_ATTRIBUTES
from mailmerge.rendering.placeholders import Placeholders

_REMOTE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
_IMAGE_IN_COMMENT = re.compile(r"""(?:src|background)\s*=\s*["']([^"']*)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ValueLocations:
    """The places of the values of a page, by the index of the value.

    Attributes:
        contexts: the context of each value.
        url_starts: values that only spaces and other values precede in a URL; for each, whether a
            space follows it.
        url_ends: values that only spaces and other values follow in a URL; for each, whether a
            space precedes it.
        image_url_starts: of the first, the first value of the URL of an image.
        structural: the values that cannot have a placeholder; for each, the reason.
    """

    contexts: Mapping[int, HtmlContext]
    url_starts: Mapping[int, bool]
    url_ends: Mapping[int, bool]
    image_url_starts: frozenset[int]
    structural: Mapping[int, str]

    @classmethod
    def nowhere(cls, indices: set[int], reason: str) -> ValueLocations:
        """All of these values are structural, for one reason."""
        return cls({}, {}, {}, frozenset(), dict.fromkeys(indices, reason))


def locate_values(
    document: Document,
    placeholders: Placeholders,
    expected: set[int],
    styles_depend_on: Callable[[str], bool],
) -> ValueLocations:
    """Find where each expected value stands.

    `styles_depend_on` says, for the name of an attribute, whether a selector may read it.
    """
    locator = _Locator(placeholders, styles_depend_on, {}, {}, {}, set(), {})
    for node in nodes_of(document):
        if is_comment(node):
            locator.comment(str(node.data))
        elif isinstance(node, Element):
            locator.element(node)
        elif is_text(node):
            locator.text(str(node.data), node.parent)
    for index in expected - locator.contexts.keys() - locator.structural.keys():
        locator.structural[index] = tr("a value stands where the parser of HTML expects none")
    return ValueLocations(
        locator.contexts,
        locator.url_starts,
        locator.url_ends,
        frozenset(locator.image_url_starts),
        locator.structural,
    )


def is_remote(url_start: str) -> bool:
    """Whether every URL with this start is remote."""
    return _REMOTE.match(url_start) is not None and not is_local(url_start)


@dataclass(slots=True)
class _Locator:
    """Collects the places from the nodes of a page; its fields are those of `ValueLocations`."""

    placeholders: Placeholders
    styles_depend_on: Callable[[str], bool]
    contexts: dict[int, HtmlContext]
    url_starts: dict[int, bool]
    url_ends: dict[int, bool]
    image_url_starts: set[int]
    structural: dict[int, str]

    def element(self, element: Element) -> None:
        for index in self.placeholders.within(element.tag):
            self.structural[index] = tr("a value stands in the name of an element")
        for name, value in attributes_of(element):
            self._attribute(element, name, value)

    def comment(self, text: str) -> None:
        for index in self.placeholders.within(text):
            self.contexts[index] = HtmlContext.COMMENT
        for url in _IMAGE_IN_COMMENT.findall(text):
            self._image(url, tr("a conditional comment"))

    def text(self, text: str, owner: object) -> None:
        """A text, and the element that holds it."""
        for index in self.placeholders.within(text):
            if isinstance(owner, Element) and owner.tag in RAW_TEXT_ELEMENTS:
                self.structural[index] = tr("a value stands in {place}", place=self._name_of(owner))
            else:
                self.contexts[index] = HtmlContext.TEXT

    def _name_of(self, owner: Element) -> str:
        return tr("an element") if self.placeholders.within(owner.tag) else f"<{owner.tag}>"

    def _attribute(self, element: Element, name: str, value: str) -> None:
        owner = self._name_of(element)
        for index in self.placeholders.within(name):
            self.structural[index] = tr(
                "a value stands in the name of an attribute of {owner}", owner=owner
            )
        indices = self.placeholders.within(value)
        if not indices:
            return
        attribute = tr("the attribute {name} of {owner}", name=name, owner=owner)
        context = HtmlContext.URL if _is_url(name) else HtmlContext.ATTRIBUTE
        for index in indices:
            if self.styles_depend_on(name):
                self.structural[index] = tr(
                    "a value stands in {attribute}, on which styles depend", attribute=attribute
                )
            elif element.tag in ("style", "link", "meta"):
                self.structural[index] = tr("a value stands in {place}", place=attribute)
            self.contexts[index] = context
        self._url(name, value, context, attribute, indices[0])

    def _url(self, name: str, value: str, context: HtmlContext, attribute: str, first: int) -> None:
        if name in IMAGE_ATTRIBUTES:
            if self.placeholders.pattern.match(value) and context is HtmlContext.URL:
                self.image_url_starts.add(first)
            else:
                self._image(value, attribute)
        if context is HtmlContext.URL:
            self.url_starts |= dict(self.placeholders.first(value))
            self.url_ends |= dict(self.placeholders.last(value))

    def _image(self, url: str, attribute: str) -> None:
        found = self.placeholders.pattern.search(url)
        if found and not is_remote(url[: found.start()]):
            for index in self.placeholders.within(url):
                self.structural[index] = tr(
                    "an image of {attribute} depends on the row", attribute=attribute
                )


def _is_url(name: str) -> bool:
    return name in URL_ATTRIBUTES
