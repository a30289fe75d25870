"""Deliveries -> the outcomes by the values of one column: a table and a document for programs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from mailmerge.errors import CampaignError
from mailmerge.language import tr
from mailmerge.ledger.states import Delivery, State, reported
from mailmerge.wording import columns_of, one_line, padded

_MOST_VALUES: Final = 10_000
"""Values that are counted one by one; a column may have another value in each row."""

_SHOWN_VALUES: Final = 40
_WIDEST: Final = 40
"""Columns of the terminal for a value."""


@dataclass(slots=True)
class Outcomes:
    """The deliveries in each state, by the value of a column.

    Attributes:
        column: the name of the column in the spreadsheet.
        values: the counts by value, the most frequent value first.
        others: the counts of all further values; empty with up to 10,000 values.
    """

    column: str
    values: dict[str, dict[State, int]] = field(default_factory=dict)
    others: dict[State, int] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the part `by` of the document of `status --json`."""
        listed = [{"value": value, **_counts(states)} for value, states in self.values.items()]
        others = {"others": _counts(self.others)} if self.others else {}
        return {"column": self.column, "values": listed, **others}

    def table(self) -> Iterator[str]:
        """Yield the lines of a table: a value a line, and a column for each state that occurs."""
        counted = [*self.values.values(), self.others]
        states = [one for one in reported({}) if any(states.get(one) for states in counted)]
        shown = list(self.values.items())[:_SHOWN_VALUES]
        rest = [states for _, states in list(self.values.items())[_SHOWN_VALUES:]]
        rows = [(_short(value) or tr("(empty)"), counts) for value, counts in shown]
        if rest or self.others:
            rows.append((tr("all others"), _sum([*rest, self.others])))
        heads = [tr(one.value) for one in states] + [tr("total")]
        body = [
            (value, [f"{counts.get(one, 0):,}" for one in states] + [f"{sum(counts.values()):,}"])
            for value, counts in rows
        ]
        width = max(columns_of(value) for value in (_short(self.column), *(one for one, _ in body)))
        widths = [
            max(columns_of(head), *(len(cells[at]) for _, cells in body))
            for at, head in enumerate(heads)
        ]
        for value, cells in [(_short(self.column), heads), *body]:
            numbers = (
                " " * (widths[at] - columns_of(cell)) + cell for at, cell in enumerate(cells)
            )
            yield "  ".join([padded(value, width), *numbers])


def outcomes_by(deliveries: Callable[[], Iterable[Delivery]], column: str) -> Outcomes:
    """Count the outcomes by a column; `deliveries` is called twice.

    The message of a group counts once for each different text of its rows. The name of the column
    is compared exactly, or else without case.

    Raises:
        CampaignError: there is no such column.
        LedgerError: the ledger cannot be read.
    """
    name = _find(deliveries(), column)
    values: dict[str, dict[State, int]] = {}
    others: dict[State, int] = {}
    for one in deliveries():
        for value in {row.cells.get(name, "").strip(): None for row in one.all_rows}:
            counts = values.get(value)
            if counts is None:
                counts = values.setdefault(value, {}) if len(values) < _MOST_VALUES else others
            counts[one.state] = counts.get(one.state, 0) + 1
    ordered = sorted(values.items(), key=lambda pair: (-sum(pair[1].values()), pair[0]))
    return Outcomes(name, {v: reported(c) for v, c in ordered}, reported(others) if others else {})


def _find(deliveries: Iterable[Delivery], column: str) -> str:
    names: dict[str, None] = {}
    for one in deliveries:
        cells = one.all_rows[0].cells
        if cells.keys() != names.keys():
            names |= dict.fromkeys(cells)
    if column in names or not names:
        return column
    folded = [name for name in names if name.casefold() == column.strip().casefold()]
    if len(folded) == 1:
        return folded[0]
    near = get_close_matches(column, names, n=1, cutoff=0.5)
    raise CampaignError(
        tr('--by: there is no column "{column}"', column=column),
        hint=tr('did you mean "{near}"?', near=near[0])
        if near
        else tr("the columns are {shown}", shown=", ".join(list(names)[:12])),
        code="no-column",
    )


def _counts(states: dict[State, int]) -> dict[str, Any]:
    return {
        "total": sum(states.values()),
        "states": {state.value: count for state, count in states.items()},
    }


def _sum(several: list[dict[State, int]]) -> dict[State, int]:
    total: dict[State, int] = {}
    for states in several:
        for state, count in states.items():
            total[state] = total.get(state, 0) + count
    return total


def _short(value: str) -> str:
    """A value in one line and as wide as the table allows."""
    shown = one_line(value)
    if columns_of(shown) <= _WIDEST:
        return shown
    while columns_of(shown) > _WIDEST - 1:
        shown = shown[:-1]
    return shown + "…"
