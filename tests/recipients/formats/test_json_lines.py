"""JSON Lines keep their digits, and a line that is wrong is named."""

from __future__ import annotations

import json

import pytest

from mailmerge.errors import Problem
from mailmerge.recipients.formats.json_lines import FORMAT
from mailmerge.recipients.table import BATCH_ROWS, SheetRow
from tests.recipients.conftest import Folder

JSON = """{"email": "a@x.org", "price": 34.30, "id": 9007199254740993, "zip": "007"}

{"email": "b@x.org", "ok": true, "price": null, "n": 1e400}
{"email": "c@x.org", "tags": ["x"]}
"""


def test_numbers_keep_every_digit(folder: Folder) -> None:
    folder.put(JSON)
    spreadsheet = folder.open()
    assert spreadsheet.columns == ("email", "price", "id", "zip", "ok", "n", "tags")
    records = list(spreadsheet.records())
    rows = [
        (row.number, list(row.cells.values())[1:6]) for row in records if isinstance(row, SheetRow)
    ]
    assert rows == [
        (1, ["34.30", "9007199254740993", "007", "", ""]),
        (3, ["", "", "", "TRUE", "1e400"]),
    ]
    (problem,) = (item for item in records if isinstance(item, Problem))
    assert (problem.code, problem.row, problem.column) == ("cell-nested", 4, "tags")


def test_a_line_that_does_not_end_is_an_error(folder: Folder) -> None:
    folder.put('{"email": "a@x.org"}\n{"email": "b@x.org", "n": "' + "x" * 20_000_000)
    problem = folder.problem()
    assert (problem.code, problem.row) == ("json", 2)
    assert "the line has more than" in problem.message
    assert problem.hint == "write one object on each line"


@pytest.mark.parametrize(
    ("text", "code", "row"),
    [
        ('{"email": "a@x.org"}\n{"email": \n', "json", 2),
        ('{"email": "a@x.org"}\n[1]\n', "json", 2),
        ('{"email": "a@x.org"}\n' + "[" * 100_000 + "\n", "json", 2),
        ("{}\n", "file-empty", None),
        ('{"mail": "a"}\n', "no-column", None),
        ('{"email": "a@x.org", "n": "\\ud800"}\n', "cell-not-text", 1),
    ],
)
def test_a_wrong_line_is_named(folder: Folder, text: str, code: str, row: int | None) -> None:
    folder.put(text)
    assert (folder.problem().code, folder.problem().row) == (code, row)


def test_more_rows_than_a_batch_keep_their_order(folder: Folder) -> None:
    count = 2 * BATCH_ROWS + 1
    lines = [json.dumps({"email": f"p{n}@x.org", "n": n}) for n in range(count)]
    lines[BATCH_ROWS] = '{"email": [], "n": 0}'
    folder.put("\n".join(lines))
    records = list(folder.open().records())
    assert [row.number if isinstance(row, SheetRow) else row.row for row in records] == list(
        range(1, count + 1)
    )
    assert [one.row for one in records if isinstance(one, Problem)] == [BATCH_ROWS + 1]


def test_another_encoding_is_reported(folder: Folder) -> None:
    folder.put('{"email": "a@x.org", "name": "Zoë"}\n'.encode("cp1252"))
    assert folder.open().columns == ("email", "name")
    assert [row.cells["name"] for row in folder.open().rows()] == ["Zoë"]
    assert folder.problem().code == "encoding-chosen"


@pytest.mark.parametrize(
    ("head", "recognized"),
    [
        (b'{"email": 1}', True),
        (b'\xef\xbb\xbf \n{ "a": 1}', True),
        (b"{}", True),
        (b"{\\rtf1", False),
        (b"{{ name }}", False),
        (b"[1]", False),
        (b"", False),
    ],
)
def test_an_object_at_the_beginning_is_recognized(head: bytes, recognized: bool) -> None:
    assert FORMAT.recognizes(head) is recognized
