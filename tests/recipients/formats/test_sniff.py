"""JSON Lines and Parquet, and standard input."""

from __future__ import annotations

import builtins
import datetime as dt
from collections.abc import Callable

import pandas as pd
import pytest

from mailmerge.errors import Problem
from mailmerge.recipients.formats import json_lines, parquet
from mailmerge.recipients.table import SheetRow
from tests.recipients.conftest import Desk

JSON = """{"email": "a@x.org", "price": 34.30, "id": 9007199254740993, "zip": "007"}

{"email": "b@x.org", "ok": true, "price": null, "n": 1e400}
{"email": "c@x.org", "tags": ["x"]}
"""


def test_json_keeps_every_digit(desk: Desk) -> None:
    desk.put(JSON)
    spreadsheet = desk.open()
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
def test_bad_json_is_named_with_its_line(desk: Desk, text: str, code: str, row: int | None) -> None:
    desk.put(text)
    assert (desk.problem().code, desk.problem().row) == (code, row)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_batches_of_any_size_give_the_same_rows(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    desk.put(JSON)
    whole = list(desk.open().records())
    monkeypatch.setattr(json_lines, "_BATCH", size)
    assert list(desk.open().records()) == whole
    frame().to_parquet(desk.folder / "people.csv")
    whole = list(desk.open(file="people.csv").records())
    monkeypatch.setattr(parquet, "_BATCH", size)
    assert list(desk.open(file="people.csv").records()) == whole


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "email": ["a@x.org", "b@x.org", None],
            "n": [1, None, 3],
            "price": [34.5, float("nan"), 1e16],
            "day": [dt.date(2026, 1, 2), None, None],
            "tags": [None, None, ["x"]],
            "ok": [True, False, True],
        }
    )


def test_parquet_is_read_as_text(desk: Desk) -> None:
    frame().to_parquet(desk.folder / "recipients.csv")
    records = list(desk.open().records())
    rows = [(row.number, list(row.cells.values())) for row in records if isinstance(row, SheetRow)]
    assert rows == [
        (1, ["a@x.org", "1", "34.5", "2026-01-02", "", "TRUE"]),
        (2, ["b@x.org", "", "", "", "", "FALSE"]),
    ]
    (problem,) = (item for item in records if isinstance(item, Problem))
    assert (problem.code, problem.row, problem.column) == ("cell-nested", 3, "tags")


def test_damaged_parquet_is_damage(desk: Desk) -> None:
    desk.put(b"PAR1" + bytes(100))
    assert desk.problem().code == "file-damaged"


def test_parquet_without_pyarrow_says_what_to_install(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.put(b"PAR1" + bytes(100))
    genuine: Callable[..., object] = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return genuine(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    problem = desk.problem()
    assert problem.code == "parquet-missing"
    assert "mailmerge-toolkit[parquet]" in problem.hint
