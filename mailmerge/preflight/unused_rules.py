"""A rule on the style sheets of the templates: inlining leaves out what matches nothing.

A style sheet that serves many pages has hundreds of rules for classes that this page does not have.
The messages do not carry them. A rule for what a mail program adds to a page stays if the program
is known (matching.py); so the author must be told which rules go. The templates are looked at, and
not a finished page: a class may stand in a branch that few recipients take.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mailmerge.errors import AssetError, Problem
from mailmerge.language import tr
from mailmerge.preflight.positions import Needle, find_text, placed
from mailmerge.preflight.rules import Setup
from mailmerge.preflight.template_texts import MASK, body_sources, masked
from mailmerge.rendering.cascade import TooManyStyles
from mailmerge.rendering.document import Document, EmptyPage, attribute, elements_of, parse
from mailmerge.rendering.inlining import unused_rules
from mailmerge.rendering.remaining import MisplacedStyles
from mailmerge.rendering.styles import StyleSheets
from mailmerge.rendering.stylesheet import Group, parse_sheet

_SHOWN = 3


def check_unused_rules(setup: Setup) -> Iterator[Problem]:
    """Each rule of a style sheet matches something in the templates, or stays in the message."""
    message = setup.campaign.message
    if message.html is None or not message.inline_css:
        return
    sources = body_sources(setup.campaign, "html", message.html)
    sheets = StyleSheets(setup.campaign.content_files(noting=False))
    try:
        document = _with_sheets(parse("\n".join(map(masked, sources.values()))), sheets)
        unused = [] if _has_varying_names(document) else unused_rules(document)
    except (EmptyPage, TooManyStyles, MisplacedStyles):
        return
    files = _files_of_rules(sheets.texts)
    by_file: dict[str, list[tuple[str, str]]] = {}
    for selector, rule in unused:
        by_file.setdefault(files.get(_beginning(rule), ""), []).append((selector, rule))
    for file, found in by_file.items():
        selectors = list(dict.fromkeys(selector for selector, _ in found))
        shown = ", ".join(selectors[:_SHOWN]) + (" ..." if len(selectors) > _SHOWN else "")
        what = tr("style rules that match nothing are left out: {selectors}", selectors=shown)
        hint = tr('remove them, or write data-premailer="ignore" into a <style> that must stay')
        problem = Problem("warning", "css-unused", what, file or message.html, hint=hint)
        texts = {file: sheets.texts[file]} if file else sources
        place = find_text(texts, Needle(_beginning(found[0][1]) if file else found[0][1]))
        yield problem if place is None else placed(problem, place)


def _with_sheets(document: Document, sheets: StyleSheets) -> Document:
    try:
        return sheets.include(document)
    except AssetError:  # the message cannot be made, and another finding says so
        sheets.texts.clear()
        return document


def _beginning(rule: str) -> str:
    """A rule up to its declarations: in a message their URLs are written in another way."""
    return rule.partition("{")[0] + "{"


def _files_of_rules(sheets: Mapping[str, str]) -> dict[str, str]:
    """The style sheet that each rule stands in, by its beginning."""
    found: dict[str, str] = {}
    for file, text in sheets.items():
        waiting = [*parse_sheet(text)]
        while waiting:
            item = waiting.pop()
            if isinstance(item, Group):
                waiting += item.items
            else:
                found.setdefault(_beginning(item.text), file)
    return found


def _has_varying_names(document: Document) -> bool:
    """Whether a class or an id is made by the template, so that it can be any."""
    return any(
        MASK in (attribute(element, name) or "")
        for element in elements_of(document)
        for name in ("class", "id")
    )
