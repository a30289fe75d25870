"""Rows -> recipients: apply the rules of the campaign, and skip the duplicates.

No row gets lost on the way: each becomes a recipient or a skipped row with its reason. `rules`
decides about each row by itself, `duplicates` compares it with the rows above. This module joins
the two, applies the limit and counts.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from mailmerge.buckets import in_sample
from mailmerge.errors import AddressError, CampaignError, Problem, SpreadsheetError
from mailmerge.language import tr
from mailmerge.recipients.address import Mailbox, loose_identity, parse_mailbox
from mailmerge.recipients.condition import GROUP_WHERE, Condition
from mailmerge.recipients.duplicates import Deduplicator, RowResult
from mailmerge.recipients.groups import Grouping, GroupRules, skipped_rows
from mailmerge.recipients.recipient import Recipient, Skipped, SkipReason
from mailmerge.recipients.rules import RowRules
from mailmerge.recipients.sent_before import NONE_BEFORE, SentBefore
from mailmerge.recipients.several import judge_several
from mailmerge.recipients.spreadsheet import Spreadsheet, open_spreadsheet
from mailmerge.recipients.suppression import read_suppressions
from mailmerge.recipients.table import SheetRow
from mailmerge.settings import RecipientsSection, Settings
from mailmerge.wording import prefixed

__all__ = ["Audience", "Recipient", "Selection", "SkipReason", "Skipped", "open_audience"]

_BATCH = 512


@dataclass(frozen=True, slots=True)
class Selection:
    """How a command narrows a campaign's audience, in addition to `where` of campaign.toml.

    Attributes:
        where: a condition as in campaign.toml; "" for all rows.
        only: the address of the only recipient to select; "" for all.
        limit: the largest number of recipients; None for no limit.
        percent: the part of the recipients to select, above 0 and up to 100. It is the same part
            in each run, and a larger one contains it (buckets.py).
        sent_before: the recipients that other campaigns have reached; they are left out.
    """

    where: str = ""
    only: str = ""
    limit: int | None = None
    percent: float = 100.0
    sent_before: SentBefore = NONE_BEFORE

    def __post_init__(self) -> None:
        if not 0 < self.percent <= 100:
            raise CampaignError(
                tr("percent: {percent} is not above 0 and up to 100", percent=self.percent),
                code="wrong-value",
            )

    @property
    def partial(self) -> bool:
        """Whether a condition, an address or a sample leaves out recipients of the campaign."""
        return bool(self.where or self.only) or self.percent < 100


class Audience:
    """The rows of a spreadsheet, each as a recipient or as a skipped row.

    Each iteration reads the spreadsheet again. It yields a `Recipient` or a `Skipped` for each row,
    in the order of the rows, and `Problem`s that skip no row: warnings, and a last one if the file
    breaks off or no recipient is left. If the selection has a limit, the iteration ends with the
    last recipient within the limit.

    Attributes:
        counts: how many rows the last iteration has skipped so far, by their reason.
        broken: what ended the last iteration before the end of the file; None if nothing did.
    """

    def __init__(
        self,
        section: RecipientsSection,
        spreadsheet: Spreadsheet,
        selection: Selection | None = None,
        *,
        suppressed: frozenset[str] = frozenset(),
        campaign: str = "",
        batch: int = _BATCH,
    ) -> None:
        """Compile the rules; no row is read yet.

        `suppressed` are the identities of the suppression list; `campaign` is the name that samples
        depend on; `batch` is the number of rows that are compared at once.

        Raises:
            CampaignError: `where` is not a condition or names an unknown column, or `only` is
                not an address.
            SpreadsheetError: a column is missing.
        """
        self.counts: Counter[SkipReason] = Counter()
        self._sent_before: Counter[str] = Counter()
        self.broken: Problem | None = None
        self._unreadable: Problem | None = None
        self._spreadsheet = spreadsheet
        self._selection = selection or Selection()
        self._rules = _rules(section, spreadsheet, self._selection, suppressed)
        self._groups = (
            _group_rules(section, spreadsheet, self._selection) if section.group_by else None
        )
        self._campaign = campaign
        self._keep_all = section.dedupe == "off"
        self._batch = batch

    @property
    def suppressed(self) -> int:
        """How many rows the last iteration has skipped because of the suppression list."""
        return self.counts[SkipReason.SUPPRESSED]

    @property
    def left_out(self) -> int:
        """How many rows the last iteration has skipped because of `where` or `only`."""
        return self.counts[SkipReason.FILTERED]

    @property
    def sent_before(self) -> dict[str, int]:
        """How many rows the last iteration has skipped for each campaign of `not_in`."""
        names = self._selection.sent_before.campaigns
        return {name: self._sent_before[name] for name in names}

    @property
    def duplicates(self) -> int:
        """How many rows the last iteration has skipped because they repeat an earlier one."""
        return self.counts[SkipReason.DUPLICATE]

    def __iter__(self) -> Iterator[RowResult]:
        self.counts, self._sent_before = Counter(), Counter()
        self.broken = self._unreadable = None
        recipients = errors = 0
        limit = self._selection.limit
        for result in self._sample(self._results()) if limit != 0 else ():
            if type(result) is Recipient:
                recipients += 1
                yield result
                if recipients == limit:
                    return
                continue
            problem = result if isinstance(result, Problem) else result.problem
            errors += problem is not None and problem.severity == "error"
            if isinstance(result, Skipped):
                self.counts[result.reason] += 1
                if result.campaign:
                    self._sent_before[result.campaign] += 1
            yield result
        self.broken = self._unreadable
        last = self._last_problem(nothing_found=not recipients and not errors)
        if last is not None:
            yield last

    def recipients(self) -> Iterator[Recipient]:
        """Only the recipients.

        Raises:
            SpreadsheetError: the file breaks off before its end, after the recipients above.
        """
        for result in self:
            if type(result) is Recipient:
                yield result
        if self.broken is not None:
            raise SpreadsheetError.from_problem(self.broken)

    def with_invalid(self, invalid: Mapping[int, str]) -> Iterator[tuple[Recipient, str]]:
        """The recipients, and the rows in `invalid`, each with the reason why it gets no message.

        The reason is "" for a recipient that gets one. A row without an address of its own has its
        cells and a key made of them.

        Raises:
            SpreadsheetError: the file breaks off before its end, after the recipients above.
        """
        for result in self:
            if isinstance(result, Recipient):
                yield result, invalid.get(result.row, "")
            elif isinstance(result, Skipped) and result.row in invalid:
                yield _stand_in(result), invalid[result.row]
        if self.broken is not None:
            raise SpreadsheetError.from_problem(self.broken)

    def _last_problem(self, *, nothing_found: bool) -> Problem | None:
        if self.broken is not None:
            return self.broken
        if not nothing_found or not self.left_out or self.suppressed:
            return None
        only, percent = self._selection.only, self._selection.percent
        if percent < 100:
            what = tr("no recipient is in the first {percent:g} %", percent=percent)
            hint = tr("use a larger --percent")
            return Problem("error", "none-selected", what, self._spreadsheet.file, hint=hint)
        what = (
            tr('no row has the address "{only}"', only=only)
            if only
            else tr("no row meets the condition")
        )
        hint = (
            tr("check its spelling") if only else tr("check where under [recipients], and --where")
        )
        return Problem("error", "none-selected", what, self._spreadsheet.file, hint=hint)

    def _sample(self, results: Iterator[RowResult]) -> Iterator[RowResult]:
        """The results, with the recipients outside of the sample as skipped rows."""
        percent = self._selection.percent
        if percent >= 100:
            return results
        return self._in_sample(results, percent)

    def _in_sample(self, results: Iterator[RowResult], percent: float) -> Iterator[RowResult]:
        for one in results:
            if type(one) is Recipient and not in_sample(one.key, percent, self._campaign):
                yield from skipped_rows(one, SkipReason.FILTERED)
            else:
                yield one

    def _results(self) -> Iterator[RowResult]:
        """The result of each row, or of each group of rows."""
        if self._groups is None:
            return self._rows_alone()
        return Grouping(self._groups).results(self._rows_alone())

    def _rows_alone(self) -> Iterator[RowResult]:
        """The result of each row; batches make the search for duplicates cheap.

        Rows of a group repeat its address; only a key of rows tells that a row is there twice.
        """
        deduplicator = Deduplicator(self._rules, keep_all=self._keep_all)
        repeats = self._groups is not None and self._rules.key in (
            self._groups.by,
            self._rules.address,
        )
        judge, skip = self._rules.judge, _SkipAtError()
        records = self._records()
        while batch := list(islice(records, self._batch)):
            if self._rules.several:
                results = self._with_several(batch, skip)
            else:
                results = [judge(item) if type(item) is SheetRow else skip(item) for item in batch]
            yield from results if repeats else deduplicator.without_duplicates(results)

    def _with_several(self, batch: list[SheetRow | Problem], skip: _SkipAtError) -> list[RowResult]:
        results: list[RowResult] = []
        for item in batch:
            if isinstance(item, SheetRow):
                results += judge_several(self._rules, item)
            else:
                results.append(skip(item))
        return results

    def _records(self) -> Iterator[SheetRow | Problem]:
        try:
            yield from self._spreadsheet.records()
        except SpreadsheetError as error:
            # Batches are read ahead: a limit may end the iteration before this row is reached.
            self._unreadable = error.problem


class _SkipAtError:
    """Turns the first error of a row into a skipped row; further errors of it stay problems."""

    def __init__(self) -> None:
        self._row = -1

    def __call__(self, problem: Problem) -> Skipped | Problem:
        if problem.severity != "error" or problem.row is None or problem.row == self._row:
            return problem
        self._row = problem.row
        return Skipped(problem.row, SkipReason.INVALID, problem=problem)


def _stand_in(row: Skipped) -> Recipient:
    """A recipient for the record of a row that gets no message."""
    mailbox = row.mailbox or Mailbox("", "", "")
    cells = "\x1f".join(f"{name}\x1e{text}" for name, text in row.cells.items())
    digest = hashlib.blake2b(f"{row.row}\x1f{cells}".encode(errors="replace"), digest_size=12)
    return Recipient(row.row, row.cells, mailbox, f"\x1finvalid {digest.hexdigest()}")


def open_audience(campaign: Settings, selection: Selection | None = None) -> Audience:
    """The audience of a campaign: its spreadsheet, its rules and its suppression list.

    Raises:
        CampaignError: as for `Audience`; or the recipients come from standard input, and there is
            none.
        SpreadsheetError: the spreadsheet or the suppression list cannot be read.
    """
    spreadsheet = open_spreadsheet(campaign)
    suppressed = read_suppressions(campaign)
    return Audience(
        campaign.recipients, spreadsheet, selection, suppressed=suppressed, campaign=campaign.name
    )


def _rules(
    section: RecipientsSection,
    spreadsheet: Spreadsheet,
    selection: Selection,
    suppressed: frozenset[str],
) -> RowRules:
    """The rules of campaign.toml and of the command together; of a row before it is grouped.

    Raises:
        CampaignError: as for `Audience`.
        SpreadsheetError: as for `Audience`.
    """
    if section.group_where.strip() and not section.group_by:
        raise CampaignError(
            tr("group_where: there are no groups"),
            hint=tr('add group_by, such as group_by = "customer"'),
            code="wrong-value",
        )
    address = spreadsheet.column(section.address)
    group = spreadsheet.column(section.group_by) if section.group_by else ""
    key = spreadsheet.column(section.key or section.address)
    required = tuple(spreadsheet.column(name) for name in section.required)
    keys = [one for one in (group, "" if key == address else key) if one]
    loose, before = section.dedupe == "loose", selection.sent_before
    return RowRules(
        file=spreadsheet.file,
        address=address,
        key=key,
        required=tuple(dict.fromkeys((*required, *keys))),
        parse_names=section.parse_names,
        conditions=_conditions(
            spreadsheet, section, (section.where, "" if group else selection.where)
        ),
        only="" if group else _only_identity(selection.only),
        suppressed=frozenset(map(loose_identity, suppressed)) if loose else suppressed,
        sent_before=(before.known_as(loose_identity) if loose else before).by_identity,
        loose=loose,
        several=section.several,
    )


def _group_rules(
    section: RecipientsSection, spreadsheet: Spreadsheet, selection: Selection
) -> GroupRules:
    """The rules of the groups.

    Raises:
        CampaignError: as for `Audience`.
        SpreadsheetError: as for `Audience`.
    """
    return GroupRules(
        file=spreadsheet.file,
        columns=tuple(spreadsheet.columns),
        by=spreadsheet.column(section.group_by),
        address=spreadsheet.column(section.address),
        sameness=loose_identity if section.dedupe == "loose" else str,
        conditions=_conditions(spreadsheet, section, (section.group_where,), GROUP_WHERE),
        any_row=_conditions(spreadsheet, section, (selection.where,)),
        only=_only_identity(selection.only),
        one_for_each_address=section.dedupe != "off",
    )


def _conditions(
    spreadsheet: Spreadsheet,
    section: RecipientsSection,
    texts: tuple[str, ...],
    setting: str = "where",
) -> tuple[Condition, ...]:
    locale = section.locale or spreadsheet.locale
    return tuple(
        Condition(text, spreadsheet.columns, locale, setting=setting)
        for text in texts
        if text.strip()
    )


def _only_identity(only: str) -> str:
    if not only:
        return ""
    try:
        return parse_mailbox(only, names=True).identity
    except AddressError as error:
        what = prefixed("--only", error.problem.message)
        raise CampaignError(what, hint=error.problem.hint, code=error.problem.code) from error
