"""XLS workbooks are read with a warning, and protected ones are refused."""

from __future__ import annotations

import pytest

from mailmerge.recipients.audience import Recipient
from mailmerge.recipients.formats.old_workbook import FORMAT
from tests.recipients.conftest import Convert, Folder
from tests.recipients.workbooks import guests

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.real
def test_an_xls_file_is_read_with_a_warning(folder: Folder, convert: Convert) -> None:
    path = convert(guests(folder.path), "xls")
    path.rename(folder.path / "recipients.csv")
    assert (
        folder.problem().hint
        == "set skip_rows = 2 under [recipients], or delete the rows above the header"
    )
    (problem,) = folder.problems(skip_rows=2)
    assert (problem.severity, problem.code) == ("warning", "number-format")
    assert "id, price, day, share, ok, twice" in problem.message
    first = next(iter(folder.audience(skip_rows=2)))
    assert isinstance(first, Recipient)
    assert (first.row, list(first.cells.values())) == (
        4,
        ["a@x.org", "123", "34.3", "2026-01-02", "0.125", "TRUE", "246", "Zoë"],
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
