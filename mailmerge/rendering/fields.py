"""The one-line templates of a message -> header field values and attachment paths."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mailmerge.errors import AssetError, MessageError
from mailmerge.language import tr
from mailmerge.rendering.attached import AttachedFiles, entry_shape, names_for
from mailmerge.rendering.environment import CampaignEnvironment, make_environment, run
from mailmerge.rendering.settings import DEFAULT_LIMITS, RenderLimits, Templates
from mailmerge.rendering.template_errors import ErrorLocation, explain
from mailmerge.rendering.templates import TemplateSet, load_line
from mailmerge.rendering.variables import Variables
from mailmerge.settings import NEVER_IN_A_LINE, AttachmentSection

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
    attached_as: tuple[tuple[str, str], ...]
    time_zone: str = ""


@dataclass(frozen=True, slots=True)
class _Attachment:
    """One entry of `attachments`; `name` is None for the names of the files."""

    path: _FieldTemplate
    name: _FieldTemplate | None
    files: AttachedFiles

    def render(self, variables: Variables) -> tuple[list[str], list[tuple[str, str]]]:
        """The files for one recipient, and the pairs of path and name.

        Raises:
            TemplateError: a template fails on this row.
            MessageError: a value is not one line of text.
            AssetError: a path leads out of the campaign folder, or no file matches.
        """
        if variables.group is None or self.path.templates is None:
            paths, name = self._of_row(variables)
            return paths, list(names_for(paths, name)) if name else []
        return self._of_group(variables.group())

    def _of_row(self, variables: Variables) -> tuple[list[str], str]:
        value = self.path.render(variables)
        paths = self.files.of(value, variables.row) if value else []
        name = self.name.render(variables) if self.name is not None and paths else ""
        return paths, name

    def _of_group(self, rows: Iterator[Variables]) -> tuple[list[str], list[tuple[str, str]]]:
        """The files of all rows, each once; those with the same name are numbered."""
        named: dict[str, dict[str, None]] = {}
        files: dict[str, None] = {}
        for row in rows:
            paths, name = self._of_row(row)
            new = [path for path in paths if path not in files]
            files |= dict.fromkeys(new)
            if name:
                named.setdefault(name, {}).update(dict.fromkeys(new))
        pairs = [pair for name, paths in named.items() for pair in names_for(list(paths), name)]
        return list(files), pairs


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

        def attachment(entry: str | AttachmentSection) -> _Attachment:
            path, name = (entry, "") if isinstance(entry, str) else (entry.file, entry.as_)
            shape = entry_shape(environment, path)
            files = AttachedFiles(templates.files, shape, self._placed)
            named = field("attachments", name) if name else None
            return _Attachment(field("attachments", shape.source), named, files)

        self._file = templates.file
        self._subject = field("subject", templates.subject)
        self._to_name = field("to_name", templates.to_name)
        self._reply_to = field("reply_to", templates.reply_to)
        self._headers = [
            (name, field(f"headers.{name}", value)) for name, value in templates.headers
        ]
        self._attachments = [attachment(entry) for entry in templates.attachments]
        self._time_zone = _compile(
            environment, "delivery.time_zone", templates.time_zone, templates.file
        )
        every = [self._time_zone, self._subject, self._to_name, self._reply_to]
        every += [one.path for one in self._attachments]
        every += [one.name for one in self._attachments if one.name is not None]
        every += [template for _, template in self._headers]
        self.variables: frozenset[str] = frozenset[str]().union(
            *(template.templates.variables for template in every if template.templates)
        )

    def render(self, variables: Variables) -> _FieldValues:
        """The values for one recipient; an attachment whose path becomes empty is left out.

        Raises:
            TemplateError: a template fails on this row.
            MessageError: a value is not one line of text.
            AssetError: an attachment's path leads out of the campaign folder, or no file matches.
        """
        attached = [one.render(variables) for one in self._attachments]
        return _FieldValues(
            self._subject.render(variables),
            self._to_name.render(variables),
            self._reply_to.render(variables),
            tuple([(name, template.render(variables)) for name, template in self._headers]),
            # A file that two entries name is attached once.
            tuple(dict.fromkeys([path for paths, _ in attached for path in paths])),
            tuple([pair for _, names in attached for pair in names]),
            self._time_zone.render(variables),
        )

    def time_zone(self, variables: Variables) -> str:
        """The time zone of one recipient alone; see `render` for the errors."""
        return self._time_zone.render(variables)

    def _placed(self, error: AssetError, row: int | None) -> AssetError:
        error.problem = replace(error.problem, file=self._file, row=row)
        return error
