"""premailer made thread-safe and silent, without network and disk.

premailer and cssutils keep state for the whole process: premailer a cache of parsed style sheets
(128 entries), cssutils the flag `cssutils.log.raiseExceptions` and a logger. They are not
thread-safe. So a lock in this module serialises all runs. Other users of the logger are not
affected: during a run, a filter on the logger of cssutils drops only the records of the run's own
thread. The flag is restored if an error keeps cssutils from restoring it.

The subclass overrides `Premailer._css_rules_to_string`, which is not a public method. There
premailer writes the rules that stay in a `<style>`, and only there can their `!important` be told
apart from that of other rules. test_inlining.py fails if the method changes.
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

_IMPORTANT = re.compile(r"(?<!\s)\s*+!\s*+important")
# premailer removes `!important`, but does not recognise it in this spelling.
_HIDDEN_IMPORTANT = " ! important"
_CSS_LOGGER = "CSSUTILS"

_one_run = threading.Lock()


def inline_rules(tree: Tree) -> None:
    """Inline the rules of a tree's style elements into `style` attributes.

    Rules that cannot be inlined stay in their `<style>`, with `!important`, because they must
    override the inlined styles.

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
                f"the styles cannot be inlined: {text or 'a selector is empty'}",
                hint="fix the selector, or set inline_css = false", code="styles",
            ) from error  # fmt: skip
    for style in tree.iter("style"):
        if _HIDDEN_IMPORTANT in (style.text or ""):
            style.text = (style.text or "").replace(_HIDDEN_IMPORTANT, " !important")


class _DropThisThread(logging.Filter):
    """Drops the records of the thread that made the filter."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()

    def filter(self, record: logging.LogRecord) -> bool:
        return record.thread != self._thread


@contextlib.contextmanager
def _own_settings() -> Iterator[None]:
    import cssutils

    logger, silent = logging.getLogger(_CSS_LOGGER), _DropThisThread()
    raises = cssutils.log.raiseExceptions
    logger.addFilter(silent)
    try:
        yield
    finally:
        logger.removeFilter(silent)
        cssutils.log.raiseExceptions = raises


@cache
def _inliner() -> Any:
    """The only instance of premailer, made on first use because it takes long to load.

    It fetches nothing, neither from the network, as by default, nor from the disk.
    """
    from premailer import Premailer

    class Inliner(Premailer):  # type: ignore[misc]  # premailer has no types
        """premailer that removes `!important` from `style` attributes and keeps it in `<style>`."""

        def _css_rules_to_string(self, rules: Any) -> str:
            css: str = super()._css_rules_to_string(rules)
            return _IMPORTANT.sub(_HIDDEN_IMPORTANT, css)

    return Inliner(allow_network=False, allow_loading_external_files=False)
