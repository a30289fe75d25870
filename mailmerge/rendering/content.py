"""Recipient -> content: everything of one person's message that is text."""

from __future__ import annotations

from dataclasses import dataclass

from mailmerge.campaign import Campaign
from mailmerge.recipients.audience import Recipient
from mailmerge.rendering.environment import CampaignView, Variables, variables_of
from mailmerge.rendering.fields import Fields
from mailmerge.rendering.marking import choose_mark
from mailmerge.rendering.page import STRUCTURES, PagePress
from mailmerge.rendering.part import BodyTemplate
from mailmerge.rendering.structure import Body, Cut, RelatedImage, Structure, StructureCache

__all__ = ["Body", "Content", "RelatedImage", "Renderer", "Structure"]


@dataclass(frozen=True, slots=True)
class Content:
    """One person's message before it is octets.

    `headers` are the campaign's own fields in their order; `reply_to` and `to_name` are empty where
    there is none; `attachments` are paths relative to the campaign folder.
    """

    subject: str
    text: Body
    html: Body | None = None
    to_name: str = ""
    reply_to: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[str, ...] = ()


class Renderer:
    """The templates of one campaign, compiled: makes each recipient's content, for many threads.

    `variables` are the names that the templates use, for the check to compare with the columns;
    `row` is among them where any column may be meant.

    Raises:
        TemplateError: a template is missing or does not compile; with file and line.
    """

    def __init__(self, campaign: Campaign) -> None:
        message = campaign.message
        mark = choose_mark()
        self._mark = mark
        self._view = CampaignView(campaign.name)
        self._fields = Fields(campaign)
        self._html = self._text = self._press = None
        if message.text is not None:
            self._text = BodyTemplate(campaign.folder, message.text, "text", mark)
        if message.html is not None:
            self._html = BodyTemplate(campaign.folder, message.html, "html", mark)
            self._press = PagePress(
                campaign, mark, self._html.templates.find, with_text=message.text is None
            )
        self._texts: StructureCache[Structure] = StructureCache(STRUCTURES)
        self.variables: frozenset[str] = self._fields.variables.union(
            *(part.variables for part in (self._html, self._text) if part)
        )

    @property
    def steps_aside(self) -> str:
        """Why premailer runs for each different row, and not once; empty where it runs once.

        It is known for the rows that have been rendered.
        """
        return "; ".join(self._press.reasons) if self._press else ""

    def render(self, recipient: Recipient) -> Content:
        """One person's content.

        Raises:
            TemplateError: a template fails on this row; with file, line, variable and row.
            MessageError: a header field would hold a line break or a control character.
            AssetError: an image, a style sheet or an attachment is outside of the campaign folder,
                or an image or a style sheet is missing.
        """
        variables = variables_of(recipient.row, recipient.cells, self._view)
        fields = self._fields.render(variables)
        text, page = self._bodies(variables)
        return Content(
            fields.subject,
            text,
            page,
            fields.to_name,
            fields.reply_to,
            fields.headers,
            fields.attachments,
        )

    def _bodies(self, variables: Variables) -> tuple[Body, Body | None]:
        page = made_text = None
        if self._html is not None and self._press is not None:
            page, made_text = self._press.press(self._html.run(variables), variables.row)
        if self._text is not None:
            return self._text_body(self._text.run(variables)), page
        return made_text or _EMPTY, page

    def _text_body(self, found: Cut) -> Body:
        structure = self._texts.get(found.key, (), lambda: Structure(found.static(self._mark)))
        return Body(structure, found.values)


_EMPTY = Body(Structure(("",)))
