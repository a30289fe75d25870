"""Templates that are the source of another program: MJML, Foundation, Maizzle, React or Markdown.

Such a source has to be compiled to HTML first. Sent as it stands, it shows its tags or its marks,
or nothing at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailmerge.errors import Problem
from mailmerge.language import marked, tr
from mailmerge.preflight.rules import Setup
from mailmerge.preflight.template_texts import body_sources, masked

_HIDDEN = re.compile(
    r"<!--.*?(?:-->|\Z)|<(style|script|pre|code)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.IGNORECASE
)
_FRONT_MATTER = re.compile(r"\A\ufeff?\s*---\n.*?\n---\n", re.DOTALL)
_TAG_IN_TEXT = re.compile(
    r"</(?:p|b|i|u|strong|em|a|div|span|h[1-6]|ul|ol|li|table|tr|td|font|center)\s*>"
    r"|<(?:br|p|div|hr)\s*/?>|<a\s[^<>]*\bhref\s*=|<img\s[^<>]*\bsrc\s*=",
    re.IGNORECASE,
)
_HTML_TAG = re.compile(
    r"</?(?:html|head|body|table|tr|td|p|div|span|a|img|br|h[1-6]|ul|ol|li|strong|em|b|i|font"
    r"|center|hr|section)\b[^<>]*>",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Language:
    """A language that is compiled to HTML.

    Attributes:
        name: for the message, "MJML source".
        hint: how to compile it; `{file}` is the file.
        signs: what only this language has.
    """

    name: str
    hint: str
    signs: re.Pattern[str]


_LANGUAGES = (
    _Language(
        marked("MJML source"),
        marked("make HTML of it: npx mjml {file} -o body.html"),
        re.compile(
            r"<mjml\b|<mj-(?:body|head|section|column|text|button|image|include|all)\b",
            re.IGNORECASE,
        ),
    ),
    _Language(
        marked("Maizzle source"),
        marked("make HTML of it: npx maizzle build, and use the file in build_production"),
        re.compile(
            r"<x-(?:main|layout|base|button|divider|spacer|slot|[\w.-]*layout[\w.-]*)\b"
            r"|<extends\s+src=|<(?:block|component|fill)\s+(?:name|src)=|<outlook\b|<not-outlook\b",
            re.IGNORECASE,
        ),
    ),
    _Language(
        marked("Vue source"),
        marked("make HTML of it, and use that"),
        re.compile(r"\A\s*<template>[\s\S]*</template>|\sv-(?:if|for|html|bind)=|<E(?:Html|Body)\b"),
    ),
    _Language(
        marked("React source"),
        marked("make HTML of it: npx email export, and use the file in out/"),
        re.compile(
            r"^\s*import\b[^;\n]*\bfrom\s+[\"'](?:react|@react-email|react-email|\.{1,2}/)"
            r"|^\s*export\s+(?:default|const)\b|\bclassName=[\"{]|\bstyle=\{\{?|<(?:Html|Body|Container"
            r"|Section|Preview|Tailwind|Heading)\b[^>]*>(?=[\s\S]*</)",
            re.MULTILINE,
        ),
    ),
    _Language(
        marked("HEML source"),
        marked("make HTML of it: npx heml build {file}"),
        re.compile(r"<heml\b", re.IGNORECASE),
    ),
    _Language(
        marked("Inky source of Foundation for Emails"),
        marked("make HTML of it: npx inky {file}, or npm run build, and use the file in dist/"),
        re.compile(
            r"<(?:container|row|columns|callout|wrapper|spacer|block-grid|h-line)(?:\s[^<>]*)?>"
            r"|<(?:spacer|h-line)\b[^<>]*/>|<menu\b[^<>]*>\s*<item\b",
            re.IGNORECASE,
        ),
    ),
    _Language(
        marked("Pug source"),
        marked("make HTML of it: npx pug-cli {file}"),
        re.compile(r"\A\s*doctype html\s*\n\s*html\b|\A\s*html\s*\n\s+(?:head|body)\b",
            re.IGNORECASE,),
    ),
)  # fmt: skip

_MARKDOWN = re.compile(
    r"^#{1,6}[ \t]+\S|^(?:={3,}|-{3,})[ \t]*$|\*\*[^*\s][^*\n]*\*\*|(?<!\w)__[^_\s][^_\n]*__(?!\w)"
    r"|(?<!!)\[[^\[\]\n]++\]\((?:https?://|mailto:|/|\{|\ue000)[^)\s]{0,2000}\)"
    r"|!\[[^\[\]\n]*+\]\([^)\s]{1,2000}\)|^```"
    r"|^[ \t]*+(?:\|[ \t]*+)?:?-{3,}+:?[ \t]*+\|",
    re.MULTILINE,
)
_MARKS_OF_A_PAGE = 2
"""Signs of Markdown in an HTML file without tags; one may stand in a plain text."""


def check_sources(setup: Setup) -> Iterator[Problem]:
    """The templates are HTML and text, and no source that another program compiles to them."""
    message = setup.campaign.message
    if message.html is not None:
        source = body_sources(setup.campaign, "html", message.html).get(message.html)
        if source is not None:
            yield from _html_source(message.html, source)
    if message.text is not None:
        source = body_sources(setup.campaign, "text", message.text).get(message.text)
        if source is not None:
            yield from _text_source(message.text, source)


def _html_source(file: str, source: str) -> Iterator[Problem]:
    text = masked(source)
    language = _language_of(text)
    if language is not None:
        yield _not_html(file, language.name, language.hint, _line_of(language.signs, text))
    elif not _HTML_TAG.search(text) and len(_MARKDOWN.findall(text)) >= _MARKS_OF_A_PAGE:
        hint = marked("make HTML of it: npx marked -i {file} -o body.html, or name it as text")
        yield _not_html(file, marked("Markdown source"), hint, _line_of(_MARKDOWN, text))
    elif not _HTML_TAG.search(text) and text.strip() and "<" not in text:
        hint = tr(
            'write text = "{file}" instead of html, or put each paragraph into <p>', file=file
        )
        message = tr("the file has no tag of HTML: readers see one long paragraph")
        yield Problem("warning", "html-without-tags", message, file, hint=hint)


def _text_source(file: str, source: str) -> Iterator[Problem]:
    text = masked(source)
    language = _language_of(text)
    if language is not None:
        yield _not_html(file, language.name, language.hint, _line_of(language.signs, text))
    elif re.search(r"\A\s*(?:<!doctype html|<html\b)", text, re.IGNORECASE):
        hint = tr('write html = "{file}" instead of text', file=file)
        message = tr("this is HTML: readers of the text would see its tags")
        yield Problem("error", "template-language", message, file, hint=hint, line=1)
    elif tag := _TAG_IN_TEXT.search(text):
        hint = tr(
            'write html = "{file}" instead of text, or write the text without tags', file=file
        )
        message = tr("{tag} is a tag of HTML: readers of the text see it", tag=tag[0][:40])
        line = text.count("\n", 0, tag.start()) + 1
        yield Problem("warning", "html-in-text", message, file, hint=hint, line=line)


def _language_of(text: str) -> _Language | None:
    """The language that the text is written in; None for HTML and plain text."""
    shown = _HIDDEN.sub("", _FRONT_MATTER.sub("", text, count=1))
    for language in _LANGUAGES:
        if language.signs.search(shown):
            return language
    return None


def _line_of(signs: re.Pattern[str], text: str) -> int | None:
    found = signs.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else None


def _not_html(file: str, what: str, hint: str, line: int | None) -> Problem:
    message = tr("this is {what}, which mail programs do not understand", what=tr(what))
    hint = tr(hint, file=file)
    return Problem("error", "template-language", message, file, hint=hint, line=line)
