"""Pages for the rules of `check --deep`, as a finished message and as its template."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mailmerge.content_files import ContentFiles
from mailmerge.preflight.deep.page import DeepPage, Finding
from mailmerge.preflight.structures import VALUE
from mailmerge.rendering.document import parse

PAGE = (
    '<!doctype html>\n<html lang="en">\n<head><title>x</title>{head}</head>\n'
    "<body>\n{body}\n</body>\n</html>"
)


def page_of(
    body: str,
    head: str = "",
    *,
    template: str | None = None,
    folder: Path | None = None,
    images: Mapping[str, str] | None = None,
) -> DeepPage:
    """A page with this body from line 5; `template` is its source if that differs."""
    html = PAGE.format(head=head, body=body)
    source = html if template is None else PAGE.format(head=head, body=template)
    return DeepPage(
        parse(html), "body.html", {"body.html": source}, ContentFiles(folder or Path()),
        images or {}, VALUE,
    )  # fmt: skip


Rule = Callable[[DeepPage], Iterable[Finding]]


def found(rule: Rule, body: str, head: str = "") -> list[tuple[str, int | None, bool]]:
    """Code, line, and whether it is a note, of each finding."""
    findings = rule(page_of(body, head))
    return [(one.problem.code, one.problem.line, one.is_note) for one in findings]


def warnings(rule: Rule, body: str, head: str = "") -> list[str]:
    """The messages of the warnings."""
    return [one.problem.message for one in rule(page_of(body, head)) if not one.is_note]
