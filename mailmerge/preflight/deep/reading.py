"""How a message meets its reader: the preview text in the list, the share of text, the sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from mailmerge.language import tr
from mailmerge.preflight.deep.computed import looks_of
from mailmerge.preflight.deep.page import DeepPage, Finding, Flaw, Note
from mailmerge.preflight.positions import Place
from mailmerge.rendering.document import Element, Node, attribute, elements_of, is_element, is_text
from mailmerge.wording import size_in_words

_SHOWN: Final = 100
_SHORTEST: Final = 25
_LEAST_TEXT: Final = 150
_LARGE_AREA: Final = 60_000
"""Square pixels: an image of 300 by 200."""

_GMAIL_SHOWS: Final = 102 * 1024
_RECEIVED: Final = (("iCloud", 20), ("Outlook.com", 25), ("Yahoo", 25), ("Gmail", 50))
"""The largest messages that receivers take, in MB, encoded."""

_INLINE: Final = frozenset(
    [
        "a",
        "abbr",
        "b",
        "bdi",
        "bdo",
        "code",
        "em",
        "font",
        "i",
        "mark",
        "s",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "u",
        "wbr",
    ]
)
_FILLER: Final = re.compile(r"[\s\u00ad\u034f\u200b-\u200f\u2007\u00a0\ufeff]+")
_TECHNICAL: Final = re.compile(
    r"(?:can.?t see|cannot see|trouble (?:viewing|reading)|problems? (?:viewing|displaying)"
    r"|view (?:this )?(?:e-?mail |message |it )?(?:in|online)|having trouble|https?://|www\."
    r"|im browser|newsletter (?:anzeigen|ansehen)|dans (?:votre|le) navigateur|在浏览器|浏览器中)",
    re.IGNORECASE,
)


def check_preview_text(page: DeepPage) -> Iterator[Finding]:
    """The first words of the message, which inboxes show beside the subject, say something."""
    text = preview_text(page)
    shown = text.replace(page.value, "…")[:_SHOWN]
    place = Place(page.file)
    hint = tr("begin the page with a hidden sentence that says what it is about")
    if _TECHNICAL.search(text[:60]):
        message = tr("inboxes show {text!r} beside the subject", text=shown)
        yield Flaw("preview-text", message, hint, place)
    elif 0 < len(text) < _SHORTEST:
        message = tr("inboxes show only {text!r} beside the subject", text=shown)
        yield Note("preview-text", message, place)
    elif text:
        yield Note("preview-text", tr("inboxes show beside the subject: {text}", text=shown), place)


def preview_text(page: DeepPage) -> str:
    """The first words of the body, hidden ones included, as inboxes take them."""
    parts: list[str] = []
    waiting: list[Node] = [*elements_of(page.document, "body")[:1]]
    while waiting and sum(map(len, parts)) < _SHOWN * 2:
        node = waiting.pop()
        if is_text(node):
            parts.append(str(node.data))
        elif is_element(node) and node.tag not in ("style", "script", "template"):
            parts += [] if node.tag in _INLINE else [" "]
            waiting += reversed(list(node.children))
    return _FILLER.sub(" ", "".join(parts)).strip()


def check_text_share(page: DeepPage) -> Iterator[Finding]:
    """The message says something without its images."""
    area = sum(map(_area, elements_of(page.document, "img")))
    letters = sum(len(_own_text(element)) for element, _ in looks_of(page.document, "light"))
    if area >= _LARGE_AREA and 0 < letters < _LEAST_TEXT:
        message = tr(
            "the message is mostly images, with {letters} letters of text", letters=letters
        )
        hint = tr("write what the images say as text, too; filters and readers without images "
                  "need it")  # fmt: skip
        yield Flaw("text-share", message, hint, page.search("<img"))


def _own_text(element: Element) -> str:
    texts = (str(child.data) for child in element.children if is_text(child))
    return _FILLER.sub(" ", " ".join(texts)).strip()


def _area(image: Element) -> int:
    sides = [attribute(image, name) or "" for name in ("width", "height")]
    numbers = [int(side) for side in sides if side.isdigit()]
    return numbers[0] * numbers[1] if len(numbers) == 2 else 0


def check_sizes(html: int, message: int, file: str) -> Iterator[Finding]:
    """How large the message is for those who show and take it; `html` and `message` in bytes."""
    refusing = [name for name, most in _RECEIVED if message > most << 20]
    if refusing:
        text = tr("{names} refuse a message of {size}",
                  names=", ".join(refusing), size=size_in_words(message))  # fmt: skip
        hint = tr("send a link instead of a large attachment")
        yield Flaw("receiver-size", text, hint, Place(file))
    else:
        text = tr("the HTML has {html} of the {most} that Gmail shows; the message has {size}",
                  html=size_in_words(html), most=size_in_words(_GMAIL_SHOWS),
                  size=size_in_words(message))  # fmt: skip
        yield Note("message-size", text, Place(file))
