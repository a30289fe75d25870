"""Rows of a sheet that are no recipients: the second line of a header, and totals at its end.

Both are errors of their rows anyway, because they have no address. The notice says what the row is,
which "the address is empty" does not.
"""

from __future__ import annotations

from collections.abc import Iterator

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
    """The notices about rows that continue the header or sum up the table."""
    address = header.columns.index(find_column(header.columns, section.address)) + header.left
    rows = sheet.rows_from(header.number)
    if len(rows) < 2:
        return
    first, second, last = rows[0], rows[1], rows[-1]
    if _is_heading(sheet, first, address) and "@" in sheet.cell(second, address):
        what = tr("the row looks like a second line of the header, not like a recipient")
        hint = tr("join both lines into one, or set skip_rows so that this row is the header")
        yield Problem("warning", "header-second", what, sheet.file, first + 1, hint=hint)
    if "@" not in sheet.cell(last, address) and _sums_up(sheet.row(last)):
        what = tr("the row looks like a row of totals, not like a recipient")
        column = section.address
        hint = (
            tr('delete it, or set where = "{column}" under [recipients]', column=column)
            if column.isidentifier()
            else tr("delete it")
        )
        yield Problem("warning", "row-of-totals", what, sheet.file, last + 1, hint=hint)


def _is_heading(sheet: Sheet, row: int, address: int) -> bool:
    """Whether a row has words only, and no address."""
    cells = [cell for cell in sheet.row(row) if cell.strip()]
    words = all(not any(sign.isdigit() for sign in cell) for cell in cells)
    return bool(cells) and words and "@" not in sheet.cell(row, address)


def _sums_up(cells: list[str]) -> bool:
    """Whether a cell starts with a word for a total."""
    words = (cell.split() for cell in cells if cell.strip())
    return any(found and found[0].strip(":.").casefold() in _TOTALS for found in words)
