"""The templates of a campaign -> the texts that every recipient gets as they are written.

What Jinja2 replaces, hides or quotes (`{{ }}`, `{% %}`, `{# #}`, `{% raw %}`) is masked character
by character, so that each place in the text is its place in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import jinja2

from mailmerge.errors import InputError
from mailmerge.rendering.environment import CampaignEnvironment, template_loader
from mailmerge.rendering.settings import BodySource
from mailmerge.rendering.templates import read_sources
from mailmerge.settings import Settings

Kind = Literal["html", "text", "header"]

MASK = "\ue000"
"""Stands for each character of the syntax of Jinja2."""

_LEXER = jinja2.Environment(keep_trailing_newline=True, autoescape=True)
_NOT_NEW_LINE = re.compile(r"[^\n]")


@dataclass(frozen=True, slots=True)
class TemplateText:
    """One template, with the syntax of Jinja2 masked.

    Attributes:
        kind: "html", "text", or "header" for a text of one line in campaign.toml.
        file: the file, relative to the campaign folder.
        key: the key of campaign.toml that holds it; "" for a file.
        text: the masked text.
    """

    kind: Kind
    file: str
    key: str
    text: str

    def line(self, offset: int) -> int | None:
        """The line of a place in the text, from 1; None for a text of campaign.toml."""
        return None if self.key else self.text.count("\n", 0, offset) + 1

    def character(self, offset: int) -> int | None:
        """The place in that line, from 1; None for a text of campaign.toml."""
        return None if self.key else offset - self.text.rfind("\n", 0, offset)

    def excerpt(self, offset: int) -> str:
        """The text of that line, with spaces for the syntax of Jinja2."""
        if self.key:
            return ""
        start = self.text.rfind("\n", 0, offset) + 1
        return self.text[start:].partition("\n")[0].rstrip("\r").replace(MASK, " ")


def template_texts(campaign: Settings) -> Iterator[TemplateText]:
    """Every template of the campaign: fields, bodies, and what the bodies include."""
    message = campaign.message
    yield TemplateText("header", campaign.file, "message.from", message.from_)
    fields = {
        "message.subject": message.subject,
        "message.to_name": message.to_name,
        "message.reply_to": message.reply_to,
        **{f"message.headers.{name}": value for name, value in message.headers.items()},
    }
    for key, text in fields.items():
        yield TemplateText("header", campaign.file, key, masked(text))
    for key in ("cc", "bcc"):
        for text in getattr(message, key):
            yield TemplateText("header", campaign.file, f"message.{key}", masked(text))
    for entry in message.attached:
        for text in filter(None, (entry.file, entry.as_)):
            yield TemplateText("header", campaign.file, "message.attachments", masked(text))
    bodies: tuple[tuple[Literal["html", "text"], str | None], ...] = (
        ("html", message.html), ("text", message.text),
    )  # fmt: skip
    for kind, name in bodies:
        if name is not None:
            for file, source in body_sources(campaign, kind, name).items():
                yield TemplateText(kind, file, "", masked(source))


def body_sources(campaign: Settings, kind: Literal["html", "text"], name: str) -> Mapping[str, str]:
    """The source of a body and of all that it includes, by file; only its own if it is no template.

    Empty if it cannot be read at all.
    """
    source = BodySource(name, campaign.sources.get(name))
    loader = template_loader(campaign.content_files(noting=False), source)
    environment = CampaignEnvironment(loader, kind)
    try:
        return read_sources(environment, name)
    except InputError:
        pass
    try:
        return {name: loader.get_source(environment, name.replace("\\", "/"))[0]}
    except (jinja2.TemplateError, OSError, ValueError, InputError):
        return {}


@lru_cache(maxsize=16)  # many rules ask for the same few templates
def masked(source: str) -> str:
    """A template with a mask in place of each character that is syntax of Jinja2.

    All of it is masked if it is no template: that is an error of its own.
    """
    if "{" not in source:
        return source
    pieces: list[str] = []
    at, raw = 0, False
    try:
        for _, kind, value in _LEXER.lex(source):
            start = source.index(value, at)  # white space before {{- is in no token
            pieces.append(source[at:start])
            raw = kind == "raw_begin" or (raw and kind != "raw_end")
            pieces.append(value if kind == "data" and not raw else _hidden(value))
            at = start + len(value)
    except (jinja2.TemplateSyntaxError, ValueError):
        return _hidden(source)
    return "".join(pieces)


def _hidden(syntax: str) -> str:
    return _NOT_NEW_LINE.sub(MASK, syntax)
