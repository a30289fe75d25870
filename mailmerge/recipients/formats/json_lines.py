"""JSON Lines -> a table: one object a line, its members are the cells.

The json module reads them and not pandas, which would turn 34.30 into 34.3 and a large number into
another one; here a number keeps the digits that the file has. The columns are all members of all
objects in the order in which they first appear; what an object lacks is empty.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

from mailmerge.campaign import RecipientsSection
from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.recipients.columns import Header, HeadRow, read_header
from mailmerge.recipients.formats.encoding import decide_encoding
from mailmerge.recipients.input_file import InputFile
from mailmerge.recipients.table import Batch, Table

_BATCH = 8192

_Member = str | bool | list[object] | dict[str, object] | None


def looks_like_json_lines(text: str) -> bool:
    """Whether a text begins like an object of JSON."""
    text = text.lstrip("\ufeff \t\r\n")
    return text.startswith("{") and text[1:].lstrip()[:1] in {'"', "}"}


def open_json_lines(source: InputFile, section: RecipientsSection) -> Table:
    """Open a file of JSON Lines; it is read once for the names of its columns.

    Raises:
        SpreadsheetError: it is not UTF-8, a line is no object, or a column is missing.
    """
    with source.open() as stream:
        encoding = decide_encoding(stream, source.file, section.encoding)
    reader = _JsonLines(source, encoding.codec)
    names: dict[str, None] = {}
    for _, members in reader.objects():
        names.update(dict.fromkeys(members))
    header = read_header([HeadRow(0, list(names))] if names else [], section, source.file)
    listed = tuple(names)
    notices = (*header.notices, *((encoding.notice,) if encoding.notice else ()))
    return Table(source.file, header, lambda: reader.batches(header, listed), notices)


class _JsonLines:
    def __init__(self, source: InputFile, codec: str) -> None:
        self._source = source
        self._codec = codec

    def objects(self) -> Iterator[tuple[int, dict[str, _Member]]]:
        """The number of each line that is not blank, and its object."""
        with (
            self._source.open() as stream,
            io.TextIOWrapper(stream, self._codec, "strict") as text,
        ):
            for number, line in enumerate(text, 1):
                if line.strip():
                    yield number, self._object(line, number)

    def _object(self, line: str, number: int) -> dict[str, _Member]:
        try:
            # The digits of a number stay as they are written.
            members = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError) as error:
            raise self._wrong(f"the line is no JSON: {error}", number) from error
        if not isinstance(members, dict):
            raise self._wrong("the line is no JSON object", number)
        return members

    def _wrong(self, what: str, number: int) -> SpreadsheetError:
        hint = 'a line looks like {"email": "bob@example.org", "name": "Bob"}'
        return SpreadsheetError(what, file=self._source.file, row=number, hint=hint, code="json")

    def batches(self, header: Header, names: tuple[str, ...]) -> Iterator[Batch]:
        """The objects as rows, `names` in the order of the columns.

        Raises:
            SpreadsheetError: the file has changed since it was opened.
        """
        self._source.check_unchanged()
        numbers: list[int] = []
        columns: list[list[str]] = [[] for _ in names]
        problems: list[Problem] = []
        for number, members in self.objects():
            numbers.append(number)
            for name, label, column in zip(names, header.columns, columns, strict=True):
                value = members.get(name, "")
                if isinstance(value, (list, dict)):
                    problems.append(self._nested(number, label))
                column.append(value if type(value) is str else _text(value))
            if len(numbers) == _BATCH:
                yield Batch(numbers, columns, problems)
                numbers, columns, problems = [], [[] for _ in names], []
        yield Batch(numbers, columns, problems)
        self._source.check_unchanged()

    def _nested(self, number: int, column: str) -> Problem:
        what, hint = "the cell holds a list or an object", "write one text for each column"
        return Problem("error", "cell-nested", what, self._source.file, number, column, hint)


def _text(value: object) -> str:
    if value is None:
        return ""
    return ("FALSE", "TRUE")[value] if isinstance(value, bool) else str(value)
