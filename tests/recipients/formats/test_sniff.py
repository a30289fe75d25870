"""The first bytes of a file decide on its format, not its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.recipients.formats import Format
from mailmerge.recipients.formats.sniff import FORMATS, open_table
from mailmerge.recipients.input_file import open_input_file
from mailmerge.recipients.spreadsheet import Spreadsheet
from mailmerge.recipients.table import SheetRow
from mailmerge.settings import RecipientsSection

BEGINNINGS = {
    "workbook": [b"PK\x03\x04", b"PK\x05\x06"],
    "XLS workbook": [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"],
    "Parquet": [b"PAR1"],
    "JSON Lines": [b'{"email": "a@x.org"}'],
}


def test_each_beginning_belongs_to_one_format() -> None:
    assert [known.name for known in FORMATS] == list(BEGINNINGS)
    for name, beginnings in BEGINNINGS.items():
        for head in beginnings:
            assert [known.name for known in FORMATS if known.recognizes(head)] == [name]


@pytest.mark.parametrize("head", [b"", b"email\n", b"%PDF-1.7", b"\xff\xfee\0m\0"])
def test_other_beginnings_belong_to_none(head: bytes) -> None:
    assert [known.name for known in FORMATS if known.recognizes(head)] == []


def open_bytes(folder: Path, content: bytes, *more: Format) -> Spreadsheet:
    path = folder / "people.csv"
    path.write_bytes(content)
    source = open_input_file(path, "people.csv")
    return Spreadsheet(open_table(source, RecipientsSection(), (*FORMATS, *more)))


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"%PDF-1.7\n", "a PDF document"),
        (b"\x1f\x8b\x08\0", "a compressed file (gzip)"),
        (b"{\\rtf1\\ansi", "a text document (RTF)"),
        (b"SQLite format 3\0", "a database"),
        (b"<html><table><tr>", "a web page or XML"),
        (b'\xef\xbb\xbf\n<?xml version="1.0"?><Workbook/>', "a web page or XML"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
    ],
)
def test_other_kinds_of_files_are_named(tmp_path: Path, content: bytes, what: str) -> None:
    with pytest.raises(SpreadsheetError) as caught:
        open_bytes(tmp_path, content)
    problem = caught.value.problem
    assert (problem.code, problem.file, problem.row) == ("format-unknown", "people.csv", None)
    assert what in problem.message
    assert problem.hint


def test_any_other_text_is_delimited(tmp_path: Path) -> None:
    assert open_bytes(tmp_path, b"email,name\na@x.org,Ann\n").columns == ("email", "name")


CARDS = b"""BEGIN:VCARD
VERSION:4.0
FN:Ann Miller
EMAIL;TYPE=work:ann@example.org
END:VCARD
BEGIN:VCARD
VERSION:4.0
FN:Bob
EMAIL:bob@example.org
END:VCARD
"""


def test_the_format_of_the_guide_for_contributors_works(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[3] / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = guide.partition("## Add a file format")[2].partition("\n## ")[0]
    example = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert example is not None
    module: dict[str, object] = {}
    exec(compile(example[1], "vcard.py", "exec"), module)
    added = module["FORMAT"]
    assert isinstance(added, Format)
    spreadsheet = open_bytes(tmp_path, CARDS, added)
    assert spreadsheet.columns == ("version", "fn", "email")
    rows = [(row.number, row.cells["fn"], row.cells["email"]) for row in spreadsheet.rows()]
    assert rows == [(1, "Ann Miller", "ann@example.org"), (6, "Bob", "bob@example.org")]
    unfinished = open_bytes(tmp_path, CARDS.replace(b"END:VCARD\n", b"", 1), added)
    problem, bob = unfinished.records()
    assert isinstance(problem, Problem)
    assert (problem.code, problem.row) == ("vcard-unfinished", 1)
    assert isinstance(bob, SheetRow)
    assert (bob.number, bob.cells["fn"]) == (5, "Bob")
    latin = open_bytes(tmp_path, CARDS.replace(b"Miller", b"M\xfcller"), added)
    assert [row.cells["fn"] for row in latin.rows()] == ["Ann Müller", "Bob"]
