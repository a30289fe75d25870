"""The recipients of a spreadsheet, or of mappings in code, as a collection: the public way in.

    recipients = read_recipients("guests.xlsx", address="email", where="country == 'FR'")
    len(recipients), recipients[0].mailbox.address
    for row in recipients.skipped:
        print(row.number, row.reason)
    recipients = read_recipients([{"email": "ann@example.org", "name": "Ann"}])

Each iteration reads the file again, so a million rows take no more memory than a thousand. Only
an index keeps recipients in memory: `recipients[n]` the first n + 1, a slice or a negative index
all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Generic, Literal, TypeVar, overload

from pydantic import ValidationError

from mailmerge.errors import CampaignError, Problem
from mailmerge.language import tr
from mailmerge.recipients.audience import Audience, Selection
from mailmerge.recipients.mappings import open_mappings
from mailmerge.recipients.recipient import Recipient, Skipped
from mailmerge.recipients.sent_before import SentBefore
from mailmerge.recipients.spreadsheet import Spreadsheet, open_spreadsheet, read_spreadsheet
from mailmerge.recipients.suppression import SuppressionList, read_suppressions
from mailmerge.settings import RecipientsSection, Settings, explained

_T = TypeVar("_T")
_Dedupe = Literal["exact", "loose", "off"]
_Several = Literal["", "each"]


class RowsOf(Generic[_T]):
    """Rows of one kind; true if there is any. Each iteration reads the file: `list` keeps them."""

    def __init__(self, read: Callable[[], Iterator[_T]]) -> None:
        self._read = read

    def __iter__(self) -> Iterator[_T]:
        return self._read()

    def __bool__(self) -> bool:
        return next(self._read(), None) is not None


class Recipients(Sequence[Recipient]):
    """The recipients of one spreadsheet or of mappings, in the order of the rows.

    Iterating, `len()` and indexing raise SpreadsheetError if the file changes meanwhile, or breaks
    off before its end. An invalid row raises nothing: `skipped` lists the row, `problems` its
    problem. `len()` reads the file once and remembers the number.

    Attributes:
        file: the spreadsheet's name in messages; "recipients" for mappings.
        columns: the names of the columns, tidied, in their order.
        notices: warnings about the whole file.
    """

    def __init__(
        self,
        section: RecipientsSection,
        spreadsheet: Spreadsheet,
        selection: Selection | None = None,
        *,
        suppressed: frozenset[str] = frozenset(),
        campaign: str = "",
    ) -> None:
        """Compile the rules; no row is read yet.

        Raises:
            CampaignError: a condition or `only` is invalid.
            SpreadsheetError: a column is missing.
        """
        self.file = spreadsheet.file
        self.columns = spreadsheet.columns
        self.notices = spreadsheet.notices
        self._selection = selection or Selection()
        self._open = partial(
            Audience, section, spreadsheet, suppressed=suppressed, campaign=campaign
        )
        self._indexed: list[Recipient] = []
        self._to_index = self.audience().recipients()
        self._length: int | None = None

    @classmethod
    def of(cls, campaign: Settings, selection: Selection | None = None) -> Recipients:
        """The recipients of a campaign, without those on its suppression list.

        Raises:
            CampaignError: as above; or they come from standard input, and there is none.
            SpreadsheetError: the spreadsheet or the suppression list cannot be read.
        """
        spreadsheet = open_spreadsheet(campaign)
        suppressed = read_suppressions(campaign)
        return cls(
            campaign.recipients,
            spreadsheet,
            selection,
            suppressed=suppressed,
            campaign=campaign.name,
        )

    def __iter__(self) -> Iterator[Recipient]:
        return self.audience().recipients()

    def __len__(self) -> int:
        if self._length is None:
            self._length = sum(1 for _ in self)
        return self._length

    def __bool__(self) -> bool:
        return next(iter(self), None) is not None

    @overload
    def __getitem__(self, index: int) -> Recipient: ...

    @overload
    def __getitem__(self, index: slice) -> list[Recipient]: ...

    def __getitem__(self, index: int | slice) -> Recipient | list[Recipient]:
        """One recipient, or a list of them; those up to the index are kept in memory."""
        last = index if isinstance(index, int) and index >= 0 else None
        while last is None or len(self._indexed) <= last:
            recipient = next(self._to_index, None)
            if recipient is None:
                break
            self._indexed.append(recipient)
        return self._indexed[index]

    @property
    def skipped(self) -> RowsOf[Skipped]:
        """The rows that get no message, each with its `number` and `reason`."""
        return RowsOf(lambda: (one for one in self.audience() if isinstance(one, Skipped)))

    @property
    def problems(self) -> RowsOf[Problem]:
        """Errors and warnings: those of the whole file, then those of its rows."""
        return RowsOf(self._problems)

    @property
    def partial(self) -> bool:
        """Whether the selection leaves out recipients of the campaign."""
        return self._selection.partial

    @property
    def whole(self) -> Recipients | None:
        """The recipients without the sample of the selection; None if it has no sample."""
        if self._selection.percent >= 100:
            return None
        whole = replace(self._selection, percent=100.0)
        section, spreadsheet = self._open.args
        return Recipients(section, spreadsheet, whole, **self._open.keywords)

    def without(self, sent_before: SentBefore) -> Recipients:
        """The recipients without those that other campaigns have reached."""
        section, spreadsheet = self._open.args
        selection = replace(self._selection, sent_before=sent_before)
        return Recipients(section, spreadsheet, selection, **self._open.keywords)

    def audience(self, limit: int | None = None) -> Audience:
        """Recipients, skipped rows and problems together, with their counts; it raises nothing.

        A `limit` replaces that of the selection.
        """
        chosen = self._selection
        return self._open(chosen if limit is None else replace(chosen, limit=limit))

    def _problems(self) -> Iterator[Problem]:
        yield from self.notices
        for result in self.audience():
            if isinstance(result, Problem):
                yield result
            elif isinstance(result, Skipped) and result.problem is not None:
                yield result.problem


@overload
def read_recipients(
    source: Path | str,
    *,
    address: str = "email",
    key: str = "",
    where: str = "",
    group_by: str = "",
    group_where: str = "",
    sheet: str = "",
    encoding: str = "",
    delimiter: str = "",
    skip_rows: int = 0,
    parse_names: bool = False,
    required: Iterable[str] = (),
    dedupe: _Dedupe = "exact",
    fill_merged: bool = False,
    hidden_rows: bool = True,
    locale: str = "",
    suppress: Path | str | None = None,
    several: _Several = "",
) -> Recipients: ...


@overload
def read_recipients(
    source: Iterable[Mapping[str, object]],
    *,
    address: str = "email",
    key: str = "",
    where: str = "",
    group_by: str = "",
    group_where: str = "",
    parse_names: bool = False,
    required: Iterable[str] = (),
    dedupe: _Dedupe = "exact",
    suppress: Path | str | None = None,
    several: _Several = "",
) -> Recipients: ...


def read_recipients(
    source: Path | str | Iterable[Mapping[str, object]],
    *,
    address: str = "email",
    key: str = "",
    where: str = "",
    group_by: str = "",
    group_where: str = "",
    sheet: str = "",
    encoding: str = "",
    delimiter: str = "",
    skip_rows: int = 0,
    parse_names: bool = False,
    required: Iterable[str] = (),
    dedupe: _Dedupe = "exact",
    fill_merged: bool = False,
    hidden_rows: bool = True,
    locale: str = "",
    suppress: Path | str | None = None,
    several: _Several = "",
) -> Recipients:
    """Open recipients: a spreadsheet in any format, or mappings from column names to values.

    The rows of a file are read as you iterate. Mappings are read now, so a generator is accepted;
    their rows are numbered from 1. A value is a text, a number, a date or time (its text is that of
    ISO 8601), True or False, or None for an empty cell.

    The keywords have the meaning of the keys with the same names under [recipients] in
    campaign.toml; `suppress` is the path of a suppression list. `sheet`, `encoding`, `delimiter`,
    `skip_rows`, `fill_merged`, `hidden_rows` and `locale` are for files only.

    Raises:
        CampaignError: a keyword or a value is wrong, or `where` is not a condition.
        SpreadsheetError: a file is missing, unreadable or of no known format; there are no
            mappings; or a column is missing.
    """
    for_files: dict[str, object] = {
        "sheet": sheet, "encoding": encoding, "delimiter": delimiter, "skip_rows": skip_rows,
        "fill_merged": fill_merged, "hidden_rows": hidden_rows, "locale": locale,
    }  # fmt: skip
    for_rows = {
        "address": address, "key": key, "where": where, "group_by": group_by,
        "group_where": group_where, "parse_names": parse_names, "required": tuple(required),
        "dedupe": dedupe, "several": several,
    }  # fmt: skip
    section = _section(for_rows | for_files)
    if section.several == "together":
        raise CampaignError(
            tr('several: only a campaign folder can have "together"'),
            hint=tr("set it under [recipients] of its campaign.toml"),
            code="wrong-value",
        )
    spreadsheet = _opened(source, section, for_files)
    suppressed = SuppressionList(Path(suppress)).identities() if suppress else frozenset()
    return Recipients(section, spreadsheet, suppressed=suppressed)


def _section(values: dict[str, object]) -> RecipientsSection:
    try:
        return RecipientsSection.model_validate(values)
    except ValidationError as error:
        raise explained(error, values, "") from error


def _opened(
    source: object, section: RecipientsSection, for_files: dict[str, object]
) -> Spreadsheet:
    if isinstance(source, (str, Path)):
        return read_spreadsheet(Path(source), section)
    defaults = RecipientsSection()
    for name, value in for_files.items():
        if value != getattr(defaults, name):
            raise CampaignError(
                tr(
                    "{name}: only a file has this, found {value!r} with mappings",
                    name=name,
                    value=value,
                ),
                hint=tr("leave it out"),
                code="wrong-value",
            )
    return Spreadsheet(open_mappings(source, section))
