"""XLS workbooks are read with their formats, protected and very old ones are refused."""

from __future__ import annotations

import pytest

from mailmerge.recipients.audience import Recipient
from mailmerge.recipients.formats.old_workbook import FORMAT
from tests.recipients.conftest import Convert, Folder
from tests.recipients.workbooks import guests

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.real
def test_an_xls_file_is_read_as_its_program_shows_it(folder: Folder, convert: Convert) -> None:
    path = convert(guests(folder.path), "xls")
    path.rename(folder.path / "recipients.csv")
    assert (
        folder.problem().hint
        == "set skip_rows = 2 under [recipients], or delete the rows above the header"
    )
    (problem,) = folder.problems(skip_rows=2, locale="en-US")
    assert (problem.severity, problem.code) == ("warning", "rows-hidden")
    rows = [one.row for one in folder.audience(skip_rows=2, hidden_rows=False)]
    assert rows == [4, 6]
    first = next(iter(folder.audience(skip_rows=2)))
    assert isinstance(first, Recipient)
    assert (first.row, list(first.cells.values())) == (
        4,
        ["a@x.org", "00123", "34.30", "02.01.2026", "12.5%", "TRUE", "246", "Zoë"],
    )


def test_an_ole_file_without_a_workbook_is_damaged(folder: Folder) -> None:
    folder.put(OLE + bytes(3 << 20))
    assert folder.problem().code == "file-damaged"


def test_protection_is_found_anywhere_in_the_file(folder: Folder) -> None:
    mark = "EncryptedPackage".encode("utf-16-le")
    for offset in ((1 << 20) - 8 - 5, 1 << 20, 2000):
        folder.put(OLE + bytes(offset) + mark + bytes(2000))
        assert folder.problem().code == "file-protected"


def test_an_ole_file_is_recognized_by_its_signature() -> None:
    assert FORMAT.recognizes(OLE + bytes(100))
    assert not FORMAT.recognizes(OLE[:-1])


@pytest.mark.parametrize(
    "start", [b"\x09\x00\x04\x00\x02\x00", b"\x09\x02\x06\x00", b"\x09\x04\x06\x00"]
)
def test_a_workbook_of_excel_2_to_4_is_named(folder: Folder, start: bytes) -> None:
    folder.put(start + bytes(100))
    assert folder.problem().code == "format-unknown"
    assert "Excel 2, 3 or 4" in folder.problem().message
