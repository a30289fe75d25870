"""The report of a check -> lines of text, for a terminal or for a file."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from mailmerge.language import listed, marked, tr, trn
from mailmerge.wording import counted, one_line, padded, printable, size_in_words, wrapped

if TYPE_CHECKING:
    from mailmerge.preflight.findings import Group
    from mailmerge.preflight.report import CheckReport

_INDENT = 9
_COLOURS = {marked("error"): "red", marked("warning"): "yellow", marked("note"): "blue"}


def plain_lines(report: CheckReport) -> Iterator[str]:
    """Each group of problems in one line, for programs such as grep, and the summary."""
    for group in report.groups:
        for number, line in enumerate(group.lines()):
            yield one_line(line if number else _labelled(group.first.severity, line))
    for note in report.notes:
        yield one_line(_labelled("note", str(note)))
    yield summary_line(report)


def report_lines(report: CheckReport, width: int) -> Iterator[str]:
    """Each group of problems as a coloured paragraph, at most `width` columns wide."""
    yield ""
    for group in report.groups:
        yield from _paragraph(group, width)
    for note in report.notes:
        text = note.message
        if note.file:
            text = tr("{place}: {message}", place=note.file, message=text)
        yield from _hung(_label("note"), text, width)
    if report.notes:
        yield ""
    yield from _hung("", summary_line(report), width, indent=0)


def summary_line(report: CheckReport) -> str:
    """One line with the numbers of recipients and problems, and the sizes of the messages."""
    recipients = [counted(report.recipients, "recipient")]
    if report.copies:
        recipients.append(trn("{count:,} copy", "{count:,} copies", report.copies))
    if report.suppressed:
        recipients.append(tr("{count:,} suppressed", count=report.suppressed))
    if report.left_out:
        recipients.append(tr("{count:,} not selected", count=report.left_out))
    for campaign, count in report.sent_before.items():
        recipients.append(tr('{count:,} already sent "{campaign}"', count=count, campaign=campaign))
    problems = [counted(report.errors, "error") if report.errors else tr("no errors")]
    if report.warnings:
        problems.append(counted(report.warnings, "warning"))
    checked = tr(
        "Checked {recipients} in {seconds:.1f} s: {problems}.",
        recipients=listed(recipients),
        seconds=report.seconds,
        problems=listed(problems),
    )
    if not report.sizes.total or report.errors:
        return checked
    return tr("{sentence} {next}", sentence=checked, next=_sizes(report))


def _sizes(report: CheckReport) -> str:
    largest = size_in_words(report.sizes.largest)
    if report.recipients <= 1:
        return tr("The largest message {size}.", size=largest)
    total = size_in_words(report.sizes.total)
    return tr("{total} in all, the largest message {size}.", total=total, size=largest)


def _labelled(severity: str, text: str) -> str:
    return tr("{severity}: {text}", severity=tr(severity), text=text)


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
    return typer.style(
        padded(tr(severity), _INDENT), fg=_COLOURS[severity], bold=severity == "error"
    )


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
