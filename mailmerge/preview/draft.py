"""A campaign's files at one moment -> its people, and each one's message when it is asked for.

A file that is wrong does not end the preview: what can still be shown is shown, with the problem
beside it, until the file is mended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mailmerge.campaign import Campaign, RecipientsSection, load_campaign
from mailmerge.errors import AddressError, InputError, MailmergeError, Problem
from mailmerge.mime.workshop import Workshop
from mailmerge.preview.people import Mark, People, Person, name_columns
from mailmerge.recipients.address import Mailbox, loose_identity, parse_mailbox
from mailmerge.recipients.audience import Audience, Recipient, read_suppressions
from mailmerge.recipients.spreadsheet import Row, Spreadsheet, open_spreadsheet


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
    workshop: Workshop | None = None
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
        return replace(draft, workshop=Workshop(campaign))
    except MailmergeError as error:
        return replace(draft, workshop=None, broken=error.problem)


def read_people(campaign: Campaign) -> Audit:
    """Read every row, and what becomes of it.

    Raises:
        SpreadsheetError: the file cannot be read.
        CampaignError: a condition or a column of campaign.toml is wrong.
    """
    stamp = _stamp(campaign)
    spreadsheet = open_spreadsheet(campaign)
    reading = _Reading(campaign, spreadsheet)
    people = People(spreadsheet.columns, reading.people())
    return Audit(people, (*spreadsheet.notices, *reading.problems), stamp)


@dataclass(slots=True)
class _Reading:
    """Two passes over the sheet: who is meant, then every row with what became of it."""

    campaign: Campaign
    spreadsheet: Spreadsheet
    problems: list[Problem] = field(default_factory=list)
    _meant: dict[int, Recipient] = field(default_factory=dict)
    _refused: dict[int, Problem] = field(default_factory=dict)

    def people(self) -> Iterator[Person]:
        for one in Audience(self.campaign, self.spreadsheet):
            if isinstance(one, Recipient):
                self._meant[one.row] = one
                continue
            self.problems.append(one)
            if one.row is not None:
                self._refused.setdefault(one.row, one)
        yield from self._rows()

    def _rows(self) -> Iterator[Person]:
        columns = self.spreadsheet.columns
        names = name_columns(columns)
        suppressed = self._suppressions()
        for record in self.spreadsheet.records():
            if isinstance(record, Row):
                cells = tuple(record.cells[column] for column in columns)
                name = " ".join(cells[at] for at in names if cells[at]).strip()
                yield self._person(record, cells, name, suppressed)
            elif record.row is not None and record.severity == "error":
                key = _own_key(record.row)
                yield Person(key, record.row, "", (), None, Mark.UNREADABLE, record.message)

    def _person(
        self, row: Row, cells: tuple[str, ...], name: str, suppressed: frozenset[str]
    ) -> Person:
        recipient = self._meant.pop(row.number, None)
        if recipient is not None:
            return Person(recipient.key, row.number, name, cells, recipient.mailbox)
        key, problem = _own_key(row.number), self._refused.get(row.number)
        if problem is not None:
            again = problem.code.startswith("duplicate")
            mark = Mark.DUPLICATE if again else Mark.UNREADABLE
            return Person(key, row.number, name, cells, None, mark, problem.message)
        mailbox = self._mailbox(row)
        listed = mailbox is not None and self._identity(mailbox) in suppressed
        mark = Mark.SUPPRESSED if listed else Mark.LEFT_OUT
        return Person(key, row.number, name, cells, mailbox, mark)

    def _suppressions(self) -> frozenset[str]:
        identities = read_suppressions(self.campaign)
        return frozenset(map(loose_identity, identities)) if self._loose else identities

    def _mailbox(self, row: Row) -> Mailbox | None:
        section = self.campaign.recipients
        cell = row.cells[self.spreadsheet.column(section.address)]
        try:
            return parse_mailbox(cell, names=section.parse_names)
        except AddressError:
            return None

    def _identity(self, mailbox: Mailbox) -> str:
        return loose_identity(mailbox.identity) if self._loose else mailbox.identity

    @property
    def _loose(self) -> bool:
        return self.campaign.recipients.dedupe == "loose"


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
