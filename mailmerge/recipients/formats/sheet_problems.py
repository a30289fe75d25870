"""What is wrong with a sheet: merged cells, formulas without a value, hidden rows, lost digits."""

from __future__ import annotations

from collections.abc import Iterator

from mailmerge.errors import Problem
from mailmerge.language import listed, tr
from mailmerge.recipients.columns import Header
from mailmerge.recipients.formats.markup import Range, SeenCell, cell_name
from mailmerge.recipients.formats.sheet import Sheet
from mailmerge.settings import RecipientsSection


def row_problems(sheet: Sheet, header: Header, section: RecipientsSection) -> list[Problem]:
    """The problems of single rows below the header, in the order of the rows."""
    left_out = set() if section.hidden_rows else set(sheet.hidden)
    found = [
        _fault(seen, sheet, header)
        for seen in sheet.faults
        if seen.row >= header.number and seen.row not in left_out
        and _is_read(seen, header)
    ]  # fmt: skip
    if not section.fill_merged:
        found += [
            _merged(area, sheet, header)
            for area in sheet.merged
            if area.bottom >= header.number - 1
            and area.left >= header.left
            and _holds_text(area, sheet)
        ]
    return sorted(found, key=lambda problem: problem.row or 0)


def _is_read(seen: SeenCell, header: Header) -> bool:
    return header.left <= seen.column < header.width


def _name(column: int, header: Header) -> str:
    """The name of the column in this place of the sheet."""
    return header.columns[column - header.left]


def _holds_text(area: Range, sheet: Sheet) -> bool:
    return bool(sheet.cell(area.top, area.left).strip())


def _fault(seen: SeenCell, sheet: Sheet, header: Header) -> Problem:
    name, column = cell_name(seen.row, seen.column), _name(seen.column, header)
    if seen.fault == "formula":
        what = tr("the formula in {name} is not calculated", name=name)
        hint, code = (
            tr("open the file in Excel or LibreOffice and save it"),
            "formula-not-calculated",
        )
    elif seen.fault == "number":
        what = tr(
            '{name} has the number "{text}", which no sheet can hold', name=name, text=seen.text
        )
        hint, code = tr("type it again, or format the cell as text"), "number-invalid"
    else:
        what, hint, code = (
            tr("{name} shows the error {text}", name=name, text=seen.text),
            tr("correct the formula"),
            "cell-error",
        )
    return Problem("error", code, what, sheet.file, seen.row + 1, column, hint)


def _merged(area: Range, sheet: Sheet, header: Header) -> Problem:
    what = tr("the cells {area} are merged: only the first one has a text", area=area)
    hint = tr("unmerge them, or set fill_merged = true under [recipients]")
    row, column = max(area.top, header.number - 1) + 1, _name(area.left, header)
    return Problem("error", "cells-merged", what, sheet.file, row, column, hint)


def sheet_notices(sheet: Sheet, header: Header, section: RecipientsSection) -> Iterator[Problem]:
    """The warnings about the sheet as a whole: hidden rows, and numbers that may look different."""
    height = sheet.height
    hidden = [row + 1 for row in sheet.hidden if header.number <= row < height]
    if hidden:
        shown = listed(map(str, hidden[:10])) + (" ..." if len(hidden) > 10 else "")
        other = str(not section.hidden_rows).lower()
        hint = tr("to change that, set hidden_rows = {other} under [recipients]", other=other)
        what = (
            tr("hidden rows are included: {count} ({shown})", count=len(hidden), shown=shown)
            if section.hidden_rows
            else tr("hidden rows are skipped: {count} ({shown})", count=len(hidden), shown=shown)
        )
        yield Problem("warning", "rows-hidden", what, sheet.file, hint=hint)
    concealed = _hidden_columns(sheet, header)
    if concealed:
        what = tr("hidden columns are read: {names}", names=", ".join(concealed))
        hint = tr("delete a column that no message may show")
        yield Problem("warning", "columns-hidden", what, sheet.file, hint=hint)
    for column, seen in sorted(sheet.uncertain.items()):
        if _is_read(seen, header):
            yield _uncertain(seen, sheet, _name(column, header))
    if sheet.guessed is not None and _is_read(sheet.guessed, header):
        yield _guessed(sheet.guessed, sheet, _name(sheet.guessed.column, header))
    plain = [
        _name(column, header) for column in sheet.plain if header.left <= column < header.width
    ]
    if plain:
        what = tr(
            "numbers and dates are read without their format, in {plain}", plain=listed(plain)
        )
        hint = tr("if 00123 or 34.30 matters, save the file as .xlsx")
        yield Problem("warning", "number-format", what, sheet.file, hint=hint)


def _hidden_columns(sheet: Sheet, header: Header) -> list[str]:
    """The names of the columns that the sheet hides."""
    hidden = {
        column
        for first, last in sheet.hidden_columns
        for column in range(max(first, header.left), min(last + 1, header.width))
    }
    return [_name(column, header) for column in sorted(hidden)]


def _guessed(seen: SeenCell, sheet: Sheet, column: str) -> Problem:
    name, locale = cell_name(seen.row, seen.column), sheet.locale
    what = tr(
        '{name} is read as "{text}": numbers and dates are written as in {locale}, '
        "because the workbook does not say its language",
        name=name,
        text=seen.text,
        locale=locale,
    )
    hint = tr(
        'set locale = "{locale}" under [recipients], or the locale of the sheet', locale=locale
    )
    return Problem("warning", "locale-guessed", what, sheet.file, seen.row + 1, column, hint)


def _uncertain(seen: SeenCell, sheet: Sheet, column: str) -> Problem:
    name = cell_name(seen.row, seen.column)
    if seen.fault == "digits":
        what = tr(
            '{name} is read as "{text}": a number keeps at most 15 digits',
            name=name,
            text=seen.text,
        )
        hint = tr("format the column as text and type such numbers again")
        return Problem("warning", "digits-lost", what, sheet.file, seen.row + 1, column, hint)
    if seen.fault == "country":
        what = tr(
            '{name} is read as "{text}": its format writes numbers as another country than the '
            "sheet does, so `|float` and `|int` take it for another number",
            name=name,
            text=seen.text,
        )
        hint = tr("give the column a format without a country, or leave out the filters")
        return Problem("warning", "number-country", what, sheet.file, seen.row + 1, column, hint)
    if seen.fault == "width":
        what = tr(
            '{name} is read as "{text}": the column was too narrow, and the file has ####',
            name=name,
            text=seen.text,
        )
        hint = tr("make the column wider in LibreOffice and save the file again")
        return Problem("warning", "number-format", what, sheet.file, seen.row + 1, column, hint)
    if seen.fault == "textless":
        what = tr(
            '{name} is read as "{text}": the file has the value without the text that is shown',
            name=name,
            text=seen.text,
        )
        hint = tr("open the file in LibreOffice and save it again")
        return Problem("warning", "number-format", what, sheet.file, seen.row + 1, column, hint)
    what = tr(
        '{name} is read as "{text}", and may look different in the sheet', name=name, text=seen.text
    )
    hint = tr("choose a format that all countries share, such as yyyy-mm-dd, or format it as text")
    return Problem("warning", "number-format", what, sheet.file, seen.row + 1, column, hint)
