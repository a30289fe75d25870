"""A page -> the plain text that stands for it, where the campaign has no text template.

inscriptis lays the text out. Before it does, the page is made fit for it: a table that only
arranges things becomes lines, a link shows where it leads, an image its alternative text.
`TextPattern` does this once for a structure and writes each person's values into the result. Its
law: the text is what `text_of_page` makes of that person's page.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from lxml import etree

from mailmerge.rendering.document import UNWRITABLE, Element, EmptyPage, parse, text_of
from mailmerge.rendering.placeholders import Placeholders, percent_escaped
from mailmerge.rendering.structure import Body, Structure

_TEXTS_TO_A_VARIANT = 20  # with fewer, the layout is said to depend on the row

VARIANTS = 64
"""How many texts of one structure are kept, for people whose values are blank in other places."""

RULE = "-" * 40

# inscriptis decodes character references once more; an ampersand must not look like one.
_AMPERSAND = "\U0010fffd"
# Follows a word that stands in the target of a link.
_IN_TARGET = "\U0010fffc"
_LONG = "long " * 12 + "end"
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LISTS = ("dd", "dl", "dt", "li", "ol", "ul")
_SECTIONS = ("article", "aside", "footer", "header", "main", "nav", "section", "div", "center")
_PARAGRAPHS = ("p", "pre", "br", "hr", "address", "blockquote", "figcaption", "figure")
_FORMS = ("fieldset", "form", "table")
_BLOCKS = frozenset((*_HEADINGS, *_LISTS, *_SECTIONS, *_PARAGRAPHS, *_FORMS))
_FURTHER_BLOCKS = ("center", "dd", "dl", "dt", "fieldset", "form", "section")
_UNSEEN = ("template", "select", "textarea", "noframes", "iframe", "object")
_PADDING = re.compile("(?:[\u00ad\u034f\u061c\u200b-\u200f\u2007\u2060\ufeff][ \t\u00a0]*){3,}")
_PREFORMATTED = re.compile(r"<pre\b|white-space", re.IGNORECASE)
_INNER_SPACE = re.compile(r"\s{2,}|[^\S ]")
_UNSURE = re.compile(
    "[\u00ad\u034f\u061c\u200b-\u200f\u2007\u2060\ufeff\U0010fffc\U0010fffd\x00-\x08\x0e-\x1f]"
)
_NO_TARGET = re.compile(r"\s*(?:#|javascript:|\Z)", re.IGNORECASE)
_SCHEMES = ("mailto:", "tel:", "http://", "https://")
_SCHEME = re.compile(r"^(?:mailto:|tel:|https?://)", re.IGNORECASE)

Shown = Mapping[tuple[str, str], bool]
"""For the text and target of a link: whether the target is shown, where this is decided already."""

InTarget: TypeAlias = Callable[[str], str]


def text_of_page(html: str, shown: Shown | None = None, in_target: InTarget = str) -> str:
    """The plain text of a page: lines without spaces at their ends, no two blank lines in a row."""
    try:
        root = parse(html).tree.getroot()
    except EmptyPage:
        return ""
    _make_fit(root, shown or {}, in_target)
    return _tidy(_laid_out(root))


def _laid_out(root: Element) -> str:
    from inscriptis.css_profiles import STRICT_CSS_PROFILE
    from inscriptis.html_engine import Inscriptis
    from inscriptis.html_properties import Display
    from inscriptis.model.config import ParserConfig
    from inscriptis.model.html_element import HtmlElement

    # inscriptis writes on the element of the body, which threads must not share.
    profile: dict[str, Any] = {**STRICT_CSS_PROFILE, "body": HtmlElement()}
    profile |= {tag: HtmlElement(display=Display.block) for tag in _FURTHER_BLOCKS}
    profile |= {tag: HtmlElement(display=Display.none) for tag in _UNSEEN}
    laid_out: str = Inscriptis(root, ParserConfig(css=profile)).get_text()
    return laid_out.replace(_AMPERSAND, "&")


def _tidy(text: str) -> str:
    lines = [line.rstrip() for line in text.replace("\xa0", " ").split("\n")]
    kept = [line for index, line in enumerate(lines) if line or (index and lines[index - 1])]
    return "\n".join(kept).strip("\n") + "\n" if any(kept) else ""


def _make_fit(root: Element, shown: Shown, in_target: InTarget) -> None:
    etree.strip_tags(root, etree.Comment, etree.ProcessingInstruction)
    for table in reversed(list(root.iter("table"))):
        if not _holds_figures(table):
            _dissolve(table)
    for image in list(root.iter("img")):
        _show_alternative(image)
    for rule in root.iter("hr"):
        rule.tag, rule.text = "div", RULE
    for link in _links(root):
        _show_target(link, shown, in_target)
    for element in root.iter():
        _strip_for_layout(element)


def _links(root: Element) -> list[Element]:
    return [link for link in root.iter("a") if link.get("href") is not None]


def _strip_for_layout(element: Element) -> None:
    style = element.get("style")
    element.attrib.clear()
    if style:
        element.set("style", UNWRITABLE.sub("", style))
    element.text = _for_layout(element.text)
    element.tail = _for_layout(element.tail)


def _for_layout(text: str | None) -> str | None:
    return UNWRITABLE.sub("", _PADDING.sub("", text)).replace("&", _AMPERSAND) if text else text


def _holds_figures(table: Element) -> bool:
    """Whether a table has columns that mean something: header cells, and no table within."""
    if (table.get("role") or "").lower() in ("presentation", "none"):
        return False
    return next(table.iterdescendants("table"), None) is None and (
        next(table.iterdescendants("th"), None) is not None
    )


def _dissolve(table: Element) -> None:
    """A table that arranges things becomes lines: its cells, or the cells of a short row as one."""
    for row in _own(table, "tr"):
        cells = [cell for cell in row if cell.tag in ("td", "th")]
        filled = [cell for cell in cells if _shows_something(cell)]
        on_one_line = len(filled) > 1 and not any(_is_block(cell) for cell in filled)
        for cell in cells:
            cell.tag = "span" if on_one_line else "div"
        if on_one_line:
            for cell in filled[:-1]:
                cell.tail = " | "
        row.tag = "div"
    for part in _own(table, "tbody", "thead", "tfoot", "caption", "colgroup"):
        part.tag = "div"
    table.tag = "div"


def _own(table: Element, *tags: str) -> list[Element]:
    """The parts of a table, without those of the tables within it."""
    return [part for part in table.iter(*tags) if next(part.iterancestors("table"), None) is table]


def _shows_something(cell: Element) -> bool:
    if text_of(cell).replace("\xa0", " ").strip():
        return True
    return any((image.get("alt") or "").strip() for image in cell.iter("img"))


def _is_block(cell: Element) -> bool:
    return any(element.tag in _BLOCKS for element in cell.iterdescendants())


def _show_alternative(image: Element) -> None:
    alternative = UNWRITABLE.sub("", image.get("alt") or "").strip()
    image.tag = "span"
    image.text = f"[{alternative}]" if alternative else ""


def _show_target(link: Element, shown: Shown, in_target: InTarget) -> None:
    text, target = text_of(link), UNWRITABLE.sub("", link.get("href") or "")
    if not shown.get((text, target), _shows_target(text, target)):
        return
    note = etree.SubElement(link, "span")
    note.text = f" <{in_target(_bracketed(target.strip()))}>"


def _bracketed(target: str) -> str:
    """A target fit to stand between angle brackets (RFC 3986, appendix C)."""
    return target.replace("<", "%3C").replace(">", "%3E").replace('"', "%22")


def _shows_target(text: str, target: str) -> bool:
    """Whether the target of a link tells more than its text."""
    return not _NO_TARGET.match(target) and _bare(text) != _bare(target)


def _surely_shown(text_start: str, target_start: str) -> bool:
    """Whether the target of a link is shown whatever follows these beginnings."""
    begun = text_start.strip().casefold()
    if not _SCHEME.match(target_start) or any(scheme.startswith(begun) for scheme in _SCHEMES):
        return False
    text, target = _bare(text_start), _bare(target_start)
    length = min(len(text), len(target))
    return text[:length] != target[:length]


def _bare(address: str) -> str:
    return _SCHEME.sub("", " ".join(address.split())).rstrip("/").casefold()


@dataclass(frozen=True, slots=True)
class _Variant:
    """A text with places for values; `structure` is None where the layout depends on them.

    `slots` are the values in their order, and whether each is part of a link's target.
    """

    structure: Structure | None
    slots: tuple[tuple[int, bool], ...] = ()

    def fill(self, structure: Structure, values: Sequence[str]) -> Body:
        """The text of one person."""
        written = [
            _bracketed(percent_escaped(values[index])) if in_target else _one_space(values[index])
            for index, in_target in self.slots
        ]
        return Body(structure, tuple(written))


Odd: TypeAlias = tuple[tuple[int, str], ...]


class TextPattern:
    """The plain text of all pages of one structure.

    `static`, `indices` and `writers` are those of the page. `reason` says why the text is laid out
    anew for each person, if it is.
    """

    def __init__(
        self,
        static: tuple[str, ...],
        indices: tuple[int, ...],
        writers: tuple[Callable[[str], str], ...],
        placeholders: Placeholders,
    ) -> None:
        self.reason = ""
        self._static = static
        self._indices = indices
        self._writers = writers
        self._placeholders = placeholders
        self._keeps_spaces = any(_PREFORMATTED.search(text) for text in static)
        self._filled = self._made_variants = 0
        self._variants: OrderedDict[tuple[Odd, tuple[bool, ...]], _Variant] = OrderedDict()
        self._lock = threading.Lock()
        self._links = list(self._links_with_values())

    def fill(self, values: Sequence[str], page: Body) -> Body:
        """The text of one person's page."""
        self._filled += 1
        odd = _odd(values, self._indices, keeps_spaces=self._keeps_spaces)
        key = (odd, self._decisions(values))
        variant = self._variants.get(key) or self._made(values, *key)
        if variant.structure is None:
            return Body(Structure((text_of_page(str(page)),)))
        return variant.fill(variant.structure, values)

    def _decisions(self, values: Sequence[str]) -> tuple[bool, ...]:
        """For each link that depends on values: whether its target is shown."""
        return tuple([_shows_target(*link) for link in self._written_links(values)])

    def _written_links(self, values: Sequence[str]) -> list[tuple[str, str]]:
        if not self._links:
            return []
        words = self._placeholders
        return [
            (
                words.replace(text, {index: values[index] for index in words.within(text)}),
                words.replace(
                    target,
                    {index: percent_escaped(values[index]) for index in words.within(target)},
                ),
            )
            for text, target in self._links
        ]

    def _page(self, values: Mapping[int, str]) -> str:
        """The page with some values written, and the words in place of all others."""
        text = [self._static[0]]
        for index, write, after in zip(self._indices, self._writers, self._static[1:], strict=True):
            value = values.get(index)
            text += [self._placeholders.word(index) if value is None else write(value), after]
        return "".join(text)

    def _links_with_values(self) -> Iterator[tuple[str, str]]:
        """The links of which values decide whether the target is shown."""
        for text, target in _links_of(self._page({})) if self._indices else ():
            text_start, target_start = (
                self._placeholders.split(part)[0][0] for part in (text, target)
            )
            has_values = self._placeholders.within(text + target)
            if has_values and not _surely_shown(text_start, target_start):
                yield text, target

    def _made(self, values: Sequence[str], odd: Odd, shown: tuple[bool, ...]) -> _Variant:
        with self._lock:
            variant = self._checked(values, odd, shown)
            self._variants[odd, shown] = variant
            while len(self._variants) > VARIANTS:
                self._variants.popitem(last=False)
        self._made_variants += 1
        many = self._made_variants > max(VARIANTS, self._filled // _TEXTS_TO_A_VARIANT)
        if many or variant.structure is None:
            self.reason = "the layout of the text that is made from the HTML depends on the row"
        return variant

    def _checked(self, values: Sequence[str], odd: Odd, shown: tuple[bool, ...]) -> _Variant:
        """The variant, if it tells these values and strange ones as their pages would."""
        fixed = dict(odd)
        words = [fixed.get(i, self._placeholders.word(i)) for i in range(len(values))]
        structure, slots = self._cut(self._text(words, shown))
        variant = _Variant(structure, slots)
        strange = [fixed.get(i, f"{i} & <&lt;> é {_LONG}") for i in range(len(values))]
        for tried in (values, strange):
            if str(variant.fill(structure, tried)) != self._text(tried, shown):
                return _Variant(None)
        return variant

    def _text(self, values: Sequence[str], shown: tuple[bool, ...]) -> str:
        """The text of a page with these values, some of which may be words."""
        decided = dict(zip(self._written_links(values), shown, strict=True))
        return text_of_page(self._page(dict(enumerate(values))), decided, self._in_target)

    def _in_target(self, target: str) -> str:
        return self._placeholders.pattern.sub(rf"\g<0>{_IN_TARGET}", target)

    def _cut(self, text: str) -> tuple[Structure, tuple[tuple[int, bool], ...]]:
        pieces, indices = self._placeholders.split(text)
        in_target = [piece.startswith(_IN_TARGET) for piece in pieces[1:]]
        static = tuple(piece.removeprefix(_IN_TARGET) for piece in pieces)
        return Structure(static), tuple(zip(indices, in_target, strict=True))


def _links_of(html: str) -> list[tuple[str, str]]:
    try:
        links = _links(parse(html).tree.getroot())
    except EmptyPage:
        return []
    return [(text_of(link), link.get("href") or "") for link in links]


def _odd(values: Sequence[str], indices: tuple[int, ...], *, keeps_spaces: bool) -> Odd:
    """The values that could change the layout: blank ones, and those with spaces at an end.

    Where the page `keeps_spaces`, so can those with more than one space in a row.
    """
    joined = "".join(values)
    if not joined.isprintable() or keeps_spaces or "\u034f" in joined:
        return tuple(
            [
                (i, values[i])
                for i in sorted(set(indices))
                if _is_odd(values[i]) or (keeps_spaces and _INNER_SPACE.search(values[i]))
            ]
        )
    return tuple(
        [
            (i, value)
            for i, value in enumerate(values)
            if not value or value[0] == " " or value[-1] == " "
        ]
    )


def _is_odd(value: str) -> bool:
    return not value or value != value.strip() or _UNSURE.search(value) is not None


def _one_space(value: str) -> str:
    return " ".join(value.split()) if _INNER_SPACE.search(value) else value
