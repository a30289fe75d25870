"""A document with style elements -> its source with the rules in `style` attributes.

premailer is the inliner; docs/architecture.md tells which of its steps are ours, and
test_premailer.py shows each difference. Its steps were made for HTML 4 and CSS 2: it writes a page
from a tree of libxml2, and reads rules with cssutils, which drops what it does not know. The steps
that bend a page are overridden here, under premailer's own names; what it knows about mail clients
stays. Nothing is fetched, neither from the network nor from the disk.

    parse the rules           ours  stylesheet.py, selectors.py: nothing is dropped
    match and order           ours  matching.py, cascade.py: the cascade of the standard
    merge into `style`        ours  cascade.py: fallbacks stay, in their order
    rules that stay           ours  remaining.py: `!important` only where the cascade needs it
    attributes from styles    both  basic_attributes.py, with premailer's six-digit colours
    write the page            ours  document.py: edits of the source
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from mailmerge.language import tr
from mailmerge.rendering.basic_attributes import attributes_from
from mailmerge.rendering.cascade import (
    Applied,
    Cascade,
    Raised,
    TooManyStyles,
    of_attribute,
    of_block,
    write_style,
)
from mailmerge.rendering.custom_properties import (
    CustomProperties,
    may_have_no_value,
    names_used,
    uses_custom_properties,
)
from mailmerge.rendering.document import (
    Document,
    Edits,
    Element,
    attribute,
    elements_of,
    is_html,
    is_text,
    is_written,
    nodes_of,
    parse,
    start_of,
    text_of,
)
from mailmerge.rendering.matching import Matcher
from mailmerge.rendering.properties import is_quirk
from mailmerge.rendering.remaining import (
    Kept,
    MisplacedStyles,
    PreparedSheet,
    RuleUse,
    prepare_sheets,
)
from mailmerge.rendering.stylesheet import Declaration, StyleRule

_IMPLIED = frozenset(("tbody", "tr", "colgroup", "head", "body", "html"))
"""Elements that a parser adds, and whose start tag can be written where it adds them."""

_SHOWS = frozenset(("display", "all"))
"""Properties that show an element that is hidden otherwise."""


@dataclass(frozen=True, slots=True)
class Inlined:
    """A page after inlining.

    Attributes:
        html: the page.
        reason: why its styles were left where they were written; "" if they were inlined.
    """

    html: str
    reason: str = ""


def inline_rules(document: Document, *, attributes: bool = True) -> Inlined:
    """Inline the rules of a document's style elements into `style` attributes.

    Rules that cannot be inlined stay in their `<style>`. `attributes` says whether elements also
    get attributes such as `width` and `bgcolor`.
    """
    inlined: Inlined = _inliner(attributes).transform(document)
    return inlined


@cache
def _inliner(attributes: bool) -> Any:
    """premailer with our steps, made on first use because it takes long to load."""
    from premailer import Premailer

    class Inliner(Premailer):  # type: ignore[misc]  # premailer has no types
        """premailer that edits the source of a page, and keeps what it does not know."""

        def transform(self, document: Document) -> Inlined:
            if _is_amp(document):
                return Inlined(document.source)
            if _given_up and _style_of_page(document) in _given_up:
                return Inlined(document.source, tr("there are too many style rules"))
            try:
                page = _Page(document, self.six_color if attributes else None)
                return page.inlined()
            except MisplacedStyles:
                return Inlined(document.source, tr("the elements of the page are misnested"))
            except TooManyStyles:
                _given_up.append(_style_of_page(document))
                return Inlined(document.source, tr("there are too many style rules"))

    return Inliner(allow_network=False, allow_loading_external_files=False)


_given_up: deque[int] = deque(maxlen=16)
"""The pages whose styles took too long; they are asked for again by the check."""


def _style_of_page(document: Document) -> int:
    """A number for the style elements of a page, and for how many elements it has."""
    texts = [text_of(one) for one in elements_of(document, "style")]
    return hash((*texts, sum(1 for _ in document.tree.iter_elements())))


def _is_amp(document: Document) -> bool:
    """AMP for e-mail allows no style attributes from elsewhere: its validator sees the page."""
    html = document.tree.find("html")
    return html is not None and any(
        name.startswith(("⚡", "amp4")) or name == "amp" for name in html.attrs
    )


@dataclass(slots=True)
class _Page:
    """One page while its styles are inlined."""

    document: Document
    six_digits: Any
    matcher: Matcher = field(init=False)
    sheets: list[PreparedSheet] = field(init=False)
    cascade: Cascade = field(default_factory=Cascade)
    custom: CustomProperties = field(init=False)
    writes_implied: bool = True
    varying: frozenset[str] = frozenset()
    _may_be_undeclared: frozenset[str] = frozenset()
    _texts: dict[tuple[object, ...], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.matcher = Matcher(self.document)
        self.sheets = prepare_sheets(self.matcher)
        self.custom = CustomProperties(self.cascade.of_element, self.matcher.parent_of)

    def inlined(self) -> Inlined:
        if not self.sheets:
            return Inlined(self.document.source)
        self._apply()
        raised = self._raised()
        first = self._written(raised)
        if not first.strip():
            return Inlined(self.document.source)  # nothing but rules that style no element
        if _is_same_page(self.document, first):
            return Inlined(first)
        self.writes_implied = False
        second = self._written(raised)
        if _is_same_page(self.document, second):
            return Inlined(second)
        return Inlined(self.document.source, tr("the elements of the page are misnested"))

    def _apply(self) -> None:
        """Match all rules, and collect their declarations for each element."""
        touched: set[int] = set()
        shown = self._shown()
        for sheet in self.sheets:
            for use in sheet.uses:
                elements = use.elements
                if not use.block.stays:
                    elements = tuple(
                        one for one in elements if one in shown or self.matcher.can_have_style(one)
                    )
                self.cascade.add(use.block, elements)
                touched.update(elements)
        for number, element in enumerate(self.matcher.elements):
            style = attribute(element, "style")
            if style and (number in touched or uses_custom_properties(style)):
                self.cascade.add_attribute(number, style)

    def _shown(self) -> set[int]:
        """Elements such as `<head>` that a rule for all elements may show: they get styles, too."""
        shown: set[int] = set()
        for sheet in self.sheets:
            for use in sheet.uses:
                names = {one.name for one in use.block.declarations}
                if not use.block.stays and not names.isdisjoint(_SHOWS):
                    shown.update(
                        one for one in use.elements if not self.matcher.can_have_style(one)
                    )
        if shown:
            elements = {self.matcher.elements[number] for number in shown}
            for sheet in self.sheets:
                if sheet.element in elements:
                    sheet.keep()
        return shown

    def _raised(self) -> Raised:
        """What must be raised, also because of static rules that stay besides, with `!important`.

        Which rules stay for elements that have no start tag is known once all are written.
        """
        first = [*self._depending_on_kept(), *self._important(lambda use: use.is_kept)]
        raised = self.cascade.raise_needed(first)
        whole = self._write_elements(Edits(self.document), raised)
        more = [*self._important(lambda use: id(use.block) in whole)] if whole else []
        return self.cascade.raise_needed([*first, *more]) if more else raised

    def _important(self, stays: Callable[[RuleUse], bool]) -> Iterator[Applied]:
        """The declarations with `!important` of static rules that stay."""
        for sheet in self.sheets:
            for use in sheet.uses:
                if not use.block.stays and stays(use):
                    yield from (one for one in of_block(use.block) if one.declaration.important)

    def _depending_on_kept(self) -> Iterable[Applied]:
        """Declarations whose `var()` a rule that stays may change."""
        custom = [
            declaration
            for sheet in self.sheets
            for use in sheet.uses
            if use.block.stays and use.elements
            for declaration in use.block.declarations
            if declaration.is_custom
        ]
        self.varying = frozenset(one.name for one in custom)
        self._may_be_undeclared = frozenset(
            one.name for one in custom if may_have_no_value(one.value)
        )
        if not self.varying:
            return
        for sheet in self.sheets:
            for use in sheet.uses:
                for applied in of_block(use.block):
                    if self._varies(applied.declaration.value):
                        yield applied

    def _varies(self, value: str) -> bool:
        """Whether a rule that stays may change a `var()` of a value."""
        return bool(self.varying) and not self.varying.isdisjoint(self._names_behind(value))

    def _names_behind(self, value: str) -> set[str]:
        """The custom properties that a value uses, also through others."""
        names = set(names_used(value)) if uses_custom_properties(value) else set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            more = {other for text in self._values_of(name) for other in names_used(text)} - names
            names |= more
            waiting += more
        return names

    def _values_of(self, name: str) -> Iterable[str]:
        for sheet in self.sheets:
            for use in sheet.uses:
                for declaration in use.block.declarations:
                    if declaration.name == name:
                        yield declaration.value

    def _written(self, raised: Raised) -> str:
        edits = Edits(self.document)
        whole = self._write_elements(edits, raised)
        kept = Kept(raised.declarations, raised.boosted, whole)
        for sheet in self.sheets:
            sheet.write(edits, kept)
        return edits.applied()

    def _write_elements(self, edits: Edits, raised: Raised) -> set[int]:
        """Write style attributes; return the blocks (`id`) whose rules must stay for the rest."""
        whole: set[int] = set()
        for members in self._written_elements(raised):
            texts = {
                number: self._style_of(number, raised.important.get(number, set()))
                for number in members
            }
            number = members[0]
            if len(set(texts.values())) == 1 and self._write(edits, number, texts[number]):
                continue
            for one in members:
                applied = self.cascade.of_element.get(one, ())
                whole.update(id(other.block) for other in applied if other.block is not None)
        return whole

    def _written_elements(self, raised: Raised) -> list[list[int]]:
        """The elements with declarations of rules; those of one start tag are together."""
        groups: dict[int, list[int]] = defaultdict(list)
        originals = self.matcher.originals
        together = set(originals) | set(originals.values())
        for number in sorted(set(self.cascade.of_element) | together):
            applied = self.cascade.of_element.get(number, ())
            has_rules = any(
                one.block is not None or uses_custom_properties(one.declaration.value)
                for one in applied
            )
            if has_rules or number in together or number in raised.important:
                groups[originals.get(number, number)].append(number)
        return [
            members
            for members in groups.values()
            if any(self.cascade.of_element.get(number) for number in members)
        ]

    def _style_of(self, number: int, important: set[Any]) -> str:
        """The style attribute of an element."""
        element = self.matcher.elements[number]
        style = self._own_style(attribute(element, "style") or "", number)
        applied = [
            one
            for one in self.cascade.of_element.get(number, ())
            if one.block is not None and not one.declaration.is_custom
        ]
        resolved = [self._resolved(one, number) for one in applied]
        if not (is_html(element) or self.matcher.has_quirks):
            resolved = [
                one for one in resolved if not is_quirk(one.declaration.name, one.declaration.value)
            ]
        key = (
            style,
            frozenset(important),
            *((one.key, one.declaration.value) for one in resolved),
        )
        if key not in self._texts:
            self._texts[key] = write_style(resolved, style, important)
        return self._texts[key]

    def _own_style(self, style: str, number: int) -> str:
        """The style attribute that the author wrote, with known values of `var()`."""
        if not uses_custom_properties(style):
            return style
        texts: list[str] = []
        for one in of_attribute(style):
            declaration = one.declaration
            if not declaration.is_custom:
                declaration = self._with_known_values(one, number).declaration
            important = " !important" if declaration.important else ""
            texts.append(f"{declaration}{important}")
        return "; ".join(texts)

    def _with_known_values(self, applied: Applied, number: int) -> Applied:
        """A declaration that the author put on an element, so that it holds without `<style>`.

        A value that a rule that stays may change is written as the fallback of its `var()`.
        """
        declaration = applied.declaration
        if not self._varies(declaration.value):
            return self._resolved(applied, number)
        if self._names_behind(declaration.value) & self._may_be_undeclared:
            return applied
        value = self.custom.with_fallbacks(declaration.value, number)
        return applied._replace(declaration=replace(declaration, value=value))

    def _resolved(self, applied: Applied, number: int) -> Applied:
        declaration = applied.declaration
        if not uses_custom_properties(declaration.value):
            return applied
        value = self.custom.resolve(declaration.value, number)
        if value is None:
            return applied
        return applied._replace(
            declaration=Declaration(declaration.name, value, declaration.important)
        )

    def _write(self, edits: Edits, number: int, style: str) -> bool:
        """Write the style attribute of an element; False if it has no start tag to write it to."""
        element = self.matcher.elements[number]
        if style == (attribute(element, "style") or ""):
            return True
        if not is_written(element):
            position = self._implied_position(element) if self.writes_implied else None
            if position is None:
                return False
            escaped = style.replace("&", "&amp;").replace('"', "&quot;")
            edits.insert(position, f'<{element.tag} style="{escaped}">')
            return True
        edits.set_attribute(element, "style", style)
        if self.six_digits is not None:
            declarations = [one.declaration for one in of_attribute(style)]
            for name, value in attributes_from(element, declarations, self.six_digits):
                edits.set_attribute(element, name, value)
        return True

    def _implied_position(self, element: Element) -> int | None:
        """Where the parser added an element, if that is known."""
        if element.tag not in _IMPLIED:
            return None
        if element.tag == "html":
            written = filter(is_written, self.matcher.elements)
            return min((start_of(one) for one in written), default=None)
        if element.tag == "body":
            head = self.document.tree.find("head")
            location = head.source_location if head is not None else None
            if location is not None and location.end_tag is not None:
                return location.end_tag.end_offset
        first = next(iter(element.children), None)
        if not isinstance(first, Element):
            return None
        return start_of(first) if is_written(first) else self._implied_position(first)


def repeated_elements(document: Document) -> set[Element]:
    """The elements that the parser repeated, because they are misnested: `<b>1<p>2</b>3`."""
    matcher = Matcher(document)
    return {matcher.elements[number] for number in matcher.originals.values()}


def unused_rules(document: Document) -> list[tuple[str, str]]:
    """The selectors that inlining leaves out, because they match nothing, each with its rule.

    Raises:
        TooManyStyles: matching takes too long.
    """
    return [
        (selector, rule.text)
        for sheet in prepare_sheets(Matcher(document))
        if not sheet.stays
        for rule in sheet.items
        if isinstance(rule, StyleRule) and id(rule) in sheet.by_rule
        for selector in rule.selectors
        if selector not in {use.selector.text for use in sheet.by_rule[id(rule)]}
    ]


def _is_same_page(document: Document, html: str) -> bool:
    """Whether a page has the elements and texts of a document, apart from its styles."""
    return html == document.source or _signature(document) == _signature(parse(html))


def _signature(document: Document) -> tuple[list[str], str]:
    tags: list[str] = []
    texts: list[str] = []
    for node in nodes_of(document):
        if isinstance(node, Element):
            if node.tag != "style":
                tags.append(node.tag)
        elif is_text(node):
            parent = node.parent
            if not (isinstance(parent, Element) and parent.tag == "style"):
                texts.append(node.data)
    return tags, "".join("".join(texts).split())
