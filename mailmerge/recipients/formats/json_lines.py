"""JSON Lines -> a table: one object a line, its members are the cells.

The json module reads them, because pandas would turn 34.30 into 34.3 and change large numbers. Here
a number keeps the digits of the file.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

from mailmerge.errors import SpreadsheetError
from mailmerge.language import tr
from mailmerge.library_messages import reader_message
from mailmerge.recipients.formats import Format
from mailmerge.recipients.formats.encoding import decide_encoding
from mailmerge.recipients.formats.records import Record, open_records
from mailmerge.recipients.input_file import InputFile
from mailmerge.recipients.table import Table
from mailmerge.settings import RecipientsSection

_LONGEST_LINE = 1 << 20


def _recognizes(head: bytes) -> bool:
    text = head.decode("utf-8", "ignore").lstrip("\ufeff \t\r\n")
    return text.startswith("{") and text[1:].lstrip()[:1] in {'"', "}"}


def _open_json_lines(source: InputFile, section: RecipientsSection) -> Table:
    """Open a file of JSON Lines.

    Raises:
        SpreadsheetError: it cannot be decoded, a line is not an object, or a column is missing.
    """
    with source.open() as stream:
        encoding = decide_encoding(stream, source.file, section.encoding)
    notices = (encoding.notice,) if encoding.notice else ()
    return open_records(source, section, lambda: _objects(source, encoding.codec), notices)


def _objects(source: InputFile, codec: str) -> Iterator[Record]:
    """The number of each line that is not blank, and its object."""
    with source.open() as stream, io.TextIOWrapper(stream, codec, "strict") as text:
        number = 0
        while line := text.readline(_LONGEST_LINE + 1):
            number += 1
            if len(line) > _LONGEST_LINE:
                raise _too_long(source.file, number)
            if line.strip():
                yield number, _members(line, source.file, number)


def _members(line: str, file: str, number: int) -> dict[str, str | None]:
    try:
        # The digits of a number stay as they are written.
        members = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise _wrong(
            tr("the line is not JSON: {error}", error=reader_message(str(error)[:200])),
            file,
            number,
        ) from error
    if not isinstance(members, dict):
        raise _wrong(tr("the line is not a JSON object"), file, number)
    return {name: v if type(v) is str else _text(v) for name, v in members.items()}


def _text(value: object) -> str | None:
    if isinstance(value, (list, dict)):
        return None
    if value is None:
        return ""
    return ("FALSE", "TRUE")[value] if isinstance(value, bool) else str(value)


def _too_long(file: str, number: int) -> SpreadsheetError:
    what = tr("the line has more than {longest_line:,} characters", longest_line=_LONGEST_LINE)
    hint = tr("write one object on each line")
    return SpreadsheetError(what, file=file, row=number, hint=hint, code="json")


def _wrong(what: str, file: str, number: int) -> SpreadsheetError:
    hint = tr('a line looks like {"email": "bob@example.org", "name": "Bob"}')
    return SpreadsheetError(what, file=file, row=number, hint=hint, code="json")


FORMAT = Format("JSON Lines", _recognizes, _open_json_lines)
