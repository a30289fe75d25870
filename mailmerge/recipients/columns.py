"""The first rows of a table -> the names of its columns, or the error of its header.

A name may be any text. White space is collapsed, zero-width characters are removed, and the rest is
normalised to Unicode form NFC. A name that templates use for something else is refused.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.language import tr
from mailmerge.recipients.bounds import COLUMNS
from mailmerge.settings import RecipientsSection

# Names that have a meaning in templates: the program's own, and those of Jinja2.
RESERVED_NAMES = frozenset(
    [
        "row",
        "campaign",
        "self",
        "loop",
        "super",
        "caller",
        "varargs",
        "kwargs",
        "true",
        "false",
        "none",
        "True",
        "False",
        "None",
        "range",
        "dict",
        "lipsum",
        "cycler",
        "joiner",
        "namespace",
    ]
)
_ADDRESS = re.compile(r"[^@＠\s]++[@＠][^@＠\s.。．｡]++[.。．｡][^@＠\s]++")
_INVISIBLE = dict.fromkeys((0x200B, 0x2060, 0xFEFF, 0x00AD))


@dataclass(frozen=True, slots=True)
class HeadRow:
    """One of the first rows of a table.

    Attributes:
        number: its number as the user sees it.
        cells: its cells.
        left: how many columns to the left of these cells are not read.
    """

    number: int
    cells: Sequence[str]
    left: int = 0

    @property
    def filled(self) -> int:
        """How many cells are not blank."""
        return sum(bool(cell.strip()) for cell in self.cells)

    def without_left(self, count: int) -> HeadRow:
        """The row without its first columns."""
        return HeadRow(self.number, self.cells[count:], self.left + count)


@dataclass(frozen=True, slots=True)
class Header:
    """The names of a table's columns, and the number of their row.

    `number` is 0 in formats without such a row (JSON Lines, Parquet). `notices` lists the names
    that were tidied. `left` counts the columns to the left of them that are not read.
    """

    number: int
    columns: tuple[str, ...]
    notices: tuple[Problem, ...] = ()
    left: int = 0

    @property
    def width(self) -> int:
        """The number of columns in the file, with those that are not read."""
        return self.left + len(self.columns)


def _tidy_name(text: str) -> str:
    """A column's name without invisible differences."""
    return unicodedata.normalize("NFC", " ".join(text.translate(_INVISIBLE).split()))


def find_column(columns: Sequence[str], wanted: str) -> str:
    """The column called `wanted`: exact match first, then case-insensitive; "" if there is none."""
    wanted = _tidy_name(wanted)
    if wanted in columns:
        return wanted
    return next((name for name in columns if name.casefold() == wanted.casefold()), "")


def column_letters(index: int) -> str:
    """The letters of a sheet's column: 0 is A, 25 is Z, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def starts_with_index(head: Sequence[HeadRow]) -> bool:
    """Whether the first column has no name and counts the rows, as pandas writes its index."""
    if len(head) < 2 or len(head[0].cells) < 2 or head[0].cells[0].strip():
        return False
    counts = [line.cells[0].strip() if line.cells else "" for line in head[1:]]
    if not all(count.isascii() and count.isdigit() and len(count) < 10 for count in counts):
        return False
    numbers = [int(count) for count in counts]
    return all(before < after for before, after in pairwise(numbers))


def index_notice(first: HeadRow, file: str) -> Problem:
    """The notice about such a column."""
    letters = column_letters(first.left)
    return Problem(
        "warning",
        "column-index",
        tr(
            "column {letters} has no name and only counts the rows: it is not read", letters=letters
        ),
        file,
        first.number or None,
        hint=tr("name it if you need it; pandas leaves it out with index=False"),
    )


def read_header(head: Sequence[HeadRow], section: RecipientsSection, file: str) -> Header:
    """Read the first line of `head` as the header of a table.

    Raises:
        SpreadsheetError: there is no header; the first line is a recipient or a title instead; a
            name is empty, duplicated or reserved; or a column that campaign.toml names is missing.
    """
    if not head:
        raise SpreadsheetError(tr("the file is empty"), file=file, code="file-empty")
    first = head[0]
    _refuse_too_wide(first, file)
    _refuse_recipient(first, file)
    names = [_tidy_name(cell) for cell in first.cells]
    if not find_column(names, section.address):
        _refuse_title(head, section.address, file)
    _refuse_unusable(first, names, file)
    wanted = [(section.address, "address"), (section.key or section.address, "key")]
    if section.group_by:
        wanted.append((section.group_by, "group_by"))
    required = tuple((name, "required") for name in section.required)
    for column, setting in (*wanted, *required):
        _require_column(names, column, setting, file, first.number)
    return Header(first.number, tuple(names), _tidied(first, names, file), first.left)


def _refuse_too_wide(first: HeadRow, file: str) -> None:
    if len(first.cells) > COLUMNS:
        raise _wrong(
            tr(
                "the header has {count:,} columns, and at most {columns:,} are read",
                count=len(first.cells),
                columns=COLUMNS,
            ),
            tr("delete the columns that the messages do not use"),
            "columns-too-many",
            file,
            first.number,
        )


def _refuse_recipient(first: HeadRow, file: str) -> None:
    for cell in first.cells:
        if _ADDRESS.fullmatch(cell.strip()):
            raise SpreadsheetError(
                tr('the first row is a recipient, not a header: "{cell}"', cell=cell.strip()[:80]),
                file=file,
                row=first.number or None,
                hint=tr("add a row with the names of the columns above it"),
                code="no-header",
            )


def _refuse_title(head: Sequence[HeadRow], address: str, file: str) -> None:
    """Refuse a first row that is a title or a comment above the header."""
    below = [line for line in head[1:] if find_column([_tidy_name(c) for c in line.cells], address)]
    if not below and head[0].filled <= 1:
        below = [line for line in head[1:] if line.filled >= 2]
    if not below:
        return
    skip = below[0].number - 1
    title = next((cell for cell in head[0].cells if cell.strip()), "")
    raise SpreadsheetError(
        tr('the first row is a title, not a header: "{title}"', title=title.strip()[:60]),
        file=file,
        row=head[0].number,
        hint=tr(
            "set skip_rows = {skip} under [recipients], or delete the rows above the header",
            skip=skip,
        ),
        code="title-row",
    )


def _refuse_unusable(first: HeadRow, names: Sequence[str], file: str) -> None:
    seen: dict[str, str] = {}
    number = first.number
    for index, name in enumerate(names, first.left):
        letters = column_letters(index)
        if not name:
            what, hint = (
                tr("column {letters} has no name", letters=letters),
                tr("name it, or delete the column"),
            )
            raise _wrong(what, hint, "column-unnamed", file, number)
        if name in RESERVED_NAMES:
            what = tr(
                'column {letters} cannot be called "{name}": templates use that name',
                letters=letters,
                name=name,
            )
            raise _wrong(
                what, tr('call it "{name}_"', name=name), "column-reserved", file, number, name
            )
        folded = name.casefold()
        if folded in seen:
            what = tr(
                'columns {seen} and {letters} are both called "{name}"',
                seen=seen[folded],
                letters=letters,
                name=name,
            )
            raise _wrong(what, tr("rename one of them"), "column-twice", file, number, name)
        seen[folded] = letters


def _require_column(names: Sequence[str], column: str, key: str, file: str, number: int) -> None:
    if find_column(names, column):
        return
    folded = {name.casefold(): name for name in names}
    near = difflib.get_close_matches(column.casefold(), folded, n=1, cutoff=0.5)
    if near:
        hint = tr('did you mean {key} = "{folded}"?', key=key, folded=folded[near[0]])
    else:
        shown = ", ".join(f'"{name}"' for name in names[:12])
        hint = tr("its columns are {shown}; set {key} under [recipients]", shown=shown, key=key)
    raise _wrong(
        tr('there is no column "{column}"', column=column), hint, "no-column", file, number
    )


def _tidied(first: HeadRow, names: Sequence[str], file: str) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            "warning",
            "column-tidied",
            tr("the header {cell!r} is read as {name!r}", cell=cell, name=name),
            file,
            first.number or None,
            name,
            tr("templates and campaign.toml call it {name!r}", name=name),
        )
        for cell, name in zip(first.cells, names, strict=True)
        if cell != name
    )


def _wrong(  # noqa: PLR0917 - an error has as many parts as it has
    message: str, hint: str, code: str, file: str, row: int, column: str = ""
) -> SpreadsheetError:
    return SpreadsheetError(
        message, hint=hint, code=code, file=file, row=row or None, column=column
    )
