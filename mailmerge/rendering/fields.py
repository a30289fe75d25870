"""campaign.toml's templates of one line -> header field values and attachment paths."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from mailmerge.campaign import CAMPAIGN_FILE, NEVER_IN_A_LINE, Campaign
from mailmerge.errors import AssetError, MessageError
from mailmerge.rendering.environment import (
    CampaignEnvironment,
    Place,
    Variables,
    explained,
    make_environment,
    run,
)
from mailmerge.rendering.templates import TemplateSet, load_text

_TEMPLATE_SYNTAX = re.compile(r"\{[{%#]")


@dataclass(frozen=True, slots=True)
class FieldTemplate:
    """One line of campaign.toml that may be a template.

    `constant` is its text where it is none, and then costs nothing per person.
    """

    name: str
    file: str
    constant: str | None
    templates: TemplateSet | None

    def render(self, variables: Variables) -> str:
        """The value for one person, without the spaces around it.

        Raises:
            TemplateError: the template fails on this row.
            MessageError: the value holds a line break, a control character or half a character.
        """
        if self.templates is None:
            return self.constant or ""
        try:
            value = "".join(run(self.templates.main, variables)).strip(" ")
        except Exception as error:
            raise explained(error, variables.place(self.file, self.name)) from error
        if not value.isprintable() and (forbidden := NEVER_IN_A_LINE.search(value)):
            raise MessageError(
                f"{self.name} becomes {value[:60]!r}, which is not one line of text",
                file=self.file, row=variables.row, code="header-control",
                hint=f"take the character {forbidden[0]!r} out of the cell",
            )  # fmt: skip
        return value


def field_template(
    environment: CampaignEnvironment, name: str, source: str, file: str = CAMPAIGN_FILE
) -> FieldTemplate:
    """Compile the value of a header field.

    Raises:
        TemplateError: it does not compile.
    """
    if not _TEMPLATE_SYNTAX.search(source):
        return FieldTemplate(name, file, source.strip(" "), None)
    return FieldTemplate(name, file, None, load_text(environment, source, Place(file, name)))


@dataclass(frozen=True, slots=True)
class FieldValues:
    """One person's header fields and attachments; those of `Content`."""

    subject: str
    to_name: str
    reply_to: str
    headers: tuple[tuple[str, str], ...]
    attachments: tuple[str, ...]


class Fields:
    """All templates of one line of a campaign.

    Raises:
        TemplateError: one of them does not compile.
    """

    def __init__(self, campaign: Campaign) -> None:
        message = campaign.message
        environment = make_environment(campaign.folder, "header")

        def field(name: str, source: str) -> FieldTemplate:
            return field_template(environment, f"message.{name}", source)

        self._subject = field("subject", message.subject)
        self._to_name = field("to_name", message.to_name)
        self._reply_to = field("reply_to", message.reply_to)
        self._headers = [
            (name, field(f"headers.{name}", value)) for name, value in message.headers.items()
        ]
        self._attachments = [field("attachments", path) for path in message.attachments]
        templates = [self._subject, self._to_name, self._reply_to, *self._attachments]
        templates += [template for _, template in self._headers]
        self.variables: frozenset[str] = frozenset[str]().union(
            *(template.templates.variables for template in templates if template.templates)
        )

    def render(self, variables: Variables) -> FieldValues:
        """The values for one person; an attachment whose path becomes empty is left out.

        Raises:
            TemplateError: a template fails on this row.
            MessageError: a value is not one line of text.
            AssetError: an attachment's path leads out of the campaign folder.
        """

        def value(template: FieldTemplate) -> str:
            if template.constant is not None:
                return template.constant
            return template.render(variables)

        paths = [value(template) for template in self._attachments]
        return FieldValues(
            value(self._subject),
            value(self._to_name),
            value(self._reply_to),
            tuple([(name, value(template)) for name, template in self._headers]),
            tuple([_inside(path, variables.row) for path in paths if path]),
        )


def _inside(path: str, row: int) -> str:
    """An attachment's path, which a cell must not lead out of the campaign folder."""
    normal = PurePosixPath(path.replace("\\", "/"))
    if normal.is_absolute() or ".." in normal.parts or ":" in normal.parts[0]:
        raise AssetError(
            f"the attachment {path} is outside of the campaign folder",
            file=CAMPAIGN_FILE, row=row, code="asset-outside",
            hint="attachments lie in the campaign folder",
        )  # fmt: skip
    return normal.as_posix()
