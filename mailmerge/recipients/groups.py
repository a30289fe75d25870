"""Recipients -> groups of them: the rows with the same value in `group_by` get one message.

`where`, the suppression list and `not_in` decide about each row before; a row that they leave out
is not part of its group. Then all rows are read, because those of a group need not be adjacent, and
the groups come in the order of their first rows. The key of a group is its value in `group_by`.

A message with a missing row would be wrong without a sign of it. So a group is never sent in
part: if one of its rows has an error, or its rows have different addresses, then all of its rows
are skipped. A selection of the command (`--where`, `--only`, `--percent`) takes whole groups, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.language import tr
from mailmerge.recipients.address import Mailbox
from mailmerge.recipients.condition import Condition
from mailmerge.recipients.duplicates import RowResult
from mailmerge.recipients.first_rows import Earlier, FirstRows
from mailmerge.recipients.recipient import Recipient, Row, Skipped, SkipReason
from mailmerge.recipients.row_store import RowStore
from mailmerge.recipients.rules import normal_key

_BATCH = 512
_BROKEN = (SkipReason.INVALID, SkipReason.EMPTY)


@dataclass(frozen=True, slots=True)
class GroupRules:
    """How rows become groups, and which groups get a message.

    Attributes:
        file: the spreadsheet's name in messages.
        columns: the columns of every row, in their order.
        by: the column that rows of a group share.
        address: the column with the address, which is the same in the whole group.
        sameness: the text that is equal for the identities of the same mailbox.
        conditions: conditions on a group; all of them must hold.
        any_row: conditions of the command; each must hold for one of the rows.
        only: the identity of the only mailbox to select; "" for all.
        one_for_each_address: whether two groups may not have the same address.
    """

    file: str
    columns: tuple[str, ...]
    by: str
    address: str
    sameness: Callable[[str], str] = field(default=str)
    conditions: tuple[Condition, ...] = ()
    any_row: tuple[Condition, ...] = ()
    only: str = ""
    one_for_each_address: bool = True


def make_group(
    rows: Sequence[Row], mailbox: Mailbox, key: str, same: Collection[str] = ()
) -> Recipient:
    """The recipient of these rows, at least one, which have the same columns in the same order.

    A column is common if its texts are equal apart from spaces around them; the columns `same` are
    known to mean the same in all rows. The text of the first row counts.
    """
    first = rows[0]
    common: Mapping[str, str] = first.cells
    if len(rows) > 1:
        columns = zip(common, zip(*[row.cells.values() for row in rows], strict=True), strict=True)
        common = {
            column: texts[0]
            for column, texts in columns
            if texts.count(texts[0]) == len(texts) or column in same or _are_equal(texts)
        }
    return Recipient(first.number, common, mailbox, key, tuple(rows))


def _are_equal(texts: tuple[str, ...]) -> bool:
    text = texts[0].strip()
    return all(other.strip() == text for other in texts)


class Grouping:
    """Turns the results of rows into those of groups; one for each pass over the rows."""

    def __init__(self, rules: GroupRules) -> None:
        self._rules = rules
        self._broken: dict[str, int] = {}

    def results(self, results: Iterator[RowResult]) -> Iterator[RowResult]:
        """The skipped rows and problems in their order, then the groups."""
        with RowStore() as store:
            for result in results:
                if type(result) is Recipient:
                    store.add(self._key(result.cells), self._record(result))
                    continue
                if isinstance(result, Skipped) and result.reason in _BROKEN and result.cells:
                    self._broken.setdefault(self._key(result.cells), result.row)
                yield result
            yield from self._without_duplicates(self._groups(store))

    def _key(self, cells: Mapping[str, str]) -> str:
        return normal_key(cells[self._rules.by])

    def _record(self, recipient: Recipient) -> list[Any]:
        box, cells = recipient.mailbox, recipient.cells
        mailbox = [box.address, box.forward_path, box.identity, box.display_name]
        return [recipient.row, *mailbox, *(cells[column] for column in self._rules.columns)]

    def _groups(self, store: RowStore) -> Iterator[RowResult]:
        columns = self._rules.columns
        for records in store.groups():
            members: dict[str, list[tuple[Row, Mailbox]]] = {}
            for number, address, path, identity, name, *texts in records:
                cells = dict(zip(columns, texts, strict=True))
                member = Row(number, cells), Mailbox(address, path, identity, name)
                members.setdefault(self._key(cells), []).append(member)
            for key, group in members.items():
                yield from self._group(key, group)

    def _group(self, key: str, members: list[tuple[Row, Mailbox]]) -> Iterator[RowResult]:
        """One recipient, or all rows of the group as skipped."""
        rows, (first, mailbox) = [row for row, _ in members], members[0]
        if key in self._broken:
            what = tr("row {row} of the same group has an error", row=self._broken[key])
            hint = tr("correct that row; the group gets no message without it")
            yield from self._refused(rows, "group-row", what, hint)
            return
        same = self._rules.sameness
        for row, other in members[1:]:
            if other.identity != mailbox.identity and same(other.identity) != same(
                mailbox.identity
            ):
                what = tr(
                    'the rows of a group have different addresses: row {first} has "{one}", '
                    'row {row} has "{other}"',
                    first=first.number,
                    one=mailbox.address,
                    row=row.number,
                    other=other.address,
                )
                hint = tr("correct one of them, or group by another column")
                yield from self._refused(rows, "group-addresses", what, hint)
                return
        recipient = make_group(rows, mailbox, key, (self._rules.by, self._rules.address))
        try:
            selected = self._is_selected(recipient)
        except SpreadsheetError as error:
            yield from self._refused(
                rows, error.problem.code, error.problem.message, error.problem.hint
            )
            return
        if selected:
            yield recipient
        else:
            yield from skipped_rows(recipient, SkipReason.FILTERED)

    def _is_selected(self, group: Recipient) -> bool:
        rules = self._rules
        if rules.only and group.mailbox.identity != rules.only:
            return False
        if not all(any(one.holds(row.cells) for row in group.rows) for one in rules.any_row):
            return False
        return all(one.holds_for(group) for one in rules.conditions)

    def _refused(
        self, rows: Sequence[Row], code: str, what: str, hint: str, column: str = ""
    ) -> Iterator[Skipped]:
        """All rows, each with this error."""
        for row in rows:
            column = column or self._rules.by
            problem = Problem("error", code, what, self._rules.file, row.number, column, hint)
            yield Skipped(row.number, SkipReason.INVALID, row.cells, None, problem)

    def _without_duplicates(self, results: Iterator[RowResult]) -> Iterator[RowResult]:
        """The groups; one whose address an earlier group has is skipped with an error."""
        if not self._rules.one_for_each_address:
            yield from results
            return
        known = FirstRows()
        while batch := list(islice(results, _BATCH)):
            groups = [one for one in batch if type(one) is Recipient]
            same = [self._rules.sameness(one.mailbox.identity) for one in groups]
            repeated = known.claim(same, same, [one.row for one in groups])
            refused = {groups[at].row: earlier for at, earlier in repeated.items()}
            for one in batch:
                if type(one) is Recipient and one.row in refused:
                    yield from self._repeated(one, refused[one.row])
                else:
                    yield one

    def _repeated(self, group: Recipient, earlier: Earlier) -> Iterator[Skipped]:
        what = tr(
            '"{address}" is already in row {row}, in another group',
            address=group.mailbox.address,
            row=earlier.row,
        )
        hint = tr('put the rows into one group, or set dedupe = "off" to send a message for each')
        for row in group.rows:
            problem = Problem(
                "error", "group-duplicate", what, self._rules.file, row.number,
                self._rules.address, hint,
            )  # fmt: skip
            yield Skipped(row.number, SkipReason.DUPLICATE, row.cells, group.mailbox, problem)


def skipped_rows(recipient: Recipient, reason: SkipReason) -> Iterator[Skipped]:
    """All rows of a recipient as skipped."""
    for row in recipient.all_rows:
        yield Skipped(row.number, reason, row.cells, recipient.mailbox)
