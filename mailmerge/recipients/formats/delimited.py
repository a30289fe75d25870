"""CSV, TSV and other delimited text -> a table: the csv module counts the cells, pandas reads them.

pandas' C engine is fast, but it hides errors: one field too many in the first row shifts every
column, and a missing field becomes nan. So the lines first pass through the strict reader of the
csv module (a tenth of the time), which finds the first line and the number of fields of each
record. Only records that are as wide as the header reach pandas, and only as text: `007` stays 007
and `NA` stays NA. Blocks of some thousand records keep memory constant.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.language import tr, trn
from mailmerge.recipients.columns import (
    Header,
    HeadRow,
    index_notice,
    read_header,
    starts_with_index,
)
from mailmerge.recipients.formats.delimiter import DELIMITERS, choose_delimiter
from mailmerge.recipients.formats.encoding import decide_encoding
from mailmerge.recipients.formats.sheet_shape import Shape
from mailmerge.recipients.input_file import InputFile
from mailmerge.recipients.table import Batch, Table, batch_rows
from mailmerge.settings import RecipientsSection

if TYPE_CHECKING:
    from _csv import Reader

_SAMPLE = 1 << 16  # characters
_BLOCK = 1 << 20
_HEAD = 20
# From so many columns on, the csv module is faster than pandas.
_WIDE = 1000
# Rows may lack so many cells, or so many times the cells that they have.
_MISSING_CELLS = 4_000_000
_MISSING_SHARE = 10
# A record with more lines than this has an unclosed quotation mark.
_LINES_OF_A_RECORD = 500


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How to read the text.

    Attributes:
        codec: its encoding.
        delimiter: between two cells.
        skip: the number of lines above the header.
        spaces: whether spaces may stand before the quotation mark of a cell.
        escape: the sign before a quotation mark inside a cell, besides another one; None for none.
    """

    codec: str
    delimiter: str
    skip: int
    spaces: bool = False
    escape: str | None = None

    def reader(self, lines: Iterable[str], *, strict: bool = False) -> Reader:
        """A reader of the csv module for lines in this dialect."""
        return csv.reader(
            lines,
            delimiter=self.delimiter,
            skipinitialspace=self.spaces,
            escapechar=self.escape,
            strict=strict,
        )


@dataclass(frozen=True, slots=True)
class _Record:
    """The position of one record (lines `first` to `end` - 1), and its number of fields."""

    first: int
    end: int
    fields: int


@dataclass(slots=True)
class _Block:
    """Some consecutive records, and the lines of text they were read from.

    `beginning` is the number of the first of these lines; for each record `shapes` has the number
    of its fields, `ends` the number of its last line.
    """

    beginning: int
    lines: list[str]
    shapes: list[int] = field(default_factory=list)
    ends: Sequence[int] = ()

    @property
    def firsts(self) -> Sequence[int]:
        """The number of the first line of each record."""
        if isinstance(self.ends, range):
            return self.ends
        return [self.beginning, *(end + 1 for end in self.ends[:-1])][: len(self.ends)]

    def records(self) -> Iterator[_Record]:
        for first, end, fields in zip(self.firsts, self.ends, self.shapes, strict=True):
            yield _Record(first, end + 1, fields)

    def text(self, record: _Record) -> str:
        return "".join(self.lines[record.first - self.beginning : record.end - self.beginning])


def open_delimited(source: InputFile, section: RecipientsSection) -> Table:
    """Open a file of delimited text: decide on encoding and delimiter, and read its header.

    Raises:
        SpreadsheetError: the text cannot be decoded, or it has no header.
    """
    with source.open() as stream:
        encoding = decide_encoding(stream, source.file, section.encoding)
    sample = _sample(source, encoding.codec)
    if not sample.strip("\ufeff\r\n\t ,;|"):
        raise SpreadsheetError(tr("the file is empty"), file=source.file, code="file-empty")
    dialect, notice = _decide_dialect(sample, encoding.codec, section, source.file)
    dialect = _with_habits(dialect, source, sample)
    reader = _Delimited(source, dialect)
    head, indexed = _without_trailing_cells(reader.head()), None
    if starts_with_index(head):
        indexed = index_notice(head[0], source.file)
        head = [line.without_left(1) for line in head]
    header = read_header(head, section, source.file)
    found = (encoding.notice, notice, indexed)
    notices = tuple(notice for notice in found if notice is not None) + header.notices
    shape = Shape(header, section, source.file)
    below = [line for line in head if line.number > header.number and line.filled][:2]
    if len(below) == 2:
        notices += tuple(shape.second_header(below[0].number, below[0].cells, below[1].cells))
    return Table(source.file, header, lambda: reader.batches(header, shape), notices)


def _sample(source: InputFile, codec: str) -> str:
    """The beginning of the text, cut after a whole line where there is one."""
    with source.open() as stream, io.TextIOWrapper(stream, codec, newline="") as text:
        sample = text.read(_SAMPLE)
    if len(sample) < _SAMPLE:
        return sample
    return sample[: max(sample.rfind("\n"), sample.rfind("\r")) + 1] or sample


def _decide_dialect(
    sample: str, codec: str, section: RecipientsSection, file: str
) -> tuple[_Dialect, Problem | None]:
    lines = io.StringIO(sample, newline="").readlines()
    named = _named_by_excel(lines[0])
    skip = max(section.skip_rows, 1 if named else 0)
    if section.delimiter or named:
        return _Dialect(codec, section.delimiter or named, skip), None
    delimiter = choose_delimiter("".join(lines[skip:]), section.address)
    if delimiter == ",":
        return _Dialect(codec, delimiter, skip), None
    escaped = "\\t" if delimiter == "\t" else delimiter
    notice = Problem(
        "warning",
        "delimiter-chosen",
        tr("the cells are separated by a {sign}", sign=tr(DELIMITERS[delimiter])),
        file,
        hint=tr(
            'if that is right, set delimiter = "{escaped}" under [recipients]', escaped=escaped
        ),
    )
    return _Dialect(codec, delimiter, skip), notice


def _with_habits(dialect: _Dialect, source: InputFile, sample: str) -> _Dialect:
    """The dialect with the habits of other programs that the text really has.

    Some write a space between the separator and a quotation mark, and databases write a backslash
    before a mark inside a cell. A reading without them must not be better.
    """
    if _has(source, dialect, f'{dialect.delimiter} "') and _has_spaced_cells(source, dialect):
        spaced = replace(dialect, spaces=True)
        if _readable(spaced, sample):
            dialect = spaced
    if '\\"' in sample and not _readable(dialect, sample):
        escaped = replace(dialect, escape="\\")
        if _readable(escaped, sample):
            dialect = escaped
    return dialect


def _has(source: InputFile, dialect: _Dialect, text: str) -> bool:
    """Whether the file has this text somewhere, which ends with a quotation mark.

    True if that is not known.
    """
    if dialect.codec.startswith(("utf-16", "utf-32", "utf_16", "utf_32")):
        return True
    wanted, rest = text.encode(), b""
    with source.open() as stream:
        while block := stream.read(_BLOCK):
            edge = rest + block[: len(wanted) - 1]
            if wanted in edge or _in_block(wanted, block):
                return True
            rest = block[1 - len(wanted) :]
    return False


def _in_block(wanted: bytes, block: bytes) -> bool:
    """Whether a block has a text that ends with a quotation mark.

    These are rare in most files, and a search for one byte takes a tenth of the time.
    """
    if block.count(b'"') * _RARE > len(block):
        return wanted in block
    at = block.find(b'"')
    while at >= 0:
        if block.endswith(wanted, 0, at + 1):
            return True
        at = block.find(b'"', at + 1)
    return False


_RARE = 200


def _has_spaced_cells(source: InputFile, dialect: _Dialect) -> bool:
    """Whether spaces precede the quotation mark of a cell, which is then read differently."""

    def rows(wanted: _Dialect) -> Iterator[list[str]]:
        with source.open() as stream, io.TextIOWrapper(stream, dialect.codec, newline="") as text:
            for _ in range(dialect.skip):
                text.readline()
            yield from wanted.reader(text)

    try:
        for plain, spaced in zip(rows(dialect), rows(replace(dialect, spaces=True)), strict=False):
            pairs = zip(plain, spaced, strict=False)
            if any(_SPACED.match(one) for one, other in pairs if one != other):
                return True
    except csv.Error:
        pass
    return False


_SPACED = re.compile(r' +"')


def _readable(dialect: _Dialect, sample: str) -> bool:
    """Whether the sample is well-formed in this dialect, but for a last cell that it cuts off."""
    lines = io.StringIO(sample, newline="").readlines()[dialect.skip :]
    reader = dialect.reader(iter(lines), strict=True)
    try:
        for _ in reader:
            pass
    except csv.Error as error:
        return "end of data" in str(error)
    return True


def _without_trailing_cells(head: Sequence[HeadRow]) -> list[HeadRow]:
    """The first rows without cells at the end that are blank in all of them.

    Some programs end each line with a separator.
    """
    most = max((len(row.cells) for row in head), default=0)
    used = max(
        (at + 1 for row in head for at, cell in enumerate(row.cells) if cell.strip()), default=most
    )
    return [HeadRow(row.number, row.cells[:used]) for row in head]


def _named_by_excel(line: str) -> str:
    """The delimiter that Excel names in a first line such as `sep=;`, or ""."""
    line = line.strip("\r\n").strip('"')
    return line[4] if len(line) == 5 and line[:4].lower() == "sep=" else ""


class _Delimited:
    """Reads one file of delimited text again and again, a block of records at a time."""

    def __init__(self, source: InputFile, dialect: _Dialect) -> None:
        self._source = source
        self._dialect = dialect

    def head(self) -> list[HeadRow]:
        """The first records that are not blank; a record that cannot be read ends them."""
        with closing(self._blocks(_HEAD)) as blocks:
            for block in blocks:
                texts = [(record.first, block.text(record)) for record in block.records()]
                lines = [HeadRow(first, self._cells(text)) for first, text in texts if text.strip()]
                if lines:
                    return lines
        return []

    def _cells(self, text: str) -> list[str]:
        reader = self._dialect.reader(io.StringIO(text, newline=""))
        return [plain_text(cell) for cell in next(reader, [])]

    def batches(self, header: Header, shape: Shape) -> Iterator[Batch]:
        """The records below the header; the last one may be a row of totals.

        Raises:
            SpreadsheetError: the text is not a table from some line on, or the file has changed.
        """
        self._source.check_unchanged()
        waiting: Batch | None = None
        rows = 0
        try:
            for batch in self._all_batches(header):
                if waiting is not None:
                    yield waiting
                waiting = batch
                rows += len(batch.numbers)
        except SpreadsheetError:
            if waiting is not None:
                yield waiting
            raise
        if waiting is not None:
            yield _with_totals(waiting, shape) if rows > 1 else waiting
        self._source.check_unchanged()

    def _all_batches(self, header: Header) -> Iterator[Batch]:
        missing = _Missing(self._source.file)
        for block in self._blocks(batch_rows(header.width)):
            if block.shapes:
                missing.count(block, header)
                batch = self._batch(block, header)
                yield replace(batch, columns=batch.columns[header.left :]) if header.left else batch

    def _blocks(self, size: int) -> Generator[_Block, None, None]:
        """Cut the text into blocks of `size` records, each with the lines it was made from."""
        dialect = self._dialect
        with (
            self._source.open() as stream,
            io.TextIOWrapper(stream, dialect.codec, "strict", newline="") as text,
        ):
            for _ in range(dialect.skip):
                text.readline()
            kept: list[str] = []
            # The csv module takes one line at a time, so `kept` never holds more than its records.
            reader = dialect.reader(_keeping(text, kept), strict=True)
            block = _Block(dialect.skip + 1, kept)
            while True:
                error = self._fill(block, reader, size)
                yield block
                if error is not None:
                    raise error
                if len(block.shapes) < size:
                    return
                kept.clear()
                block = _Block(block.ends[-1] + 1, kept)

    def _fill(self, block: _Block, reader: Reader, size: int) -> SpreadsheetError | None:
        """Count the fields and lines of up to `size` records; return what ended the block early."""
        before = reader.line_num
        try:
            block.shapes = list(map(len, islice(reader, size)))
        except csv.Error:
            return self._fill_slowly(block)
        except UnicodeDecodeError:
            self._source.check_unchanged()
            raise
        count = len(block.shapes)
        if reader.line_num - before == count:
            block.ends = range(block.beginning, block.beginning + count)
            return None
        return self._fill_slowly(block)

    def _fill_slowly(self, block: _Block) -> SpreadsheetError | None:
        """As `_fill`, for a block with a record of several lines or with a broken record."""
        reader = self._dialect.reader(block.lines, strict=True)
        block.shapes, block.ends = [], []
        first = block.beginning
        try:
            for record in reader:
                end = block.beginning + reader.line_num - 1
                if end - first >= _LINES_OF_A_RECORD:
                    return _broken("endless", self._source.file, first)
                block.shapes.append(len(record))
                block.ends.append(end)
                first = end + 1
        except csv.Error as error:
            return _broken(str(error), self._source.file, first)
        return None

    def _batch(self, block: _Block, header: Header) -> Batch:
        width = header.width
        regular = block.beginning > header.number and block.shapes.count(width) == len(block.shapes)
        if regular:
            numbers = block.firsts
            text = "".join(block.lines)
            columns = self._columns(text, len(numbers), width)
            return Batch(numbers, columns, characters=len(text))
        return self._sorted_batch(block, header)

    def _sorted_batch(self, block: _Block, header: Header) -> Batch:
        """A batch of the records that fit the header, and problems for the others."""
        width, blank = header.width, 0
        delimiter = self._dialect.delimiter
        numbers: list[int] = []
        texts: list[str] = []
        problems: list[Problem] = []
        for record in block.records():
            text = block.text(record)
            if record.first <= header.number:
                continue
            if not text.strip(f"{_LINE_ENDS}{delimiter} "):
                blank += 1
                continue
            fields = record.fields
            if fields > width and self._ends_blank(text, width):
                text = self._shortened(text, width)
                fields = width
            if fields != width:
                problems.append(_wrong_width(record, header, self._source.file))
            if fields <= width:
                numbers.append(record.first)
                missing = delimiter * (width - fields)
                texts.append(f"{text.rstrip(_LINE_ENDS)}{missing}\n" if missing else text)
        columns = self._columns("".join(texts), len(numbers), width)
        return Batch(numbers, columns, problems, blank)

    def _ends_blank(self, text: str, width: int) -> bool:
        """Whether all cells of a record behind the last column are blank."""
        return not any(cell.strip() for cell in self._cells(text)[width:])

    def _shortened(self, text: str, width: int) -> str:
        """A record without the cells behind the last column."""
        cells = next(self._dialect.reader(io.StringIO(text, newline="")), [])[:width]
        line = io.StringIO(newline="")
        csv.writer(line, delimiter=self._dialect.delimiter, quoting=csv.QUOTE_ALL).writerow(cells)
        return line.getvalue()

    def _columns(self, text: str, records: int, width: int) -> list[list[str]]:
        """Read records of equal width with pandas, and check that it finds all of them."""
        if not records:
            return [[] for _ in range(width)]
        if width > _WIDE:
            return self._wide_columns(text, width)
        import pandas as pd

        frame = pd.read_csv(
            io.StringIO(text),
            sep=self._dialect.delimiter,
            engine="c",
            header=None,
            names=range(width),
            index_col=False,
            # Plain Python strings: the string types of pandas take twice the time here.
            dtype=object,
            keep_default_na=False,
            na_filter=False,
            skip_blank_lines=False,
            low_memory=False,
            skipinitialspace=self._dialect.spaces,
            escapechar=self._dialect.escape,
        )
        if len(frame) != records:
            raise SpreadsheetError(
                tr(
                    "internal error: {counted} records were counted and {read} were read",
                    counted=records,
                    read=len(frame),
                ),
                file=self._source.file,
                hint=tr("save the file as .xlsx and use that"),
                code="readers-disagree",
            )
        columns = [frame[index].tolist() for index in range(width)]
        formulas = "=" in text and '="' in text  # a search for one character is far quicker
        return _without_text_formulas(columns) if formulas else columns

    def _wide_columns(self, text: str, width: int) -> list[list[str]]:
        """As `_columns`, for a table so wide that pandas takes most of its time for each column."""
        lines = io.StringIO(text, newline="")
        rows = (row for row in self._dialect.reader(lines) if row)
        columns = _without_text_formulas([list(column) for column in zip(*rows, strict=True)])
        return columns or [[] for _ in range(width)]


_LINE_ENDS = "\r\n"
_TEXT_FORMULA = re.compile(r'\s*="((?:[^"]|"")*)"\s*')


def plain_text(cell: str) -> str:
    """The text of a cell; of `="00123"`, with which programs keep zeros for Excel, 00123."""
    found = _TEXT_FORMULA.fullmatch(cell) if '="' in cell else None
    return found[1].replace('""', '"') if found is not None else cell


def _without_text_formulas(columns: list[list[str]]) -> list[list[str]]:
    return [list(map(plain_text, column)) for column in columns]


class _Missing:
    """Counts the cells that short rows lack, because each of them becomes an empty text.

    A header of 16,384 names and a million rows of one cell would take as much as a full sheet.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._missing = self._present = 0

    def count(self, block: _Block, header: Header) -> None:
        """Count the cells of a block.

        Raises:
            SpreadsheetError: by far most of the cells of the table are missing.
        """
        width = header.width
        if block.shapes.count(width) == len(block.shapes):  # nearly always
            self._present += width * len(block.shapes)
            return
        self._present += sum(block.shapes)
        short = (width - shape for shape in block.shapes if 0 < shape < width)
        self._missing += sum(short)
        if self._missing > max(_MISSING_CELLS, _MISSING_SHARE * self._present):
            raise SpreadsheetError(
                tr(
                    "the rows up to here lack {missing:,} cells of {width:,} columns",
                    missing=self._missing,
                    width=width,
                ),
                file=self._file,
                row=block.ends[-1],
                hint=tr("delete the columns that the messages do not use"),
                code="cells-missing",
            )


def _with_totals(batch: Batch, shape: Shape) -> Batch:
    """The last batch, with a notice if its last row sums up the table."""
    if not batch.numbers:
        return batch
    last = [column[-1] for column in batch.columns]
    found = tuple(shape.totals(batch.numbers[-1], last))
    return replace(batch, problems=(*batch.problems, *found)) if found else batch


def _keeping(lines: Iterator[str], kept: list[str]) -> Iterator[str]:
    for line in lines:
        kept.append(line)
        yield line


def _broken(reason: str, file: str, row: int) -> SpreadsheetError:
    """Turn an error of the csv module into one that names the fix."""
    if "expected after" in reason:
        what = tr("text follows a closing quotation mark")
        hint = tr('inside a quoted cell write "" for each quotation mark')
        return SpreadsheetError(what, file=file, row=row, hint=hint, code="quote-stray")
    if "field limit" in reason:
        what = tr("a cell of this row has more than 131,072 characters")
        hint = tr("look for a quotation mark that is not closed")
        return SpreadsheetError(what, file=file, row=row, hint=hint, code="cell-too-long")
    what = tr("a quotation mark that opens in this row is not closed")
    hint = tr("close it, or write it twice where it is part of the text")
    return SpreadsheetError(what, file=file, row=row, hint=hint, code="quote-open")


def _wrong_width(record: _Record, header: Header, file: str) -> Problem:
    width = header.width
    cells = trn(
        "the row has {count} cell, the header has {width}",
        "the row has {count} cells, the header has {width}",
        record.fields,
        width=width,
    )
    if record.fields > width:
        hint = tr("put the cell that contains the separator into quotation marks")
        return Problem("error", "row-too-long", cells, file, record.first, hint=hint)
    hint = tr("missing cells are read as empty; add the separators")
    return Problem("warning", "row-too-short", cells, file, record.first, hint=hint)
