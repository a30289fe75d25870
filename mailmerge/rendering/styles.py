"""A document with style sheets -> the same document with its styles on its elements.

Local style sheets are read here, from the campaign folder only; premailer puts the rules on the
elements. What cannot be put on an element stays in a `<style>`: `@media` and `:hover`, which
mail clients that know them need with `!important`, and at-rules such as `@font-face`.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from lxml import etree

from mailmerge.errors import AssetError
from mailmerge.rendering.document import UNWRITABLE, Document, Element, Tree, is_element
from mailmerge.rendering.folder import is_local, local_path, read_asset

# premailer and cssutils keep caches that were not made for threads.
_one_at_a_time = threading.RLock()

_PRELUDE = re.compile(r"([^{};]*)\{")
# What may hold braces, dots and brackets that mean nothing; and a brace that is none.
_OPAQUE = re.compile(
    r"""/\*.*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|url\([^)"']*\)""",
    re.DOTALL | re.IGNORECASE,
)
_ESCAPED_BRACE = re.compile(r"\\[{};]")
# No pseudo-class, no attribute, no escape.
_PLAIN_SELECTORS = re.compile(r"[\w\s.#>+~*,-]+")
_NAME = re.compile(r"[.#][\w-]+")
_WORD = re.compile(r"[\w-]+")
_URL = re.compile(r"""url\(\s*(?P<quote>["']?)(?P<url>[^"'()]*)(?P=quote)\s*\)""", re.IGNORECASE)
_KEPT_AT_RULE = re.compile(r"@(?!media\b|charset\b)[\w-]+", re.IGNORECASE)
_IMPORTANT = re.compile(r"\s*!\s*important")
_HIDDEN_IMPORTANT = " ! important"


def is_style_sheet_link(element: Element) -> bool:
    """Whether an element is `<link rel="stylesheet">`."""
    return element.tag == "link" and "stylesheet" in (element.get("rel") or "").lower().split()


def include_style_sheets(tree: Tree, folder: Path) -> None:
    """Put each local style sheet where its `<link>` stands; links to remote ones stay untouched.

    Raises:
        AssetError: without a place: a file that is missing, outside of the folder or not UTF-8.
    """
    for link in list(tree.iter("link")):
        href = link.get("href") or ""
        if not is_style_sheet_link(link) or not is_local(href):
            continue
        style = etree.Element("style", type="text/css")
        if link.get("media"):
            style.set("media", link.get("media") or "")
        style.text = _style_sheet(href, folder)
        style.tail = link.tail
        parent = link.getparent()
        assert parent is not None
        parent.replace(link, style)


def _style_sheet(href: str, folder: Path) -> str:
    path = local_path(href, folder)
    try:
        css = read_asset(path, folder).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AssetError(
            f"the style sheet {path} is not UTF-8", hint="save it as UTF-8", code="not-utf-8"
        ) from error
    # The end of a style element, wherever it stands, ends it.
    css = css.replace("</", "<\\/")
    return _URL.sub(lambda found: _from_folder(found, path), css)


def _from_folder(found: re.Match[str], sheet: str) -> str:
    """A URL of a style sheet is relative to the sheet; in the message there is no sheet."""
    url = found["url"].strip()
    if not is_local(url):
        return found[0]
    return f"url({found['quote']}{urljoin(sheet, url)}{found['quote']})"


def inline_styles(document: Document) -> None:
    """Put the rules of a document's style elements on its elements.

    Raises:
        AssetError: without a place: a selector that cannot be read.
    """
    tree = document.tree
    if next(tree.iter("body", "head"), None) is None:
        return
    names = _names_in(tree)
    for style in list(tree.iter("style")):
        _prepare(style, names)
    with _one_at_a_time:
        _run_premailer(tree)
    for style in tree.iter("style"):
        if _HIDDEN_IMPORTANT in (style.text or ""):
            style.text = (style.text or "").replace(_HIDDEN_IMPORTANT, " !important")


def _prepare(style: Element, names: frozenset[str]) -> None:
    """Keep from premailer what it would drop: text behind a style element, and most at-rules.

    It is also spared the rules that cannot match where the page has only these `names`.
    """
    if (style.tail or "").strip():
        _move_tail_before(style)
    if style.get("data-premailer") or (style.get("media") or "all") not in ("all", "screen"):
        return
    css = style.text or ""
    if UNWRITABLE.search(css):
        return
    kept, rest = split_at_rules(css)
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


def split_at_rules(css: str) -> tuple[str, str]:
    """Part a style sheet into the at-rules that premailer drops, and all other rules.

    `@media` is not among them: premailer keeps it, and adds the `!important` without which no rule
    of it could win against a style on the element.
    """
    kept: list[str] = []
    rest: list[str] = []
    for statement in _statements(_OPAQUE.sub(_without_comment, css)):
        (kept if _KEPT_AT_RULE.match(statement.lstrip()) else rest).append(statement)
    return "".join(kept).strip(), "".join(rest)


def _without_comment(found: re.Match[str]) -> str:
    return " " if found[0].startswith("/*") else found[0]


def _statements(css: str) -> Iterator[str]:
    """Each rule or at-rule of the top level, with its block."""
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
    """Whether a rule could concern a page with these names; true of all that is no plain rule.

    A mail framework brings hundreds of rules, of which one page uses few; premailer takes most of a
    millisecond for each.
    """
    selectors, _, declarations = statement.partition("{")
    whole = declarations.count("}") == 1 and "{" not in declarations
    quoted = statement.count('"') % 2 or statement.count("'") % 2
    if not whole or quoted or not _PLAIN_SELECTORS.fullmatch(selectors):
        return True
    return any(names.issuperset(_NAME.findall(one)) for one in selectors.split(","))


def attributes_read_by_selectors(tree: Tree) -> Callable[[str], bool]:
    """Whether the styles of a document may depend on an attribute, given its name.

    It errs on the side of too many. `class` is among them as soon as a selector has a dot in it;
    where one has a `[`, so is every name that is a word of any selector, and where one has a
    backslash, which may spell a name in another way, every name.
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


def _run_premailer(tree: Tree) -> None:
    try:
        _inliner().transform(tree.getroot(), pretty_print=False)
    except (SyntaxError, RuntimeError, ValueError, AssertionError, etree.LxmlError) as error:
        # cssselect's errors are of these kinds, and premailer asserts that a selector is not empty.
        said = " ".join(str(error).split())
        raise AssetError(
            f"the styles cannot be put on the elements: {said or 'a selector is empty'}",
            hint="mend the selector, or write inline_css = false", code="styles",
        ) from error  # fmt: skip


_inliners: list[Any] = []


def _inliner() -> Any:
    """premailer, loaded when it is first needed and then kept.

    It fetches nothing: neither from the network, which is its default, nor from the disk.
    """
    if not _inliners:
        from premailer import Premailer

        class Inliner(Premailer):  # type: ignore[misc]  # premailer has no types
            """premailer that takes `!important` off the elements, and keeps it in `<style>`."""

            def _css_rules_to_string(self, rules: Any) -> str:
                css: str = super()._css_rules_to_string(rules)
                return _IMPORTANT.sub(_HIDDEN_IMPORTANT, css)

        _inliners.append(
            Inliner(
                allow_network=False,
                allow_loading_external_files=False,
                cssutils_logging_level=logging.CRITICAL,
            )
        )
    return _inliners[0]
