"""Recipient -> content: all text of one recipient's message.

A `Renderer` is thread-safe, and so is everything it holds: the templates and settings do not
change after it is made, the step counter is local to a thread (environment.py), and what is kept
between messages has its own locks (`BoundedCache`, `ImageStore`, `PageRenderer`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailmerge.recipients.audience import Recipient
from mailmerge.recipients.spreadsheet import SheetLocale
from mailmerge.rendering.cache import BoundedCache
from mailmerge.rendering.copies import NO_COPIES, Copies, CopySources, copy_templates
from mailmerge.rendering.fields import Fields
from mailmerge.rendering.marking import choose_sentinel
from mailmerge.rendering.page import CacheStatistics, PageRenderer
from mailmerge.rendering.part import BodyTemplate
from mailmerge.rendering.settings import (
    DEFAULT_LIMITS,
    BodySource,
    RenderLimits,
    Templates,
    templates_of,
)
from mailmerge.rendering.structure import Body, RelatedImage, Structure
from mailmerge.rendering.variables import (
    CampaignView,
    Variables,
    variables_of,
    variables_of_group,
)
from mailmerge.settings import Settings
from mailmerge.unsubscribe_links import UnsubscribeLinks, links_of

__all__ = ["Body", "Content", "RelatedImage", "Renderer", "Structure"]


_UNSUBSCRIBE_URL = "unsubscribe_url"
"""The variable with the recipient's link, where the campaign has [message.unsubscribe]."""


@dataclass(frozen=True, slots=True)
class Content:
    """The message of one recipient before it is encoded.

    Attributes:
        subject: one line of text.
        text: the plain text body.
        html: the HTML body; None if the campaign sends plain text only.
        to_name: the display name of To; "" for the address alone.
        reply_to: the mailboxes of Reply-To; "" for a message without this field.
        headers: the campaign's own header fields, in their order.
        attachments: paths relative to the campaign folder.
        attached_as: the name of each attachment that has another name than its file, by path.
        copies: who else gets the message.
        time_zone: the name of the time zone in whose hours the recipient is sent; "" is that of
            this machine.
    """

    subject: str
    text: Body
    html: Body | None = None
    to_name: str = ""
    reply_to: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[str, ...] = ()
    attached_as: tuple[tuple[str, str], ...] = ()
    copies: Copies = NO_COPIES
    time_zone: str = ""


class Renderer:
    """The templates of one campaign, compiled: makes the content of each recipient.

    Thread-safe: workers share one renderer.

    Attributes:
        variables: the names that the templates use; the check compares them with the columns. It
            contains `row` if the templates may read any column, and `campaign` if they may read
            the name of the campaign.
        files: the files of the campaign folder that were read so far.
    """

    def __init__(
        self,
        templates: Templates | Settings,
        limits: RenderLimits = DEFAULT_LIMITS,
        links: UnsubscribeLinks | None = None,
        number_locale: Callable[[], str] = str,
        copies: CopySources | None = None,
    ) -> None:
        """Compile the templates, which may be given as a campaign; it has its own `links`.

        `number_locale` gives the language of the numbers in the cells; "" if it is not known.
        `copies` says who else gets each message.

        Raises:
            TemplateError: a template is missing or does not compile; with file and line.
            CampaignError: the key of [message.unsubscribe] cannot be read.
        """
        if isinstance(templates, Settings):
            number_locale = SheetLocale(templates)
            links = links_of(templates)
            copies = CopySources.of(templates)
            templates = templates_of(templates)
        self.files = templates.files
        self._view = CampaignView(templates.campaign, number_locale)
        self._links = links
        if self._links is not None:
            self._links.keys  # noqa: B018 - a key that cannot be read is found now
        self._fields = Fields(templates, limits)
        self._bodies = _bodies_of(templates, limits)
        self._copies = copy_templates(templates, copies, limits)
        self.variables: frozenset[str] = self._fields.variables | self._bodies.variables
        if self._copies is not None:
            self.variables |= self._copies.variables
        if self._links is not None:
            self.variables -= {_UNSUBSCRIBE_URL}

    @property
    def slow_because(self) -> str:
        """Why styles are inlined for each row instead of once; "" if it runs once.

        Only the rows rendered so far are considered.
        """
        return "; ".join(self._bodies.reasons)

    @property
    def cached(self) -> CacheStatistics:
        """How many structures have been made, and how many are kept."""
        return self._bodies.cached

    def copies(self, recipient: Recipient) -> Copies:
        """Who else gets the message of one recipient; the rest of it is not made.

        Raises:
            TemplateError: a template fails on this row.
            AddressError: a text is no list of mailboxes.
        """
        if self._copies is None:
            return NO_COPIES
        variables = variables_of(recipient.row, recipient.cells, self._view)
        return self._copies.render(recipient, variables)

    @property
    def has_copies(self) -> bool:
        """Whether the message of a recipient may go to further mailboxes."""
        return self._copies is not None

    def render(self, recipient: Recipient) -> Content:
        """The content of one recipient.

        Raises:
            TemplateError: a template fails on this row; with file, line, variable and row.
            MessageError: a header field would contain a line break or a control character.
            AssetError: an image, a style sheet or an attachment is outside of the campaign folder,
                or an image or a style sheet is missing.
        """
        more: dict[str, str] = {}
        own: tuple[tuple[str, str], ...] = ()
        if self._links is not None:
            url, own = self._links.link(recipient.key, recipient.mailbox.address)
            more = {_UNSUBSCRIBE_URL: url}
        if recipient.rows:
            variables = variables_of_group(recipient, more, self._view)
        else:
            cells = {**recipient.cells, **more} if more else recipient.cells
            variables = variables_of(recipient.row, cells, self._view)
        fields = self._fields.render(variables)
        text, page = self._bodies.render(variables)
        return Content(
            fields.subject,
            text,
            page,
            fields.to_name,
            fields.reply_to,
            fields.headers + own,
            fields.attachments,
            fields.attached_as,
            NO_COPIES if self._copies is None else self._copies.render(recipient, variables),
            fields.time_zone,
        )

    def time_zone(self, recipient: Recipient) -> str:
        """The time zone of one recipient, as in its content.

        Raises:
            InputError: the template fails on this row.
        """
        return self._fields.time_zone(variables_of(recipient.row, recipient.cells, self._view))


class _Bodies(Protocol):
    """Renders the bodies of a message: text, HTML, or both."""

    @property
    def variables(self) -> frozenset[str]: ...

    @property
    def reasons(self) -> Sequence[str]: ...

    @property
    def cached(self) -> CacheStatistics: ...

    def render(self, variables: Variables) -> tuple[Body, Body | None]:
        """The text, and the HTML where there is one."""
        ...


def _bodies_of(templates: Templates, limits: RenderLimits) -> _Bodies:
    sentinel = choose_sentinel()
    source = templates.text
    text = _TextBody(templates, source, sentinel, limits) if source is not None else None
    source = templates.html
    html = _HtmlBody(templates, source, sentinel, limits) if source is not None else None
    if text is not None and html is not None:
        return _TextAndHtml(text, html)
    return text or html or _NoBody()


_EMPTY = Body(Structure(("",)))


class _NoBody:
    """No template at all: the text is empty. The check renders the fields by themselves."""

    variables: frozenset[str] = frozenset()
    reasons: tuple[str, ...] = ()
    cached = CacheStatistics()

    def render(self, variables: Variables) -> tuple[Body, Body | None]:  # noqa: ARG002 - it needs none
        return _EMPTY, None


class _TextBody:
    """A text template alone."""

    def __init__(
        self, templates: Templates, source: BodySource, sentinel: str, limits: RenderLimits
    ) -> None:
        self._sentinel = sentinel
        self._template = BodyTemplate(templates, source, "text", sentinel, limits)
        self._structures: BoundedCache[tuple[str, ...], Structure]
        self._structures = BoundedCache(limits.structures)
        self.variables = self._template.variables
        self.reasons: tuple[str, ...] = ()

    @property
    def cached(self) -> CacheStatistics:
        return CacheStatistics(self._structures.made, len(self._structures))

    def render(self, variables: Variables) -> tuple[Body, Body | None]:
        rendered = self._template.run(variables)
        structure = self._structures.get(
            rendered.key, lambda: Structure(rendered.static(self._sentinel))
        )
        return Body(structure, rendered.values), None


class _HtmlBody:
    """An HTML template alone; the text is made from the page."""

    def __init__(
        self, templates: Templates, source: BodySource, sentinel: str, limits: RenderLimits
    ) -> None:
        self._template = BodyTemplate(templates, source, "html", sentinel, limits)
        locate = self._template.templates.find
        self._pages = PageRenderer(templates, source.name, sentinel, locate, limits)
        self.variables = self._template.variables

    @property
    def reasons(self) -> list[str]:
        return self._pages.reasons

    @property
    def cached(self) -> CacheStatistics:
        return self._pages.cached

    def render(self, variables: Variables) -> tuple[Body, Body | None]:
        page, text = self._pages.render(self._template.run(variables), variables.row)
        return text or _EMPTY, page


class _TextAndHtml:
    """A template for each of the two."""

    def __init__(self, text: _TextBody, html: _HtmlBody) -> None:
        self._text = text
        self._html = html
        self.variables = text.variables | html.variables

    @property
    def reasons(self) -> list[str]:
        return self._html.reasons

    @property
    def cached(self) -> CacheStatistics:
        return self._html.cached

    def render(self, variables: Variables) -> tuple[Body, Body | None]:
        _, page = self._html.render(variables)
        text, _ = self._text.render(variables)
        return text, page
