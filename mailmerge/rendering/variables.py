"""One row of the spreadsheet -> the variables that the templates see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2.defaults import DEFAULT_NAMESPACE
from jinja2.sandbox import safe_range

from mailmerge.buckets import bucket
from mailmerge.errors import TemplateError
from mailmerge.language import tr
from mailmerge.recipients.differing import differing
from mailmerge.recipients.recipient import Recipient
from mailmerge.rendering.template_errors import ErrorLocation

NOT_DETERMINISTIC_GLOBALS = ("lipsum",)
"""Functions of Jinja2 that are removed, because their result differs in each run."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class RowVariable(Mapping[str, str]):
    """All cells of a row by the name of their column: the variable `row` of a template.

    Templates read a column as `row["first name"]` or `row.phone`. They cannot reach the methods of
    a mapping, so that a column may be called `items`.
    """

    __slots__ = ("_cells",)

    def __init__(self, cells: Mapping[str, str]) -> None:
        self._cells = cells

    def __getitem__(self, column: str) -> str:
        return self._cells[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def __repr__(self) -> str:
        return str(dict(self._cells))


@dataclass(frozen=True, slots=True)
class CampaignView:
    """The variable `campaign` of a template.

    `_number_locale` gives the language of the sheet's numbers; templates see no such attribute.
    """

    name: str
    _number_locale: Callable[[], str] = field(default=str, repr=False, compare=False)


def number_locale(campaign: object) -> str:
    """The language of the numbers in the cells, of the variable `campaign`; "" if not known."""
    return campaign._number_locale() if isinstance(campaign, CampaignView) else ""


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of all templates for one recipient.

    Attributes:
        names: all variables, Jinja2's own functions among them.
        row: the number of the row.
        columns: the names of all columns.
        joined: the text of all cells, of all rows.
        group: yields the variables of each row of a group; None for any other recipient.
    """

    names: dict[str, Any]
    row: int
    columns: tuple[str, ...]
    joined: str
    group: Callable[[], Iterator[Variables]] | None = None

    def location(self, file: str, field: str = "") -> ErrorLocation:
        """Where an error of this row is reported."""
        return ErrorLocation(file, field, self.row, self.columns)


def variables_of(row: int, cells: Mapping[str, str], campaign: CampaignView) -> Variables:
    """The variables of a row: every column by its name, `row` and `campaign`.

    Lines of a cell end with LF in templates, whichever line end the spreadsheet has.

    Raises:
        TemplateError: a cell holds half a surrogate pair, which comes from a broken file.
    """
    joined = "".join(cells.values())
    if not joined.isascii():
        _check_surrogates(joined, row, cells)
    if "\r" in joined:
        cells = _without_returns(cells)
    names = {**_FUNCTIONS, **cells, "row": RowVariable(cells), "campaign": campaign}
    return Variables(names, row, tuple(cells), joined)


def variables_of_group(
    recipient: Recipient, own: Mapping[str, str], campaign: CampaignView
) -> Variables:
    """The variables of a group: `rows`, and the columns whose text is the same in all rows.

    `own` are further variables of the recipient. `group` gives the variables of each row, in which
    every column has the text of that row: for attachments, which each row may have.

    Raises:
        TemplateError: a cell holds half a surrogate pair.
    """
    shared = variables_of(recipient.row, {**recipient.cells, **own}, campaign)
    joined = [shared.joined]
    rows: list[RowVariable] = []
    for number, cells in recipient.rows:
        text = "".join(cells.values())
        if not text.isascii():
            _check_surrogates(text, number, cells)
        joined.append(text)
        rows.append(RowVariable(_without_returns(cells) if "\r" in text else cells))
    apart = differing(recipient)
    names = {**shared.names, **apart, "rows": rows}
    if apart:
        names["row"] = RowVariable({**recipient.cells, **own, **apart})

    def each() -> Iterator[Variables]:
        for number, cells in recipient.rows:
            one = variables_of(number, {**cells, **own}, campaign)
            one.names["rows"] = rows
            yield one

    columns = (*recipient.rows[0].cells, *own)
    return Variables(names, recipient.row, columns, "".join(joined), each)


def _without_returns(cells: Mapping[str, str]) -> dict[str, str]:
    return {column: _with_line_feeds(text) for column, text in cells.items()}


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _check_surrogates(joined: str, row: int, cells: Mapping[str, str]) -> None:
    try:
        joined.encode()
    except UnicodeEncodeError as error:
        broken = (column for column, text in cells.items() if _SURROGATE.search(text))
        raise TemplateError(
            tr("the cell contains half a character, which no encoding can express"),
            row=row,
            column=next(broken, ""),
            hint=tr("save the spreadsheet as UTF-8"),
            code="half-character",
        ) from error


_FUNCTIONS = {
    name: function
    for name, function in {**DEFAULT_NAMESPACE, "range": safe_range, "bucket": bucket}.items()
    if name not in NOT_DETERMINISTIC_GLOBALS
}
