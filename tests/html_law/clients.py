"""Rewritten pages that show in Chromium what only other clients read.

Chromium drops a declaration that it does not know, such as `mso-line-height-rule: exactly`, and of
two declarations of a property it keeps the second, such as a gradient behind a plain colour.
Outlook needs the first kind and falls back to the first of two. So the pages have two forms more:

* `readable`: declarations of Outlook and Internet Explorer become custom properties, which Chromium
  computes;
* `old_client`: gradients and functions of numbers get names that nothing knows, so that their
  declarations are dropped and the fallbacks count.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

_FOREIGN = re.compile(r"(?<![\w.#-])-?(?=(?:mso|ms)-[a-z])([a-z-]+)(?=\s*:)", re.IGNORECASE)
_NEW_FUNCTIONS = re.compile(
    r"(?<![\w-])(?:-webkit-)?(?:(?:repeating-)?(?:linear|radial|conic)-gradient|calc|min|max|clamp)(?=\()",
    re.IGNORECASE,
)
_STYLES = re.compile(
    r"""(<style\b[^>]*>)(.*?)(</style|\Z)|(\bstyle\s*=\s*")([^"]*)(")|(\bstyle\s*=\s*')([^']*)(')"""
    r"""|(\bstyle\s*=\s*)([^\s"'<>]+)()""",
    re.DOTALL | re.IGNORECASE,
)
_LINK = re.compile(r"""<link\b[^>]*\bhref\s*=\s*["']?([\w.-]+\.css)\b[^>]*>""", re.IGNORECASE)


def foreign_names(*texts: str) -> tuple[str, ...]:
    """The custom properties that `readable` makes in pages or style sheets, sorted."""
    found = {name.lower() for text in texts for name in _FOREIGN.findall(text)}
    return tuple(sorted(f"--{name}" for name in found))


def readable_sheet(sheet: str) -> str:
    """A style sheet with declarations of other clients as custom properties."""
    return _FOREIGN.sub(lambda found: f"--{found[1].lower()}", sheet)


def readable(page: str) -> str:
    """A page with declarations of other clients as custom properties."""
    return _in_styles(page, readable_sheet)


def has_new_functions(*texts: str) -> bool:
    """Whether a page or style sheet has declarations that an old client drops."""
    return any(_NEW_FUNCTIONS.search(text) for text in texts)


def old_client(page: str, sheets: Mapping[str, bytes]) -> str:
    """A page as a client without gradients and functions of numbers reads it.

    Args:
        page: the HTML text.
        sheets: local style sheets by their names; a link to one becomes a style element.
    """

    def embedded(link: re.Match[str]) -> str:
        sheet = sheets.get(link[1])
        return link[0] if sheet is None else f"<style>{sheet.decode()}</style>"

    embedding = _LINK.sub(embedded, page)
    return _in_styles(embedding, lambda text: _NEW_FUNCTIONS.sub("not-known-yet", text))


def _in_styles(page: str, change: Callable[[str], str]) -> str:
    def changed(found: re.Match[str]) -> str:
        before, text, after = (group for group in found.groups() if group is not None)
        return before + change(text) + after

    return _STYLES.sub(changed, page)
