"""The rows of a group -> two columns of its delivery, and back.

`cells` has every column in its order: the text that all rows share, or null. `rows` has the number
of each row, and the cells of it that `cells` has not:

    cells   {"email": "ann@example.org", "invoice": null}
    rows    [[2, {"invoice": "17"}], [5, {"invoice": "18"}]]

A recipient without a group has the text "" in `rows`, so it costs nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mailmerge.recipients.recipient import Recipient, Row


def cells_to_write(recipient: Recipient) -> dict[str, str | None]:
    """The column `cells` of a recipient."""
    if not recipient.rows:
        return dict(recipient.cells)
    return {column: recipient.cells.get(column) for column in recipient.rows[0].cells}


def rows_to_write(recipient: Recipient) -> str:
    """The column `rows` of a recipient."""
    if not recipient.rows:
        return ""
    return json.dumps([[row.number, own] for row, own in _own(recipient)], ensure_ascii=False)


def rows_without_numbers(recipient: Recipient) -> str:
    """The rows of a group, wherever they stand: what a digest of the recipient covers."""
    if not recipient.rows:
        return ""
    return json.dumps([own for _, own in _own(recipient)], ensure_ascii=False)


def _own(recipient: Recipient) -> list[tuple[Row, dict[str, str]]]:
    """Each row of the group with those of its cells that are not common to all."""
    common = recipient.cells
    return [
        (row, {column: text for column, text in row.cells.items() if common.get(column) != text})
        for row in recipient.rows
    ]


def read_rows(written: str, cells: Mapping[str, Any]) -> tuple[Row, ...]:
    """The rows of a group from its two columns; `cells` is read from JSON.

    Raises:
        ValueError, TypeError, LookupError, AttributeError: they were never written like this.
    """
    return tuple(Row(int(number), {**cells, **own}) for number, own in json.loads(written))
