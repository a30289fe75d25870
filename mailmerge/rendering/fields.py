"""The one-line templates of a message -> header field values and attachment paths."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mailmerge.errors import AssetError, MessageError
from mailmerge.language import tr
from mailmerge.paths import inside
from mailmerge.rendering.environment import CampaignEnvironment, make_environment, run
from mailmerge.rendering.settings import DEFAULT_LIMITS, RenderLimits, Templates
from mailmerge.rendering.template_errors import ErrorLocation, explain
from mailmerge.rendering.templates import TemplateSet, load_line
from mailmerge.rendering.variables import Variables
from mailmerge.settings import NEVER_IN_A_LINE

_TEMPLATE_SYNTAX = re.compile(r"\{[{%#]")


@dataclass(frozen=True, slots=True)
class _FieldTemplate:
    """A template of one line; `templates` is None where it is a constant text.

    A constant costs nothing per recipient.
    """

    name: str
    file: str
    constant: str
    templates: TemplateSet | None

    def render(self, variables: Variables) -> str:
        """The value for one recipient, without the spaces around it.

        Raises:
            TemplateError: the template fails on this row.
            MessageError: the value holds a line break, a control character or half a character.
        """
        if self.templates is None:
            return self.constant
        try:
            value = "".join(run(self.templates.main, variables)).strip(" ")
        except Exception as error:
            raise explain(error, variables.location(self.file, self.name)) from error
        if not value.isprintable() and (forbidden := NEVER_IN_A_LINE.search(value)):
            raise MessageError(
                tr(
                    "{name} becomes {value!r}, which is not one line of text",
                    name=self.name,
                    value=value[:60],
                ),
                file=self.file, row=variables.row, code="header-control",
                hint=tr("remove the character {forbidden!r} from the cell", forbidden=forbidden[0]),
            )  # fmt: skip
        return value


def _compile(environment: CampaignEnvironment, name: str, source: str, file: str) -> _FieldTemplate:
    if not _TEMPLATE_SYNTAX.search(source):
        return _FieldTemplate(name, file, source.strip(" "), None)
    return _FieldTemplate(name, file, "", load_line(environment, source, ErrorLocation(file, name)))


@dataclass(frozen=True, slots=True)
class _FieldValues:
    """The header fields and attachments of one recipient; see `Content`."""

    subject: str
    to_name: str
    reply_to: str
    headers: tuple[tuple[str, str], ...]
    attachments: tuple[str, ...]


class Fields:
    """All one-line templates of a message, compiled.

    Attributes:
        variables: the names that the templates use.
    """

    def __init__(self, templates: Templates, limits: RenderLimits = DEFAULT_LIMITS) -> None:
        """Compile the templates.

        Raises:
            TemplateError: one of them does not compile.
        """
        environment = make_environment(templates.files, "header", limits)

        def field(name: str, source: str) -> _FieldTemplate:
            return _compile(environment, f"message.{name}", source, templates.file)

        self._file = templates.file
        self._subject = field("subject", templates.subject)
        self._to_name = field("to_name", templates.to_name)
        self._reply_to = field("reply_to", templates.reply_to)
        self._headers = [
            (name, field(f"headers.{name}", value)) for name, value in templates.headers
        ]
        self._attachments = [field("attachments", path) for path in templates.attachments]
        every = [self._subject, self._to_name, self._reply_to, *self._attachments]
        every += [template for _, template in self._headers]
        self.variables: frozenset[str] = frozenset[str]().union(
            *(template.templates.variables for template in every if template.templates)
        )

    def render(self, variables: Variables) -> _FieldValues:
        """The values for one recipient; an attachment whose path becomes empty is left out.

        Raises:
            TemplateError: a template fails on this row.
            MessageError: a value is not one line of text.
            AssetError: an attachment's path leads out of the campaign folder.
        """
        paths = [template.render(variables) for template in self._attachments]
        return _FieldValues(
            self._subject.render(variables),
            self._to_name.render(variables),
            self._reply_to.render(variables),
            tuple([(name, template.render(variables)) for name, template in self._headers]),
            tuple([self._checked(path, variables.row) for path in paths if path]),
        )

    def _checked(self, path: str, row: int) -> str:
        """An attachment's path in its normal form; a cell must not lead out of the folder."""
        normal = inside(path)
        if normal is None:
            raise AssetError(
                tr("the attachment {path} is outside of the campaign folder", path=path),
                file=self._file, row=row, code="asset-outside",
                hint=tr("copy it into the campaign folder"),
            )  # fmt: skip
        return normal
