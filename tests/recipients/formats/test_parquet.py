"""Parquet is read as text, and only with pyarrow."""

from __future__ import annotations

import builtins
import datetime as dt
from collections.abc import Callable

import pandas as pd
import pyarrow as pa
import pytest

from mailmerge.errors import Problem, SpreadsheetError
from mailmerge.recipients.formats.parquet import FORMAT
from mailmerge.recipients.table import BATCH_ROWS, SheetRow
from tests.faults import hostile_sheets
from tests.recipients.conftest import Folder


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


def test_every_value_becomes_text(folder: Folder) -> None:
    frame().to_parquet(folder.path / "recipients.csv")
    records = list(folder.open().records())
    rows = [(row.number, list(row.cells.values())) for row in records if isinstance(row, SheetRow)]
    assert rows == [
        (1, ["a@x.org", "1", "34.5", "2026-01-02", "", "TRUE"]),
        (2, ["b@x.org", "", "", "", "", "FALSE"]),
    ]
    (problem,) = (item for item in records if isinstance(item, Problem))
    assert (problem.code, problem.row, problem.column) == ("cell-nested", 3, "tags")


def test_a_damaged_file_is_an_error(folder: Folder) -> None:
    folder.put(b"PAR1" + bytes(100))
    assert folder.problem().code == "file-damaged"


def test_without_pyarrow_the_error_says_what_to_install(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.put(b"PAR1" + bytes(100))
    genuine: Callable[..., object] = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return genuine(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    problem = folder.problem()
    assert problem.code == "parquet-missing"
    assert "mailmerge-toolkit[parquet]" in problem.hint


def test_a_table_far_larger_than_its_file_is_refused(folder: Folder) -> None:
    hostile_sheets.parquet_rows(folder.path / "recipients.csv")
    problem = folder.problem()
    assert problem.code == "sheet-too-large"
    assert "30,000,000 rows of 1 columns" in problem.message


def test_a_shared_text_may_not_be_longer_than_a_cell(folder: Folder) -> None:
    texts = pa.DictionaryArray.from_arrays([0, 0], ["x" * 600_000])
    hostile_sheets.parquet(folder.path / "recipients.csv", email=["a@x.org", "b@x.org"], n=texts)
    problem = folder.problem()
    assert problem.code == "cell-too-long"
    assert "a cell of the column 'n'" in problem.message


def test_shared_texts_count_for_each_row(folder: Folder) -> None:
    texts = pa.DictionaryArray.from_arrays([0] * 12_000, ["x" * 100_000])
    emails = [f"p{n}@x.org" for n in range(12_000)]
    hostile_sheets.parquet(folder.path / "recipients.csv", email=emails, n=texts)
    with pytest.raises(SpreadsheetError, match="has texts far larger than the file") as caught:
        for _ in folder.open().rows():
            pass
    assert (caught.value.problem.code, caught.value.problem.row) != ("", None)


def test_shared_texts_are_read(folder: Folder) -> None:
    cities = pa.DictionaryArray.from_arrays([1, 0, None], ["Rome", "Paris"])
    emails = ["a@x.org", "b@x.org", "c@x.org"]
    hostile_sheets.parquet(folder.path / "recipients.csv", email=emails, city=cities)
    assert [row.cells["city"] for row in folder.open().rows()] == ["Paris", "Rome", ""]


def test_a_value_out_of_range_refuses_its_row(folder: Folder) -> None:
    columns = {
        "email": ["a@x.org", "b@x.org", "c@x.org"],
        "day": pa.array([10**12, 5, 5], pa.timestamp("s")),
        "n": [1.5, float("inf"), float("nan")],
    }
    hostile_sheets.parquet(folder.path / "recipients.csv", **columns)
    records = list(folder.open().records())
    found = [(one.code, one.row, one.column) for one in records if isinstance(one, Problem)]
    assert found == [("number-invalid", 1, "day"), ("number-invalid", 2, "n")]
    (row,) = (one for one in records if isinstance(one, SheetRow))
    assert (row.cells["day"], row.cells["n"]) == ("1970-01-01 00:00:05", "")


def test_more_rows_than_a_batch_keep_their_numbers(folder: Folder) -> None:
    count = BATCH_ROWS + 2
    pd.DataFrame({"email": [f"p{n}@x.org" for n in range(1, count + 1)]}).to_parquet(
        folder.path / "recipients.csv"
    )
    rows = list(folder.open().rows())
    assert [row.number for row in rows] == list(range(1, count + 1))
    assert rows[-1].cells["email"] == f"p{count}@x.org"


def test_a_parquet_file_is_recognized_by_its_signature() -> None:
    assert FORMAT.recognizes(b"PAR1\x15")
    assert not FORMAT.recognizes(b"PAR2")
