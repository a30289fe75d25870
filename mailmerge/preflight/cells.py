"""A file that may not be part of a message -> the cell that names it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

from mailmerge.errors import Problem
from mailmerge.paths import path_of

_REFUSALS: Final = frozenset({"asset-outside", "asset-private", "asset-reserved"})
_SHORTEST: Final = 2
"""Characters of a cell that can name a file; a shorter text is in too many paths."""


def in_cell(problem: Problem, cells: Mapping[str, str], file: str) -> Problem:
    """Return the problem with the column of the cell that names the refused file.

    `cells` are those of the problem's row, `file` is the spreadsheet. The problem is returned
    unchanged if it is another one, or if no cell names the file.
    """
    if problem.row is None or problem.code not in _REFUSALS:
        return problem
    column = max(_naming(problem.message, cells), default=(0, ""))[1]
    if not column:
        return problem
    return replace(problem, file=file, column=column, line=None)


def _naming(message: str, cells: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """The length of each cell whose text is in the path that begins the message, and its column."""
    path = path_of(message)
    for column, text in cells.items():
        written = text.strip()
        decoded = unquote(written).replace("\\", "/").removeprefix("./")
        for spelling in (written, decoded):
            if len(spelling) >= _SHORTEST and spelling in path:
                yield len(spelling), column
