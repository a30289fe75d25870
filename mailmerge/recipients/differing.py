"""A column whose text differs within a group: an error wherever it is used outside of `rows`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NoReturn

import jinja2

from mailmerge.language import tr
from mailmerge.recipients.recipient import Recipient, Row

_SHOWN: Final = 40


class ColumnDiffers(jinja2.TemplateRuntimeError):
    """A template or a condition uses a column that differs within the group; `hint` is the fix."""

    def __init__(self, column: str, rows: Sequence[Row]) -> None:
        first = rows[0]
        other = next(row for row in rows if row.cells[column] != first.cells[column])
        super().__init__(
            tr(
                'the column "{column}" differs in this group: row {first} has "{one}", row '
                '{second} has "{other}"',
                column=column,
                first=first.number,
                one=first.cells[column][:_SHOWN],
                second=other.number,
                other=other.cells[column][:_SHOWN],
            )
        )
        self.hint = tr(
            "use it inside of {% for row in rows %}, or give all rows of the group the same text"
        )


class Differing:
    """Stands for such a column among the variables; any use raises ColumnDiffers."""

    __slots__ = ("_column", "_rows")

    def __init__(self, column: str, rows: Sequence[Row]) -> None:
        self._column = column
        self._rows = rows

    def _fail(self, *_: object) -> NoReturn:
        raise ColumnDiffers(self._column, self._rows)

    def __getattr__(self, name: str) -> NoReturn:
        if name == "__html__" or not name.startswith("__"):
            self._fail()
        raise AttributeError(name)

    __str__ = __bool__ = __len__ = __iter__ = __hash__ = __int__ = __float__ = __index__ = _fail
    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = __getitem__ = _fail
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _fail
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __pow__ = __rpow__ = _fail
    __call__ = __neg__ = __pos__ = __abs__ = __round__ = __format__ = __reversed__ = _fail


def differing(group: Recipient) -> dict[str, Any]:
    """The columns of a group that differ, each with what stands for it."""
    if len(group.rows) < 2:
        return {}
    common = group.cells
    return {
        column: Differing(column, group.rows)
        for column in group.rows[0].cells
        if column not in common
    }
