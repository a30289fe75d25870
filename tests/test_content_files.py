"""Files for messages are opened by one rule, and noted with their digests."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from mailmerge.content_files import ContentFiles
from mailmerge.paths import RefusedPath
from tests.open_files import needs_open_files, open_files


@pytest.fixture
def files(tmp_path: Path) -> ContentFiles:
    """A folder with a file in a folder, a list of addresses and a hard link to it."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("a")
    (tmp_path / "list.csv").write_text("email")
    os.link(tmp_path / "list.csv", tmp_path / "hard.csv")
    return ContentFiles(tmp_path, {"list.csv", "not-there.csv"})


def test_what_was_read_is_noted_under_its_normal_path(files: ContentFiles) -> None:
    assert files.read("./sub\\a.txt") == files.read("sub//a.txt") == b"a"
    assert dict(files.read_so_far) == {"sub/a.txt": files.digest("sub/a.txt")}


def test_first_content_is_the_one_that_is_noted(files: ContentFiles, tmp_path: Path) -> None:
    files.read("sub/a.txt")
    noted = files.digest("sub/a.txt")
    (tmp_path / "sub" / "a.txt").write_text("b")
    assert files.read("sub/a.txt") == b"b"
    assert files.read_so_far["sub/a.txt"] == noted != files.digest("sub/a.txt")


def test_nothing_is_noted_without_noting(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    files = ContentFiles(tmp_path, noting=False)
    assert files.read("a.txt") == b"a"
    assert not files.read_so_far


def test_missing_file_is_noted_until_it_is_there(files: ContentFiles, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.read("b.txt")
    assert files.read_so_far["b.txt"] == files.digest("b.txt") == ""
    (tmp_path / "b.txt").write_text("b")
    files.read("b.txt")
    assert files.read_so_far["b.txt"] == files.digest("b.txt") != ""


def test_bound_reads_one_byte_more(files: ContentFiles, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(bytes(1000))
    assert len(files.read("large", 10)) == 11
    assert len(files.read("large", 1000)) == 1000


@pytest.mark.parametrize(
    "path", ["list.csv", "LIST.CSV", "hard.csv", ".env", "../x", "/etc/passwd", "a\0b"]
)
def test_refused_file_is_neither_read_nor_noted(files: ContentFiles, path: str) -> None:
    with pytest.raises(RefusedPath) as caught:
        files.read(path)
    assert (caught.value.path, caught.value.filename) == (path, path)
    assert files.digest(path) == ""
    assert not files.read_so_far


@pytest.mark.parametrize("path", ["list.csv", ".env", "../x"])
def test_refused_file_is_no_missing_file(files: ContentFiles, path: str) -> None:
    with pytest.raises(RefusedPath):
        files.is_file(path)


def test_only_a_regular_file_is_a_file(files: ContentFiles, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert files.is_file("sub/a.txt")
    for path in ("sub", ".", "pipe", "gone", "sub/a.txt/b", "x" * 300):
        assert not files.is_file(path)
        with pytest.raises(OSError, match=r"not a|No such|Not a|too long") as caught:
            files.read(path)
        assert not isinstance(caught.value, RefusedPath)


@needs_open_files
def test_descriptors_are_closed(files: ContentFiles) -> None:
    before = open_files()
    for path in ("sub/a.txt", "sub", "hard.csv", "gone"):
        files.digest(path)
    assert open_files() == before


def test_equal_means_the_same_files(files: ContentFiles, tmp_path: Path) -> None:
    files.read("sub/a.txt")
    same = ContentFiles(tmp_path / "sub" / "..", ["not-there.csv", "list.csv"])
    assert (files == same, hash(files) == hash(same)) == (True, True)
    assert files != ContentFiles(tmp_path)
    assert files != ContentFiles(tmp_path / "sub", {"list.csv", "not-there.csv"})
    assert files != tmp_path


def test_a_name_in_another_unicode_form_is_the_same_file(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "Müller")
    (tmp_path / decomposed).mkdir()
    (tmp_path / decomposed / f"{decomposed}.pdf").write_bytes(b"x")
    files = ContentFiles(tmp_path)
    assert files.read("Müller/Müller.pdf") == b"x"
    assert files.is_file("Müller/Müller.pdf")
    with pytest.raises(FileNotFoundError):
        files.read("Müller/Möller.pdf")


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("bills/Bill_3.pdf", "bills/Bill_3.PDF"),
        ("Bill_3.pdf", "bills/Bill_3.PDF"),
        ("bills/Bil_3.pdf", "bills/Bill_3.PDF"),
        ("bills/other.docx", ""),
        ("recipients.CSV", ""),
    ],
)
def test_the_nearest_file_of_a_missing_one_is_found(tmp_path: Path, path: str, near: str) -> None:
    (tmp_path / "bills").mkdir()
    for name in ("bills/Bill_3.PDF", "recipients.csv", ".hidden.docx"):
        (tmp_path / name).write_bytes(b"x")
    assert ContentFiles(tmp_path, {"recipients.csv"}).nearest(path) == near
