"""mailmerge check: list every problem before anything is sent."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mailmerge.cli.terminal import WIDEST, CampaignPath, Json, print_json, reports_errors
from mailmerge.wording import counted, one_line, size_in_words, wrapped

if TYPE_CHECKING:
    from mailmerge.preflight.check import CheckOptions
    from mailmerge.preflight.findings import Group
    from mailmerge.preflight.report import CheckReport
    from mailmerge.settings import Settings

NARROWEST = 40

_INDENT = 9
_COLOURS = {"error": "red", "warning": "yellow", "note": "blue"}


@reports_errors
def check(
    where: CampaignPath = Path(),
    json: Json = False,
    strict: Annotated[bool, typer.Option("--strict", help="Count warnings as errors.")] = False,
) -> None:
    """List every problem of every row and message.

    Errors come first. Nothing is sent.
    """
    from mailmerge.cli.exit_status import ExitStatus
    from mailmerge.cli.progress import counting
    from mailmerge.preflight.check import check_campaign
    from mailmerge.settings import load_settings

    campaign = load_settings(where)
    with counting("check", quiet=json) as progress:
        report = check_campaign(campaign, _options(campaign), progress=progress)
    if json:
        print_json(report.to_json())
    else:
        show_report(report)
    if not report.passed(strict=strict):
        raise typer.Exit(ExitStatus.CHECK_FAILED)


def _options(campaign: Settings) -> CheckOptions:
    """The account is checked with everything else; what is wrong with it is one more problem."""
    from mailmerge.credentials import find_account
    from mailmerge.errors import CampaignError
    from mailmerge.preflight.check import CheckOptions

    try:
        return CheckOptions(account=find_account(campaign.smtp, campaign.folder))
    except CampaignError as error:
        return CheckOptions(known=(error.problem,))


def show_report(report: CheckReport) -> None:
    """Print the report: in paragraphs for a terminal, or one line each for a file."""
    width = _terminal_width()
    lines = report_lines(report, width) if width else plain_lines(report)
    coloured = bool(width) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    for line in lines:
        typer.echo(line, err=True, color=coloured)


def plain_lines(report: CheckReport) -> Iterator[str]:
    """Each group in one line, for programs to search, and the summary."""
    for group in report.groups:
        for number, line in enumerate(group.lines()):
            yield one_line(line if number else f"{group.first.severity}: {line}")
    for note in report.notes:
        yield one_line(f"note: {note}")
    yield summarise(report)


def report_lines(report: CheckReport, width: int) -> Iterator[str]:
    """Each group as a paragraph of lines no wider than `width` columns, with colours."""
    yield ""
    for group in report.groups:
        yield from _paragraph(group, width)
    for note in report.notes:
        said = f"{note.file}: {note.message}" if note.file else note.message
        yield from _hung(_label("note"), said, width)
    if report.notes:
        yield ""
    yield from _hung("", summarise(report), width, indent=0)


def summarise(report: CheckReport) -> str:
    """One line: how many recipients, how many problems, how large the messages are."""
    people = counted(report.recipients, "recipient")
    left = f", {report.suppressed:,} suppressed" if report.suppressed else ""
    left += f", {report.left_out:,} not selected" if report.left_out else ""
    errors = counted(report.errors, "error") if report.errors else "no errors"
    warnings = f", {counted(report.warnings, 'warning')}" if report.warnings else ""
    size = f" {_sizes(report)}" if report.sizes.total and not report.errors else ""
    return f"Checked {people}{left} in {report.seconds:.1f} s: {errors}{warnings}.{size}"


def _sizes(report: CheckReport) -> str:
    together = f"{size_in_words(report.sizes.total)} in all" if report.recipients > 1 else ""
    largest = f"the largest message {size_in_words(report.sizes.largest)}"
    return f"{together}, {largest}." if together else f"{largest.capitalize()}."


def _paragraph(group: Group, width: int) -> Iterator[str]:
    problem = group.shared
    if problem.place:
        yield from _hung(_label(problem.severity), problem.place, width, bold=True)
        yield from _hung("", problem.message, width)
    else:
        yield from _hung(_label(problem.severity), problem.message, width)
    if group.count > 1:
        yield from _hung("", group.occurrences(), width, dim=True)
    if problem.hint:
        yield from _hung("", f"{_arrow()} {problem.hint}", width, dim=True)
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
    label: str, text: str, width: int, indent: int = _INDENT, bold: bool = False, dim: bool = False
) -> Iterator[str]:
    """A text after a label; its further lines begin below its first."""
    for number, line in enumerate(wrapped(one_line(text), width - indent)):
        before = label if label and number == 0 else " " * indent
        styled = typer.style(line, bold=bold or None, dim=dim or None) if bold or dim else line
        yield before + styled


def _terminal_width() -> int:
    """The columns of the terminal, or 0 if standard error is no terminal."""
    try:
        if not sys.stderr.isatty():
            return 0
        columns = os.get_terminal_size(sys.stderr.fileno()).columns
    except (AttributeError, OSError, ValueError):
        return 0
    return min(max(columns or 80, NARROWEST), WIDEST)
