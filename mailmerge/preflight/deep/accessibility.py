"""What screen readers need: language, roles of tables, names of links, sizes of text.

These are the rules of axe-core that concern mail (html-has-lang, valid-lang, link-name,
heading-order, image-alt), and two for mail: layout tables, and links named "here". They are our
own, because axe-core needs a browser with scripts, and mail has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mailmerge.language import tr, trn
from mailmerge.preflight.deep.computed import looks_of
from mailmerge.preflight.deep.page import DeepPage, Finding, Flaw, Note
from mailmerge.rendering.document import Element, attribute, elements_of, is_written, text_of

_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*")
_FILE_NAME: Final = re.compile(r"[\w-]+\.(?:png|jpe?g|gif|webp|svg|bmp)", re.IGNORECASE)
_SMALLEST: Final = 10.0
_EMPTY_NAMES: Final = frozenset(
    {
        "click here", "here", "click", "link", "this link", "read more", "more", "learn more",
        "hier", "hier klicken", "klicken sie hier", "mehr", "weiterlesen", "cliquez ici", "ici",
        "en savoir plus", "lire la suite", "haga clic aquí", "aquí", "leer más", "clicca qui",
        "qui", "点击这里", "点击此处", "这里", "此处", "こちら",
    }
)  # fmt: skip
"""Names of links that say nothing when links are listed alone."""


def check_language(page: DeepPage) -> Iterator[Finding]:
    """The page says in which language it is read aloud."""
    language = next((attribute(one, "lang") for one in elements_of(page.document, "html")), None)
    if not language:
        message = tr("the page does not say its language, so screen readers guess how to read it")
        yield Flaw("html-lang", message, tr('write <html lang="en">'), page.search("<html"))
    elif page.value not in language and not _LANGUAGE.fullmatch(language):
        message = tr("{language!r} is no language", language=language[:20])
        yield Flaw("html-lang", message, tr('write <html lang="en">'), page.search("<html"))


def check_tables(page: DeepPage) -> Iterator[Finding]:
    """Tables for layout have role="presentation"; tables of data have header cells."""
    bare = [table for table in elements_of(page.document, "table") if _is_bare(table)]
    if not bare:
        return
    message = trn("{count:,} table is read aloud as data, cell by cell",
                  "{count:,} tables are read aloud as data, cell by cell", len(bare))  # fmt: skip
    hint = tr('write role="presentation", or <th> for the headings of data')
    yield Flaw("table-role", message, hint, page.place_of(bare[0]))


def _is_bare(table: Element) -> bool:
    if not is_written(table) or attribute(table, "role"):
        return False
    return not any(table.find(tag) is not None for tag in ("th", "caption"))


def check_links(page: DeepPage) -> Iterator[Finding]:
    """Each link has a name that says where it leads."""
    seen: set[str] = set()
    for link in elements_of(page.document, "a"):
        if not attribute(link, "href") or not is_written(link):
            continue
        name = _name_of(link)
        folded = name.lower().strip(" .:!>»→")
        if not name and "" not in seen:
            message = tr("a link has no text, so screen readers read its address")
            hint = tr("give its image an alt text")
            yield Flaw("link-without-text", message, hint, page.place_of(link))
        elif folded in _EMPTY_NAMES and folded not in seen:
            message = tr("the link {name!r} does not say where it leads", name=name[:40])
            yield Note("link-text", message, page.place_of(link))
        seen.add(folded)


def _name_of(link: Element) -> str:
    label = attribute(link, "aria-label") or attribute(link, "title") or ""
    alts = [attribute(image, "alt") or "" for image in link.find_all("img")]
    return " ".join(" ".join([text_of(link), label, *alts]).split())


def check_images(page: DeepPage) -> Iterator[Finding]:
    """No alternative text is a file name. Missing ones are found by the ordinary check."""
    for image in elements_of(page.document, "img"):
        alt = (attribute(image, "alt") or "").strip()
        if _FILE_NAME.fullmatch(alt):
            message = tr("the alt text {alt!r} is the name of a file", alt=alt[:40])
            hint = tr("write what the image shows")
            yield Flaw("alt-file-name", message, hint, page.place_of(image))


def check_headings(page: DeepPage) -> Iterator[Finding]:
    """Headings leave out no level."""
    last = 0
    for heading in elements_of(page.document, "h1", "h2", "h3", "h4", "h5", "h6"):
        level = int(heading.tag[1])
        if last and level > last + 1:
            message = tr("<h{level}> follows <h{last}>: a level is left out",
                         level=level, last=last)  # fmt: skip
            yield Note("heading-order", message, page.place_of(heading))
        last = level


def check_text_size(page: DeepPage) -> Iterator[Finding]:
    """No text is too small to read on a phone."""
    for element, look in looks_of(page.document, "light"):
        if 2 < look.size < _SMALLEST and text_of(element).strip():
            message = tr("text of {size:g} pixels is too small to read", size=round(look.size, 1))
            hint = tr("use 12 pixels or more")
            yield Flaw("small-text", message, hint, page.place_of(element))
            return
