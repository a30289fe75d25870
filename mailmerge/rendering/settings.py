"""The input of rendering as frozen values: templates, limits, and references to images.

A `Renderer` takes these values and no campaign, so that a message can be made in code, without a
campaign folder. `templates_of` makes them from a campaign.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mailmerge.content_files import ContentFiles
from mailmerge.settings import AttachmentSection, Settings

_DOMAIN = re.compile(r"@([A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)*)>?\s*$")
_NO_DOMAIN = "mailmerge.invalid"


@dataclass(frozen=True, slots=True)
class BodySource:
    """The template of a body: a file, or the template text itself.

    Attributes:
        name: the file's path, relative to the folder; for a template text, its name in errors.
        text: the template text; None if it is read from the file.
    """

    name: str
    text: str | None = None

    @classmethod
    def of(cls, body: Path | str, name: str) -> BodySource:
        """A path means a file; a string is the template text, which errors call `name`."""
        return cls(body.as_posix()) if isinstance(body, Path) else cls(name, body)


@dataclass(frozen=True, slots=True)
class ImageReferences:
    """How HTML refers to the images that travel with it.

    Attributes:
        domain: the right side of every Content-ID (RFC 2392), ASCII.
        by_location: refer by Content-Location (RFC 2557) instead of by Content-ID.
        base: the URL that a Content-Location is relative to (Content-Base, RFC 2110); may be empty.
    """

    domain: str = _NO_DOMAIN
    by_location: bool = False
    base: str = ""


@dataclass(frozen=True, slots=True)
class StyleOptions:
    """What is done with the style sheets of the HTML.

    Attributes:
        inline: write their rules into `style` attributes.
        to_attributes: write inlined styles into attributes such as `width`, too.
    """

    inline: bool = True
    to_attributes: bool = True


@dataclass(frozen=True, slots=True)
class Templates:
    """All templates of a message; every string but `campaign` and `file` is Jinja2.

    Attributes:
        subject: the Subject field.
        html: the HTML body; at least one of `html` and `text` is given.
        text: the plain text body; None to make it from the HTML.
        to_name: the display name of To.
        reply_to: the mailboxes of Reply-To.
        headers: further header fields, name and template, in their order.
        attachments: paths relative to `folder`, or tables with a path and a name (attached.py).
        styles: what is done with style sheets.
        images: how the HTML refers to its images.
        campaign: the text of `{{ campaign.name }}`.
        folder: where includes, images, style sheets and attachments are looked up. A path means
            that none of its files is private.
        file: the file that holds the one-line templates, for errors; empty for templates in code.
        time_zone: the time zone in whose hours the recipient is sent; "" is that of this machine.
    """

    subject: str
    html: BodySource | None = None
    text: BodySource | None = None
    to_name: str = ""
    reply_to: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[str | AttachmentSection, ...] = ()
    styles: StyleOptions = StyleOptions()
    images: ImageReferences = ImageReferences()
    campaign: str = ""
    folder: ContentFiles | Path = Path()
    file: str = ""
    time_zone: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.folder, Path):
            object.__setattr__(self, "folder", ContentFiles(self.folder))

    @property
    def files(self) -> ContentFiles:
        """Opens the files of the folder, and notes which were read."""
        assert isinstance(self.folder, ContentFiles)
        return self.folder


@dataclass(frozen=True, slots=True)
class RenderLimits:
    """The limits of one template, and of the caches between messages; budget.py has the theory.

    Attributes:
        steps: turns of loops and calls, for one body or field of one message.
        characters: length of one body or field of one message, and of each value in its template,
            in bytes, in addition to the template itself.
        page: length of an HTML body, in addition to the template itself.
        tags: tags in an HTML body.
        made: length of all texts together that a template makes for one body or field.
        seconds: processor time for one body or field.
        structures: structures kept for one body; see structure.py.
        texts: layouts of the text that is made from HTML, kept for one structure.
    """

    steps: int = 1_000_000
    characters: int = 10_000_000
    page: int = 2_000_000
    tags: int = 100_000
    made: int = 20_000_000
    seconds: float = 1.0
    structures: int = 128
    texts: int = 64


DEFAULT_LIMITS = RenderLimits()


def templates_of(campaign: Settings) -> Templates:
    """The templates of a campaign."""
    message = campaign.message

    def body(name: str | None) -> BodySource | None:
        return None if name is None else BodySource(name, campaign.sources.get(name))

    return Templates(
        subject=message.subject,
        html=body(message.html),
        text=body(message.text),
        to_name=message.to_name,
        reply_to=message.reply_to,
        headers=message.own_fields,
        attachments=message.attachments,
        styles=StyleOptions(message.inline_css, message.css_to_attributes),
        images=ImageReferences(
            _content_id_domain(message.from_),
            message.related_by == "content-location",
            message.content_base,
        ),
        campaign=campaign.name,
        folder=campaign.content_files(),
        file=campaign.file,
        time_zone=campaign.delivery.time_zone,
    )


def _content_id_domain(sender: str) -> str:
    """The domain of a mailbox, for Content-IDs; `mailmerge.invalid` if it is not ASCII."""
    match = _DOMAIN.search(sender)
    return match[1].lower() if match else _NO_DOMAIN
