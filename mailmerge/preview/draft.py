"""A campaign's files at one moment -> its people, and each one's message when it is asked for.

A file that is wrong does not end the preview: what can still be shown is shown, with the problem
beside it, until the file is mended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mailmerge.campaign import Campaign, RecipientsSection, load_campaign
from mailmerge.errors import InputError, MailmergeError, Problem, SpreadsheetError
from mailmerge.messages import message_factory
from mailmerge.preview.messages import ShownMessages
from mailmerge.preview.people import Mark, People, Person, name_columns
from mailmerge.recipients.audience import Audience, Recipient, Skipped, SkipReason
from mailmerge.recipients.collection import Recipients


@dataclass(frozen=True, slots=True)
class Audit:
    """The people as they were read, and what the read depended on.

    `problems` are those of rows and of the whole file; `stamp` is equal where a second read would
    give the same.
    """

    people: People
    problems: tuple[Problem, ...]
    stamp: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """The campaign as its files stand. `broken` is what keeps it from being read or rendered.

    Where campaign.toml or the spreadsheet is broken, the rest is what it was before.
    """

    campaign: Campaign | None = None
    audit: Audit | None = None
    messages: ShownMessages | None = None
    broken: Problem | None = None
    generation: int = 0

    @property
    def people(self) -> People:
        """Everybody; nobody where the spreadsheet could not be read yet."""
        return self.audit.people if self.audit else _NOBODY

    def recipient(self, person: Person) -> Recipient | None:
        """The person as the renderer wants them; None where the row gets no message."""
        if person.mailbox is None or person.mark is not Mark.MEANT:
            return None
        return Recipient(person.row, self.cells(person), person.mailbox, person.key)

    def cells(self, person: Person) -> Mapping[str, str]:
        """The person's cells by column."""
        return dict(zip(self.people.columns, person.cells, strict=False))


_NOBODY = People((), ())


def read_draft(where: Path, before: Draft) -> Draft:
    """Read the campaign; the people are read again only if something they depend on has changed."""
    draft = replace(before, generation=before.generation + 1, broken=None)
    try:
        campaign = load_campaign(where)
        draft = replace(draft, campaign=campaign)
        if before.audit is None or before.audit.stamp != _stamp(campaign):
            draft = replace(draft, audit=read_people(campaign))
        return replace(draft, messages=ShownMessages(message_factory(campaign)))
    except MailmergeError as error:
        return replace(draft, messages=None, broken=error.problem)


def read_people(campaign: Campaign) -> Audit:
    """Read every row, and what becomes of it.

    Raises:
        SpreadsheetError: the file cannot be read.
        CampaignError: a condition or a column of campaign.toml is wrong.
    """
    stamp = _stamp(campaign)
    recipients = Recipients.of(campaign)
    audience = recipients.audience()
    problems = list(recipients.notices)
    people = People(recipients.columns, _people(audience, recipients.columns, problems))
    if audience.broken is not None:
        raise SpreadsheetError.from_problem(audience.broken)
    return Audit(people, tuple(problems), stamp)


_MARKS = {
    SkipReason.DUPLICATE: Mark.DUPLICATE,
    SkipReason.SUPPRESSED: Mark.SUPPRESSED,
    SkipReason.FILTERED: Mark.LEFT_OUT,
    SkipReason.EMPTY: Mark.UNREADABLE,
    SkipReason.INVALID: Mark.UNREADABLE,
}


def _people(
    audience: Audience, columns: tuple[str, ...], problems: list[Problem]
) -> Iterator[Person]:
    """Every row as the page lists it; what is wrong is added to `problems`."""
    names = name_columns(columns)
    for result in audience:
        problem = _problem(result)
        if problem is not None:
            problems.append(problem)
        if isinstance(result, Problem):
            continue
        cells = tuple(result.cells[column] for column in columns) if result.cells else ()
        name = " ".join(cells[at] for at in names if cells and cells[at]).strip()
        if isinstance(result, Recipient):
            yield Person(result.key, result.row, name, cells, result.mailbox)
        else:
            note = problem.message if problem else ""
            key, mark = _own_key(result.row), _MARKS[result.reason]
            yield Person(key, result.row, name, cells, result.mailbox, mark, note)


def _problem(result: Recipient | Skipped | Problem) -> Problem | None:
    if isinstance(result, Recipient):
        return None
    return result if isinstance(result, Problem) else result.problem


def _own_key(row: int) -> str:
    """A name for a row that gets no message; no key holds a no-break space (`normal_key`)."""
    return f"row\u00a0{row}"


def _stamp(campaign: Campaign) -> tuple[object, ...]:
    section: RecipientsSection = campaign.recipients
    files = (campaign.folder / section.file, campaign.folder / section.suppress)
    return (section, campaign.folder, *map(_file_stamp, files))


def _file_stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def problem_of(error: InputError, recipient: Recipient) -> Problem:
    """The error as a problem that names the row."""
    row = recipient.row if error.problem.row is None else error.problem.row
    return replace(error.problem, row=row)
