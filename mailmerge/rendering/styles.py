"""A document with style sheets -> the same document with inlined styles.

This module reads local style sheets, from the campaign folder only; premailer inlines the rules
(inlining.py). Rules that cannot be inlined stay in a `<style>`: `@media` and `:hover` with
`!important`, because they must override the inlined styles, and at-rules such as `@font-face`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import urljoin

from lxml import etree

from mailmerge.content_files import ContentFiles
from mailmerge.errors import AssetError
from mailmerge.rendering.document import UNWRITABLE, Document, Element, Tree, is_element
from mailmerge.rendering.folder import is_local, local_path, read_asset
from mailmerge.rendering.inlining import inline_rules

_PRELUDE = re.compile(r"(?<![^{};])([^{};]*+)\{")
# Comments, strings and URLs may hold braces, dots and brackets that mean nothing there.
_OPAQUE = re.compile(
    r"""/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|url\([^)"']*\)""",
    re.DOTALL | re.IGNORECASE,
)
_ESCAPED_BRACE = re.compile(r"\\[{};]")
# Selectors without pseudo-class, attribute and escape.
_PLAIN_SELECTORS = re.compile(r"[\w\s.#>+~*,-]+")
_NAME = re.compile(r"[.#][\w-]+")
_WORD = re.compile(r"[\w-]+")
_URL = re.compile(r"""url\(\s*(?P<quote>["']?)(?P<url>[^"'()]*)(?P=quote)\s*\)""", re.IGNORECASE)
_KEPT_AT_RULE = re.compile(r"@(?!media\b|charset\b)[\w-]+", re.IGNORECASE)


def is_style_sheet_link(element: Element) -> bool:
    """Whether an element is `<link rel="stylesheet">`."""
    return element.tag == "link" and "stylesheet" in (element.get("rel") or "").lower().split()


def include_style_sheets(tree: Tree, files: ContentFiles) -> None:
    """Put each local style sheet in place of its `<link>`; links to remote ones stay untouched.

    Raises:
        AssetError: a file that is missing, outside of the folder or not UTF-8. It names no
            template.
    """
    for link in list(tree.iter("link")):
        href = link.get("href") or ""
        if not is_style_sheet_link(link) or not is_local(href):
            continue
        style = etree.Element("style", type="text/css")
        if link.get("media"):
            style.set("media", link.get("media") or "")
        style.text = _style_sheet(href, files)
        style.tail = link.tail
        parent = link.getparent()
        assert parent is not None
        parent.replace(link, style)


def _style_sheet(href: str, files: ContentFiles) -> str:
    path = local_path(href, files)
    try:
        css = read_asset(path, files).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AssetError(
            f"the style sheet {path} is not UTF-8", hint="save it as UTF-8", code="not-utf-8"
        ) from error
    # `</style` ends the element even within a comment or a string of the sheet.
    css = css.replace("</", "<\\/")
    return _URL.sub(lambda found: _from_folder(found, path), css)


def _from_folder(found: re.Match[str], sheet: str) -> str:
    """Make a URL that is relative to its style sheet relative to the campaign folder."""
    url = found["url"].strip()
    if not is_local(url):
        return found[0]
    return f"url({found['quote']}{urljoin(sheet, url)}{found['quote']})"


def inline_styles(document: Document) -> None:
    """Inline the rules of a document's style elements into `style` attributes.

    Raises:
        AssetError: a selector that cannot be read. It names no template.
    """
    tree = document.tree
    if next(tree.iter("body", "head"), None) is None:
        return
    names = _names_in(tree)
    for style in list(tree.iter("style")):
        _prepare(style, names)
    inline_rules(tree)


def _prepare(style: Element, names: frozenset[str]) -> None:
    """Move away what premailer would drop: text after a style element, and most at-rules.

    Rules that cannot match a page with only these `names` are removed. premailer takes almost a
    millisecond for each rule, and a CSS framework has hundreds that one page does not use.
    """
    if (style.tail or "").strip():
        _move_tail_before(style)
    if style.get("data-premailer") or (style.get("media") or "all") not in ("all", "screen"):
        return
    css = style.text or ""
    if UNWRITABLE.search(css):
        return
    kept, rest = _split_at_rules(css)
    if kept:
        extra = etree.Element("style", {"type": "text/css", "data-premailer": "ignore"})
        extra.text = kept
        style.addprevious(extra)
    style.text = "".join(rule for rule in _statements(rest) if _may_match(rule, names))


def _move_tail_before(style: Element) -> None:
    tail, style.tail = style.tail or "", None
    previous, parent = style.getprevious(), style.getparent()
    if previous is not None:
        previous.tail = (previous.tail or "") + tail
    elif parent is not None:
        parent.text = (parent.text or "") + tail


def _split_at_rules(css: str) -> tuple[str, str]:
    """Split a style sheet into the at-rules that premailer drops, and all other rules.

    `@media` is among the others: premailer keeps it, and adds the `!important` without which none
    of its rules could win against a style on the element.
    """
    kept: list[str] = []
    rest: list[str] = []
    for statement in _statements(_OPAQUE.sub(_without_comment, css)):
        (kept if _KEPT_AT_RULE.match(statement.lstrip()) else rest).append(statement)
    return "".join(kept).strip(), "".join(rest)


def _without_comment(found: re.Match[str]) -> str:
    return " " if found[0].startswith("/*") else found[0]


def _statements(css: str) -> Iterator[str]:
    """Each top-level rule or at-rule, with its block."""
    depth = start = 0
    for position, character in enumerate(css):
        if character == "{":
            depth += 1
        elif character == "}":
            depth = max(depth - 1, 0)
        if depth == 0 and character in "};":
            yield css[start : position + 1]
            start = position + 1
    yield css[start:]


def _names_in(tree: Tree) -> frozenset[str]:
    """The classes and the ids of a page, as selectors write them."""
    names: set[str] = set()
    for element in filter(is_element, tree.iter()):
        names.update(f".{name}" for name in (element.get("class") or "").split())
        names.add(f"#{element.get('id')}")
    return frozenset(names)


def _may_match(statement: str, names: frozenset[str]) -> bool:
    """Whether a rule could match an element of a page with these names.

    True for everything that is not a plain rule.
    """
    selectors, _, declarations = statement.partition("{")
    whole = declarations.count("}") == 1 and "{" not in declarations
    quoted = statement.count('"') % 2 or statement.count("'") % 2
    if not whole or quoted or not _PLAIN_SELECTORS.fullmatch(selectors):
        return True
    return any(names.issuperset(_NAME.findall(one)) for one in selectors.split(","))


def attributes_read_by_selectors(tree: Tree) -> Callable[[str], bool]:
    """A function (name of an attribute) -> whether a selector of the document may read it.

    When in doubt it says yes: for `class` if any selector has a dot; for every word of any selector
    if one has a `[`; and for every name if one has a backslash, which can spell a name differently.
    """
    css = "\n".join(style.text or "" for style in tree.iter("style")).lower()
    visible = _OPAQUE.sub(" ", css)
    preludes = " ".join(_PRELUDE.findall(visible))
    if "\\" in preludes or _ESCAPED_BRACE.search(visible):
        return lambda _: True
    names = {"style", *(_WORD.findall(preludes) if "[" in preludes else ())}
    if "." in preludes:
        names.add("class")
    if "#" in preludes:
        names.add("id")
    return lambda name: name.lower() in names
