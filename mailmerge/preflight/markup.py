"""Rules on the markup of a page: what a browser reads differently from how it is written.

Browsers repair what is wrong, and each mail program repairs in its own way. So these findings name
what is repaired, with line, column and an excerpt.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

from mailmerge.errors import Problem
from mailmerge.language import tr
from mailmerge.preflight.elements import ATTRIBUTES, ELEMENTS
from mailmerge.preflight.positions import Needle, Place, Spot, placed
from mailmerge.preflight.rules import Page, Setup
from mailmerge.rendering.document import (
    RAW_TEXT_ELEMENTS,
    Document,
    Element,
    attribute,
    comments_of,
    elements_of,
    extent_of,
    is_html,
    is_written,
    start_of,
)
from mailmerge.rendering.inlining import inline_rules, repeated_elements
from mailmerge.rendering.selectors import SelectorKind, analyse
from mailmerge.rendering.stylesheet import Group, Item, StyleRule, parse_sheet
from mailmerge.wording import prefixed

_warning = partial(Problem, "warning")

_VOID = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
        "param",
    ]
)
# HTML, 13.1.2.4: their end tag may be left out. That of <p> and <td>, too, on purpose.
_OPTIONAL_END = frozenset(
    [
        "html",
        "head",
        "body",
        "li",
        "dt",
        "dd",
        "p",
        "rt",
        "rp",
        "optgroup",
        "option",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "td",
        "th",
        "colgroup",
        "caption",
    ]
)
_FOREIGN = frozenset(("svg", "math"))
_OWN_NAME = re.compile(r"[a-z]+[-:]", re.IGNORECASE)
_STRAY_QUOTE = re.compile("[\"'<=]")
_END_TAG = re.compile(r"</([a-z][^\s/>]*)", re.IGNORECASE)
_START_TAG = re.compile(r"<([a-z][^\s/>]*)", re.IGNORECASE)
_WHOLE_TAG = re.compile(r"""<(?:[^<>"']++|"[^"]*+"|'[^']*+')*+>""")
_CDATA = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|\Z)", re.DOTALL)
_TEXT_ELEMENTS = RAW_TEXT_ELEMENTS | {"title", "textarea"}
_ENCODED_BRACES = re.compile(r"%7B%25(.*?)%25%7D", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
_EXCERPT = 60
_MOST = 20
"""Findings of one kind for one page; one mistake often causes many."""


def check_unclosed(page: Page, _: Setup) -> Iterator[Problem]:
    """Each element that needs an end tag has one, and in the right order."""
    crossing = set(_crossing(page.document))
    repeated = repeated_elements(page.document)
    outer = set(_nested_links(page.document).outer)  # check_nested_links reports these
    foreign = _foreign(page.document)
    found = (
        _nesting(page, element, element in crossing or element in repeated)
        for element in elements_of(page.document)
        if element not in outer and (element.tag in _FOREIGN or element not in foreign)
    )
    yield from islice(filter(None, found), _MOST)


def _nesting(page: Page, element: Element, crosses: bool) -> Problem | None:
    location = element.source_location
    tag = element.tag
    if location is None:
        return None
    if crosses:
        hint = tr("close the elements in the reverse order in which they were opened")
        found = _warning(
            "misnested", tr("<{tag}> is misnested: browsers repair it", tag=tag), hint=hint
        )
        return _placed(found, page, element)
    if location.end_tag is not None or tag in _VOID or tag in _OPTIONAL_END or _is_own(tag):
        return None
    if page.document.source[: location.start_tag.end_offset].endswith("/>"):
        message = tr("<{tag}/> does not close the element: HTML ignores the slash", tag=tag)
    else:
        message = tr("<{tag}> is never closed", tag=tag)
    return _placed(_warning("unclosed", message, hint=tr("write </{tag}>", tag=tag)), page, element)


def check_nested_links(page: Page, _: Setup) -> Iterator[Problem]:
    """No link begins within another one, because a browser ends the first link there."""
    for link in _nested_links(page.document).inner[:_MOST]:
        message = tr("a link begins within another link")
        hint = tr("close the first link with </a>")
        yield _placed(_warning("nested-link", message, hint=hint), page, link)


@dataclass(frozen=True, slots=True)
class _NestedLinks:
    """Links within links: the inner ones, those around them, and where the end tags of these are"""

    inner: list[Element] = field(default_factory=list)
    outer: list[Element] = field(default_factory=list)
    ends: set[int] = field(default_factory=set)


def _nested_links(document: Document) -> _NestedLinks:
    """The links that are open where another one begins, as they are written."""
    found = _NestedLinks()
    links = [one for one in elements_of(document, "a") if is_written(one)]
    if len(links) < 2:
        return found
    tags: list[tuple[int, Element | None]] = [(start_of(link), link) for link in links]
    tags += [(start, None) for start, tag in _end_tags(document) if tag == "a"]
    open_links: list[Element] = []
    outer: set[Element] = set()
    for start, link in sorted(tags, key=lambda one: one[0]):
        if link is not None:
            if open_links:
                found.inner.append(link)
                outer.add(open_links[-1])
            open_links.append(link)
        elif open_links and open_links.pop() in outer:
            found.ends.add(start)
    found.outer.extend(outer)
    return found


def _is_own(tag: str) -> bool:
    return _OWN_NAME.match(tag) is not None or tag in ("svg", "path", "g", "rect", "circle")


def _crossing(document: Document) -> Iterator[Element]:
    """The elements that end before one that began within them."""
    written = [
        (*extent_of(document, element), element)
        for element in elements_of(document)
        if is_written(element) and element.source_location.end_tag is not None  # type: ignore[union-attr]
    ]
    open_ends: list[tuple[int, Element]] = []
    for start, end, element in sorted(written, key=lambda one: one[:2]):
        while open_ends and open_ends[-1][0] <= start:
            open_ends.pop()
        if open_ends and end > open_ends[-1][0]:
            yield element
            continue
        open_ends.append((end, element))


def check_stray_end_tags(page: Page, _: Setup) -> Iterator[Problem]:
    """Each end tag closes an element."""
    document = page.document
    used = _nested_links(document).ends
    for element in elements_of(document):
        location = element.source_location
        if location is not None and location.end_tag is not None:
            used.add(location.end_tag.start_offset)
    stray = (
        one
        for one in _end_tags(document)
        if one[0] not in used and one[1] not in ("html", "body", "head")
    )
    for start, tag in islice(stray, _MOST):
        problem = _warning(
            "stray-end-tag", tr("</{tag}> closes nothing", tag=tag), hint=tr("remove it")
        )
        yield _placed_at(problem, page, start)


def check_stray_start_tags(page: Page, _: Setup) -> Iterator[Problem]:
    """Each start tag begins an element; a cell outside of a table and a form in a form do not."""
    document = page.document
    stray = [one for one in _tags(document, _START_TAG) if one[1] not in ("html", "body", "head")]
    is_cut_off = any(error.code == "eof-in-tag" for error in document.tree.errors)
    for start, tag in stray[:_MOST]:
        message = tr("<{tag}> has no place here: browsers ignore it", tag=tag)
        hint = tr("put it where HTML allows it, or remove it")
        is_last = is_cut_off and _WHOLE_TAG.match(document.source, start) is None
        if is_last:
            message = tr("the tag <{tag}> never ends: nothing behind it is shown", tag=tag)
            hint = tr("write > where it ends; a quotation mark may be missing before")
        yield _placed_at(_warning("stray-start-tag", message, hint=hint), page, start)
        if is_last:
            break


def check_comments(page: Page, _: Setup) -> Iterator[Problem]:
    """Each comment ends: the rest of the page would be a part of it."""
    document = page.document
    for start, end in comments_of(document):
        if end == len(document.source):
            message = tr("a comment is never closed: nothing behind it is shown")
            problem = _warning("unclosed-comment", message, hint=tr("write --> where it ends"))
            yield _placed_at(problem, page, start - len("<!--"))


def _end_tags(document: Document) -> Iterator[tuple[int, str]]:
    """Where each end tag begins, and its name."""
    return _tags(document, _END_TAG)


def _tags(document: Document, pattern: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """Where tags begin that are no start tags of elements, and their names.

    What looks like a tag in comments, texts and tags is none.
    """
    hidden = [*comments_of(document)]
    hidden += [found.span() for found in _CDATA.finditer(document.source)]
    for element in elements_of(document):
        location = element.source_location
        if location is None:
            continue
        hidden.append((location.start_tag.start_offset, location.start_tag.end_offset))
        if element.tag in _TEXT_ELEMENTS and is_html(element):
            hidden.append((location.start_tag.end_offset, extent_of(document, element)[1] - 1))
    hidden.sort()
    at = 0
    for found in pattern.finditer(document.source):
        while at < len(hidden) and hidden[at][1] <= found.start():
            at += 1
        if at == len(hidden) or found.start() < hidden[at][0]:
            yield found.start(), found[1].lower()


def check_tables(page: Page, _: Setup) -> Iterator[Problem]:
    """What stands in a table stands in its cells, and no table floats by its `align`."""
    document = page.document
    floats = False
    for table in elements_of(document, "table"):
        if not is_written(table):
            continue
        start, end = extent_of(document, table)
        before = table.previous_sibling
        while isinstance(before, Element) and is_written(before):
            if start < start_of(before) < end and before.tag not in ("tr", "td", "th"):
                hint = tr("put it into a cell")
                message = tr(
                    "<{tag}> stands in a table outside of its cells: it moves before it",
                    tag=before.tag,
                )
                yield _placed(_warning("outside-cell", message, hint=hint), page, before)
            before = before.previous_sibling
        if not floats and (attribute(table, "align") or "").lower() in ("left", "right"):
            floats = True  # a page with columns has many of them, on purpose
            hint = tr("put align on a cell, or write float on purpose")
            message = tr("align on a table makes it float: what follows stands beside it")
            yield _placed(_warning("floating-table", message, hint=hint), page, table)


def check_names(page: Page, _: Setup) -> Iterator[Problem]:
    """Elements have names that HTML knows, and each id is given once."""
    unknown: set[str] = set()
    ids: set[str] = set()
    foreign = _foreign(page.document)
    for element in elements_of(page.document):
        if not is_written(element):
            continue
        tag = element.tag.lower()
        if (
            tag not in ELEMENTS
            and not _is_own(tag)
            and element not in foreign
            and tag not in unknown
        ):
            unknown.add(tag)
            message = tr("HTML has no element <{tag}>", tag=tag)
            yield _placed(
                _warning("unknown-element", message, hint=tr("check its name")), page, element
            )
        identifier = attribute(element, "id")
        if not identifier or page.has_value(identifier):
            continue
        if identifier in ids:
            message = tr(
                "the id {identifier!r} is given more than once", identifier=identifier[:40]
            )
            yield _placed(_warning("duplicate-id", message, hint=tr("use a class")), page, element)
        ids.add(identifier)


def check_attributes(page: Page, _: Setup) -> Iterator[Problem]:
    """The attributes of an element are separated and given once each."""
    for element in elements_of(page.document):
        if is_written(element) and any(_STRAY_QUOTE.search(name) for name in element.attrs):
            message = tr("a quotation mark is missing or left over in <{tag}>", tag=element.tag)
            hint = tr('write name="value" with a space before the next name')
            yield _placed(_warning("attribute-quotes", message, hint=hint), page, element)
    for error in page.document.tree.errors:
        if error.code == "duplicate-attribute":
            offset = _offset(page.document.source, error.line, error.col)
            start = page.document.source.rfind("<", 0, offset)
            message = tr("an attribute is given twice: only the first one counts")
            found = _warning("duplicate-attribute", message, hint=tr("join the two"))
            yield _placed_at(found, page, max(start, 0))


def check_attribute_names(page: Page, _: Setup) -> Iterator[Problem]:
    """Attributes have names that HTML knows, or such as `data-...`, which are one's own."""
    unknown: set[str] = set()
    foreign = _foreign(page.document)
    for element in elements_of(page.document):
        if not is_written(element) or element.tag not in ELEMENTS or element in foreign:
            continue
        for name in element.attrs:
            known = name in ATTRIBUTES or not name.isalpha() or name.startswith("on")
            if not known and name not in unknown and len(unknown) < _MOST:
                unknown.add(name)
                message = tr(
                    "HTML has no attribute {name!r}, here in <{tag}>",
                    name=name[:40],
                    tag=element.tag,
                )
                hint = tr("check its name, or call it data-...")
                yield _placed(_warning("unknown-attribute", message, hint=hint), page, element)


def _foreign(document: Document) -> set[Element]:
    """The elements of SVG and MathML, which have names and rules of their own."""
    found: set[Element] = set()
    for outer in elements_of(document, *_FOREIGN):
        if outer not in found:
            found.add(outer)
            found.update(one for one in outer.descendants if isinstance(one, Element))
    return found


def check_encoded_braces(page: Page, _: Setup) -> Iterator[Problem]:
    """No link holds `{% ... %}` as an editor encodes it: Jinja2 does not see it there.

    placeholders.py finds `{{ ... }}`, because it knows the columns.
    """
    for element in elements_of(page.document):
        for name in ("href", "src", "action", "background"):
            value = attribute(element, name)
            found = _ENCODED_BRACES.search(value) if value else None
            if found is not None and is_written(element):
                inner = found[1].replace("%20", " ").strip()
                written = f"{{% {inner[:20]} %}}"
                message = tr(
                    "the URL holds {found}, an editor's spelling of {written}",
                    found=found[0][:40],
                    written=written,
                )
                hint = tr("write the braces themselves into the template's source")
                yield _placed(_warning("encoded-braces", message, hint=hint), page, element)


def check_charset(page: Page, _: Setup) -> Iterator[Problem]:
    """A `<meta charset>` says UTF-8, because the page is sent as UTF-8."""
    for meta in elements_of(page.document, "meta"):
        declared = attribute(meta, "charset") or ""
        if (attribute(meta, "http-equiv") or "").lower() == "content-type":
            named = _CHARSET.search(attribute(meta, "content") or "")
            declared = named[1] if named else ""
        if declared and declared.lower() not in ("utf-8", "utf8") and is_written(meta):
            message = tr(
                "the page says that it is {declared}, but it is sent as UTF-8",
                declared=declared[:20],
            )
            yield _placed(
                _warning("wrong-charset", message, hint=tr('write <meta charset="utf-8">')),
                page,
                meta,
            )


def check_styles(page: Page, _: Setup) -> Iterator[Problem]:
    """The rules of the page can be inlined: mail programs that remove `<style>` need that."""
    reason = inline_rules(page.document).reason
    if reason:
        hint = tr("fix the page, or set inline_css = false")
        message = tr("no styles are inlined: {reason}", reason=reason)
        found = _warning("styles-not-inlined", message, hint=hint)
        yield placed(found, page.locate(Spot("style")))
    for style in elements_of(page.document, "style"):
        if is_written(style):
            yield from _rules(page, parse_sheet(str(style.text)))


def _rules(page: Page, items: tuple[Item, ...]) -> Iterator[Problem]:
    for item in items:
        if isinstance(item, Group):
            yield from _rules(page, item.items)
        elif isinstance(item, StyleRule):
            shown = ", ".join(item.selectors)[:_EXCERPT]
            if item.nested:
                message = tr(
                    "the rule {shown} holds nested rules, which mail programs do not know",
                    shown=shown,
                )
                found = _warning("css-nesting", message, hint=tr("write each rule by itself"))
                yield _in_sheet(found, page, item)
            elif any(analyse(one).kind is SelectorKind.UNKNOWN for one in item.selectors):
                if any(
                    "::-" in one or ":-" in one or "\\:" in one or "|" in one
                    for one in item.selectors
                ):
                    continue
                message = tr(
                    "the selector {shown} is not known: its rule is not inlined", shown=shown
                )
                yield _in_sheet(_warning("css-selector", message, hint=tr("check it")), page, item)


def _in_sheet(problem: Problem, page: Page, rule: StyleRule) -> Problem:
    selector = rule.text.partition("{")[0].strip()
    offset = max(page.document.source.find(rule.text), 0)
    place = page.position(Needle.at(page.document.source, offset, selector))
    return _with_place(problem, place, rule.text)


def _placed(problem: Problem, page: Page, element: Element) -> Problem:
    """The problem at the start tag of an element."""
    return _placed_at(problem, page, start_of(element))


def _placed_at(problem: Problem, page: Page, offset: int) -> Problem:
    """The problem at a position of the page: its place in the template, and an excerpt."""
    source = page.document.source
    end = source.find(">", offset) + 1 or len(source)
    tag = source[offset:end]
    for wanted in (tag, *_starts(tag, page)):
        place = page.position(Needle.at(source, offset, wanted))
        if place.line is not None:
            return _with_place(problem, place, tag)
    return _with_place(problem, Place(page.locate(Spot("html")).file), tag)


def _starts(tag: str, page: Page) -> Iterator[str]:
    """The starts of a tag that the template has: what comes before inlined styles and values."""
    for mark in (' style="', page.value or "\0", ' width="', ' bgcolor="', ' align="', " src="):
        start = tag.partition(mark)[0]
        if start != tag and len(start) > 1:
            yield start
    yield re.split(r"[\s/>]", tag, maxsplit=1)[0]


def _with_place(problem: Problem, place: Place, text: str) -> Problem:
    """The problem at a place; where no line is known, the message has an excerpt of the page."""
    message = problem.message
    if place.line is None:
        excerpt = " ".join(text.split())
        shown = excerpt if len(excerpt) <= _EXCERPT else excerpt[: _EXCERPT - 1] + "…"
        message = prefixed(message, shown)
    return placed(replace(problem, message=message), place)


def _offset(source: str, line: int, column: int) -> int:
    position = 0
    for _ in range(line - 1):
        position = source.find("\n", position) + 1
    return position + column
