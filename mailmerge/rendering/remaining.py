"""The style elements of a page -> its rules for the cascade, and what stays in each afterwards.

What stays: at-rules; rules whose selector depends on the reader's actions or on the client; rules
for elements that have no start tag, or that stand in a conditional comment for Outlook; rules that
were raised (cascade.py); custom properties. A style element that needs no change stays as it was
written, and one that holds nothing any more goes.

An svg has style elements of its own, whose rules apply to the whole page (SVG 2, 6.2). Their text
is markup: it may have references, CDATA and elements. They stay, with the rules that are inlined.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html import escape

from mailmerge.rendering.cascade import Block
from mailmerge.rendering.document import (
    Document,
    Edits,
    Element,
    attribute,
    content_of,
    extent_of,
    is_html,
    is_svg,
    is_text,
    is_written,
    text_of,
)
from mailmerge.rendering.matching import Matcher
from mailmerge.rendering.selectors import Selector, SelectorKind, analyse
from mailmerge.rendering.stylesheet import (
    CONDITION,
    Declaration,
    Group,
    Item,
    StyleRule,
    parse_sheet,
)

_STATIC_MEDIA = frozenset(("", "all", "screen"))
_CSS_TYPES = frozenset(("", "text/css"))
_IGNORED = "data-premailer"
"""premailer's attribute: `data-premailer="ignore"` leaves a style element as it is."""


class MisplacedStyles(ValueError):
    """A style element of an svg has other nodes than text, or does not end."""


@dataclass(frozen=True, slots=True, eq=False)
class RuleUse:
    """One selector of a rule.

    Attributes:
        selector: the selector.
        block: the declarations of the rule.
        elements: those that it matches, or may match if the block stays.
        is_kept: whether the rule stays as it is, in any case.
    """

    selector: Selector
    block: Block
    elements: tuple[int, ...]
    is_kept: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """What stays in style elements besides: raised declarations, and whole blocks by `id`."""

    raised: set[tuple[int, int]]
    boosted: set[tuple[int, int]]
    whole: set[int]


@dataclass(slots=True)
class PreparedSheet:
    """A style element, and how each of its rules is used.

    Attributes:
        element: the style element.
        matcher: the elements of its page.
        items: the rules.
        by_rule: for a rule (`id`), its selectors; a rule without an entry stays as it was written.
        stays: whether it stays with all its rules, which are inlined besides: that of an svg, and
            one whose text a rule such as `* { display: block }` shows.
    """

    element: Element
    matcher: Matcher
    items: tuple[Item, ...]
    by_rule: dict[int, list[RuleUse]] = field(default_factory=dict)
    stays: bool = False

    def keep(self) -> None:
        """Let it stay with all its rules."""
        self.stays = True
        for rule, uses in self.by_rule.items():
            self.by_rule[rule] = [replace(use, is_kept=True) for use in uses]

    @property
    def uses(self) -> Iterator[RuleUse]:
        """All selectors of all rules."""
        for uses in self.by_rule.values():
            yield from uses

    def write(self, edits: Edits, kept: Kept) -> None:
        """Write what stays into the style element; without anything it goes."""
        pieces = list(self._texts(self.items, kept))
        if pieces == [item.text for item in self.items] and (pieces or self.stays):
            return
        document = self.matcher.document
        if is_svg(self.element):
            text = escape("\n".join(pieces), quote=False)
            edits.replace(*content_of(document, self.element), text)
        elif pieces:
            edits.replace(*content_of(document, self.element), "\n".join(pieces))
        elif self._place_matters():
            edits.replace(*content_of(document, self.element), "")
        else:
            edits.replace(*extent_of(document, self.element), "")

    def _place_matters(self) -> bool:
        """Whether a rule that stays may count the elements beside this one."""
        parent = self.element.parent
        return (
            isinstance(parent, Element)
            and parent.tag != "head"
            and any(use.selector.relates for use in self.uses if use.block.stays)
        )

    def _texts(self, items: tuple[Item, ...], kept: Kept) -> Iterator[str]:
        for item in items:
            if isinstance(item, Group):
                inner = list(self._texts(item.items, kept))
                same = inner == [one.text for one in item.items]
                yield item.text if same else f"{item.prelude} {{\n" + "\n".join(inner) + "\n}"
            elif isinstance(item, StyleRule) and id(item) in self.by_rule:
                yield from self._rule(item, self.by_rule[id(item)], kept)
            else:
                yield item.text

    def _rule(self, rule: StyleRule, uses: list[RuleUse], kept: Kept) -> Iterator[str]:
        """The rule, split where its selectors need different declarations."""
        if rule.nested:
            yield from _raised(uses, kept)
            yield rule.text
            return
        bodies: dict[tuple[str, ...], list[str]] = {}
        changed = len(uses) < len(rule.selectors) and not self.stays
        for use in uses:
            body, is_same = _body(use, kept)
            changed = changed or not is_same
            if body:
                bodies.setdefault(body, []).append(use.selector.text)
        if changed:
            for body, selectors in bodies.items():
                yield f"{', '.join(selectors)} {{{'; '.join(body)}}}"
        else:
            yield rule.text
        yield from _boosted(uses, kept)


def _boosted(uses: list[RuleUse], kept: Kept) -> Iterator[str]:
    """Copies of the rule that are more specific: cascade.py says when they are needed.

    They are rules of their own, because some clients drop a rule with `:not()`.
    """
    for use in uses:
        texts = [
            f"{declaration} !important"
            for index, declaration in enumerate(use.block.declarations)
            if (id(use.block), index) in kept.boosted
        ]
        if texts:
            yield f"{use.selector.text}:not(#_) {{{'; '.join(texts)}}}"


def _raised(uses: list[RuleUse], kept: Kept) -> Iterator[str]:
    """The raised declarations of a rule that stays as written, because rules are nested in it."""
    for use in uses:
        texts = [
            f"{declaration} !important"
            for index, declaration in enumerate(use.block.declarations)
            if (id(use.block), index) in kept.raised and not declaration.important
        ]
        if texts:
            yield f"{use.selector.text} {{{'; '.join(texts)}}}"


def _body(use: RuleUse, kept: Kept) -> tuple[tuple[str, ...], bool]:
    """The declarations that stay for a selector, and whether they are all as written."""
    block = use.block
    keeps_all = use.is_kept or block.stays or id(block) in kept.whole
    texts: list[str] = []
    is_same = True
    for index, declaration in enumerate(block.declarations):
        raised = (id(block), index) in kept.raised
        if not (keeps_all or raised or declaration.is_custom):
            is_same = False
            continue
        is_same = is_same and (declaration.important or not raised)
        important = declaration.important or raised
        texts.append(f"{declaration} !important" if important else str(declaration))
    return tuple(texts), is_same


def prepare_sheets(matcher: Matcher) -> list[PreparedSheet]:
    """Read the style elements of a page, and match their rules.

    Raises:
        MisplacedStyles: rules stand where they cannot be changed.
        TooManyStyles: matching takes too long.
    """
    sheets: list[PreparedSheet] = []
    for element in matcher.elements:
        if element.tag == "style" and is_written(element) and _is_read(element):
            items = _items_of(matcher.document, element)
            sheets.append(PreparedSheet(element, matcher, items))
            matcher.note(map(analyse, _selectors(items)))
    order = _Order()
    for sheet in sheets:
        media = (attribute(sheet.element, "media") or "").strip().lower()
        _prepare(sheet, sheet.items, order, conditional=media not in _STATIC_MEDIA)
        if not is_html(sheet.element):
            sheet.keep()
    return sheets


def _items_of(document: Document, element: Element) -> tuple[Item, ...]:
    if is_html(element):
        start, end = content_of(document, element)
        return parse_sheet(document.source[start:end])
    items = parse_sheet(text_of(element)) if is_svg(element) else ()  # math has no style sheets
    location = element.source_location
    is_closed = location is not None and location.end_tag is not None
    if items and not (is_closed and all(map(is_text, element.children))):
        raise MisplacedStyles
    return items


def _selectors(items: tuple[Item, ...]) -> Iterator[str]:
    for item in items:
        if isinstance(item, Group):
            yield from _selectors(item.items)
        elif isinstance(item, StyleRule):
            yield from item.selectors


def _is_read(element: Element) -> bool:
    kind = (attribute(element, "type") or "").strip().lower()
    return kind in _CSS_TYPES and _IGNORED not in element.attrs


@dataclass(slots=True)
class _Order:
    """Counts the rules of a page."""

    count: int = 0

    def next(self) -> int:
        self.count += 1
        return self.count


def _prepare(
    sheet: PreparedSheet, items: tuple[Item, ...], order: _Order, *, conditional: bool
) -> None:
    for item in items:
        if isinstance(item, Group):
            _prepare(sheet, item.items, order, conditional=True)
        elif isinstance(item, StyleRule):
            stays = conditional or item.nested
            uses = _uses(sheet.matcher, item, order.next(), conditional=stays)
            if uses is not None:
                sheet.by_rule[id(item)] = uses


def _uses(
    matcher: Matcher, rule: StyleRule, order: int, *, conditional: bool
) -> list[RuleUse] | None:
    """The selectors of a rule; None if the rule stays as it was written.

    A selector that no browser knows makes the whole rule invalid (selectors-4, 3.9).
    """
    selectors = [analyse(text) for text in rule.selectors]
    if any(selector.kind is SelectorKind.UNKNOWN for selector in selectors):
        return None
    uses: list[RuleUse] = []
    has_condition = CONDITION.search(rule.text) is not None
    for selector in selectors:
        found = _elements(matcher, selector)
        if found is None:
            return None
        use = _use(matcher, rule.declarations, selector, order, found, conditional=conditional)
        if use is not None:
            uses.append(replace(use, is_kept=use.is_kept or has_condition))
    return uses


def _elements(matcher: Matcher, selector: Selector) -> tuple[int, ...] | None:
    if selector.kind is SelectorKind.PSEUDO_ELEMENT or not matcher.may_match(selector):
        return ()
    return matcher.match(selector.reach)


def _use(
    matcher: Matcher,
    declarations: tuple[Declaration, ...],
    selector: Selector,
    order: int,
    elements: tuple[int, ...],
    *,
    conditional: bool,
) -> RuleUse | None:
    """How a selector is used; None if nothing of its rule is needed for it."""
    specificity = selector.specificity
    is_part = selector.kind is SelectorKind.PSEUDO_ELEMENT
    reached = () if is_part else elements or matcher.reached_by_clients(selector)
    if conditional or selector.kind is not SelectorKind.STATIC:
        block = Block(declarations, specificity, order, stays=True)
        return RuleUse(selector, block, reached, is_kept=True)
    in_comments = matcher.in_comments(selector)
    if elements or in_comments:
        block = Block(declarations, specificity, order)
        return RuleUse(selector, block, elements, is_kept=in_comments)
    if not matcher.is_for_clients(selector):
        return None
    block = Block(declarations, specificity, order, stays=True)
    return RuleUse(selector, block, reached, is_kept=True)
