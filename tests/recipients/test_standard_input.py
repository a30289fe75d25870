"""Standard input is read once and can then be read as often as wanted."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TextIO

import pandas as pd
import pytest

from mailmerge.errors import CampaignError
from mailmerge.recipients.standard_input import standard_input
from tests.platforms import assert_private, on_posix
from tests.recipients.conftest import Folder


def stream_of(content: bytes) -> TextIO:
    return io.TextIOWrapper(io.BytesIO(content))


def test_every_pass_reads_the_same_rows(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stream_of(b"email\na@x.org\nb@x.org\n"))
    for _ in range(2):
        spreadsheet = folder.open(file="-")
        assert spreadsheet.file == "standard input"
        assert [row.number for row in spreadsheet.rows()] == [2, 3]
        assert [row.number for row in spreadsheet.rows()] == [2, 3]


def test_a_workbook_may_come_from_standard_input(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.DataFrame({"email": ["a@x.org", "b@x.org"], "n": [1, None]})
    frame.to_excel(folder.path / "x.xlsx", index=False)
    monkeypatch.setattr(sys, "stdin", stream_of((folder.path / "x.xlsx").read_bytes()))
    assert [row.cells["n"] for row in folder.open(file="-").rows()] == ["1", ""]


def test_another_stream_is_another_input(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = standard_input
    monkeypatch.setattr(sys, "stdin", stream_of(b"one"))
    read = [ours.was_read]
    first = ours.file()
    read.append(ours.was_read)
    assert ours.file() is first
    monkeypatch.setattr(sys, "stdin", stream_of(b"two"))
    read.append(ours.was_read)
    assert read == [False, True, False]
    assert ours.file().path.read_bytes() == b"two"


@on_posix
def test_standard_input_without_data_is_an_error(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = stream_of(b"")
    closed.close()
    ours, theirs = os.openpty()
    with os.fdopen(ours), os.fdopen(theirs) as terminal:
        for stream in (None, closed, terminal):
            monkeypatch.setattr(sys, "stdin", stream)
            with pytest.raises(CampaignError) as caught:
                folder.open(file="-")
            assert caught.value.problem.code == "no-standard-input"
            assert "pipe the spreadsheet" in caught.value.problem.hint


def test_the_copy_is_private(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stream_of(b"email\n"))
    path: Path = standard_input.file().path
    assert_private(path)
