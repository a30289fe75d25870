"""Spreadsheets that cost a reader far more than their size, one function for each kind.

Each writes a file of at most 10 MB. `KINDS` has what the reader may say: the code of an error, or
the number of rows that it reads. A recipient's row in them has the address a@x.org.
"""

from __future__ import annotations

import random
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import repeat
from pathlib import Path

from mailmerge.recipients.columns import column_letters

MEGABYTE = 1 << 20
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
NAMES = "urn:oasis:names:tc:opendocument:xmlns"

Part = str | Iterable[str]


def text_cell(place: str, text: str) -> str:
    named = f' r="{place}"' if place else ""
    return f'<c{named} t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>'


HEADER = f'<row r="1">{text_cell("A1", "email")}{text_cell("B1", "n")}</row>'
FIRST = f'<row r="2">{text_cell("A2", "a@x.org")}<c r="B2"><v>5</v></c></row>'
TABLE = HEADER + FIRST


def one_row(cell: str) -> str:
    """A table whose only row has this cell in column B."""
    return f'{HEADER}<row r="2">{text_cell("A2", "a@x.org")}{cell}</row>'


def rows(*parts: Part) -> Iterator[str]:
    yield f'<worksheet xmlns="{MAIN}"><sheetData>'
    for part in parts:
        yield from [part] if isinstance(part, str) else part
    yield "</sheetData></worksheet>"


def xlsx(
    path: Path,
    sheet: Part,
    *,
    book: Part = "",
    sheets: int = 1,
    more: Mapping[str, Part] | None = None,
) -> None:
    """Write a workbook; `more` are parts of xl/ such as `styles` and `sharedStrings`."""
    listed = (f'<sheet name="S{n}" sheetId="{n}" r:id="r1"/>' for n in range(1, sheets + 1))
    parts: dict[str, Part] = {
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" '
        f'Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" '
        f'Type="{RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="r2" '
        f'Type="{RELATIONS}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
        "xl/workbook.xml": [
            f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>',
            *listed,
            "</sheets>",
            *([book] if isinstance(book, str) else book),
            "</workbook>",
        ],
        "xl/worksheets/sheet1.xml": sheet,
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}"/>',
        **{f"xl/{name}.xml": part for name, part in (more or {}).items()},
    }
    pack(path, parts)


def pack(path: Path, parts: dict[str, Part]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            with archive.open(name, "w", force_zip64=True) as stream:
                for piece in [part] if isinstance(part, str) else part:
                    stream.write(piece.encode())


def ods(path: Path, *table_rows: Part, tables: int = 1) -> None:
    def content() -> Iterator[str]:
        spaces = "".join(f' xmlns:{n}="{NAMES}:{n}:1.0"' for n in ("office", "table", "text"))
        yield f"<office:document-content{spaces}><office:body><office:spreadsheet>"
        for number in range(tables):
            yield f'<table:table table:name="T{number}">'
            for part in table_rows:
                yield from [part] if isinstance(part, str) else part
            yield "</table:table>"
        yield "</office:spreadsheet></office:body></office:document-content>"

    pack(path, {"mimetype": ODS, "META-INF/manifest.xml": "<m/>", "content.xml": content()})


def ods_row(*cells: str, times: int | str = 1) -> str:
    return (
        f'<table:table-row table:number-rows-repeated="{times}">{"".join(cells)}</table:table-row>'
    )


def ods_cell(text: str, more: str = "") -> str:
    return (
        f'<table:table-cell office:value-type="string" {more}><text:p>{text}</text:p>'
        "</table:table-cell>"
    )


ODS_TABLE = ods_row(ods_cell("email"), ods_cell("n")) + ods_row(ods_cell("a@x.org"), ods_cell("5"))


def styles(count: int) -> Iterator[str]:
    yield f'<styleSheet xmlns="{MAIN}"><numFmts>'
    yield from (f'<numFmt numFmtId="{200 + n}" formatCode="0.{n}"/>' for n in range(count))
    yield "</numFmts><cellXfs>"
    yield from (f'<xf numFmtId="{200 + n}"/>' for n in range(count))
    yield "</cellXfs></styleSheet>"


def date_style(code: str) -> str:
    return (
        f'<styleSheet xmlns="{MAIN}"><numFmts>'
        f'<numFmt numFmtId="200" formatCode="{code}"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="200"/></cellXfs></styleSheet>'
    )


def noise(count: int, text: Callable[[int], str]) -> Iterator[str]:
    """Pieces of XML that do not pack well, so that the size of the file alone is no reason."""
    source = random.Random(1)
    for _ in range(count // 1000):
        yield "".join(text(source.getrandbits(30)) for _ in range(1000))


# -- XLSX -----------------------------------------------------------------------------------------


def zip_bomb(path: Path) -> None:
    xlsx(path, rows(TABLE, repeat(" " * MEGABYTE, 64)))


def zip_of_nested_bombs(path: Path) -> None:
    xlsx(path, rows(TABLE), more={f"media/z{n}": repeat("\0" * MEGABYTE, 20) for n in range(9)})


def many_parts(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number}", "")


def cut_archive(path: Path) -> None:
    xlsx(path, rows(TABLE))
    path.write_bytes(path.read_bytes()[:-40])


def shared_texts_bomb(path: Path) -> None:
    texts = noise(200_000, lambda n: f"<si><t>{n:x}{'x' * 1000}</t></si>")
    xlsx(path, rows(TABLE), more={"sharedStrings": [f'<sst xmlns="{MAIN}">', *texts, "</sst>"]})


def shared_texts_of_a_lie(path: Path) -> None:
    xlsx(
        path,
        rows(one_row('<c r="B2" t="s"><v>0</v></c>')),
        more={
            "sharedStrings": f'<sst xmlns="{MAIN}" count="4000000000" uniqueCount="4000000000">'
            "<si><t>one</t></si></sst>"
        },
    )


def one_long_text_in_every_row(path: Path) -> None:
    table = (
        f'<row r="{n}">{text_cell(f"A{n}", f"p{n}@x.org")}<c r="B{n}" t="s"><v>0</v></c></row>'
        for n in range(2, 50_002)
    )
    texts = f'<sst xmlns="{MAIN}"><si><t>{"x" * 130_000}</t></si></sst>'
    xlsx(path, rows(HEADER, table), more={"sharedStrings": texts})


def a_row_of_a_million_cells(path: Path) -> None:
    cells = noise(5_000_000, lambda n: f'<c r="A3" s="{n % 97}"/>')
    xlsx(path, rows(TABLE, '<row r="3">', cells, "</row>"))


def empty_cells_with_a_style(path: Path) -> None:
    def filled() -> Iterator[str]:
        source = random.Random(1)
        letters = [column_letters(n) for n in range(26)]
        for row in range(3, 105_000):
            cells = "".join(f'<c r="{x}{row}" s="{source.getrandbits(5)}"/>' for x in letters)
            yield f'<row r="{row}">{cells}</row>'

    xlsx(path, rows(TABLE, filled()))


def elements_without_meaning(path: Path) -> None:
    xlsx(path, rows(TABLE, noise(12_000_000, lambda n: f"<x{n % 7}/><y/>")))


def deep_elements(path: Path) -> None:
    xlsx(path, rows(TABLE, repeat("<x>" * 1000, 1000)))


def one_long_tag(path: Path) -> None:
    xlsx(path, rows(TABLE, '<row r="3" x="', noise(2_000_000, lambda n: f"{n:x} "), '"/>'))


def wide_and_named(path: Path) -> None:
    names = "".join(text_cell("", f"c{n}") for n in range(16_383))
    cells = "".join(f"<c><v>{n}</v></c>" for n in range(16_383))
    people = (f"<row>{text_cell('', f'p{n}@x.org')}{cells}</row>" for n in range(20))
    xlsx(path, rows(f"<row>{text_cell('', 'email')}{names}</row>", people))


def uncalculated_formulas(path: Path) -> None:
    table = (
        f'<row r="{n}">{text_cell(f"A{n}", f"p{n}@x.org")}<c r="B{n}"><f>{n}+1</f></c></row>'
        for n in range(2, 100_002)
    )
    xlsx(path, rows(HEADER, table))


def merged_over_each_other(path: Path) -> None:
    areas = repeat('<mergeCell ref="A1:XFD1048576"/>' * 1000, 200)
    sheet = [*rows(TABLE)]
    sheet[-1] = "</sheetData><mergeCells>"
    xlsx(path, [*sheet, *areas, "</mergeCells></worksheet>"])


def hidden_rows(path: Path) -> None:
    xlsx(path, rows(TABLE, (f'<row r="{n}" hidden="1"/>' for n in range(3, 300_000))))


def far_empty_rows(path: Path) -> None:
    xlsx(path, rows(TABLE, (f'<row r="{n}" ht="15"/>' for n in range(800_000, 1_048_577))))


def in_utf_16(path: Path) -> None:
    xlsx(path, rows(TABLE))
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = '<?xml version="1.0" encoding="UTF-16"?>' + "".join(rows(TABLE))
    parts["xl/worksheets/sheet1.xml"] = sheet.encode("utf-16")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def dense(path: Path) -> None:
    """A legitimate list of almost 10 MB: 100,000 rows of nine columns."""
    source = random.Random(1)

    def people() -> Iterator[str]:
        for n in range(2, 130_002):
            key = f"{source.getrandbits(60):x}"
            cells = text_cell(f"A{n}", f"{key}@mail{n % 977}.example.org")
            cells += text_cell(f"B{n}", f"Name {key[:9]}") + text_cell(f"C{n}", f"City {n % 501}")
            for letter in "DEFGHI":
                cells += f'<c r="{letter}{n}"><v>{source.randrange(100_000)}</v></c>'
            yield f'<row r="{n}">{cells}</row>'

    names = "".join(text_cell(f"{column_letters(n + 1)}1", f"c{n}") for n in range(8))
    xlsx(path, rows(f'<row r="1">{text_cell("A1", "email")}{names}</row>', people()))


# -- XLS and XLSB ---------------------------------------------------------------------------------


def ole(stream: bytes, table: Callable[[int], int] | None = None) -> bytes:
    """An OLE2 file with one stream; `table` says which sector follows another one."""
    stream = stream.ljust(max(4096, -(-len(stream) // 512) * 512), b"\0")
    sectors = len(stream) // 512
    follow = table or (lambda n: n + 1)
    chain = [0xFFFFFFFD, 0xFFFFFFFE, *(follow(n + 2) for n in range(sectors - 1)), 0xFFFFFFFE]
    chain += [0xFFFFFFFF] * (128 - len(chain))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<9I", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    header += struct.pack("<109I", 0, *[0xFFFFFFFF] * 108)

    def entry(name: str, kind: int, start: int, size: int, child: int) -> bytes:
        raw = (name + "\0").encode("utf-16-le")
        links = struct.pack("<HBBIII", len(raw), kind, 1, 0xFFFFFFFF, 0xFFFFFFFF, child)
        return raw.ljust(64, b"\0") + links + bytes(36) + struct.pack("<III", start, size, 0)

    directory = entry("Root Entry", 5, 0xFFFFFFFE, 0, 1)
    directory += entry("Workbook", 2, 2, len(stream), 0xFFFFFFFF)
    return header + struct.pack("<128I", *chain) + directory.ljust(512, b"\0") + stream


def biff(*cells: tuple[int, int, float]) -> bytes:
    """The stream of an XLS workbook with numbers in these places."""

    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    def begin(kind: int) -> bytes:
        return record(0x809, struct.pack("<HHHHII", 0x600, kind, 0, 0, 0, 0x600))

    end = record(0x0A, b"")
    offset = len(begin(5)) + 4 + 8 + 4 + len(end)
    sheet = record(0x85, struct.pack("<IBBBB", offset, 0, 0, 4, 0) + b"Data")
    numbers = (record(0x203, struct.pack("<HHHd", row, col, 0, n)) for row, col, n in cells)
    return begin(5) + sheet + end + begin(0x10) + b"".join(numbers) + end


def xls_far_cell(path: Path) -> None:
    path.write_bytes(ole(biff((0, 0, 1.0), (65_535, 255, 2.0))))


def xls_circle(path: Path) -> None:
    path.write_bytes(ole(biff((0, 0, 1.0)), table=lambda n: n))


def xls_cut(path: Path) -> None:
    path.write_bytes(ole(biff((0, 0, 1.0)))[:1100])


def xls_noise(path: Path) -> None:
    source = random.Random(3)
    path.write_bytes(ole(biff((0, 0, 1.0))[:60] + source.randbytes(50_000)))


def xlsb_far_cell(path: Path) -> None:
    row = b"\x00\x11" + struct.pack("<I", 1_048_575) + bytes(13)
    cell = b"\x05\x10" + struct.pack("<II", 16_383, 0) + bytes(8)
    first = b"\x00\x11" + bytes(17) + b"\x05\x10" + bytes(16)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.bin", b"")
        archive.writestr("xl/worksheets/sheet1.bin", first + row + cell)


def xlsb_noise(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.bin", random.Random(5).randbytes(20_000))
        archive.writestr("xl/worksheets/sheet1.bin", random.Random(6).randbytes(20_000))


# -- text -----------------------------------------------------------------------------------------


def csv(path: Path, *parts: str | bytes) -> None:
    with path.open("wb") as stream:
        for part in parts:
            stream.write(part.encode() if isinstance(part, str) else part)


def wide_csv(path: Path) -> None:
    names = ",".join(f"c{n}" for n in range(99_999))
    csv(path, f"email,{names}\n", *[f"a@x.org{',' * 99_999}\n"] * 90)


def legal_width(path: Path) -> None:
    names = ",".join(f"c{n}" for n in range(16_383))
    csv(path, f"email,{names}\n", *(f"p{n}@x.org{',' * 16_383}\n" for n in range(550)))


def short_rows(path: Path) -> None:
    names = ",".join(f"c{n}" for n in range(16_383))
    csv(path, f"email,{names}\n", *(f"p{n}@x.org\n" for n in range(600_000)))


def json_deep(path: Path) -> None:
    csv(path, '{"email": "a@x.org", "n": ', "[" * 1_000_000, "\n")


def json_lists(path: Path) -> None:
    csv(path, '{"email": "a@x.org", "n": [', "[]," * 3_000_000, "1]}\n")


def json_names(path: Path) -> None:
    csv(path, *(f'{{"email": "a{n}@x.org", "c{n}": 1}}\n' for n in range(200_000)))


def json_sparse(path: Path) -> None:
    first = ", ".join(f'"c{n}": 1' for n in range(16_000))
    csv(path, f'{{"email": "a@x.org", {first}}}\n', '{"email": ""}\n' * 500_000)


# -- Parquet --------------------------------------------------------------------------------------


def parquet(path: Path, **columns: object) -> None:
    import pyarrow as pa
    from pyarrow import parquet as writer

    writer.write_table(pa.table(columns), path, compression="zstd")


def parquet_rows(path: Path) -> None:
    import pyarrow as pa

    index = pa.nulls(30_000_000, pa.int8())
    parquet(path, email=pa.DictionaryArray.from_arrays(index, ["a@x.org"]))


def parquet_long_text(path: Path) -> None:
    import pyarrow as pa

    index = [0] * 8_000
    texts = pa.DictionaryArray.from_arrays(index, ["x" * 5_000_000])
    parquet(path, email=["a@x.org"] * 8_000, n=texts)


def parquet_shared_text(path: Path) -> None:
    import pyarrow as pa

    texts = pa.DictionaryArray.from_arrays([0] * 8_000, ["x" * 100_000])
    parquet(path, email=[f"p{n}@x.org" for n in range(8_000)], n=texts)


def parquet_dates(path: Path) -> None:
    import pyarrow as pa

    parquet(path, email=["a@x.org", "b@x.org"], n=pa.array([10**12, 5], pa.timestamp("s")))


def parquet_cut(path: Path) -> None:
    parquet(path, email=[f"p{n}@x.org" for n in range(20_000)])
    content = bytearray(path.read_bytes())
    content[200:5_000] = bytes(4_800)
    path.write_bytes(content)


Kind = tuple[Callable[[Path], None], str | int]


def _xlsx(sheet: str, **more: Part) -> Callable[[Path], None]:
    return lambda path: xlsx(path, rows(sheet), more=more)


def _ods(*table_rows: Part, tables: int = 1) -> Callable[[Path], None]:
    return lambda path: ods(path, *table_rows, tables=tables)


def _csv(*parts: str | bytes) -> Callable[[Path], None]:
    return lambda path: csv(path, *parts)


def _far(place: str, text: str) -> str:
    digits = place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return f'{TABLE}<row r="{digits}">{text_cell(place, text)}</row>'


KINDS: dict[str, Kind] = {
    "xlsx: a text in the last cell": (_xlsx(_far("XFD1048576", "x")), "column-unnamed"),
    "xlsx: a text far away": (_xlsx(_far("BZZ60000", "x")), "column-unnamed"),
    "xlsx: a space far away": (_xlsx(_far("AZ1048576", " ")), 1),
    "xlsx: a space in the last row": (_xlsx(_far("A1048576", " ")), 1),
    "xlsx: a space in the last column": (_xlsx(_far("XFD9", " ")), 1),
    "xlsx: a row beyond the last": (_xlsx(_far("A4000000000", "x")), "cell-outside"),
    "xlsx: a negative row": (_xlsx(f'{TABLE}<row r="-1"/>'), "cell-outside"),
    "xlsx: a place that is none": (_xlsx(one_row(text_cell("!!", "x"))), "cell-outside"),
    "xlsx: a negative place": (_xlsx(one_row(text_cell("B-2", "x"))), "cell-outside"),
    "xlsx: more cells than columns": (
        _xlsx(f"<row>{text_cell('', 'x') * 17_000}</row>"),
        "cell-outside",
    ),
    "xlsx: all columns named": (wide_and_named, 20),
    "xlsx: a size that is a lie": (
        lambda path: xlsx(
            path,
            [
                f'<worksheet xmlns="{MAIN}"><dimension ref="A1:XFD1048576"/><sheetData>',
                TABLE,
                "</sheetData></worksheet>",
            ],
        ),
        1,
    ),
    "xlsx: a ZIP bomb": (zip_bomb, "archive-bomb"),
    "xlsx: bombs beside the sheet": (zip_of_nested_bombs, "archive-bomb"),
    "xlsx: 20,000 parts": (many_parts, "archive-bomb"),
    "xlsx: cut off": (cut_archive, "file-damaged"),
    "xlsx: 200 MB of shared texts": (shared_texts_bomb, "sheet-too-large"),
    "xlsx: a number of texts that is a lie": (shared_texts_of_a_lie, 1),
    "xlsx: one long text for all": (one_long_text_in_every_row, 50_000),
    "xlsx: five million cells in one place": (a_row_of_a_million_cells, "sheet-too-large"),
    "xlsx: 2.6 million empty cells": (empty_cells_with_a_style, "sheet-too-large"),
    "xlsx: 24 million elements": (elements_without_meaning, "sheet-too-large"),
    "xlsx: a million elements in each other": (deep_elements, "file-damaged"),
    "xlsx: a tag of 16 MB": (one_long_tag, "file-damaged"),
    "xlsx: a text of 9 MB": (_xlsx(one_row(text_cell("B2", "x" * 9_000_000))), "cell-too-long"),
    "xlsx: a number of 9 MB": (
        _xlsx(one_row(f'<c r="B2"><v>{"7" * 9_000_000}</v></c>')),
        "cell-too-long",
    ),
    "xlsx: a thousand sheets": (
        lambda path: xlsx(path, rows(TABLE), sheets=1_000),
        "sheet-choice",
    ),
    "xlsx: 200,000 styles": (
        lambda path: xlsx(path, rows(TABLE), more={"styles": styles(200_000)}),
        "sheet-too-large",
    ),
    "xlsx: a format of 9 MB": (
        lambda path: xlsx(
            path,
            rows(one_row('<c r="B2" s="1"><v>5</v></c>')),
            more={"styles": date_style("0" * 900_000)},
        ),
        1,
    ),
    "xlsx: 100,000 names": (
        lambda path: xlsx(
            path,
            rows(TABLE),
            book=(f'<definedName name="n{n}">S1!$A$1</definedName>' for n in range(100_000)),
        ),
        1,
    ),
    "xlsx: entities": (
        lambda path: xlsx(
            path, ['<!DOCTYPE x [<!ENTITY a "aaaaaaaa">]>', *rows(one_row(text_cell("B2", "&a;")))]
        ),
        "file-damaged",
    ),
    "xlsx: a number out of range": (
        _xlsx(one_row('<c r="B2"><v>1e999999999</v></c>')),
        "number-invalid",
    ),
    "xlsx: a number that is none": (_xlsx(one_row('<c r="B2"><v>NaN</v></c>')), "number-invalid"),
    "xlsx: a large number with a format": (
        lambda path: xlsx(
            path,
            rows(one_row('<c r="B2" s="1"><v>1.5e308</v></c>')),
            more={"styles": date_style("#,##0.00%")},
        ),
        1,
    ),
    "xlsx: a date out of range": (
        lambda path: xlsx(
            path,
            rows(one_row('<c r="B2" s="1"><v>1e300</v></c>')),
            more={"styles": date_style("yyyy-mm-dd")},
        ),
        1,
    ),
    "xlsx: 100,000 formulas without a value": (uncalculated_formulas, "formula-not-calculated"),
    "xlsx: merged areas over each other": (merged_over_each_other, 1),
    "xlsx: 300,000 hidden rows": (hidden_rows, 1),
    "xlsx: 250,000 empty rows at the end": (far_empty_rows, 1),
    "xlsx: in UTF-16": (in_utf_16, 1),
    "xlsx: a text that is not there": (
        _xlsx(one_row('<c r="B2" t="s"><v>4000000000</v></c>')),
        "file-damaged",
    ),
    "ods: a row two thousand million times": (
        _ods(ODS_TABLE, ods_row(ods_cell("b@x.org"), times=2_000_000_000)),
        "cell-outside",
    ),
    "ods: a cell a thousand million times": (
        _ods(ODS_TABLE, ods_row(ods_cell("x", 'table:number-columns-repeated="1000000000"'))),
        "cell-outside",
    ),
    "ods: a full sheet of one cell": (
        _ods(ods_row(ods_cell("x", 'table:number-columns-repeated="16384"'), times=1_048_576)),
        "sheet-too-large",
    ),
    "ods: the empty rest of a sheet": (
        _ods(
            ODS_TABLE,
            ods_row('<table:table-cell table:number-columns-repeated="16384"/>', times=1_048_574),
        ),
        1,
    ),
    "ods: a space in the last row": (
        _ods(ODS_TABLE, ods_row(times=1_048_573), ods_row(ods_cell('<text:s text:c="1"/>'))),
        1,
    ),
    "ods: a thousand million spaces": (
        _ods(ODS_TABLE, ods_row(ods_cell('<text:s text:c="1000000000"/>'))),
        "cell-too-long",
    ),
    "ods: many runs of spaces": (
        _ods(ODS_TABLE, ods_row(ods_cell('<text:s text:c="100000"/>' * 10_000))),
        "cell-too-long",
    ),
    "ods: tables in tables": (
        _ods(ODS_TABLE, ods_row("<table:table-cell><table:table>" * 100_000)),
        "file-damaged",
    ),
    "ods: areas without end": (
        _ods(
            ODS_TABLE.replace(
                'office:value-type="string"',
                'office:value-type="string" table:number-rows-spanned="1000000000" '
                'table:number-columns-spanned="1000000000"',
            )
        ),
        1,
    ),
    "ods: hidden rows without end": (
        _ods(
            ODS_TABLE,
            '<table:table-row table:visibility="collapse" '
            'table:number-rows-repeated="4000000000"/>',
        ),
        1,
    ),
    "ods: 20,000 tables": (_ods(ODS_TABLE, tables=20_000), "sheet-choice"),
    "ods: a count that is none": (_ods(ods_row(ods_cell("x"), times="-5")), "file-damaged"),
    "xls: a number in the last cell": (xls_far_cell, "column-unnamed"),
    "xls: a circle of sectors": (xls_circle, "file-damaged"),
    "xls: cut off": (xls_cut, "file-damaged"),
    "xls: noise": (xls_noise, "file-damaged"),
    "xlsb: a number in the last cell": (xlsb_far_cell, "sheet-too-large"),
    "xlsb: noise": (xlsb_noise, "file-damaged"),
    "csv: 100,000 columns": (wide_csv, "columns-too-many"),
    "csv: a million columns without a name": (
        _csv("email", *["," * 1_000_000 + "a\n"] * 9),
        "columns-too-many",
    ),
    "csv: a million empty cells at the end of each row": (
        _csv("email", *["," * 1_000_000 + "\n"] * 9),
        "no-recipients",
    ),
    "csv: 16,384 columns": (legal_width, 550),
    "csv: rows far shorter than the header": (short_rows, "cells-missing"),
    "csv: a quotation mark that stays open": (
        _csv('email,n\na@x.org,"', "x\n" * 4_000_000),
        "cell-too-long",
    ),
    "csv: a cell of 9 MB": (_csv("email,n\na@x.org,", "x" * 9_000_000), "cell-too-long"),
    "csv: quotation marks": (_csv("email,n\na@x.org,", '"' * 9_000_000), "cell-too-long"),
    "csv: 9 MB of NUL": (_csv("email,n\na@x.org,x\n", bytes(9_000_000)), "cell-too-long"),
    "csv: half of a UTF-16 character": (
        _csv(b"\xff\xfe", "email,n\n".encode("utf-16-le"), b"a"),
        "encoding-mixed",
    ),
    "csv: a line of 9 MB in Latin-1": (
        _csv(b"email,n\na@x.org,", b"Ren\xe9e M\xfcller, " * 600_000),
        "row-too-long",
    ),
    "csv: two encodings": (
        _csv("email,n\na@x.org,Zoë\n" * 100_000, b"b@x.org,Ren\xe9e\n"),
        "encoding-mixed",
    ),
    "csv: 9 MB of line ends": (_csv("email,n\na@x.org,x\n", "\n" * 9_000_000), 1),
    "csv: 10,000 columns of one name": (
        _csv("email", ",n" * 10_000, "\na@x.org\n"),
        "column-twice",
    ),
    "json: a million lists in each other": (json_deep, "json"),
    "json: three million lists": (json_lists, "json"),
    "json: 200,000 names": (json_names, "columns-too-many"),
    "json: names that few records have": (json_sparse, "sheet-too-large"),
    "json: a long number": (
        _csv('{"email": "a@x.org", "n": ', "7" * 900_000, "}\n"),
        "cell-too-long",
    ),
    "parquet: thirty million rows": (parquet_rows, "sheet-too-large"),
    "parquet: a long text in every row": (parquet_long_text, "cell-too-long"),
    "parquet: a shared text in every row": (parquet_shared_text, 8_000),
    "parquet: a date out of range": (parquet_dates, "number-invalid"),
    "parquet: damaged in the middle": (parquet_cut, "file-damaged"),
}

SLOW = frozenset(
    {
        "xlsx: 200 MB of shared texts",
        "xlsx: five million cells in one place",
        "xlsx: 2.6 million empty cells",
        "xlsx: 24 million elements",
        "xlsx: a tag of 16 MB",
        "csv: 9 MB of line ends",
    }
)
"""The kinds that take many seconds to make or to read."""
