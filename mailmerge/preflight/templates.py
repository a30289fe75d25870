"""The sources of the HTML templates, and the place of an element of the finished page."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from mailmerge.errors import InputError
from mailmerge.preflight.positions import Needle, Place, Spot, TemplateElements, find_text
from mailmerge.rendering.environment import make_environment
from mailmerge.rendering.templates import read_sources
from mailmerge.settings import Settings


class TemplateSources:
    """The HTML template and everything that it includes, read on first use."""

    def __init__(self, campaign: Settings) -> None:
        self._campaign = campaign

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The sources by the name of their file; empty if it is no template."""
        file = self._campaign.message.html
        if file is None:
            return {}
        files = self._campaign.content_files()
        try:
            return read_sources(make_environment(files, "html"), file)
        except InputError:
            return {}

    @cached_property
    def _elements(self) -> TemplateElements:
        return TemplateElements(self.texts)

    def locate(self, spot: Spot) -> Place:
        """The place of an element; only the template if no template has it."""
        return self._elements.find_element(spot) or Place(self._campaign.message.html or "")

    def position(self, needle: Needle) -> Place:
        """The place of a text of the page; no line if no template has it."""
        for text in dict.fromkeys((needle.text, html.escape(needle.text))) if needle.text else ():
            found = find_text(self.texts, replace(needle, text=text))
            if found is not None:
                return found
        return Place(self._campaign.message.html or "")
