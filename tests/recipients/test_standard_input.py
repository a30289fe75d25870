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
from mailmerge.recipients.standard_input import StandardInput, standard_input
from tests.recipients.conftest import Desk


def stream_of(content: bytes) -> TextIO:
    return io.TextIOWrapper(io.BytesIO(content))


def test_every_pass_reads_the_same_rows(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stream_of(b"email\na@x.org\nb@x.org\n"))
    for _ in range(2):
        spreadsheet = desk.open(file="-")
        assert spreadsheet.file == "standard input"
        assert [row.number for row in spreadsheet.rows()] == [2, 3]
        assert [row.number for row in spreadsheet.rows()] == [2, 3]


def test_a_workbook_may_come_from_standard_input(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.DataFrame({"email": ["a@x.org", "b@x.org"], "n": [1, None]})
    frame.to_excel(desk.folder / "x.xlsx", index=False)
    monkeypatch.setattr(sys, "stdin", stream_of((desk.folder / "x.xlsx").read_bytes()))
    assert [row.cells["n"] for row in desk.open(file="-").rows()] == ["1", ""]


def test_another_stream_is_another_input(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = StandardInput()
    monkeypatch.setattr(sys, "stdin", stream_of(b"one"))
    read = [ours.was_read]
    first = ours.file()
    read.append(ours.was_read)
    assert ours.file() is first
    monkeypatch.setattr(sys, "stdin", stream_of(b"two"))
    read.append(ours.was_read)
    assert read == [False, True, False]
    assert ours.file().path.read_bytes() == b"two"


def test_standard_input_without_data_is_an_error(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = stream_of(b"")
    closed.close()
    ours, theirs = os.openpty()
    with os.fdopen(ours), os.fdopen(theirs) as terminal:
        for stream in (None, closed, terminal):
            monkeypatch.setattr(sys, "stdin", stream)
            with pytest.raises(CampaignError) as caught:
                desk.open(file="-")
            assert caught.value.problem.code == "no-standard-input"
            assert "pipe the spreadsheet" in caught.value.problem.hint


def test_the_copy_is_private(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stream_of(b"email\n"))
    path: Path = standard_input.file().path
    assert path.stat().st_mode & 0o777 == 0o600
