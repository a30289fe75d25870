"""Rows of a sheet that are no recipients: the second line of a header, and totals at its end.

Both are errors of their rows anyway, because they have no address. The notice says what the row is,
which "the address is empty" does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mailmerge.errors import Problem
from mailmerge.language import tr
from mailmerge.recipients.columns import Header, find_column
from mailmerge.recipients.formats.sheet import Sheet
from mailmerge.settings import RecipientsSection

_TOTALS = frozenset(
    [
        "total",
        "totals",
        "sum",
        "subtotal",
        "average",
        "count",
        "summe",
        "gesamt",
        "gesamtsumme",
        "zwischensumme",
        "anzahl",
        "somme",
        "totaux",
        "moyenne",
        "suma",
        "totale",
        "somma",
        "totaal",
        "razem",
        "итого",
        "всего",
        "сумма",
        "合计",
        "总计",
        "合計",
        "総計",
        "小計",
        "小计",
        "합계",
        "총계",
        "المجموع",
        "الإجمالي",
        "toplam",
        "totalt",
        "summa",
        "yhteensä",
        "összesen",
        "celkem",
    ]
)


def shape_notices(sheet: Sheet, header: Header, section: RecipientsSection) -> Iterator[Problem]:
    """The notices about rows of a workbook that continue the header or sum up the table."""
    rows = sheet.rows_from(header.number)
    if len(rows) < 2:
        return
    shape = Shape(header, section, sheet.file)
    first, second, last = (sheet.row(rows[index]) for index in (0, 1, -1))
    yield from shape.second_header(rows[0] + 1, first, second)
    yield from shape.totals(rows[-1] + 1, last)


@dataclass(frozen=True, slots=True)
class Shape:
    """Looks at single rows of a table; the cells of a row begin at the header's first column."""

    header: Header
    section: RecipientsSection
    file: str

    def second_header(
        self, row: int, first: Sequence[str], second: Sequence[str]
    ) -> Iterator[Problem]:
        """The notice that the first row below the header belongs to it."""
        if _is_heading(first, self._address(first)) and "@" in self._address(second):
            what = tr("the row looks like a second line of the header, not like a recipient")
            hint = tr("join both lines into one, or set skip_rows so that this row is the header")
            yield Problem("warning", "header-second", what, self.file, row, hint=hint)

    def totals(self, row: int, last: Sequence[str]) -> Iterator[Problem]:
        """The notice that the last row sums up the table."""
        if "@" not in self._address(last) and _sums_up(last):
            what = tr("the row looks like a row of totals, not like a recipient")
            column = self.section.address
            hint = (
                tr('delete it, or set where = "{column}" under [recipients]', column=column)
                if column.isidentifier()
                else tr("delete it")
            )
            yield Problem("warning", "row-of-totals", what, self.file, row, hint=hint)

    def _address(self, cells: Sequence[str]) -> str:
        columns = self.header.columns
        index = columns.index(find_column(columns, self.section.address))
        return cells[index] if index < len(cells) else ""


def _is_heading(row: Sequence[str], address: str) -> bool:
    """Whether a row has words only, and no address."""
    cells = [cell for cell in row if cell.strip()]
    words = all(not any(sign.isdigit() for sign in cell) for cell in cells)
    return bool(cells) and words and "@" not in address


def _sums_up(cells: Sequence[str]) -> bool:
    """Whether a cell starts with a word for a total."""
    words = (cell.split() for cell in cells if cell.strip())
    return any(found and found[0].strip(":.").casefold() in _TOTALS for found in words)
