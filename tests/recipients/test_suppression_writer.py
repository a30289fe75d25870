"""The suppression writer: many addresses at once, each on disk before it is confirmed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mailmerge.errors import AddressError, SpreadsheetError
from mailmerge.recipients.suppression import SuppressionList
from mailmerge.recipients.suppression_writer import SuppressionWriter
from tests.full_disk import small_space


def test_address_is_added_once_in_any_spelling(tmp_path: Path) -> None:
    path = tmp_path / "suppressed.csv"
    writer = SuppressionWriter(path)
    assert writer.add("Ann@X.org", reason="unsubscribed").result(20)
    assert not writer.add("ann@x.org").result(20)
    with pytest.raises(AddressError):
        writer.add("no address").result(20)
    writer.close()
    assert path.read_bytes() == b"email,reason,date\r\nAnn@X.org,unsubscribed,\r\n"


def test_file_is_synced_before_an_address_is_confirmed(tmp_path: Path) -> None:
    path, seen = tmp_path / "suppressed.csv", list[bytes]()

    def sync(file: int) -> None:
        os.fsync(file)
        seen.append(path.read_bytes())

    writer = SuppressionWriter(path, sync=sync)
    writer.add("ann@x.org").result(20)
    assert b"ann@x.org" in seen[-1]
    writer.close()


def test_changes_of_other_programs_are_seen_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "suppressed.csv"
    path.write_bytes("Notiz;E-Mail;email\nä;;old@x.org".encode("cp1252"))
    writer, listed = SuppressionWriter(path), SuppressionList(path)
    assert writer.add("ann@x.org").result(20)
    assert listed.add(["bob@x.org"]) == ["bob@x.org"]
    assert not writer.add("bob@x.org").result(20)
    assert listed.remove(["ann@x.org"]) == ["ann@x.org"]
    assert writer.add("ann@x.org").result(20)
    writer.close()
    assert listed.identities() == {"old@x.org", "bob@x.org", "ann@x.org"}
    assert listed.entries()[0].cells["Notiz"] == "ä"


def test_row_that_fits_only_in_part_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "suppressed.csv"
    writer = SuppressionWriter(path)
    writer.add("ann@x.org").result(20)
    before = path.read_bytes()
    refused = pytest.raises(SpreadsheetError, match="cannot be written")
    with small_space(len(before) + 5), refused:
        writer.add("bob@x.org").result(20)
    assert path.read_bytes() == before
    assert writer.add("bob@x.org").result(20)
    writer.close()


def test_list_that_was_removed_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "suppressed.csv"
    writer = SuppressionWriter(path)
    writer.add("ann@x.org").result(20)
    path.unlink()
    assert writer.add("ann@x.org").result(20)
    writer.close()
    assert SuppressionList(path).identities() == {"ann@x.org"}


def test_full_disk_confirms_nothing_and_leaves_whole_rows(tmp_path: Path) -> None:
    path, full = tmp_path / "suppressed.csv", [False]

    def sync(file: int) -> None:
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")

    writer = SuppressionWriter(path, sync=sync)
    writer.add("ann@x.org").result(20)
    before, full[0] = path.read_bytes(), True
    with pytest.raises(SpreadsheetError, match="No space left"):
        writer.add("bob@x.org").result(20)
    assert path.read_bytes() == before
    full[0] = False
    assert writer.add("bob@x.org").result(20)
    writer.close()
