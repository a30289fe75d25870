"""premailer, as it is used here: thread-safe, silent, without network and disk.

premailer and cssutils keep state for the whole process: premailer a cache of parsed style sheets
(128 entries), cssutils the flag `cssutils.log.raiseExceptions` and a logger. They are not
thread-safe. So one lock of this module stands around every run, and the logger is not changed
for others: while a run lasts, a filter takes the messages of its own thread, and only those,
from the logger of cssutils. The flag is set back if an error keeps cssutils from doing so.

The subclass overrides `Premailer._css_rules_to_string`, which is not a public method: it is
where premailer writes the rules that stay in a `<style>`, and the only place where their
`!important` can be kept apart from that of the others. test_inlining.py fails where it changes.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Iterator
from functools import cache
from typing import Any

from lxml import etree

from mailmerge.errors import AssetError
from mailmerge.rendering.document import Tree

_IMPORTANT = re.compile(r"\s*!\s*important")
# premailer removes `!important`, and does not know it when it is written like this.
_HIDDEN_IMPORTANT = " ! important"
_CSS_LOGGER = "CSSUTILS"

_one_run = threading.Lock()


def inline_rules(tree: Tree) -> None:
    """Put the rules of a tree's style elements on its elements.

    Rules that cannot be put on an element stay in their `<style>`, with `!important`, since they
    have to win against the styles on the elements.

    Raises:
        AssetError: a selector that cannot be read. It names no template.
    """
    with _one_run, _own_settings():
        try:
            _inliner().transform(tree.getroot(), pretty_print=False)
        except (SyntaxError, RuntimeError, ValueError, AssertionError, etree.LxmlError) as error:
            # cssselect's errors are of these kinds; premailer asserts that a selector is not empty.
            text = " ".join(str(error).split())
            raise AssetError(
                f"the styles cannot be put on the elements: {text or 'a selector is empty'}",
                hint="fix the selector, or write inline_css = false", code="styles",
            ) from error  # fmt: skip
    for style in tree.iter("style"):
        if _HIDDEN_IMPORTANT in (style.text or ""):
            style.text = (style.text or "").replace(_HIDDEN_IMPORTANT, " !important")


class _NotOfThisThread(logging.Filter):
    """Lets pass what other threads log."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self._thread


@contextlib.contextmanager
def _own_settings() -> Iterator[None]:
    import cssutils

    logger, silent = logging.getLogger(_CSS_LOGGER), _NotOfThisThread()
    raises = cssutils.log.raiseExceptions
    logger.addFilter(silent)
    try:
        yield
    finally:
        logger.removeFilter(silent)
        cssutils.log.raiseExceptions = raises


@cache
def _inliner() -> Any:
    """premailer's one instance, loaded when it is first needed: it takes a while.

    It fetches nothing: neither from the network, which is its default, nor from the disk.
    """
    from premailer import Premailer

    class Inliner(Premailer):  # type: ignore[misc]  # premailer has no types
        """premailer that takes `!important` off the elements, and keeps it in `<style>`."""

        def _css_rules_to_string(self, rules: Any) -> str:
            css: str = super()._css_rules_to_string(rules)
            return _IMPORTANT.sub(_HIDDEN_IMPORTANT, css)

    return Inliner(allow_network=False, allow_loading_external_files=False)
