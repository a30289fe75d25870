"""Recipients -> contents, or every reason why one cannot be rendered, not only the first.

The Renderer of the run stops at the first error of a recipient. This module then runs each template
by itself, so that one check finds the errors in the subject, in the HTML and in the text. If a page
cannot be made for any recipient (an image is missing), its template is still run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mailmerge.errors import AssetError, CampaignError, InputError, Problem
from mailmerge.preflight.templates import TemplateSources
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.content import Content, Renderer
from mailmerge.rendering.folder import is_local, local_path
from mailmerge.settings import Settings

_PAGE_FAILURES = 3
"""Pages that fail because of the template before no further page is made."""

_NOTHING: Mapping[str, object] = {
    "subject": "-", "html": None, "text": None, "to_name": "", "reply_to": "", "headers": {},
    "attachments": (), "cc": (), "bcc": (),
}  # fmt: skip
_REFERENCE = re.compile(
    r"""(?:<(?:img|input|body|table|td|th|tr|video)\b[^<>]*?\s(?:src|background|poster)
        |<link\b[^<>]*?\shref)\s*=\s*["'](?P<url>[^"'{}]+)["']""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(slots=True)
class _Part:
    """One template of the campaign by itself; `renderer` is None if it does not compile."""

    name: str
    renderer: Renderer | None


class ExplainingRenderer:
    """Renders each recipient's content, or lists every reason why that is impossible.

    Attributes:
        renderer: the renderer of the run; None if a template does not compile.
        problems: the errors of the templates that do not compile.
    """

    def __init__(self, campaign: Settings) -> None:
        self.renderer: Renderer | None = None
        self.problems: list[Problem] = []
        self._campaign = campaign
        self._parts: list[_Part] = []
        self._page_failures = 0
        try:
            self.renderer = Renderer(campaign)
        except (InputError, CampaignError) as error:
            self.problems = self._compile() or [error.problem]

    def render(self, recipient: Recipient) -> Content | list[Problem]:
        """One recipient's content, or every reason why there is none."""
        if self.renderer is None or self._page_failures >= _PAGE_FAILURES:
            return self._reasons(recipient)
        try:
            return self.renderer.render(recipient)
        except InputError as error:
            return self._reasons(recipient) or [error.problem]

    def _reasons(self, recipient: Recipient) -> list[Problem]:
        """The problems of each template for this recipient, in the order of the templates."""
        if not self._parts:
            self._compile()
        found: dict[Problem, None] = {}
        for part in self._parts:
            if part.renderer is None:
                continue
            try:
                part.renderer.render(recipient)
            except InputError as error:
                found |= dict.fromkeys(self._all_of(error))
        return list(found)

    def _all_of(self, error: InputError) -> Iterator[Problem]:
        """The problem; with the first page that fails for all recipients, every missing file."""
        yield error.problem
        if isinstance(error, AssetError) and error.problem.row is None:
            self._page_failures += 1
            if self._page_failures == 1:
                yield from _missing_files(self._campaign)
            if self._page_failures == _PAGE_FAILURES:
                self._run_page_as_text()

    def _run_page_as_text(self) -> None:
        """From now on run the HTML template as text, without making a page of it."""
        for part in self._parts:
            if part.name == "html":
                part.renderer = _alone(self._campaign, text=self._campaign.message.html)

    def _compile(self) -> list[Problem]:
        """Compile each template by itself, and list the problems of those that do not compile."""
        errors: dict[Problem, None] = {}
        self._parts = []
        for name, kept in _templates(self._campaign):
            part = _Part(name, None)
            self._parts.append(part)
            try:
                part.renderer = _alone(self._campaign, **kept)
            except (InputError, CampaignError) as error:
                errors[error.problem] = None
        return list(errors)


def _templates(campaign: Settings) -> Iterator[tuple[str, dict[str, object]]]:
    """Each template of the campaign: its name, and the keys of [message] that hold it."""
    message = campaign.message
    yield "subject", {"subject": message.subject}
    yield "to_name", {"to_name": message.to_name}
    yield "reply_to", {"reply_to": message.reply_to}
    for name, value in message.headers.items():
        yield f"headers.{name}", {"headers": {name: value}}
    for entry in message.attachments:
        yield "attachments", {"attachments": (entry,)}
    for key in ("cc", "bcc"):
        for text in getattr(message, key):
            yield key, {key: (text,)}
    if message.html is not None:
        yield "html", {"html": message.html}
    if message.text is not None:
        yield "text", {"text": message.text}


def _alone(campaign: Settings, **kept: object) -> Renderer:
    section = campaign.message.model_copy(update={**_NOTHING, **kept})
    return Renderer(replace(campaign, message=section))


def _missing_files(campaign: Settings) -> Iterator[Problem]:
    """Every image and style sheet that the HTML templates name and that cannot be used."""
    sources, files = TemplateSources(campaign), campaign.content_files()
    for name, source in sources.texts.items():
        for found in _REFERENCE.finditer(source):
            url = found["url"]
            if not is_local(url):
                continue
            try:
                local_path(url, files)
            except AssetError as error:
                line = source.count("\n", 0, found.start("url")) + 1
                yield replace(error.problem, file=name, line=line)
