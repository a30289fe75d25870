"""A rule on the style sheets of the templates: inlining leaves out what matches nothing.

A style sheet that serves many pages has hundreds of rules for classes that this page does not have.
The messages do not carry them. A rule for what a mail program adds to a page stays if the program
is known (matching.py); so the author must be told which rules go. The templates are looked at, and
not a finished page: a class may stand in a branch that few recipients take.
"""

from __future__ import annotations

from collections.abc import Iterator

from mailmerge.errors import Problem
from mailmerge.language import tr
from mailmerge.preflight.positions import Needle, find_text, placed
from mailmerge.preflight.rules import Setup
from mailmerge.preflight.template_texts import MASK, body_sources, masked
from mailmerge.rendering.cascade import TooManyStyles
from mailmerge.rendering.document import Document, EmptyPage, attribute, elements_of, parse
from mailmerge.rendering.inlining import unused_rules

_SHOWN = 3


def check_unused_rules(setup: Setup) -> Iterator[Problem]:
    """Each rule of a style element matches something in the templates, or stays in the message."""
    message = setup.campaign.message
    if message.html is None or not message.inline_css:
        return
    sources = body_sources(setup.campaign, "html", message.html)
    try:
        document = parse("\n".join(map(masked, sources.values())))
        unused = [] if _has_varying_names(document) else unused_rules(document)
    except (EmptyPage, TooManyStyles):
        return
    if not unused:
        return
    selectors = [selector for selector, _ in unused]
    shown = ", ".join(selectors[:_SHOWN]) + (" ..." if len(selectors) > _SHOWN else "")
    what = tr("style rules that match nothing are left out: {selectors}", selectors=shown)
    hint = tr('remove them, or write data-premailer="ignore" into a <style> that must stay')
    problem = Problem("warning", "css-unused", what, message.html, hint=hint)
    place = find_text(sources, Needle(unused[0][1]))
    yield problem if place is None else placed(problem, place)


def _has_varying_names(document: Document) -> bool:
    """Whether a class or an id is made by the template, so that it can be any."""
    return any(
        MASK in (attribute(element, name) or "")
        for element in elements_of(document)
        for name in ("class", "id")
    )
