"""The sources of the HTML templates, and the file and line of an element of the finished page."""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import cached_property

from mailmerge.errors import InputError
from mailmerge.preflight.positions import Spot, TemplateElements
from mailmerge.rendering.environment import make_environment
from mailmerge.rendering.templates import load_file
from mailmerge.settings import Settings


class TemplateSources:
    """The HTML template and everything that it includes, read on first use."""

    def __init__(self, campaign: Settings) -> None:
        self._campaign = campaign

    @cached_property
    def texts(self) -> Mapping[str, str]:
        """The sources by the name of their file; empty if the template does not compile."""
        file = self._campaign.message.html
        if file is None:
            return {}
        files = self._campaign.content_files()
        try:
            return load_file(make_environment(files, "html"), file).sources
        except InputError:
            return {}

    @cached_property
    def _elements(self) -> TemplateElements:
        return TemplateElements(self.texts)

    def locate(self, spot: Spot) -> tuple[str, int | None]:
        """The template and the line of an element; no line if no template has it."""
        found = self._elements.find_element(spot)
        return found or (self._campaign.message.html or "", None)

    def position(self, needle: str) -> tuple[str, int | None, int | None]:
        """The template, line and column (from 1) of a text; no line if no template has it."""
        for wanted in dict.fromkeys((needle, html.escape(needle))) if needle else ():
            for name, source in self.texts.items():
                before, found, _ = source.partition(wanted)
                if found:
                    line = before.count("\n") + 1
                    return name, line, len(before) - (before.rfind("\n") + 1) + 1
        return self._campaign.message.html or "", None, None
