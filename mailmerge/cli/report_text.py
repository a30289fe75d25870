"""The report of a check -> lines of text, for a terminal or for a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from mailmerge.wording import counted, one_line, printable, size_in_words, wrapped

if TYPE_CHECKING:
    from mailmerge.preflight.findings import Group
    from mailmerge.preflight.report import CheckReport

_INDENT = 9
_COLOURS = {"error": "red", "warning": "yellow", "note": "blue"}


def plain_lines(report: CheckReport) -> Iterator[str]:
    """Each group of problems in one line, for programs such as grep, and the summary."""
    for group in report.groups:
        for number, line in enumerate(group.lines()):
            yield one_line(line if number else f"{group.first.severity}: {line}")
    for note in report.notes:
        yield one_line(f"note: {note}")
    yield summary_line(report)


def report_lines(report: CheckReport, width: int) -> Iterator[str]:
    """Each group of problems as a coloured paragraph, at most `width` columns wide."""
    yield ""
    for group in report.groups:
        yield from _paragraph(group, width)
    for note in report.notes:
        text = f"{note.file}: {note.message}" if note.file else note.message
        yield from _hung(_label("note"), text, width)
    if report.notes:
        yield ""
    yield from _hung("", summary_line(report), width, indent=0)


def summary_line(report: CheckReport) -> str:
    """One line with the numbers of recipients and problems, and the sizes of the messages."""
    recipients = counted(report.recipients, "recipient")
    left = f", {report.suppressed:,} suppressed" if report.suppressed else ""
    left += f", {report.left_out:,} not selected" if report.left_out else ""
    errors = counted(report.errors, "error") if report.errors else "no errors"
    warnings = f", {counted(report.warnings, 'warning')}" if report.warnings else ""
    size = f" {_sizes(report)}" if report.sizes.total and not report.errors else ""
    return f"Checked {recipients}{left} in {report.seconds:.1f} s: {errors}{warnings}.{size}"


def _sizes(report: CheckReport) -> str:
    together = f"{size_in_words(report.sizes.total)} in all" if report.recipients > 1 else ""
    largest = f"the largest message {size_in_words(report.sizes.largest)}"
    return f"{together}, {largest}." if together else f"{largest[:1].upper()}{largest[1:]}."


def _paragraph(group: Group, width: int) -> Iterator[str]:
    problem = group.shared
    if problem.place:
        yield from _hung(_label(problem.severity), problem.place, width, bold=True)
        yield from _hung("", problem.message, width)
    else:
        yield from _hung(_label(problem.severity), problem.message, width)
    if problem.marked_line is not None:
        for line in problem.marked_line:
            yield " " * _INDENT + printable(line)[: width - _INDENT]
    if group.count > 1:
        yield from _hung("", group.occurrences(), width, dim=True)
    if problem.hint:
        yield from _hung("", f"{_arrow()} {problem.hint}", width, colour="cyan")
    yield ""


def _label(severity: str) -> str:
    return typer.style(severity.ljust(_INDENT), fg=_COLOURS[severity], bold=severity == "error")


def _arrow() -> str:
    try:
        "→".encode(sys.stderr.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "->"
    return "→"


def _hung(
    label: str,
    text: str,
    width: int,
    indent: int = _INDENT,
    bold: bool = False,
    dim: bool = False,
    colour: str | None = None,
) -> Iterator[str]:
    """A text after a label, with a hanging indent; the fix has a colour, and is never faint."""
    for number, line in enumerate(wrapped(one_line(text), width - indent)):
        before = label if label and number == 0 else " " * indent
        plain = not (bold or dim or colour)
        styled = line if plain else typer.style(line, colour, bold=bold or None, dim=dim or None)
        yield before + styled
