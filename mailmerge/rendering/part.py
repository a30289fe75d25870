"""One body template and a row -> its output, split into structure and values."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import jinja2

from mailmerge.rendering.environment import CampaignEnvironment, run, template_loader
from mailmerge.rendering.marking import MarkingEnvironment
from mailmerge.rendering.settings import DEFAULT_LIMITS, BodySource, RenderLimits, Templates
from mailmerge.rendering.structure import RenderedPieces, split_pieces
from mailmerge.rendering.template_errors import explain
from mailmerge.rendering.templates import TemplateSet, load_file
from mailmerge.rendering.variables import Variables


class BodyTemplate:
    """The template of one body, compiled with everything it includes.

    It is compiled with sentinels, for the structure cache, and again without them where sentinels
    could change what the template does (structure.py, cases 1 and 6).

    Attributes:
        templates: the templates, as compiled with sentinels.
    """

    def __init__(
        self,
        templates: Templates,
        source: BodySource,
        part: Literal["html", "text"],
        sentinel: str,
        limits: RenderLimits = DEFAULT_LIMITS,
    ) -> None:
        """Compile the templates.

        Raises:
            TemplateError: a template is missing or does not compile.
        """
        self._loader = template_loader(templates.files, source)
        self._part = part
        self._limits = limits
        self._file = source.name
        self._sentinel = sentinel
        self._escaped = part == "html"
        marking = MarkingEnvironment(self._loader, part, sentinel, limits)
        self.templates: TemplateSet = load_file(marking, source.name)
        self._sentinels_may_matter = not self.templates.captures_are_plain
        self._holds_sentinel = any(sentinel in text for text in self.templates.sources.values())
        if self._sentinels_may_matter:
            _ = self._plain  # an error in it is one of the templates, and not of a row

    @cached_property
    def _plain(self) -> TemplateSet:
        """The templates as compiled without sentinels.

        A set whose names are all fixed is compiled from the texts that were read at first, because
        its files may have changed by now.
        """
        fixed = jinja2.DictLoader(self.templates.sources)
        loader = self._loader if self._sentinels_may_matter else fixed
        return load_file(CampaignEnvironment(loader, self._part, self._limits), self._file)

    @property
    def variables(self) -> frozenset[str]:
        """The names that the templates use and do not define."""
        return self.templates.variables

    def run(self, variables: Variables) -> RenderedPieces:
        """Run the template for one recipient.

        Raises:
            TemplateError: it fails on this row; with template, line, variable and row.
        """
        try:
            return self._run(variables)
        except Exception as error:
            raise explain(error, variables.location(self._file)) from error

    def _run(self, variables: Variables) -> RenderedPieces:
        if self._holds_sentinel or self._sentinel in variables.joined:
            return _without_values(self._plain_text(variables))
        if self._sentinels_may_matter:
            return self._compared(self._plain_text(variables), variables)
        return self._split(variables)

    def _split(self, variables: Variables) -> RenderedPieces:
        pieces = run(self.templates.main, variables)
        return split_pieces(pieces, self._sentinel, escaped=self._escaped)

    def _plain_text(self, variables: Variables) -> str:
        """The output of the template without sentinels."""
        return "".join(run(self._plain.main, variables))

    def _compared(self, text: str, variables: Variables) -> RenderedPieces:
        """The pieces of a run with sentinels, if its text is the same as without them."""
        try:
            rendered = self._split(variables)
        except Exception:  # noqa: BLE001 - sentinels may have misled the template in any way
            return _without_values(text)
        written = rendered.as_written(self._sentinel, escaped=self._escaped)
        return rendered if written == text else _without_values(text)


def _without_values(text: str) -> RenderedPieces:
    return RenderedPieces((text,), ())
